"""Records: spellings that have to be accepted, records that cannot be read, and records that lack something."""

from .cases import Group
from .forms import form_named


def _without(record, *members):
    return {member: value for member, value in record.items() if member not in members}


class Records:
    """Cases of one record, each with some members changed."""

    def __init__(self, group, form):
        self.group, self.facts = group, group.facts(form.name, form.facts)
        log = form.base.record["log"]
        self.record = form.record()
        self.whole = self.record | {"root": form.base.batch_root, "target": form.base.target}
        self.repeated = {
            "sender": "0x" + log[74:114],
            "txNumberInBatch": int(log[6:10], 16),
            "messageHash": "0x" + log[114:],
        }

    def accepted(self, name, record, clause="spelling"):
        self.group.case(f"accepted/{name}", clause, record, self.facts, True)

    def refused(self, name, record, code="malformed-record", clause="record"):
        self.group.case(f"refused/{name}", clause, record, self.facts, False, code)

    def unjudged(self, name, record, code=None):
        self.group.case(f"not-judged/{name}", "incomplete", record, self.facts, None, code)


def _upper(text):
    return "0x" + text[2:].upper()


def _spellings(records):
    record, whole, repeated = records.record, records.whole, records.repeated
    accepted = records.accepted
    accepted("all-members", whole | repeated | {"txHash": "0x" + "ab" * 32, "checkedBy": "state+events"})
    accepted("members-in-another-order", dict(reversed(whole.items())))
    accepted("unknown-member", whole | {"note": {"a": [1, None]}})
    for member in ("chainId", "batchNumber", "id"):
        accepted(f"{member}-as-decimal-text", whole | {member: str(whole[member])})
        accepted(f"{member}-as-hexadecimal-text", whole | {member: hex(whole[member])})
    target = whole["target"]
    accepted("target-numbers-as-decimal-text",
             whole | {"target": target | {"number": str(target["number"]), "slChainId": str(target["slChainId"])}})
    accepted("target-numbers-as-hexadecimal-text",
             whole | {"target": target | {"number": hex(target["number"]), "slChainId": hex(target["slChainId"])}})
    accepted("transaction-number-as-text", whole | {"txNumberInBatch": hex(repeated["txNumberInBatch"])})
    accepted("upper-case-digits", whole | {
        "proof": [_upper(word) for word in whole["proof"]], "log": _upper(whole["log"]),
        "root": _upper(whole["root"]), "message": _upper(whole["message"])})
    accepted("without-root", _without(whole, "root"))
    accepted("without-target", _without(whole, "target"))
    accepted("without-message", _without(whole, "message"))
    accepted("smallest", _without(record, "message"))
    accepted("without-log", _without(whole, "log") | repeated)
    accepted("without-log-and-hash", _without(whole, "log") | _without(repeated, "messageHash"))
    accepted("without-log-and-message", _without(whole, "log", "message") | repeated)


def _unreadable(records):
    record, refused = records.record, records.refused
    words = record["proof"]

    def with_word(word):
        return record | {"proof": [*words[:3], word, *words[4:]]}

    refused("proof-is-text", record | {"proof": words[0]})
    refused("proof-is-a-number", record | {"proof": 1})
    refused("word-of-31-bytes", with_word(words[3][:-2]))
    refused("word-of-33-bytes", with_word(words[3] + "00"))
    refused("word-with-an-odd-digit", with_word(words[3][:-1]))
    refused("word-with-another-letter", with_word(words[3][:-1] + "g"))
    refused("word-is-a-number", with_word(1))
    refused("word-is-null", with_word(None))
    refused("log-of-87-bytes", record | {"log": record["log"][:-2]})
    refused("log-of-89-bytes", record | {"log": record["log"] + "00"})
    refused("message-with-an-odd-digit", record | {"message": record["message"] + "0"})
    refused("root-of-31-bytes", records.whole | {"root": records.whole["root"][:-2]})
    refused("sender-of-19-bytes", record | records.repeated | {"sender": records.repeated["sender"][:-2]})
    for name, value in (("negative", -1), ("fraction", 1.5), ("letters", "abc"), ("empty-text", ""), ("true", True),
                        ("list", [1]), ("minus-in-text", "-1"), ("hexadecimal-without-prefix", "1f")):
        refused(f"chain-is-{name}", record | {"chainId": value})
    refused("index-is-a-fraction", record | {"id": 0.5})
    refused("batch-is-letters", record | {"batchNumber": "latest"})
    refused("target-kind-is-unknown", records.whole | {"target": records.whole["target"] | {"kind": "epoch"}})
    refused("target-is-text", records.whole | {"target": "latest"})


def _contradictions(records):
    whole, repeated = records.whole, records.repeated
    for member, value in (
        ("sender", "0x" + "11" * 20),
        ("txNumberInBatch", repeated["txNumberInBatch"] + 1),
        ("txNumberInBatch", 65536 + repeated["txNumberInBatch"]),
        ("messageHash", "0x" + "11" * 32),
    ):
        name = f"{member}-of-another-log" if value != 65536 + repeated["txNumberInBatch"] else f"{member}-of-17-bits"
        records.refused(name, whole | {member: value}, "log-mismatch", "agreement")
    without_log = _without(whole, "log") | repeated
    other = without_log | {"message": whole["message"] + "00"}
    records.refused("message-of-another-hash", other, None, "agreement")
    records.refused("hash-of-another-message", without_log | {"messageHash": "0x" + "11" * 32}, None, "agreement")
    # A record that contradicts itself is refused, even if it also lacks a member.
    for lost in ("chainId", "batchNumber", "id"):
        message = whole["message"] + "00"
        records.refused(f"another-message-and-no-{lost}", _without(whole, lost) | {"message": message},
                        "message-mismatch", "agreement")
    records.refused("target-without-a-number-and-no-id", _without(whole, "id") | {
        "target": {member: value for member, value in whole["target"].items() if member != "number"}}, None, "agreement")
    records.refused("no-words-and-no-log", _without(whole, "log") | {"proof": []}, "empty-proof", "empty")
    records.refused("txNumberInBatch-of-17-bits-and-no-log",
                    without_log | {"txNumberInBatch": 65536 + repeated["txNumberInBatch"]}, "log-mismatch", "agreement")
    # The value of these logs is the hash of the message, but they are not logs of messages.
    for name, index in (("shard", 0), ("service-flag", 1), ("emitter", 23), ("key", 24)):
        log = bytearray.fromhex(whole["log"][2:])
        log[index] ^= 1
        record = records.record | {"log": "0x" + log.hex()}
        records.refused(f"message-beside-a-log-of-another-{name}", record, "not-a-message", "agreement")


def _incomplete(records):
    record, unjudged = records.record, records.unjudged
    unjudged("no-chain", _without(record, "chainId"), "chain-missing")
    unjudged("no-batch", _without(record, "batchNumber"), "batch-missing")
    unjudged("no-index", _without(record, "id"), "id-missing")
    unjudged("no-log", _without(record, "log"), "log-missing")
    unjudged("no-log-and-no-message", _without(record, "log", "message"), "log-missing")
    for member in ("sender", "txNumberInBatch"):
        lacking = _without(records.whole | records.repeated, "log", member)
        unjudged(f"no-log-and-no-{member}", lacking, "log-missing")
    unjudged("answer-of-a-node", {member: records.whole[member] for member in ("proof", "id", "root", "batchNumber")})
    unjudged("no-proof", _without(records.whole, "proof"), "proof-missing")
    records.refused("another-message-and-no-proof",
                    _without(records.whole, "proof") | {"message": records.whole["message"] + "00"}, "message-mismatch",
                    "agreement")


def _status(records, form):
    """The log of an L1→L2 transaction's status. It is not a message, so the sender is the emitter."""
    status = next(p for p in form.proofs if "message" not in p.record and p.target == form.base.target)
    log = status.record["log"]
    repeated = {"sender": "0x" + log[10:50], "txNumberInBatch": int(log[6:10], 16)}
    records.accepted("status-of-a-transaction", status.copy(), "leaf")
    records.accepted("sender-of-a-status", status.record | repeated)
    records.refused("hash-beside-a-status", status.record | {"messageHash": "0x" + log[114:]}, "not-a-message",
                    "agreement")


def _large_numbers(group):
    """Numbers that a JSON parser with floating-point numbers rounds."""
    form = form_named("l1-upgraded")
    facts = group.facts(form.name, form.facts)
    large = next(p for p in form.proofs if p.record["chainId"] > 2**63 and p.record["batchNumber"] > 2**53
                 and p.target["number"] == form.base.target["number"])
    record = large.copy()
    group.case("accepted/large-numbers", "spelling", record, facts, True)
    numbers = {member: str(record[member]) for member in ("chainId", "batchNumber")}
    group.case("accepted/large-numbers-as-text", "spelling", record | numbers, facts, True)
    for member in ("chainId", "batchNumber"):
        rounded = record | {member: int(float(record[member]))}
        assert rounded != record
        group.case(f"refused/{member}-rounded", "batch-leaf", rounded, facts, False)


def groups():
    """The group of this file."""
    group = Group("records", "Members of records: spellings, lengths, and what may be left out.")
    form = form_named("block-v31")
    records = Records(group, form)
    for add in (_spellings, _unreadable, _contradictions, _incomplete):
        add(records)
    _status(records, form)
    _large_numbers(group)
    return [group]
