//! The history depends only on the input: it is the same for any number of threads and any timing.

use std::{collections::BTreeMap, thread, time::Duration};

use crate::support::{fixture, layer::Layer};
use slproof::{
    contracts::{Layout, system::MESSAGE_ROOT},
    forest::{
        Addresses, Forest, History, RebuildOptions, SearchBudget, explain, explain_further, rebuild,
    },
    ingest::{
        events::{EventList, read_events},
        state::read_state,
    },
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, SlBlock, Word},
    snapshot::Snapshot,
    state::slots::mapping_value,
};

const THREADS: [usize; 4] = [1, 2, 3, 8];

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn searched(state: &Snapshot, forest: &Forest, effort: SearchBudget) -> History {
    explain(state, Addresses::default(), forest, &EventList::new(), effort)
        .unwrap()
        .history()
        .clone()
}

/// Asserts that repeated searches in pools of several sizes give the same history. A thread of each pool sleeps
/// for a while, so that the timing differs.
fn is_always(
    expected: &History,
    state: &Snapshot,
    forest: &Forest,
    effort: SearchBudget,
    times: u64,
) {
    for threads in THREADS {
        let pool = pool(threads);
        for time in 0..times {
            let delay = Duration::from_micros(time % 50 * 20);
            let (found, ()) =
                pool.join(|| searched(state, forest, effort), || thread::sleep(delay));
            assert!(found == *expected, "search {time} with {threads} threads differs");
        }
    }
}

#[test]
fn every_search_agrees_with_the_events() {
    for (folder, times) in [("gateway-v29", 20), ("gateway-v31", 20), ("gateway-v29-to-v31", 100)] {
        let state =
            read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap().state;
        let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
        let path = fixture(&format!("{folder}/events.jsonl.gz"));
        let events = read_events(&[path], MESSAGE_ROOT).unwrap();
        let unsearched = SearchBudget { step: 0, walk: 0 };
        let stated = explain(&state, Addresses::default(), &forest, &events, unsearched).unwrap();
        let stated = stated.history();
        assert_eq!(stated.unexplained().next(), None);
        is_always(stated, &state, &forest, SearchBudget::default(), times);
    }
}

/// The searches of the settlement layers of the fixtures, 5,000 of each in this process.
#[test]
#[ignore = "takes minutes; .ci/full runs it"]
fn thousands_of_searches_find_the_same() {
    for folder in ["gateway-v29-to-v31", "gateway-v31", "gateway-v29"] {
        let state =
            read_state(&fixture(&format!("{folder}/state.anvil.json")), None).unwrap().state;
        let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
        let expected = searched(&state, &forest, SearchBudget::default());
        let roots = expected.len();
        let unknown = History {
            blocks: expected.blocks.clone(),
            roots: expected.roots.clone(),
            chains: vec![0; roots],
            ends: vec![0; roots],
            ..History::default()
        };
        for threads in THREADS {
            let pool = pool(threads);
            for time in 0..5_000 / THREADS.len() as u64 {
                let delay = Duration::from_micros(time % 50 * 20);
                let search = || {
                    explain_further(
                        &forest,
                        unknown.clone(),
                        &EventList::new(),
                        SearchBudget::default(),
                    )
                };
                let (found, ()) = pool.join(search, || thread::sleep(delay));
                let same = *found.unwrap().history() == expected;
                assert!(same, "{folder}: search {time} with {threads} threads differs");
            }
        }
    }
}

/// A layer on which the walk up ends at block 2, because block 3 has too many changes.
fn stuck(layout: Layout) -> Layer {
    let mut layer = Layer::new(layout, ChainId(506));
    layer.set_block(2);
    for chain in 1..=40 {
        layer.add_chain(ChainId(chain));
    }
    for index in (1..40).step_by(2) {
        append(&mut layer, 3, index, 3);
    }
    layer
}

fn append(layer: &mut Layer, block: u64, index: usize, batch: u64) {
    layer.set_block(block);
    layer.append(index, BatchNumber(batch), keccak256(&[index as u8, batch as u8]));
}

/// The walk down tries that a chain was not registered before it tries that the chain had no batches yet.
#[test]
fn a_root_that_a_walk_skipped_is_searched_again() {
    let mut layer = stuck(Layout::V31);
    layer.set_block(6);
    layer.add_chain(ChainId(41));
    for batch in 1..8 {
        append(&mut layer, 7, 41, batch);
    }
    for block in 8..30 {
        append(&mut layer, block, block as usize, block);
    }
    let state = layer.state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    let effort = SearchBudget { step: 1 << 18, walk: 1 << 20 };
    let found = searched(&state, &forest, effort);
    assert_eq!(found.unexplained().map(|root| found.blocks[root]).collect::<Vec<SlBlock>>(), []);
    is_always(&found, &state, &forest, effort, 1);
}

/// If the budget is used up, both walks end at the same roots every time.
#[test]
fn a_budget_that_is_used_up_gives_the_same_history_every_time() {
    let mut layer = stuck(Layout::V29);
    for block in 4..30 {
        append(&mut layer, block, block as usize, block);
    }
    for index in (1..40).step_by(2) {
        append(&mut layer, 30, index, 30);
    }
    append(&mut layer, 31, 1, 31);
    let state = layer.state();
    let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
    for walk in [1 << 8, 1 << 12, 1 << 16] {
        let effort = SearchBudget { step: walk, walk };
        let found = pool(1).install(|| searched(&state, &forest, effort));
        assert!(found.unexplained().next().is_some());
        is_always(&found, &state, &forest, effort, 5);
    }
}

/// A chain catches up with thousands of batches at once. Only one of the walks reaches that root, because the other one
/// ends at altered roots.
#[test]
fn thousands_of_batches_at_once_are_found_from_either_end() {
    for altered in [4..13, 15..24] {
        let mut layer = Layer::new(Layout::V29, ChainId(506));
        layer.set_block(2);
        (1..=3).for_each(|chain| layer.add_chain(ChainId(chain)));
        let (mut counts, mut truth) = ([0; 4], BTreeMap::new());
        for block in 3..30 {
            let (index, batches) = if block == 14 { (2, 2_500) } else { (1 + block % 3, 1) };
            for _ in 0..batches {
                counts[index] += 1;
                append(&mut layer, block as u64, index, counts[index]);
            }
            truth.insert(block as u64, counts);
        }
        let mut storage = layer.storage();
        for block in altered.clone() {
            let slot = mapping_value(Word::from(block), Word::from(9));
            storage.insert((MESSAGE_ROOT, slot), keccak256(b"altered").into());
        }
        let state = layer.state_of(&storage);
        let forest = rebuild(&state, &RebuildOptions::default()).unwrap();
        let effort = SearchBudget { step: 1 << 18, walk: 1 << 19 };
        let events = EventList::new();
        let timeline = explain(&state, Addresses::default(), &forest, &events, effort).unwrap();
        let history = timeline.history();
        let unexplained: Vec<u64> =
            history.unexplained().map(|root| history.blocks[root].0).collect();
        assert_eq!(unexplained, altered.clone().collect::<Vec<u64>>());
        for (block, counts) in truth.into_iter().filter(|(block, _)| !altered.contains(block)) {
            let at = timeline.at(SlBlock(block)).unwrap();
            let found = [0, 1, 2, 3].map(|chain| timeline.batches(chain, at).unwrap_or(0));
            assert_eq!(found, counts, "block {block}");
        }
        is_always(history, &state, &forest, effort, 1);
    }
}
