"""RocksDB databases, opened so that nothing in their directories changes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .._slproof import Error
from .._error import error

# The files that RocksDB reads.
_NAMES = ("CURRENT", "IDENTITY", "MANIFEST-", "OPTIONS-")
_SUFFIXES = (".sst", ".log", ".blob")

# A database of 100 GB has more files than a process may open by default.
_OPEN_FILES = 256
_CACHE_BYTES = 64 << 20
_READ_AHEAD_BYTES = 2 << 20


class Database:
    """A database of a node, open for reading.

    RocksDB writes nothing in its read-only mode, but rocksdict puts a file with its own settings into the directory that
    it opens. So it gets a temporary directory with links to the files of RocksDB.
    """

    def __init__(self, path: Path) -> None:
        """Lists the columns of the database in this directory. Raises Error."""
        self.path = path
        self._rocksdict = _rocksdict()
        self._links = tempfile.TemporaryDirectory(prefix="slproof-")
        self._opened: Any = None
        self.notes: list[str] = []
        """What may be missing."""
        try:
            for entry in os.scandir(path):
                if entry.name.startswith(_NAMES) or entry.name.endswith(_SUFFIXES):
                    os.symlink(os.path.abspath(entry.path), os.path.join(self._links.name, entry.name))
            if not any(name.endswith(".log") for name in os.listdir(self._links.name)):
                self.notes.append(f"{path}: it has no write-ahead log (*.log), where the newest blocks are")
            self.columns = frozenset(self._rocksdict.Rdict.list_cf(self._links.name))
        except Exception as cause:
            self.close()
            raise self._failed(cause) from cause

    def open(self, names: Iterable[str]) -> dict[str, Column]:
        """Opens these columns. Raises Error."""
        modes = self._rocksdict.DBRecoveryMode
        names = list(names)
        try:
            try:
                # By default, RocksDB leaves out everything after damage in its log without a word.
                self._open(names, modes.absolute_consistency())
            except Exception as cause:
                if not _is_damage(cause):
                    raise
                # The only damage that this mode takes is a last entry that is cut.
                self._open(names, modes.tolerate_corrupted_tail_records())
                text = "the end of its write-ahead log (*.log) is cut, as in a copy of a running node"
                self.notes.append(f"{self.path}: {text}; what was written last is left out")
            return {name: Column(self, self._opened.get_column_family(name)) for name in names}
        except Exception as cause:
            raise self._failed(cause) from cause

    def _open(self, names: list[str], mode: Any) -> None:
        read_only = self._rocksdict.AccessType.read_only(False)
        columns = {name: self._options(mode) for name in names}
        self._opened = self._rocksdict.Rdict(self._links.name, self._options(mode), columns, read_only)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._links.cleanup()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _options(self, mode: Any) -> Any:
        options = self._rocksdict.Options(raw_mode=True)
        options.set_wal_recovery_mode(mode)
        options.set_max_open_files(_OPEN_FILES)
        blocks = self._rocksdict.BlockBasedOptions()
        blocks.set_block_cache(self._rocksdict.Cache(_CACHE_BYTES))
        blocks.set_cache_index_and_filter_blocks(True)
        options.set_block_based_table_factory(blocks)
        return options

    def _failed(self, cause: Exception) -> Error:
        text = str(cause).replace(self._links.name, str(self.path))
        code = "input-damaged" if _is_damage(cause) else "read-failed"
        return error(code, f"{self.path}: {text}")


def _is_damage(cause: Exception) -> bool:
    return "Corruption" in str(cause)


class Column:
    """A column family of a database."""

    def __init__(self, database: Database, opened: Any) -> None:
        self._database = database
        self._opened = opened

    @property
    def path(self) -> Path:
        """The directory of the database."""
        return self._database.path

    def get(self, key: bytes) -> bytes | None:
        """The value of a key; None if there is none. Raises Error."""
        return self.get_many([key])[0]

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, in their order. Raises Error."""
        try:
            return self._opened.get(keys)
        except Exception as cause:
            raise self._database._failed(cause) from cause

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys in ascending order, with their values. Raises Error."""
        options = self._database._rocksdict.ReadOptions()
        options.set_readahead_size(_READ_AHEAD_BYTES)
        options.fill_cache(False)
        try:
            rows = self._opened.iter(options)
            rows.seek_to_first()
            while rows.valid():
                yield rows.key(), rows.value()
                rows.next()
            # An iterator ends at a damaged block as at the last row. Only its status tells them apart.
            rows.status()
        except Exception as cause:
            raise self._database._failed(cause) from cause


def _rocksdict() -> Any:
    try:
        import rocksdict
    except ImportError as cause:
        text = "databases of nodes are read with rocksdict, which is not installed: pip install rocksdict"
        raise error("format-unsupported", text) from cause
    return rocksdict
