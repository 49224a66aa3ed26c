#!/usr/bin/env python3
"""Answers the cases with the verifier in `conformance/verifier/`. It is a short example of an adapter."""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import verifier

if __name__ == "__main__":
    for line in sys.stdin:
        case = json.loads(line)
        valid, code = verifier.judge(case["record"], case["facts"])
        print(json.dumps({"name": case["name"], "valid": valid, "code": code}))
