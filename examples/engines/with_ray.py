"""Proofs for the rows of a table, in Ray Data.

    python with_ray.py TREE MESSAGES REQUESTS.parquet PROOFS
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
        concurrency=2,
    )
    proofs.write_parquet(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
