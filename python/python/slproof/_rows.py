"""Requests, records and tables of proofs, as the part in Rust reads them: lines of JSON, or Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow
import pyarrow.parquet

from ._arguments import wrong
from ._error import error

# The names of requests in JSON, by the others that are taken.
_NAMES = {
    "chain_id": "chainId",
    "batch_number": "batchNumber",
    "tx_hash": "txHash",
    "transaction_hash": "txHash",
    "transactionHash": "txHash",
}


def requests(given: Any) -> bytes:
    """Requests as lines of JSON. Raises Error."""
    rows = _table("requests", given).to_pylist() if _is_table(given) else _dicts("requests", given)
    return _lines("requests", map(_request, rows))


def proofs(given: Any) -> bytes:
    """A table of proofs as Parquet, or records as lines of JSON. Raises Error."""
    if not _is_table(given):
        return _lines("proofs", map(_record, _dicts("proofs", given)))
    written = io.BytesIO()
    table = _table("proofs", given)
    try:
        pyarrow.parquet.write_table(table, written, compression="none", use_dictionary=False)
    except pyarrow.ArrowException as cause:
        raise error("invalid-options", f"proofs: {cause}") from cause
    return written.getvalue()


def _is_table(data: Any) -> bool:
    # Data frames of pandas before 2.2 have no interface of Arrow.
    names = ("__arrow_c_stream__", "__arrow_c_array__", "iloc")
    return isinstance(data, (pyarrow.Table, pyarrow.RecordBatch)) or any(hasattr(data, name) for name in names)


def _table(name: str, data: Any) -> pyarrow.Table:
    try:
        if isinstance(data, pyarrow.Table):
            return data
        if isinstance(data, pyarrow.RecordBatch):
            return pyarrow.Table.from_batches([data])
        if isinstance(data, pyarrow.RecordBatchReader):
            return data.read_all()
        if hasattr(data, "iloc"):
            return pyarrow.Table.from_pandas(data, preserve_index=False)
        return pyarrow.table(data)
    except (pyarrow.ArrowException, AttributeError, TypeError, ValueError) as cause:
        raise error("invalid-options", f"{name}: not a table: {cause}") from cause


def _dicts(name: str, given: Any) -> list[Mapping[str, Any]]:
    is_one = isinstance(given, (str, bytes, bytearray, memoryview, Mapping))
    if is_one or not isinstance(given, Iterable):
        raise wrong(name, "a list of dicts, or a table of Arrow, pandas or Polars,", given)
    rows = list(given)
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise wrong(f"{name}[{at}]", "a dict", row)
    return rows


def _request(given: Mapping[str, Any]) -> Mapping[str, Any]:
    known: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        name = _NAMES.get(name, name)
        if name in known and known[name] != value:
            # Two names of one fact with different values: the reader of requests refuses it under both.
            return given
        known[name] = value
    return known


def _record(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record as in JSON; also of a row of a table, whose columns have other names."""
    if given.get("error_code") is not None:
        failure = {"code": given["error_code"], "message": given.get("error_message")}
        return {"request": given.get("request"), "error": failure}
    record = dict(given)
    target = {name: record.pop(f"target_{name}", None) for name in ("kind", "sl_chain_id", "number", "root", "timestamp")}
    if any(value is not None for value in target.values()):
        record["target"] = target
    if "tx_number" in record:
        record["txNumberInBatch"] = record.pop("tx_number")
    return record


def _lines(name: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    lines = []
    for at, row in enumerate(rows):
        try:
            lines.append(json.dumps(row, default=_plain).encode() + b"\n")
        except (TypeError, ValueError, RecursionError) as cause:
            raise error("invalid-options", f"{name}[{at}]: {cause}") from cause
    return b"".join(lines)


def _plain(value: Any) -> Any:
    """The value of a type that JSON does not know: bytes, or an integer of NumPy or of another library."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise TypeError(f"{value!r} is neither a number nor text nor bytes") from None
    if number != value:
        raise TypeError(f"{value!r} is not an integer")
    return number
