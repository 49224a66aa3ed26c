"""Decodes the words of a proof and folds them, as MessageHashing._getProofData and Merkle.calculateRootMemory do."""

from dataclasses import dataclass

from .answers import Refused
from .keccak import keccak256

BATCH_LEAF_PADDING = keccak256(b"zkSync:BatchLeaf")
CHAIN_ID_LEAF_PADDING = keccak256(b"zkSync:ChainIdLeaf")
EMPTY_LOG_LEAF = keccak256(bytes(88))
METADATA_VERSION = 1
LONGEST_PATH = 255


@dataclass
class SettlementLayer:
    """The settlement layer that the second hop leads to, and the number of its block or batch."""

    chain: int
    number: int


@dataclass
class Folded:
    """What a proof folds to. `settlement_layer` is None if the proof ends at the batch root; `timestamp` is None if its
    words have none."""

    batch_root: bytes
    settlement_layer: SettlementLayer | None
    root: bytes
    timestamp: int | None = None


class Words:
    """The words of a proof, taken one after another."""

    def __init__(self, words):
        self.words = words
        self.next = 0

    def remaining(self):
        return len(self.words) - self.next

    def take(self, count):
        if self.remaining() < count:
            raise Refused("too-short")
        self.next += count
        return self.words[self.next - count : self.next]

    def number(self):
        return int.from_bytes(self.take(1)[0], "big")


@dataclass
class Metadata:
    """The lengths of the paths of one hop, and whether it is the last one."""

    log_path: int
    batch_path: int
    is_final: bool


def read_metadata(words):
    """Reads the first word of a hop. If it is not metadata, all remaining words are a plain path."""
    if words.remaining() == 0:
        raise Refused("empty-proof" if words.next == 0 else "too-short")
    first = words.words[words.next]
    if any(first[4:]):
        return Metadata(words.remaining(), 0, True)
    words.take(1)
    version, log_path, batch_path, final = first[:4]
    if version != METADATA_VERSION:
        raise Refused("metadata-version")
    if final and batch_path:
        raise Refused("batch-path-on-last-node")
    return Metadata(log_path, batch_path, final != 0)


def fold_path(leaf, index, path):
    """The root over a leaf. The bits of the index, from the lowest, say on which side each sibling is."""
    if len(path) > LONGEST_PATH:
        raise Refused("path-too-long")
    if index >> len(path):
        raise Refused("index-out-of-bounds")
    for sibling in path:
        leaf = keccak256(sibling + leaf if index & 1 else leaf + sibling)
        index >>= 1
    return leaf


def _uint256(number):
    return number.to_bytes(32, "big")


def has_timestamp(words):
    """Whether the timestamp of the batch precedes the batch mask, as since v33: a number of 64 bits is there, and the
    second metadata are one word later than before v33. Without second metadata, the word fits the batch path as a mask
    if it is one, and the word after it fits if the word is a timestamp."""

    def is_metadata(at):
        return at < len(words) and words[at][0] == METADATA_VERSION and not any(words[at][4:])

    if not is_metadata(0) or words[0][3]:
        return False
    log_path, batch_path = words[0][1:3]
    second = log_path + batch_path + 4
    first, next_one = (int.from_bytes(words[log_path + i], "big") if log_path + i < len(words) else None for i in (1, 2))
    if is_metadata(second) or not first or first >> 64:
        return False
    is_only_next_a_mask = first >> batch_path and next_one is not None and not next_one >> batch_path
    return is_metadata(second + 1) or bool(is_only_next_a_mask)


def fold(chain, batch, index, leaf, words, timestamp=None):
    """Folds a proof of a leaf in a batch of a chain. With a timestamp, the words have to have it."""
    is_timed = timestamp is not None or has_timestamp(words)
    folded = _fold(chain, batch, index, leaf, Words(words), is_timed)
    if timestamp not in (None, folded.timestamp):
        raise Refused("timestamp-mismatch")
    return folded


def _fold(chain, batch, index, leaf, words, is_timed):
    metadata = read_metadata(words)
    if leaf == EMPTY_LOG_LEAF:
        raise Refused("default-leaf")
    batch_root = fold_path(leaf, index, words.take(metadata.log_path))
    if metadata.is_final:
        _end(words)
        return Folded(batch_root, None, batch_root)
    timestamp = words.number() if is_timed else None
    timed = b"" if timestamp is None else _uint256(timestamp)
    batch_leaf = keccak256(BATCH_LEAF_PADDING + batch_root + _uint256(batch) + timed)
    batch_mask = words.number()
    chain_root = fold_path(batch_leaf, batch_mask, words.take(metadata.batch_path))
    chain_leaf = keccak256(CHAIN_ID_LEAF_PADDING + chain_root + _uint256(chain))
    packed = words.number()
    number, chain_mask = packed >> 128, packed & ((1 << 128) - 1)
    settlement_layer = SettlementLayer(words.number(), number)
    last = read_metadata(words)
    root = fold_path(chain_leaf, chain_mask, words.take(last.log_path))
    if not last.is_final:
        raise Refused("second-hop")
    _end(words)
    return Folded(batch_root, settlement_layer, root, timestamp)


def _end(words):
    """Refuses words after the last node. The contracts ignore them, but the format does not allow them."""
    if words.remaining():
        raise Refused("trailing-words")
