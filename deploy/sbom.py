"""Checks an SBOM: that it keeps CycloneDX' schema, and names every crate that the build used.

usage: sbom.py SBOM.json TREE   TREE: `cargo tree --prefix none --format {p}`
"""

import json
import sys

from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator


def main(path, tree):
    text = open(path, encoding="utf-8").read()
    sbom = json.loads(text)
    version = SchemaVersion.from_version(sbom["specVersion"])
    fault = make_schemabased_validator(OutputFormat.JSON, version).validate_str(text)
    if fault:
        sys.exit(f"{path}: not CycloneDX {sbom['specVersion']}: {fault}")

    # "name v1.2.3", then perhaps where from and "(*)"
    used = {tuple(line.split()[:2]) for line in open(tree, encoding="utf-8") if line.strip()}
    used = {(name, version.removeprefix("v")) for name, version in used}
    root = sbom["metadata"]["component"]
    listed = {(part["name"], part["version"]) for part in sbom["components"]} | {(root["name"], root["version"])}
    if missing := sorted(used - listed):
        sys.exit(f"{path}: not in it: {missing}")
    if lacking := [part["name"] for part in sbom["components"] if not part.get("purl") or not part.get("licenses")]:
        sys.exit(f"{path}: no purl or licence: {lacking}")
    print(f"CycloneDX {sbom['specVersion']}, {len(sbom['components'])} components, {len(used)} crates used: all in it")


main(*sys.argv[1:])
