"""Sends calls at a steady 600 a second for a few seconds, after a pause, whatever becomes of them.

usage: load.py NAME PORT SECONDS   (the generated modules on PYTHONPATH)
"""

import sys
import threading
import time

import grpc
from groupimport.v1 import group_import_pb2 as pb
from groupimport.v1 import group_import_pb2_grpc as pb_grpc

RATE = 600


def request(name):
    return pb.ImportGroupRequest(group=pb.Group(type=pb.GROUP_TYPE_PUBLIC, group_id=f"g{name}", name="n"))


def main(name, port, seconds):
    client = pb_grpc.GroupImportStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    client.ImportGroup(request("first"), timeout=5, wait_for_ready=True)
    time.sleep(2)  # a bucket is full after it, and a window empty
    done, all_done = [], threading.Event()
    total = RATE * seconds

    def ended(call):
        done.append(call.code())
        if len(done) == total:
            all_done.set()

    since = time.monotonic()
    for i in range(total):
        client.ImportGroup.future(request(i), timeout=5).add_done_callback(ended)
        time.sleep(max(0.0, since + i / RATE - time.monotonic()))
    all_done.wait(10)
    ok = sum(code == grpc.StatusCode.OK for code in done)
    print(f"{name}: {total} sent in {seconds} s, {ok} answered OK", file=sys.stderr)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
