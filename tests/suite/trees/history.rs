//! The chains and batches in every root, against the contracts' events.

use std::collections::BTreeMap;

use crate::support::{self, fixture, json_lines, layer::Layer};
use proptest::prelude::*;
use slproof::{
    contracts::{EventKind, Layout, MessageRootEvent, system::MESSAGE_ROOT},
    forest::{
        Addresses, Forest, RebuildOptions, SearchBudget, Timeline, chain_id_leaf, explain, rebuild,
    },
    ingest::{
        events::{EventList, read_events},
        state::{Dump, read_state},
    },
    keccak::{hash_node, keccak256},
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Word},
    proof::{Target, verify},
    prove::{ExtractError, Extractor, TargetError},
    snapshot::Snapshot,
    state::slots::mapping_value,
};

const FOLDERS: [&str; 3] = ["gateway-v29", "gateway-v31", "gateway-v29-to-v31"];

fn forest(path: &str) -> (Dump, Forest) {
    let dump = read_state(&fixture(path), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    (dump, forest)
}

/// For each block with a root: the number of registered chains and the batches of each when the root was
/// stored.
type Truth = BTreeMap<u64, (u64, BTreeMap<u64, Vec<u64>>)>;

/// Computed from the events, one by one.
fn truth(folder: &str) -> Truth {
    let mut truth = Truth::new();
    let (mut chains, mut batches) = (0, BTreeMap::<u64, Vec<u64>>::new());
    for event in json_lines(&format!("{folder}/events.jsonl.gz")) {
        let number = |member: &str| event[member].as_u64().unwrap();
        match event["event"].as_str().unwrap() {
            "AddedChain" => chains += 1,
            "AppendedChainBatchRoot" => {
                batches.entry(number("chainId")).or_default().push(number("batchNumber"));
            }
            "NewInteropRoot" => {
                truth.insert(number("blockNumber"), (chains, batches.clone()));
            }
            _ => {}
        }
    }
    truth
}

pub(super) fn check(folder: &str, forest: &Forest, timeline: &Timeline) {
    let truth = truth(folder);
    let roots = support::json(&format!("{folder}/roots.json"));
    assert_eq!(timeline.history().len(), truth.len());
    assert_eq!(timeline.history().unexplained().count(), 0, "{folder}");
    for (block, (chains, batches)) in &truth {
        let at = timeline.at(SlBlock(*block)).unwrap();
        let root = timeline.root(at);
        assert_eq!(roots["historicalRoot"][block.to_string()], root.root.to_string());
        assert_eq!(root.chains, *chains, "{folder}, block {block}");
        for tree in forest.chains() {
            let expected = batches.get(&tree.chain().0).map_or(&[][..], Vec::as_slice);
            let count = timeline.batches(tree.index(), at);
            assert_eq!(count.is_some(), tree.index() < *chains);
            let found: Vec<_> = tree.batches().iter().take(count.unwrap_or(0) as usize).collect();
            let expected: Vec<BatchNumber> = expected.iter().copied().map(BatchNumber).collect();
            assert_eq!(found, expected, "{folder}, block {block}, chain {}", tree.chain());
        }
    }
    // The first root that contains a batch is the root of the block in the event.
    for event in json_lines(&format!("{folder}/events.jsonl.gz")) {
        if event["event"] == "AppendedChainBatchRoot" {
            let tree = forest.chain(ChainId(event["chainId"].as_u64().unwrap())).unwrap();
            let batch = BatchNumber(event["batchNumber"].as_u64().unwrap());
            let first = timeline.first(tree, tree.find(batch).unwrap().0).unwrap();
            assert_eq!(Some(timeline.root(first).block.0), event["blockNumber"].as_u64());
        }
    }
}

#[test]
fn every_root_is_explained_from_the_state_alone() {
    for folder in FOLDERS {
        let (dump, forest) = forest(&format!("{folder}/state.anvil.json"));
        let timeline = explain(
            &dump.state,
            Addresses::default(),
            &forest,
            &EventList::new(),
            SearchBudget::default(),
        )
        .unwrap();
        check(folder, &forest, &timeline);
    }
}

#[test]
fn every_root_is_explained_by_events() {
    for folder in FOLDERS {
        let (dump, forest) = forest(&format!("{folder}/state.anvil.json"));
        let events =
            read_events(&[fixture(&format!("{folder}/events.jsonl.gz"))], MESSAGE_ROOT).unwrap();
        // Without any search.
        let effort = SearchBudget { step: 0, walk: 0 };
        let timeline =
            explain(&dump.state, Addresses::default(), &forest, &events, effort).unwrap();
        check(folder, &forest, &timeline);
    }
}

/// Era snapshots contain the batch in which each slot was first written. Without a search, this explains the
/// last root of every batch of the settlement layer. With a search, the other roots follow.
#[test]
fn first_writes_explain_the_last_root_of_each_settlement_layer_batch() {
    let folder = "gateway-v29";
    let batches: Vec<(u64, u64)> = json_lines(&format!("{folder}/gw_batches.jsonl"))
        .iter()
        .map(|batch| ["firstBlock", "lastBlock"].map(|name| batch[name].as_u64().unwrap()))
        .map(|[first, last]| (first, last))
        .collect();
    for version in ["final-v0", "final-v1"] {
        let (dump, forest) = forest(&format!("{folder}/era-snapshot/{version}"));
        let from = |effort| {
            explain(&dump.state, Addresses::default(), &forest, &EventList::new(), effort).unwrap()
        };
        let timeline = from(SearchBudget { step: 0, walk: 0 });
        let history = timeline.history();
        let mut last_roots = 0;
        for (index, block) in history.blocks.iter().enumerate() {
            let batch = batches.iter().find(|(first, last)| (*first..=*last).contains(&block.0));
            let next = history.blocks.get(index + 1).map_or(u64::MAX, |next| next.0);
            if next > batch.unwrap().1 {
                assert!(history.chains[index] > 0, "{version}, block {block}");
                last_roots += 1;
            }
        }
        assert!(last_roots > 10 && last_roots < history.len());
        assert!(history.unexplained().next().is_some());
        check(folder, &forest, &from(SearchBudget::default()));
    }
}

/// An event of a random history.
#[derive(Clone, Debug)]
enum Happens {
    Registration,
    /// The registered chain with this index executes this many batches.
    Execution(usize, u64),
    /// A chain comes back after it executed this many batches on another settlement layer.
    Return(usize, u64),
    UpdateFullTree,
}

/// About half of the blocks are empty; the others have up to four events.
fn blocks() -> impl Strategy<Value = Vec<Vec<Happens>>> {
    let happens = prop_oneof![
        1 => Just(Happens::Registration),
        4 => (0usize..100, 1u64..4).prop_map(|(chain, batches)| Happens::Execution(chain, batches)),
        1 => (0usize..100, 1u64..1000).prop_map(|(chain, away)| Happens::Return(chain, away)),
        1 => Just(Happens::UpdateFullTree),
    ];
    let block = prop_oneof![Just(vec![]), prop::collection::vec(happens, 1..5)];
    prop::collection::vec(block, 1..24)
}

/// A history by the contracts' rules, and the expected contents of every root.
struct Played {
    layer: Layer,
    logs: Vec<BatchLogs>,
    events: Vec<MessageRootEvent>,
    /// For each block with a root: the root, and the number of batches of each registered chain.
    truth: BTreeMap<u64, (Hash, Vec<u64>)>,
}

fn play(layout: Layout, blocks: &[Vec<Happens>]) -> Played {
    let mut layer = Layer::new(layout, ChainId(506));
    let (mut logs, mut events, mut truth) = (vec![], vec![], BTreeMap::new());
    let mut batches = vec![0];
    // The first batch number of a chain is arbitrary.
    let mut next = vec![0];
    let mut file = |layer: &Layer, block, batches: &[u64]| {
        truth.insert(block, (layer.root(), batches.to_vec()));
    };
    if layout == Layout::V31 {
        file(&layer, 1, &batches);
    }
    for (block, all) in (10..).step_by(3).zip(blocks) {
        layer.set_block(block);
        let mut event = |kind| {
            let log_index = events.len() as u64;
            events.push(MessageRootEvent { block: SlBlock(block), log_index, kind });
        };
        for happens in all {
            match happens {
                Happens::Registration => {
                    let index = batches.len() as u64;
                    let chain = ChainId(index * 0x1_0001);
                    layer.add_chain(chain);
                    batches.push(0);
                    next.push(if index.is_multiple_of(2) { 1 } else { 1 << (index + 20) });
                    event(EventKind::AddedChain(chain, index));
                    if layout == Layout::V31 {
                        event(EventKind::NewInteropRoot(None));
                        file(&layer, block, &batches);
                    }
                }
                Happens::Return(chain, away) => {
                    let chains = next.len();
                    next[chain % chains] += away;
                }
                Happens::Execution(chain, count) if batches.len() > 1 => {
                    let index = 1 + chain % (batches.len() - 1);
                    let chain = layer.chain(index);
                    for _ in 0..*count {
                        let batch = BatchNumber(next[index]);
                        next[index] += 1;
                        let log = L2ToL1Log::new([1 + (logs.len() % 250) as u8; 88]);
                        let batch_logs =
                            BatchLogs::new(chain, batch, vec![log], MessageList::default(), None)
                                .unwrap();
                        let aggregated = chain_id_leaf(Hash::ZERO, chain);
                        let root = hash_node(batch_logs.view().tree().root(), aggregated);
                        layer.append(index, batch, root);
                        batches[index] += 1;
                        logs.push(batch_logs);
                        event(EventKind::AppendedBatch(chain, batch, None, None));
                    }
                    file(&layer, block, &batches);
                }
                Happens::Execution(..) => {}
                Happens::UpdateFullTree => {
                    layer.update_full_tree();
                    event(EventKind::NewInteropRoot(None));
                    file(&layer, block, &batches);
                }
            }
        }
    }
    Played { layer, logs, events, truth }
}

impl Played {
    /// With all events, every root is explained. Without them, the bounded search may leave some roots
    /// unexplained, but every explanation is right.
    fn check(&self, state: &Snapshot, events: &EventList) {
        let complete = events.len() == self.events.len();
        let options = RebuildOptions::default();
        let forest = match rebuild(state, &options) {
            Ok(forest) if forest.latest().is_some() => forest,
            // Nothing happened.
            result => return assert!(self.truth.is_empty(), "{result:?}"),
        };
        let addresses = Addresses::default();
        let timeline = explain(state, addresses, &forest, events, SearchBudget::default()).unwrap();
        let roots: Vec<(u64, Hash)> = (0..timeline.history().len())
            .map(|i| timeline.history().root(i))
            .map(|r| (r.block.0, r.root))
            .collect();
        let expected: Vec<(u64, Hash)> =
            self.truth.iter().map(|(block, (root, _))| (*block, *root)).collect();
        assert_eq!(roots, expected);
        for (block, (root, batches)) in &self.truth {
            let Some(at) = timeline.at(SlBlock(*block)) else {
                assert!(!complete, "block {block} is unexplained");
                continue;
            };
            let found: Vec<Option<u64>> = (0..forest.chains().len() as u64)
                .map(|chain| timeline.batches(chain, at))
                .collect();
            let mut expected: Vec<Option<u64>> = batches.iter().copied().map(Some).collect();
            expected.resize(found.len(), None);
            // Two blocks may store the root of the same tree, but a root belongs to only one tree.
            assert_eq!(found, expected, "block {block}");

            // A batch can be proven against the root exactly if the root contains it.
            let target = Target::Block(SlBlock(*block));
            let extractor = Extractor::in_history(&forest, &timeline, target).unwrap();
            for logs in self.logs.iter().map(BatchLogs::view) {
                let tree = forest.chain(logs.chain()).unwrap();
                let (leaf, _) = tree.find(logs.batch()).unwrap();
                let contains = batches.get(tree.index() as usize).is_some_and(|n| leaf < *n);
                match extractor.batch(logs) {
                    Ok(proofs) => {
                        let record = proofs.prove(0).unwrap();
                        let claim = verify::Claim {
                            chain: logs.chain(),
                            batch: logs.batch(),
                            index: 0,
                            log: &logs.logs()[0],
                        };
                        assert!(contains);
                        assert_eq!(verify::fold(&claim, &record.proof).unwrap().root, *root);
                    }
                    Err(ExtractError::BatchAfterTarget { first, .. }) => {
                        let later = |first: SlBlock| first > SlBlock(*block);
                        assert!(!contains && first.map_or(!complete, later));
                    }
                    Err(ExtractError::ChainAfterTarget { .. }) => assert!(!contains),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_histories_are_explained_and_every_batch_is_proven_against_every_root(
        blocks in blocks(),
        is_v31: bool,
        events_given in prop::sample::select(vec![0, 1, 2]),
    ) {
        let layout = if is_v31 { Layout::V31 } else { Layout::V29 };
        let played = play(layout, &blocks);
        // None, all, or every other one.
        let events: EventList = match events_given {
            0 => EventList::default(),
            n => played.events.iter().copied().step_by(n).collect(),
        };
        played.check(&played.layer.state(), &events);
    }
}

/// The vectors' histories with one altered root, or with two altered roots and one between them.
#[test]
fn an_altered_root_is_unexplained_and_the_others_are_explained() {
    for (folder, layout) in [("gateway-v29", Layout::V29), ("gateway-v31", Layout::V31)] {
        let truth = truth(folder);
        let played = replay(folder, layout);
        let blocks: Vec<u64> = truth.keys().copied().collect();
        for altered in [vec![0], vec![5], vec![20], vec![7, 9], vec![blocks.len() - 2]] {
            let mut storage = played.storage();
            for index in &altered {
                let slot = mapping_value(Word::from(blocks[*index]), Word::from(9));
                storage.insert((MESSAGE_ROOT, slot), keccak256(b"altered").into());
            }
            let state = played.state_of(&storage);
            let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
            let path = fixture(&format!("{folder}/events.jsonl.gz"));
            for events in [EventList::default(), read_events(&[path], MESSAGE_ROOT).unwrap()] {
                let effort = SearchBudget { step: 1 << 22, walk: 1 << 24 };
                let timeline =
                    explain(&state, Addresses::default(), &forest, &events, effort).unwrap();
                let unexplained: Vec<usize> = timeline.history().unexplained().collect();
                assert_eq!(unexplained, altered, "{folder}");
                for (block, (chains, batches)) in &truth {
                    let Some(at) = timeline.at(SlBlock(*block)) else { continue };
                    assert_eq!(timeline.root(at).chains, *chains);
                    for tree in forest.chains() {
                        let expected = batches.get(&tree.chain().0).map_or(0, Vec::len) as u64;
                        assert_eq!(timeline.batches(tree.index(), at).unwrap_or(0), expected);
                    }
                }
            }
        }
    }
}

/// The newer of two roots has fewer chains, which cannot happen in the contracts.
#[test]
fn root_over_fewer_chains_than_its_predecessor_does_not_panic() {
    let mut layer = Layer::new(Layout::V29, ChainId(506));
    layer.set_block(5);
    layer.add_chain(ChainId(300));
    layer.add_chain(ChainId(301));
    let of_three = layer.root();
    layer.set_block(10);
    layer.append(1, BatchNumber(1), keccak256(b"batch"));
    let mut storage = layer.storage();
    let forest = rebuild(&layer.state(), &RebuildOptions::default()).unwrap();
    let leaf = |chain: usize| {
        let tree = &forest.chains()[chain];
        chain_id_leaf(tree.root(), tree.chain())
    };
    let of_two = hash_node(leaf(0), leaf(1));
    for (block, root) in [(5, of_three), (7, keccak256(b"altered")), (10, of_two)] {
        let slot = mapping_value(Word::from(block), Word::from(9));
        storage.insert((MESSAGE_ROOT, slot), root.into());
    }
    let state = layer.state_of(&storage);
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    let kinds = [
        EventKind::AddedChain(ChainId(300), 1),
        EventKind::AddedChain(ChainId(301), 2),
        EventKind::NewInteropRoot(None),
    ];
    let events: Vec<_> = (0..)
        .zip(kinds)
        .map(|(log_index, kind)| MessageRootEvent { block: SlBlock(5), log_index, kind })
        .collect();
    for events in [events.into_iter().collect(), EventList::default()] {
        let timeline =
            explain(&state, Addresses::default(), &forest, &events, SearchBudget::default())
                .unwrap();
        assert!(timeline.at(SlBlock(7)).is_none());
    }
}

/// The storage of a vector's history, by the rules of the contracts.
pub(super) fn replay(folder: &str, layout: Layout) -> Layer {
    replay_with(folder, layout, |_, _| {})
}

/// As [`replay`]. Calls `after` with the block after every event.
pub(super) fn replay_with(
    folder: &str,
    layout: Layout,
    mut after: impl FnMut(&Layer, u64),
) -> Layer {
    let events = json_lines(&format!("{folder}/events.jsonl.gz"));
    let mut layer = Layer::new(layout, ChainId(506));
    let mut indices = BTreeMap::new();
    for event in &events[1..] {
        let number = |field: &str| event[field].as_u64().unwrap();
        layer.set_block(number("blockNumber"));
        match event["event"].as_str().unwrap() {
            "AddedChain" => {
                indices.insert(number("chainId"), number("chainIndex") as usize);
                layer.add_chain(ChainId(number("chainId")));
            }
            "AppendedChainBatchRoot" => {
                let root = event["chainBatchRoot"].as_str().unwrap().parse().unwrap();
                layer.append(indices[&number("chainId")], BatchNumber(number("batchNumber")), root);
            }
            "NewInteropRoot" => layer.update_full_tree(),
            _ => {}
        }
        after(&layer, number("blockNumber"));
    }
    layer
}

/// One block has more changes than the search can try. The roots before and after it are explained by walks
/// from both ends, and the change between two explained roots follows.
#[test]
fn step_beyond_the_search_bounds_is_explained_from_both_ends() {
    let mut layer = Layer::new(Layout::V29, ChainId(506));
    layer.set_block(2);
    for chain in 1..=40 {
        layer.add_chain(ChainId(chain));
    }
    let batch = |layer: &mut Layer, block, index: usize| {
        layer.set_block(block);
        layer.append(index, BatchNumber(block), keccak256(&[index as u8, block as u8]));
    };
    batch(&mut layer, 3, 1);
    batch(&mut layer, 4, 2);
    for index in (1..40).step_by(2) {
        batch(&mut layer, 5, index);
    }
    for block in 6..40 {
        batch(&mut layer, block, block as usize);
    }
    let state = layer.state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    let effort = SearchBudget { step: 1 << 16, walk: 1 << 20 };
    let timeline =
        explain(&state, Addresses::default(), &forest, &EventList::new(), effort).unwrap();
    // The walk up explains blocks 3 and 4, and the walk down all blocks from 5. Only the step between them
    // was too large.
    assert_eq!(timeline.history().unexplained().count(), 0);
    let at = timeline.at(SlBlock(5)).unwrap();
    assert_eq!((1..41).filter(|chain| timeline.batches(*chain, at) > Some(0)).count(), 21);

    // With a second such block, the roots between the two cannot be explained.
    for index in (1..40).step_by(2) {
        batch(&mut layer, 45, index);
    }
    for block in 46..50 {
        batch(&mut layer, block, block as usize - 10);
    }
    let state = layer.state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    let timeline =
        explain(&state, Addresses::default(), &forest, &EventList::new(), effort).unwrap();
    let history = timeline.history();
    let unexplained: Vec<u64> = history.unexplained().map(|i| history.blocks[i].0).collect();
    assert_eq!(unexplained, (5..40).collect::<Vec<u64>>());
    assert_eq!(timeline.at(SlBlock(20)), None);
    let target = Extractor::in_history(&forest, &timeline, Target::Block(SlBlock(20)));
    assert_eq!(target.unwrap_err(), TargetError::Unexplained(SlBlock(20)));
}
