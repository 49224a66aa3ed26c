"""The root that the contracts of a chain compare a proof with, and their other checks.

The facts about a chain are values of its storage, under the names of the contracts and variables. A missing value of a
contract is zero. A missing contract is unknown.
"""

from .answers import CannotJudge, Refused
from .keccak import keccak256

NOT_UPGRADED = int.from_bytes(keccak256(b"V31_UPGRADE_CHAIN_BATCH_NUMBER_PLACEHOLDER_VALUE"), "big")
MOST_MIGRATIONS = 2


def _of(values, *keys):
    """A value of a mapping, or of a mapping of mappings; None if it is missing."""
    for key in keys:
        values = values.get(str(key)) if values else None
    return values


def _hash(text):
    """A stored root as bytes. Raises CannotJudge if there is none."""
    root = bytes.fromhex(text[2:]) if text else b""
    if not any(root):
        raise CannotJudge("unknown-root")
    return root


class Contracts:
    """The facts of one case."""

    def __init__(self, facts):
        self.facts = facts
        self.is_l1 = facts["kind"] == "l1"
        self.is_v31 = facts["release"] in ("v31", "v33")
        self.is_v33 = facts["release"] == "v33"

    def _contract(self, name, code):
        if name not in self.facts:
            raise CannotJudge(code)
        return self.facts[name]

    def _diamond(self, chain):
        diamond = _of(self.facts.get("diamonds"), chain)
        if diamond is None:
            raise CannotJudge("anchor-lacks-diamond")
        return diamond

    def root_of_batch(self, chain, batch):
        """The root with which a final proof is compared: Mailbox up to v30, MessageRootBase._getChainBatchRoot."""
        if self.is_v31:
            return self._root_in_message_root(chain, batch)
        diamond = self._diamond(chain)
        root = _of(diamond["l2LogsRootHashes"], batch)
        if batch > diamond["totalBatchesExecuted"]:
            # A batch without a root may be executed later, so an older state cannot judge it.
            raise Refused("batch-not-executed") if root else CannotJudge("unknown-root")
        return _hash(root)

    def _root_in_message_root(self, chain, batch):
        message_root = self._contract("messageRoot", "anchor-lacks-message-root")
        if batch == 0:
            raise Refused("batch-zero")
        root = _of(message_root["chainBatchRoots"], chain, batch)
        if root:
            return _hash(root)
        if self._falls_back_to_diamond(message_root, chain, batch):
            return _hash(_of(self._diamond(chain)["l2LogsRootHashes"], batch))
        if _of(self.facts.get("diamonds"), chain, "l2LogsRootHashes", batch):
            raise Refused("batch-not-in-message-root")
        raise CannotJudge("unknown-root")

    def _falls_back_to_diamond(self, message_root, chain, batch):
        """L1MessageRoot._noBatchFallback. A settlement layer has no fallback."""
        if not self.is_l1:
            return False
        upgrade = _of(message_root["v31UpgradeChainBatchNumber"], chain) or 0
        upgrade = NOT_UPGRADED if upgrade == "not upgraded" else upgrade
        return upgrade == NOT_UPGRADED or batch < upgrade

    def root_through(self, chain, batch, settlement_layer):
        """The root with which the second hop of a proof is compared."""
        if self.is_v31:
            if not self.is_l1:
                raise Refused("only-l1")
            handler = self._contract("chainAssetHandler", "anchor-lacks-chain-asset-handler")
            if not self._is_valid_settlement_layer(handler, chain, batch, settlement_layer):
                raise Refused("invalid-settlement-layer")
        else:
            if _of(self._diamond(chain)["l2LogsRootHashes"], batch):
                raise Refused("batch-executed-here")
            bridgehub = self._contract("bridgehub", "anchor-lacks-bridgehub")
            if settlement_layer.chain not in bridgehub["whitelistedSettlementLayers"]:
                raise Refused("not-a-settlement-layer")
        return self.root_of_batch(settlement_layer.chain, settlement_layer.number)

    def _is_valid_settlement_layer(self, handler, chain, batch, claimed):
        """L1ChainAssetHandler.isValidSettlementLayer of v31."""
        migrations = _of(handler, chain) or {"migrationNumber": 0, "intervals": {}}
        count = migrations["migrationNumber"]
        if count > MOST_MIGRATIONS:
            return False
        on_l1 = claimed.chain == self.facts["chainId"]
        for i in range(count + 1):
            interval = _of(migrations["intervals"], i)
            if interval is None or interval["settlementLayerChainId"] == 0:
                continue
            if batch <= interval["migrateToGWBatchNumber"]:
                return on_l1
            is_right_layer = claimed.chain == interval["settlementLayerChainId"]
            is_late_enough = claimed.number >= interval["settlementLayerBatchLowerBound"]
            if interval["isActive"]:
                return is_right_layer and is_late_enough
            if batch <= interval["migrateFromGWBatchNumber"]:
                is_early_enough = claimed.number <= interval["settlementLayerBatchUpperBound"]
                return is_right_layer and is_late_enough and is_early_enough
        return on_l1

    def root_of_block(self, settlement_layer):
        """A settlement layer's own root at the end of a block. L1 stores none."""
        if self.is_l1 or settlement_layer.chain != self.facts["chainId"]:
            raise CannotJudge("unknown-root")
        message_root = self._contract("messageRoot", "anchor-lacks-message-root")
        return _hash(_of(message_root["historicalRoot"], settlement_layer.number))


def _check_words(is_v33, folded):
    """Since v33 the words have a timestamp, and none before."""
    if is_v33 != (folded.timestamp is not None):
        raise Refused("proof-of-other-release")


def _imported(facts, record, folded, chain, number):
    """The root that a chain imported. Since v33 it has a timestamp."""
    root = _hash(_of(facts["interopRoots"], chain, number))
    if folded.settlement_layer is not None:
        is_v33 = bool(_of(facts.get("timestamps"), chain))
        if folded.timestamp is not None and not is_v33:
            # The chain may have been upgraded, and have imported no root since. No release takes another root.
            if root == folded.root:
                raise CannotJudge("release-not-shown")
            return root
        _check_words(is_v33, folded)
        given = record.target.timestamp if record.target else None
        if given not in (None, _of(facts.get("timestamps"), chain, number)):
            raise Refused("timestamp-mismatch")
    return root


def expected_root(facts, record, folded):
    """The root that the contracts compare a proof with, after their other checks."""
    settlement_layer = folded.settlement_layer
    if facts["kind"] == "root":
        return bytes.fromhex(facts["root"][2:])
    kind = record.target.kind if record.target else None
    if facts["kind"] == "importing-chain":
        if kind == "sl-batch":
            raise CannotJudge("unknown-root")
        chain, number = record.chain, record.batch
        if settlement_layer is not None:
            chain, number = settlement_layer.chain, settlement_layer.number
        return _imported(facts, record, folded, chain, number)
    contracts = Contracts(facts)
    if settlement_layer is None:
        return contracts.root_of_batch(record.chain, record.batch)
    if contracts.is_l1 and contracts.is_v33 and kind != "sl-batch" and settlement_layer.chain == facts["chainId"]:
        raise Refused("block-of-l1")
    if kind == "sl-batch" or (kind is None and contracts.is_l1):
        root = contracts.root_through(record.chain, record.batch, settlement_layer)
    else:
        root = contracts.root_of_block(settlement_layer)
    _check_words(contracts.is_v33, folded)
    return root
