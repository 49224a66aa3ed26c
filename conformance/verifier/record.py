"""Reads the record of a proof, and checks that it does not contradict itself."""

import re
from dataclasses import dataclass

from .answers import CannotJudge, Refused
from .keccak import keccak256

L1_MESSENGER = bytes.fromhex("0000000000000000000000000000000000008008")
TARGET_KINDS = ("block", "sl-batch", "batch-root")
MOST = (1 << 64) - 1
# Stands for a number of more than 64 bits. The contracts store up to 256, so a record with one is not judged.
TOO_LARGE = MOST + 1


@dataclass
class Target:
    """The target in a record. A missing member is None."""

    kind: str
    chain: int | None
    number: int | None
    root: bytes | None
    timestamp: int | None


@dataclass
class Record:
    chain: int
    batch: int
    index: int
    words: list
    log: bytes
    root: bytes | None
    target: Target | None
    timestamp: int | None


def _malformed():
    return Refused("malformed-record")


def _integer(value):
    """A number, or `TOO_LARGE`: a JSON integer, or a string in decimal or with 0x."""
    if isinstance(value, str):
        if re.fullmatch("[0-9]+", value):
            value = int(value)
        elif re.fullmatch("0x[0-9a-fA-F]+", value):
            value = int(value, 16)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _malformed()
    return min(value, TOO_LARGE)


def _bytes(value, length=None):
    if not isinstance(value, str) or not re.fullmatch("0x([0-9a-fA-F]{2})*", value):
        raise _malformed()
    data = bytes.fromhex(value[2:])
    if length is not None and len(data) != length:
        raise _malformed()
    return data


def _optional(members, name, read, *args):
    return read(members[name], *args) if members.get(name) is not None else None


def log_of_message(sender, tx_number, value):
    """The log that L1Messenger writes for a message whose hash is `value`."""
    return b"\x00\x01" + tx_number.to_bytes(2, "big") + L1_MESSENGER + bytes(12) + sender + value


def is_message(log):
    """Whether a log has the form of a message's log: shard 0, service, sender L1Messenger, key an address."""
    return log[:2] == b"\x00\x01" and log[4:24] == L1_MESSENGER and not any(log[24:36])


def _target(value):
    if not isinstance(value, dict):
        raise _malformed()
    kind = value.get("kind")
    if kind not in TARGET_KINDS:
        raise _malformed()
    target = Target(
        kind,
        _optional(value, "slChainId", _integer),
        _optional(value, "number", _integer),
        _optional(value, "root", _bytes, 32),
        _optional(value, "timestamp", _integer),
    )
    if target.root is None:
        raise _malformed()
    if (kind == "batch-root") != (target.chain is None) or (kind == "batch-root") != (target.number is None):
        raise _malformed()
    return target


def _log(members):
    """The log of a record: given, or derived from the message, or None."""
    log = _optional(members, "log", _bytes, 88)
    message = _optional(members, "message", _bytes)
    sender = _optional(members, "sender", _bytes, 20)
    tx_number = _optional(members, "txNumberInBatch", _integer)
    message_hash = _optional(members, "messageHash", _bytes, 32)
    hashed = keccak256(message) if message is not None else None
    if log is None:
        if hashed is not None and message_hash is not None and hashed != message_hash:
            raise Refused("message-mismatch")
        if tx_number is not None and tx_number >> 16:
            raise Refused("log-mismatch")
        value = message_hash if hashed is None else hashed
        if sender is None or tx_number is None or value is None:
            return None
        return log_of_message(sender, tx_number, value)
    if (message is not None or message_hash is not None) and not is_message(log):
        raise Refused("not-a-message")
    emitter = log[36:56] if is_message(log) else log[4:24]
    if tx_number is not None and tx_number != int.from_bytes(log[2:4], "big"):
        raise Refused("log-mismatch")
    if sender not in (None, emitter) or message_hash not in (None, log[56:]):
        raise Refused("log-mismatch")
    if hashed not in (None, log[56:]):
        raise Refused("message-mismatch")
    return log


def read(members):
    """Reads a record. Unknown members are ignored, and so are `txHash` and `checkedBy`, on which no proof depends."""
    if not isinstance(members, dict):
        raise _malformed()
    words = members.get("proof")
    if words is not None:
        if not isinstance(words, list):
            raise _malformed()
        words = [_bytes(word, 32) for word in words]
    chain = _optional(members, "chainId", _integer)
    batch = _optional(members, "batchNumber", _integer)
    index = _optional(members, "id", _integer)
    root = _optional(members, "root", _bytes, 32)
    target = _optional(members, "target", _target)
    timestamp = _optional(members, "l1Timestamp", _integer)
    log = _log(members)
    if words == []:
        raise Refused("empty-proof")
    numbers = [chain, batch, index, timestamp] + ([target.chain, target.number, target.timestamp] if target else [])
    if TOO_LARGE in numbers:
        raise CannotJudge("number-not-supported")
    for value, code in (
        (words, "proof-missing"),
        (index, "id-missing"),
        (chain, "chain-missing"),
        (batch, "batch-missing"),
        (log, "log-missing"),
    ):
        if value is None:
            raise CannotJudge(code)
    return Record(chain, batch, index, words, log, root, target, timestamp)
