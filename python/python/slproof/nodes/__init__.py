"""Exports of the databases of nodes, for the commands of slproof and for ``slproof.open``.

>>> from slproof import nodes
>>> nodes.export("db/node1", "node", chain=324)

It reads the RocksDB of nodes: of ZKsync OS ``state_full_diffs``, and ``repository`` with ``executed_batch_storage``; of
zksync-era ``state_keeper``. It needs rocksdict: install the package with its extra ``nodes``. The databases are not changed. Memory does
not grow with their size.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .. import _arguments
from .._error import error
from ._find import EXECUTED, KEEPER, REPOSITORY, STATE, Found, find
from ._logs import Archive, receipts
from ._output import Output
from ._repository import Repository
from ._state import Keeper, Writes, newest, table

__all__ = ["Exported", "export"]

STATE_FILE = "state.csv.zst"
LOGS_FILE = "logs.ndjson.zst"
BATCHES_FILE = "sl-batches.ndjson.zst"
RECEIPTS_FILE = "receipts.ndjson.zst"


@dataclass
class Exported:
    """What was written."""

    directory: Path
    last_block: int | None = None
    """The block up to which the data go; None if the databases do not say it."""
    files: dict[str, str] = field(default_factory=dict)
    """What is in each file, by its name."""
    notes: list[str] = field(default_factory=list)
    """What the user should know."""


def export(
    paths: _arguments.Paths, output: _arguments.Path, *, last_block: int | None = None, chain: int | None = None
) -> Exported:
    """Exports the databases of one node to a new directory ``output``.

    ``paths`` are directories of databases, or of directories of databases such as ``db/node1``. ``last_block`` is the block
    of the state; then the table has one value for each slot. Without it, the table has every write up to the last block
    that all databases have, and ``slproof import --last-block`` takes any block. ``chain`` is the chain id of the node, which
    its batches do not name. Raises Error.
    """
    given = _arguments.paths("paths", paths)
    output = _arguments.path("output", output)
    last_block = _arguments.whole("last_block", last_block)
    chain = _arguments.whole("chain", chain)
    if not given:
        raise error("invalid-options", "paths: no directory is given")
    with ExitStack() as stack:
        found = find([Path(path) for path in given], stack)
        exported = Exported(Path(output), _last_block(found, last_block))
        _note_databases(found, exported)
        _check(found, last_block, chain)
        with Output(exported.directory) as written:
            if STATE in found.columns:
                _full_diffs(found, written, exported, is_one_state=last_block is not None)
            if KEEPER in found.columns:
                _keeper(found, written, exported)
            if REPOSITORY in found.columns:
                _logs(found, written, exported, chain)
    return exported


def _last_block(found: Found, wanted: int | None) -> int | None:
    ends = found.ends()
    if not ends:
        return None
    name, end = min(ends.items(), key=lambda item: item[1])
    if wanted is not None and wanted > end:
        raise error("invalid-options", f"{found.paths[name]} ends with block {end}, before block {wanted}")
    return end if wanted is None else wanted


def _check(found: Found, last_block: int | None, chain: int | None) -> None:
    if KEEPER in found.columns and STATE in found.columns:
        text = f"{found.paths[KEEPER]} and {found.paths[STATE]} are of two nodes; export one after the other"
        raise error("invalid-options", text)
    if KEEPER in found.columns and last_block is not None:
        text = f"{found.paths[KEEPER]} has one state only, at the end of a batch; leave the block out"
        raise error("invalid-options", text)
    if {REPOSITORY, EXECUTED} <= set(found.columns) and chain is None:
        raise error("invalid-options", "the batches of a node do not name their chain; give the chain id of the node")


def _note_databases(found: Found, exported: Exported) -> None:
    exported.notes += found.notes
    if found.others:
        exported.notes.append("not needed: " + ", ".join(str(path) for path in found.others))
    ends = found.ends()
    if len(set(ends.values())) > 1:
        listed = ", ".join(f"{found.paths[name]} with block {end}" for name, end in sorted(ends.items()))
        text = "the databases end with different blocks, as copies of a running node do"
        exported.notes.append(f"{text}: {listed}; blocks after {min(ends.values())} are left out")


def _full_diffs(found: Found, written: Output, exported: Exported, *, is_one_state: bool) -> None:
    writes = Writes(found.columns[STATE]["data"], exported.last_block or 0)
    written.write(STATE_FILE, table(newest(writes) if is_one_state else writes))
    if writes.slots == 0:
        raise error("nothing-found", f"{found.paths[STATE]}: no slot was written up to block {exported.last_block}")
    rows = f"{writes.slots:,} slots" if is_one_state else f"{writes.count:,} writes of {writes.slots:,} slots"
    exported.files[STATE_FILE] = f"{rows}, up to block {exported.last_block}"
    if writes.slots == writes.count and (writes.later or not is_one_state):
        text = "if the database was trimmed to its newest values, it has the state of its last block only"
        exported.notes.append(f"no slot was written twice: {text}; slproof rebuild shows whether a state is whole")


def _keeper(found: Found, written: Output, exported: Exported) -> None:
    keeper = Keeper(found.columns[KEEPER]["state"])
    written.write(STATE_FILE, keeper.table())
    if keeper.slots == 0:
        raise error("nothing-found", f"{found.paths[KEEPER]}: it has no slots")
    exported.files[STATE_FILE] = f"{keeper.slots:,} slots, at the end of batch {keeper.batch}"


def _logs(found: Found, written: Output, exported: Exported, chain: int | None) -> None:
    repository = Repository(found.columns[REPOSITORY])
    last = exported.last_block or 0
    if EXECUTED not in found.columns or chain is None:
        count = written.write(RECEIPTS_FILE, receipts(repository, last))
        if count == 0:
            text = f"no receipt up to block {last} has L2→L1 logs"
            return _no_logs(found, written, exported, text, RECEIPTS_FILE)
        exported.files[RECEIPTS_FILE] = f"{count:,} receipts with L2→L1 logs, up to block {last}"
        exported.notes.append(f"no {EXECUTED}: the receipts do not name their batches; slproof index finds them")
        return
    archive = Archive(repository, found.columns[EXECUTED]["batch_info"], chain, last)
    written.write(BATCHES_FILE, archive.own_batches())
    written.write(LOGS_FILE, archive.raw())
    reasons = [
        f"left out: {left_out}; {reason}"
        for left_out, reason in (
            (archive.later, f"they end after block {last}"),
            (archive.without_blocks, f"{REPOSITORY} lacks some of their blocks"),
        )
        if left_out.count
    ]
    if archive.batches == 0:
        text = "; ".join(["no executed batch", *reasons])
        return _no_logs(found, written, exported, text, BATCHES_FILE, LOGS_FILE)
    exported.notes += reasons
    exported.files[LOGS_FILE] = f"the logs of {archive.batches:,} batches of chain {chain}"
    exported.files[BATCHES_FILE] = "the same batches with their blocks, for --sl-batches of proofs through this chain"
    if archive.without_messages.count:
        exported.notes.append(f"without their messages: {archive.without_messages}; receipts lack the events of some")


def _no_logs(found: Found, written: Output, exported: Exported, text: str, *names: str) -> None:
    """Removes files without logs; an export of nothing else is an error."""
    if not exported.files:
        raise error("nothing-found", f"{found.paths[REPOSITORY]}: {text}")
    written.remove(*names)
    exported.notes.append(f"no logs: {text}")
