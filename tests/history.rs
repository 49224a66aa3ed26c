//! What every root contains, against what the contracts' events say.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use slproof::{
    contracts::system::MESSAGE_ROOT,
    forest::{Addresses, Effort, Forest, RebuildOptions, Timeline, explain, rebuild},
    import::{Dump, read_events, read_state},
    primitives::{BatchNumber, ChainId, SlBlock},
};
use support::{fixture, json_lines};

const FOLDERS: [&str; 2] = ["gateway-v29", "gateway-v31"];

fn forest(path: &str) -> (Dump, Forest) {
    let dump = read_state(&fixture(path), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    (dump, forest)
}

/// By block with a root: the chains registered, and the batches of each, when the root was filed.
type Truth = BTreeMap<u64, (u64, BTreeMap<u64, Vec<u64>>)>;

/// Follows the events one by one.
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

fn check(folder: &str, forest: &Forest, timeline: &Timeline) {
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
            let found = &tree.batches()[..count.unwrap_or(0) as usize];
            let expected: Vec<BatchNumber> = expected.iter().copied().map(BatchNumber).collect();
            assert_eq!(found, expected, "{folder}, block {block}, chain {}", tree.chain());
        }
    }
    // The first root with a batch is that of the block that the event names.
    for event in json_lines(&format!("{folder}/events.jsonl.gz")) {
        if event["event"] == "AppendedChainBatchRoot" {
            let tree = forest.chain(ChainId(event["chainId"].as_u64().unwrap())).unwrap();
            let batch = BatchNumber(event["batchNumber"].as_u64().unwrap());
            let first = timeline.first(tree.index(), tree.find(batch).unwrap().0).unwrap();
            assert_eq!(Some(timeline.root(first).block.0), event["blockNumber"].as_u64());
        }
    }
}

#[test]
fn every_root_is_explained_from_the_state_alone() {
    for folder in FOLDERS {
        let (dump, forest) = forest(&format!("{folder}/state.anvil.json"));
        let timeline =
            explain(&dump.state, Addresses::default(), &forest, &[], Effort::default()).unwrap();
        check(folder, &forest, &timeline);
    }
}

#[test]
fn every_root_is_explained_by_events() {
    for folder in FOLDERS {
        let (dump, forest) = forest(&format!("{folder}/state.anvil.json"));
        let events =
            read_events(&fixture(&format!("{folder}/events.jsonl.gz")), MESSAGE_ROOT).unwrap();
        // Without any search.
        let effort = Effort { step: 0, walk: 0 };
        let timeline =
            explain(&dump.state, Addresses::default(), &forest, &events, effort).unwrap();
        check(folder, &forest, &timeline);
    }
}
