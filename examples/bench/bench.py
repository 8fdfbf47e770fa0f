"""Measures the gateway, a bare handler and Envoy in turn, round after round, and prints a table.

Started by `run`, which says what it needs. What is near in time is compared: at full speed the subjects take turns of
a second, and each ratio is of one round, so that whatever else the machine does hits both sides of it.
"""

import argparse
import contextlib
import pathlib
import sys
import time
from statistics import median

import load
import table
from subjects import SUBJECTS

# As h2load's usual 4 connections with 8 streams each: enough for two cores, and no queue to speak of.
SATURATION = ["--in-flight", "32", "--connections", "4"]
CROWD = 1000
# So long that the crowd is complete and at rest in between; below every time-out on the way.
CROWD_LATENCY_MS = 2500


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path(options.work)
        self.programs = f"{options.programs}/examples"

    def mock(self, latency_ms=0):
        return load.mock(self.programs, self.work, latency_ms)

    def load(self, port, *arguments):
        return load.run(self.programs, port, *arguments)

    def start(self, subject, chat):
        folder = self.work / subject.name
        folder.mkdir(exist_ok=True)
        return subject.start(self.options, folder, chat)

    def round(self, subjects):
        """All figures of all subjects."""
        figures = {subject.name: {} for subject in subjects}
        mock, chat = self.mock()
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock)
            running = {subject.name: stack.enter_context(self.start(subject, chat)) for subject in subjects}
            time.sleep(2)
            for name, it in running.items():
                figures[name]["ready, ms"] = it.ready_ms
                figures[name]["memory idle, MiB"] = it.memory()
                self.load(it.port, *SATURATION, "--seconds", "1")
            self.saturate(running, figures)
            for name, it in running.items():
                self.steady(it, chat, figures[name])
        for subject in subjects:
            figures[subject.name]["memory with 1,000 in flight, MiB"] = self.crowd(subject)
            figures[subject.name]["binary, MB"] = subject.binary(self.options).stat().st_size / 1e6
        return figures

    def saturate(self, running, figures):
        """As many calls as it can take, each subject for a second in turn."""
        seen = {name: [] for name in running}
        for _ in range(self.options.seconds):
            for name, it in running.items():
                before = it.processor_time()
                calls = self.load(it.port, *SATURATION, "--seconds", "1")["calls"]
                seen[name].append((it.processor_time() - before, calls))
        for name, it in running.items():
            made = sum(calls["imported"] for _, calls in seen[name])
            own = figures[name]
            own["processor time a call at full speed, µs"] = sum(spent for spent, _ in seen[name]) / made * 1e6
            own["calls a second at full speed"] = made / sum(calls["seconds"] for _, calls in seen[name])
            own["p50 at full speed, ms"] = median(calls["p50_ms"] for _, calls in seen[name])
            own["p99 at full speed, ms"] = median(calls["p99_ms"] for _, calls in seen[name])
            own["memory loaded, MiB"] = it.memory()

    def steady(self, it, chat, own):
        """200 calls a second, and as many straight to the mock in between."""
        before = it.processor_time()
        steady = ["--calls-per-second", "200", "--seconds", str(self.options.seconds)]
        both = self.load(it.port, *steady, "--direct", f"http://127.0.0.1:{chat}")
        calls, direct = both["calls"], both["direct"]
        own["processor time a call at 200/s, µs"] = (it.processor_time() - before) / calls["imported"] * 1e6
        own["p50 added at 200/s, ms"] = calls["p50_ms"] - direct["p50_ms"]
        own["p99 added at 200/s, ms"] = calls["p99_ms"] - direct["p99_ms"]
        own["p50 of a direct call, ms"] = direct["p50_ms"]

    def crowd(self, subject):
        """Memory while 1,000 calls over 100 connections wait for Chat."""
        mock, chat = self.mock(CROWD_LATENCY_MS)
        with mock, self.start(subject, chat) as running:
            calls = ["--in-flight", str(CROWD), "--connections", "100", "--seconds", "3"]
            crowd = load.start(self.programs, running.port, *calls)
            time.sleep(2)
            memory = running.memory()
            load.finish(crowd)
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
        rounds.append(bench.round(order))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    print(table.text(rounds, [subject.name for subject in subjects]))


main()
