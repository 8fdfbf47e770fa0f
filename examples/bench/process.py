"""A process that is measured from outside, by what the kernel says of it."""

import contextlib
import signal
import socket
import subprocess
import time
import urllib.request


def accepts(port):
    """Whether something listens there."""
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def says_ready(port):
    """Whether an admin port says that all is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


class Process:
    """Runs from `__init__`, where it becomes ready, to the end of a `with`."""

    def __init__(self, command, log, ready, port=None, folder=None):
        self.port = port
        since = time.monotonic()
        with open(log, "ab") as out:
            self.child = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
        while not ready():
            if self.child.poll() is not None or time.monotonic() > since + 30:
                raise RuntimeError(f"{command} is not ready: see {log}")
            time.sleep(0.0005)
        self.ready_ms = (time.monotonic() - since) * 1e3

    def memory(self):
        """Resident, in MiB."""
        with open(f"/proc/{self.child.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def processor_time(self):
        """User's and system's together so far, in seconds."""
        # clock_getcpuclockid(3) of the process, whose resolution is a nanosecond; /proc has ticks of 10 ms.
        return time.clock_gettime((~self.child.pid << 3) | 2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
