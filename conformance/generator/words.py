"""Damage to the words of a proof, to the index and to the log: one kind at a time, in each form."""

from verifier.keccak import keccak256

from .cases import Group
from .forms import forms

ZEROS = "00" * 28


def flip(word, bit=0):
    """A word with one other bit, counted from the lowest."""
    return f"0x{int(word, 16) ^ 1 << bit:064x}"


def plus(word, number):
    return f"0x{int(word, 16) + number:064x}"


def with_byte(word, index, value):
    """A word with another byte, counted from the highest."""
    data = bytearray.fromhex(word[2:])
    data[index] = value
    return "0x" + data.hex()


class Damage:
    """A copy of a valid record that is being damaged."""

    def __init__(self, form):
        self.record, self.layout, self.form = form.record(), form.layout(), form
        self.words = self.record["proof"]

    def flip(self, at, bit=0):
        self.words[at] = flip(self.words[at], bit)

    def plus(self, at, number):
        self.words[at] = plus(self.words[at], number)

    def metadata(self, at, byte, change):
        self.words[at] = with_byte(self.words[at], byte, int(self.words[at][2 + 2 * byte : 4 + 2 * byte], 16) + change)

    def set_metadata(self, at, byte, value):
        self.words[at] = with_byte(self.words[at], byte, value)

    def cut(self, at):
        del self.words[at:]

    def drop(self, at):
        del self.words[at]

    def double(self, at):
        self.words.insert(at, self.words[at])

    def swap(self, at, to):
        self.words[at], self.words[to] = self.words[to], self.words[at]

    def log_byte(self, index, change):
        log = bytearray.fromhex(self.record["log"][2:])
        log[index] ^= change
        self.record["log"] = "0x" + log.hex()
        # Otherwise the record would contradict itself.
        del self.record["message"]


# Name, clause, damage, code. If the damage causes two faults, the code is None.
_FOLDS = (
    ("lowest-log-sibling-changed", "fold", lambda d: d.flip(d.layout.log[0]), "root-mismatch"),
    ("highest-log-sibling-changed", "fold", lambda d: d.flip(d.layout.log[-1], 255), "root-mismatch"),
    ("aggregated-root-changed", "fold", lambda d: d.flip(d.layout.aggregated), "root-mismatch"),
    ("batch-sibling-changed", "fold", lambda d: d.flip(d.layout.batch[0], 7), "root-mismatch"),
    ("chain-sibling-changed", "fold", lambda d: d.flip(d.layout.chain[0], 100), "root-mismatch"),
    ("last-word-changed", "fold", lambda d: d.flip(d.layout.chain[-1]), "root-mismatch"),
    ("log-siblings-swapped", "fold", lambda d: d.swap(d.layout.log[0], d.layout.log[1]), "root-mismatch"),
    ("batch-siblings-swapped", "fold", lambda d: d.swap(d.layout.batch[0], d.layout.batch[1]), "root-mismatch"),
    ("index-of-the-sibling", "fold", lambda d: d.record.update(id=d.record["id"] ^ 1), "root-mismatch"),
    ("index-in-the-aggregated-half", "fold", lambda d: d.record.update(id=d.record["id"] + 2**14), "root-mismatch"),
    ("batch-mask-of-the-sibling", "fold", lambda d: d.flip(d.layout.batch_mask), "root-mismatch"),
    ("chain-mask-of-the-sibling", "fold", lambda d: d.flip(d.layout.packed), "root-mismatch"),
)

_BOUNDS = (
    ("index-above-the-tree", "bounds", lambda d: d.record.update(id=d.record["id"] + 2**15), "index-out-of-bounds"),
    ("largest-index", "bounds", lambda d: d.record.update(id=2**64 - 1), "index-out-of-bounds"),
    ("batch-mask-above-the-tree", "bounds",
     lambda d: d.plus(d.layout.batch_mask, 1 << len(d.layout.batch)), "index-out-of-bounds"),
    ("batch-mask-with-the-highest-bit", "bounds", lambda d: d.flip(d.layout.batch_mask, 255), "index-out-of-bounds"),
    ("chain-mask-above-the-tree", "bounds",
     lambda d: d.plus(d.layout.packed, 1 << len(d.layout.chain)), "index-out-of-bounds"),
    ("chain-mask-with-the-highest-bit", "bounds", lambda d: d.flip(d.layout.packed, 127), "index-out-of-bounds"),
    # The aggregated root is read as the mask of the batch.
    ("log-path-length-one-less", "bounds", lambda d: d.metadata(0, 1, -1), "index-out-of-bounds"),
    # The mask of the batch is read as a sibling, and the first sibling as the mask.
    ("log-path-length-one-more", "bounds", lambda d: d.metadata(0, 1, 1), "index-out-of-bounds"),
    ("log-sibling-left-out", "bounds", lambda d: d.drop(d.layout.log[3]), "index-out-of-bounds"),
    ("log-sibling-twice", "bounds", lambda d: d.double(d.layout.log[3]), "index-out-of-bounds"),
    # The last sibling of the batch path is read as the packed number: its lower half does not fit the path as a mask.
    ("batch-path-length-one-less", "bounds", lambda d: d.metadata(0, 2, -1), "index-out-of-bounds"),
    # The chain id is read as the packed number.
    ("batch-path-length-one-more", "bounds", lambda d: d.metadata(0, 2, 1), "index-out-of-bounds"),
)

_METADATA = (
    ("version-0", "version", lambda d: d.set_metadata(0, 0, 0), "metadata-version"),
    ("version-2", "version", lambda d: d.set_metadata(0, 0, 2), "metadata-version"),
    ("version-255", "version", lambda d: d.set_metadata(0, 0, 255), "metadata-version"),
    ("version-2-in-the-second-hop", "version", lambda d: d.set_metadata(d.layout.second, 0, 2), "metadata-version"),
    ("last-node-before-a-batch-path", "final-path", lambda d: d.set_metadata(0, 3, 1), "batch-path-on-last-node"),
    ("batch-path-in-the-second-hop", "final-path",
     lambda d: d.set_metadata(d.layout.second, 2, 1), "batch-path-on-last-node"),
    # A word with a non-zero byte among the last 28 is not metadata: all words from there on are one path.
    ("second-metadata-as-a-sibling", "metadata", lambda d: d.set_metadata(d.layout.second, 31, 1), "root-mismatch"),
)

_LENGTH = (
    ("no-words", "empty", lambda d: d.cut(0), "empty-proof"),
    ("only-metadata", "length", lambda d: d.cut(1), "too-short"),
    ("cut-in-the-log-path", "length", lambda d: d.cut(d.layout.log[5]), "too-short"),
    ("cut-before-the-batch-mask", "length", lambda d: d.cut(d.layout.batch_mask), "too-short"),
    ("cut-in-the-batch-path", "length", lambda d: d.cut(d.layout.batch[-1]), "too-short"),
    ("cut-before-the-packed-number", "length", lambda d: d.cut(d.layout.packed), "too-short"),
    ("cut-before-the-settlement-layer", "length", lambda d: d.cut(d.layout.layer), "too-short"),
    ("cut-before-the-second-hop", "empty", lambda d: d.cut(d.layout.second), None),
    ("cut-after-the-second-metadata", "length", lambda d: d.cut(d.layout.second + 1), "too-short"),
    ("last-word-cut", "length", lambda d: d.cut(-1), "too-short"),
    ("chain-sibling-left-out", "length", lambda d: d.drop(d.layout.chain[0]), "too-short"),
    ("chain-path-length-one-more", "length", lambda d: d.metadata(d.layout.second, 1, 1), "too-short"),
    ("chain-path-length-255", "length", lambda d: d.set_metadata(d.layout.second, 1, 255), "too-short"),
    ("second-hop-that-is-not-last", "length", lambda d: d.set_metadata(d.layout.second, 3, 0), None),
    ("chain-path-length-one-less", "fold", lambda d: d.metadata(d.layout.second, 1, -1), None),
)

_LOG = (
    ("shard-1", "leaf", lambda d: d.log_byte(0, 1), "root-mismatch"),
    ("service-flag-0", "leaf", lambda d: d.log_byte(1, 1), "root-mismatch"),
    ("other-transaction-number", "leaf", lambda d: d.log_byte(3, 1), "root-mismatch"),
    ("other-transaction-number-high-byte", "leaf", lambda d: d.log_byte(2, 128), "root-mismatch"),
    ("other-emitter", "leaf", lambda d: d.log_byte(23, 1), "root-mismatch"),
    ("other-sender", "leaf", lambda d: d.log_byte(55, 1), "root-mismatch"),
    ("key-that-is-no-address", "leaf", lambda d: d.log_byte(24, 1), "root-mismatch"),
    ("other-value", "leaf", lambda d: d.log_byte(87, 1), "root-mismatch"),
)


def _damaged(name, about, kinds, **more):
    group = Group(name, about)
    for form in forms():
        group.facts(form.name, form.facts)
        for kind, clause, damage, code in kinds:
            damaged = Damage(form)
            damage(damaged)
            assert damaged.record != form.base.record, kind
            group.case(f"{kind}/{form.name}", clause, damaged.record, form.name, False, code, **more)
    return group


def _padding(group):
    """A proof of a padding leaf: it folds to the right root, but is refused because the leaf is not a log."""
    empty = "0x" + keccak256(bytes(88)).hex()
    for form in forms():
        alone = next(p for p in form.proofs if p.record["id"] % 2 == 0 and p.record["proof"][1] == empty
                     and p.target == form.base.target)
        record = alone.copy()
        leaf = keccak256(bytes.fromhex(record["log"][2:]))
        record.update(id=record["id"] + 1, log="0x" + "00" * 88)
        record["proof"][1] = "0x" + leaf.hex()
        record.pop("message", None)
        group.case(f"padding-of-the-tree/{form.name}", "default-leaf", record, form.name, False, "default-leaf")


def _encoding():
    """Words that the format does not allow and the contracts ignore."""
    kinds = (
        ("word-after-the-end", "encoding", lambda d: d.words.append("0x" + "11" * 32), "trailing-words"),
        ("zero-word-after-the-end", "encoding", lambda d: d.words.append("0x" + "00" * 32), "trailing-words"),
        ("last-word-twice", "encoding", lambda d: d.words.append(d.words[-1]), "trailing-words"),
    )
    return _damaged("encoding", RULE, kinds)


RULE = "Words after the end of a proof. The contracts ignore them; a verifier of this format refuses them."


def groups():
    """The groups of this file."""
    logs = _damaged("logs", "Another log than that of the proof.", _LOG)
    _padding(logs)
    return [
        _damaged("folding", "Words, indices and masks that fold to another root.", _FOLDS),
        _damaged("bounds", "Indices and masks that do not fit their paths.", _BOUNDS),
        _damaged("metadata", "The first word of a hop.", _METADATA),
        _damaged("lengths", "Proofs that end too early, and lengths that are wrong.", _LENGTH),
        logs,
        _encoding(),
    ]
