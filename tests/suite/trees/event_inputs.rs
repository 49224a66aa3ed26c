//! Events from pipes, events that go on after a state, and events that lack roots.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use serde_json::{Value, json};
use slproof::{
    contracts::Layout,
    primitives::{BatchNumber, Hash},
};

use super::history::replay;
use crate::support::{
    self,
    binary::{Run, run, run_with_input},
    fixture,
};

fn path(name: &str) -> String {
    fixture(name).to_str().unwrap().to_owned()
}

fn write(file: &Path, lines: &[Value]) -> String {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// `prove --all` of a directory of vectors.
fn prove(folder: &str, evidence: &[&str], rest: &[&str]) -> Run {
    let logs = path(&format!("{folder}/logs.jsonl.gz"));
    let args = [&["prove", "--all", "--messages", &logs, "--tree"], evidence, rest].concat();
    run(args)
}

#[test]
fn events_are_read_from_pipes() {
    let (events, state) =
        (path("gateway-v29/events.jsonl.gz"), path("gateway-v29/state.anvil.json"));
    let logs = path("gateway-v29/logs.jsonl.gz");
    let bytes = fs::read(&events).unwrap();
    let cases: [&[&str]; 6] = [
        &["rebuild", "--json", "EVENTS"],
        &["rebuild", "--json", &state, "EVENTS"],
        &["history", "--json", "EVENTS"],
        &["history", "--json", &state, "EVENTS"],
        &["history", "--json", &state, "--events", "EVENTS"],
        &["prove", "--all", "--target", "first", "--messages", &logs, "--tree", "EVENTS"],
    ];
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for args in cases {
        let with = |source: &str| -> Vec<String> {
            args.iter().map(|arg| if *arg == "EVENTS" { source } else { arg }.to_owned()).collect()
        };
        let expected = run(with(&events));
        assert!(expected.code.is_some_and(|code| code < 2), "{}", expected.stderr);
        let piped = run_with_input(with("-"), &bytes);
        assert_eq!(piped.stdout, expected.stdout, "{args:?}: {}", piped.stderr);
        let piped = thread::scope(|threads| {
            // A command that reads the pipe twice would wait for a second writer.
            threads.spawn(|| fs::write(&pipe, &bytes).unwrap());
            run(with(pipe.to_str().unwrap()))
        });
        assert_eq!(piped.stdout, expected.stdout, "{args:?}: {}", piped.stderr);
    }
    // A state from a pipe is still a state, also beside events.
    let args = ["rebuild", "--json", "-", &events];
    let piped = run_with_input(args, &fs::read(&state).unwrap());
    assert_eq!(
        piped.stdout,
        run(["rebuild", "--json", &state, &events]).stdout,
        "{}",
        piped.stderr
    );
}

/// The events of the vector, and those of two more batches in later blocks.
fn later_events() -> (Vec<Value>, Hash) {
    let mut layer = replay("gateway-v29", Layout::V29);
    let mut lines = support::json_lines("gateway-v29/events.jsonl.gz");
    for (block, batch) in [(250, 501_267), (251, 501_268)] {
        let (chain, root) = (layer.chain(1), Hash::new([batch as u8; 32]));
        layer.set_block(block);
        layer.append(1, BatchNumber(batch), root);
        lines.extend([
            json!({"event": "AppendedChainBatchRoot", "blockNumber": block, "logIndex": 0, "chainId": chain,
                   "batchNumber": batch, "chainBatchRoot": root}),
            json!({"event": "NewChainRoot", "blockNumber": block, "logIndex": 1, "chainId": chain,
                   "chainRoot": layer.chain_root(1)}),
            json!({"event": "NewInteropRoot", "blockNumber": block, "logIndex": 2, "chainId": 506,
                   "interopBlockNumber": block, "logId": 0, "sides": [layer.root()]}),
        ]);
    }
    (lines, layer.root())
}

#[test]
fn events_that_go_on_after_a_state_give_the_trees_if_they_are_complete() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let state = path("gateway-v29/state.anvil.json");
    let (lines, root) = later_events();
    let all = write(&file("all.jsonl"), &lines);
    let (old_file, new_file) = (file("old.sltree"), file("new.sltree"));
    let (old_file, new_file) = (old_file.to_str().unwrap(), new_file.to_str().unwrap());
    assert_eq!(run(["rebuild", &state, "-o", old_file]).code, Some(0));

    let expected = run(["rebuild", "--json", &all]);
    let json: Value = serde_json::from_str(&expected.stdout).unwrap();
    assert_eq!(json["interopRoot"]["root"], json!(root), "{json}");
    let both = run(["rebuild", "--json", &state, &all]);
    assert_eq!(both.stdout, expected.stdout, "{}", both.stderr);
    let said = run(["rebuild", &state, &all]).stderr;
    assert!(said.contains("that of block 242"), "{said}");
    let made = run(["rebuild", "--json", &state, &all, "-o", new_file]);
    assert_eq!(made.stdout, expected.stdout, "{}", made.stderr);
    for target in ["latest", "first"] {
        let alone = prove("gateway-v29", &[&all], &["--target", target]);
        assert!(alone.stdout.contains("\"checkedBy\":\"events\""), "{}", alone.stderr);
        // With a tree file, events are given for targets that need the history.
        let beside_file = [old_file, "--events", &all];
        let beside_file = (target == "first").then_some(&beside_file[..]);
        let others = [&[state.as_str(), &all][..], &[new_file]];
        for evidence in others.into_iter().chain(beside_file) {
            let found = prove("gateway-v29", evidence, &["--target", target]);
            assert_eq!(found.stdout, alone.stdout, "{evidence:?}: {}", found.stderr);
        }
    }

    // Later events alone cannot continue a state: the error says where the gap begins.
    let late = write(&file("late.jsonl"), &lines[lines.len() - 6..]);
    let overlapping = write(&file("overlapping.jsonl"), &lines[200..]);
    for events in [&late, &overlapping] {
        for evidence in [&state, old_file] {
            let refused = run(["history", evidence, "--events", events]);
            assert_eq!(refused.code, Some(3), "{}", refused.stderr);
            assert!(refused.stderr.contains("block 250, log 0"), "{}", refused.stderr);
            assert!(refused.stderr.contains("block 242"), "{}", refused.stderr);
        }
        let target = file("refused.sltree");
        let refused = run(["rebuild", &state, events, "-o", target.to_str().unwrap()]);
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        assert!(!target.exists());
    }

    // Complete events of another settlement layer do not continue the state, whatever they go on with.
    let mut other = lines.clone();
    let appended = other.iter().position(|line| line["event"] == "AppendedChainBatchRoot").unwrap();
    other.retain(|line| line["blockNumber"] != lines[appended]["blockNumber"]);
    let other = write(&file("other.jsonl"), &other);
    let refused = run(["rebuild", &state, &other]);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
}

/// The outcome of each batch in `--target first`: the block of its target, or the code of its failure.
fn first_roots(events: &str) -> BTreeMap<(u64, u64), String> {
    let proofs = prove("gateway-v29", &[events], &["--target", "first"]);
    let outcome = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let (of, first) = match &record["error"]["code"] {
            Value::Null => (&record, &record["target"]["number"]),
            code => (&record["request"], code),
        };
        let number = |name: &str| of[name].as_u64().unwrap();
        ((number("chainId"), number("batchNumber")), first.to_string())
    };
    proofs.stdout.lines().map(outcome).collect()
}

/// Without the root of a block, the first root of a batch of this block is not the root of a later block. A batch
/// whose first known root follows it may be in the missing one, so its first root is not known either.
#[test]
fn the_first_root_is_unknown_where_roots_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    let lines = support::json_lines("gateway-v29/events.jsonl.gz");
    let (all, file): (_, PathBuf) =
        (path("gateway-v29/events.jsonl.gz"), dir.path().join("events.jsonl"));
    let truth = first_roots(&all);
    let blocks: Vec<u64> = lines.iter().map(|line| line["blockNumber"].as_u64().unwrap()).collect();
    let mut with_root: Vec<u64> = (0..lines.len())
        .filter(|at| lines[*at]["event"] == "AppendedChainBatchRoot")
        .map(|at| blocks[at])
        .collect();
    with_root.dedup();
    // The first root of all, and one between others.
    for (block, is_first) in [(with_root[0], true), (with_root[5], false)] {
        let is_lost =
            |line: &Value| line["event"] == "NewInteropRoot" && line["blockNumber"] == block;
        let kept: Vec<Value> = lines.iter().filter(|line| !is_lost(line)).cloned().collect();
        let events = write(&file, &kept);
        let tree = dir.path().join("events.sltree");
        let made = run(["rebuild", "--json", &events, "-o", tree.to_str().unwrap()]);
        let json: Value = serde_json::from_str(&made.stdout).unwrap();
        let missing = json["missingEvents"].to_string();
        assert!(missing.contains(&format!("block {block}")), "{missing}");
        assert_eq!(missing.contains("before v29 emit none"), is_first, "{missing}");
        let is_next = |at: &usize| blocks[*at] > block && lines[*at]["event"] == "NewInteropRoot";
        let next = blocks[(0..lines.len()).find(is_next).unwrap()];
        let mut expected = truth.clone();
        let unknown = |first: &String| *first == block.to_string() || *first == next.to_string();
        for first in expected.values_mut().filter(|first| unknown(first)) {
            *first = "\"first-root-unknown\"".into();
        }
        assert_ne!(expected, truth);
        assert_eq!(first_roots(&events), expected);
        assert_eq!(first_roots(tree.to_str().unwrap()), expected);
        let target = format!("block:{block}");
        let refused = prove("gateway-v29", &[&events], &["--target", &target]);
        assert!(refused.stderr.contains("are unknown"), "{}", refused.stderr);
    }
}

#[test]
fn events_without_interop_roots_are_said_to_be_old_or_to_lack_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines = support::json_lines("gateway-v29/events.jsonl.gz");
    lines.retain(|line| line["event"] != "NewInteropRoot");
    let events = write(&dir.path().join("events.jsonl"), &lines);
    let refused = prove("gateway-v29", &[&events], &[]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    for words in ["before v29", "these events are missing", "--target batch-root"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(prove("gateway-v29", &[&events], &["--target", "batch-root"]).code, Some(0));
}
