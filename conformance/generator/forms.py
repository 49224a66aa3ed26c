"""The five forms of proofs that are damaged, each with facts with which it is valid."""

import copy
import functools
from dataclasses import dataclass

from . import fixtures


class Layout:
    """The position of each part of an accepted proof among its words."""

    def __init__(self, words):
        log, batch = int(words[0][4:6], 16), int(words[0][6:8], 16)
        self.log = list(range(1, log))
        self.log_begin = 1
        self.aggregated = log
        self.batch_mask = log + 1
        self.batch = list(range(log + 2, log + 2 + batch))
        self.packed = log + 2 + batch
        self.layer = self.packed + 1
        self.second = self.packed + 2
        self.chain = list(range(self.second + 1, len(words)))
        assert len(self.chain) == int(words[self.second][4:6], 16)


@dataclass
class Form:
    """A proof, facts with which it is valid, and other valid proofs to exchange parts with."""

    name: str
    folder: str
    release: str
    kind: str
    layer: int
    base: fixtures.Accepted
    facts: dict
    proofs: list

    def record(self):
        return self.base.copy()

    def layout(self):
        return Layout(self.base.record["proof"])

    def on_l1(self):
        return self.kind == "sl-batch"

    def other(self, is_it):
        """Another accepted proof of a message for which this is true: the one with the shortest message."""
        others = [proof for proof in self.proofs if "message" in proof.record and is_it(proof)]
        return min(others, key=lambda proof: len(proof.record["message"]))

    def sibling_log(self):
        """A message in the same batch, proven against the same root."""
        return self.other(lambda o: self._same(o, "chainId", "batchNumber") and o.target == self.base.target
                          and o.record["log"] != self.base.record["log"])

    def other_batch(self):
        """A message in another batch of the same chain, proven against the same root."""
        return self.other(lambda o: self._same(o, "chainId") and not self._same(o, "batchNumber")
                          and o.target == self.base.target)

    def other_chain(self):
        """A message of another chain, proven against the same root."""
        return self.other(lambda o: not self._same(o, "chainId") and o.target == self.base.target
                          and "message" in o.record)

    def other_target(self):
        """The same log against another root."""
        return self.other(lambda o: o.record["log"] == self.base.record["log"] and o.target != self.base.target
                          and self._same(o, "chainId", "batchNumber", "id"))

    def known_number(self):
        """The number of another root of the settlement layer that the facts hold."""
        if self.on_l1():
            return self.base.target["number"] + 1
        numbers = self.facts["interopRoots"][str(self.layer)]
        return next(int(number) for number in numbers if int(number) != self.base.target["number"])

    def _same(self, other, *keys):
        return all(other.record[key] == self.base.record[key] for key in keys)


# Each form: name, folder, release, kind of target, settlement layer; then the chain, batch, id and target number of its
# proof, which has at least two words in each path.
_FORMS = (
    ("block-v29", "gateway-v29", "v29", "block", 506, (1217, 1000001, 5, 242)),
    ("block-v31", "gateway-v31", "v31", "block", 506, (324, 501236, 527, 214)),
    ("l1-v29", "gateway-v29", "v29", "sl-batch", 506, (324, 501236, 255, 2001)),
    ("l1-v31", "gateway-v31", "v31", "sl-batch", 506, (324, 501236, 256, 2001)),
    ("l1-upgraded", "gateway-v29-to-v31", "v31", "sl-batch", 1506, (8453, 4000000000, 0, 2001)),
)


def _facts(form):
    """Facts with the root of the proof, the root of another proof of the same log, and some more roots."""
    numbers = [form.base.target["number"], form.other_target().target["number"]]
    if not form.on_l1():
        blocks = sorted(fixtures.historical_roots(form.folder))
        return fixtures.importing_chain(form.layer, sorted({*numbers, *blocks[-10:]}), form.folder)
    near = sorted({*numbers, *range(numbers[0] - 1, numbers[0] + 8)})
    chains = {proof.record["chainId"]: [] for proof in form.proofs if proof.target["number"] == numbers[0]}
    return fixtures.l1(form.folder, form.release, form.layer, near, chains)


def _form(name, folder, release, kind, layer, key):
    proofs = fixtures.accepted(folder, kind, layer)
    members = ("chainId", "batchNumber", "id")
    base = next(p for p in proofs if (*(p.record[m] for m in members), p.target["number"]) == key)
    form = Form(name, folder, release, kind, layer, base, {}, proofs)
    form.facts = _facts(form)
    return form


@functools.cache
def forms():
    """All forms."""
    return [_form(*form) for form in _FORMS]


def form_named(name):
    """One of the forms."""
    return next(form for form in forms() if form.name == name)


def changed(facts, *path, to):
    """A copy of facts in which one value, named by its path, is another; None removes it."""
    facts = copy.deepcopy(facts)
    inner = facts
    for key in path[:-1]:
        inner = inner[key]
    if to is None:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = to
    return facts
