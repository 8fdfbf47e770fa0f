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

import process  # noqa: E402
from subjects import Bare, Gateway, free_port  # noqa: E402

# More than the count changes from run to run, which is half a percent.
ALLOWANCE = 0.02
CALLS_PER_SECOND, SECONDS = 200, 4
CALLS = ["--calls-per-second", str(CALLS_PER_SECOND), "--seconds", str(SECONDS)]
LOADS = {"unary call": CALLS, "stream item": [*CALLS, "--stream"]}


def load(helpers, port, arguments):
    """How many groups were imported; each must be."""
    command = [f"{helpers}/load", f"http://127.0.0.1:{port}", "--json", "--group-ids"]
    command += ["--token", "a-token-of-the-benchmark", *arguments]
    calls = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["calls"]
    if calls["refused"] or not calls["imported"]:
        sys.exit(f"calls failed: {calls}")
    return calls["imported"]


def count(subject, arguments, options, chat):
    """Instructions a call."""
    work = pathlib.Path(options.work) / f"{subject.name}-{time.monotonic_ns()}"
    work.mkdir()
    with subject.start(options, work, chat, wrapper=callgrind(work)) as running:
        load(options.helpers, running.port, ["--calls-per-second", "50", "--seconds", "1", *arguments[4:]])
        instrument(running, "on")
        calls = load(options.helpers, running.port, arguments)
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
    chat = free_port()
    mock = process.Process([f"{options.helpers}/mock", f"127.0.0.1:{chat}"], f"{options.work}/mock.log",
                           lambda: process.accepts(chat))
    with mock:
        bare = count(Bare(), LOADS["unary call"], options, chat)
        counts = {name: count(Gateway(), arguments, options, chat) for name, arguments in LOADS.items()}
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
