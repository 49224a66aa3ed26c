"""Proofs of v33 of ZKsync OS (atomic interop), which the real contracts accepted or refused in an EVM."""

from . import fixtures
from .cases import Group

L1 = 1
# The log that is damaged: chain, batch and index. Its proof leads to the newest root.
DAMAGED = (8022833, 9, 1)

# The clause and the code of each kind of damage; the code is None where verifiers may find another fault first.
KINDS = {
    "timestamp + 1": ("timed-leaf", None),
    "timestamp 0": ("timed-leaf", None),
    "timestamp in milliseconds": ("timed-leaf", None),
    "timestamp of the root instead of the batch": ("timed-leaf", None),
    "no timestamp word (v31 form)": ("timestamp", None),
    "timestamp word after the mask": ("timestamp", "index-out-of-bounds"),
    "timestamp word before the log path": ("timestamp", None),
    "v31 proof: 15 siblings and no timestamp": ("timestamp", None),
    "wrong sibling 1 of the 8-leaf tree (multichain root)": ("eight-leaves", "root-mismatch"),
    "wrong sibling 2 (IMT node)": ("eight-leaves", "root-mismatch"),
    "wrong sibling 3 (reserved half)": ("eight-leaves", "root-mismatch"),
    "reserved half 0": ("eight-leaves", "root-mismatch"),
    "IMT begin and end swapped": ("eight-leaves", "root-mismatch"),
    "8-leaf siblings reversed": ("eight-leaves", "root-mismatch"),
    "15 siblings (no IMT, no reserved half)": ("eight-leaves", "root-mismatch"),
    "16 siblings (no reserved half)": ("eight-leaves", "root-mismatch"),
    "18 siblings": ("eight-leaves", None),
    "wrong leaf position": ("fold", "root-mismatch"),
}


def _record(line):
    """A line of the vectors as a record, without members that a proof does not need."""
    record = {
        "chainId": line["chainId"],
        "batchNumber": line["batchNumber"],
        "id": line["logIndex"],
        "proof": line["proof"],
        "log": line["log"],
    }
    return record


def _target(line):
    target = line["target"]
    return {"kind": "block", "slChainId": L1, "number": target["slBlock"], "root": target["root"]}


def _key(line):
    return line["chainId"], line["batchNumber"], line["logIndex"]


def _importing(target, timestamp):
    """The facts of a chain that imported one root; without a timestamp it is of a release before v33, or was
    upgraded and has imported no root since."""
    facts = {"kind": "importing-chain", "interopRoots": {str(L1): {str(target["slBlock"]): target["root"]}}}
    if timestamp is not None:
        facts["timestamps"] = {str(L1): {str(target["slBlock"]): timestamp}}
    return facts


def _l1(chain, roots):
    return {
        "kind": "l1",
        "release": "v33",
        "chainId": L1,
        "bridgehub": {"chains": [chain], "whitelistedSettlementLayers": []},
        "messageRoot": {"chainBatchRoots": {str(chain): roots}, "v31UpgradeChainBatchNumber": {str(chain): 4}},
        "chainAssetHandler": {},
        "diamonds": {},
    }


def groups():
    about = "Proofs of v33 of ZKsync OS (atomic interop), with L1 as the settlement layer."
    group = Group("atomic", about, release="v33")
    accepted = fixtures.lines("v33/proofs.jsonl.gz")
    block = next(line for line in accepted if _key(line) == DAMAGED and line["target"]["kind"] == "final")
    final = next(line for line in accepted if _key(line) == DAMAGED and line["target"]["kind"] == "batch-root")
    target, time = block["target"], block["target"]["timestamp"]
    group.facts("imported", _importing(target, time))
    group.facts("imported-before-v33", _importing(target, None))
    group.facts("root", {"kind": "root", "root": target["root"]})
    group.facts("l1", _l1(final["chainId"], {str(final["batchNumber"]): final["root"]}))
    whole = _record(block) | {"target": _target(block) | {"timestamp": time}, "l1Timestamp": block["l1Timestamp"]}

    def case(name, clause, record, facts, valid, code=None, evidence="run"):
        group.case(name, clause, record, facts, valid, code, evidence=evidence)

    case("block/accepted", "imported", _record(block), "imported", True)
    case("block/with-timestamps", "agreement", whole, "imported", True, evidence="rule")
    case("block/other-timestamp-of-the-batch", "agreement", whole | {"l1Timestamp": time}, "imported", False,
         "timestamp-mismatch", "rule")
    case("block/other-timestamp-of-the-root", "agreement",
         whole | {"target": _target(block) | {"timestamp": time + 1}}, "imported", False, "timestamp-mismatch", "rule")
    case("block/timestamp-of-the-root-before-the-batch", "order",
         whole | {"target": _target(block) | {"timestamp": block["l1Timestamp"] - 1}}, "root", False,
         "timestamp-mismatch", "rule")
    case("block/timestamps-and-only-the-root", "agreement", whole, "root", True, evidence="rule")
    # A path without metadata takes all the words left, also after the settlement layer.
    log_path, batch_path = bytes.fromhex(block["proof"][0][4:8])
    second = log_path + batch_path + 5
    plain = {"proof": block["proof"][:second] + block["proof"][second + 1 :]}
    case("block/second-path-without-metadata", "metadata", _record(block) | plain, "imported", True, evidence="rule")
    case("block/second-path-without-metadata-and-with-timestamps", "metadata", whole | plain, "imported", True,
         evidence="rule")
    case("block/release-not-shown", "facts", _record(block), "imported-before-v33", None,
         "release-not-shown", "rule")
    case("block/asked-of-l1", "own-block", _record(block), "l1", False, "block-of-l1")
    case("final/accepted", "message-root", _record(final), "l1", True)
    case("final/asked-of-an-importing-chain", "facts", _record(final), "imported", None, "unknown-root", "rule")
    case("final/batch-zero", "batch-zero", _record(final) | {"batchNumber": 0}, "l1", False, "batch-zero")
    refused = fixtures.lines("v33/proofs_negative.jsonl.gz")
    for kind, (clause, code) in KINDS.items():
        line = next(line for line in refused if line["case"] == kind and _key(line) == DAMAGED
                    and line["target"] == {"slBlock": target["slBlock"], "root": target["root"]})
        name = "".join(letter if letter.isalnum() else "-" for letter in kind.lower())
        name = "-".join(part for part in name.split("-") if part)
        case(f"refused/{name}", clause, _record(line), "imported", False, code)
    return [group]
