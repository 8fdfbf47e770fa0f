"""What is measured, and how each is started in front of a mock of Chat, behind a wrapper where one is given."""

import hashlib
import pathlib
import socket
import subprocess
import sys

import process

HERE = pathlib.Path(__file__).parent
SDK_APP_ID, ADMIN = "1400000000", "administrator"
TOKEN = "a-token-of-the-benchmark"
# So high that no limiter is ever what is waited for; each still counts every call.
RATE = 1_000_000

CONFIG = """
[server]
listen = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:{admin}"
[[apps]]
name = "prod"
sdk_app_id = {app}
identifier = "{identifier}"
secret_key_file = "key"
base_url = "http://127.0.0.1:{chat}"
calls_per_second = {rate}
[[callers]]
name = "bench"
token_sha256 = ["{token}"]
apps = ["prod"]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configure(work, chat):
    """The gateway's configuration; its ports are the answer."""
    port, admin = free_port(), free_port()
    (work / "key").write_text("a-key-for-the-mock")
    token = hashlib.sha256(TOKEN.encode()).hexdigest()
    text = CONFIG.format(port=port, admin=admin, app=SDK_APP_ID, identifier=ADMIN, chat=chat, rate=RATE, token=token)
    (work / "gateway.toml").write_text(text)
    return port, admin


class Gateway:
    """All of it: a caller's token, admission, signing, metrics, and a line in a log file for each call."""

    name = "gateway"

    @staticmethod
    def binary(options):
        return pathlib.Path(options.programs) / "group-import-gateway"

    def start(self, options, work, chat, wrapper=()):
        port, admin = configure(work, chat)
        command = [*wrapper, self.binary(options), "serve", "--config", "gateway.toml"]
        return process.Process(command, work / "gateway.log", lambda: process.says_ready(admin), port, work)


class Bare:
    """Decodes, posts, answers."""

    name = "bare"

    @staticmethod
    def binary(options):
        return pathlib.Path(options.programs) / "bare"

    def start(self, options, work, chat, wrapper=()):
        port = free_port()
        command = [*wrapper, self.binary(options), f"127.0.0.1:{port}", f"http://127.0.0.1:{chat}"]
        return process.Process(command, work / "bare.log", lambda: process.accepts(port), port)


class Envoy:
    """Its reverse transcoder, with a signature that is made beforehand; no log of calls."""

    name = "Envoy"

    @staticmethod
    def binary(options):
        return pathlib.Path(options.envoy)

    def start(self, options, work, chat):
        configure(work, chat)
        usersig = subprocess.run(
            [Gateway.binary(options), "usersig", "--config", "gateway.toml"],
            cwd=work, check=True, capture_output=True, text=True,
        ).stdout.strip()
        port = free_port()
        arguments = [f"127.0.0.1:{chat}", usersig, SDK_APP_ID, ADMIN, port, pathlib.Path(options.work) / "peer.pb", RATE]
        config = [sys.executable, HERE.parent / "envoy/config.py", *map(str, arguments)]
        with open(work / "envoy.json", "w") as out:
            subprocess.run(config, check=True, stdout=out)
        command = [self.binary(options), "-c", work / "envoy.json", "--concurrency", "2", "-l", "warn"]
        command += ["--disable-hot-restart"]
        return process.Process(command, work / "envoy.log", lambda: process.accepts(port), port)


SUBJECTS = [Gateway(), Bare(), Envoy()]
