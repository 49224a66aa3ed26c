"""Reads the fixtures: accepted proofs, and the roots that the chains stored that accepted them."""

import copy
import functools
import gzip
import json
from pathlib import Path

from storage import (
    CHAIN_BATCH_ROOTS,
    INTERVAL,
    L1_BRIDGEHUB,
    L1_CHAIN_ASSET_HANDLER,
    L1_MESSAGE_ROOT,
    L1_UPGRADE_BATCH,
    L2_BRIDGEHUB,
    L2_LOGS_ROOT_HASHES,
    L2_MESSAGE_ROOT,
    MIGRATION_INTERVAL,
    MIGRATION_NUMBER,
    TOTAL_BATCHES_EXECUTED,
    WHITELISTED,
    ZK_CHAIN_KEYS,
    ZK_CHAIN_VALUES,
    array,
    mapping,
)
from verifier.contracts import NOT_UPGRADED

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@functools.cache
def _json(name):
    path = FIXTURES / name
    return json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


def read_json(name):
    """A JSON file among the fixtures."""
    return copy.deepcopy(_json(name))


@functools.cache
def _lines(name):
    return [json.loads(line) for line in gzip.decompress((FIXTURES / name).read_bytes()).splitlines()]


def lines(name):
    """The objects of a compressed file with one JSON object on each line."""
    return copy.deepcopy(_lines(name))


class State:
    """The storage in a dump of `anvil`."""

    def __init__(self, name):
        accounts = read_json(name)["accounts"]
        self.slots = {
            (address, int(slot, 16)): int(value, 16)
            for address, account in accounts.items()
            for slot, value in account["storage"].items()
        }

    def get(self, address, slot):
        return self.slots.get((address, slot), 0)

    def root(self, address, slot):
        value = self.get(address, slot)
        return f"0x{value:064x}" if value else None

    def chains(self, bridgehub):
        count = self.get(bridgehub, ZK_CHAIN_KEYS)
        return [self.get(bridgehub, array(ZK_CHAIN_KEYS, index)) for index in range(count)]

    def diamond_address(self, bridgehub, chain):
        return f"0x{self.get(bridgehub, mapping(ZK_CHAIN_VALUES, chain)):040x}"


def _known(roots):
    return {str(batch): root for batch, root in roots if root}


def diamond(state, bridgehub, chain, batches):
    """The facts of a chain's diamond, with the roots of these batches."""
    address = state.diamond_address(bridgehub, chain)
    roots = ((batch, state.root(address, mapping(L2_LOGS_ROOT_HASHES, batch))) for batch in batches)
    return {
        "totalBatchesExecuted": state.get(address, TOTAL_BATCHES_EXECUTED),
        "l2LogsRootHashes": _known(roots),
    }


def _upgrade_batch(state, chain):
    number = state.get(L1_MESSAGE_ROOT, mapping(L1_UPGRADE_BATCH, chain))
    return "not upgraded" if number == NOT_UPGRADED else number


def _migrations(state, chain):
    count = state.get(L1_CHAIN_ASSET_HANDLER, mapping(MIGRATION_NUMBER, chain))
    intervals = {}
    for index in range(count + 1):
        first = mapping(MIGRATION_INTERVAL, chain, index)
        interval = {name: state.get(L1_CHAIN_ASSET_HANDLER, first + i) for i, name in enumerate(INTERVAL)}
        interval["isActive"] = bool(interval["isActive"])
        if interval["settlementLayerChainId"]:
            intervals[str(index)] = interval
    return {"migrationNumber": count, "intervals": intervals}


def l1(folder, release, layer, layer_batches, batches):
    """The facts of L1: roots of these batches of the settlement layer, and of these batches {chain: numbers}."""
    state = State(f"{folder}/l1.state.anvil.json")
    chains = [layer, *batches]
    diamonds = {str(layer): diamond(state, L1_BRIDGEHUB, layer, layer_batches)}
    for chain, numbers in batches.items():
        diamonds[str(chain)] = diamond(state, L1_BRIDGEHUB, chain, numbers)
    whitelisted = [c for c in state.chains(L1_BRIDGEHUB) if state.get(L1_BRIDGEHUB, mapping(WHITELISTED, c))]
    facts = {
        "kind": "l1",
        "release": release,
        "chainId": 1,
        "bridgehub": {"chains": chains, "whitelistedSettlementLayers": whitelisted},
        "diamonds": diamonds,
    }
    if release == "v31":
        slot = functools.partial(mapping, CHAIN_BATCH_ROOTS, layer)
        roots = _known((batch, state.root(L1_MESSAGE_ROOT, slot(batch))) for batch in layer_batches)
        facts["messageRoot"] = {
            "chainBatchRoots": {str(layer): roots},
            "v31UpgradeChainBatchNumber": {str(chain): _upgrade_batch(state, chain) for chain in chains},
        }
        facts["chainAssetHandler"] = {str(chain): _migrations(state, chain) for chain in chains}
    return facts


def settlement_layer(folder, release, layer, blocks, batches):
    """The facts of a settlement layer: its roots by block, and the batch roots of these chains and batches."""
    state = State(f"{folder}/state.anvil.json")
    historical = historical_roots(folder)
    facts = {
        "kind": "settlement-layer",
        "release": release,
        "chainId": layer,
        "bridgehub": {"chains": list(batches), "whitelistedSettlementLayers": []},
        "messageRoot": {"historicalRoot": {str(block): historical[block] for block in blocks}},
        "diamonds": {
            str(chain): diamond(state, L2_BRIDGEHUB, chain, numbers) for chain, numbers in batches.items()
        },
    }
    if release == "v31":
        facts["messageRoot"]["chainBatchRoots"] = {
            str(chain): _known(
                (number, state.root(L2_MESSAGE_ROOT, mapping(CHAIN_BATCH_ROOTS, chain, number)))
                for number in numbers
            )
            for chain, numbers in batches.items()
        }
    return facts


def importing_chain(layer, blocks, folder):
    """The facts of a chain that imported these roots of a settlement layer."""
    historical = historical_roots(folder)
    return {
        "kind": "importing-chain",
        "interopRoots": {str(layer): {str(block): historical[block] for block in blocks}},
    }


def historical_roots(folder):
    """The roots by block that MessageRoot returned."""
    roots = read_json(f"{folder}/roots.json")["historicalRoot"]
    return {int(block): root for block, root in roots.items()}


def _record(line):
    record = {
        "chainId": line["chainId"],
        "batchNumber": line["batchNumber"],
        "id": line["logIndex"],
        "proof": list(line["proof"]),
        "log": line["log"],
    }
    if "messageHex" in line:
        record["message"] = line["messageHex"]
    return record


class Accepted:
    """A proof that the contracts accepted, and its target."""

    def __init__(self, line, kind, layer):
        self.record = _record(line)
        self.batch_root = line["root"]
        number = line["target"]["slBlock" if kind == "block" else "slBatch"]
        self.target = {"kind": kind, "slChainId": layer, "number": number, "root": line["target"]["root"]}
        self.executed_at_once = line["target"]["kind"] in ("executed-block", "own")

    def copy(self):
        return copy.deepcopy(self.record)


def accepted(folder, kind, layer):
    """All accepted proofs against a block ("block") or through a batch of the settlement layer ("sl-batch")."""
    name = "proofs" if kind == "block" else "proofs_l1"
    return [Accepted(line, kind, layer) for line in _lines(f"{folder}/{name}.jsonl.gz")]


def refused(folder):
    """The refused proofs, as records, with the name of the damage and the answer of the contracts."""
    lines = _lines(f"{folder}/proofs_negative.jsonl.gz")
    return [(line["case"], line["result"], _record(line)) for line in lines]
