//! Roots by block that are lost with a batch of the settlement layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use slproof::{
    FailureCode, Target, Trees, TreesOptions,
    forest::{Forest, Timeline},
    primitives::{BatchNumber, ChainId, SlBatch, SlBlock},
    prove::{Event, Observer},
};

use crate::support::{
    self,
    binary::{Run, run},
    json_schema::faults,
    l1_files,
};

fn history(path: &Path) -> (Run, Value) {
    let run = run(["history", "--json", path.to_str().unwrap()]);
    let value = serde_json::from_str(&run.stdout).unwrap();
    let schema =
        serde_json::from_str(include_str!("../../../src/cli/schema/history.json")).unwrap();
    assert_eq!(faults(&schema, &schema, &value), Vec::<String>::new());
    (run, value)
}

/// The first root with each batch of a chain.
fn assert_first_roots(forest: &Forest, timeline: &Timeline, lost: u64) {
    let mut found = BTreeSet::new();
    for ((chain, batch), sl_batch, block) in l1_files::executed() {
        let tree = forest.chain(ChainId(chain)).unwrap();
        let (leaf, _) = tree.find(BatchNumber(batch)).unwrap();
        let first = timeline.first(tree, leaf).map(|at| timeline.root(at).block.0);
        let is_known = sl_batch != lost;
        assert_eq!(first, is_known.then_some(block), "{chain}, {batch}");
        found.extend((!is_known).then_some((chain, batch)));
    }
    assert_eq!(found, BTreeSet::from([(1217, 1_000_014), (6565, 783)]));
}

/// Batch 2024 of the settlement layer executed two batches of chains, in the blocks 224 and 225. They are known from other
/// batches, and a later root contains them, which is not their first one.
#[test]
fn roots_of_a_missing_batch_are_lost_and_no_other_ones_take_their_place() {
    let folder = l1_files::without(2024);
    let (run, found) = history(folder.path());
    assert_eq!((run.code, &found["lost"]), (Some(1), &json!(1)), "{}", run.stderr);
    let appended = json!([
        {"chainId": 6565, "batches": [[783, 783]]},
        {"chainId": 1217, "batches": [[1_000_014, 1_000_014]]},
    ]);
    assert_eq!(found["lostOnL1"], json!([{"first": 2024, "last": 2024, "appended": appended}]));
    let roots = found["roots"].as_array().unwrap();
    assert_eq!(roots.len(), 42);
    let next = roots.iter().find(|root| root["block"] == 227).unwrap();
    assert_eq!(next["appended"], json!([{"chainId": 324, "batches": [[501_252, 501_252]]}]));
    let table = support::binary::run(["history", folder.path().to_str().unwrap()]);
    let line = table.stdout.lines().find(|line| line.contains("missing on L1: SL batch 2024"));
    assert!(
        line.is_some_and(|line| line.ends_with("6565: 783; 1217: 1000014")),
        "{}",
        table.stdout
    );

    let trees = Trees::open(&[folder.path()], &TreesOptions::default()).unwrap();
    assert_first_roots(trees.forest().unwrap(), trees.history().unwrap(), 2024);

    // The same through a tree file, for which nothing else is known any more.
    for with_history in [true, false] {
        let file = folder.path().join("trees.sltree");
        let options = TreesOptions::default();
        Trees::rebuild_to_file(&[folder.path()], &file, with_history, &options).unwrap();
        let trees = Trees::open(&[&file], &options).unwrap();
        let stored = trees.tree_file().unwrap();
        stored.check().unwrap();
        let index = |chain| trees.forest().unwrap().chain(ChainId(chain)).unwrap().index();
        assert_eq!(stored.history_of(index(6565), 6).unwrap(), None);
        assert_first_roots(trees.forest().unwrap(), trees.history().unwrap(), 2024);
        let (run, of_file) = history(&file);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert_eq!(of_file["lostOnL1"], found["lostOnL1"]);
        assert_eq!(of_file["roots"], found["roots"]);
    }
}

/// Counts searches for the contents of roots.
#[derive(Default)]
struct Searches(AtomicUsize);

impl Observer for Searches {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::SearchBegins) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The roots of batch 2024 are lost, so the contents of all others are not searched before they are needed: neither to
/// know that a block has no root, nor for a batch whose roots are known.
#[test]
fn what_l1_or_a_file_has_is_not_searched() {
    let folder = l1_files::without(2024);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("trees.sltree");
    let options = TreesOptions::default();
    Trees::rebuild_to_file(&[folder.path()], &file, false, &options).unwrap();
    for (path, has_sl_batches) in [(folder.path(), true), (&file, false)] {
        let searches = Arc::new(Searches::default());
        let mut options = TreesOptions::default();
        options.observer = Arc::clone(&searches).into();
        let trees = Trees::open(&[path], &options).unwrap();
        let error = trees.extractor(Target::Block(SlBlock(10_000))).unwrap_err();
        assert_eq!(error.code(), FailureCode::NoRootOfBlock, "{error}");
        if has_sl_batches {
            trees.extractor(Target::SlBatch(SlBatch(2026))).unwrap();
        }
        assert_eq!(searches.0.load(Ordering::Relaxed), 0);
    }
}

/// No proof names a block that did not execute the batch: neither as its target nor beside it.
#[test]
fn a_batch_whose_first_root_is_lost_has_no_proof_to_it() {
    let folder = l1_files::without(2024);
    let archive = folder.path().to_str().unwrap();
    let prove = |target: &str, rest: &[&str]| {
        let of = ["--chain", "6565", "--batch", "783", "--all", "--target", target];
        run([&["prove", "--archive", archive][..], &of, rest].concat())
    };
    let first = prove("first", &[]);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let failures: Vec<Value> =
        first.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!failures.is_empty());
    for failure in &failures {
        assert_eq!(failure["error"]["code"], "first-root-unknown", "{failure}");
    }
    // The root of the next batch of the settlement layer contains it. Which block executed it is not known.
    let later = prove("sl-batch:first", &["--format", "rpc"]);
    let answers = later.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answers: Vec<Value> = answers.filter(|answer| !answer["proof"].is_null()).collect();
    assert_eq!(answers.len(), 33, "{}", later.stderr);
    assert!(answers.iter().all(|answer| answer["gatewayBlockNumber"].is_null()), "{}", answers[0]);
}

/// Batch 2012 registered a chain, so the trees end before it. The roots of later batches are on L1.
#[test]
fn roots_after_the_end_of_the_trees_are_listed() {
    let folder = l1_files::without(2012);
    let (run, found) = history(folder.path());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(found["lost"].as_u64() > Some(0) && found["lostOnL1"] == json!([]), "{}", run.stderr);
    assert!(found["missingOnL1"][0].as_str().unwrap().contains("2012"), "{found}");
    let number = |value: &Value| value.as_u64().unwrap();
    let missing = l1_files::sl_batches();
    let missing = missing.iter().find(|batch| batch["slBatch"] == 2012).unwrap();
    let missing = number(&missing["firstBlock"])..=number(&missing["lastBlock"]);
    let expected = support::json("gateway-v29/roots.json")["historicalRoot"].clone();
    let expected = expected.as_object().unwrap().iter();
    let expected = expected.map(|(block, root)| (block.parse::<u64>().unwrap(), root.clone()));
    let expected: BTreeMap<_, _> = expected.filter(|(block, _)| !missing.contains(block)).collect();
    let listed = found["roots"].as_array().unwrap();
    let roots: BTreeMap<_, _> =
        listed.iter().map(|root| (number(&root["block"]), root["root"].clone())).collect();
    assert_eq!((listed.len(), roots), (expected.len(), expected));
    let before = |root: &&Value| number(&root["block"]) < *missing.start();
    let (before, after): (Vec<_>, Vec<_>) = listed.iter().partition(before);
    assert!(before.iter().all(|root| root["chains"].is_u64()));
    assert!(!after.is_empty() && after.iter().all(|root| root["chains"].is_null()));

    // The target of each proof is the last root with a known path, which is not the last one of the trees.
    let archive = folder.path().to_str().unwrap();
    let output = folder.path().join("proofs.ndjson");
    let args = ["prove", "--archive", archive, "--all", "-o", output.to_str().unwrap()];
    let proven = support::binary::run(args);
    let proofs = fs::read_to_string(output).unwrap();
    let targets = proofs.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["target"]["number"].as_u64()
    });
    let last = targets.max().unwrap();
    assert!(last > *missing.end());
    let named = format!("up to that of block {last}");
    assert!(proven.stderr.contains(&named), "{}", proven.stderr);
}
