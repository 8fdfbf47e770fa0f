"""Counts what a call costs in instructions, and holds it against what is allowed.

Instructions, not time: they are the same on a busy machine. A compiler or a library changes them for the gateway and
for the bare handler of examples/bench alike, so what is held is the gateway's count as a multiple of that handler's.
Started by `run`, which says what it needs.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples/bench"))

import load  # noqa: E402
from subjects import Bare, Gateway  # noqa: E402

# More than the count changes from run to run, which is half a percent.
ALLOWANCE = 0.02
LOADS = {"unary call": [], "stream item": ["--stream"]}


def imported(options, running, calls_per_second, seconds, *kind):
    """How many groups a load imported."""
    pace = ["--calls-per-second", str(calls_per_second), "--seconds", str(seconds)]
    return load.run(options.helpers, running.port, *pace, *kind)["calls"]["imported"]


def count(subject, kind, options, chat):
    """Instructions a call."""
    work = pathlib.Path(options.work) / f"{subject.name}-{time.monotonic_ns()}"
    work.mkdir()
    with subject.start(options, work, chat, wrapper=callgrind(work)) as running:
        imported(options, running, 50, 1, *kind)
        instrument(running, "on")
        calls = imported(options, running, 200, 4, *kind)
        instrument(running, "off")
    log = (work / "callgrind.log").read_text()
    return int(re.findall(r"Collected : (\d+)", log)[-1]) / calls


def callgrind(work):
    return ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={work}/callgrind.out",
            f"--log-file={work}/callgrind.log"]


def instrument(running, how):
    subprocess.run(["callgrind_control", "-i", how, str(running.child.pid)], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, help="the folder with the gateway and the bare handler, optimised")
    parser.add_argument("--helpers", required=True, help="the folder with mock and load")
    parser.add_argument("--work", required=True)
    options = parser.parse_args()
    options.programs = os.path.abspath(options.programs)
    # One worker, so that no count depends on who wakes whom.
    os.environ["TOKIO_WORKER_THREADS"] = "1"
    allowed = json.loads((HERE / "allowed.json").read_text())
    mock, chat = load.mock(options.helpers, options.work)
    with mock:
        bare = count(Bare(), LOADS["unary call"], options, chat)
        counts = {name: count(Gateway(), kind, options, chat) for name, kind in LOADS.items()}
    print(f"{'bare handler':12} {bare:10,.0f} instructions a call")
    failed = False
    for name, instructions in counts.items():
        ratio, most = instructions / bare, allowed[name]
        verdict = "as allowed"
        if ratio > most * (1 + ALLOWANCE):
            verdict, failed = "MORE THAN ALLOWED", True
        elif ratio < most * (1 - ALLOWANCE):
            verdict = "less than allowed: lower the figure in tests/instructions/allowed.json"
        print(f"{name:12} {instructions:10,.0f} instructions, {ratio:.3f} of the bare handler's; {most:.3f} {verdict}")
    if failed:
        sys.exit("a call costs more than it did: see where with callgrind_annotate, or say why it must and allow it")


main()
