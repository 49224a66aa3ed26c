//! Edge cases of the deployed contracts in the latest state, one test each.

use crate::support::{
    fixture,
    layer::{BRIDGEHUB, Layer, MESSAGE_ROOT, Storage},
    naive,
};
use slproof::{
    contracts::{Layout, Release},
    files::Access,
    forest::{
        Addresses, Forest, HistoryOptions, RebuildError, RebuildOptions, SearchBudget, Timeline,
        TreeFile, explain, rebuild, rebuild_to_file,
    },
    ingest::{events::EventList, state::read_state},
    keccak::keccak256,
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word},
    proof::{Proof, ProofEnd, SettlementHop, Target},
    prove::Extractor,
    state::slots::mapping_value,
};

const GATEWAY: ChainId = ChainId(506);
const ERA: ChainId = ChainId(324);
const LAYOUTS: [Layout; 3] = [Layout::V26, Layout::V29, Layout::V31];

fn rebuilt(layer: &Layer) -> Forest {
    let forest = rebuild(&layer.state(), &RebuildOptions::default()).unwrap();
    assert_eq!(forest.root(), layer.root());
    forest
}

fn logs(chain: ChainId, batch: u64) -> BatchLogs {
    let message = [chain.0.to_be_bytes(), batch.to_be_bytes()].concat();
    let log = L2ToL1Log::of_message(0, Address::system(7), &message);
    BatchLogs::new(
        chain,
        BatchNumber(batch),
        vec![log; 2],
        MessageList::default(),
        Some(Hash::ZERO),
    )
    .unwrap()
}

/// Executes the batch of [`logs`].
fn execute(layer: &mut Layer, index: usize, batch: u64) {
    let tree = logs(layer.chain(index), batch).view().tree();
    layer.append(index, BatchNumber(batch), naive::node(tree.root(), Hash::ZERO));
}

fn hop(forest: &Forest, chain: ChainId, batch: u64) -> SettlementHop {
    let logs = logs(chain, batch);
    let record =
        Extractor::new(forest, Target::Latest).unwrap().batch(&logs).unwrap().prove(1).unwrap();
    match Proof::decode(&record.proof).unwrap().end {
        ProofEnd::SettlementLayer(hop) => hop,
        other => panic!("{other:?}"),
    }
}

/// The root of a chain without batches is 32 zero bytes.
#[test]
fn chains_without_batches_have_the_root_zero() {
    for layout in LAYOUTS {
        let mut layer = Layer::new(layout, GATEWAY);
        let forest = rebuilt(&layer);
        assert_eq!((forest.chains()[0].root(), forest.shared().height()), (Hash::ZERO, 0));
        layer.add_chain(ERA);
        assert_eq!(rebuilt(&layer).chain(ERA).unwrap().root(), Hash::ZERO);
    }
}

/// A chain with one batch has a tree of height 0 and a batch path without siblings.
#[test]
fn one_batch_needs_no_siblings() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    execute(&mut layer, 1, 9);
    let hop = hop(&rebuilt(&layer), ERA, 9);
    assert_eq!((hop.batch_path.len(), hop.batch_mask), (0, Word::ZERO));
}

/// V26 to v30 register a chain without storing the new root, so the newest interop root has fewer
/// chains. v31 stores the new root.
#[test]
fn a_chain_added_last_is_not_in_the_newest_root_before_v31() {
    for (layout, chains) in [(Layout::V29, 2), (Layout::V31, 3)] {
        let mut layer = Layer::new(layout, GATEWAY);
        layer.add_chain(ERA);
        layer.set_block(2);
        execute(&mut layer, 1, 1);
        let root = layer.root();
        layer.add_chain(ChainId(8));
        let forest = rebuilt(&layer);
        let latest = forest.latest().unwrap();
        assert_eq!((latest.block, latest.chains), (SlBlock(2), chains));
        if layout == Layout::V29 {
            assert_eq!(latest.root, root);
        }
        let height = slproof::merkle::height(chains);
        assert_eq!(hop(&forest, ERA, 1).chain_path.len() as u32, height);
    }
}

/// `updateFullTree()` stores a root in a block without a batch.
#[test]
fn a_root_without_a_batch_is_the_newest() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    execute(&mut layer, 1, 1);
    layer.add_chain(ChainId(8));
    layer.set_block(77);
    layer.update_full_tree();
    layer.set_block(90);
    let latest = rebuilt(&layer).latest().unwrap();
    assert_eq!((latest.block, latest.chains), (SlBlock(77), 3));
}

/// A chain that left and came back has a gap in its batch numbers, but not in its leaf indices.
#[test]
fn a_returned_chain_has_a_gap_in_its_numbers() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    for batch in [5, 6, 70_000, 3_000_000] {
        execute(&mut layer, 1, batch);
    }
    let forest = rebuilt(&layer);
    assert_eq!(hop(&forest, ERA, 70_000).batch_mask, Word::from(2));
    let options = RebuildOptions { max_gap: 1 << 16, ..RebuildOptions::default() };
    let error = rebuild(&layer.state(), &options).unwrap_err();
    assert!(matches!(error, RebuildError::Incomplete { found: 1, expected: 4, .. }), "{error}");
    execute(&mut layer, 1, 3_000_001);
    let error = rebuild(&layer.state(), &options).unwrap_err();
    assert!(matches!(error, RebuildError::Incomplete { found: 2, expected: 5, .. }), "{error}");
}

/// `_sides` has stale values where a bit of the leaf count is 0. There, any value is accepted; where
/// the bit is 1, any other value is refused.
#[test]
fn stale_sides_are_ignored_and_used_sides_are_checked() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    (1..=6).for_each(|batch| execute(&mut layer, 1, batch));
    let tree = mapping_value(ERA.to_word(), 8.into());
    let sides = slproof::state::slots::array_start(tree.wrapping_add(1));
    let storage = layer.storage();
    for (level, live) in [(0, false), (1, true), (2, true), (3, true)] {
        let mut altered = storage.clone();
        altered.insert((MESSAGE_ROOT, sides.wrapping_add(level)), keccak256(b"other").into());
        match rebuild(&layer.state_of(&altered), &RebuildOptions::default()) {
            Ok(_) => assert!(!live, "level {level}"),
            Err(RebuildError::ChainTree { chain: ERA, level: at, .. }) => {
                assert!(live && u64::from(at) == level);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Batches that are committed but not executed have no batch root and no leaf.
#[test]
fn committed_batches_are_not_leaves() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    execute(&mut layer, 1, 1);
    let mut storage = layer.storage();
    let diamond = Layer::diamond(ERA);
    storage
        .insert((diamond, mapping_value(2.into(), 14.into())), keccak256(b"stored batch").into());
    storage.insert((diamond, 13.into()), 2.into());
    let forest = rebuild(&layer.state_of(&storage), &RebuildOptions::default()).unwrap();
    assert!(forest.chain(ERA).unwrap().batches().iter().eq([BatchNumber(1)]));
    let error = Extractor::new(&forest, Target::Latest).unwrap().batch(&logs(ERA, 2)).unwrap_err();
    assert_eq!(error.code(), "batch-not-in-tree");
}

/// Batch numbers and chain ids of 64 bits.
#[test]
fn numbers_may_be_as_large_as_64_bits() {
    for layout in LAYOUTS {
        let mut layer = Layer::new(layout, GATEWAY);
        layer.add_chain(ChainId(u64::MAX));
        execute(&mut layer, 1, u64::MAX - 2);
        execute(&mut layer, 1, u64::MAX - 1);
        let forest = rebuilt(&layer);
        if layout != Layout::V26 {
            let hop = hop(&forest, ChainId(u64::MAX), u64::MAX - 1);
            assert_eq!(hop.batch_mask, Word::from(1));
        }
    }
}

/// A block has several batches of several chains; its root is the root after the last change.
#[test]
fn a_block_has_the_root_after_its_last_change() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    layer.add_chain(ChainId(8));
    for (index, batch) in [(1, 1), (2, 1), (1, 2), (1, 3)] {
        execute(&mut layer, index, batch);
    }
    let forest = rebuilt(&layer);
    assert_eq!(forest.latest().unwrap().root, layer.root());
    hop(&forest, ERA, 1);
}

/// Slots with the value zero are ignored. If any slot is missing or altered, the dump is refused or
/// the trees are the same.
#[test]
fn any_missing_slot_is_detected() {
    for layout in LAYOUTS {
        let mut layer = Layer::new(layout, GATEWAY);
        layer.add_chain(ERA);
        layer.add_chain(ChainId(8));
        (1..=5).for_each(|batch| execute(&mut layer, 1, batch));
        layer.set_block(2);
        execute(&mut layer, 2, 30);
        let mut storage = layer.storage();
        storage.insert((Layer::diamond(ERA), mapping_value(99.into(), 15.into())), Word::ZERO);
        let whole = rebuilt(&layer);
        let harmless = harmless(&storage);
        for (place, value) in storage.clone() {
            for other in [Word::ZERO, value.wrapping_add(1)] {
                storage.insert(place, other);
                let options = RebuildOptions { max_gap: 1 << 16, ..RebuildOptions::default() };
                if let Ok(forest) = rebuild(&layer.state_of(&storage), &options) {
                    assert!(harmless.contains(&place) || value == other, "{layout:?} {place:?}");
                    assert_eq!(forest.root(), whole.root(), "{layout:?} {place:?}");
                    assert_eq!(forest.latest(), whole.latest(), "{layout:?} {place:?}");
                    for (tree, before) in forest.chains().iter().zip(whole.chains()) {
                        assert_eq!(tree.batches(), before.batches());
                        assert_eq!(tree.batch_roots(), before.batch_roots());
                    }
                }
            }
            storage.insert(place, value);
        }
    }
}

/// The slots of the layer above whose change is not detected, because no tree depends on them or because
/// another slot has the same value.
fn harmless(storage: &Storage) -> Vec<(Address, Word)> {
    let message_root = MESSAGE_ROOT;
    let tree = mapping_value(ERA.to_word(), 8.into());
    let sides = slproof::state::slots::array_start(tree.wrapping_add(1));
    // Five leaves are 0b101: the entry of level 1 is stale.
    let mut slots = vec![(message_root, sides.wrapping_add(1))];
    for (chain, batches) in [(ERA, 1..=5), (ChainId(8), 30..=30)] {
        let diamond = Layer::diamond(chain);
        // The search finds the same batches whether it starts above or below a batch that does not exist.
        slots.push((diamond, 11.into()));
        slots.push((diamond, mapping_value(99.into(), 15.into())));
        let (roots, v31) = (mapping_value(chain.to_word(), 12.into()), (message_root, 11));
        if storage.contains_key(&(v31.0, mapping_value(chain.to_word(), v31.1.into()))) {
            // v31 stores a batch root in two slots, and one of them is sufficient.
            slots.push((message_root, mapping_value(chain.to_word(), 11.into())));
            slots.push((BRIDGEHUB, mapping_value(chain.to_word(), 210.into())));
            for batch in batches {
                slots.push((message_root, mapping_value(batch.into(), roots)));
                slots.push((diamond, mapping_value(batch.into(), 15.into())));
            }
        }
    }
    // The newest trees do not depend on roots of older blocks.
    slots.push((message_root, mapping_value(1.into(), 9.into())));
    // `interopRootLogId` and `lastEmitBlock`: without them, the roots by block are found by a search.
    slots.extend([13, 14].map(|slot| (message_root, Word::from(slot))));
    slots
}

/// In release v31, L1's MessageRoot has batch roots but empty chain trees.
#[test]
fn l1_of_v31_has_empty_chain_trees() {
    let mut layer = Layer::new(Layout::V31, ChainId(1));
    layer.add_chain(GATEWAY);
    let mut storage = layer.storage();
    let roots = mapping_value(GATEWAY.to_word(), 12.into());
    storage.insert((MESSAGE_ROOT, mapping_value(GATEWAY.to_word(), 11.into())), 2000.into());
    storage.insert((MESSAGE_ROOT, mapping_value(2000.into(), roots)), keccak256(b"root").into());
    let forest = rebuild(&layer.state_of(&storage), &RebuildOptions::default()).unwrap();
    assert!(forest.chain(GATEWAY).unwrap().batches().is_empty());
}

/// If the newest root is missing, the root before it, which has fewer chains, must not be taken for the
/// newest.
#[test]
fn older_root_is_not_taken_for_the_newest() {
    for layout in [Layout::V29, Layout::V31] {
        let mut layer = Layer::new(layout, GATEWAY);
        layer.add_chain(ERA);
        execute(&mut layer, 1, 1);
        layer.set_block(2);
        layer.add_chain(ChainId(8));
        if layout == Layout::V29 {
            execute(&mut layer, 2, 1);
        }
        let mut storage = layer.storage();
        rebuild(&layer.state_of(&storage), &RebuildOptions::default()).unwrap();
        storage.remove(&(MESSAGE_ROOT, mapping_value(2.into(), 9.into())));
        let error = rebuild(&layer.state_of(&storage), &RebuildOptions::default()).unwrap_err();
        match layout {
            Layout::V31 => assert!(matches!(error, RebuildError::LostRoot(SlBlock(2))), "{error}"),
            _ => assert!(matches!(error, RebuildError::InteropRoot { .. }), "{error}"),
        }
    }
}

/// A MessageRoot behind a proxy has slots that are not variables of MessageRoot.
#[test]
fn proxy_slots_are_not_taken_for_roots() {
    let mut layer = Layer::new(Layout::V26, GATEWAY);
    layer.add_chain(ERA);
    execute(&mut layer, 1, 1);
    let mut storage = layer.storage();
    let implementation = keccak256(b"eip1967.proxy.implementation");
    storage.insert((MESSAGE_ROOT, implementation.into()), Address::system(5).to_word());
    let forest = rebuild(&layer.state_of(&storage), &RebuildOptions::default()).unwrap();
    assert_eq!((forest.layout(), forest.latest()), (Layout::V26, None));
}

/// An unknown release is refused, and a given one is used unless the state contradicts it.
#[test]
fn given_release_overrides_detection() {
    assert!("v99".parse::<Release>().is_err());
    let state = read_state(&fixture("gateway-v28/state.anvil.json"), None).unwrap().state;
    let options = RebuildOptions { release: Some(Release::V28), ..RebuildOptions::default() };
    assert_eq!(rebuild(&state, &options).unwrap().layout(), Layout::V26);
    let options = RebuildOptions { release: Some(Release::V29), ..RebuildOptions::default() };
    let error = rebuild(&state, &options).unwrap_err();
    assert!(matches!(error, RebuildError::OtherRelease { .. }), "{error}");
    let state = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap().state;
    for release in [Release::V28, Release::V31] {
        let options = RebuildOptions { release: Some(release), ..RebuildOptions::default() };
        let error = rebuild(&state, &options).unwrap_err();
        assert!(matches!(error, RebuildError::OtherRelease { .. }), "{error}");
    }
}

#[test]
fn a_given_block_must_not_contradict_the_dump() {
    let options =
        |block| RebuildOptions { last_block: Some(SlBlock(block)), ..RebuildOptions::default() };
    let stated = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap().state;
    assert!(matches!(rebuild(&stated, &options(10)), Err(RebuildError::OtherBlock { .. })));
    let unstated = read_state(&fixture("gateway-v29/geth.dump.json.gz"), None).unwrap().state;
    assert!(matches!(rebuild(&unstated, &options(10)), Err(RebuildError::NoHistoricalRoot { .. })));
    assert!(matches!(rebuild(&unstated, &options(150)), Err(RebuildError::InteropRoot { .. })));
    assert!(rebuild(&unstated, &options(245)).is_ok());
}

#[test]
fn another_settlement_layer_and_other_addresses_are_refused() {
    let state = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap().state;
    let options = RebuildOptions { sl_chain: Some(ChainId(9)), ..RebuildOptions::default() };
    let error = rebuild(&state, &options).unwrap_err();
    assert!(matches!(error, RebuildError::OtherSettlementLayer { found: GATEWAY, .. }));
    let addresses = Addresses { bridgehub: Address::system(1), ..Addresses::default() };
    let options = RebuildOptions { addresses, ..RebuildOptions::default() };
    assert!(matches!(rebuild(&state, &options), Err(RebuildError::NoDiamond { .. })));
    let addresses = Addresses { message_root: Address::system(1), ..Addresses::default() };
    let options = RebuildOptions { addresses, ..RebuildOptions::default() };
    assert!(matches!(rebuild(&state, &options), Err(RebuildError::NoMessageRoot(_))));
}

/// The contract counts its roots since v31, so it is seen that one is lost. Then a later root is called the first with a
/// batch only if no root can be between it and the one before, or if it has the timestamp of the batch.
#[test]
fn a_lost_root_is_not_passed_over() {
    for (layout, first) in [
        (Layout::V31, [Some(2), None, None, Some(7), None]),
        (Layout::V33, [Some(2), None, Some(6), Some(7), Some(9)]),
    ] {
        let mut layer = Layer::new(layout, GATEWAY);
        layer.add_chain(ERA);
        for (batch, block) in [(1, 2), (2, 5), (3, 6), (4, 7), (5, 9)] {
            layer.set_block(block);
            execute(&mut layer, 1, batch);
        }
        let mut storage = layer.storage();
        let addresses = Addresses::default();
        let events = EventList::new();
        let history = |storage: &Storage| {
            let state = layer.state_of(storage);
            let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
            let budget = SearchBudget::default();
            (explain(&state, addresses, &forest, &events, budget).unwrap(), forest, state)
        };
        let firsts = |timeline: &Timeline, forest: &Forest| {
            let tree = forest.chain(ERA).unwrap();
            let block = |leaf| Some(timeline.root(timeline.first(tree, leaf)?).block.0);
            [0, 1, 2, 3, 4].map(block)
        };
        let (timeline, forest, _) = history(&storage);
        assert_eq!(timeline.history().lost, 0);
        assert_eq!(firsts(&timeline, &forest), [2, 5, 6, 7, 9].map(Some));
        storage.remove(&(MESSAGE_ROOT, mapping_value(5.into(), 9.into()))).unwrap();
        let (timeline, forest, state) = history(&storage);
        assert_eq!((timeline.history().len(), timeline.history().lost), (5, 1));
        assert_eq!(firsts(&timeline, &forest), first);
        assert_eq!(timeline.first_within(1, 1), Some(SlBlock(3)..=SlBlock(6)));
        // A tree file says the same.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lost.sltree");
        for past in [None, Some(HistoryOptions { events: &events, effort: None })] {
            rebuild_to_file(&state, &RebuildOptions::default(), past, &path).unwrap();
            let file = TreeFile::open(&path, Access::Map).unwrap();
            file.check().unwrap();
            assert_eq!(file.roots(), (6, if past.is_some() { 5 } else { 0 }));
            assert_eq!((file.lost(), file.history().unwrap().lost), (1, 1));
            assert_eq!(file.history_of(1, 3).unwrap(), None);
        }
        let file = TreeFile::open(&path, Access::Map).unwrap();
        let timeline = Timeline::new(file.forest(), file.history().unwrap()).unwrap();
        assert_eq!(firsts(&timeline, file.forest()), first);
        assert!(file.history_at(SlBlock(6)).unwrap().is_some());
    }
}
