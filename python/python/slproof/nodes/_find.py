"""Finds the databases of a node in directories, by their column families.

Source of the names: matter-labs/zksync-os-server, ``lib/state_full_diffs``, ``lib/storage/src/db``; matter-labs/zksync-era,
``core/lib/state/src/rocksdb``.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from ._database import Column, Database
from .._error import error

STATE = "state_full_diffs"
KEEPER = "state_keeper"
REPOSITORY = "repository"
EXECUTED = "executed_batch_storage"
REPLAY = "block_replay_wal"

# The columns that are read, which also tell the databases apart.
_COLUMNS = {
    KEEPER: ("state", "contracts", "factory_deps"),
    REPOSITORY: ("block_data", "block_number_to_hash", "tx_receipt", "meta"),
    EXECUTED: ("batch_info", "first_block_index", "latest"),
    REPLAY: ("context", "latest"),
    STATE: ("data", "meta"),
}

# Where a database says its last block: 8 bytes, big-endian.
_ENDS = {
    STATE: ("meta", b"latest_block"),
    REPOSITORY: ("meta", b"block_number"),
    REPLAY: ("latest", b"latest_block"),
}


class Found:
    """The open databases of one node."""

    def __init__(self) -> None:
        self.columns: dict[str, dict[str, Column]] = {}
        """The columns of each known database."""
        self.paths: dict[str, Path] = {}
        self.others: list[Path] = []
        """Databases that are not needed."""
        self.notes: list[str] = []
        """What may be missing in the others."""

    def ends(self) -> dict[str, int]:
        """The last block of each database that says it."""
        return {name: self._end(name) for name in self.columns if name in _ENDS}

    def _end(self, name: str) -> int:
        column, key = _ENDS[name]
        value = self.columns[name][column].get(key)
        if value is None or len(value) != 8:
            raise error("input-damaged", f"{self.paths[name]}: it does not say its last block ({key.decode()})")
        return int.from_bytes(value, "big")


def find(paths: Iterable[Path], stack: ExitStack) -> Found:
    """Opens the databases at these paths: directories of databases, or of directories of databases. Raises Error."""
    found = Found()
    for path in paths:
        inside = [path] if (path / "CURRENT").exists() else _inside(path)
        if not inside:
            text = "no database of a node: no file CURRENT, which every RocksDB has, is in it or in a directory in it"
            raise error("unknown-input", f"{path}: {text}")
        for each in inside:
            _add(found, stack.enter_context(Database(each)))
    if not {STATE, KEEPER, REPOSITORY} & set(found.columns):
        listed = ", ".join(str(path) for path in [*found.paths.values(), *found.others])
        text = f"neither a state ({STATE}, {KEEPER}) nor receipts ({REPOSITORY})"
        raise error("unknown-input", f"{listed}: the databases have {text}")
    return found


def _inside(path: Path) -> list[Path]:
    try:
        return sorted(each for each in path.iterdir() if (each / "CURRENT").exists())
    except OSError as cause:
        raise error("read-failed", f"{path}: {cause.strerror}") from cause


def _add(found: Found, database: Database) -> None:
    name = _name(database.columns)
    if name is None:
        found.others.append(database.path)
    elif name in found.columns:
        text = f"{found.paths[name]} and {database.path} are both a {name}; give the databases of one node"
        raise error("invalid-options", text)
    else:
        found.columns[name] = database.open(_COLUMNS[name])
        found.paths[name] = database.path
        found.notes += database.notes


def _name(columns: frozenset[str]) -> str | None:
    for name, needed in _COLUMNS.items():
        # Other databases, too, may have a column of data and one of metadata.
        is_whole = name != STATE or columns == {"default", *needed}
        if is_whole and columns.issuperset(needed):
            return name
    return None
