"""The package on the fixtures of the repository, beside the command line."""

import json
import pathlib
import subprocess
import sys

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
    # pandas keeps integers exact with the types of Arrow, as the manual says.
    pandas = pytest.importorskip("pandas")
    assert batch.to_pandas(types_mapper=pandas.ArrowDtype)["chain_id"].tolist() == [324, exact, 324, 324]
    # The same requests as a table, with the hash of a message as bytes.
    table = pyarrow.Table.from_pylist([{"target": None, **request} for request in requests])
    assert prover.prove(table).equals(batch)
    by_message = prover.prove([{"message": rows[2]["message_hash"]}]).to_pylist()
    assert rows[2] in by_message
    assert prover.prove([]).num_rows == 0
    assert prover.prove(iter(requests)).equals(batch)


def test_two_names_of_one_fact_have_one_value(prover):
    """As on the command line, which refuses the line."""
    hashes = {"tx_hash": "0x" + "11" * 32, "transactionHash": "0x" + "22" * 32}
    requests = [{**ONE, "chainId": 8453}, {**ONE, "chainId": 324, "batchNumber": None}, hashes]
    rows = prover.prove(requests).to_pylist()
    assert [row["error_code"] for row in rows] == ["malformed-request", None, "malformed-request"]
    assert "duplicate field" in rows[0]["error_message"]
    assert json.loads(rows[0]["request"])["chainId"] == 8453 and rows[1]["chain_id"] == 324


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
    assert verdicts.schema.equals(slproof.VERDICT_SCHEMA)


def test_rows_of_a_batch_are_records(prover):
    rows = prover.prove([{"chain_id": 1, "batch_number": 1, "id": 1}, ONE]).to_pylist()
    verdicts = slproof.verify(rows, STATE)
    assert verdicts.select(["line", "valid"]).to_pylist() == [{"line": 2, "valid": True}]
    # What a row has beside the proof is judged, too.
    for name, value, code in [
        ("target_root", bytes(32), "root-mismatch"),
        ("tx_number", 999, "log-mismatch"),
        ("message_hash", bytes(32), "log-mismatch"),
    ]:
        assert slproof.verify([{**rows[1], name: value}], STATE)["error_code"].to_pylist() == [code], name


def test_tables_of_engines_without_unsigned_integers_are_verified(prover, tmp_path):
    """Spark writes decimals of 20 digits, and bytes without a fixed length; pandas makes floats of columns with nulls."""
    batch = prover.prove([ONE, {**ONE, "batch_number": 501236, "id": 1}])

    def cast(kind):
        columns = [column.cast(kind) if column.type == pyarrow.uint64() else column for column in batch.columns]
        return pyarrow.table(columns, names=batch.schema.names)

    for kind in (pyarrow.decimal128(20, 0), pyarrow.int64(), pyarrow.int32()):
        table = cast(kind)
        pyarrow.parquet.write_table(table, tmp_path / "proofs.parquet")
        for given in (table, table.to_pylist(), tmp_path / "proofs.parquet"):
            assert slproof.verify(given, STATE)["valid"].to_pylist() == [True, True], kind
    with pytest.raises(slproof.Error, match="chain_id has floats .*ArrowDtype") as raised:
        slproof.verify(cast(pyarrow.float64()), STATE)
    assert raised.value.code == "input-damaged"
    large = cast(pyarrow.decimal128(20, 0))
    large = large.set_column(0, "chain_id", pyarrow.array([2**64, 2**64 + 324], pyarrow.decimal128(20, 0)))
    verdicts = slproof.verify(large, STATE)
    assert verdicts["error_code"].to_pylist() == ["number-not-supported"] * 2 and verdicts["valid"].null_count == 2


def test_one_block_of_l1_is_trusted():
    anchor = ROOT / "fixtures" / "eth-get-proof" / "gateway-v29.jsonl"
    bridgehub = "0x303a465b659cbb0ab36ee643ea362c509eeb5213"
    block = bytes.fromhex("c452ceabd821115802eb83697ba7d8a2c4c4745a5bc65772bd62c18c34092eb9")
    inputs = {"sl_batches": FIXTURES / "gw_batches.jsonl", "anchor": anchor, "anchor_bridgehub": bridgehub}

    def code(**given):
        with pytest.raises(slproof.Error) as raised:
            slproof.open(STATE, LOGS, **inputs, **given).prove([ONE], target="sl-batch:first")
        return raised.value.code

    assert code() == "block-not-trusted"
    assert code(trust_block=bytes(32)) == "state-proof-refused"
    batch = slproof.open(STATE, LOGS, trust_block=block, **inputs).prove([ONE], target="sl-batch:first")
    verdicts = slproof.verify(batch, anchor, bridgehub=bridgehub, trust_block=block)
    assert verdicts["valid"].to_pylist() == [True]


def test_the_other_addresses_and_the_release_are_those_that_are_given():
    expected = slproof.open(STATE, LOGS).prove([ONE])
    given = {"bridgehub": "0x" + "10002".zfill(40), "message_root": bytes.fromhex("10005".zfill(40)), "release": "v29"}
    assert slproof.open(STATE, LOGS, **given).prove([ONE]).equals(expected)
    for name, value in [("message_root", bytes(20)), ("release", "v26"), ("release", "v1")]:
        with pytest.raises(slproof.Error):
            slproof.open(STATE, LOGS, **{name: value}).prove([ONE])


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


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("requests", lambda prover: prover.prove(ONE)),
        ("requests", lambda prover: prover.prove(None)),
        ("requests", lambda prover: prover.prove("x")),
        (r"requests\[1\]", lambda prover: prover.prove([ONE, "x"])),
        (r"requests\[0\]", lambda prover: prover.prove([{**ONE, "id": object()}])),
        ("target", lambda prover: prover.prove([ONE], target=None)),
        ("target", lambda prover: prover.prove([], target=5)),
        ("chain", lambda prover: prover.prove_all(chain="324")),
        ("chain", lambda prover: prover.prove_all(chain=-1)),
        ("chain", lambda prover: prover.prove_all(chain=2**64)),
        ("chain", lambda prover: prover.prove_all(chain=True)),
        ("batches", lambda prover: prover.prove_all(chain=324, batches=(1,))),
        (r"batches\[1\]", lambda prover: prover.prove_all(chain=324, batches=(1, "2"))),
        ("shard", lambda prover: prover.prove_all(shard=3)),
        ("sender", lambda prover: prover.prove_all(sender=5)),
        ("kind", lambda prover: prover.prove_all(kind=5)),
        ("kind", lambda prover: prover.prove_all(kind="5")),
        ("sender", lambda prover: prover.prove_all(sender="5")),
        ("target", lambda prover: prover.prove([ONE], target="tomorrow")),
        ("shard", lambda prover: prover.prove_all(shard=(3, 3))),
        ("batches", lambda prover: prover.prove_all(chain=1, batches=(3, 2))),
        ("batches", lambda prover: prover.prove_all(batches=(1, 2))),
        ("kinds", lambda prover: prover.claims(bytes(20), kinds="others")),
        ("statuses", lambda prover: prover.claims(bytes(20), statuses=["others"])),
        ("receiver", lambda prover: prover.claims(bytes(20), receiver=bytes(19))),
        ("anchor_bridgehub", lambda _: slproof.open(STATE, LOGS, anchor=STATE, anchor_bridgehub="5")),
        ("release", lambda _: slproof.open(STATE, LOGS, release="5")),
        ("root", lambda _: slproof.verify([ONE], root="0x5")),
        ("rows", lambda prover: prover.prove_all(rows=0)),
        ("rows", lambda prover: prover.prove_all(rows=None)),
        ("l1_nullifier", lambda prover: prover.claims(None)),
        ("kinds", lambda prover: prover.claims(bytes(20), kinds=5)),
        (r"kinds\[0\]", lambda prover: prover.claims(bytes(20), kinds=[None])),
        ("last_block", lambda _: slproof.open(STATE, LOGS, last_block="245")),
        ("bridgehub", lambda _: slproof.open(STATE, LOGS, bridgehub=5)),
        ("trust_block", lambda _: slproof.open(STATE, LOGS, trust_block=bytes(32))),
        (r"tree\[0\]", lambda _: slproof.open([5], LOGS)),
        ("messages", lambda _: slproof.open(STATE, 5)),
        ("release", lambda _: slproof.open(STATE, LOGS, release=29)),
        ("proofs", lambda _: slproof.verify(ONE, STATE)),
        ("proofs", lambda _: slproof.verify(b"x", STATE)),
        (r"proofs\[0\]", lambda _: slproof.verify([1], STATE)),
        ("root", lambda _: slproof.verify([ONE], root=5)),
        ("paths", lambda _: slproof.survey([])),
        ("paths", lambda _: slproof.survey(None)),
        ("chain", lambda _: slproof.survey(STATE, chain="324")),
    ],
)
def test_errors_about_arguments_name_them(prover, name, call):
    with pytest.raises(slproof.Error, match=f"^{name}: ") as raised:
        call(prover)
    assert raised.value.code == "invalid-options"


def test_hashes_and_integers_of_other_types_are_taken(prover):
    numpy = pytest.importorskip("numpy")
    row = prover.prove([ONE]).to_pylist()[0]
    sender = row["sender"]
    of_text = prover.prove_all(sender="0x" + sender.hex()).read_all()
    assert of_text.num_rows > 0 and prover.prove_all(sender=sender).read_all().equals(of_text)
    of_chain = prover.prove_all(chain=324, batches=[501235, 501236]).read_all()
    same = prover.prove_all(chain=numpy.uint64(324), batches=(numpy.int64(501235), 501236)).read_all()
    assert of_chain.num_rows > 0 and same.equals(of_chain)
    root = row["target_root"]
    assert slproof.verify([row], root=root)["valid"].to_pylist() == [True]


def test_the_package_has_its_version_and_its_module_of_nodes():
    cargo = (ROOT / "python" / "Cargo.toml").read_text()
    assert f'version = "{slproof.__version__}"' in cargo
    code = "import slproof; assert callable(slproof.nodes.export); assert not hasattr(slproof, 'others')"
    subprocess.run([sys.executable, "-c", code], check=True)


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
