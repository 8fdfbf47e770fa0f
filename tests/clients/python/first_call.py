"""Imports one group through a gateway, and reads the details of an error.

usage: first_call.py HOST:PORT   (the generated modules on PYTHONPATH)
"""

import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from groupimport.v1 import group_import_pb2 as pb
from groupimport.v1 import group_import_pb2_grpc as pb_grpc


def details(error):
    """The details of an error, by their types' names."""
    status = rpc_status.from_call(error)
    found = {}
    for any_ in status.details:
        name = any_.TypeName().rsplit(".", 1)[-1]
        message = getattr(error_details_pb2, name)()
        any_.Unpack(message)
        found[name] = message
    return found


def main(target):
    with grpc.insecure_channel(target) as channel:
        stub = pb_grpc.GroupImportStub(channel)
        group = pb.Group(type=pb.GROUP_TYPE_PUBLIC, group_id="from-python", name="From Python")
        reply = stub.ImportGroup(pb.ImportGroupRequest(group=group), timeout=10)
        assert reply.group_id == "from-python", reply

        bad = pb.Group(group_id="@TGS#mine", name="n" * 31)
        try:
            stub.ImportGroup(pb.ImportGroupRequest(group=bad), timeout=10)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            found = details(error)
            info = found["ErrorInfo"]
            assert info.domain == "group-import-gateway", info
            assert info.reason == "INVALID_REQUEST", info
            assert info.metadata["applied"] == "no", info
            fields = [violation.field for violation in found["BadRequest"].field_violations]
            assert fields == ["group.type", "group.group_id", "group.name"], fields
        else:
            raise AssertionError("a bad group was imported")
        print("python: imported", reply.group_id, "and read an error's details")


main(sys.argv[1])
