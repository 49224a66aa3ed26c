use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use slproof::ingest::FoundFiles;

use crate::support::{
    binary::{Run, command, run},
    fixture,
    index_dir::{IndexDir, text},
    json_lines,
    json_schema::faults,
    log_sources::lines,
    read,
};

const FOLDER: &str = "gateway-v29";

pub fn copy(dir: &IndexDir, file: &str, name: &str) {
    dir.write(name, fs::read(fixture(&format!("{FOLDER}/{file}"))).unwrap());
}

/// The first lines of a fixture.
pub fn head(file: &str, count: usize) -> String {
    lines(json_lines(&format!("{FOLDER}/{file}")).into_iter().take(count))
}

pub fn survey(dir: &Path, rest: &[&str], code: i32) -> Value {
    let args = ["survey", text(dir), "--json"];
    let run = run(args.iter().chain(rest));
    assert_eq!(run.code, Some(code), "{}{}", run.stdout, run.stderr);
    let value = serde_json::from_str(&run.stdout).unwrap();
    let schema: Value =
        serde_json::from_str(&crate::support::binary::run(["schema", "survey"]).stdout).unwrap();
    assert_eq!(faults(&schema, &schema, &value), Vec::<String>::new());
    value
}

/// What a file with this name is used for.
pub fn usage<'v>(survey: &'v Value, name: &str) -> &'v str {
    let mut files = survey["files"].as_array().unwrap().iter();
    let file = files.find(|file| Path::new(file["path"].as_str().unwrap()).ends_with(name));
    file.unwrap_or_else(|| panic!("{name}: {survey}"))["use"].as_str().unwrap()
}

fn provable(survey: &Value, target: &str) -> [u64; 3] {
    let mut kinds = survey["provable"].as_array().unwrap().iter();
    let found = kinds.find(|kind| kind["target"] == target);
    let found = found.unwrap_or_else(|| panic!("{target}: {survey}"));
    ["batches", "logs", "messages"].map(|name| found[name].as_u64().unwrap())
}

/// Runs the command that a survey suggests, in `dir`.
fn follow(dir: &Path, survey: &Value) -> Run {
    let next = survey["next"].as_str().unwrap();
    let args: Vec<&str> = next.split_whitespace().skip(1).collect();
    command().args(args).current_dir(dir).output().unwrap().into()
}

/// A directory with a bit of everything.
pub fn everything() -> IndexDir {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "all/gw/state.json");
    copy(&dir, "gw_batches.jsonl", "all/gw/batches.jsonl");
    copy(&dir, "dest.state.anvil.json", "all/anchors/dest.json");
    copy(&dir, "l1.state.anvil.json", "all/anchors/l1.json");
    copy(&dir, "../eth-get-proof/gateway-v29.jsonl", "all/anchors/slots.jsonl");
    copy(&dir, "receipts.json", "all/logs/receipts.json");
    dir.write("all/gw/events.jsonl", head("events.jsonl.gz", 100));
    let batches = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
    let mut half: Vec<Value> = batches.iter().step_by(2).cloned().collect();
    // One batch lacks its last log.
    let damaged =
        half.iter_mut().find(|batch| batch["logs"].as_array().unwrap().len() > 3).unwrap();
    damaged["logs"].as_array_mut().unwrap().pop();
    damaged.as_object_mut().unwrap().remove("messages");
    dir.write("all/logs/half.jsonl", lines(half));
    dir.write("all/README.md", "What is left.");
    dir.write("all/SHA256SUMS", format!("{}  logs/half.jsonl\n", "0".repeat(64)));
    dir.write("all/empty", "");
    dir
}

#[test]
fn one_command_proves_what_the_survey_of_a_bit_of_everything_says() {
    let dir = everything();
    let all = dir.path("all");
    let found = survey(&all, &[], 0);
    for (name, expected) in [
        ("gw/state.json", "evidence"),
        ("gw/events.jsonl", "evidence"),
        ("gw/batches.jsonl", "sl-batches"),
        ("anchors/dest.json", "anchor"),
        ("anchors/l1.json", "other-state"),
        ("anchors/slots.jsonl", "state-proofs"),
        ("logs/receipts.json", "logs"),
        ("logs/half.jsonl", "logs"),
        ("README.md", "nothing"),
        ("SHA256SUMS", "nothing"),
        ("empty", "nothing"),
    ] {
        assert_eq!(usage(&found, name), expected, "{name}");
    }
    let layer = &found["settlementLayer"];
    assert_eq!((&layer["slChainId"], &layer["checkedBy"]), (&506.into(), &"state+events".into()));
    let roots = crate::support::json(&format!("{FOLDER}/roots.json"));
    assert!(roots.to_string().contains(layer["interopRoot"]["root"].as_str().unwrap()));
    let not_folding: u64 = found["chains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chain| chain["notFolding"]["count"].as_u64().unwrap())
        .sum();
    assert_eq!(not_folding, 1);
    // Receipts of batch 501234 of chain 324 may be in the half, too.
    let [batches, logs, messages] = provable(&found, "block");
    assert!((72..=73).contains(&batches) && logs > messages && messages > 0, "{found}");
    assert_eq!(provable(&found, "batch-root"), [batches, logs, messages]);
    assert_eq!(provable(&found, "first"), [batches, logs, messages]);
    provable(&found, "sl-batch");
    let missing = found["missing"].as_array().unwrap();
    let unlocked: Vec<u64> = missing.iter().map(|m| m["batches"].as_u64().unwrap()).collect();
    assert!(unlocked.is_sorted_by(|one, other| one >= other), "{unlocked:?}");

    let proven = follow(&dir.path(""), &found);
    // The batch that does not fold is named.
    assert_eq!(proven.code, Some(1), "{}", proven.stderr);
    assert!(proven.stderr.contains("is incomplete"), "{}", proven.stderr);
    assert_eq!(proofs_in(&dir.path("proofs.ndjson")), logs);

    let shown = run(["survey", text(&all)]);
    assert!(shown.stdout.lines().count() <= 50, "{}", shown.stdout);
    for words in ["506", "not recognized", "compare", "slproof prove --archive", "-v shows all"] {
        assert!(shown.stdout.contains(words), "{words}: {}", shown.stdout);
    }
    let verbose = run(["survey", text(&all), "-v"]).stdout;
    assert!(!verbose.contains("-v shows all") && verbose.len() > shown.stdout.len());
}

#[test]
fn a_directory_stands_for_its_files_in_every_command() {
    let dir = everything();
    let all = dir.path("all");
    let all = text(&all);
    let state = fixture(&format!("{FOLDER}/state.anvil.json"));
    for rest in [&["rebuild"][..], &["history"]] {
        let one = run([rest, &[text(&state)]].concat());
        let many = run([rest, &[all]].concat());
        assert_eq!((one.code, many.code), (Some(0), Some(0)), "{}", many.stderr);
        let tail = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(tail(&one.stdout), tail(&many.stdout), "{rest:?}");
    }
    let archive = dir.path("m.slmsg");
    let indexed = run(["index", all, "--tree", all, "-o", text(&archive)]);
    // One batch does not fold.
    assert_eq!(indexed.code, Some(1), "{}", indexed.stderr);
    assert!(indexed.stderr.contains("324 by its batch roots"), "{}", indexed.stderr);
    let one = ["--chain", "324", "--batch", "501234", "--index", "0"];
    let prove = |inputs: &[&str], rest: &[&str]| run([&["prove"][..], inputs, &one, rest].concat());
    let expected = prove(&["--tree", text(&state), "--messages", text(&archive)], &[]);
    assert_eq!(expected.code, Some(0), "{}", expected.stderr);
    for inputs in [vec!["--archive", all], vec!["--tree", all, "--messages", all]] {
        let proven = prove(&inputs, &[]);
        assert!(proven.stdout.contains("\"batchNumber\": 501234"), "{}", proven.stderr);
        let record = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        assert_eq!(record(&proven.stdout)["proof"], record(&expected.stdout)["proof"]);
    }
    let on_l1 = prove(&["--archive", all], &["--target", "sl-batch:2028"]);
    assert!(on_l1.stdout.contains("\"kind\": \"sl-batch\""), "{}", on_l1.stderr);
    let first = prove(
        &["--tree", text(&state), "--messages", text(&archive), "--events", all],
        &["--target", "first"],
    );
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let neither = run([&["prove", "--tree", all][..], &one].concat());
    assert_eq!(neither.code, Some(2), "{}", neither.stderr);
}

/// The number of proofs that a job wrote.
fn proofs_in(file: &Path) -> u64 {
    let written = fs::read_to_string(file).unwrap();
    written.lines().filter(|line| line.contains("\"proof\"")).count() as u64
}

#[test]
fn the_next_command_proves_as_much_as_the_survey_says_beside_damaged_files() {
    let dir = everything();
    // Receipts that fit no chain, and half of a compressed archive.
    let receipts = fs::read_to_string(fixture(&format!("{FOLDER}/receipts.json"))).unwrap();
    dir.write("all/stray/receipts.json", receipts.replace("3769df72", "3769df73"));
    let archive = fs::read(fixture(&format!("{FOLDER}/logs.jsonl.gz"))).unwrap();
    dir.write("all/cut.jsonl.gz", &archive[..archive.len() / 100]);
    let found = survey(&dir.path("all"), &[], 3);
    assert_eq!(usage(&found, "stray/receipts.json"), "logs-of-unknown-chain");
    let next = found["next"].as_str().unwrap();
    assert!(!next.contains("--archive"), "{next}");
    let proven = follow(&dir.path(""), &found);
    assert_eq!(proven.code, Some(1), "{}", proven.stderr);
    for left_out in ["is incomplete", "stray/receipts.json", "cut.jsonl.gz"] {
        assert!(proven.stderr.contains(left_out), "{left_out}: {}", proven.stderr);
    }
    assert_eq!(proofs_in(&dir.path("proofs.ndjson")), provable(&found, "block")[1]);
    // So does an index of the same directory.
    let state = dir.path("all/gw/state.json");
    let (all, made) = (dir.path("all"), dir.path("m.slmsg"));
    let indexed = run(["index", text(&all), "--tree", text(&state), "-o", text(&made)]);
    assert_eq!(indexed.code, Some(1), "{}", indexed.stderr);
    assert!(indexed.stderr.contains("stray/receipts.json"), "{}", indexed.stderr);
}

#[test]
fn files_are_surveyed_by_name() {
    let dir = everything();
    let files = ["all/gw/state.json", "all/logs/half.jsonl"];
    let surveyed = |files: &[&str]| -> Run {
        let args = ["survey", "--json"].iter().chain(files);
        command().args(args).current_dir(dir.path("")).output().unwrap().into()
    };
    let found: Value = serde_json::from_str(&surveyed(&files).stdout).unwrap();
    assert_eq!(follow(&dir.path(""), &found).code, Some(1));
    assert_eq!(proofs_in(&dir.path("proofs.ndjson")), provable(&found, "block")[1]);
    let absent = surveyed(&["absent"]);
    assert_eq!(absent.code, Some(6), "{}", absent.stderr);
}

/// Every file of the fixtures that a command reads is of a known kind. The others are what tests expect, a text about
/// the files, and an answer that no command needs.
#[test]
fn every_fixture_is_of_a_known_kind() {
    let found = FoundFiles::at(&[fixture("")]).unwrap();
    let unknown = found.files.iter().filter(|file| file.kind.is_none());
    let names: BTreeSet<_> =
        unknown.map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    let expected = [
        "README.md",
        "expected.json.gz",
        "roots.json",
        "roots.json.gz",
        "snapshots_getAllSnapshots.json",
        "state_diffs.json.zst",
        "vectors.json",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn logs_without_batch_numbers_are_surveyed_by_the_roots() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "some/state.json");
    let receipts = fs::read_to_string(fixture(&format!("{FOLDER}/receipts.json"))).unwrap();
    dir.write("some/receipts.json", receipts.replace("l1BatchNumber", "unknown"));
    let found = survey(&dir.path("some"), &["--chain", "324"], 0);
    assert_eq!(provable(&found, "block"), [1, 1, 1]);
    assert_eq!(follow(&dir.path(""), &found).code, Some(0));
}

/// The first accounts and slots of an anvil dump, so that the storage is split in two.
pub fn halves(state: &Value) -> [Value; 2] {
    let (mut one, mut other) = (state.clone(), state.clone());
    for (half, keeps) in [(&mut one, 0), (&mut other, 1)] {
        for account in half["accounts"].as_object_mut().unwrap().values_mut() {
            let storage = account["storage"].as_object_mut().unwrap();
            let keys: Vec<String> = storage.keys().cloned().collect();
            for (at, key) in keys.into_iter().enumerate() {
                if at % 2 != keeps {
                    storage.remove(&key);
                }
            }
        }
    }
    [one, other]
}

#[test]
fn parts_of_one_state_are_joined() {
    let dir = IndexDir::new();
    let state = crate::support::json(&format!("{FOLDER}/state.anvil.json"));
    let [one, other] = halves(&state);
    dir.write("parts/one.json", one.to_string());
    copy(&dir, "dest.state.anvil.json", "parts/dest.json");
    assert_eq!(survey(&dir.path("parts"), &[], 5)["settlementLayer"], Value::Null);
    dir.write("parts/other.json", other.to_string());
    let found = survey(&dir.path("parts"), &[], 5);
    assert_eq!(found["settlementLayer"]["batches"], 145);
    assert_eq!([usage(&found, "one.json"), usage(&found, "other.json")], ["evidence"; 2]);
    assert!(found["next"].as_str().unwrap().starts_with("slproof rebuild "));
    let rebuilt = run(["rebuild", text(&dir.path("parts"))]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("parts of one state"), "{}", rebuilt.stderr);
}

#[test]
fn the_newest_state_is_used_and_the_others_are_its_past() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "states/b-new.json");
    copy(&dir, "geth.dump.json.gz", "states/a-same.json");
    // The events up to a block are a state of the past, as a tree file.
    let old = dir.write("old.jsonl", head("events.jsonl.gz", 150));
    fs::create_dir_all(dir.path("states")).unwrap();
    let tree = dir.path("states/old.sltree");
    let made = run(["rebuild", text(&old), "-o", text(&tree)]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let found = survey(&dir.path("states"), &[], 5);
    assert_eq!(found["settlementLayer"]["batches"], 145);
    assert_eq!(usage(&found, "old.sltree"), "past");
    let uses = [usage(&found, "a-same.json"), usage(&found, "b-new.json")];
    assert!(uses.contains(&"evidence") && uses.contains(&"past"), "{uses:?}");
    let rebuilt = run(["history", text(&dir.path("states"))]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("old.sltree, the past of the state"), "{}", rebuilt.stderr);

    // The same history with other batch numbers is not the past.
    dir.write("states/forged.sltree", fs::read(fixture("slow/changed-batch.sltree")).unwrap());
    let found = survey(&dir.path("states"), &[], 4);
    let problems = &found["problems"];
    assert_eq!(problems[0]["code"], "tree-differs", "{problems}");
    assert!(problems.to_string().contains("is not the past of"), "{problems}");
    assert_eq!(found["settlementLayer"]["batches"], 145, "the rest is still shown");
    let refused = run(["rebuild", text(&dir.path("states"))]);
    // A tree file is no evidence for a new one, but it is when nothing is written.
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
}

#[test]
fn states_of_two_settlement_layers_need_a_choice() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "two/one.json");
    let other = dir.path("two/other.sltree");
    let events = fixture("gateway-v29-to-v31/events.jsonl.gz");
    assert_eq!(run(["rebuild", text(&events), "-o", text(&other)]).code, Some(0));
    dir.write("two/logs.jsonl", head("logs.jsonl.gz", 20));
    let found = survey(&dir.path("two"), &[], 0);
    assert_eq!(usage(&found, "other.sltree"), "other-layer");
    assert!(found["next"].as_str().unwrap().contains("--sl-chain-id 506"), "{found}");
    assert_eq!(follow(&dir.path(""), &found).code, Some(0));
    let two = dir.path("two");
    let unclear = run(["rebuild", text(&two)]);
    assert_eq!(unclear.code, Some(2), "{}", unclear.stderr);
    for words in ["506", "1506", "--sl-chain-id"] {
        assert!(unclear.stderr.contains(words), "{}", unclear.stderr);
    }
    for chain in ["506", "1506"] {
        let chosen = run(["rebuild", text(&two), "--sl-chain-id", chain]);
        assert_eq!(chosen.code, Some(0), "{}", chosen.stderr);
        assert!(chosen.stdout.starts_with(&format!("settlement layer {chain},")));
    }
}

#[test]
fn logs_without_evidence_and_events_alone_are_surveyed() {
    let dir = IndexDir::new();
    copy(&dir, "receipts.json", "some/receipts.json");
    let found = survey(&dir.path("some"), &[], 5);
    assert_eq!(usage(&found, "receipts.json"), "logs-of-unknown-chain");
    assert_eq!(found["missing"][0]["part"], "evidence");
    assert!(found["next"].as_str().unwrap().ends_with("--chain ID"));
    let found = survey(&dir.path("some"), &["--chain", "324"], 5);
    assert_eq!(found["missing"][0]["messages"], 1);
    copy(&dir, "events.jsonl.gz", "some/events.jsonl");
    let found = survey(&dir.path("some"), &[], 0);
    assert_eq!(found["settlementLayer"]["checkedBy"], "events");
    assert_eq!(provable(&found, "first"), [1, 1, 1]);
    let shown = run(["survey", text(&dir.path("some"))]).stdout;
    assert!(shown.contains("not show that they are of the real chain"), "{shown}");
    // Nothing at all.
    dir.write("none/README.md", "x");
    let found = survey(&dir.path("none"), &[], 5);
    assert_eq!((&found["next"], found["files"].as_array().unwrap().len()), (&Value::Null, 1));
}

#[test]
fn damaged_evidence_is_named_and_the_rest_is_shown() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "some/state.json");
    dir.write("some/logs.jsonl", head("logs.jsonl.gz", 20));
    let whole = fs::read(fixture(&format!("{FOLDER}/geth.dump.json.gz"))).unwrap();
    dir.write("some/cut.json", &read(&format!("{FOLDER}/state.anvil.json"))[..60_000]);
    dir.write("whole/x", "");
    fs::write(dir.path("some/cut.bin"), &whole[..whole.len() / 2]).unwrap();
    let found = survey(&dir.path("some"), &[], 3);
    assert_eq!(usage(&found, "cut.json"), "problem");
    assert_eq!(provable(&found, "block")[0], 20);
    let problems = found["problems"].to_string();
    assert!(problems.contains("cut.json") && problems.contains("input-damaged"), "{problems}");
    // The good state is enough to prove. The damaged file may have been an archive of logs.
    let proven = follow(&dir.path(""), &found);
    assert_eq!(proven.code, Some(1), "{}", proven.stderr);
    assert!(proven.stderr.contains("cut.bin"), "{}", proven.stderr);
    let archive = |code| {
        let run = run(["prove", "--archive", text(&dir.path("some")), "--all"]);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
    };
    archive(1);

    // Events that contradict the state.
    let mut events = json_lines(&format!("{FOLDER}/events.jsonl.gz"));
    let append =
        events.iter_mut().find(|event| event["event"] == "AppendedChainBatchRoot").unwrap();
    append["chainBatchRoot"] = format!("0x{}", "11".repeat(32)).into();
    dir.write("some/events.jsonl", lines(events));
    let found = survey(&dir.path("some"), &[], 4);
    assert_eq!(usage(&found, "events.jsonl"), "problem");
    assert_eq!(found["settlementLayer"]["checkedBy"], "state");
    assert_eq!(provable(&found, "block")[0], 20);
    // --archive takes the events, too, and is refused.
    assert_eq!(follow(&dir.path(""), &found).code, Some(1));
    archive(4);
}

#[test]
fn no_command_uses_one_of_two_states_that_contradict_each_other() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "some/state.json");
    dir.write("some/other.json", fs::read(fixture("gateway-v31/state.anvil.json")).unwrap());
    dir.write("some/logs.jsonl", head("logs.jsonl.gz", 20));
    let found = survey(&dir.path("some"), &[], 4);
    assert!(found["problems"].to_string().contains("is not the past of"), "{found}");
    assert_eq!(found["next"], Value::Null);
}

#[test]
fn files_that_begin_as_pubdata_do_are_pubdata_only_by_name() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "some/state.json");
    dir.write("some/logs.jsonl", head("logs.jsonl.gz", 20));
    dir.write("some/zeros.bin", [0_u8; 300]);
    dir.write("some/sum", "d41d8cd98f00b204e9800998ecf8427e");
    let found = survey(&dir.path("some"), &[], 0);
    assert_eq!((usage(&found, "zeros.bin"), usage(&found, "sum")), ("nothing", "nothing"));
    assert_eq!(follow(&dir.path(""), &found).code, Some(0));
}

#[test]
fn what_cannot_be_read_in_a_directory_is_named_by_a_survey() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "some/state.json");
    dir.write("some/logs.jsonl", head("logs.jsonl.gz", 20));
    // Nothing is mapped at its start, so that reading fails.
    std::os::unix::fs::symlink("/proc/self/mem", dir.path("some/unreadable")).unwrap();
    let found = survey(&dir.path("some"), &[], 3);
    assert_eq!(usage(&found, "unreadable"), "problem");
    assert_eq!(provable(&found, "block")[0], 20);
    assert!(found["problems"].to_string().contains("read-failed"), "{found}");
    // Other commands do not go on: the file may be the newest state.
    assert_eq!(run(["rebuild", text(&dir.path("some"))]).code, Some(6));
}

#[cfg(feature = "parquet")]
#[test]
fn tables_of_other_kinds_and_lists_of_transactions_are_named_as_what_they_are() {
    use parquet::{file::writer::SerializedFileWriter, schema::parser::parse_message_type};

    let dir = IndexDir::new();
    let schema =
        "message x { required int64 block_number; required int64 gas_used; optional binary from; }";
    let schema = parse_message_type(schema).unwrap().into();
    let writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    dir.write("some/x.parquet", writer.into_inner().unwrap());
    let transaction =
        r#"{"blockNumber":"7","hash":"0x","input":"0x","nonce":"1","cumulativeGasUsed":"9"}"#;
    dir.write("some/txlist.json", format!(r#"{{"status":"1","result":[{transaction}]}}"#));
    let found = survey(&dir.path("some"), &[], 5);
    for (name, what) in [
        ("x.parquet", "a Parquet file with the columns block_number, gas_used, from"),
        ("txlist.json", "a list of transactions, or an answer of eth_getTransactionByHash"),
    ] {
        assert_eq!(usage(&found, name), "nothing");
        let file = dir.path(&format!("some/{name}"));
        let mut files = found["files"].as_array().unwrap().iter();
        let report = files.find(|report| report["path"] == text(&file)).unwrap();
        assert_eq!(report["what"], what);
        for command in [
            &["rebuild", text(&file)][..],
            &["index", text(&file), "--chain", "9", "-o", text(&dir.path("out"))],
        ] {
            let refused = run(command);
            assert_eq!(refused.code, Some(3), "{}", refused.stderr);
            assert!(refused.stderr.contains(what), "{}", refused.stderr);
        }
    }
}

/// Receipts that do not name their chain, beside logs that do, for a state without roots by block.
#[test]
fn for_batch_roots_too_the_roots_show_the_chain_of_some_files() {
    let dir = IndexDir::new();
    dir.write("state.json", fs::read(fixture("gateway-v28/state.anvil.json")).unwrap());
    copy(&dir, "receipts.json", "receipts.json");
    let logs = json_lines(&format!("{FOLDER}/logs.jsonl.gz")).into_iter();
    let others = logs.filter(|batch| batch["batchNumber"] != 501_234).take(5);
    dir.write("logs.jsonl", lines(others));
    let found = survey(&dir.path(""), &[], 0);
    let run = follow(&dir.path(""), &found);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let proofs = fs::read_to_string(dir.path("proofs.ndjson")).unwrap();
    assert_eq!(proofs.lines().count() as u64, provable(&found, "batch-root")[1]);
    assert!(proofs.contains(r#""batchNumber":501234"#), "{}", run.stderr);
}
