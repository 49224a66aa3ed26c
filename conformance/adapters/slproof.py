#!/usr/bin/env python3
"""Answers the cases with `slproof verify`. The facts of a case become a state, as a table of slots.

Usage: slproof.py [SLPROOF], where SLPROOF is the binary, by default the `slproof` in the search path.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import storage


def _anchor(facts, folder):
    """The flags for the facts. A state of L1 needs the addresses of its contracts."""
    if facts["kind"] == "root":
        return ["--root", facts["root"]]
    table = folder / "state.csv"
    rows = (f"{address},{slot:#066x},0x{storage.word(value).hex()}\n" for address, slot, value in storage.slots(facts))
    table.write_text("address,slot,value\n" + "".join(rows))
    flags = ["--anchor", str(table), "--anchor-format", "table"]
    if facts["kind"] == "l1":
        flags += ["--bridgehub", storage.L1_BRIDGEHUB, "--message-root", storage.L1_MESSAGE_ROOT]
    return flags


def _verdicts(binary, facts, records):
    """The verdicts of one call of slproof, one for each record."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        proofs, report = folder / "proofs.jsonl", folder / "report.jsonl"
        proofs.write_text("".join(json.dumps(record) + "\n" for record in records))
        command = [binary, "verify", proofs, *_anchor(facts, folder), "--report", report, "--quiet"]
        run = subprocess.run(command, capture_output=True, text=True)
        verdicts = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    if len(verdicts) != len(records):
        raise RuntimeError(f"{len(verdicts)} verdicts for {len(records)} records: {run.stderr}")
    return verdicts


def answers(binary, cases):
    """The answers to all cases, with one call of slproof for those that share their facts."""
    groups = {}
    for case in cases:
        groups.setdefault(json.dumps(case["facts"]), []).append(case)
    for group in groups.values():
        verdicts = _verdicts(binary, group[0]["facts"], [case["record"] for case in group])
        for case, verdict in zip(group, verdicts):
            code = verdict["error"]["code"] if "error" in verdict else None
            yield {"name": case["name"], "valid": verdict["valid"], "code": code}


if __name__ == "__main__":
    program = sys.argv[1] if len(sys.argv) > 1 else "slproof"
    for answer in answers(program, [json.loads(line) for line in sys.stdin]):
        print(json.dumps(answer))
