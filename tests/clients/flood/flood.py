"""Streams the smallest items as fast as it can, and sees each answered once and the gateway's memory stay flat.

usage: flood.py HOST:PORT PID [SECONDS]   (PID: the gateway's; SECONDS: when to stop sending, else after 100,000 items)
"""

import sys
import threading
import time

import grpc

from groupimport.v1 import group_import_pb2 as pb
from groupimport.v1 import group_import_pb2_grpc as pb_grpc

ITEMS = 100_000
# At full speed some thousand calls to Chat are under way, each on a connection, and take most of this.
MOST_KIB = 128 * 1024
# By how much the gateway may grow in the second half, when those connections are open.
GROWTH_KIB = 16 * 1024


def memory_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def main(target, pid, seconds=None):
    request = pb.ImportGroupRequest(group=pb.Group(type=pb.GROUP_TYPE_PUBLIC, name="g"))
    start, sent, memory, over = time.monotonic(), 0, [], threading.Event()

    def items():
        nonlocal sent
        while sent < ITEMS and not (seconds and time.monotonic() - start > float(seconds)):
            sent += 1
            yield pb.ImportGroupsRequest(item_id=str(sent), request=request)

    def watch():
        while not over.wait(0.25):
            memory.append(memory_kib(pid))

    threading.Thread(target=watch, daemon=True).start()
    answered = set()
    with grpc.insecure_channel(target) as channel:
        # An error here is a stream that did not end well: a closed connection, say.
        for answer in pb_grpc.GroupImportStub(channel).ImportGroups(items()):
            assert answer.WhichOneof("outcome") == "imported", answer
            assert answer.item_id not in answered, answer
            answered.add(answer.item_id)
    took = time.monotonic() - start
    over.set()

    half = len(memory) // 2
    first, second = max(memory[:half]), max(memory[half:])
    print(f"python: {len(answered)} of {sent} items answered once, in {took:.1f} s ({len(answered) / took:.0f}/s); "
          f"the gateway's memory in MiB: {memory[0] >> 10} at first, "
          f"at most {first >> 10} in the first half and {second >> 10} in the second")
    assert len(answered) == sent, "items without an answer"
    assert seconds or sent == ITEMS, "not all was sent"
    assert max(first, second) < MOST_KIB and second - first < GROWTH_KIB, f"the gateway's memory grew: {memory}"


main(*sys.argv[1:])
