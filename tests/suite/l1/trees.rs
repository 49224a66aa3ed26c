//! Trees from the batches of a settlement layer on L1.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{self, fixture, l1_files};
use serde_json::{Value, json};
use slproof::{
    Messages, Prover, Request, Target, Trees, TreesOptions,
    forest::{
        BridgedEnd, BridgedTrees, Forest, InteropRoot, L1Gap, LostBatches, RebuildOptions,
        SearchBudget, WantedRoot, explain_one, rebuild,
    },
    ingest::{
        l1::{LayerRecordError, LayerRecorder, PublishedBatch},
        state::read_state,
    },
    message::{BatchLogs, MessageList},
    primitives::{BatchNumber, ChainId, Hash, SlBatch, SlBlock, Word},
    proof::CheckedBy,
    prove::TargetError,
};

fn from_state() -> Forest {
    let state = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap().state;
    rebuild(&state, &RebuildOptions::default()).unwrap()
}

fn open(directory: &Path, commits: &[Value]) -> Result<Trees, slproof::Error> {
    l1_files::write(directory, commits);
    Trees::open(&[directory], &TreesOptions::default())
}

/// Checks that the trees are those of an earlier time.
fn assert_begins(whole: &Forest, part: &Forest) {
    for (whole, part) in whole.chains().iter().zip(part.chains()) {
        assert_eq!(whole.chain(), part.chain());
        let numbers: Vec<_> = whole.batches().iter().take(part.batches().len() as usize).collect();
        assert_eq!(part.batches().iter().collect::<Vec<_>>(), numbers);
        assert!(whole.batch_roots().starts_with(part.batch_roots()));
    }
}

#[test]
fn batches_on_l1_give_the_trees_of_the_state_and_every_root() {
    let folder = tempfile::tempdir().unwrap();
    let trees = open(folder.path(), &l1_files::commits()).unwrap();
    let (forest, expected) = (trees.forest().unwrap(), from_state());
    assert_eq!(trees.checked_by(), Some(CheckedBy::L1));
    assert_eq!(trees.missing_on_l1(), []);
    assert_eq!(forest.sl_chain(), ChainId(506));
    assert_eq!(forest.root(), expected.root());
    assert_eq!(forest.latest(), expected.latest());
    assert_begins(&expected, forest);
    assert_eq!(forest.batch_count(), expected.batch_count());
    let history = trees.history().unwrap().history();
    let roots = support::json("gateway-v29/roots.json");
    let roots = roots["historicalRoot"].as_object().unwrap();
    assert_eq!(history.len(), roots.len());
    for (block, root) in history.blocks.iter().zip(&history.roots) {
        assert_eq!(roots[&block.to_string()], root.to_string());
    }
    assert_eq!(history.unexplained().count(), 0);

    // The same through a tree file.
    let file = folder.path().join("trees.sltree");
    let written =
        Trees::rebuild_to_file(&[folder.path()], &file, true, &TreesOptions::default()).unwrap();
    assert_eq!(written.checked_by(), Some(CheckedBy::L1));
    assert_eq!(written.forest().unwrap().root(), expected.root());
    assert_eq!(written.history().unwrap().history(), history);
}

#[test]
fn a_tree_file_has_the_last_root_of_each_batch_and_any_other_one_is_found_alone() {
    let folder = tempfile::tempdir().unwrap();
    let trees = open(folder.path(), &l1_files::commits()).unwrap();
    let (forest, timeline) = (trees.forest().unwrap(), trees.history().unwrap());
    let history = timeline.history();
    let file = folder.path().join("trees.sltree");
    let options = TreesOptions::default();
    let written = Trees::rebuild_to_file(&[folder.path()], &file, false, &options).unwrap();
    let known = written.tree_file().unwrap().history().unwrap();
    let explained: Vec<usize> = (0..known.len()).filter(|root| known.chains[*root] > 0).collect();
    // Several batches have no roots.
    let ends = l1_files::sl_batches();
    let ends = ends.iter().map(|batch| SlBlock(batch["lastBlock"].as_u64().unwrap()));
    let mut last: Vec<usize> = ends
        .filter_map(|end| known.blocks.partition_point(|block| *block <= end).checked_sub(1))
        .collect();
    last.dedup();
    assert_eq!(explained, last);
    assert_eq!(explained.len(), 16);
    written.tree_file().unwrap().check().unwrap();
    assert_eq!(written.history().unwrap().history(), history);

    let budget = SearchBudget::default();
    for root in 0..history.len() {
        let InteropRoot { block, .. } = history.root(root);
        let at = timeline.at(block).unwrap();
        let one = explain_one(forest, &known, WantedRoot::Of(block), budget).unwrap().unwrap();
        assert_eq!((one.len(), one.root(0)), (1, history.root(root)));
        for (chain, batches) in one.advances(0) {
            assert_eq!(timeline.batches(chain.into(), at), Some(batches));
            let wanted = WantedRoot::FirstWith { chain: chain.into(), leaf: batches - 1 };
            let first = explain_one(forest, &known, wanted, budget).unwrap().unwrap();
            let expected = timeline.first(&forest.chains()[chain as usize], batches - 1).unwrap();
            assert_eq!(first.root(0), timeline.root(expected));
        }
    }
    let none = WantedRoot::Of(SlBlock(history.blocks[0].0 - 1));
    assert_eq!(explain_one(forest, &known, none, budget).unwrap(), None);
    let unsearched = SearchBudget::with_step(0);
    let other = (0..history.len()).find(|root| !explained.contains(root)).unwrap();
    let other = WantedRoot::Of(history.blocks[other]);
    assert_eq!(explain_one(forest, &known, other, unsearched).unwrap(), None);
}

/// Where it is not known in which block a batch was executed, all blocks that may have executed it have to be in one
/// batch of the settlement layer.
#[test]
fn a_batch_that_two_batches_of_the_settlement_layer_may_have_executed_is_not_proven_through_one() {
    let folder = tempfile::tempdir().unwrap();
    l1_files::write(folder.path(), &l1_files::commits());
    let logs = support::json_lines("gateway-v29/logs.jsonl.gz");
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap();
    let block = |line: &Value| number(line, "slBlockNumber");
    let is_same = |one: &Value, other: &Value| one["slBatch"] == other["slBatch"];
    let is_before = |one: &&Value| logs.iter().any(|o| is_same(one, o) && block(one) < block(o));
    let first = logs.iter().find(is_before).unwrap();
    let whole = l1_files::sl_batches().into_iter().find(|one| is_same(first, one)).unwrap();

    // A file in which two other batches have the blocks of the batch, and the second begins after that block.
    let line = |batch: u64, from: u64, to: u64| json!({"gwBatch": batch, "firstBlock": from, "lastBlock": to, "logs": []});
    let split = [
        line(1, number(&whole, "firstBlock"), block(first)),
        line(2, block(first) + 1, number(&whole, "lastBlock")),
    ];
    let beside = tempfile::tempdir().unwrap();
    l1_files::write_lines(beside.path(), "split.ndjson", &split);
    let mut options = TreesOptions::default();
    options.search = Some(0);
    options.sl_batches = vec![beside.path().join("split.ndjson")];
    let trees = Trees::open(&[folder.path()], &options).unwrap();
    let messages = Messages::open(&[fixture("gateway-v29/logs.jsonl.gz")], &Default::default());
    let request = Request::Log {
        chain_id: ChainId(number(first, "chainId")),
        batch_number: BatchNumber(number(first, "batchNumber")),
        id: 0,
    };
    let proof = Prover::new(trees, messages.unwrap()).prove(&request, Target::FirstSlBatch);
    assert_eq!(proof.unwrap_err().code().as_str(), "first-root-unknown");
}

#[test]
fn a_state_and_l1_have_to_agree() {
    let folder = tempfile::tempdir().unwrap();
    l1_files::write(folder.path(), &l1_files::commits());
    let open = |state: &str| {
        let paths = [fixture(state), folder.path().to_owned()];
        Trees::open(&paths, &TreesOptions::default())
    };
    let both = open("gateway-v29/state.anvil.json").unwrap();
    assert_eq!(both.checked_by(), Some(CheckedBy::STATE.and(CheckedBy::L1)));
    let error = open("gateway-v31/state.anvil.json").unwrap_err();
    assert_eq!(error.code().as_str(), "tree-differs");

    // So have the trees of a tree file. If they do not, an older file stays.
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("trees.sltree");
    let write = |evidence: &str| {
        let paths = [fixture(evidence), folder.path().to_owned()];
        Trees::rebuild_to_file(&paths, &file, false, &TreesOptions::default())
    };
    for evidence in ["gateway-v29/state.anvil.json", "gateway-v29/events.jsonl.gz"] {
        assert_eq!(write(evidence).unwrap().forest().unwrap().root(), from_state().root());
    }
    let written = fs::read(&file).unwrap();
    for evidence in ["gateway-v31/state.anvil.json", "gateway-v31/events.jsonl.gz"] {
        assert_eq!(write(evidence).unwrap_err().code().as_str(), "tree-differs", "{evidence}");
        assert_eq!(fs::read(&file).unwrap(), written);
    }
}

#[test]
fn every_lost_batch_of_the_settlement_layer_is_bridged_or_ends_the_trees() {
    let expected = from_state();
    let folder = tempfile::tempdir().unwrap();
    let commits = l1_files::commits();
    let (mut bridged, mut crossed) = (Vec::new(), Vec::new());
    for batch in l1_files::sl_batches() {
        let lost = batch["slBatch"].as_u64().unwrap();
        let left: Vec<Value> = commits
            .iter()
            .filter(|commit| l1_files::committed(commit) != Some(lost))
            .cloned()
            .collect();
        let trees = match open(folder.path(), &left) {
            Ok(trees) => trees,
            // The first batches have the first registrations.
            Err(error) => {
                assert!(lost <= 2000, "{lost}: {error}");
                assert_eq!(error.code().as_str(), "incomplete-state");
                continue;
            }
        };
        let forest = trees.forest().unwrap();
        assert_begins(&expected, forest);
        let missing = SlBatch(lost)..=SlBatch(lost);
        match trees.missing_on_l1() {
            [L1Gap::Bridged { missing: found, leaves, has_logs: false }] => {
                assert_eq!((found, forest.root()), (&missing, expected.root()));
                bridged.push((lost, *leaves));
            }
            [L1Gap::Ends { missing: found, last, .. }] => {
                assert_eq!((found, *last), (&missing, SlBatch(2029)));
                assert!(forest.bridged().is_some_and(|trees| trees.ends().is_empty()));
            }
            [L1Gap::Crossed { missing: found, .. }] => {
                assert_eq!(found, &missing);
                crossed.push(lost);
                let beyond = trees.extractor(Target::Block(SlBlock(u64::MAX))).unwrap_err();
                assert!(matches!(beyond, slproof::Error::Target(TargetError::AfterGap(_))));
                let after = forest.bridged().unwrap();
                assert_eq!(after.before(), SlBatch(lost - 1));
                assert_bridged(after, lost);
            }
            // Without its commit, the last batch is not known at all.
            [] => assert_eq!(lost, 2029),
            gaps => panic!("{lost}: {gaps:?}"),
        }
    }
    // The two batches that 2024 executed were committed in another one.
    assert!(bridged.contains(&(2024, 2)), "{bridged:?}");
    assert!(bridged.len() > 12, "{bridged:?}");
    // One that registers a chain, and one that both commits and executes a chain's batches.
    assert!(crossed.contains(&2012) && crossed.contains(&2016), "{crossed:?}");
}

/// Checks what is known after a lost batch of the settlement layer with what its makers say: the roots of batches, the
/// lost ones, and the roots of the settlement layer's batches. Each path was folded to such a root.
fn assert_bridged(trees: &BridgedTrees, lost: u64) {
    let expected = support::json("l1/expected.json.gz");
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap();
    let executed: BTreeMap<(u64, u64), u64> = expected["executed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| ((number(one, "chainId"), number(one, "batchNumber")), number(one, "slBatch")))
        .collect();
    let roots: BTreeMap<(u64, u64), String> = support::json_lines("gateway-v29/logs.jsonl.gz")
        .iter()
        .map(|one| {
            let root = one["chainBatchRoot"].as_str().unwrap().to_owned();
            ((number(one, "chainId"), number(one, "batchNumber")), root)
        })
        .collect();
    for leaf in trees.leaves() {
        let key = (leaf.chain.0, leaf.batch.0);
        assert_eq!(roots[&key], leaf.root.to_string(), "{lost}: {key:?}");
        // Only batches with a path are asked about.
        let has_path = |end: &BridgedEnd| trees.path(&leaf, end).is_some();
        if let Some((end, _)) = trees.first(&leaf, |end| has_path(end) || panic!("{end:?}")) {
            assert!(end.batch.0 >= executed[&key], "{lost}: {key:?}");
        }
    }
    for LostBatches { chain, batches, missing } in trees.lost() {
        assert_eq!(missing, SlBatch(lost)..=SlBatch(lost));
        for batch in batches.start().0..=batches.end().0 {
            // A chain that settled elsewhere for a while did not execute all numbers here.
            let by = executed.get(&(chain.0, batch));
            assert!(by.is_none_or(|by| *by == lost), "batch {batch} of chain {chain}");
        }
    }
    for end in trees.ends() {
        let batches = expected["slBatches"].as_array().unwrap();
        let made = batches.iter().find(|one| number(one, "slBatch") == end.batch.0).unwrap();
        assert_eq!(made["chainBatchRoot"], end.root.to_string());
        assert_eq!(made["sharedTreeRoot"], end.shared_root.to_string());
        for (block, root) in &end.roots {
            assert!((number(made, "firstBlock")..=number(made, "lastBlock")).contains(&block.0));
            assert_eq!(expected["historicalRoot"][block.to_string()], root.to_string());
        }
        assert!(end.roots.last().is_none_or(|(_, root)| *root == end.shared_root));
    }
}

#[test]
fn copies_and_lost_executions_change_nothing() {
    let expected = from_state();
    let folder = tempfile::tempdir().unwrap();
    let twice = [l1_files::commits(), l1_files::commits()].concat();
    let same = |trees: Result<Trees, slproof::Error>| {
        let trees = trees.unwrap();
        assert_eq!(trees.missing_on_l1(), []);
        assert_eq!(trees.forest().unwrap().root(), expected.root());
    };
    same(open(folder.path(), &twice));
    for lost in 0..l1_files::executions().len() {
        let mut executions = l1_files::executions();
        executions.remove(lost);
        l1_files::write_lines(folder.path(), "executes.jsonl", &executions);
        same(open(folder.path(), &l1_files::commits()));
    }
}

#[test]
fn a_changed_byte_of_a_commit_never_gives_other_trees() {
    let expected = from_state();
    let folder = tempfile::tempdir().unwrap();
    let commits = l1_files::commits();
    let changed = commits.iter().position(|one| l1_files::committed(one) == Some(2018)).unwrap();
    let len = commits[changed]["input"].as_str().unwrap().len();
    for at in (74..len).step_by(len / 7) {
        let mut commits = commits.clone();
        let mut input = commits[changed]["input"].as_str().unwrap().to_owned();
        let other = if &input[at..=at] == "7" { "8" } else { "7" };
        input.replace_range(at..=at, other);
        commits[changed]["input"] = input.into();
        if let Ok(trees) = open(folder.path(), &commits) {
            assert_begins(&expected, trees.forest().unwrap());
        }
    }
}

#[test]
fn only_the_settlement_layer_that_is_wanted_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    l1_files::write(folder.path(), &l1_files::commits());
    let open = |diamond: Option<&str>, sl_chain: Option<u64>| {
        let mut options = TreesOptions::default();
        options.sl_diamond = diamond.map(|diamond| diamond.parse().unwrap());
        options.sl_chain = sl_chain.map(ChainId);
        Trees::open(&[folder.path()], &options)
    };
    assert!(open(Some(l1_files::DIAMOND), Some(506)).is_ok());
    // Its own registration is in the first batch.
    let error = open(None, Some(9)).unwrap_err();
    assert_eq!(error.code().as_str(), "incomplete-state");
    let error = open(Some("0x00000000000000000000000000000000000000aa"), None).unwrap_err();
    assert!(error.to_string().contains(l1_files::DIAMOND), "{error}");
    // A rollup's own commits on L1 register no chains.
    let other = "0xbd4ee7d34f7a4da222d3222d7a674d1e6742df62";
    let error = open(Some(other), None).unwrap_err();
    assert_eq!(error.code().as_str(), "incomplete-state");
}

#[test]
fn batches_that_are_too_far_away_are_refused() {
    let mut recorder = LayerRecorder::new(None).unwrap();
    recorder.missing(SlBatch(5), None, None).unwrap();
    recorder.missing(SlBatch(9), None, None).unwrap();
    let error = recorder.missing(SlBatch(u64::MAX), None, None).unwrap_err();
    assert!(matches!(error, LayerRecordError::TooFar { first: SlBatch(5), .. }), "{error}");
    // Those between are missing too.
    let numbers: Vec<u64> =
        recorder.finish().unwrap().batches().iter().map(|one| one.batch.0).collect();
    assert_eq!(numbers, [5, 6, 7, 8, 9]);
}

#[test]
fn two_batches_that_write_one_slot_first_contradict_each_other() {
    let logs = BatchLogs::new(ChainId(1), BatchNumber(0), vec![], MessageList::default(), None);
    let logs = logs.unwrap();
    let mut recorder = LayerRecorder::new(None).unwrap();
    for batch in [7, 9] {
        let published = PublishedBatch {
            batch: SlBatch(batch),
            root: Hash::ZERO,
            executed: None,
            logs: logs.view(),
            first_index: batch,
            first_values: &[(Hash::new([1; 32]), Word::from(batch))],
        };
        recorder.add(&published).unwrap();
    }
    let error = recorder.finish().unwrap_err();
    let expected = (SlBatch(7), SlBatch(9));
    assert!(
        matches!(error, LayerRecordError::WrittenTwice { first, second, .. } if (first, second) == expected)
    );
}
