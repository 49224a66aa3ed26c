"""The command ``python -m slproof.nodes``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from .._slproof import Error
from . import LOGS_FILE, RECEIPTS_FILE, STATE_FILE, Exported, export

# Those of the command slproof.
_EXIT_CODES = {"invalid-options": 2, "nothing-found": 5, "read-failed": 6, "write-failed": 6}
_DAMAGED = 3
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m slproof.nodes",
        description="Exports the databases (RocksDB) of a node of ZKsync OS or zksync-era: its state as a table for slproof "
        "import, and its L2→L1 logs for slproof index. The databases are not changed.",
    )
    parser.add_argument(
        "paths", nargs="+", metavar="DIR", help="a database, or a directory of databases such as db/node1"
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the new directory for the files")
    parser.add_argument("--last-block", type=int, metavar="N", help="export the state at this block only")
    parser.add_argument("--chain", type=int, metavar="ID", help="the chain id of the node, for its logs")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    given = parser.parse_args(arguments)
    try:
        exported = export(given.paths, given.output, last_block=given.last_block, chain=given.chain)
    except Error as failed:
        exit_code = _EXIT_CODES.get(failed.code, _DAMAGED)
        message = str(failed)
        if given.json:
            message = message.removesuffix(f" [{failed.code}]")
            fields = {"code": failed.code, "message": message, "hint": None, "exitCode": exit_code}
            print(json.dumps({"error": fields}), file=sys.stderr)
        else:
            print(f"error: {message}", file=sys.stderr)
        return exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    if given.json:
        print(json.dumps(dataclasses.asdict(exported), default=str))
    else:
        _print(exported, given.chain)
    return 0


def _print(exported: Exported, chain: int | None) -> None:
    for note in exported.notes:
        print(f"note: {note}", file=sys.stderr)
    for name, content in exported.files.items():
        print(f"{exported.directory / name}: {content}")
    print("next")
    block = "" if exported.last_block is None else f" --last-block {exported.last_block}"
    if STATE_FILE in exported.files:
        print(f"  slproof import {exported.directory / STATE_FILE}{block} -o state.slsnap")
    of_receipts = f" --chain {'ID' if chain is None else chain} --tree EVIDENCE"
    for name, flag in ((LOGS_FILE, ""), (RECEIPTS_FILE, of_receipts)):
        if name in exported.files:
            print(f"  slproof index {exported.directory / name}{flag} -o chain.slmsg")


if __name__ == "__main__":
    sys.exit(main())
