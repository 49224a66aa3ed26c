//! Later runs of `publish`: what is new, what stays, and what an interrupted run left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use slproof::{
    contracts::{MessageRoot, system::MESSAGE_ROOT},
    keccak::keccak256,
    primitives::SlBlock,
    snapshot::Snapshot,
};

use super::published::{
    index, large_part, made, manifest, prove, publish, serve_files, small, verified,
};
use crate::support::{
    binary::{Run, run},
    fixture, json, json_lines,
    server::{Gateway, RECORDED},
    vectors,
    withdrawals::BRIDGEHUB,
};

/// A second run changes only what is new; files of batches stay as they are.
#[test]
fn a_later_run_adds_what_is_new() {
    let gateway = Gateway::new("gateway-v29");
    let all = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    let some: String = all.lines().take(20).map(|line| format!("{line}\n")).collect();
    index(&gateway, &some);
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    let files = |name: &str| fs::metadata(gateway.path(name)).unwrap().modified().unwrap();
    let first = &before["chains"][0];
    let list =
        fs::read_to_string(gateway.path("site").join(first["list"].as_str().unwrap())).unwrap();
    let batch = list.split(' ').next().unwrap();
    let name = format!("site/batches/{}/{batch}.json", first["chainId"]);
    let written = files(&name);
    // Nothing is new.
    publish(&gateway, &[]);
    assert_eq!(manifest(&gateway), before);
    // The archive grows.
    index(&gateway, &all);
    publish(&gateway, &[]);
    assert_ne!(manifest(&gateway), before);
    assert_eq!(files(&name), written);
    assert_eq!(verified(&gateway).code, Some(0));
    // An archive without what was published is refused.
    index(&gateway, &some);
    let refused = publish(&gateway, &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert_eq!(verified(&gateway).code, Some(0));
}

/// Messages and hashes of transactions that were published do not get lost.
#[test]
fn a_later_run_drops_nothing() {
    let (gateway, text) = small();
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    for (member, what) in [("transactions", "hashes of transactions"), ("messages", "messages")] {
        let lines = text.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove(member);
            if member == "messages" {
                line[member] = json!([]);
            }
            format!("{line}\n")
        });
        index(&gateway, &lines.collect::<String>());
        let refused = publish(&gateway, &[]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(what), "{}", refused.stderr);
        assert_eq!(manifest(&gateway), before);
        assert_eq!(verified(&gateway).code, Some(0));
    }
}

/// The lines of an archive without the hashes of transactions.
fn without_transactions(lines: &str) -> String {
    let without = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("transactions");
        format!("{line}\n")
    });
    without.collect()
}

/// What a state of L1 says of the proofs: a later run with a state of L1 judges anew, and one without keeps it.
#[test]
fn what_l1_says_is_published() {
    let (gateway, text) = small();
    index(&gateway, &without_transactions(&text));
    let targets = || -> Vec<Value> {
        let folder = gateway.path("site/batches/324");
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let file =
            |path: &PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let all = files.iter().map(file).filter(|file| file["targets"].is_object());
        all.map(|file| file["targets"].clone()).collect()
    };
    publish(&gateway, &[]);
    assert!(targets().iter().all(|of| of["l1BatchRoot"].get("l1").is_none()));
    let l1 = fixture("gateway-v29/l1.state.anvil.json");
    let anchor = ["--anchor", l1.to_str().unwrap(), "--anchor-bridgehub", BRIDGEHUB];
    let published = publish(&gateway, &anchor);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    let with_l1 = targets();
    assert!(with_l1.len() > 1);
    for of in &with_l1 {
        let l1 = &of["l1BatchRoot"]["l1"];
        assert_eq!(l1["valid"], true, "{of}");
        assert!(
            l1["anchor"].as_str().unwrap().starts_with("l2LogsRootHashes of diamond 0x"),
            "{l1}"
        );
        assert!(of["messageRoot"].get("l1").is_none(), "{of}");
    }
    // A file that is written again without a state of L1 keeps what was said.
    index(&gateway, &text);
    let again = publish(&gateway, &[]);
    assert!(!again.stderr.contains("of which 0 are new"), "{}", again.stderr);
    assert_eq!(targets(), with_l1);
    // The same state says the same.
    let again = publish(&gateway, &anchor);
    assert!(again.stderr.contains("of which 0 are new"), "{}", again.stderr);
    assert_eq!(targets(), with_l1);
    // Bridgehub no longer lists the settlement layer.
    let mut delisted = json("gateway-v29/l1.state.anvil.json");
    let word = |number: u64| vectors::unhex(&json!(format!("0x{number:064x}")));
    let slot = keccak256(&[word(506), word(217)].concat()).to_string();
    assert!(!delisted["accounts"][BRIDGEHUB]["storage"][&slot].is_null());
    delisted["accounts"][BRIDGEHUB]["storage"][&slot] = json!(format!("0x{:064x}", 0));
    let state = gateway.path("delisted.json");
    fs::write(&state, delisted.to_string()).unwrap();
    let mut later = anchor;
    later[1] = state.to_str().unwrap();
    publish(&gateway, &later);
    for (of, before) in targets().iter().zip(&with_l1) {
        assert_eq!(of["l1BatchRoot"]["l1"]["valid"], false, "{of}");
        assert_eq!(of["l1BatchRoot"]["tail"], before["l1BatchRoot"]["tail"]);
    }
    publish(&gateway, &anchor);
    assert_eq!(targets(), with_l1);
    // Nobody vouches for what a file says that is not the listed one.
    let file = gateway.path("site/batches/324/501234.json");
    let content: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    fs::write(&file, serde_json::to_vec_pretty(&content).unwrap()).unwrap();
    publish(&gateway, &[]);
    let said = |of: &&Value| !of["l1BatchRoot"]["l1"].is_null();
    assert_eq!(targets().iter().filter(said).count(), with_l1.len() - 1);
    assert_eq!(verified(&gateway).code, Some(0));
}

/// Batches without a proof to L1 are published with the other one, and again when there is one.
#[test]
fn a_partial_batch_is_completed_later() {
    let gateway = Gateway::new("gateway-v29");
    let states = || {
        let manifest = manifest(&gateway);
        let list = manifest["chains"][0]["list"].as_str().unwrap();
        let text = fs::read_to_string(gateway.path("site").join(list)).unwrap();
        text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(publish_without_l1(&gateway, None).code, Some(0));
    assert!(states().iter().all(|state| state == "partial"), "{:?}", states());
    assert_eq!(verified(&gateway).code, Some(0));
    // The same again writes no file of a batch.
    let again = publish_without_l1(&gateway, None);
    assert!(again.stderr.contains("of which 0 are new or written again"), "{}", again.stderr);
    // Trees of another history have other roots of the blocks to which the proofs lead.
    let before = manifest(&gateway);
    let other = Gateway::new("gateway-v31");
    let tree = other.path("gateway.sltree").to_str().unwrap().to_owned();
    let refused = publish_without_l1(&gateway, Some(&tree));
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("of another history"), "{}", refused.stderr);
    assert_eq!(manifest(&gateway), before);
    assert_eq!(verified(&gateway).code, Some(0));
    publish(&gateway, &[]);
    assert!(states().iter().all(|state| state == "whole"), "{:?}", states());
    assert_eq!(verified(&gateway).code, Some(0));
}

/// A run with trees that know an earlier root than those of the run before corrects what is published, and the other way
/// round it stays.
#[test]
fn a_later_run_corrects_the_first_root() {
    let gateway = Gateway::new("gateway-v29");
    let all = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    let is_wanted =
        |line: &&str| line.contains("\"chainId\":9,") || line.contains("\"chainId\":61166,");
    let some: String = all.lines().filter(is_wanted).map(|line| format!("{line}\n")).collect();
    index(&gateway, &some);
    // The root of the block that executed these batches is lost.
    let mut state = json("gateway-v29/state.anvil.json");
    let message_root = MESSAGE_ROOT.to_string();
    let slot = MessageRoot::<Snapshot>::historical_root_slots(&[SlBlock(155)])[0].to_string();
    let storage = state["accounts"][message_root]["storage"].as_object_mut().unwrap();
    assert!(storage.remove(&slot).is_some());
    let lost = gateway.path("lost.json");
    fs::write(&lost, state.to_string()).unwrap();
    let publish_with = |tree: &Path, site: &str| {
        let mut flags = gateway.flags();
        flags[1] = tree.to_str().unwrap().to_owned();
        let site = gateway.path(site).to_str().unwrap().to_owned();
        let published = run(["publish".to_owned(), "-o".to_owned(), site].into_iter().chain(flags));
        assert_eq!(published.code, Some(0), "{}", published.stderr);
    };
    let targets = |site: &str| {
        let file = gateway.path(site).join("batches/9/41.json");
        let file: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let of = |name: &str| {
            let shared = &file["targets"][name];
            [&shared["target"]["number"], &shared["gatewayBlockNumber"]].map(Value::as_u64)
        };
        [of("l1BatchRoot"), of("messageRoot")]
    };
    publish_with(&lost, "site");
    // The SL batch before the one of block 156 does not lead to its root, so the executing one is not known.
    assert_eq!(targets("site"), [[None, None], [Some(156), Some(156)]]);
    let whole = gateway.path("gateway.sltree");
    publish_with(&whole, "site");
    let expected = &json_lines("gateway-v29/proofs_l1.jsonl.gz");
    let expected = expected.iter().find(|line| line["chainId"] == 9 && line["batchNumber"] == 41);
    let expected = &expected.unwrap()["target"];
    let [sl_batch, block] = ["slBatch", "lastBlock"].map(|name| expected[name].as_u64());
    assert_eq!(targets("site"), [[sl_batch, block], [block, block]]);
    publish_with(&lost, "site");
    publish_with(&whole, "fresh");
    let manifest = |site: &str| fs::read(gateway.path(site).join("manifest.json")).unwrap();
    assert_eq!(targets("site"), targets("fresh"));
    publish_with(&whole, "site");
    assert_eq!(manifest("site"), manifest("fresh"));
}

/// Batches that were published without hashes of transactions get them, and keep the proofs that this run cannot make.
#[test]
fn a_later_run_adds_hashes_of_transactions() {
    let gateway = Gateway::new("gateway-v29");
    let with = fs::read(gateway.path("gateway.slmsg")).unwrap();
    let all = fs::read_to_string(gateway.path("logs.jsonl")).unwrap();
    let (logs, archive) = (gateway.path("without.jsonl"), gateway.path("gateway.slmsg"));
    fs::write(&logs, without_transactions(&all)).unwrap();
    let indexed = run(["index", logs.to_str().unwrap(), "-o", archive.to_str().unwrap()]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    publish(&gateway, &[]);
    let part = large_part(&gateway.path("site/batches"));
    let file = PathBuf::from(part.to_str().unwrap().replace(".1.json", ".json"));
    let before = [gateway.path("site/manifest.json"), file.clone()]
        .map(|path| (fs::read(&path).unwrap(), path));
    fs::write(&archive, with).unwrap();
    assert_eq!(publish_without_l1(&gateway, None).code, Some(0));
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let mut expected =
        prove(&gateway, &["--tx", RECORDED, "--target", "sl-batch:first", "--format", "ndjson"]);
    let (mut lines, _) = made(&serve_files(&gateway.path("site")), RECORDED, "l1BatchRoot");
    expected.sort();
    lines.sort();
    assert!(!lines.is_empty());
    assert_eq!(lines, expected);
    // An interrupted run replaced the parts of a batch, but not its file; power failed while it wrote one of them.
    let complete = fs::read(&file).unwrap();
    for (bytes, path) in before {
        fs::write(path, bytes).unwrap();
    }
    fs::write(&part, "").unwrap();
    assert_eq!(publish_without_l1(&gateway, None).code, Some(0));
    assert_eq!(fs::read(&file).unwrap(), complete);
    assert_eq!(verified(&gateway).code, Some(0));
}

/// Publishes what the trees show without the batches of the settlement layer.
fn publish_without_l1(gateway: &Gateway, tree: Option<&str>) -> Run {
    let mut flags = gateway.flags();
    flags.truncate(4);
    if let Some(tree) = tree {
        flags[1] = tree.to_owned();
    }
    let site = gateway.path("site").to_str().unwrap().to_owned();
    run(["publish".to_owned(), "-o".to_owned(), site].into_iter().chain(flags))
}

/// A failure of power may leave empty files under names that have the digest of their content.
#[test]
fn files_of_an_interrupted_run_are_written_again() {
    let gateway = Gateway::new("gateway-v29");
    publish(&gateway, &[]);
    let before = manifest(&gateway);
    let site = gateway.path("site");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let index = site.join(text(&before["index"]));
    let messages = fs::read_dir(index.join("messages")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(site.join("manifest.json")).unwrap();
    fs::write(site.join("publish.lock"), "slproof publishes here\n").unwrap();
    for file in [
        messages,
        index.join("hashes.txt"),
        site.join(text(&before["roots"])),
        site.join(text(&before["chains"][0]["list"])),
    ] {
        fs::write(file, "").unwrap();
    }
    publish(&gateway, &[]);
    assert_eq!(manifest(&gateway), before);
    let checked = verified(&gateway);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

/// A run that was interrupted may leave files of batches that are not listed yet. Their proofs are kept if they hold.
#[test]
fn proofs_of_an_interrupted_run_are_kept() {
    let (gateway, _) = small();
    publish(&gateway, &[]);
    let file = gateway.path("site/batches/324/501234.json");
    let read = || -> Value { serde_json::from_slice(&fs::read(&file).unwrap()).unwrap() };
    let good = read();
    assert!(good["targets"]["l1BatchRoot"]["tail"].is_array());
    let mut damaged = good.clone();
    damaged["targets"]["l1BatchRoot"]["tail"][0] = good["root"].clone();
    let is_partial = |of: &Value| of["targets"]["l1BatchRoot"]["code"].is_string();
    for (left, holds) in [(&good, true), (&damaged, false)] {
        // The same content with spaces has another hash.
        fs::write(&file, serde_json::to_vec_pretty(left).unwrap()).unwrap();
        assert_eq!(publish_without_l1(&gateway, None).code, Some(0));
        assert_eq!(is_partial(&read()), !holds);
        assert_eq!(verified(&gateway).code, Some(0));
    }
}
