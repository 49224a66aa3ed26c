//! L1 with missing batches: beside a state or events, in a tree file, and in shards.

use std::{fs, path::Path};

use crate::support::{self, binary::run, fixture, index_dir::text, l1_files};
use serde_json::Value;
use slproof::{
    Trees, TreesOptions,
    forest::L1Gap,
    primitives::{BatchNumber, ChainId},
    proof::CheckedBy,
};

/// Writes the files of L1 without a batch of the settlement layer.
fn write_without(archive: &Path, lost: u64) {
    fs::create_dir_all(archive).unwrap();
    let is_left = |commit: &Value| l1_files::committed(commit) != Some(lost);
    let commits: Vec<Value> = l1_files::commits().into_iter().filter(is_left).collect();
    l1_files::write(archive, &commits);
}

/// A tree file ends before the batch. What L1 proves after it is named, with the command, which proves it.
#[test]
fn a_tree_file_that_ends_before_a_loss_says_what_else_can_be_proven() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("l1");
    write_without(&archive, 2012);
    let file = folder.path().join("trees.sltree");
    let paths = [&archive, &file].map(|path| path.to_str().unwrap());
    let rebuild = ["rebuild", paths[0], "-o", paths[1], "--max-gap", "1000"];
    let rebuilt = run([&rebuild[..], &["--json"]].concat());
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    let record: Value = serde_json::from_str(&rebuilt.stdout).unwrap();
    let command = record["notInFile"]["command"].as_str().unwrap();
    let flags = "--max-gap 1000 --all";
    assert_eq!(command, format!("slproof prove --tree {0} --messages {0} {flags}", paths[0]));
    assert_eq!(record["notInFile"]["batches"], 97);
    let rebuilt = run(rebuild);
    assert!(rebuilt.stderr.contains(command), "{}", rebuilt.stderr);

    let proven = |tree: &[&str]| {
        let run = run([&["prove", "--all", "-q"], tree].concat());
        run.stdout.lines().filter(|line| line.contains("\"proof\"")).count()
    };
    let through_file = proven(&["--tree", paths[1], "--messages", paths[0]]);
    assert!(proven(&["--archive", paths[0]]) > through_file);
}

/// Events that end after the missing batch have what it appended. With them the trees go on to the last batch on L1.
#[test]
fn other_evidence_tells_what_a_missing_batch_appended() {
    let folder = tempfile::tempdir().unwrap();
    write_without(folder.path(), 2016);
    let last = l1_files::sl_batches();
    let last = last.iter().find(|batch| batch["slBatch"] == 2018).unwrap()["lastBlock"].as_u64();
    let events = support::json_lines("gateway-v29/events.jsonl.gz");
    let is_before = |event: &&Value| event["blockNumber"].as_u64() <= last;
    let events: Vec<Value> = events.iter().filter(is_before).cloned().collect();
    let beside = tempfile::tempdir().unwrap();
    l1_files::write_lines(beside.path(), "events.jsonl", &events);
    let paths = [beside.path().join("events.jsonl"), folder.path().to_owned()];
    let trees = Trees::open(&paths, &TreesOptions::default()).unwrap();
    let state = Trees::open(&[fixture("gateway-v29/state.anvil.json")], &TreesOptions::default());
    let expected = state.unwrap().forest().unwrap().root();
    assert_eq!(trees.forest().unwrap().root(), expected);
    assert_eq!(trees.checked_by(), Some(CheckedBy::L1));
    let [L1Gap::Bridged { leaves, .. }] = trees.missing_on_l1() else {
        panic!("{:?}", trees.missing_on_l1());
    };
    assert!(*leaves > 0);

    // A file has the trees of the events. Those from L1 alone would end before the loss.
    let file = beside.path().join("trees.sltree");
    let paths = [&paths[0], &paths[1], &file].map(|path| path.to_str().unwrap());
    let rebuilt = run(["rebuild", paths[0], paths[1], "-o", paths[2]]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("give prove --tree"), "{}", rebuilt.stderr);

    // Alone, L1 lacks these batches.
    let alone = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    let lost = alone.forest().unwrap().bridged().unwrap().lost().next().unwrap();
    let has = |trees: &Trees, (chain, batch): (ChainId, BatchNumber)| {
        trees.forest().unwrap().chain(chain).is_some_and(|tree| tree.find(batch).is_some())
    };
    let lost = (lost.chain, *lost.batches.start());
    assert_eq!((has(&alone, lost), has(&trees, lost)), (false, true));
}

/// A state that is newer than the missing batch is used. That L1 confirms only its beginning is said.
#[test]
fn a_newer_state_is_compared_with_what_l1_has() {
    let folder = tempfile::tempdir().unwrap();
    write_without(folder.path(), 2012);
    let state = fixture("gateway-v29/state.anvil.json");
    let paths = [state.to_str().unwrap(), folder.path().to_str().unwrap()];
    let rebuilt = run(["rebuild", paths[0], paths[1]]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert!(rebuilt.stderr.contains("confirm the beginning of the trees"), "{}", rebuilt.stderr);
    assert!(rebuilt.stdout.contains("checked by state\n"), "{}", rebuilt.stdout);
}

/// Shards that were made with other files of L1 are not of one job. Where the files lie does not matter.
#[test]
fn shards_with_other_files_of_l1_are_not_merged() {
    let dir = tempfile::tempdir().unwrap();
    let whole = l1_files::whole(dir.path());
    let (state, logs) =
        (fixture("gateway-v29/state.anvil.json"), fixture("gateway-v29/logs.jsonl.gz"));
    let path = |name: &str| text(&dir.path().join(name)).to_owned();
    let shard = |l1: &str, number: &str| {
        let (l1, output) = (path(l1), path(&format!("{l1}-{}.ndjson", &number[..1])));
        let args = ["prove", "-q", "--all", "--target", "sl-batch:first", "--shard", number];
        let of = ["--tree", text(&state), &l1, "--messages", text(&logs), "-o", &output];
        let made = run([&args[..], &of].concat());
        assert!(matches!(made.code, Some(0 | 1)), "{}", made.stderr);
        output
    };
    let first = shard("l1", "1/2");
    fs::rename(&whole, dir.path().join("again")).unwrap();
    let again = shard("again", "2/2");
    fs::rename(dir.path().join("again"), dir.path().join("less")).unwrap();
    write_without(&dir.path().join("less"), 2023);
    let less = shard("less", "2/2");
    let merged = path("merged.ndjson");
    let merge = |second: &str| run(["merge", "-q", &first, second, "-o", &merged]);
    let refused = merge(&less);
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    assert!(refused.stderr.contains("its job differs"), "{}", refused.stderr);
    assert_eq!(merge(&again).code, Some(0));
}
