"""Proofs that other projects publish, a forgery, and limits of the encoding that no deployed tree reaches."""

import json

from storage import L1_BRIDGEHUB, WHITELISTED, mapping
from verifier.keccak import keccak256

from . import fixtures
from .cases import Group


def _node(left, right):
    return keccak256(left + right)


def _uint256(number):
    return number.to_bytes(32, "big")


def _text(data):
    return "0x" + data.hex()


def _batch_leaf(root, batch):
    return keccak256(keccak256(b"zkSync:BatchLeaf") + root + _uint256(batch))


def _chain_leaf(root, chain):
    return keccak256(keccak256(b"zkSync:ChainIdLeaf") + root + _uint256(chain))


def _metadata(log, batch, final):
    return f"0x01{log:02x}{batch:02x}{final:02x}{'00' * 28}"


def _root(root):
    return {"kind": "root", "root": root}


def _imported(chain, number, root):
    return {"kind": "importing-chain", "interopRoots": {str(chain): {str(number): root}}}


def _vector(vector):
    """The record of a published proof. In the tests of zksync-era, leaf i of a tree is 88 bytes of i + 1."""
    record = {
        "chainId": vector["chainId"],
        "batchNumber": vector["batchNumber"],
        "id": vector["leafMask"],
        "proof": vector["proof"],
        "log": vector.get("leafPreimage88") or _text(bytes([vector["leafMask"] + 1]) * 88),
    }
    assert _text(keccak256(bytes.fromhex(record["log"][2:]))) == vector["leaf"], vector["id"]
    if "message" in vector:
        record["message"] = vector["message"]["data"]
    return record


def _public():
    """Proofs from the documentation and the tests of other projects."""
    group = Group("published", "Proofs that other projects publish, and a forgery.")
    vectors = {vector["id"]: vector for vector in fixtures.read_json("public/vectors.json")["vectors"]}

    def case(name, clause, record, facts, valid, code=None):
        group.facts(name, facts)
        group.case(name, clause, record, name, valid, code, evidence="published")

    for name, vector_id, chain, number in (
        ("one-hop-of-chain-271", "ec-271-66-final3", 271, 66),
        ("two-hops-of-chain-271", "ec-271-66-gw506-double", 506, 243),
        ("message-of-chain-271", "era-docs-271-22-msgroot", 506, 49),
    ):
        vector = vectors[vector_id]
        root, record = vector["expected"]["interopRoot"], _vector(vector)
        case(name, "imported", record, _imported(chain, number, root), True)
        case(f"{name}-by-its-root", "fold", record, _root(root), True)
        case(f"{name}-another-root", "fold", record, _root(_text(keccak256(b"root"))), False, "root-mismatch")
    # Proofs from before v26 have no metadata: all words are the log path.
    for name, vector_id in (
        ("plain-path-of-8", "java-messengertest"),
        ("plain-path-of-5", "minitree-single32"),
        ("plain-path-of-6", "minitree-partial50-10"),
    ):
        vector = vectors[vector_id]
        root, record = vector["expected"]["rpcRoot"], _vector(vector)
        case(name, "metadata", record, _root(root), True)
        case(f"{name}-cut", "fold", record | {"proof": record["proof"][:-1]}, _root(root), False)
        above = record | {"id": record["id"] + (1 << len(record["proof"]))}
        case(f"{name}-index-above", "bounds", above, _root(root), False, "index-out-of-bounds")
    _forgery(case)
    return group


def _forgery(case):
    """A false shared root in a chain's own batch: L1 stores the root, but the chain is not a settlement layer."""
    record = fixtures.read_json("forged/forged.json")
    state = fixtures.State("forged/l1.json.gz")
    chains = [record["chainId"], record["target"]["slChainId"]]
    facts = {
        "kind": "l1",
        "release": "v29",
        "chainId": 1,
        "bridgehub": {
            "chains": chains,
            "whitelistedSettlementLayers": [
                chain for chain in state.chains(L1_BRIDGEHUB)
                if state.get(L1_BRIDGEHUB, mapping(WHITELISTED, chain))
            ],
        },
        "diamonds": {
            str(chains[0]): fixtures.diamond(state, L1_BRIDGEHUB, chains[0], []),
            str(chains[1]): fixtures.diamond(state, L1_BRIDGEHUB, chains[1], [record["target"]["number"]]),
        },
    }
    assert facts["diamonds"][str(chains[1])]["l2LogsRootHashes"] == {"1": record["target"]["root"]}
    case("forgery", "mailbox-layer", record, facts, False, "not-a-settlement-layer")
    case("forgery-by-its-root", "fold", record, _root(record["target"]["root"]), True)


class Made:
    """A proof of an invented log, built word by word with the formulas of the contracts."""

    CHAIN, BATCH, LAYER, NUMBER = 324, 7, 506, 5

    def __init__(self):
        message = b"made by the formulas"
        self.log = b"\0\1" + _uint256(3)[30:] + _uint256(0x8008)[12:] + _uint256(0x10003) + keccak256(message)
        self.words, self.root = [], keccak256(self.log)

    def path(self, siblings):
        """Siblings to the right of the fold, so that every index is zero."""
        for sibling in siblings:
            self.words.append(_text(sibling))
            self.root = _node(self.root, sibling)

    def record(self):
        return {
            "chainId": self.CHAIN, "batchNumber": self.BATCH, "id": 0, "proof": self.words, "log": _text(self.log),
        }

    def hop(self, siblings, batch_path, final, chain=CHAIN, batch=BATCH, layer=LAYER, number=NUMBER):
        """Appends one hop. If it is not final, the fold continues up to the leaf of the chain."""
        self.words.append(_metadata(len(siblings), len(batch_path), final))
        self.path(siblings)
        if not final:
            self.words.append(_text(bytes(32)))
            self.root = _batch_leaf(self.root, batch)
            self.path(batch_path)
            self.root = _chain_leaf(self.root, chain)
            self.words += [_text(_uint256(number << 128)), _text(_uint256(layer))]


def _siblings(count):
    return [keccak256(f"sibling {i}".encode()) for i in range(count)]


def _made(*hops):
    made = Made()
    for hop in hops:
        made.hop(**hop)
    return made


def _edges():
    """Lengths, flags and depths at their limits."""
    group = Group("edges", "Lengths, flags and depths at their limits; the roots follow from the formulas.")

    def case(name, clause, record, facts, valid, code=None):
        label = group.facts(json.dumps(facts) if len(json.dumps(facts)) < 200 else name, facts)
        group.case(name, clause, record, label, valid, code)

    def whole(name, clause, made, valid=True, code=None):
        case(name, clause, made.record(), _root(_text(made.root)), valid, code)

    two, one, none = _siblings(2), _siblings(1), []
    whole("batch-of-one-log", "fold", _made({"siblings": none, "batch_path": none, "final": 1}))
    whole("log-path-of-255", "path-length", _made({"siblings": _siblings(255), "batch_path": none, "final": 1}))
    plain = Made()
    plain.path(_siblings(255))
    whole("plain-path-of-255", "path-length", plain)
    plain = Made()
    plain.path(_siblings(256))
    whole("plain-path-of-256", "path-length", plain, False, "path-too-long")
    # A word with a non-zero byte among the last 28 is not metadata: here it is the first sibling.
    for index in (4, 31):
        word = bytearray.fromhex(_metadata(2, 0, 1)[2:])
        word[index] = 1
        plain = Made()
        plain.path([bytes(word), *two])
        whole(f"first-word-with-byte-{index}", "metadata", plain)
    for flag in (2, 128, 255):
        whole(f"last-node-flag-{flag}", "metadata", _made({"siblings": two, "batch_path": none, "final": flag}))
    last = {"siblings": two, "batch_path": none, "final": 1}
    whole("two-hops", "fold", _made({"siblings": two, "batch_path": two, "final": 0}, last))
    whole("chain-with-one-batch", "fold", _made({"siblings": two, "batch_path": none, "final": 0}, last))
    whole("layer-with-one-chain", "fold",
          _made({"siblings": two, "batch_path": one, "final": 0}, last | {"siblings": none}))
    made = _made({"siblings": two, "batch_path": one, "final": 0})
    made.path(two)
    whole("second-hop-without-metadata", "metadata", made)
    batch_path_255 = {"siblings": one, "batch_path": _siblings(255), "final": 0}
    whole("batch-path-of-255", "path-length", _made(batch_path_255, last))
    # The contracts of v31 go through one settlement layer at most.
    layer = {"siblings": two, "batch_path": one, "final": 0, "chain": Made.LAYER, "batch": Made.NUMBER,
             "layer": 777, "number": 9}
    made = _made({"siblings": two, "batch_path": one, "final": 0}, layer, last)
    facts = _imported(777, 9, _text(made.root))
    case("three-hops", "depth", made.record(), facts, False, "second-hop")
    made = _made({"siblings": two, "batch_path": one, "final": 0}, last)
    facts = _imported(Made.LAYER, Made.NUMBER, _text(made.root))
    case("two-hops-imported", "imported", made.record(), facts, True)
    return group


def groups():
    """The groups of this file."""
    return [_public(), _edges()]
