"""Offline proofs for L2->L1 messages of ZKsync chains.

>>> import slproof
>>> prover = slproof.open("gateway.sltree", "gateway.slmsg")
>>> batch = prover.prove([{"chain_id": 324, "batch_number": 501234, "id": 0}])

Proofs are record batches of Arrow with the columns of ``slproof prove --format parquet``. Long calls release the GIL and
use all cores; ``RAYON_NUM_THREADS`` sets another number. Start worker processes with the method "spawn" of
multiprocessing, and open a prover in each: after a call, a fork has none of the threads, and every call there raises Error.

``slproof.nodes`` exports the databases of nodes. Every error is an ``Error``; also one about an argument, which names it.
"""

from __future__ import annotations

import importlib
import json
import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow

from . import _arguments, _rows, _slproof
from ._arguments import Hex, Paths
from ._error import error
from ._slproof import Error, __version__

if TYPE_CHECKING:
    from . import nodes

__all__ = ["Error", "Prover", "__version__", "nodes", "open", "survey", "verify"]

VERDICT_SCHEMA: pyarrow.Schema = pyarrow.schema(
    [
        pyarrow.field("line", pyarrow.uint64(), nullable=False),
        ("valid", pyarrow.bool_()),
        ("anchor", pyarrow.string()),
        ("error_code", pyarrow.string()),
        ("error_message", pyarrow.string()),
    ]
)
"""The columns of verdicts."""


def __getattr__(name: str) -> Any:
    """The module ``nodes``, which is imported when it is needed."""
    if name == "nodes":
        return importlib.import_module(".nodes", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open(
    tree: Paths,
    messages: Paths,
    *,
    events: Paths = None,
    sl_batches: Paths = None,
    anchor: Paths = None,
    trust_block: Hex | None = None,
    bridgehub: Hex | None = None,
    message_root: Hex | None = None,
    anchor_bridgehub: Hex | None = None,
    anchor_message_root: Hex | None = None,
    sl_chain_id: int | None = None,
    release: str | None = None,
    last_block: int | None = None,
    chain: int | None = None,
) -> Prover:
    """Opens the evidence of a settlement layer and archives of logs, in any form that the command line takes.

    The arguments are the flags of ``slproof prove`` with the same names. Raises Error. Warns if batches or files are left
    out of the archive (``Prover.left_out``).
    """
    of_anchor = {
        "trust_block": trust_block,
        "anchor_bridgehub": anchor_bridgehub,
        "anchor_message_root": anchor_message_root,
    }
    inputs = {
        "events": _arguments.paths("events", events),
        "sl_batches": _arguments.paths("sl_batches", sl_batches),
        "anchor": _arguments.paths("anchor", anchor),
        "bridgehub": _arguments.hexadecimal("bridgehub", bridgehub),
        "message_root": _arguments.hexadecimal("message_root", message_root),
        "sl_chain_id": _arguments.whole("sl_chain_id", sl_chain_id),
        "release": _arguments.text("release", release),
        "last_block": _arguments.whole("last_block", last_block),
        "chain": _arguments.whole("chain", chain),
    }
    for name, value in of_anchor.items():
        inputs[name] = _arguments.hexadecimal(name, value)
        if value is not None and not inputs["anchor"]:
            raise error("invalid-options", f"{name}: it needs anchor, the state of L1")
    prover = Prover(_slproof.open(_arguments.paths("tree", tree), _arguments.paths("messages", messages), inputs))
    count, first = prover.left_out
    if count:
        warnings.warn(f"left out of the archive: {count}; the first: {first[0]}", stacklevel=2)
    return prover


class Prover:
    """Makes proofs from trees and archives that are open. Every proof is verified before it is returned."""

    def __init__(self, inner: _slproof.Prover) -> None:
        self._inner = inner

    def prove(self, requests: Any, *, target: str = "latest") -> pyarrow.RecordBatch:
        """Answers requests, in their order.

        ``requests`` is a list of dicts, or a table of Arrow, pandas or Polars, with ``chain_id``, ``batch_number`` and
        ``id``, or ``message``, or ``tx_hash`` and ``log``; and with ``target`` if it is not the same for all. Hashes are
        bytes or text. A request for several logs has several rows. A request that cannot be proven is a row with
        ``error_code``, ``error_message`` and ``request``. Raises Error.
        """
        lines = _rows.requests(requests)
        target = _target(target)
        if not lines:
            return pyarrow.RecordBatch.from_pylist([], schema=self.schema)
        return pyarrow.record_batch(self._inner.prove(lines, target))

    def prove_all(
        self,
        *,
        target: str = "latest",
        chain: int | None = None,
        batches: tuple[int, int] | None = None,
        sender: Hex | None = None,
        kind: str | None = None,
        shard: tuple[int, int] | None = None,
        rows: int = 8192,
    ) -> pyarrow.RecordBatchReader:
        """Proves every log that is selected, in the order of chain, batch and index.

        ``batches`` are the first and the last batch of ``chain``. ``kind`` is message, status or other. ``shard`` is the
        number of a shard, from 0, and the number of shards. Batches have ``rows`` rows; memory does not grow with their
        number. Close the reader, or drop it, to end the job early. Raises Error.
        """
        which = {
            "chain": _arguments.whole("chain", chain),
            "batches": _arguments.pair("batches", batches),
            "sender": _arguments.hexadecimal("sender", sender),
            "kind": _arguments.text("kind", kind),
            "shard": _arguments.pair("shard", shard),
        }
        count = _arguments.whole("rows", rows)
        if not count:
            raise _arguments.wrong("rows", "an integer from 1", rows)
        stream = self._inner.prove_all(_target(target), which, count)
        batches_of = (pyarrow.record_batch(batch) for batch in stream)
        return pyarrow.RecordBatchReader.from_batches(self.schema, batches_of)

    def history(self) -> list[dict[str, Any]]:
        """The roots by block of the settlement layer, with the chains and batches that are new in each.

        A root with nothing but its block and hash is not explained.
        """
        return json.loads(self._inner.history())

    def claims(
        self,
        l1_nullifier: Hex,
        *,
        chain: int | None = None,
        receiver: Hex | None = None,
        kinds: Iterable[str] = (),
        statuses: Iterable[str] = (),
    ) -> list[dict[str, Any]]:
        """What L1 says about each withdrawal in the archive, as ``slproof claims`` writes it.

        ``kinds`` and ``statuses`` are those of records; without them every withdrawal is selected.

        The prover has to be opened with ``anchor``, the state of L1, and with ``sl_batches`` or evidence from L1 for the
        calls of withdrawals that settled on the settlement layer.
        """
        nullifier = _arguments.hexadecimal("l1_nullifier", l1_nullifier)
        if nullifier is None:
            raise _arguments.wrong("l1_nullifier", "an address", None)
        found = self._inner.claims(
            nullifier,
            _arguments.whole("chain", chain),
            _arguments.hexadecimal("receiver", receiver),
            _arguments.texts("kinds", kinds),
            _arguments.texts("statuses", statuses),
        )
        return [json.loads(claim) for claim in found]

    @property
    def schema(self) -> pyarrow.Schema:
        """The columns of every batch of proofs; those of a settlement layer since v33 have timestamps."""
        return pyarrow.schema(self._inner.schema)

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of batches and of logs in the archive."""
        return self._inner.counts

    @property
    def left_out(self) -> tuple[int, list[str]]:
        """The number of batches and files that were left out of the archive, and why the first ones were.

        Their logs are not among the proofs and claims.
        """
        return self._inner.left_out

    def __repr__(self) -> str:
        batches, logs = self.counts
        return f"<slproof.Prover: {batches} batches, {logs} logs>"


def verify(
    proofs: Any,
    anchor: Paths = None,
    *,
    root: Hex | None = None,
    bridgehub: Hex | None = None,
    message_root: Hex | None = None,
    trust_block: Hex | None = None,
) -> pyarrow.RecordBatch:
    """Verifies proofs by the state ``anchor``, or by one ``root``.

    ``proofs`` is a batch or a table of proofs, a list of its rows, a list of records as in JSON, or the path of a file of
    ``slproof prove``. Each proof has a row: ``line`` counts rows from 1, and ``valid`` is null if the proof cannot be
    judged. Failed requests have none. Raises Error if there is no proof at all.
    """
    trusted = {
        "paths": _arguments.paths("anchor", anchor),
        "root": _arguments.hexadecimal("root", root),
        "bridgehub": _arguments.hexadecimal("bridgehub", bridgehub),
        "message_root": _arguments.hexadecimal("message_root", message_root),
        "trust_block": _arguments.hexadecimal("trust_block", trust_block),
    }
    given = os.fspath(proofs) if isinstance(proofs, (str, os.PathLike)) else _rows.proofs(proofs)
    return pyarrow.record_batch(_slproof.verify(given, trusted))


def survey(paths: Paths, *, chain: int | None = None) -> dict[str, Any]:
    """Says what some files are, what can be proven with them, and what is missing. Raises Error."""
    given = _arguments.paths("paths", paths)
    if not given:
        raise error("invalid-options", "paths: no file is given")
    return json.loads(_slproof.survey(given, _arguments.whole("chain", chain)))


def _target(target: Any) -> str:
    if not isinstance(target, str):
        raise _arguments.wrong("target", "a text", target)
    return target
