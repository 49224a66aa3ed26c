#!/usr/bin/env python3
"""Runs a verifier on every case, and prints each answer that is not the expected one.

Usage: run.py COMMAND…

The command reads one case on each line of its standard input, and writes one answer on each line of its standard
output. README.md describes both. The exit code is 1 if an answer differs or is missing.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True

CASES = Path(__file__).resolve().parent / "cases"


def read_groups():
    """The cases by group, in the order of their names; each with its facts."""
    for path in sorted(CASES.glob("*.json")):
        group = json.loads(path.read_text())
        for case in group["cases"]:
            case["facts"] = group["facts"][case["facts"]]
        yield path.stem, group["cases"]


def ask(command, cases):
    """The answers of a command, by the names of the cases."""
    lines = (json.dumps({key: case[key] for key in ("name", "record", "facts")}) + "\n" for case in cases)
    run = subprocess.run(command, input="".join(lines), stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"{command[0]} ended with code {run.returncode}")
    answers = map(json.loads, run.stdout.splitlines())
    return {answer["name"]: answer for answer in answers}


def judge(case, answer):
    """Whether an answer is "right", "unsupported" or "wrong", and how a wrong one differs."""
    expected = case["expected"]
    if answer is None:
        return "wrong", "no answer"
    if answer["valid"] == "unsupported":
        return "unsupported", None
    if answer["valid"] is not expected["valid"]:
        return "wrong", f"valid is {json.dumps(answer['valid'])}, expected {json.dumps(expected['valid'])}"
    # A verifier without these codes leaves the member out, or sets it to null.
    code = answer.get("code")
    if code is not None and "code" in expected and code != expected["code"]:
        return "wrong", f"code is {code}, expected {expected['code']}"
    return "right", None


def main(command):
    if not command:
        sys.exit(__doc__)
    groups = list(read_groups())
    answers = ask(command, [case for _, cases in groups for case in cases])
    total = Counter()
    print(f"{'group':<14}{'cases':>7}{'right':>7}{'wrong':>7}{'unsupported':>13}")
    faults = []
    for name, cases in groups:
        counts = Counter()
        for case in cases:
            answer = answers.get(case["name"])
            judged, why = judge(case, answer)
            counts[judged] += 1
            if why:
                code = f" ({answer['code']})" if answer and answer.get("code") else ""
                faults.append(f"{case['name']}: {why}{code}")
        total += counts
        print(f"{name:<14}{len(cases):>7}{counts['right']:>7}{counts['wrong']:>7}{counts['unsupported']:>13}")
    print(f"{'all':<14}{total.total():>7}{total['right']:>7}{total['wrong']:>7}{total['unsupported']:>13}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
