use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use slproof::primitives::{Address, Hash, Word};

use crate::support::{
    binary::{Run, run},
    fixture, json_lines,
    l1::{BRIDGEHUB, L1State, bridgehub, slot},
    state_tries::RECORDED,
};

const FOLDER: &str = "gateway-v29";
const GATEWAY: u64 = 506;
/// The numbers of the Gateway's batches in `gw_batches.jsonl`, and of all batches in the trees.
const SL_BATCHES: u64 = 30;
const BATCHES: u64 = 145;

struct Case {
    folder: tempfile::TempDir,
    l1: L1State,
}

impl Case {
    fn new() -> Self {
        let l1 = L1State::of_fixture(&format!("{FOLDER}/l1.state.anvil.json"));
        Self { folder: tempfile::tempdir().unwrap(), l1 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn rebuild(&self, rest: &[&str]) -> Run {
        let l1 = self.path("l1.json");
        self.l1.write(&l1);
        let anchor = ["--anchor", l1.to_str().unwrap()];
        rebuild(&[&anchor[..], rest].concat())
    }

    /// With the Gateway's own batches.
    fn compare(&self, rest: &[&str]) -> Run {
        let batches = sl_batches();
        self.rebuild(&[&["--sl-batches", &batches], rest].concat())
    }

    fn diamond(&self, chain: u64) -> Address {
        Address::from_word(self.l1.word(bridgehub(), slot(210, &[chain.into()])))
    }

    /// Changes the root of a batch in a diamond.
    fn set_root(&mut self, chain: u64, batch: u64, root: impl Into<Word>) {
        let diamond = self.diamond(chain);
        self.l1.set(diamond, slot(15, &[batch.into()]), root);
    }
}

fn file(name: &str) -> String {
    fixture(&format!("{FOLDER}/{name}")).to_str().unwrap().to_owned()
}

fn sl_batches() -> String {
    file("gw_batches.jsonl")
}

fn rebuild(rest: &[&str]) -> Run {
    let state = file("state.anvil.json");
    run([&["rebuild", &state, "--anchor-bridgehub", BRIDGEHUB, "--json"], rest].concat())
}

fn compared(made: &Run) -> Value {
    let result: Value = serde_json::from_str(&made.stdout).unwrap();
    result["l1"].clone()
}

fn counts(equal: u64, not_stored: u64, unknown: u64) -> Value {
    json!({ "equal": equal, "notStored": not_stored, "unknown": unknown })
}

/// Every batch of the Gateway that L1 executed leads to the root there. Batches of chains were executed on the
/// Gateway only.
#[test]
fn the_trees_lead_to_every_root_that_l1_stores() {
    let mut case = Case::new();
    let made = case.compare(&[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let first = compared(&made);
    assert_eq!(first["batches"], counts(0, BATCHES, 0));
    let own = &first["slBatches"];
    // Before the end of the first batch, no root by block was stored.
    assert_eq!(*own, counts(SL_BATCHES - 1, 0, 1));

    // A root that is not on L1 yet.
    let newest = first["newestSlBatch"].as_u64().unwrap();
    case.set_root(GATEWAY, newest, 0);
    let made = compared(&case.compare(&[]));
    assert_eq!(made["slBatches"], counts(SL_BATCHES - 2, 1, 1));
    assert_eq!(made["newestSlBatch"], newest - 1);

    // Without the Gateway's batches, L1 stores nothing to compare with.
    let made = case.rebuild(&[]);
    assert_eq!(made.code, Some(3), "{}", made.stderr);
    assert_eq!(
        compared(&made),
        json!({
            "batches": counts(0, BATCHES, 0), "slBatches": null, "newestSlBatch": null,
        })
    );
}

#[test]
fn a_root_that_differs_is_named_and_no_tree_file_is_left() {
    let mut case = Case::new();
    let newest = compared(&case.compare(&[]))["newestSlBatch"].as_u64().unwrap();
    case.set_root(GATEWAY, newest, 0xbad);
    let diamond = case.diamond(GATEWAY).to_string();
    let tree = case.path("gateway.sltree");
    let made = case.compare(&["-o", tree.to_str().unwrap()]);
    assert_eq!((made.code, made.stdout.as_str()), (Some(4), ""), "{}", made.stderr);
    assert_eq!(case.files(), ["l1.json"]);
    let error: Value = serde_json::from_str(&made.stderr).unwrap();
    assert_eq!(error["error"]["code"], "tree-differs", "{error}");
    let text = made.stderr;
    let stored = Word::from(0xbad).to_string();
    assert!(text.contains(&diamond) && text.contains(&stored), "{text}");
    assert!(text.contains(&format!("SL batch {newest}")), "{text}");
}

/// What was at the path of the output stays there if L1 has other roots, or if its state cannot be used.
#[test]
fn a_file_is_replaced_only_by_trees_that_l1_does_not_contradict() {
    let mut case = Case::new();
    let tree = case.path("gateway.sltree");
    let output = ["-o", tree.to_str().unwrap()];
    fs::write(&tree, "old").unwrap();
    let is_kept = |case: &Case, made: Run, code: i32| {
        assert_eq!(made.code, Some(code), "{}", made.stderr);
        assert_eq!(fs::read(&tree).unwrap(), b"old");
        assert_eq!(case.files(), ["gateway.sltree", "l1.json"]);
    };
    let newest = compared(&case.compare(&[]))["newestSlBatch"].as_u64().unwrap();
    let (l1, batches) = (case.path("l1.json"), sl_batches());
    let all = ["--anchor", l1.to_str().unwrap(), "--sl-batches", &batches];
    let all = [&all[..], &output].concat();

    fs::write(&l1, "{\"accounts\": damaged").unwrap();
    is_kept(&case, rebuild(&all), 3);
    // A state without the contracts of L1.
    let state = file("dest.state.anvil.json");
    let elsewhere = [&["--anchor", &state, "--sl-batches", &batches], &output[..]].concat();
    is_kept(&case, rebuild(&elsewhere), 3);

    let root = case.l1.word(case.diamond(GATEWAY), slot(15, &[newest.into()]));
    case.set_root(GATEWAY, newest, 0xbad);
    is_kept(&case, case.compare(&output), 4);

    case.set_root(GATEWAY, newest, root);
    let made = case.compare(&output);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(case.files(), ["gateway.sltree", "l1.json"]);
    let again = run(vec!["rebuild", tree.to_str().unwrap(), "--json"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

/// A chain's batch that L1 executed too: its root on L1 and in the trees.
#[test]
fn roots_of_chains_are_compared_where_l1_stores_them() {
    let (chain, batch) = (324, 501_234);
    let line = crate::support::json_lines(&format!("{FOLDER}/logs.jsonl.gz"))
        .into_iter()
        .find(|line| line["chainId"] == chain && line["batchNumber"] == batch)
        .unwrap();
    let root = Word::from_hex(line["chainBatchRoot"].as_str().unwrap()).unwrap();
    let mut case = Case::new();
    let diamond = case.diamond(chain);
    case.l1.set(diamond, Word::from(11), batch);
    case.set_root(chain, batch, root);
    let made = case.rebuild(&[]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(compared(&made)["batches"], counts(1, BATCHES - 1, 0));

    case.set_root(chain, batch, 0xbad);
    let made = case.rebuild(&[]);
    assert_eq!(made.code, Some(4), "{}", made.stderr);
    for part in [&root.to_string(), &Word::from(0xbad).to_string(), "501234", &diamond.to_string()]
    {
        assert!(made.stderr.contains(part), "{part}: {}", made.stderr);
    }
    // L1 reads a root only of a batch that it counts as executed.
    case.l1.set(diamond, Word::from(11), batch - 1);
    assert_eq!(compared(&case.rebuild(&[]))["batches"], counts(0, BATCHES, 0));
}

/// A slot that is not proven is unknown: it is not taken for a root that L1 does not store.
#[test]
fn slots_that_are_not_proven_are_unknown() {
    let (_, answers, trusted) = RECORDED[0];
    let answers = fixture(answers).to_str().unwrap().to_owned();
    let batches = sl_batches();
    let anchor = ["--anchor", &answers, "--trust-block", trusted, "--sl-batches", &batches];
    let made = rebuild(&anchor);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let found = compared(&made);
    assert_eq!(found["slBatches"], counts(1, 0, SL_BATCHES - 1), "{found}");
    let batches = &found["batches"];
    assert_eq!((&batches["equal"], batches["unknown"] != json!(0)), (&json!(0), true), "{batches}");
    let untrusted = rebuild(&anchor[..2]);
    assert_eq!(untrusted.code, Some(3), "{}", untrusted.stderr);
}

/// A tree file is compared as the evidence is, and a state that is not of L1 is refused.
#[test]
fn a_tree_file_is_compared_too() {
    let case = Case::new();
    let tree = case.path("gateway.sltree");
    let written = case.compare(&["--history", "-o", tree.to_str().unwrap()]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let (l1, batches) = (case.path("l1.json"), sl_batches());
    let mut args = vec!["rebuild", tree.to_str().unwrap(), "--json", "--sl-batches", &batches];
    args.extend(["--anchor", l1.to_str().unwrap()]);
    let without = run(args.clone());
    assert_eq!(without.code, Some(3), "{}", without.stderr);
    assert!(without.stderr.contains("anchor-lacks-bridgehub"), "{}", without.stderr);
    args.extend(["--anchor-bridgehub", BRIDGEHUB]);
    let made = run(args);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert_eq!(compared(&made), compared(&written));
    assert!(fs::exists(&tree).unwrap());
}

/// `prove` emits no proof, call or page against a batch root that L1 refutes or does not store.
#[test]
fn proofs_end_at_a_batch_root_only_if_l1_stores_it() {
    let mut case = Case::new();
    let (chain, batch) = (324, 501_234);
    let batches = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
    let is_it = |line: &&Value| line["chainId"] == chain && line["batchNumber"] == batch;
    let right = batches.iter().find(is_it).unwrap()["chainBatchRoot"].as_str().unwrap();
    let [l1, requests] = ["l1.json", "requests"].map(|name| case.path(name));
    let request = json!({"chainId": chain, "batchNumber": batch, "id": 0, "target": "batch-root"});
    fs::write(&requests, request.to_string()).unwrap();
    let all =
        ["--chain", "324", "--batch", "501234", "--all", "--target", "batch-root", "--format"];
    let selections = [
        [&all[..], &["ndjson"]].concat(),
        [&all[..], &["calldata"]].concat(),
        [&all[..], &["bundle"]].concat(),
        vec!["--requests", requests.to_str().unwrap(), "--format", "calldata"],
    ];
    let diamond = case.diamond(chain);
    case.l1.set(diamond, slot(11, &[]), batch);
    for (root, code) in [
        (Word::from(0), Some("unknown-root")),
        (Word::from(0xbad), Some("root-mismatch")),
        (right.parse::<Hash>().unwrap().into(), None),
    ] {
        case.set_root(chain, batch, root);
        case.l1.write(&l1);
        let files = ["state.anvil.json", "logs.jsonl.gz"].map(file);
        let inputs = ["prove", "-q", "--tree", &files[0], "--messages", &files[1]];
        let anchor = ["--anchor", l1.to_str().unwrap(), "--anchor-bridgehub", BRIDGEHUB];
        for selected in &selections {
            let made = run([&inputs[..], &anchor, selected].concat());
            let (output, is_refused) = (&made.stdout, code.is_some());
            assert_eq!(made.code, Some(i32::from(is_refused)), "{}", made.stderr);
            assert!(output.contains(code.unwrap_or("010f")), "{output}");
            assert!(!(is_refused && output.contains("010f00000000")), "{output}");
        }
    }
}
