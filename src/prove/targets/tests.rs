use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
};

use super::*;
use crate::{
    anchor::{KnownRoot, RootLocation},
    contracts::{MessageRoot, system::MESSAGE_ROOT},
    primitives::{SlBatch, SlBlock},
    prove::{L1Options, TreesOptions},
    snapshot::Snapshot,
};

/// A tree file with the history of a small settlement layer: chain 324 has batch 10 since block 300.
const TREE_FILE: &str = "fixtures/golden/tree-1-history.sltree";
const L1_BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
const STATE: &str = "fixtures/gateway-v29/state.anvil.json";
const EVENTS: &str = "fixtures/gateway-v29/events.jsonl.gz";

/// The searches for the history that began with what they found, and the roots of SL batches on L1.
#[derive(Default)]
struct Searches(Mutex<Vec<Option<(usize, usize)>>>, Mutex<HashMap<u64, KnownRoot>>);

impl Observer for Searches {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::SearchBegins => self.0.lock().unwrap().push(None),
            Event::HistoryFound { roots, explained, .. } => {
                *self.0.lock().unwrap().last_mut().unwrap() = Some((*roots, *explained));
            }
            Event::SlBatchRoot { batch, known } => {
                self.1.lock().unwrap().insert(batch.0, *known);
            }
            _ => {}
        }
    }
}

fn trees(change: impl FnOnce(&mut TreesOptions)) -> (Trees, Arc<Searches>) {
    let searches = Arc::new(Searches::default());
    let observer = Arc::clone(&searches).into();
    let mut options = TreesOptions { observer, ..TreesOptions::default() };
    change(&mut options);
    (Trees::open(&[STATE], &options).unwrap(), searches)
}

fn found(searches: &Searches) -> Vec<Option<(usize, usize)>> {
    mem::take(&mut searches.0.lock().unwrap())
}

#[test]
fn a_block_without_a_root_is_refused_without_a_search() {
    let (trees, searches) = trees(|_| {});
    let newest = trees.forest().unwrap().latest().unwrap().block;
    let error = trees.extractor(Target::Block(SlBlock(newest.0 + 1))).unwrap_err();
    assert_eq!(error.code().as_str(), "no-root-of-block");
    assert!(error.to_string().contains(&format!("block {newest} has one")), "{error}");
    assert_eq!(found(&searches), []);
}

/// Releases before v29 store no roots by block, which says more than that this block has none.
#[test]
fn a_state_without_roots_is_refused_as_such() {
    let state = "fixtures/gateway-v28/state.anvil.json";
    let trees = Trees::open(&[state], &TreesOptions::default()).unwrap();
    let error = trees.extractor(Target::Block(SlBlock(5))).unwrap_err();
    assert!(matches!(error, Error::History(HistoryError::NoRoots)), "{error}");
}

/// Events explain more roots than a tree file that was written without them.
#[test]
fn what_a_file_knows_is_not_used_alone_beside_events() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trees.sltree");
    let mut options = TreesOptions { search: Some(0), ..TreesOptions::default() };
    Trees::rebuild_to_file(&[STATE], &file, true, &options).unwrap();
    let known = |options: &TreesOptions| {
        let trees = Trees::open(&[&file], options).unwrap();
        let known = trees.partial_history().unwrap();
        known.map(|history| history.unexplained().count() > 0)
    };
    assert_eq!(known(&options), Some(true));
    options.events = vec![EVENTS.into()];
    assert_eq!(known(&options), None);
}

#[test]
fn the_history_is_searched_once_and_only_for_targets_that_need_it() {
    // Without a search, only events explain roots.
    let (trees, searches) = trees(|options| {
        options.search = Some(0);
        options.events = vec![EVENTS.into()];
    });
    for target in [Target::Latest, Target::BatchRoot] {
        trees.extractor(target).unwrap();
        assert_eq!(found(&searches), []);
    }
    assert_eq!(trees.history_time(), Duration::ZERO);
    trees.extractor(Target::First).unwrap();
    let roots = trees.history().unwrap().history().len();
    assert!(roots > 0);
    assert_eq!(found(&searches), [Some((roots, roots))]);
    assert!(trees.history_time() > Duration::ZERO);
    trees.extractor(Target::First).unwrap();
    assert_eq!(found(&searches), []);
}

#[test]
fn roots_with_unknown_contents_are_not_counted_as_explained() {
    let (trees, searches) = trees(|options| options.search = Some(0));
    let history = trees.history().unwrap().history();
    let unexplained = history.unexplained().count();
    assert!(unexplained > 0);
    assert_eq!(found(&searches), [Some((history.len(), history.len() - unexplained))]);
}

#[test]
fn a_state_without_trees_serves_batch_roots_alone() {
    let (trees, _) = trees(|options| options.batch_roots_only = true);
    trees.extractor(Target::BatchRoot).unwrap();
    for target in [Target::Latest, Target::First, Target::SlBatch(SlBatch(1))] {
        let error = trees.extractor(target).unwrap_err();
        assert!(matches!(&error, Error::NoTrees(of) if *of == target), "{error}");
    }
}

#[test]
fn a_tree_file_is_asked_for_one_root_instead_of_all() {
    let trees = Trees::open(&[TREE_FILE], &TreesOptions::default()).unwrap();
    let batch = |number| Some((ChainId(324), BatchNumber(number)));
    let one = |target, batch| {
        let timeline = trees.single_root(target, batch).unwrap()?;
        timeline.history().blocks.first().copied()
    };
    assert_eq!(one(Target::Block(SlBlock(300)), None), Some(SlBlock(300)));
    assert_eq!(one(Target::First, batch(10)), Some(SlBlock(300)));
    assert_eq!(one(Target::First, batch(11)), None);
    assert_eq!(one(Target::First, None), None);
    assert_eq!(one(Target::Latest, batch(10)), None);
    // Once all roots are read, none is read again.
    trees.history().unwrap();
    assert_eq!(one(Target::Block(SlBlock(300)), None), None);
}

/// The trees of a directory of fixtures, with the settlement layer's own batches and the state of L1.
fn with_l1(l1: &str) -> (Trees, Arc<Searches>) {
    trees(|options| {
        options.events = vec![EVENTS.into()];
        options.sl_batches = vec!["fixtures/gateway-v29/gw_batches.jsonl".into()];
        let mut l1 = L1Options { paths: vec![l1.into()], ..L1Options::default() };
        l1.state.bridgehub = Some(L1_BRIDGEHUB.parse().unwrap());
        options.l1 = Some(l1);
    })
}

const L1: &str = "fixtures/gateway-v29/l1.state.anvil.json";
const OTHER_L1: &str = "fixtures/gateway-v31/l1.state.anvil.json";

#[test]
fn the_root_of_an_sl_batch_is_read_from_l1_and_its_tree_is_kept() {
    let (trees, searches) = with_l1(L1);
    let batches = [SlBatch(2000), SlBatch(2001)];
    for batch in batches {
        assert!(trees.rebuilt_sl_batch(batch).is_none());
        trees.extractor(Target::SlBatch(batch)).unwrap();
    }
    for batch in batches {
        let kept = trees.rebuilt_sl_batch(batch).unwrap();
        assert_eq!(kept.batch(), batch);
        let known = *searches.1.lock().unwrap().get(&batch.0).unwrap();
        assert_eq!(known.root, kept.root());
        assert!(matches!(known.location, RootLocation::LogsRootHashes(_)));
    }
}

/// Two states with the same trees, of which one has lost an older root, give other first roots.
#[test]
fn states_with_other_past_roots_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lost.json");
    let mut state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(STATE).unwrap()).unwrap();
    let identity =
        |path: &std::path::Path| Trees::open(&[path], &TreesOptions::default()).unwrap().identity();
    std::fs::write(&file, serde_json::to_vec_pretty(&state).unwrap()).unwrap();
    assert_eq!(identity(STATE.as_ref()), identity(&file));
    let slot = MessageRoot::<Snapshot>::historical_root_slots(&[SlBlock(155)])[0].to_string();
    let storage = &mut state["accounts"][MESSAGE_ROOT.to_string()]["storage"];
    assert!(storage.as_object_mut().unwrap().remove(&slot).is_some());
    std::fs::write(&file, state.to_string()).unwrap();
    assert_ne!(identity(STATE.as_ref()), identity(&file));
}

/// A resumed job has to be of the same state of L1.
#[test]
fn states_of_l1_are_told_apart() {
    let identity = |l1| with_l1(l1).0.l1_identity().unwrap().unwrap();
    assert_eq!(identity(L1), identity(L1));
    assert_ne!(identity(L1), identity(OTHER_L1));
    assert_eq!(trees(|_| ()).0.l1_identity().unwrap(), None);
}

#[test]
fn l1_says_nothing_of_a_failed_request_and_without_its_state() {
    let log = RecordError::Missing { field: "log" };
    let code =
        |found: Option<L1Verdict>| found.map(|found| (found.valid, found.error.unwrap().code));
    let (trees, _) = with_l1(L1);
    let unreadable = trees.l1_verdict_on(Err(log)).unwrap();
    assert_eq!(code(unreadable), Some((None, crate::proof::FailureCode::LogMissing)));
    assert!(trees.l1_verdict_on(Ok(Item::Failure)).unwrap().is_none());
    let text = std::fs::read("fixtures/gateway-v31/record.json").unwrap();
    let record: ProofRecord = serde_json::from_slice(&text).unwrap();
    // L1 stores no roots of blocks.
    let of_a_block = trees.l1_verdict(record.clone()).unwrap().unwrap();
    assert!(of_a_block.valid != Some(true) && of_a_block.anchor.is_none());
    assert!(trees_without_l1().l1_verdict(record).unwrap().is_none());
}

/// Trees without a state of L1.
fn trees_without_l1() -> Trees {
    trees(|_| ()).0
}
