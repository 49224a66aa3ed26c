"""Databases of nodes, from their directories to proofs, beside proofs from dumps of the same states."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys

import node_databases as written
import pyarrow
import pyarrow.compute
import pytest
from tools import needed

import slproof
from slproof import nodes

ROOT = pathlib.Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
GATEWAY = FIXTURES / "gateway-v31"
LOGS = GATEWAY / "logs.jsonl.gz"
ANCHOR = GATEWAY / "l1.state.anvil.json"
BRIDGEHUB = "0x303a465b659cbb0ab36ee643ea362c509eeb5213"
L1 = FIXTURES / "v33"


@pytest.fixture(autouse=True, scope="module")
def rocksdict():
    needed("rocksdict")


def dump(path):
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def block_of(state):
    return int(state["block"]["number"], 16)


def digests(directory):
    """The names and digests of all files in a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).digest() for path in files}


def lines(path):
    return pyarrow.input_stream(str(path), compression="zstd").read().decode().splitlines()


def written_proofs(table):
    """The bytes of proofs, without the hashes of transactions, which not all archives have."""
    out = io.BytesIO()
    with pyarrow.ipc.new_file(out, table.schema) as file:
        file.write_table(
            table.set_column(17, "tx_hash", pyarrow.nulls(len(table), pyarrow.binary(32))).combine_chunks()
        )
    return out.getvalue()


def code(call):
    with pytest.raises(slproof.Error) as raised:
        call()
    return raised.value.code


@pytest.fixture(scope="module")
def gateway():
    """The newest state of a Gateway, and its proofs."""
    state = dump(GATEWAY / "state.anvil.json")
    return state, slproof.open(GATEWAY / "state.anvil.json", LOGS).prove_all().read_all()


@pytest.mark.parametrize("flush", [True, False])
def test_the_newest_state_gives_the_proofs_of_the_dump(gateway, tmp_path, flush):
    state, expected = gateway
    node = tmp_path / "node1"
    written.full_diffs(node / "state_full_diffs", {0: {}, block_of(state): written.flat_slots(state)}, flush=flush)
    before = digests(node)
    exported = nodes.export(node, tmp_path / "out")
    assert exported.last_block == block_of(state)
    assert digests(node) == before, "an archive must not change"
    found = slproof.open(tmp_path / "out" / nodes.STATE_FILE, LOGS).prove_all().read_all()
    assert found.num_rows == 2532 and written_proofs(found) == written_proofs(expected)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A database with two states of one chain, and the dumps of these states by their blocks."""
    dumps = [L1 / "state.mid.anvil.json.gz", L1 / "state.anvil.json.gz"]
    states = {block_of(state): written.flat_slots(state) for state in map(dump, dumps)}
    path = tmp_path_factory.mktemp("history") / "state_full_diffs"
    written.full_diffs(path, states)
    return path, dict(zip(states, dumps))


def proofs_on_l1(state, **given):
    opened = slproof.open(state, L1 / "logs.jsonl.gz", bridgehub="0x592112c1f2e490a99fef1c949cd6e42b11f42aea", **given)
    return opened.prove_all().read_all()


@pytest.mark.parametrize("which", [0, 1])
def test_each_block_gives_the_proofs_of_the_dump_of_that_block(history, tmp_path, which):
    path, dumps = history
    block, state = list(dumps.items())[which]
    exported = nodes.export(path, tmp_path / "out", last_block=block)
    assert exported.last_block == block
    found, expected = proofs_on_l1(tmp_path / "out" / nodes.STATE_FILE), proofs_on_l1(state)
    assert found.filter(found["proof"].is_valid()).num_rows > 100
    assert written_proofs(found) == written_proofs(expected)


def test_all_writes_serve_any_block(history, command, tmp_path):
    path, dumps = history
    nodes.export(path, tmp_path / "out")
    table = tmp_path / "out" / nodes.STATE_FILE
    for block, state in dumps.items():
        snapshot = tmp_path / f"{block}.slsnap"
        command("import", table, "--last-block", block, "-o", snapshot)
        expected = written_proofs(proofs_on_l1(state))
        assert written_proofs(proofs_on_l1(snapshot)) == expected
        assert written_proofs(proofs_on_l1(table, last_block=block)) == expected


def test_the_commands_for_reth_give_the_proofs_of_the_dump(command, tmp_path):
    path = L1 / "state.anvil.json.gz"
    state = dump(path)
    tables = {address: account["storage"] for address, account in state["accounts"].items()}
    for address, slots in tables.items():
        rows = "".join(f"{slot},{value}\n" for slot, value in slots.items())
        (tmp_path / f"{address}.csv").write_text(f"slot,value\n{rows}")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "reth").write_text('#!/bin/sh\ncat "$3.csv"\n')
    (programs / "reth").chmod(0o755)
    (programs / "slproof").symlink_to(pathlib.Path(os.environ["SLPROOF"]).absolute())
    page = (ROOT / "docs" / "src" / "situations" / "node-databases.md").read_text()
    code = page.split("\n## reth\n")[1].split("```bash\n")[1].split("```")[0]
    known = {"PATH": f"{programs}:{os.environ['PATH']}", "CONTRACTS": " ".join(tables), "BLOCK": str(block_of(state))}
    subprocess.run(["bash", "-euc", code], cwd=tmp_path, env={**os.environ, **known}, check=True, capture_output=True)
    assert written_proofs(proofs_on_l1(tmp_path / "l1.slsnap")) == written_proofs(proofs_on_l1(path))


def test_an_era_node_gives_the_proofs_of_the_dump(gateway, tmp_path):
    state, expected = gateway
    written.keeper(tmp_path / "state_keeper", written.flat_slots(state), batch=2028)
    exported = nodes.export(tmp_path / "state_keeper", tmp_path / "out")
    assert exported.last_block is None and "batch 2028" in exported.files[nodes.STATE_FILE]
    found = slproof.open(tmp_path / "out" / nodes.STATE_FILE, LOGS).prove_all().read_all()
    assert written_proofs(found) == written_proofs(expected)
    assert code(lambda: nodes.export(tmp_path / "state_keeper", tmp_path / "no", last_block=1)) == "invalid-options"


@pytest.fixture(scope="module")
def archive():
    """The lines of one chain in the archive of logs."""
    every = map(json.loads, gzip.decompress(LOGS.read_bytes()).splitlines())
    return [line for line in every if line["chainId"] == 324]


@pytest.fixture(scope="module")
def chain(archive, tmp_path_factory):
    """The directory of a chain's node, and the blocks of its batches."""
    node = tmp_path_factory.mktemp("chain")
    ranges = written.repository(node / "repository", archive)
    written.executed_batches(node / "executed_batch_storage", ranges)
    return node, ranges


def test_logs_are_those_of_the_batches(chain, archive, gateway, tmp_path):
    node, ranges = chain
    before = digests(node)
    exported = nodes.export(node, tmp_path / "out", chain=324)
    assert digests(node) == before and exported.notes == []
    found = [json.loads(line) for line in lines(tmp_path / "out" / nodes.LOGS_FILE)]
    for name in ("batchNumber", "logs", "messages"):
        assert [line[name] for line in found] == [line[name] for line in archive]
    own = [json.loads(line) for line in lines(tmp_path / "out" / nodes.BATCHES_FILE)]
    assert {line["batchNumber"]: (line["firstBlock"], line["lastBlock"]) for line in own} == ranges
    _, expected = gateway
    expected = expected.filter(pyarrow.compute.equal(expected["chain_id"], 324))
    proofs = slproof.open(GATEWAY / "state.anvil.json", tmp_path / "out" / nodes.LOGS_FILE).prove_all().read_all()
    assert proofs["tx_hash"].null_count == 0 and written_proofs(proofs) == written_proofs(expected)


def test_the_batches_of_a_settlement_layer_serve_for_proofs_through_them(tmp_path):
    path = GATEWAY / "gw_batches.jsonl"
    ranges = written.repository(tmp_path / "repository", map(json.loads, path.read_text().splitlines()))
    written.executed_batches(tmp_path / "executed", ranges)
    nodes.export(tmp_path, tmp_path / "out", chain=506)

    def proofs(batches):
        opened = slproof.open(
            GATEWAY / "state.anvil.json", LOGS, sl_batches=batches, anchor=ANCHOR, anchor_bridgehub=BRIDGEHUB
        )
        return opened.prove_all(target="sl-batch:first").read_all()

    found = proofs(tmp_path / "out" / nodes.BATCHES_FILE)
    assert found["error_code"].null_count == found.num_rows > 2000
    assert written_proofs(found) == written_proofs(proofs(path))


def test_receipts_stand_in_for_batches_that_are_not_known(chain, gateway, tmp_path):
    node, _ = chain
    nodes.export(node / "repository", tmp_path / "out")
    receipts = tmp_path / "out" / nodes.RECEIPTS_FILE
    proofs = slproof.open(GATEWAY / "state.anvil.json", receipts, chain=324).prove_all().read_all()
    _, expected = gateway
    expected = expected.filter(pyarrow.compute.equal(expected["chain_id"], 324))
    assert written_proofs(proofs) == written_proofs(expected)


def test_a_batch_without_a_block_is_left_out(chain, archive, tmp_path):
    _, ranges = chain
    last = max(ranges)
    written.repository(tmp_path / "repository", archive[:-1])
    written.executed_batches(tmp_path / "executed", {**ranges, 1: (10**6, 10**6)})
    exported = nodes.export(tmp_path, tmp_path / "out", chain=324)
    assert [note for note in exported.notes if f"2 batches, from 1 to {last}" in note]
    numbers = [json.loads(line)["batchNumber"] for line in lines(tmp_path / "out" / nodes.LOGS_FILE)]
    assert numbers == [line["batchNumber"] for line in archive[:-1]]


def test_databases_without_logs_of_batches_give_no_file_of_logs(chain, archive, tmp_path):
    node, ranges = chain
    assert code(lambda: nodes.export(node, tmp_path / "out", chain=324, last_block=0)) == "nothing-found"
    written.repository(tmp_path / "receipts" / "repository", [])
    assert code(lambda: nodes.export(tmp_path / "receipts", tmp_path / "out")) == "nothing-found"
    # Beside a state, the state alone is written.
    written.full_diffs(tmp_path / "both" / "state_full_diffs", {5: {bytes(32): bytes(32)}})
    written.repository(tmp_path / "both" / "repository", archive)
    written.executed_batches(tmp_path / "both" / "executed", {number: (10**6, 10**6) for number in ranges})
    exported = nodes.export(tmp_path / "both", tmp_path / "out", chain=324)
    assert list(exported.files) == [nodes.STATE_FILE]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [nodes.STATE_FILE]
    assert any("no executed batch" in note for note in exported.notes)


@pytest.mark.parametrize("following", [b"", bytes(4), bytes(3), bytes(8)])
def test_a_damaged_number_of_the_batch_of_an_era_node_is_named(tmp_path, following):
    written.database(tmp_path / "keeper", {"state": {b"block_number": following}, "contracts": {}, "factory_deps": {}})
    assert code(lambda: nodes.export(tmp_path / "keeper", tmp_path / "out")) == "unknown-input"


def test_databases_of_a_running_node_are_read_up_to_the_block_of_all(tmp_path):
    slot = bytes(32)
    states = {block: {slot: block.to_bytes(32, "big")} for block in (5, 6, 7)}
    written.full_diffs(tmp_path / "state_full_diffs", states)
    written.database(tmp_path / "wal", {"context": {}, "latest": {b"latest_block": (6).to_bytes(8, "big")}})
    written.database(tmp_path / "tree", {"key_indices": {}})
    exported = nodes.export(tmp_path, tmp_path / "out")
    assert exported.last_block == 6
    assert any("running node" in note and "wal with block 6" in note for note in exported.notes)
    assert any("tree" in note and "not needed" in note for note in exported.notes)
    rows = [line.split(",")[2] for line in lines(tmp_path / "out" / nodes.STATE_FILE)]
    assert rows == ["block", "5", "6"]
    assert code(lambda: nodes.export(tmp_path, tmp_path / "later", last_block=7)) == "invalid-options"
    one = nodes.export(tmp_path, tmp_path / "one", last_block=5)
    assert lines(tmp_path / "one" / nodes.STATE_FILE)[1:] == [f"0x{slot.hex()},0x{(5).to_bytes(32, 'big').hex()},5"]
    assert any("trimmed" in note for note in one.notes)


def test_damage_is_named_and_nothing_is_written(history, tmp_path):
    path, _ = history
    damaged = tmp_path / "state_full_diffs"
    damaged.mkdir()
    for file in path.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    table = max(damaged.glob("*.sst"), key=lambda file: file.stat().st_size)
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    with pytest.raises(slproof.Error, match=table.name) as raised:
        nodes.export(damaged, tmp_path / "out")
    assert raised.value.code == "input-damaged" and str(damaged) in str(raised.value)
    table.unlink()
    assert code(lambda: nodes.export(damaged, tmp_path / "out")) in ("input-damaged", "read-failed")
    assert [path.name for path in tmp_path.iterdir()] == ["state_full_diffs"]


def with_log(tmp_path, name, edit):
    """A copy of a database of three blocks that are in its write-ahead log only, after an edit of the log."""
    whole = tmp_path / "whole"
    if not whole.exists():
        rows = {bytes(32) + block.to_bytes(8, "big"): block.to_bytes(32, "big") for block in (5, 6, 7)}
        # The last entry of the log is the row of block 7.
        columns = {"meta": {b"latest_block": (7).to_bytes(8, "big")}, "data": rows}
        written.database(whole, columns, flush=False)
    copy = tmp_path / name / "state_full_diffs"
    copy.mkdir(parents=True)
    for file in whole.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (log,) = [file for file in copy.glob("*.log") if file.stat().st_size]
    log.write_bytes(edit(log.read_bytes()))
    return copy


# In the header of the first entry (checksum, type), in its content, and in that of the last entry.
@pytest.mark.parametrize("at", [0, 6, 12, -3])
def test_damage_in_a_write_ahead_log_ends_the_export(tmp_path, at):
    def flip(data):
        data = bytearray(data)
        data[at] ^= 0x40
        return bytes(data)

    damaged = with_log(tmp_path, "damaged", flip)
    with pytest.raises(slproof.Error, match=str(damaged)) as raised:
        nodes.export(damaged, tmp_path / "out")
    assert raised.value.code == "input-damaged" and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("cut", "blocks"), [(0, ["5", "6", "7"]), (3, ["5", "6"])])
def test_the_last_entry_of_a_write_ahead_log_may_be_cut(tmp_path, cut, blocks):
    """As in a copy of a running node."""
    exported = nodes.export(with_log(tmp_path, "copy", lambda data: data[: len(data) - cut]), tmp_path / "out")
    assert [line.split(",")[2] for line in lines(tmp_path / "out" / nodes.STATE_FILE)[1:]] == blocks
    assert any("log (*.log) is cut" in note for note in exported.notes) == bool(cut)


def test_a_database_without_a_write_ahead_log_is_noted(tmp_path):
    path = tmp_path / "state_full_diffs"
    written.full_diffs(path, {5: {bytes(32): bytes(32)}})
    assert not any("no write-ahead log" in note for note in nodes.export(path, tmp_path / "whole").notes)
    for log in path.glob("*.log"):
        log.unlink()
    assert any("no write-ahead log" in note for note in nodes.export(path, tmp_path / "out").notes)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"data": {bytes(39): bytes(32)}, "meta": {b"latest_block": bytes(8)}}, "unknown-input"),
        ({"data": {bytes(40): bytes(31)}, "meta": {b"latest_block": bytes(8)}}, "unknown-input"),
        ({"data": {}, "meta": {b"latest_block": bytes(8)}}, "nothing-found"),
        ({"data": {}, "meta": {}}, "input-damaged"),
        (
            {"state": {b"other": bytes(32), b"block_number": bytes(4)}, "contracts": {}, "factory_deps": {}},
            "unknown-input",
        ),
        ({"state": {bytes(32): bytes(32)}, "contracts": {}, "factory_deps": {}}, "incomplete-state"),
        ({"storage": {}, "meta": {}}, "unknown-input"),
    ],
)
def test_databases_of_no_known_layout_are_refused(tmp_path, columns, expected):
    written.database(tmp_path / "node", columns)
    assert code(lambda: nodes.export(tmp_path / "node", tmp_path / "out")) == expected
    assert not (tmp_path / "out").exists()


DAMAGES = [lambda whole: whole[:-1], lambda whole: whole + b"\0", lambda whole: written.rlp([1, 2]), lambda whole: b""]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_receipts_are_named(archive, tmp_path, monkeypatch, damage):
    whole = written.receipt
    monkeypatch.setattr(written, "receipt", lambda kind, logs, messages: damage(whole(kind, logs, messages)))
    ranges = written.repository(tmp_path / "repository", archive[:1])
    written.executed_batches(tmp_path / "executed", ranges)
    with pytest.raises(slproof.Error, match="the receipt of transaction 0x") as raised:
        nodes.export(tmp_path, tmp_path / "out", chain=324)
    assert raised.value.code == "input-damaged" and not (tmp_path / "out").exists()


def test_logs_without_the_events_of_their_messages_are_kept(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "MESSAGE_SENT", bytes(32))
    ranges = written.repository(tmp_path / "repository", archive[:1])
    written.executed_batches(tmp_path / "executed", ranges)
    exported = nodes.export(tmp_path, tmp_path / "out", chain=324)
    assert any("without their messages: 1 batches, " in note for note in exported.notes)
    (line,) = map(json.loads, lines(tmp_path / "out" / nodes.LOGS_FILE))
    assert line["logs"] == archive[0]["logs"] and "messages" not in line


def test_arguments_that_do_not_fit_are_refused(history, chain, tmp_path, monkeypatch):
    path, _ = history
    node, _ = chain
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    assert code(lambda: nodes.export(path, tmp_path / "there")) == "invalid-options"
    assert code(lambda: nodes.export(node, tmp_path / "out")) == "invalid-options"
    assert code(lambda: nodes.export([path, path], tmp_path / "out")) == "invalid-options"
    assert code(lambda: nodes.export(tmp_path / "nothing", tmp_path / "out")) == "read-failed"
    assert code(lambda: nodes.export(tmp_path / "there", tmp_path / "out")) == "unknown-input"
    assert code(lambda: nodes.export(path, tmp_path / "no" / "out")) == "write-failed"
    for given in ({"chain": -1}, {"chain": 2**64}, {"chain": "324"}, {"last_block": "5"}):
        assert code(lambda: nodes.export(node, tmp_path / "out", **given)) == "invalid-options"
    assert code(lambda: nodes.export([], tmp_path / "out")) == "invalid-options"
    assert code(lambda: nodes.export(path, 5)) == "invalid-options"
    assert not (tmp_path / "out").exists()
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    assert code(lambda: nodes.export(path, tmp_path / "out")) == "format-unsupported"


def test_the_command_says_what_is_next(history, tmp_path):
    path, dumps = history
    given = [sys.executable, "-m", "slproof.nodes", path, "-o", tmp_path / "out"]
    ended = subprocess.run(given, capture_output=True, text=True, check=True)
    assert f"--last-block {max(dumps)}" in ended.stdout
    ended = subprocess.run(given, capture_output=True, text=True)
    assert ended.returncode == 2 and "[invalid-options]" in ended.stderr
    # The errors of slproof are JSON then, too.
    ended = subprocess.run([*given, "--json"], capture_output=True, text=True)
    error = json.loads(ended.stderr)["error"]
    assert (error["code"], error["exitCode"], ended.returncode) == ("invalid-options", 2, 2)
    assert "is there already" in error["message"] and "[" not in error["message"]


def test_the_command_keeps_the_chain_id_that_was_given(chain, tmp_path):
    node, _ = chain
    given = [sys.executable, "-m", "slproof.nodes", node / "repository", "--chain", "324", "-o", tmp_path / "out"]
    ended = subprocess.run(given, capture_output=True, text=True, check=True)
    assert " --chain 324 --tree EVIDENCE" in ended.stdout
    ended = subprocess.run([*given[:4], "--chain", "-1", *given[6:]], capture_output=True, text=True)
    assert ended.returncode == 2 and "chain: " in ended.stderr
