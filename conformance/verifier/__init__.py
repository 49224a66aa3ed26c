"""A verifier of proofs of L2→L1 logs that shares no code with slproof.

`judge` answers whether the contracts of a chain accept a proof: True, False, or None if it cannot be judged.
"""

from . import contracts, record
from .answers import CannotJudge, Refused
from .keccak import keccak256
from .proof import fold


def _check(members, facts):
    read = record.read(members)
    folded = fold(read.chain, read.batch, read.index, keccak256(read.log), read.words, read.timestamp)
    if read.root not in (None, folded.batch_root):
        raise Refused("batch-root-mismatch")
    _check_target(read.target, folded)
    if contracts.expected_root(facts, read, folded) != folded.root:
        raise Refused("root-mismatch")


def _check_target(target, folded):
    """The target in a record has to be the one that its words lead to."""
    if target is None:
        return
    layer = folded.settlement_layer
    if (target.kind == "batch-root") != (layer is None):
        raise Refused("target-mismatch")
    if layer is not None and (target.chain, target.number) != (layer.chain, layer.number):
        raise Refused("target-mismatch")
    if target.root != folded.root:
        raise Refused("root-mismatch")
    # No block executed a batch after itself, and roots have timestamps only where batches have.
    if target.timestamp is not None and (folded.timestamp is None or folded.timestamp > target.timestamp):
        raise Refused("timestamp-mismatch")


def judge(members, facts):
    """Whether a proof is valid with these facts, and the code of the answer; a valid proof has none."""
    try:
        _check(members, facts)
    except Refused as refused:
        return False, refused.code
    except CannotJudge as cannot:
        return None, cannot.code
    return True, None
