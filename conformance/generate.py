#!/usr/bin/env python3
"""Makes the cases from the fixtures. The same fixtures give the same bytes.

Usage: generate.py [--check]. With --check, nothing is written: the files have to be what they would be.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True

from generator import groups
from verifier.keccak import self_test

CASES = Path(__file__).resolve().parent / "cases"


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    self_test()
    files = {f"{group.name}.json": group.text().encode() for group in groups()}
    if arguments:
        there = {path.name: path.read_bytes() for path in CASES.glob("*.json")}
        differ = sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))
        sys.exit(f"differ from what the fixtures give: {', '.join(differ)}" if differ else 0)
    CASES.mkdir(exist_ok=True)
    for path in CASES.glob("*.json"):
        path.unlink()
    for name, text in files.items():
        (CASES / name).write_bytes(text)


if __name__ == "__main__":
    main(sys.argv[1:])
