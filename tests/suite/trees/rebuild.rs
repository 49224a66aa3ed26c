//! The rebuild of every dump of every release gives the roots that the contracts returned.

use std::{io::Cursor, path::Path};

use crate::support::{self, fixture};
use serde_json::Value;
use slproof::{
    contracts::Layout,
    files::Input,
    forest::{Forest, RebuildError, RebuildOptions, rebuild},
    ingest::state::{Format, Import, read_state},
    keccak::keccak256,
    primitives::{ChainId, Hash, SlBlock},
};

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
        assert_eq!(tree.batches().len(), chain["batches"].as_u64().unwrap());
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

/// A value in RLP (Ethereum yellow paper, appendix B): a single byte below 0x80 is encoded as itself, other
/// values as 0x80 plus the length, followed by the bytes without leading zeros.
fn rlp(digits: &str) -> String {
    let bytes = const_hex::decode(digits).unwrap();
    match bytes[..] {
        [byte] if byte < 0x80 => digits.to_owned(),
        _ => format!("{:02x}{digits}", 0x80 + bytes.len()),
    }
}

/// `geth snapshot dump` of the same state, which has only the hashes of accounts and slots.
fn snapshot_dump(folder: &str) -> String {
    let dump = support::json(&format!("{folder}/geth.dump.json.gz"));
    let mut lines = format!("{{\"root\":\"0x{}\"}}\n", dump["root"].as_str().unwrap());
    for account in dump["accounts"].as_object().unwrap().values() {
        let mut line = serde_json::json!({
            "balance": account["balance"], "nonce": account["nonce"], "root": account["root"],
            "codeHash": account["codeHash"], "key": account["key"],
        });
        let slots: serde_json::Map<String, Value> = account["storage"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(slot, value)| {
                let slot: Hash = slot.parse().unwrap();
                (keccak256(slot.as_bytes()).to_string(), rlp(value.as_str().unwrap()).into())
            })
            .collect();
        if !slots.is_empty() {
            line["storage"] = slots.into();
        }
        lines.push_str(&format!("{line}\n"));
    }
    lines
}

#[test]
fn hashed_snapshot_dumps_give_the_same_roots() {
    for folder in ["gateway-v29", "gateway-v31"] {
        let input = Input::from_reader("dump", Cursor::new(snapshot_dump(folder))).unwrap();
        let dump = Import::default().read_input(input).unwrap();
        assert_eq!(dump.format, Format::GethSnapshot);
        let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
        check(&forest, &support::json(&format!("{folder}/roots.json")));
    }
}

#[test]
fn a_dump_in_the_answer_of_a_node_is_unwrapped() {
    let dump = String::from_utf8(support::read("gateway-v29/geth.dump.json.gz")).unwrap();
    let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{dump}}}");
    let input = Input::from_reader("answer", Cursor::new(answer)).unwrap();
    let dump = Import::default().read_input(input).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    check(&forest, &support::json("gateway-v29/roots.json"));
}

#[test]
fn trees_that_are_too_large_for_memory_are_refused() {
    let dump = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap();
    let rebuild = |most_in_memory| {
        rebuild(&dump.state, &RebuildOptions { most_in_memory, ..RebuildOptions::default() })
    };
    let refused = rebuild(100).unwrap_err();
    let RebuildError::TooLargeForMemory { hashes, limit: 100 } = refused else {
        panic!("{refused}")
    };
    assert!(refused.to_string().contains("A tree file has no such limit"), "{refused}");
    assert!(rebuild(hashes - 1).is_err() && rebuild(hashes).is_ok());
}

#[test]
fn v28_keeps_no_roots_by_block() {
    let forest = forest(&fixture("gateway-v28/state.anvil.json"));
    assert_eq!(forest.layout(), Layout::V26);
    check(&forest, &support::json("gateway-v28/roots.json"));
    assert_eq!(forest.latest(), None);
}

#[test]
fn formats_are_detected_by_content() {
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
