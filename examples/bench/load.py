"""The load, examples/load, and the mock of Chat, mock.rs: what every subject stands between."""

import json
import subprocess
import sys

import process
from subjects import TOKEN, free_port


def mock(programs, work, latency_ms=0):
    """A mock, and its port."""
    port = free_port()
    command = [f"{programs}/mock", f"127.0.0.1:{port}", str(latency_ms)]
    return process.Process(command, f"{work}/mock.log", lambda: process.accepts(port)), port


def start(programs, port, *arguments):
    """A load on a port; `finish` ends it."""
    command = [f"{programs}/load", f"http://127.0.0.1:{port}", "--json", "--group-ids", "--token", TOKEN, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run(programs, port, *arguments):
    """A load to its end."""
    return finish(start(programs, port, *arguments))


def finish(load):
    """What came of a load; a call that failed would make the figures worthless."""
    text, _ = load.communicate(timeout=120)
    summary = json.loads(text)
    failed = sum(part["refused"] for part in summary.values())
    if load.returncode or failed or not summary["calls"]["imported"]:
        sys.exit(f"{failed} calls failed: {text}")
    return summary
