"""The storage of the contracts: which slot holds which variable (era-contracts v26 to v31 and v33)."""

from verifier.contracts import NOT_UPGRADED
from verifier.keccak import keccak256

# The addresses of the contracts on a settlement layer and on a chain that imports roots.
L2_BRIDGEHUB = "0x0000000000000000000000000000000000010002"
L2_MESSAGE_ROOT = "0x0000000000000000000000000000000000010005"
L2_INTEROP_ROOT_STORAGE = "0x0000000000000000000000000000000000010008"

# Their addresses on L1 in the fixtures.
L1_BRIDGEHUB = "0x303a465b659cbb0ab36ee643ea362c509eeb5213"
L1_MESSAGE_ROOT = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
L1_CHAIN_ASSET_HANDLER = "0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2"
# The address of a contract that Bridgehub stores only since v31.
L1_CHAIN_REGISTRATION_SENDER = "0x5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c"

# Bridgehub
ZK_CHAIN_KEYS, ZK_CHAIN_POSITIONS, ZK_CHAIN_VALUES = 208, 209, 210
MESSAGE_ROOT, WHITELISTED, CHAIN_ASSET_HANDLER, CHAIN_REGISTRATION_SENDER = 211, 217, 219, 220
# MessageRoot
CHAIN_COUNT, CHAIN_INDEX, CHAIN_INDEX_TO_ID, HISTORICAL_ROOT = 1, 2, 3, 9
CHAIN_BATCH_ROOTS, INTEROP_ROOT_LOG_ID, LAST_EMIT_BLOCK, L1_UPGRADE_BATCH = 12, 13, 14, 50
# A diamond
TOTAL_BATCHES_EXECUTED, L2_LOGS_ROOT_HASHES, CHAIN_ID = 11, 15, 40
# L1ChainAssetHandler
MIGRATION_NUMBER, MIGRATION_INTERVAL, HANDLER_MESSAGE_ROOT = 207, 252, 253
INTERVAL = (
    "migrateToGWBatchNumber",
    "migrateFromGWBatchNumber",
    "settlementLayerBatchLowerBound",
    "settlementLayerBatchUpperBound",
    "settlementLayerChainId",
    "isActive",
)
# InteropRootStorage
INTEROP_ROOTS, LATEST_TIMESTAMP = 0, 1


def word(value):
    """A value as 32 bytes: a number, or the text of a number, an address or a hash."""
    return (int(value, 0) if isinstance(value, str) else int(value)).to_bytes(32, "big")


def mapping(slot, *keys):
    """The slot of a value in a mapping, or in a mapping of mappings."""
    slot = word(slot)
    for key in keys:
        slot = keccak256(word(key) + slot)
    return int.from_bytes(slot, "big")


def array(slot, index):
    """The slot of an entry of a dynamic array."""
    return (int.from_bytes(keccak256(word(slot)), "big") + index) % (1 << 256)


def diamond_address(chain):
    """The address of a chain's diamond in a state that is made from facts."""
    return "0xd1" + f"{chain:038x}"


def _bridgehub(address, facts, message_root):
    chains = sorted({int(chain) for chain in facts.get("diamonds", {})} | set(facts["bridgehub"]["chains"]))
    yield address, ZK_CHAIN_KEYS, len(chains)
    for index, chain in enumerate(chains):
        yield address, array(ZK_CHAIN_KEYS, index), chain
        yield address, mapping(ZK_CHAIN_POSITIONS, chain), index + 1
        yield address, mapping(ZK_CHAIN_VALUES, chain), diamond_address(chain)
    yield address, MESSAGE_ROOT, message_root
    for chain in facts["bridgehub"]["whitelistedSettlementLayers"]:
        yield address, mapping(WHITELISTED, chain), 1
    if facts["kind"] == "l1":
        yield address, CHAIN_ASSET_HANDLER, int(L1_CHAIN_ASSET_HANDLER, 16) << 8
        if facts["release"] in ("v31", "v33"):
            yield address, CHAIN_REGISTRATION_SENDER, L1_CHAIN_REGISTRATION_SENDER


def _message_root(address, facts):
    values = facts["messageRoot"]
    yield address, CHAIN_COUNT, 1
    yield address, mapping(CHAIN_INDEX_TO_ID, 0), facts["chainId"]
    for block, root in values.get("historicalRoot", {}).items():
        yield address, mapping(HISTORICAL_ROOT, block), root
    for chain, roots in values.get("chainBatchRoots", {}).items():
        for batch, root in roots.items():
            yield address, mapping(CHAIN_BATCH_ROOTS, chain, batch), root
    for chain, batch in values.get("v31UpgradeChainBatchNumber", {}).items():
        batch = NOT_UPGRADED if batch == "not upgraded" else batch
        yield address, mapping(L1_UPGRADE_BATCH, chain), batch
    # No proof depends on these. They are not zero on a chain of v31, so slproof detects the release from them.
    if facts["release"] in ("v31", "v33"):
        yield address, INTEROP_ROOT_LOG_ID, 1
        yield address, LAST_EMIT_BLOCK, 1
    # The timestamp of the newest root.
    if facts["release"] == "v33":
        yield address, mapping(HISTORICAL_ROOT, 1) + 1, 1


def _chain_asset_handler(facts):
    # Not zero, so that the state contains the contract even if no chain has migrated.
    yield L1_CHAIN_ASSET_HANDLER, HANDLER_MESSAGE_ROOT, L1_MESSAGE_ROOT
    for chain, migrations in facts["chainAssetHandler"].items():
        yield L1_CHAIN_ASSET_HANDLER, mapping(MIGRATION_NUMBER, chain), migrations["migrationNumber"]
        for index, interval in migrations["intervals"].items():
            first = mapping(MIGRATION_INTERVAL, chain, index)
            for field, name in enumerate(INTERVAL):
                yield L1_CHAIN_ASSET_HANDLER, first + field, interval[name]


def slots(facts):
    """The slots of a state with these facts: address, slot, value."""
    if facts["kind"] == "importing-chain":
        for chain, roots in facts["interopRoots"].items():
            for number, root in roots.items():
                yield L2_INTEROP_ROOT_STORAGE, mapping(INTEROP_ROOTS, chain, number), root
        for chain, timestamps in facts.get("timestamps", {}).items():
            for number, timestamp in timestamps.items():
                yield L2_INTEROP_ROOT_STORAGE, mapping(INTEROP_ROOTS, chain, number) + 1, timestamp
            yield L2_INTEROP_ROOT_STORAGE, mapping(LATEST_TIMESTAMP, chain), max(timestamps.values())
        return
    is_l1 = facts["kind"] == "l1"
    message_root = L1_MESSAGE_ROOT if is_l1 else L2_MESSAGE_ROOT
    if "bridgehub" in facts:
        yield from _bridgehub(L1_BRIDGEHUB if is_l1 else L2_BRIDGEHUB, facts, message_root)
    if "messageRoot" in facts:
        yield from _message_root(message_root, facts)
    if "chainAssetHandler" in facts:
        yield from _chain_asset_handler(facts)
    for chain, diamond in facts.get("diamonds", {}).items():
        address = diamond_address(int(chain))
        yield address, CHAIN_ID, int(chain)
        yield address, TOTAL_BATCHES_EXECUTED, diamond["totalBatchesExecuted"]
        for batch, root in diamond["l2LogsRootHashes"].items():
            yield address, mapping(L2_LOGS_ROOT_HASHES, batch), root
