"""Compares the gateway's UserSigs with those of the vendor's own package.

usage: usersig.py BINARY FOLDER   (tls-sig-api-v2 installed; FOLDER is written to)
"""

import base64
import json
import pathlib
import subprocess
import sys
import zlib
from unittest import mock

import TLSSigAPIv2

CASES = [
    (1400000000, "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e", "xiaojun", 3600),
    (1400000000, "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e", "administrator", 86400),
    (88888888, "secret", "admin", 604800),
    (1400000000, "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e", '管理员"\\', 600),
]


def decode(usersig):
    packed = usersig.replace("*", "+").replace("-", "/").replace("_", "=")
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def ours(binary, folder, app, key, identifier, expire):
    (folder / "key").write_text(key)
    config = folder / "gateway.toml"
    config.write_text(
        f'[[apps]]\nname = "a"\nsdk_app_id = {app}\nidentifier = {json.dumps(identifier, ensure_ascii=False)}\n'
        f'secret_key_file = {json.dumps(str(folder / "key"))}\nregion = "singapore"\n'
    )
    command = [binary, "usersig", "--config", str(config), "--expire", f"{expire}s"]
    return decode(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def main(binary, folder):
    folder = pathlib.Path(folder)
    for app, key, identifier, expire in CASES:
        made = ours(binary, folder, app, key, identifier, expire)
        with mock.patch("time.time", return_value=made["TLS.time"]):
            theirs = decode(TLSSigAPIv2.TLSSigAPIv2(app, key).gen_sig(identifier, expire))
        assert made == theirs, (made, theirs)
    print(f"python: {len(CASES)} UserSigs equal those of the vendor's package")


main(sys.argv[1], sys.argv[2])
