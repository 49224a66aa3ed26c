//! L1 that is upgraded from v31 to v33 in place: random histories, against a model that follows the contract step by
//! step.

use std::collections::BTreeMap;

use crate::support::layer::{Layer, MESSAGE_ROOT};
use proptest::prelude::*;
use slproof::{
    contracts::Layout,
    forest::{
        Addresses, RebuildError, RebuildOptions, SearchBudget, explain, rebuild, timed_batch_leaf,
    },
    ingest::events::EventList,
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp, Word},
    state::slots::mapping_value,
};

/// A change of the state.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A chain is registered; since v33 perhaps with a leaf for batch 0.
    Chain { has_genesis: bool },
    /// A chain executes a batch.
    Batch { chain: usize },
    /// The executor of a chain is upgraded, if L1 is: its next batches become leaves.
    Executor { chain: usize },
    /// The next blocks begin.
    Blocks(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => any::<bool>().prop_map(|has_genesis| Change::Chain { has_genesis }),
        6 => (0usize..8).prop_map(|chain| Change::Batch { chain }),
        2 => (0usize..8).prop_map(|chain| Change::Executor { chain }),
        3 => (1u64..4).prop_map(Change::Blocks),
    ]
}

/// What the model knows of a chain: its next batch, whether that becomes a leaf, and its leaves.
struct Chain {
    next: u64,
    is_upgraded: bool,
    leaves: Vec<(BatchNumber, Hash, Timestamp)>,
}

/// L1, and what the trees must contain.
struct Model {
    layer: Layer,
    block: u64,
    chains: Vec<Chain>,
    /// By block with a root: the root, its timestamp, and the number of leaves of each chain.
    roots: BTreeMap<u64, (Hash, Option<Timestamp>, Vec<u64>)>,
    is_upgraded: bool,
}

impl Model {
    fn new() -> Self {
        let layer = Layer::new(Layout::V31, ChainId(1));
        let chains = vec![Chain { next: 1, is_upgraded: false, leaves: vec![] }];
        let mut model =
            Self { layer, block: 1, chains, roots: BTreeMap::new(), is_upgraded: false };
        model.stored();
        model
    }

    /// The contract stored the root of the present block.
    fn stored(&mut self) {
        let timestamp = self.is_upgraded.then(|| self.layer.timestamp());
        let counts = self.chains.iter().map(|chain| chain.leaves.len() as u64).collect();
        self.roots.insert(self.block, (self.layer.root(), timestamp, counts));
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Blocks(blocks) => {
                self.block += blocks;
                self.layer.set_block(self.block);
            }
            Change::Chain { has_genesis } if self.chains.len() < 8 => {
                let index = self.chains.len();
                self.layer.add_chain(ChainId(1000 + index as u64));
                let is_upgraded = has_genesis && self.is_upgraded;
                self.chains.push(Chain { next: 1, is_upgraded, leaves: vec![] });
                self.stored();
                if is_upgraded {
                    self.layer.seed_genesis(index);
                    let genesis = slproof::message::EightLeaves::GENESIS.root();
                    let leaf = (BatchNumber(0), genesis, self.layer.timestamp());
                    self.chains[index].leaves.push(leaf);
                    self.stored();
                }
            }
            Change::Batch { chain } if chain > 0 && chain < self.chains.len() => {
                let number = BatchNumber(self.chains[chain].next);
                self.chains[chain].next += 1;
                let root = keccak256(&[chain as u8, number.0 as u8]);
                match self.chains[chain].is_upgraded {
                    false => self.layer.record(chain, number, root),
                    true => {
                        self.layer.append(chain, number, root);
                        let leaf = (number, root, self.layer.timestamp());
                        self.chains[chain].leaves.push(leaf);
                        self.stored();
                    }
                }
            }
            Change::Executor { chain } if chain > 0 && chain < self.chains.len() => {
                self.chains[chain].is_upgraded |= self.is_upgraded;
            }
            Change::Chain { .. } | Change::Batch { .. } | Change::Executor { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn trees_and_past_roots_are_those_of_the_contract(
        before in prop::collection::vec(change(), 0..20),
        after in prop::collection::vec(change(), 0..40),
    ) {
        let mut model = Model::new();
        before.into_iter().for_each(|change| model.apply(change));
        model.layer.upgrade_to_v33();
        model.is_upgraded = true;
        model.block += 1;
        model.layer.set_block(model.block);
        after.into_iter().for_each(|change| model.apply(change));
        let state = model.layer.state();
        let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
        // Nothing shows v33 until it stores something.
        let is_visible = model.roots.values().any(|(_, timestamp, _)| timestamp.is_some());
        let layout = if is_visible { Layout::V33 } else { Layout::V31 };
        prop_assert_eq!(forest.layout(), layout);
        prop_assert_eq!(forest.root(), model.layer.root());
        for (tree, chain) in forest.chains().iter().zip(&model.chains) {
            prop_assert_eq!(tree.batches().len(), chain.leaves.len() as u64);
            for (at, (number, root, timestamp)) in (0u64..).zip(&chain.leaves) {
                prop_assert_eq!(tree.find(*number), Some((at, *root)));
                prop_assert_eq!(tree.timestamp(at), Some(*timestamp));
                let leaf = timed_batch_leaf(*root, *number, *timestamp);
                prop_assert_eq!(tree.tree().node(0, at), leaf);
            }
        }
        let (addresses, events) = (Addresses::default(), EventList::new());
        let budget = SearchBudget::for_batches(forest.batch_count());
        let timeline = explain(&state, addresses, &forest, &events, budget).unwrap();
        prop_assert_eq!(timeline.history().unexplained().count(), 0);
        prop_assert_eq!(timeline.history().len(), model.roots.len());
        for (block, (root, timestamp, counts)) in &model.roots {
            let at = timeline.at(SlBlock(*block)).unwrap();
            let found = timeline.root(at);
            prop_assert_eq!((found.root, found.timestamp), (*root, *timestamp));
            prop_assert_eq!(found.chains, counts.len() as u64);
            for (chain, count) in (0u64..).zip(counts) {
                prop_assert_eq!(timeline.batches(chain, at), Some(*count));
            }
        }
    }
}

fn upgraded() -> Model {
    let mut model = Model::new();
    model.is_upgraded = true;
    model.layer.upgrade_to_v33();
    for change in [
        Change::Blocks(1),
        Change::Chain { has_genesis: true },
        Change::Chain { has_genesis: true },
        Change::Batch { chain: 2 },
    ] {
        model.apply(change);
    }
    model
}

#[test]
fn a_chain_with_a_leaf_without_timestamp_is_named() {
    let model = upgraded();
    let mut storage = model.layer.storage();
    let times = mapping_value(Word::from(1002), 15.into());
    let slot = mapping_value(1.into(), times);
    assert!(storage.remove(&(MESSAGE_ROOT, slot)).is_some());
    let state = model.layer.state_of(&storage);
    let error = rebuild(&state, &RebuildOptions::default()).unwrap_err();
    let is_named = matches!(
        error,
        RebuildError::Incomplete { chain: ChainId(1002), expected: 2, found: 1, .. }
    );
    assert!(is_named && !error.is_mismatch(), "{error}");
}

/// A layout that is not known is named as such, and is not damage.
#[test]
fn a_newer_layout_and_the_draft_of_v33_are_refused_by_name() {
    let model = upgraded();
    let with = |slots: &[(u64, u64)]| {
        let mut storage = model.layer.storage();
        for (slot, value) in slots {
            let key = (MESSAGE_ROOT, Word::from(*slot));
            storage.insert(key, Word::from(*value));
        }
        let state = model.layer.state_of(&storage);
        let error = rebuild(&state, &RebuildOptions::default()).unwrap_err();
        assert!(!error.is_mismatch(), "{error}");
        error.to_string()
    };
    assert!(with(&[(16, 1)]).contains("newer than this program knows: slot 16"));
    assert!(with(&[(49, 1)]).contains("slot 49"));
    assert!(with(&[(15, 1)]).contains("slot 15"));
    assert!(with(&[(13, 0), (14, 7), (15, 2)]).contains("draft of v33"));
}
