"""RocksDB databases, opened so that nothing in their directories changes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .._slproof import Error
from ._error import error

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
        try:
            for entry in os.scandir(path):
                if entry.name.startswith(_NAMES) or entry.name.endswith(_SUFFIXES):
                    os.symlink(os.path.abspath(entry.path), os.path.join(self._links.name, entry.name))
            self.columns = frozenset(self._rocksdict.Rdict.list_cf(self._links.name))
        except Exception as cause:
            self.close()
            raise self._failed(cause) from cause

    def open(self, names: Iterable[str]) -> dict[str, Column]:
        """Opens these columns. Raises Error."""
        read_only = self._rocksdict.AccessType.read_only(False)
        columns = {name: self._options() for name in names}
        try:
            self._opened = self._rocksdict.Rdict(self._links.name, self._options(), columns, read_only)
            return {name: Column(self, self._opened.get_column_family(name)) for name in columns}
        except Exception as cause:
            raise self._failed(cause) from cause

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._links.cleanup()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _options(self) -> Any:
        options = self._rocksdict.Options(raw_mode=True)
        options.set_max_open_files(_OPEN_FILES)
        blocks = self._rocksdict.BlockBasedOptions()
        blocks.set_block_cache(self._rocksdict.Cache(_CACHE_BYTES))
        blocks.set_cache_index_and_filter_blocks(True)
        options.set_block_based_table_factory(blocks)
        return options

    def _failed(self, cause: Exception) -> Error:
        text = str(cause).replace(self._links.name, str(self.path))
        code = "input-damaged" if "Corruption" in text else "read-failed"
        return error(code, f"{self.path}: {text}")


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
