"""Offline proofs for L2->L1 messages of ZKsync chains.

>>> import slproof
>>> prover = slproof.open("gateway.sltree", "gateway.slmsg")
>>> batch = prover.prove([{"chain_id": 324, "batch_number": 501234, "id": 0}])

Proofs are record batches of Arrow with the columns of ``slproof prove --format parquet``. Long calls release the GIL and
use all cores; ``RAYON_NUM_THREADS`` sets another number. Open a prover in each process: it does not survive a fork.
"""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

import pyarrow
import pyarrow.parquet

from . import _slproof
from ._slproof import Error

__all__ = ["Error", "Prover", "open", "survey", "verify"]

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

_Path = Union[str, "os.PathLike[str]"]
_Paths = Union[_Path, Iterable[_Path], None]

_NAMES = {
    "chain_id": "chainId",
    "batch_number": "batchNumber",
    "tx_hash": "txHash",
}


def open(
    tree: _Paths,
    messages: _Paths,
    *,
    events: _Paths = None,
    sl_batches: _Paths = None,
    anchor: _Paths = None,
    bridgehub: str | None = None,
    anchor_bridgehub: str | None = None,
    sl_chain_id: int | None = None,
    last_block: int | None = None,
    chain: int | None = None,
) -> Prover:
    """Opens the evidence of a settlement layer and archives of logs, in any form that the command line takes.

    The arguments are the flags of ``slproof prove`` with the same names. Raises Error. Warns if batches or files are left
    out of the archive (``Prover.left_out``).
    """
    inputs = {
        "events": _paths(events),
        "sl_batches": _paths(sl_batches),
        "anchor": _paths(anchor),
        "bridgehub": bridgehub,
        "anchor_bridgehub": anchor_bridgehub,
        "sl_chain_id": sl_chain_id,
        "last_block": last_block,
        "chain": chain,
    }
    prover = Prover(_slproof.open(_paths(tree), _paths(messages), inputs))
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
        ``error_code``, ``error_message`` and ``request``.
        """
        lines = _lines(requests)
        if not lines:
            return pyarrow.RecordBatch.from_pylist([], schema=self.schema)
        return pyarrow.record_batch(self._inner.prove(lines, target))

    def prove_all(
        self,
        *,
        target: str = "latest",
        chain: int | None = None,
        batches: tuple[int, int] | None = None,
        sender: str | None = None,
        kind: str | None = None,
        shard: tuple[int, int] | None = None,
        rows: int = 8192,
    ) -> pyarrow.RecordBatchReader:
        """Proves every log that is selected, in the order of chain, batch and index.

        ``batches`` are the first and the last batch of ``chain``. ``kind`` is message, status or other. ``shard`` is the
        number of a shard, from 0, and the number of shards. Batches have ``rows`` rows; memory does not grow with their
        number. Close the reader, or drop it, to end the job early.
        """
        which = {"chain": chain, "batches": batches, "sender": sender, "kind": kind, "shard": shard}
        stream = self._inner.prove_all(target, which, rows)
        batches_of = (pyarrow.record_batch(batch) for batch in stream)
        return pyarrow.RecordBatchReader.from_batches(self.schema, batches_of)

    def history(self) -> list[dict[str, Any]]:
        """The roots by block of the settlement layer, with the chains and batches that are new in each.

        A root with nothing but its block and hash is not explained.
        """
        return json.loads(self._inner.history())

    def claims(
        self,
        l1_nullifier: str,
        *,
        chain: int | None = None,
        receiver: str | None = None,
        kinds: Iterable[str] = (),
        statuses: Iterable[str] = (),
    ) -> list[dict[str, Any]]:
        """What L1 says about each withdrawal in the archive, as ``slproof claims`` writes it.

        ``kinds`` and ``statuses`` are those of records; without them every withdrawal is selected.

        The prover has to be opened with ``anchor``, the state of L1, and with ``sl_batches`` or evidence from L1 for the
        calls of withdrawals that settled on the settlement layer.
        """
        found = self._inner.claims(l1_nullifier, chain, receiver, list(kinds), list(statuses))
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
    anchor: _Paths = None,
    *,
    root: str | None = None,
    bridgehub: str | None = None,
    message_root: str | None = None,
    trust_block: str | None = None,
) -> pyarrow.RecordBatch:
    """Verifies proofs by the state ``anchor``, or by one ``root``.

    ``proofs`` is a batch or a table of proofs, a list of records as in JSON, or the path of a file of ``slproof prove``.
    Each proof has a row: ``line`` counts rows from 1, and ``valid`` is null if the proof cannot be judged. Failed requests
    have none. Raises Error if there is no proof at all.
    """
    if isinstance(proofs, (str, os.PathLike)):
        given: Any = os.fspath(proofs)
    elif isinstance(proofs, Sequence):
        given = b"".join(_line(record) for record in proofs)
    else:
        written = io.BytesIO()
        pyarrow.parquet.write_table(_table(proofs), written, compression="none", use_dictionary=False)
        given = written.getvalue()
    trusted = {
        "paths": _paths(anchor),
        "root": root,
        "bridgehub": bridgehub,
        "message_root": message_root,
        "trust_block": trust_block,
    }
    verdicts = _slproof.verify(given, trusted)
    columns = list(zip(*verdicts)) or [()] * len(VERDICT_SCHEMA)
    arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, VERDICT_SCHEMA)]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=VERDICT_SCHEMA)


def survey(paths: _Paths, *, chain: int | None = None) -> dict[str, Any]:
    """Says what some files are, what can be proven with them, and what is missing."""
    return json.loads(_slproof.survey(_paths(paths), chain))


def _paths(paths: _Paths) -> list[str]:
    if paths is None:
        return []
    if isinstance(paths, (str, os.PathLike)):
        return [os.fspath(paths)]
    return [os.fspath(path) for path in paths]


def _table(data: Any) -> pyarrow.Table:
    if isinstance(data, pyarrow.Table):
        return data
    if isinstance(data, pyarrow.RecordBatch):
        return pyarrow.Table.from_batches([data])
    if isinstance(data, pyarrow.RecordBatchReader):
        return data.read_all()
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return pyarrow.table(data)
    return pyarrow.Table.from_pandas(data, preserve_index=False)


def _lines(requests: Any) -> bytes:
    """The requests as lines of JSON."""
    if not isinstance(requests, (list, tuple)):
        requests = _table(requests).to_pylist()
    return b"".join(_line(_request(request)) for request in requests)


def _request(request: Mapping[str, Any]) -> dict[str, Any]:
    known = {_NAMES.get(name, name): value for name, value in request.items()}
    return {name: value for name, value in known.items() if value is not None}


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, default=_plain).encode() + b"\n"


def _plain(value: Any) -> Any:
    """The value of a type that JSON does not know: bytes, or an integer of NumPy or of another library."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    number = int(value)
    if number != value:
        raise TypeError(f"{value!r} is not an integer")
    return number
