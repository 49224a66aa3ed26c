"""Groups of cases, and how they are written."""

import json

from .fixtures import refused

# Clauses of the contracts: contract, function, and the releases that have it.
CLAUSES = {
    "leaf": ("MessageHashing", "getLeafHashFromLog", "v26 to v31"),
    "message-log": ("MessageHashing", "_l2MessageToLog", "v26 to v31"),
    "default-leaf": ("MessageHashing", "_getProofData: HashedLogIsDefault", "v26 to v31"),
    "empty": ("MessageHashing", "_getProofData: MerklePathEmpty", "v26 to v31"),
    "length": ("MessageHashing", "extractSlice: a word that is not there", "v26 to v31"),
    "metadata": ("MessageHashing", "parseProofMetadata", "v26 to v31"),
    "version": ("MessageHashing", "parseProofMetadata: UnsupportedProofMetadataVersion", "v26 to v31"),
    "final-path": ("MessageHashing", "parseProofMetadata: InvalidProofLengthForFinalNode", "v26 to v31"),
    "fold": ("Merkle", "calculateRootMemory", "v26 to v31"),
    "bounds": ("Merkle", "_validatePathLengthForSingleProof: MerkleIndexOutOfBounds", "v26 to v31"),
    "path-length": ("Merkle", "_validatePathLengthForSingleProof: MerklePathOutOfBounds", "v26 to v31"),
    "batch-leaf": ("MessageHashing", "batchLeafHash", "v26 to v31"),
    "chain-leaf": ("MessageHashing", "chainIdLeafHash", "v26 to v31"),
    "depth": ("MessageVerification", "DepthMoreThanOneForRecursiveMerkleProof", "v31"),
    "imported": ("L2MessageVerification", "interopRoots", "v29 to v31"),
    "historical": ("MessageRoot", "historicalRoot", "v29 to v31"),
    "mailbox-executed": ("Mailbox", "_proveL2LeafInclusion: BatchNotExecuted", "v26 to v30"),
    "mailbox-root": ("Mailbox", "_proveL2LeafInclusion: l2LogsRootHashes", "v26 to v30"),
    "mailbox-own-root": ("Mailbox", "_proveL2LeafInclusion: LocalRootMustBeZero", "v26 to v30"),
    "mailbox-layer": ("Mailbox", "_proveL2LeafInclusion: NotSettlementLayer", "v26 to v30"),
    "message-root": ("MessageRootBase", "_getChainBatchRoot", "v31"),
    "batch-zero": ("MessageRootBase", "_getChainBatchRoot: BatchZeroNotAllowed", "v31"),
    "l1-fallback": ("L1MessageRoot", "_noBatchFallback", "v31"),
    "l2-fallback": ("L2MessageRoot", "_noBatchFallback", "v31"),
    "only-l1": ("L2MessageRoot", "_proveL2LeafInclusionOnSettlementLayer: OnlyL1", "v31"),
    "interval": ("L1ChainAssetHandler", "isValidSettlementLayer", "v31"),
    "timed-leaf": ("MessageHashing", "batchLeafHash: with the timestamp", "v33"),
    "timestamp": ("MessageHashing", "_getProofData: a timestamp before the batch mask", "v33, and none before"),
    "eight-leaves": ("ChainBatchRootTree", "the batch root of a ZKsync OS chain", "v33"),
    "own-block": ("L1MessageRoot", "L1 has no batches of itself", "v33"),
    "migrations": ("L1ChainAssetHandler", "isValidSettlementLayer: IteratedMigrationsNotSupported", "v31"),
}

# Rules that do not come from contracts: they are about records, or about facts that a verifier lacks.
RULES = {
    "encoding": "The words end with the last node. The contracts do not read what follows.",
    "agreement": "Two values in a record that repeat each other have to be equal.",
    "order": "A batch was executed in the block of its target, or before.",
    "record": "The record has to be readable: types, lengths, hexadecimal digits.",
    "spelling": "Another valid spelling of the same record.",
    "incomplete": "The record lacks something. This does not make the proof invalid.",
    "facts": "The facts lack something. This does not make the proof invalid.",
}


def _clause(name, release):
    if name in RULES:
        return {"rule": RULES[name]}
    contract, function, releases = CLAUSES[name]
    if release is not None and not releases.startswith(release):
        releases = release
    return {"contract": contract, "function": function, "releases": releases}


def _identity(record):
    keys = ("chainId", "batchNumber", "id", "proof", "log")
    if not isinstance(record, dict) or any(key not in record for key in keys):
        return None
    return json.dumps([record[key] for key in keys] + [record.get("message")])


class Group:
    """Cases that belong together; they are written to one file."""

    # Records that the real contracts refused in an EVM.
    REFUSED = {
        _identity(record) for folder in ("gateway-v29", "gateway-v31") for _, _, record in refused(folder)
    }

    def __init__(self, name, about, release=None):
        """With a release, its contracts decide the cases, and it has every clause that they name."""
        self.name, self.about, self._release = name, about, release
        self._facts, self._cases = {}, []

    def facts(self, name, facts):
        """Adds facts under a name. The same name always has the same facts."""
        assert self._facts.setdefault(name, facts) == facts, name
        return name

    def case(self, name, clause, record, facts, valid, code=None, evidence="rule"):
        """Adds a case. `code` is None if the proof is valid, or if verifiers may find different faults first."""
        assert facts in self._facts, facts
        if _identity(record) in self.REFUSED:
            assert valid is not True, name
            evidence = "run" if valid is False else evidence
        case = {
            "name": f"{self.name}/{name}",
            "clause": _clause(clause, self._release),
            "evidence": evidence,
            "facts": facts,
            "expected": {"valid": valid} | ({"code": code} if code else {}),
            "record": record,
        }
        self._cases.append(case)

    def text(self):
        """The file: one line for each set of facts and each case, so that a change is easy to read."""
        names = [case["name"] for case in self._cases]
        assert len(set(names)) == len(names), self.name
        used = {case["facts"] for case in self._cases}
        assert used == set(self._facts), set(self._facts) - used
        facts = ",\n".join(f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in self._facts.items())
        cases = ",\n".join(json.dumps(case, ensure_ascii=False) for case in self._cases)
        about = json.dumps(self.about)
        return f'{{"about": {about},\n"facts": {{\n{facts}\n}},\n"cases": [\n{cases}\n]}}\n'

