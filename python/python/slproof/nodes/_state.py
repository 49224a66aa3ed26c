"""The storage of a chain in the databases of its node, as lines of CSV.

Layouts: ZKsync OS ``state_full_diffs`` has in ``data``: flat key (32 bytes) and block (8 bytes, big-endian), to the value
that the block wrote (32 bytes), with all history. zksync-era's ``state_keeper`` has in ``state``: hashed key to value (32
bytes), or to value and enumeration index (8 bytes), of one state. Both keys are blake2s256 of twelve zero bytes, address
and slot. Source: matter-labs/zksync-os-server, ``lib/state_full_diffs/src/storage.rs``; matter-labs/zksync-era,
``core/lib/state/src/rocksdb/mod.rs``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ._database import Column
from .._error import error

_NEXT_BATCH = b"block_number"
# Keys of the column that are not of slots.
_OF_NO_SLOT = frozenset([_NEXT_BATCH, b"recovery_l1_batch", b"enum_index_migration_cursor"])


class Write(NamedTuple):
    """A value that a block wrote."""

    key: bytes
    block: int
    value: bytes


class Writes:
    """The writes up to a block, by slot and block. Iterating counts them."""

    def __init__(self, data: Column, last: int) -> None:
        self._data = data
        self._last = last
        self.count = 0
        self.slots = 0
        self.later = 0
        """The writes of later blocks, which are left out."""

    def __iter__(self) -> Iterator[Write]:
        """Raises Error."""
        before = None
        for key, value in self._data.rows():
            if len(key) != 40 or len(value) != 32:
                raise _unknown(self._data, key, value)
            slot, block = key[:32], int.from_bytes(key[32:], "big")
            if block > self._last:
                self.later += 1
                continue
            if slot != before:
                self.slots += 1
                before = slot
            self.count += 1
            yield Write(slot, block, value)


def newest(writes: Iterable[Write]) -> Iterator[Write]:
    """The last write of each slot."""
    last = None
    for write in writes:
        if last is not None and last.key != write.key:
            yield last
        last = write
    if last is not None:
        yield last


def table(writes: Iterable[Write]) -> Iterator[str]:
    """The lines of a table of writes."""
    yield "hashedKey,value,block\n"
    for key, block, value in writes:
        yield f"0x{key.hex()},0x{value.hex()},{block}\n"


class Keeper:
    """The state in ``state_keeper``, of the end of a batch. Iterating counts the slots."""

    def __init__(self, state: Column) -> None:
        """Raises Error."""
        self._state = state
        self.slots = 0
        following = state.get(_NEXT_BATCH)
        if following is None:
            text = "the node had not finished to fill it: it does not say its batch (block_number)"
            raise error("incomplete-state", f"{state.path}: {text}")
        if len(following) != 4 or not any(following):
            raise _unknown(state, _NEXT_BATCH, following)
        self.batch = int.from_bytes(following, "little") - 1

    def table(self) -> Iterator[str]:
        """The lines of a table of slots. Raises Error."""
        yield "hashedKey,value\n"
        for key, value in self._state.rows():
            if key in _OF_NO_SLOT:
                continue
            if len(key) != 32 or len(value) not in (32, 40):
                raise _unknown(self._state, key, value)
            self.slots += 1
            yield f"0x{key.hex()},0x{value[:32].hex()}\n"


def _unknown(column: Column, key: bytes, value: bytes) -> Exception:
    text = f"the key {key.hex()} of {len(key)} bytes with a value of {len(value)} bytes is of no known layout"
    return error("unknown-input", f"{column.path}: {text}")
