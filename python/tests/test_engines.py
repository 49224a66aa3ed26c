"""The examples for engines give the rows of the command line. Spark needs pyspark and a Java runtime, Ray needs ray."""

import functools
import importlib.util
import os
import pathlib
import shutil
import sys

import pyarrow
import pyarrow.parquet
import pytest

import slproof

ROOT = pathlib.Path(__file__).parents[2]
STATE = str(ROOT / "fixtures" / "gateway-v29" / "state.anvil.json")
LOGS = str(ROOT / "fixtures" / "gateway-v29" / "logs.jsonl.gz")
sys.path.insert(0, str(ROOT / "examples" / "engines"))


def needed(module):
    if importlib.util.find_spec(module) is None:
        if os.environ.get("SLPROOF_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed")


@pytest.fixture(scope="module")
def requests():
    every = slproof.open(STATE, LOGS).prove_all(chain=324).read_all()
    asked = every.select(["chain_id", "batch_number", "id"]).slice(0, 300)
    return asked, every.slice(0, 300)


def test_a_worker_answers_tables(requests):
    import answers

    asked, expected = requests
    assert answers.answer(asked, STATE, LOGS).equals(expected)


def test_spark_gives_the_same_rows(requests, tmp_path):
    needed("pyspark")
    if shutil.which("java") is None:
        pytest.skip("there is no Java runtime")
    import answers
    from pyspark.sql import SparkSession

    asked, expected = requests
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.executorEnv.PYTHONPATH", str(ROOT / "examples" / "engines"))
        .getOrCreate()
    )
    try:
        spark.sparkContext.addPyFile(str(ROOT / "examples" / "engines" / "answers.py"))
        # Spark reads the integers of the proofs exactly, also above 2^53.
        large = 2**64 - 1
        path = tmp_path / "proofs.parquet"
        numbers = pyarrow.array([large] * expected.num_rows, pyarrow.uint64())
        pyarrow.parquet.write_table(expected.set_column(0, "chain_id", numbers), path)
        assert {int(row.chain_id) for row in spark.read.parquet(str(path)).select("chain_id").collect()} == {large}

        asked_path = tmp_path / "requests.parquet"
        columns = [asked[name].cast(pyarrow.int64()) for name in asked.column_names]
        pyarrow.parquet.write_table(pyarrow.table(columns, names=asked.column_names), asked_path)
        work = functools.partial(answers.for_spark, tree=STATE, messages=LOGS)
        table = spark.read.parquet(str(asked_path)).coalesce(1)
        rows = table.mapInArrow(work, answers.SPARK_SCHEMA).collect()
        found = [(int(row.chain_id), int(row.id), [bytes(word) for word in row.proof]) for row in rows]
        wanted = [(row["chain_id"], row["id"], row["proof"]) for row in expected.to_pylist()]
        assert found == wanted
    finally:
        spark.stop()


def test_ray_gives_the_same_rows(requests):
    needed("ray")
    import answers
    import ray

    asked, expected = requests
    ray.init(num_cpus=1, runtime_env={"py_modules": [answers]}, include_dashboard=False)
    try:
        table = ray.data.from_arrow(asked)
        work = {"fn_constructor_args": (STATE, LOGS), "batch_format": "pyarrow", "concurrency": 1}
        proofs = table.map_batches(answers.Answers, batch_size=100, **work)
        found = pyarrow.concat_tables(ray.get(proofs.to_arrow_refs())).sort_by("id")
        assert found.column("proof").to_pylist() == expected.sort_by("id").column("proof").to_pylist()
    finally:
        ray.shutdown()
