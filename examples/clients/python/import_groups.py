"""Imports groups through the gateway: one with a unary call, then many over a stream.

usage: [TOKEN=...] import_groups.py HOST:PORT [ITEMS]
"""

import json
import os
import sys
import time
import uuid

import grpc
from google.rpc import error_details_pb2 as details_pb
from grpc_status import rpc_status

from groupimport.v1 import group_import_pb2 as pb
from groupimport.v1 import group_import_pb2_grpc as pb_grpc

# gRPC itself sends a call again on these two, and heeds the gateway's pushback trailer. Safe only because every request
# here has a key: gRPC says UNAVAILABLE by itself too, where a connection breaks and the group may have been made.
# Not for the stream: that is gone on with below.
SERVICE_CONFIG = json.dumps({
    "methodConfig": [{
        "name": [{"service": "groupimport.v1.GroupImport", "method": "ImportGroup"}],
        "retryPolicy": {
            "maxAttempts": 5,
            "initialBackoff": "0.2s",
            "maxBackoff": "5s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
        },
    }]
})

ATTEMPTS = 5
METADATA = [("authorization", "Bearer " + os.environ["TOKEN"])] if "TOKEN" in os.environ else []


def detail(status, message):
    """The detail of this message's type in a google.rpc.Status, or None."""
    return next((message for any_ in status.details if any_.Unpack(message)), None) if status else None


def wait_before_retry(code, status):
    """Seconds until a request with a key may be sent again, or None where that would not help."""
    info = detail(status, details_pb.ErrorInfo())
    if info is None:  # Not from the gateway: the connection broke, or our own deadline came. A key makes it safe.
        return 1 if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED) else None
    if info.metadata["retry"] == "after":
        retry = detail(status, details_pb.RetryInfo())
        return retry.retry_delay.ToMilliseconds() / 1000 if retry else 1
    # "unread": a group of this ID stands, and the gateway could not see whose it is. A repeat looks again.
    return 1 if info.metadata["retry"] == "yes" or info.metadata["existing"] == "unread" else None


def explain(status):
    """What to tell a human about an error that no repeat cures."""
    info = detail(status, details_pb.ErrorInfo())
    if info is None:
        return status.message if status else "no details"
    text = f"{info.reason}: {status.message}"
    if bad := detail(status, details_pb.BadRequest()):
        text += "".join(f"\n  {violation.field}: {violation.description}" for violation in bad.field_violations)
    if info.metadata["applied"] == "unknown":
        text += "\n  it may have been imported all the same: look before anything else is done about it"
    return text


def import_one(stub, request):
    """Imports one group with a key. What it raises, no repeat cures."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return stub.ImportGroup(request, timeout=10, metadata=METADATA)
        except grpc.RpcError as error:
            wait = wait_before_retry(error.code(), rpc_status.from_call(error))
            if wait is None or attempt == ATTEMPTS:
                raise
            time.sleep(wait)


def import_many(stub, requests):
    """Imports requests with keys over a stream, and over another if it breaks.

    Returns the answers and the errors by item ID; what no answer came for is in neither.
    """
    todo, imported, failed = dict(requests), {}, {}
    for _ in range(ATTEMPTS):
        wait = 1
        try:
            # gRPC takes the next item only once HTTP/2 has room for it: this is the back-pressure.
            items = (pb.ImportGroupsRequest(item_id=id_, request=request) for id_, request in list(todo.items()))
            for answer in stub.ImportGroups(items, metadata=METADATA):
                if answer.WhichOneof("outcome") == "imported":
                    imported[answer.item_id] = answer.imported
                elif (item_wait := wait_before_retry(None, answer.error)) is not None:
                    wait = max(wait, item_wait)  # It stays among what is to do.
                    continue
                else:
                    failed[answer.item_id] = answer.error
                del todo[answer.item_id]
        except grpc.RpcError as error:
            wait = wait_before_retry(error.code(), rpc_status.from_call(error))
        if not todo or wait is None:
            break
        time.sleep(wait)
    return imported, failed


def request(name):
    """A request whose request_id was made once, and goes along with every repeat."""
    group = pb.Group(type=pb.GROUP_TYPE_PUBLIC, name=name)
    return pb.ImportGroupRequest(group=group, request_id=str(uuid.uuid4()))


def main(target, items="300"):
    with grpc.insecure_channel(target, [("grpc.service_config", SERVICE_CONFIG)]) as channel:
        stub = pb_grpc.GroupImportStub(channel)

        first = request("From Python")
        reply = import_one(stub, first)
        print("imported", reply.group_id, "(it stood already)" if reply.reconciled else "")
        again = import_one(stub, first)
        print("imported again:", again.group_id, "(it stood already)" if again.reconciled else "")

        try:
            import_one(stub, request("A name of more than thirty bytes"))
        except grpc.RpcError as error:
            print("refused with", error.code().name, explain(rpc_status.from_call(error)))
        else:
            sys.exit("a name that is too long was taken")

        requests = {f"item {n}": request(f"Group {n}") for n in range(int(items))}
        requests["bad"] = request("")
        imported, failed = import_many(stub, requests)
        print(len(imported), "of", len(requests), "items imported")
        for item_id, status in failed.items():
            print(item_id, "refused with", explain(status))

    same = again.reconciled and again.group_id == reply.group_id
    if not same or len(imported) != int(items) or list(failed) != ["bad"]:
        sys.exit("not all is as it should be")


if __name__ == "__main__":
    main(*sys.argv[1:])
