"""Prints the crates that the program is built from for a target, as CycloneDX 1.5: sbom.py TARGET."""

import json
import subprocess
import sys


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    found = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["license"]:
        found["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((package["name"], package["version"])):
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return found


def lock_checksums():
    """The checksums in Cargo.lock, whose blocks have one `key = "value"` on each line."""
    checksums = {}
    for block in open("Cargo.lock").read().split("[[package]]"):
        fields = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        if "checksum" in fields:
            name, version, checksum = (json.loads(fields[key]) for key in ("name", "version", "checksum"))
            checksums[name, version] = checksum
    return checksums


def main(target):
    ask = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"]
    metadata = json.loads(subprocess.run(ask, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]

    def needs(node):
        """Dependencies of the program and of its build; those of tests are left out."""
        kinds = lambda dependency: {kind["kind"] for kind in dependency["dep_kinds"]}
        return sorted(dep["pkg"] for dep in nodes[node]["deps"] if kinds(dep) & {None, "build"})

    found, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += needs(node)
    checksums = lock_checksums()
    ordered = sorted(found - {root}, key=lambda node: purl(packages[node]))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**component(packages[root], checksums), "type": "application"}},
        "components": [component(packages[node], checksums) for node in ordered],
        "dependencies": [
            {"ref": purl(packages[node]), "dependsOn": sorted({purl(packages[dep]) for dep in needs(node)})}
            for node in [root, *ordered]
        ],
    }
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    print()


main(*sys.argv[1:])
