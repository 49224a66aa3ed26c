#!/usr/bin/env python3
"""Generates the cases from the fixtures. The same fixtures give the same bytes.

Usage: generate.py [--check]. With --check, nothing is written, and the existing files have to be equal to the generated
ones.
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
        existing = {path.name: path.read_bytes() for path in CASES.glob("*.json")}
        differ = sorted(name for name in files.keys() | existing.keys() if files.get(name) != existing.get(name))
        sys.exit(f"these files differ from the generated ones: {', '.join(differ)}" if differ else 0)
    CASES.mkdir(exist_ok=True)
    for path in CASES.glob("*.json"):
        path.unlink()
    for name, text in files.items():
        (CASES / name).write_bytes(text)


if __name__ == "__main__":
    main(sys.argv[1:])
