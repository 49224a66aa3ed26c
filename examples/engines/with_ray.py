"""Proofs for the rows of a table, in Ray Data.

    python with_ray.py TREE MESSAGES REQUESTS.parquet PROOFS

PROOFS must not exist. The exit code is 1 if requests failed; their rows have an error_code.
"""

import sys

import ray

import answers


def main(tree, messages, requests, output):
    ray.init(runtime_env={"py_modules": [answers]}, ignore_reinit_error=True)
    table = ray.data.read_parquet(requests)
    proofs = table.map_batches(
        answers.Answers,
        fn_constructor_args=(tree, messages),
        batch_format="pyarrow",
        batch_size=4096,
        # Each worker takes a core; reading and writing need cores too.
        concurrency=(1, 16),
    )
    proofs.write_parquet(output, mode=ray.data.SaveMode.ERROR)
    codes = ray.data.read_parquet(output).select_columns(["error_code"])
    failed = codes.map_batches(lambda batch: batch.drop_null(), batch_format="pyarrow").count()
    return answers.outcome(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
