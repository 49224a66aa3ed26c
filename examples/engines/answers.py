"""What a worker of an engine does: it opens the files once, and answers batches of requests.

Put this file on the workers (`spark.addPyFile`, or Ray's `working_dir`), and install the wheel there.
"""

import functools
import os
import sys

import pyarrow

import slproof

# Spark has no unsigned integers, and no bytes of a fixed length.
_IN_SPARK = pyarrow.decimal128(20, 0)


@functools.cache
def prover(tree, messages):
    """The prover of this process: one for all of its tasks."""
    return slproof.open(tree, messages)


def answer(requests, tree, messages, target="latest"):
    """Answers a table of requests with a table of proofs."""
    return pyarrow.Table.from_batches([prover(tree, messages).prove(requests, target=target)])


def for_spark(batches, tree, messages, target="latest"):
    """The function for `mapInArrow`: batches of requests to batches of proofs, with the types that Spark knows."""
    for batch in batches:
        if batch.num_rows:
            proofs = prover(tree, messages).prove(batch, target=target)
            columns = {name: _plain(column) for name, column in zip(proofs.schema.names, proofs.columns)}
            # Spark asks for the columns before the files are open. Only proofs since v33 have timestamps.
            for name in ("l1_timestamp", "target_timestamp"):
                columns.setdefault(name, pyarrow.nulls(proofs.num_rows, _IN_SPARK))
            yield pyarrow.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def outcome(failed):
    """Says how many requests failed. Returns the exit code."""
    if failed:
        print(f"{failed} requests failed", file=sys.stderr)
    return 1 if failed else 0


def _plain(column):
    if column.type == pyarrow.uint64():
        return column.cast(_IN_SPARK)
    if pyarrow.types.is_fixed_size_binary(column.type):
        return column.cast(pyarrow.binary())
    return column


SPARK_SCHEMA = ", ".join(
    [
        "chain_id decimal(20,0), batch_number decimal(20,0), id decimal(20,0), root binary, proof array<binary>",
        "target_kind string, target_sl_chain_id decimal(20,0), target_number decimal(20,0), target_root binary",
        "log binary, message binary, error_code string, error_message string, request string",
        "sender binary, tx_number decimal(20,0), message_hash binary, tx_hash binary, checked_by string",
        "l1_timestamp decimal(20,0), target_timestamp decimal(20,0)",
    ]
)


class Answers:
    """The class for Ray's `map_batches` with `batch_format="pyarrow"`."""

    def __init__(self, tree, messages, target="latest"):
        # One actor has the cores that Ray gives it.
        os.environ.setdefault("RAYON_NUM_THREADS", "1")
        self._given = tree, messages, target

    def __call__(self, requests):
        return answer(requests, *self._given)
