"""The L2→L1 logs of a ZKsync OS node, as lines of JSON: by batch, or as receipts if its batches are not known.

Layout of ``executed_batch_storage``: ``batch_info`` has batch (8 bytes, big-endian) to JSON with ``batch_info.batch_number``
and ``block_range``. Source: matter-labs/zksync-os-server, ``lib/storage/src/db/batch.rs``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ._database import Column
from .._error import error
from ._repository import MESSENGER, Repository, Transaction


class Batch(NamedTuple):
    """The blocks of a batch."""

    number: int
    first: int
    last: int


class LeftOut:
    """Batches that are left out: how many, and the first and the last of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0

    def add(self, number: int) -> None:
        self.first = self.first if self.count else number
        self.last = number
        self.count += 1

    def __str__(self) -> str:
        return f"{self.count:,} batches, from {self.first} to {self.last}"


class Archive:
    """The batches of a node, up to a block. Iterating counts them anew."""

    def __init__(self, repository: Repository, info: Column, chain: int, last: int) -> None:
        self._repository = repository
        self._info = info
        self._chain = chain
        self._last = last
        self._clear()

    def _clear(self) -> None:
        self.batches = 0
        self.later = LeftOut()
        """Batches that end after the last block."""
        self.without_blocks = LeftOut()
        """Batches of which the repository lacks a block."""
        self.without_messages = LeftOut()
        """Batches without their messages, because a receipt lacks the event of one."""

    def raw(self) -> Iterator[str]:
        """The raw archive: a line for each batch. Raises Error."""
        for batch, transactions in self._whole():
            line: dict[str, Any] = {"chainId": self._chain, "batchNumber": batch.number}
            line["logs"] = [_hex(log) for transaction in transactions for log in transaction.logs]
            messages = [message for transaction in transactions for message in _messages(transaction)]
            if None in messages:
                self.without_messages.add(batch.number)
            else:
                line["messages"] = [_hex(message) for message in messages if message is not None]
            line["transactions"] = [_hex(each.hash) for each in transactions for _ in each.logs]
            yield _json(line)

    def own_batches(self) -> Iterator[str]:
        """The batches with their blocks, for ``--sl-batches`` if the chain is a settlement layer. Raises Error."""
        for batch, transactions in self._whole():
            line: dict[str, Any] = {"chainId": self._chain, "batchNumber": batch.number}
            line |= {"firstBlock": batch.first, "lastBlock": batch.last}
            line["logs"] = [_hex(log) for transaction in transactions for log in transaction.logs]
            yield _json(line)

    def _whole(self) -> Iterator[tuple[Batch, list[Transaction]]]:
        self._clear()
        for batch in self._executed():
            if batch.last > self._last:
                self.later.add(batch.number)
                continue
            transactions: list[Transaction] = []
            for block in range(batch.first, batch.last + 1):
                found = self._repository.transactions(block)
                if found is None:
                    self.without_blocks.add(batch.number)
                    break
                transactions += found
            else:
                self.batches += 1
                yield batch, transactions

    def _executed(self) -> Iterator[Batch]:
        for key, value in self._info.rows():
            number = int.from_bytes(key, "big")
            try:
                parsed = json.loads(value)
                blocks = parsed["block_range"]
                batch = Batch(int(parsed["batch_info"]["batch_number"]), int(blocks["start"]), int(blocks["end"]))
                if batch.number != number:
                    raise ValueError(f"it names itself {batch.number}")
            except (ValueError, TypeError, KeyError) as cause:
                text = f"batch {number} is not JSON with batch_info.batch_number and block_range ({cause!r})"
                raise error("input-damaged", f"{self._info.path}: {text}") from cause
            yield batch


def receipts(repository: Repository, last: int) -> Iterator[str]:
    """The receipts that have L2→L1 logs, with the members that are read, up to a block. Raises Error."""
    for block in repository.numbers():
        if block > last:
            return
        for transaction in repository.transactions(block) or ():
            yield _json(
                {
                    "transactionHash": _hex(transaction.hash),
                    "transactionIndex": hex(transaction.index),
                    "blockNumber": hex(block),
                    "l2ToL1Logs": [_of_rpc(log) for log in transaction.logs],
                    "logs": [
                        {"address": _hex(MESSENGER), "topics": [_hex(topic) for topic in topics], "data": _hex(data)}
                        for topics, data in transaction.events
                    ],
                }
            )


def _of_rpc(log: bytes) -> dict[str, Any]:
    return {
        "shardId": hex(log[0]),
        "isService": bool(log[1]),
        "txNumberInBlock": hex(int.from_bytes(log[2:4], "big")),
        "sender": _hex(log[4:24]),
        "key": _hex(log[24:56]),
        "value": _hex(log[56:88]),
    }


def _messages(transaction: Transaction) -> Iterator[bytes | None]:
    """The message of each log that is of one; None if the receipt lacks it."""
    for log in transaction.logs:
        # The rule of the contracts: a service log of L1Messenger in shard 0, whose key is an address.
        if log[:2] == b"\0\1" and log[4:24] == MESSENGER and not any(log[24:36]):
            yield transaction.messages.get(log[56:88])


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _json(line: dict[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":")) + "\n"
