#!/usr/bin/env python3
"""Compares slproof with the verifier in Python on thousands of damaged records, and prints those on which they differ.

Usage: compare.py SLPROOF [COUNT [SEED]]

SLPROOF is the binary. COUNT is the number of records, by default 5000. SEED selects the records; it is 1 by default.
Only the verdicts have to agree, because the verifiers may find different faults first. The exit code is 1 if they
differ.
"""

import copy
import json
import random
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent / "adapters"))

import verifier
from generator import fixtures
from generator.checks import batch_proof
from slproof import answers


class Source:
    """Accepted proofs, and facts with which they are valid."""

    def __init__(self, folder, release, kind, layer, facts):
        self.proofs = fixtures.accepted(folder, kind, layer)
        self.facts = facts(folder, release, layer, self.proofs)


def _numbers(proofs):
    return sorted({proof.target["number"] for proof in proofs})


def _batches(proofs):
    batches = {}
    for proof in proofs:
        batches.setdefault(proof.record["chainId"], set()).add(proof.record["batchNumber"])
    return {chain: sorted(numbers) for chain, numbers in batches.items()}


def _l1(folder, release, layer, proofs):
    return fixtures.l1(folder, release, layer, _numbers(proofs), _batches(proofs))


def _layer(folder, release, layer, proofs):
    return fixtures.settlement_layer(folder, release, layer, _numbers(proofs), _batches(proofs))


def _importing(folder, _, layer, proofs):
    return fixtures.importing_chain(layer, _numbers(proofs), folder)


def sources():
    """Every form of proof, with the facts of each chain that accepts it."""
    for release in ("v29", "v31"):
        folder = f"gateway-{release}"
        yield Source(folder, release, "block", 506, _importing)
        yield Source(folder, release, "block", 506, _layer)
        yield Source(folder, release, "sl-batch", 506, _l1)
    yield Source("gateway-v29-to-v31", "v31", "sl-batch", 1506, _l1)


def _whole(rng, proof):
    """A valid record of a proof, with some of the members that may be left out."""
    record = proof.copy()
    if rng.random() < 0.2:
        record = batch_proof(record)
        target = {"kind": "batch-root", "root": proof.batch_root}
    else:
        target = copy.deepcopy(proof.target)
    log = record["log"]
    sender = "0x" + (log[74:114] if "message" in record else log[10:50])
    repeated = {"sender": sender, "txNumberInBatch": int(log[6:10], 16)}
    if "message" in record:
        repeated["messageHash"] = "0x" + log[114:]
    for member, value in ({"root": proof.batch_root, "target": target} | repeated).items():
        if rng.random() < 0.3:
            record[member] = value
    return record


def _change_word(rng, word):
    """Another word: with one other bit, a small number added, or one of the four bytes of metadata changed."""
    number = int(word, 16)
    kind = rng.randrange(4)
    if kind == 0:
        number ^= 1 << rng.randrange(256)
    elif kind == 1:
        number += rng.choice((-2, -1, 1, 2, 1 << 128, -(1 << 128)))
    elif kind == 2:
        shift = 224 + 8 * rng.randrange(4)
        byte = rng.choice((0, 1, 2, 3, 14, 15, 16, 255))
        number = number & ~(255 << shift) | byte << shift
    else:
        number = rng.choice((0, 1, 506, 324, (1 << 256) - 1, rng.getrandbits(256)))
    return f"0x{number % (1 << 256):064x}"


def _change_words(rng, record, other):
    words = record.get("proof")
    if not isinstance(words, list) or not words:
        return
    # Most words are siblings. The others decide how a proof is decoded, so they are changed more often.
    places = [i for i in range(len(words)) if i < 1 or i > 14] or [0]
    at = rng.choice(places) if rng.random() < 0.7 else rng.randrange(len(words))
    kind = rng.randrange(8)
    if kind < 3 and isinstance(words[at], str):
        words[at] = _change_word(rng, words[at])
    elif kind == 3:
        del words[at]
    elif kind == 4:
        words.insert(at, words[at])
    elif kind == 5:
        to = rng.randrange(len(words))
        words[at], words[to] = words[to], words[at]
    elif kind == 6:
        theirs = other["proof"] if isinstance(other.get("proof"), list) else words
        record["proof"] = words[:at] + theirs[at:]
    else:
        del words[at:]


def _change_bytes(rng, record, _):
    member = rng.choice(("log", "message", "root", "sender", "messageHash"))
    text = record.get(member)
    if isinstance(text, str) and len(text) > 2:
        at = rng.randrange(2, len(text))
        digit = rng.choice("0123456789abcdefABCDEF") if rng.random() < 0.9 else rng.choice(" g")
        # Mostly another digit; sometimes one more, or one less.
        after = at + 1 if rng.random() < 0.9 else at + rng.choice((0, 2))
        record[member] = text[:at] + digit + text[after:]


def _change_numbers(rng, record, _):
    target = record.get("target")
    holder, member = rng.choice((
        (record, "chainId"), (record, "batchNumber"), (record, "id"), (record, "txNumberInBatch"),
        (target, "number"), (target, "slChainId")))
    if not isinstance(holder, dict) or type(holder.get(member)) is not int:
        return
    number = holder[member]
    holder[member] = rng.choice((
        number + 1, number - 1, number ^ 1, number + (1 << 14), number + (1 << 15), 0, 506, str(number), hex(number),
        f"{number}.0", number + 0.5, None, 2**64, [number]))


def _exchange(rng, record, other):
    member = rng.choice(("chainId", "batchNumber", "id", "proof", "log", "message", "root", "target", "sender"))
    if member in other:
        record[member] = copy.deepcopy(other[member])


def _leave_out(rng, record, _):
    record.pop(rng.choice(list(record)), None) if record else None


def _change_target(rng, record, other):
    target = record.get("target")
    if isinstance(target, dict):
        kind = rng.randrange(3)
        if kind == 0:
            target["kind"] = rng.choice(("block", "sl-batch", "batch-root", "epoch"))
        elif kind == 1:
            target.pop(rng.choice(list(target)), None) if target else None
        else:
            target["root"] = other.get("root", "0x")


_MUTATIONS = (_change_words,) * 5 + (_change_bytes, _change_numbers, _exchange, _leave_out, _change_target)


def mutated(rng, source):
    """A record with up to three changes; one in twenty has none."""
    record = _whole(rng, rng.choice(source.proofs))
    for _ in range(rng.choices((0, 1, 2, 3), (1, 11, 5, 3))[0]):
        # Half of the exchanged parts come from the same chain, because errors are harder to find in these.
        same = [proof for proof in source.proofs if proof.record["chainId"] == record.get("chainId")]
        pool = same if same and rng.random() < 0.5 else source.proofs
        rng.choice(_MUTATIONS)(rng, record, _whole(rng, rng.choice(pool)))
    return record


def main(arguments):
    if not 1 <= len(arguments) <= 3:
        sys.exit(__doc__)
    binary = arguments[0]
    count, seed = [int(text) for text in arguments[1:]] + [5000, 1][len(arguments) - 1 :]
    rng, all_sources = random.Random(seed), list(sources())
    cases = []
    for number in range(count):
        source = rng.choice(all_sources)
        cases.append({"name": str(number), "record": mutated(rng, source), "facts": source.facts})
    theirs = {answer["name"]: answer for answer in answers(binary, cases)}
    verdicts, differ = Counter(), 0
    for case in cases:
        answer = theirs[case["name"]]
        valid, code = verifier.judge(case["record"], case["facts"])
        verdicts[valid] += 1
        if valid is not answer["valid"]:
            differ += 1
            facts = {key: case["facts"].get(key) for key in ("kind", "release")}
            found = {"slproof": [answer["valid"], answer["code"]], "python": [valid, code]}
            print(json.dumps({**found, "facts": facts, "record": case["record"]}))
    print(f"{count} records: {verdicts[True]} valid, {verdicts[False]} invalid, {verdicts[None]} not judged, "
          f"{differ} answered differently")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
