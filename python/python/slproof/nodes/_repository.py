"""Blocks and receipts in the database ``repository`` of a ZKsync OS node.

Layout: ``block_number_to_hash`` has block (8 bytes, big-endian) to hash; ``block_data`` has hash to the RLP list of header,
hashes of the transactions, ommers and withdrawals; ``tx_receipt`` has the hash of a transaction to its receipt: a byte of
its type unless that is zero, and the RLP list of status, gas, bloom filter, events and L2→L1 logs. Source:
matter-labs/zksync-os-server, ``lib/storage/src/db/repository.rs``, ``lib/types``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from . import _rlp
from ._database import Column
from .._error import error

MESSENGER = bytes.fromhex("0000000000000000000000000000000000008008")
# keccak256("L1MessageSent(address,bytes32,bytes)")
MESSAGE_SENT = bytes.fromhex("3a36e47291f4201faf137fab081d92295bce2d53be2c6ca68ba82c7faa9ce241")


class Event(NamedTuple):
    """An event L1MessageSent."""

    topics: list[bytes]
    data: bytes


@dataclass(frozen=True)
class Transaction:
    """A transaction with L2→L1 logs."""

    hash: bytes
    block: int
    index: int
    """Its index in the block."""
    logs: list[bytes]
    """Each of 88 bytes, as in the leaves of the tree of logs."""
    events: list[Event]
    messages: dict[bytes, bytes]
    """The messages in the events, by their hashes."""


class Repository:
    """The blocks of a node."""

    def __init__(self, columns: dict[str, Column]) -> None:
        self._blocks = columns["block_data"]
        self._hashes = columns["block_number_to_hash"]
        self._receipts = columns["tx_receipt"]

    def numbers(self) -> Iterator[int]:
        """The numbers of all blocks, ascending. Raises Error."""
        for key, _ in self._hashes.rows():
            yield int.from_bytes(key, "big")

    def transactions(self, block: int) -> list[Transaction] | None:
        """The transactions of a block that have L2→L1 logs; None if the database lacks the block. Raises Error."""
        block_hash = self._hashes.get(block.to_bytes(8, "big"))
        data = self._blocks.get(block_hash) if block_hash else None
        if data is None:
            return None
        try:
            _, listed, *_ = _rlp.items(data)
            hashes = [_rlp.string(item, 32) for item in _rlp.items(listed)]
        except ValueError as cause:
            raise self._damaged(f"block {block}", cause) from cause
        receipts = self._receipts.get_many(hashes) if hashes else []
        found = []
        for index, (tx_hash, receipt) in enumerate(zip(hashes, receipts)):
            name = f"the receipt of transaction 0x{tx_hash.hex()} in block {block}"
            if receipt is None:
                raise self._damaged(name, "missing")
            try:
                logs, events = _receipt(receipt)
                messages = dict(_message(event) for event in events)
            except ValueError as cause:
                raise self._damaged(name, cause) from cause
            if logs:
                found.append(Transaction(tx_hash, block, index, logs, events, messages))
        return found

    def _damaged(self, what: str, reason: object) -> Exception:
        return error("input-damaged", f"{self._blocks.path}: {what}: {reason}")


def _receipt(data: bytes) -> tuple[list[bytes], list[Event]]:
    has_type = data[:1] < b"\x80"
    fields = _rlp.items(data[1:] if has_type else data)
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} members instead of status, gas, bloom filter, events and L2→L1 logs")
    logs = [_log(log) for log in _rlp.items(fields[4])]
    if not logs:
        return [], []
    events = []
    for event in _rlp.items(fields[3]):
        address, listed, payload = _rlp.items(event)
        topics = [_rlp.string(topic, 32) for topic in _rlp.items(listed)]
        if _rlp.string(address, 20) == MESSENGER and topics[:1] == [MESSAGE_SENT]:
            events.append(Event(topics, _rlp.string(payload)))
    return logs, events


def _message(event: Event) -> tuple[bytes, bytes]:
    """The hash of a message, and its bytes."""
    start, length = (int.from_bytes(event.data[at : at + 32], "big") for at in (0, 32))
    if len(event.topics) != 3 or start != 32 or 64 + length > len(event.data):
        raise ValueError("an event L1MessageSent that is not of its ABI")
    return event.topics[2], event.data[64 : 64 + length]


def _log(encoded: bytes) -> bytes:
    shard, is_service, number, sender, key, value = _rlp.items(encoded)
    head = (_rlp.number(shard, 1), _rlp.number(is_service, 1), *_rlp.number(number, 2).to_bytes(2, "big"))
    return bytes(head) + _rlp.string(sender, 20) + _rlp.string(key, 32) + _rlp.string(value, 32)
