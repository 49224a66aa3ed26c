"""The examples for engines give the rows of the command line. Spark needs pyspark and a Java runtime, Ray needs ray."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest

import slproof
from tools import needed

ROOT = pathlib.Path(__file__).parents[2]
STATE = str(ROOT / "fixtures" / "gateway-v29" / "state.anvil.json")
LOGS = str(ROOT / "fixtures" / "gateway-v29" / "logs.jsonl.gz")
# Of what Spark reads here. The Snappy of its Java library does not load where a second libc, musl, is installed.
CODEC = "zstd"
sys.path.insert(0, str(ROOT / "examples" / "engines"))


@pytest.fixture(scope="module")
def requests():
    every = slproof.open(STATE, LOGS).prove_all(chain=324).read_all()
    asked = every.select(["chain_id", "batch_number", "id"]).slice(0, 300)
    return asked, every.slice(0, 300)


def test_a_worker_answers_tables(requests):
    import answers

    asked, expected = requests
    assert answers.answer(asked, STATE, LOGS).equals(expected)
    (in_spark,) = answers.for_spark(asked.combine_chunks().to_batches(), STATE, LOGS)
    assert in_spark.schema.names == [column.split()[0] for column in answers.SPARK_SCHEMA.split(", ")]


@pytest.fixture(scope="module")
def spark():
    needed("pyspark")
    if shutil.which("java") is None:
        if os.environ.get("SLPROOF_REQUIRE_TOOLS") == "1":
            pytest.fail("there is no Java runtime")
        pytest.skip("there is no Java runtime")
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.addPyFile(str(ROOT / "examples" / "engines" / "answers.py"))
    yield session
    session.stop()


def test_spark_gives_the_same_rows(spark, requests, tmp_path):
    import answers

    asked, expected = requests
    asked_path = tmp_path / "requests.parquet"
    columns = [asked[name].cast(pyarrow.int64()) for name in asked.column_names]
    pyarrow.parquet.write_table(pyarrow.table(columns, names=asked.column_names), asked_path, compression=CODEC)
    work = functools.partial(answers.for_spark, tree=STATE, messages=LOGS)
    table = spark.read.parquet(str(asked_path)).coalesce(1)
    rows = table.mapInArrow(work, answers.SPARK_SCHEMA).collect()
    found = [(int(row.chain_id), int(row.id), [bytes(word) for word in row.proof]) for row in rows]
    wanted = [(row["chain_id"], row["id"], row["proof"]) for row in expected.to_pylist()]
    assert found == wanted
    proofs = table.mapInArrow(work, answers.SPARK_SCHEMA).write.option("compression", CODEC)
    proofs.parquet(str(tmp_path / "proofs"))
    (path,) = (tmp_path / "proofs").glob("*.parquet")
    verdicts = slproof.verify(path, STATE)
    assert verdicts.num_rows == len(wanted) and set(verdicts["valid"].to_pylist()) == {True}


def test_spark_reads_integers_above_2_to_the_53(spark, requests, tmp_path):
    _, expected = requests
    large = 2**64 - 1
    path = tmp_path / "proofs.parquet"
    numbers = pyarrow.array([large] * expected.num_rows, pyarrow.uint64())
    pyarrow.parquet.write_table(expected.set_column(0, "chain_id", numbers), path, compression=CODEC)
    found = spark.read.parquet(str(path)).select("chain_id").collect()
    assert {int(row.chain_id) for row in found} == {large}


def test_the_snippet_for_spark_finds_one_proof(spark, tmp_path, monkeypatch):
    program = os.environ.get("SLPROOF")
    if program is None:
        pytest.skip("SLPROOF does not name the program")
    given = ["prove", "--tree", STATE, "--messages", LOGS, "--chain", "324", "--all", "--format", "parquet"]
    subprocess.run([program, *given, "-o", tmp_path / "proofs.parquet"], check=True, capture_output=True)
    page = (ROOT / "docs" / "src" / "situations" / "tables.md").read_text()
    code = page.split("\n## Spark\n")[1].split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    names = {"spark": spark}
    # Spark looks for relative paths in the directory in which it was started.
    exec(code.replace("proofs.parquet", str(tmp_path / "proofs.parquet")), names)
    one = slproof.open(STATE, LOGS).prove([{"chain_id": 324, "batch_number": 501234, "id": 0}])
    assert names["words"] == ["0x" + word.hex() for word in one["proof"][0].as_py()]


def some_requests(path):
    """Two requests, of which the second cannot be proven."""
    columns = {"chain_id": [324, 1], "batch_number": [501234, 1], "id": [0, 0]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression=CODEC)
    return str(path)


def codes_in(path):
    return sorted(pyarrow.parquet.read_table(path)["error_code"].to_pylist(), key=str)


# The script ends the session, so this is the last test with it.
def test_the_script_for_spark_replaces_nothing(spark, tmp_path):
    import with_spark

    given = [STATE, LOGS, some_requests(tmp_path / "requests.parquet"), str(tmp_path / "proofs")]
    assert with_spark.main(*given) == 1
    assert codes_in(given[-1]) == [None, "unknown-chain"]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Exception, match="(?i)exists"):
        with_spark.main(*given[:-1], str(tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_script_for_ray_replaces_nothing(tmp_path):
    needed("ray")
    import ray
    import with_ray

    given = [STATE, LOGS, some_requests(tmp_path / "requests.parquet"), str(tmp_path / "proofs")]
    try:
        assert with_ray.main(*given) == 1
        assert codes_in(given[-1]) == [None, "unknown-chain"]
        with pytest.raises(Exception, match="(?i)exist"):
            with_ray.main(*given)
        assert codes_in(given[-1]) == [None, "unknown-chain"]
    finally:
        ray.shutdown()


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
