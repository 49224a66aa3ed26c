"""The checks of the contracts in addition to folding: settlement layer, batch and root, by release."""

from verifier.keccak import keccak256

from . import fixtures
from .cases import Group
from .forms import Layout, changed, form_named

UNKNOWN = "unknown-root"


def _hash(text):
    return "0x" + keccak256(text).hex()


def batch_proof(record):
    """A proof of one hop: the first part of a proof, up to the batch root."""
    layout = Layout(record["proof"])
    lengths = record["proof"][0][2:6]
    metadata = f"0x{lengths}0001{'00' * 28}"
    return record | {"proof": [metadata, *record["proof"][1 : layout.batch_mask]]}


class Series:
    """Cases of one record with different facts."""

    def __init__(self, group, prefix, record, facts):
        self.group, self.prefix, self.record, self.facts = group, prefix, record, facts

    def case(self, name, clause, valid, code=None, *changes, **members):
        """A case with some values of the facts changed (path and value), and with members of the record added."""
        facts = self.facts
        for path, value in changes:
            facts = changed(facts, *path, to=value)
        # Many cases share the facts that none of them changed.
        label = f"{self.prefix}-{name}" if changes else self.prefix
        self.group.facts(label, facts)
        self.group.case(f"{self.prefix}/{name}", clause, self.record | members, label, valid, code)


def _through_before_v31():
    """Mailbox of v26 to v30 on L1, for proofs through a batch of a settlement layer."""
    group = Group("l1-before-v31", "Proofs through a batch of a settlement layer on L1 of v26 to v30.")
    form = form_named("l1-v29")
    chain, batch = str(form.base.record["chainId"]), str(form.base.record["batchNumber"])
    layer, number = str(form.layer), form.base.target["number"]
    root = form.base.target["root"]
    executed, roots = ("diamonds", layer, "totalBatchesExecuted"), ("diamonds", layer, "l2LogsRootHashes")
    own, listed = ("diamonds", chain, "l2LogsRootHashes"), ("bridgehub", "whitelistedSettlementLayers")
    series = Series(group, "through", form.record(), form.facts)
    case = series.case
    for release in ("v26", "v28", "v30"):
        case(f"release-{release}", "mailbox-root", True, None, (("release",), release))
    case("accepted", "mailbox-root", True)
    case("last-executed", "mailbox-executed", True, None, (executed, number))
    case("not-executed", "mailbox-executed", False, "batch-not-executed", (executed, number - 1))
    case("nothing-executed", "mailbox-executed", False, "batch-not-executed", (executed, 0))
    case("not-executed-yet", "facts", None, UNKNOWN, (executed, number - 1), ((*roots, str(number)), None))
    case("layer-not-listed", "mailbox-layer", False, "not-a-settlement-layer", (listed, []))
    case("another-layer-listed", "mailbox-layer", False, "not-a-settlement-layer", (listed, [form.layer + 1]))
    case("own-root-is-the-same", "mailbox-own-root", False, "batch-executed-here", (own, {batch: form.base.batch_root}))
    case("own-root-is-another", "mailbox-own-root", False, "batch-executed-here", (own, {batch: _hash(b"root")}))
    case("own-root-of-the-batch-before", "mailbox-own-root", True, None,
         (own, {str(int(batch) - 1): _hash(b"root")}))
    case("root-is-another", "mailbox-root", False, "root-mismatch", ((*roots, str(number)), _hash(b"root")))
    case("root-of-the-batch-after", "mailbox-root", False, "root-mismatch",
         ((*roots, str(number)), form.facts["diamonds"][layer]["l2LogsRootHashes"][str(number + 1)]))
    case("root-of-another-chain", "facts", None, UNKNOWN,
         (roots, {}), (("diamonds", chain, "l2LogsRootHashes"), {str(number): root}))
    case("no-root", "facts", None, UNKNOWN, ((*roots, str(number)), None))
    case("no-diamond-of-the-chain", "facts", None, "anchor-lacks-diamond", (("diamonds", chain), None))
    case("no-diamond-of-the-layer", "facts", None, "anchor-lacks-diamond", (("diamonds", layer), None))
    case("target-is-a-block", "facts", None, UNKNOWN, target=form.base.target | {"kind": "block"})

    series = Series(group, "own-batch", batch_proof(form.record()), form.facts)
    series.facts = changed(series.facts, "diamonds", chain, to={
        "totalBatchesExecuted": int(batch), "l2LogsRootHashes": {batch: form.base.batch_root}})
    _own_batch_before_v31(series, chain, batch, form)
    return group


def _own_batch_before_v31(series, chain, batch, form):
    """A final proof: the batch was executed on this chain."""
    case, path = series.case, ("diamonds", chain)
    executed, root = (*path, "totalBatchesExecuted"), (*path, "l2LogsRootHashes", batch)
    case("accepted", "mailbox-root", True)
    case("layer-not-listed", "mailbox-layer", True, None, (("bridgehub", "whitelistedSettlementLayers"), []))
    case("more-executed", "mailbox-executed", True, None, (executed, int(batch) + 1))
    case("not-executed", "mailbox-executed", False, "batch-not-executed", (executed, int(batch) - 1))
    case("not-executed-yet", "facts", None, UNKNOWN, (executed, int(batch) - 1), (root, None))
    case("root-is-another", "mailbox-root", False, "root-mismatch", (root, _hash(b"root")))
    case("no-root", "facts", None, UNKNOWN, (root, None))
    case("zero-root", "facts", None, UNKNOWN, (root, "0x" + "00" * 32))
    case("no-diamond", "facts", None, "anchor-lacks-diamond", (path, None))
    case("target", "agreement", True, target={"kind": "batch-root", "root": form.base.batch_root})
    case("target-is-a-batch-of-a-layer", "agreement", False, "target-mismatch", target=form.base.target)
    # Up to v30, batch 0 has no special rule.
    zero = Series(series.group, "own-batch-zero", series.record | {"batchNumber": 0}, series.facts)
    zero.case("accepted", "mailbox-root", True, None, (path, {
        "totalBatchesExecuted": 0, "l2LogsRootHashes": {"0": form.base.batch_root}}))


def _through_v31():
    """L1 of v31: L1ChainAssetHandler says through which batches of which layer a batch may be proven."""
    group = Group("l1-v31", "Proofs on L1 of v31.")
    form = form_named("l1-v31")
    record, number, layer = form.base.record, form.base.target["number"], form.layer
    chain, batch = str(record["chainId"]), record["batchNumber"]
    handler = ("chainAssetHandler", chain)
    interval = (*handler, "intervals", "0")
    whole = form.facts["chainAssetHandler"][chain]["intervals"]["0"]
    series = Series(group, "through", form.record(), form.facts)
    case, refused = series.case, "invalid-settlement-layer"

    def bound(name, valid, **values):
        changes = [((*interval, member), value) for member, value in values.items()]
        case(name, "interval", valid, None if valid else refused, *changes)

    case("accepted", "interval", True)
    bound("first-batch-of-the-interval", True, migrateToGWBatchNumber=batch - 1)
    bound("before-the-migration", False, migrateToGWBatchNumber=batch)
    bound("last-batch-of-the-interval", True, migrateFromGWBatchNumber=batch)
    bound("after-the-return", False, migrateFromGWBatchNumber=batch - 1)
    bound("at-the-lower-bound", True, settlementLayerBatchLowerBound=number)
    bound("below-the-lower-bound", False, settlementLayerBatchLowerBound=number + 1)
    bound("at-the-upper-bound", True, settlementLayerBatchUpperBound=number)
    bound("above-the-upper-bound", False, settlementLayerBatchUpperBound=number - 1)
    bound("another-layer", False, settlementLayerChainId=layer + 1)
    bound("no-layer", False, settlementLayerChainId=0)
    after = {"migrateFromGWBatchNumber": batch - 1, "settlementLayerBatchUpperBound": number - 1, "isActive": True}
    bound("not-returned-yet", True, **after)
    bound("not-returned-yet-below-the-lower-bound", False, settlementLayerBatchLowerBound=number + 1, **after)
    bound("not-returned-yet-another-layer", False, settlementLayerChainId=layer + 1, **after)
    earlier = whole | {"migrateToGWBatchNumber": 0, "migrateFromGWBatchNumber": batch - 1}
    case("in-the-second-interval", "interval", True, None,
         ((*handler, "migrationNumber"), 1), ((*handler, "intervals"), {"0": earlier, "1": whole}))
    case("second-interval-not-counted", "interval", False, refused,
         ((*handler, "migrationNumber"), 0), ((*handler, "intervals"), {"0": earlier, "1": whole}))
    case("first-interval-is-empty", "interval", True, None,
         ((*handler, "migrationNumber"), 1), ((*handler, "intervals"), {"1": whole}))
    case("first-interval-has-no-layer", "interval", True, None, ((*handler, "migrationNumber"), 1),
         ((*handler, "intervals"), {"0": whole | {"settlementLayerChainId": 0}, "1": whole}))
    case("two-migrations", "migrations", True, None, ((*handler, "migrationNumber"), 2))
    case("three-migrations", "migrations", False, refused, ((*handler, "migrationNumber"), 3))
    case("never-migrated", "interval", False, refused, ((*handler, "intervals"), {}))
    # Contracts of v33 read the first as a timestamp. The proof folds to the stored root in neither release.
    words, mask = record["proof"], Layout(record["proof"]).batch_mask
    case("batch-mask-twice", "timestamp", False, None, proof=[*words[:mask], words[mask], *words[mask:]])
    # Neither the list of v30 nor the chain's own root is looked up.
    case("layer-not-listed", "interval", True, None, (("bridgehub", "whitelistedSettlementLayers"), []))
    case("own-root-is-stored", "interval", True, None,
         (("diamonds", chain, "l2LogsRootHashes"), {str(batch): _hash(b"root")}))
    case("no-chain-asset-handler", "facts", None, "anchor-lacks-chain-asset-handler", (("chainAssetHandler",), None))
    case("no-message-root", "facts", None, "anchor-lacks-message-root", (("messageRoot",), None))
    case("target-is-a-block", "facts", None, UNKNOWN, target=form.base.target | {"kind": "block"})
    _layer_batch_v31(series, str(layer), number, form)
    _own_batch_v31(Series(group, "own-batch", batch_proof(form.record()), form.facts), chain, batch, form)
    return group


def _layer_batch_v31(series, layer, number, form):
    """The root of the settlement layer's batch is looked up like that of every final batch."""
    case, root = series.case, form.base.target["root"]
    stored = ("messageRoot", "chainBatchRoots", layer, str(number))
    upgrade = ("messageRoot", "v31UpgradeChainBatchNumber", layer)
    diamond = ("diamonds", layer, "l2LogsRootHashes")
    case("layer-root-is-another", "message-root", False, "root-mismatch", (stored, _hash(b"root")))
    case("layer-root-only-in-the-diamond", "l1-fallback", False, "batch-not-in-message-root",
         (stored, None), (diamond, {str(number): root}))
    case("layer-root-from-before-the-upgrade", "l1-fallback", True, None,
         (stored, None), (diamond, {str(number): root}), (upgrade, number + 1))
    case("layer-root-not-stored", "facts", None, UNKNOWN, (stored, None), (diamond, {}))


def _own_batch_v31(series, chain, batch, form):
    """A final proof on L1 of v31: MessageRoot, and before the upgrade the diamond."""
    root = form.base.batch_root
    stored = ("messageRoot", "chainBatchRoots", chain)
    upgrade = ("messageRoot", "v31UpgradeChainBatchNumber", chain)
    diamond = ("diamonds", chain, "l2LogsRootHashes")
    mine, other = {str(batch): root}, {str(batch): _hash(b"root")}
    series.facts = changed(changed(series.facts, *stored, to=mine), *diamond, to={})
    case = series.case
    case("accepted", "message-root", True)
    case("root-is-another", "message-root", False, "root-mismatch", (stored, other))
    case("root-of-another-batch", "facts", None, UNKNOWN, (stored, {str(batch + 1): root}))
    case("message-root-comes-before-the-diamond", "l1-fallback", True, None,
         (diamond, other), (upgrade, "not upgraded"))
    case("diamond-does-not-come-before-message-root", "l1-fallback", False, "root-mismatch",
         (stored, other), (diamond, mine), (upgrade, "not upgraded"))
    for name, value, valid in (
        ("last-batch-before-the-upgrade", batch + 1, True),
        ("not-upgraded", "not upgraded", True),
        ("first-batch-after-the-upgrade", batch, False),
        ("chain-of-v31", 0, False),
    ):
        code = None if valid else "batch-not-in-message-root"
        case(name, "l1-fallback", valid, code, (stored, {}), (diamond, mine), (upgrade, value))
    case("before-the-upgrade-another-root", "l1-fallback", False, "root-mismatch",
         (stored, {}), (diamond, other), (upgrade, "not upgraded"))
    case("before-the-upgrade-no-root", "facts", None, UNKNOWN, (stored, {}), (upgrade, "not upgraded"))
    # Unlike Mailbox, the fallback does not check how many batches were executed.
    case("before-the-upgrade-count-not-asked", "l1-fallback", True, None,
         (stored, {}), (diamond, mine), (upgrade, "not upgraded"),
         (("diamonds", chain, "totalBatchesExecuted"), 0))
    case("before-the-upgrade-no-diamond", "facts", None, "anchor-lacks-diamond",
         (stored, {}), (("diamonds", chain), None), (upgrade, "not upgraded"))
    case("no-migrations", "message-root", True, None, (("chainAssetHandler", chain, "intervals"), {}))
    zero = Series(series.group, "own-batch-zero", series.record | {"batchNumber": 0}, series.facts)
    zero.case("in-message-root", "batch-zero", False, "batch-zero", (stored, {"0": root}))
    zero.case("in-the-diamond", "batch-zero", False, "batch-zero",
              (stored, {}), (diamond, {"0": root}), (upgrade, "not upgraded"))


def _settlement_layer():
    """The contracts of a settlement layer itself."""
    group = Group("layer", "Proofs on a settlement layer: its roots by block, and its batch roots.")
    for release in ("v29", "v31"):
        form = form_named(f"block-{release}")
        record, block = form.base.record, form.base.target["number"]
        chain, batch = record["chainId"], record["batchNumber"]
        blocks = [block, form.known_number()]
        facts = fixtures.settlement_layer(form.folder, release, form.layer, blocks, {chain: [batch]})
        roots = ("messageRoot", "historicalRoot")
        series = Series(group, f"block-{release}", form.record(), facts)
        case = series.case
        case("accepted", "historical", True)
        case("target", "agreement", True, target=form.base.target)
        case("root-is-another", "historical", False, "root-mismatch", ((*roots, str(block)), _hash(b"root")))
        case("no-root-of-the-block", "facts", None, UNKNOWN, ((*roots, str(block)), None))
        case("block-of-another-chain", "facts", None, UNKNOWN, (("chainId",), form.layer + 1))
        code, clause = ("only-l1", "only-l1") if release == "v31" else ("batch-executed-here", "mailbox-own-root")
        case("target-is-a-batch-of-the-layer", clause, False, code, target=form.base.target | {"kind": "sl-batch"})
        if release == "v29":
            case("release-v28", "facts", None, UNKNOWN, (("release",), "v28"), (roots, {}))
        _own_batch_on_a_layer(Series(group, f"batch-{release}", batch_proof(form.record()), facts), form)
    return group


def _own_batch_on_a_layer(series, form):
    chain, batch = str(form.base.record["chainId"]), str(form.base.record["batchNumber"])
    case, diamond = series.case, ("diamonds", chain)
    if form.release == "v29":
        case("accepted", "mailbox-root", True)
        case("release-v28", "mailbox-root", True, None, (("release",), "v28"))
        case("not-executed", "mailbox-executed", False, "batch-not-executed",
             ((*diamond, "totalBatchesExecuted"), int(batch) - 1))
        case("root-is-another", "mailbox-root", False, "root-mismatch",
             ((*diamond, "l2LogsRootHashes", batch), _hash(b"root")))
        case("no-root", "facts", None, UNKNOWN, ((*diamond, "l2LogsRootHashes", batch), None))
        return
    stored, root = ("messageRoot", "chainBatchRoots", chain), form.base.batch_root
    case("accepted", "message-root", True)
    case("root-is-another", "message-root", False, "root-mismatch", (stored, {batch: _hash(b"root")}))
    # A layer that was upgraded in place has no roots of earlier batches, and does not look them up in the diamond.
    case("only-in-the-diamond", "l2-fallback", False, "batch-not-in-message-root",
         (stored, {}), ((*diamond, "l2LogsRootHashes"), {batch: root}))
    case("no-root", "facts", None, UNKNOWN, (stored, {}), ((*diamond, "l2LogsRootHashes"), {}))
    zero = Series(series.group, "batch-zero-v31", series.record | {"batchNumber": 0}, series.facts)
    zero.case("in-message-root", "batch-zero", False, "batch-zero", (stored, {"0": root}))


def _importing():
    """A chain that imported roots; a final proof is looked up under the chain and the batch."""
    group = Group("importing", "Proofs on a chain that imports interop roots.")
    for release in ("v29", "v31"):
        form = form_named(f"block-{release}")
        record, block, layer = form.base.record, str(form.base.target["number"]), str(form.layer)
        chain, batch = str(record["chainId"]), str(record["batchNumber"])
        roots = ("interopRoots", layer)
        case = Series(group, f"block-{release}", form.record(), form.facts).case
        case("accepted", "imported", True)
        case("target", "agreement", True, target=form.base.target)
        case("root-is-another", "imported", False, "root-mismatch", ((*roots, block), _hash(b"root")))
        case("not-imported", "facts", None, UNKNOWN, ((*roots, block), None))
        case("zero-root", "facts", None, UNKNOWN, ((*roots, block), "0x" + "00" * 32))
        case("root-of-another-layer", "facts", None, UNKNOWN,
             (("interopRoots",), {str(form.layer + 1): form.facts["interopRoots"][layer]}))
        case("target-is-a-batch-of-the-layer", "facts", None, UNKNOWN, target=form.base.target | {"kind": "sl-batch"})
        case = Series(group, f"batch-{release}", batch_proof(form.record()), form.facts).case
        imported = ("interopRoots", chain)
        case("accepted", "imported", True, None, (imported, {batch: form.base.batch_root}))
        case("root-is-another", "imported", False, "root-mismatch", (imported, {batch: _hash(b"root")}))
        case("not-imported", "facts", None, UNKNOWN)
    return group


def groups():
    """The groups of this file."""
    return [_through_before_v31(), _through_v31(), _settlement_layer(), _importing()]
