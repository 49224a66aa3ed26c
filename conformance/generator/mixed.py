"""Parts of two valid proofs that do not belong together."""

from .cases import Group
from .forms import Layout, changed, forms

ABOUT = "Parts of two valid proofs that do not belong together."


def _log_and_message(group, form):
    """The log and the message of one proof with the words of another."""
    base, name = form.base, form.name
    sibling = form.sibling_log().record
    record = form.record()
    record.update(log=sibling["log"], message=sibling["message"])
    group.case(f"log-of-another-index/{name}", "leaf", record, name, False, "root-mismatch")

    record = form.record()
    record["message"] = sibling["message"]
    group.case(f"message-of-another-log/{name}", "agreement", record, name, False, "message-mismatch")

    # Without the log, it is derived from the message, its sender and its transaction number.
    log = base.record["log"]
    repeated = {"sender": "0x" + log[74:114], "txNumberInBatch": int(log[6:10], 16)}
    record = form.record() | repeated
    del record["log"]
    group.case(f"log-from-the-message/{name}", "message-log", dict(record), name, True)
    record["message"] = sibling["message"]
    group.case(f"log-from-another-message/{name}", "message-log", record, name, False, "root-mismatch")
    record = form.record() | repeated | {"txNumberInBatch": repeated["txNumberInBatch"] ^ 1}
    del record["log"]
    group.case(f"log-of-another-transaction/{name}", "message-log", record, name, False, "root-mismatch")

    status = min(
        (p for p in form.proofs if "message" not in p.record), key=lambda p: p.target != base.target
    ).record
    record = form.record()
    record.update(log=status["log"])
    group.case(f"message-beside-the-log-of-no-message/{name}", "agreement", record, name, False, "not-a-message")


def _index_and_batch(group, form):
    """The position of the log, from another proof."""
    name = form.name
    sibling, other_batch, other_chain = form.sibling_log(), form.other_batch(), form.other_chain()
    record = form.record()
    record["id"] = sibling.record["id"]
    group.case(f"index-of-another-log/{name}", "fold", record, name, False, "root-mismatch")

    # Each batch of a chain has its own leaf. On L1 of v31, the number also decides which layers are valid.
    record = form.record()
    record["batchNumber"] = other_batch.record["batchNumber"]
    group.case(f"number-of-another-batch/{name}", "batch-leaf", record, name, False, "root-mismatch")

    record = form.record()
    record["chainId"] = other_chain.record["chainId"]
    code = None if form.release == "v31" and form.on_l1() else "root-mismatch"
    group.case(f"id-of-another-chain/{name}", "chain-leaf", record, name, False, code)

    for what, other in (("batch", other_batch), ("chain", other_chain)):
        record = other.copy()
        record["proof"] = form.record()["proof"]
        group.case(f"words-of-another-{what}/{name}", "fold", record, name, False)


def _hops(group, form):
    """The hops of two proofs."""
    name, layout = form.name, form.layout()
    words = form.base.record["proof"]

    def other_words(other, begin, end):
        at = Layout(other.record["proof"])
        begin, end = getattr(at, begin), getattr(at, end) if end else None
        return other.record["proof"][begin:end]

    def case(kind, clause, proof, code="root-mismatch"):
        record = form.record()
        record["proof"] = proof
        assert record != form.base.record, kind
        group.case(f"{kind}/{name}", clause, record, name, False, code)

    chain, target = form.other_chain(), form.other_target()
    metadata = words[0]
    theirs = other_words(chain, "batch_mask", None)
    lengths = f"{metadata[:6]}{chain.record['proof'][0][6:8]}{metadata[8:]}"
    case("rest-of-another-chain", "batch-leaf", [lengths, *words[1 : layout.batch_mask], *theirs])
    second = other_words(chain, "packed", None)
    case("second-hop-of-another-chain", "chain-leaf", words[: layout.packed] + second)
    later = other_words(target, "packed", None)
    case("second-hop-to-another-root", "chain-leaf", words[: layout.packed] + later)
    number = form.known_number()
    packed = f"0x{number << 128 | int(words[layout.packed], 16) & (1 << 128) - 1:064x}"
    changed_words = words[: layout.packed] + [packed] + words[layout.layer :]
    case("number-of-another-root", "imported" if not form.on_l1() else "fold", changed_words)
    batch = form.other_batch()
    middle = other_words(batch, "batch_mask", "packed")
    case("place-of-another-batch", "fold", words[: layout.batch_mask] + middle + words[layout.packed :])
    logs = other_words(batch, "log_begin", "batch_mask")
    case("log-path-of-another-batch", "fold", [metadata, *logs, *words[layout.batch_mask :]])


def _repeated(group, form):
    """The batch root or the target of another proof in the record."""
    name = form.name
    root, target = form.base.batch_root, form.base.target
    good = form.record() | {"root": root, "target": target}
    group.case(f"root-and-target/{name}", "agreement", good, name, True)
    wrong_root = form.other_batch().batch_root
    group.case(f"root-of-another-batch/{name}", "agreement", good | {"root": wrong_root}, name, False,
               "batch-root-mismatch")
    other = form.other_target().target
    for member, value in (("number", other["number"]), ("slChainId", target["slChainId"] + 1)):
        record = good | {"target": target | {member: value}}
        group.case(f"target-{member}-of-another/{name}", "agreement", record, name, False, "target-mismatch")
    record = good | {"target": target | {"root": other["root"]}}
    group.case(f"target-root-of-another/{name}", "agreement", record, name, False)
    record = good | {"target": {"kind": "batch-root", "root": root}}
    group.case(f"target-is-the-batch-root/{name}", "agreement", record, name, False, "target-mismatch")


def _layers(group, form):
    """Another settlement layer in the words."""
    name, layout = form.name, form.layout()
    record = form.record()
    record["proof"][layout.layer] = f"0x{form.layer + 1:064x}"
    if form.on_l1():
        facts, code = name, "invalid-settlement-layer" if form.release == "v31" else "not-a-settlement-layer"
        clause = "interval" if form.release == "v31" else "mailbox-layer"
        group.case(f"another-settlement-layer/{name}", clause, record, facts, False, code)
        return
    other = str(form.layer + 1)
    roots = form.facts["interopRoots"][str(form.layer)]
    number = str(form.base.target["number"])
    group.case(f"settlement-layer-without-roots/{name}", "facts", record, name, None, "unknown-root")
    same = group.facts(f"{name}-and-another-layer", changed(form.facts, "interopRoots", other, to={
        number: roots[str(form.known_number())]}))
    group.case(f"another-settlement-layer/{name}", "imported", record, same, False, "root-mismatch")


def groups():
    """The group of this file."""
    group = Group("mixed", ABOUT)
    for form in forms():
        group.facts(form.name, form.facts)
        _log_and_message(group, form)
        _index_and_batch(group, form)
        _hops(group, form)
        _repeated(group, form)
        _layers(group, form)
    return [group]
