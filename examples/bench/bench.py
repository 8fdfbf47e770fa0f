"""Measures the gateway, a bare handler and Envoy in turn, round after round, and prints a table.

Started by `run`, which says what it needs. What is near in time is compared: each ratio is of one round, so that
whatever else the machine does hits both sides of it.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

import process
import table
from subjects import SUBJECTS, free_port

# As h2load's usual 4 connections with 8 streams each: enough for two cores, and no queue to speak of.
SATURATION = ["--in-flight", "32", "--connections", "4"]
CROWD = 1000
# So long that the crowd is complete and at rest in between; below every time-out on the way.
CROWD_LATENCY_MS = 2500


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path(options.work)

    def mock(self, latency_ms):
        port = free_port()
        command = [f"{self.options.programs}/examples/mock", f"127.0.0.1:{port}", str(latency_ms)]
        return process.Process(command, self.work / "mock.log", lambda: process.accepts(port)), port

    def load(self, port, *arguments):
        command = [f"{self.options.programs}/examples/load", f"http://127.0.0.1:{port}", "--json", "--group-ids"]
        command += ["--token", "a-token-of-the-benchmark", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def finish(self, load):
        """What came of a load; a call that failed would make the figures worthless."""
        text, _ = load.communicate(timeout=120)
        summary = json.loads(text)
        failed = sum(part["refused"] for part in summary.values())
        if load.returncode or failed:
            sys.exit(f"{failed} calls failed: {text}")
        return summary

    def round(self, subject):
        """All figures of one subject."""
        seconds = str(self.options.seconds)
        mock, chat = self.mock(0)
        with mock, subject.start(self.options, self.work, chat) as running:
            figures = {"ready, ms": running.ready_ms}
            time.sleep(2)
            figures["memory idle, MiB"] = running.memory()
            self.finish(self.load(running.port, *SATURATION, "--seconds", "1"))

            before = running.processor_time()
            calls = self.finish(self.load(running.port, *SATURATION, "--seconds", seconds))["calls"]
            figures["processor time a call at full speed, µs"] = (running.processor_time() - before) / calls["imported"] * 1e6
            figures["calls a second at full speed"] = calls["imported"] / calls["seconds"]
            figures["p50 at full speed, ms"], figures["p99 at full speed, ms"] = calls["p50_ms"], calls["p99_ms"]
            figures["memory loaded, MiB"] = running.memory()

            before = running.processor_time()
            steady = ["--calls-per-second", "200", "--seconds", seconds, "--direct", f"http://127.0.0.1:{chat}"]
            both = self.finish(self.load(running.port, *steady))
            calls, direct = both["calls"], both["direct"]
            figures["processor time a call at 200/s, µs"] = (running.processor_time() - before) / calls["imported"] * 1e6
            figures["p50 added at 200/s, ms"] = calls["p50_ms"] - direct["p50_ms"]
            figures["p99 added at 200/s, ms"] = calls["p99_ms"] - direct["p99_ms"]
            figures["p50 of a direct call, ms"] = direct["p50_ms"]
        figures["memory with 1,000 in flight, MiB"] = self.crowd(subject)
        figures["binary, MB"] = subject.binary(self.options).stat().st_size / 1e6
        return figures

    def crowd(self, subject):
        """Memory while 1,000 calls over 100 connections wait for Chat."""
        mock, chat = self.mock(CROWD_LATENCY_MS)
        with mock, subject.start(self.options, self.work, chat) as running:
            load = self.load(running.port, "--in-flight", str(CROWD), "--connections", "100", "--seconds", "3")
            time.sleep(2)
            memory = running.memory()
            self.finish(load)
        return memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--only", nargs="*", help="of the subjects")
    options = parser.parse_args()
    bench = Bench(options)
    subjects = [subject for subject in SUBJECTS if not options.only or subject.name in options.only]
    rounds = []
    for number in range(options.rounds):
        turn = number % len(subjects)
        order = subjects[turn:] + subjects[:turn]
        rounds.append({subject.name: bench.round(subject) for subject in order})
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    print(table.text(rounds, [subject.name for subject in subjects]))


main()
