"""The package on the fixtures of the repository, beside the command line."""

import json
import pathlib

import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pytest

import slproof

ROOT = pathlib.Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "gateway-v29"
STATE = FIXTURES / "state.anvil.json"
LOGS = FIXTURES / "logs.jsonl.gz"
ONE = {"chain_id": 324, "batch_number": 501234, "id": 0}


@pytest.fixture(scope="module")
def prover():
    return slproof.open(STATE, LOGS)


def test_all_proofs_are_those_of_the_command_line(prover, command, tmp_path):
    path = tmp_path / "proofs.parquet"
    command("prove", "--tree", STATE, "--messages", LOGS, "--all", "--format", "parquet", "-o", path)
    expected = pyarrow.parquet.read_table(path)
    found = prover.prove_all().read_all()
    assert found.schema.equals(expected.schema), (found.schema, expected.schema)
    assert found.equals(expected)
    assert found.num_rows == 18_897


def test_proofs_since_v33_have_the_timestamps_of_the_command_line(command, tmp_path):
    state, logs = (ROOT / "fixtures" / "v33" / name for name in ("state.anvil.json.gz", "logs.jsonl.gz"))
    bridgehub = "0x592112c1f2e490a99fef1c949cd6e42b11f42aea"
    path = tmp_path / "proofs.parquet"
    given = ("--bridgehub", bridgehub, "--chain", "8453", "--all", "--format", "parquet", "-o", path)
    command("prove", "--tree", state, "--messages", logs, *given)
    expected = pyarrow.parquet.read_table(path)
    prover = slproof.open(state, logs, bridgehub=bridgehub)
    found = prover.prove_all(chain=8453).read_all()
    assert found.schema.equals(prover.schema) and found.equals(expected)
    assert found["l1_timestamp"].null_count == 0 and found["target_timestamp"].null_count == 0
    importer = state.with_name("dest.state.anvil.json.gz")
    assert slproof.verify(found, importer)["valid"].to_pylist() == [True] * found.num_rows
    assert prover.prove([]).schema.equals(prover.schema)


def test_batches_are_as_large_as_asked_and_shards_follow_each_other(prover):
    whole = prover.prove_all().read_all()
    small = list(prover.prove_all(rows=500, chain=324))
    assert [batch.num_rows for batch in small][:-1] == [500] * (len(small) - 1) and len(small) > 1
    of_chain = whole.filter(pyarrow.compute.equal(whole["chain_id"], 324))
    assert pyarrow.Table.from_batches(small).equals(of_chain)
    shards = [prover.prove_all(shard=(index, 3)).read_all() for index in range(3)]
    assert pyarrow.concat_tables(shards).equals(whole)
    few = prover.prove_all(chain=324, batches=(501235, 501237)).read_all()
    assert set(few["batch_number"].to_pylist()) <= {501235, 501236, 501237}


def test_requests_are_answered_in_their_order(prover):
    exact = 2**53 + 1
    requests = [
        {"chain_id": 324, "batch_number": 501236, "id": 1},
        {"chain_id": exact, "batch_number": 1, "id": 0},
        ONE,
        {**ONE, "target": "batch-root"},
    ]
    batch = prover.prove(requests)
    rows = batch.to_pylist()
    assert [row["id"] for row in rows] == [1, 0, 0, 0]
    assert [row["error_code"] for row in rows] == [None, "unknown-chain", None, None]
    assert rows[1]["chain_id"] == exact
    assert json.loads(rows[1]["request"])["chainId"] == exact
    assert [row["target_kind"] for row in rows] == ["block", None, "block", "batch-root"]
    # The same requests as a table, with the hash of a message as bytes.
    table = pyarrow.Table.from_pylist([{"target": None, **request} for request in requests])
    assert prover.prove(table).equals(batch)
    by_message = prover.prove([{"message": rows[2]["message_hash"]}]).to_pylist()
    assert rows[2] in by_message
    assert prover.prove([]).num_rows == 0


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_are_requests(prover, library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({name: [value, value] for name, value in ONE.items()})
    batch = prover.prove(frame)
    assert batch.num_rows == 2 and batch["error_code"].null_count == 2


def test_verdicts_tell_valid_from_invalid(prover):
    batch = prover.prove([ONE, {"chain_id": 1, "batch_number": 1, "id": 1}])
    verdicts = slproof.verify(batch, STATE)
    assert verdicts.to_pylist()[0]["valid"] is True and verdicts.num_rows == 1
    assert "MessageRoot" in verdicts["anchor"][0].as_py()
    wrong = slproof.verify(batch, root="0x" + "11" * 32)
    assert wrong["valid"].to_pylist() == [False]
    assert wrong["error_code"][0].as_py() is not None
    records = [json.loads(line) for line in [json.dumps(_record(batch.to_pylist()[0]))]]
    assert slproof.verify(records, STATE)["valid"].to_pylist() == [True]


def _record(row):
    text = lambda value: "0x" + value.hex()
    return {
        "chainId": row["chain_id"],
        "batchNumber": row["batch_number"],
        "id": row["id"],
        "root": text(row["root"]),
        "proof": [text(word) for word in row["proof"]],
        "target": {
            "kind": row["target_kind"],
            "slChainId": row["target_sl_chain_id"],
            "number": row["target_number"],
            "root": text(row["target_root"]),
        },
        "log": text(row["log"]),
    }


def test_errors_have_codes(prover, tmp_path):
    def code(call):
        with pytest.raises(slproof.Error) as raised:
            call()
        return raised.value.code

    assert code(lambda: slproof.open(tmp_path / "nothing", LOGS)) == "read-failed"
    assert code(lambda: prover.prove([ONE], target="tomorrow")) == "invalid-options"
    assert code(lambda: prover.prove_all(chain=5).read_all()) == "nothing-found"
    assert code(lambda: prover.prove_all(shard=(3, 3))) == "invalid-options"
    assert code(lambda: slproof.verify([{"chainId": 1}])) == "invalid-options"


def test_damaged_files_of_an_archive_are_named(prover, tmp_path):
    assert prover.left_out == (0, [])
    whole = LOGS.read_bytes()
    (tmp_path / "whole.jsonl.gz").write_bytes(whole)
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="cut.jsonl.gz"):
        opened = slproof.open(STATE, tmp_path)
    count, [first] = opened.left_out
    assert count == 1 and "cut.jsonl.gz" in first


def test_a_job_ends_when_its_reader_is_dropped(prover):
    reader = prover.prove_all(rows=100)
    assert reader.read_next_batch().num_rows == 100
    del reader
    # The prover still works.
    assert prover.prove([ONE]).num_rows == 1


def test_the_survey_says_what_can_be_proven():
    report = slproof.survey([STATE, LOGS])
    assert report["settlementLayer"]["slChainId"] == 506
    assert report["provable"]


def test_threads_run_beside_a_job(prover):
    """A job does not hold the lock of the interpreter."""
    import threading
    import time

    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    rows = sum(batch.num_rows for batch in prover.prove_all())
    done.set()
    thread.join()
    assert rows == 18_897 and len(ticks) > 5


def test_history_lists_the_roots(prover):
    history = prover.history()
    explained = [step for step in history if "chains" in step]
    assert explained[-1]["block"] == 242
    assert set(explained[0]) == {"appended", "block", "chains", "registered", "root"}


def test_claims_say_what_l1_says(command, tmp_path):
    bridgehub = "0x303a465b659cbb0ab36ee643ea362c509eeb5213"
    nullifier = "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"
    inputs = {"sl_batches": FIXTURES / "gw_batches.jsonl", "anchor": FIXTURES / "l1.state.anvil.json"}
    prover = slproof.open(STATE, LOGS, anchor_bridgehub=bridgehub, **inputs)
    path = tmp_path / "claims.ndjson"
    command(
        *("claims", "--kind", "other", "--tree", STATE, "--messages", LOGS, "--l1-nullifier", nullifier, "-o", path),
        *("--sl-batches", inputs["sl_batches"], "--anchor", inputs["anchor"], "--anchor-bridgehub", bridgehub),
    )
    expected = [json.loads(line) for line in path.read_text().splitlines()]
    assert expected and prover.claims(nullifier, kinds=["other"]) == expected
    assert prover.claims(nullifier, kinds=["other"], statuses=["claimable"]) == [
        claim for claim in expected if claim["status"] == "claimable"
    ]
    with pytest.raises(slproof.Error) as raised:
        slproof.open(STATE, LOGS).claims(nullifier)
    assert raised.value.code == "invalid-options"
