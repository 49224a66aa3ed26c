//! Every dump form of every release gives the roots that the contracts answered.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;

use serde_json::Value;
use slproof::{
    contracts::Layout,
    forest::{Forest, RebuildOptions, rebuild},
    import::{Format, read_state},
    primitives::{ChainId, Hash, SlBlock},
};
use support::fixture;

fn forest(path: &Path) -> Forest {
    let dump = read_state(path, None).unwrap();
    rebuild(&dump.state, &RebuildOptions::default()).unwrap()
}

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn check(forest: &Forest, roots: &Value) {
    assert_eq!(forest.sl_chain(), ChainId(roots["slChainId"].as_u64().unwrap()));
    assert_eq!(forest.root(), hash(&roots["aggregatedRoot"]));
    assert_eq!(forest.chains().len() as u64, roots["chainCount"].as_u64().unwrap());
    for (tree, chain) in forest.chains().iter().zip(roots["chains"].as_array().unwrap()) {
        assert_eq!(tree.chain(), ChainId(chain["chainId"].as_u64().unwrap()));
        assert_eq!(tree.root(), hash(&chain["chainRoot"]), "chain {}", tree.chain());
        assert_eq!(tree.batches().len() as u64, chain["batches"].as_u64().unwrap());
        if let Some(first) = tree.batches().first() {
            assert_eq!(Some(first.0), chain["firstBatch"].as_u64());
        }
    }
    let newest = roots["historicalRoot"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(block, root)| (SlBlock(block.parse().unwrap()), hash(root)))
        .max();
    assert_eq!(forest.latest().map(|latest| (latest.block, latest.root)), newest);
}

#[test]
fn every_dump_form_gives_the_contracts_roots() {
    for (folder, layout) in [("gateway-v29", Layout::V29), ("gateway-v31", Layout::V31)] {
        let roots = support::json(&format!("{folder}/roots.json"));
        for file in support::STATE_DUMPS {
            let forest = forest(&fixture(&format!("{folder}/{file}")));
            assert_eq!(forest.layout(), layout, "{folder}/{file}");
            check(&forest, &roots);
        }
    }
}

#[test]
fn v28_keeps_no_roots_by_block() {
    let forest = forest(&fixture("gateway-v28/state.anvil.json"));
    assert_eq!(forest.layout(), Layout::V26);
    check(&forest, &support::json("gateway-v28/roots.json"));
    assert_eq!(forest.latest(), None);
}

#[test]
fn formats_are_told_apart_by_content() {
    for (file, format) in [
        ("state.anvil.json", Format::Anvil),
        ("anvil_dumpState.rpc.json", Format::Anvil),
        ("geth.dump.json.gz", Format::Geth),
        ("geth.dump.iterative.jsonl.gz", Format::Geth),
        ("geth.dump.iterative.no-addr-preimage.jsonl.gz", Format::Geth),
    ] {
        let dump = read_state(&fixture(&format!("gateway-v29/{file}")), None).unwrap();
        assert_eq!(dump.format, format, "{file}");
    }
}
