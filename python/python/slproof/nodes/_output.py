"""A directory of compressed files, which appears whole under its name or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow

from .._error import error

_BLOCK_BYTES = 1 << 20


class Output:
    """A new directory. At the end of the context it gets its name; after an error it is removed."""

    def __init__(self, path: Path) -> None:
        """Raises Error if something has this name already."""
        self._path = path
        self._made = path.absolute().parent / f".{path.name}.{os.getpid()}"
        try:
            if path.exists() and not (path.is_dir() and not any(path.iterdir())):
                raise error("invalid-options", f"{path} is there already; give the name of a new directory")
            self._made.mkdir()
        except OSError as cause:
            raise self._failed(cause) from cause

    def write(self, name: str, lines: Iterable[str]) -> int:
        """Writes the file of this name, compressed with zstd. Returns the number of lines. Raises Error."""
        path = self._made / name
        count = 0
        try:
            with pyarrow.output_stream(str(path), compression="zstd") as stream:
                for block in _blocks(lines):
                    stream.write(block)
                    count += block.count(b"\n")
            with open(path, "rb") as written:
                os.fsync(written.fileno())
        except OSError as cause:
            raise self._failed(cause) from cause
        return count

    def remove(self, *names: str) -> None:
        """Removes files that were written. Raises Error."""
        try:
            for name in names:
                (self._made / name).unlink()
        except OSError as cause:
            raise self._failed(cause) from cause

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                # An empty directory may have the name.
                self._made.replace(self._path)
        except OSError as cause:
            raise self._failed(cause) from cause
        finally:
            shutil.rmtree(self._made, ignore_errors=True)

    def _failed(self, cause: OSError) -> Exception:
        return error("write-failed", f"{self._path}: {cause.strerror or cause}")


def _blocks(lines: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield "".join(waiting).encode()
            waiting.clear()
            size = 0
    yield "".join(waiting).encode()
