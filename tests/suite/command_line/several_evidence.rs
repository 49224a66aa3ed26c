use std::fs;

use serde_json::Value;
use slproof::{
    contracts::Layout,
    primitives::{BatchNumber, ChainId, Hash},
};

use super::directories::{copy, halves, head, survey, usage};
use crate::support::{
    binary::run,
    index_dir::{IndexDir, text},
    json_lines, l1_files,
    layer::{Layer, dump_of},
    log_sources::lines,
};

/// Of several states in parts, each is joined, and the newest is used: also if all parts are in one directory and name
/// their blocks.
#[test]
fn each_state_that_is_in_parts_is_joined() {
    let mut layer = Layer::new(Layout::V29, ChainId(506));
    layer.add_chain(ChainId(324));
    let mut states = Vec::new();
    for batch in 1..=2 {
        layer.set_block(10 * batch);
        layer.append(1, BatchNumber(batch), Hash::new([batch as u8; 32]));
        states.push(layer.storage());
    }
    for (has_block, folders) in [(false, ["a", "b"]), (true, ["all", "all"])] {
        for order in [[0, 1], [1, 0]] {
            let dir = IndexDir::new();
            for (folder, state) in folders.iter().zip(order) {
                let block = has_block.then_some(10 * (state as u64 + 1));
                for (half, part) in halves(&dump_of(&states[state], block)).iter().enumerate() {
                    dir.write(&format!("parts/{folder}/{state}-{half}.json"), part.to_string());
                }
            }
            let found = survey(&dir.path("parts"), &[], 5);
            assert_eq!(found["settlementLayer"]["batches"], 2, "{found}");
            let uses =
                ["0-0", "0-1", "1-0", "1-1"].map(|name| usage(&found, &format!("{name}.json")));
            assert_eq!(uses, ["past", "past", "evidence", "evidence"]);
            let rebuilt = run(["rebuild", "--json", text(&dir.path("parts"))]);
            let rebuilt: Value = serde_json::from_str(&rebuilt.stdout).unwrap();
            assert_eq!(rebuilt["interopRoot"]["block"], 20, "{rebuilt}");
        }
    }
}

/// No tree file is made of a tree file.
#[test]
fn nothing_is_to_be_rebuilt_where_the_trees_are_from_a_tree_file() {
    let dir = IndexDir::new();
    let events = dir.write("events.jsonl", head("events.jsonl.gz", 150));
    let tree = dir.write("some/old.sltree", "");
    assert_eq!(run(["rebuild", text(&events), "-o", text(&tree)]).code, Some(0));
    assert_eq!(survey(&dir.path("some"), &[], 5)["next"], Value::Null);
    // Nor is it where other files contradict it.
    let mut lines_of = json_lines("gateway-v29/events.jsonl.gz");
    let append = lines_of.iter_mut().find(|line| line["event"] == "AppendedChainBatchRoot");
    append.unwrap()["chainBatchRoot"] = format!("0x{}", "11".repeat(32)).into();
    dir.write("some/events.jsonl", lines(lines_of));
    assert_eq!(survey(&dir.path("some"), &[], 4)["next"], Value::Null);
}

/// Of events and files of L1 beside a state, only those that contradict it are not used.
#[test]
fn a_wrong_file_of_events_makes_only_events_unused() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "some/state.json");
    l1_files::whole(&dir.path("some"));
    assert_eq!(survey(&dir.path("some"), &[], 0)["settlementLayer"]["checkedBy"], "state+l1");
    let mut events = json_lines("gateway-v29/events.jsonl.gz");
    let append = events.iter_mut().find(|line| line["event"] == "AppendedChainBatchRoot").unwrap();
    append["chainBatchRoot"] = format!("0x{}", "11".repeat(32)).into();
    dir.write("some/events.jsonl", lines(events));
    let found = survey(&dir.path("some"), &[], 4);
    assert_eq!(usage(&found, "events.jsonl"), "problem");
    assert_eq!(found["settlementLayer"]["checkedBy"], "state+l1");
    let files = found["files"].as_array().unwrap().iter();
    assert_eq!(files.filter(|file| file["use"] == "problem").count(), 1, "{found}");
    assert_ne!(found["l1"], Value::Null);
}

/// What files of L1 show of the settlement layer's own batches decides which proofs there are, so shards of one job have
/// the same.
#[test]
fn shards_beside_other_files_of_l1_are_not_merged() {
    let dir = IndexDir::new();
    copy(&dir, "state.anvil.json", "state.json");
    let logs = dir.write("logs.jsonl", head("logs.jsonl.gz", 3));
    let commits = l1_files::commits();
    let rest = commits.iter().filter(|commit| l1_files::committed(commit) != Some(2023));
    let shard = |folder: &str, commits: &[Value], shard: &str| {
        fs::create_dir(dir.path(folder)).unwrap();
        l1_files::write(&dir.path(folder), commits);
        let (state, l1, output) = (dir.path("state.json"), dir.path(folder), dir.path(shard));
        let run = run([
            "prove",
            "--tree",
            text(&state),
            text(&l1),
            "--messages",
            text(&logs),
            "--all",
            "--target",
            "sl-batch:first",
            "--shard",
            &shard.replace('-', "/"),
            "-o",
            text(&output),
        ]);
        assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
        output
    };
    let one = shard("all", &commits, "1-2");
    let merge = |other: &std::path::Path| {
        let merged = run(["merge", text(&one), text(other), "-o", text(&dir.path("merged"))]);
        merged.code.unwrap()
    };
    let other = shard("rest", &rest.cloned().collect::<Vec<_>>(), "2-2");
    assert!(merge(&other) > 1);
    fs::remove_file(&other).unwrap();
    assert!(merge(&shard("same", &commits, "2-2")) < 2);
}
