use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::gateway::{FOLDER, l1_v29, l1_v31};
use crate::support::{
    binary::{Run, run},
    fixture,
    l1::{BRIDGEHUB, L1State, NULLIFIER},
    state_tries::StateTries,
};

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

fn of_gateway(name: &str) -> String {
    path(&fixture(&format!("{FOLDER}/{name}"))).to_owned()
}

/// The proofs of all logs of the Gateway's withdrawals, each through the first batch of the Gateway.
fn prove(output: &str) {
    let (events, logs) = (of_gateway("events.jsonl.gz"), of_gateway("withdrawals.jsonl.gz"));
    let batches = of_gateway("gw_batches.jsonl");
    let mut args = vec!["prove", "--tree", &events, "--messages", &logs, "--all", "-q"];
    args.extend(["--sl-batches", &batches, "--target", "sl-batch:first", "-o", output]);
    let made = run(args);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

fn claims(anchor: &[&str]) -> Run {
    let (events, logs) = (of_gateway("events.jsonl.gz"), of_gateway("withdrawals.jsonl.gz"));
    let batches = of_gateway("gw_batches.jsonl");
    let mut args = vec!["claims", "--tree", &events, "--messages", &logs, "-q"];
    args.extend(["--sl-batches", &batches, "--l1-nullifier", NULLIFIER]);
    args.extend(["--anchor-bridgehub", BRIDGEHUB]);
    args.extend(["--kind", "base-token,asset-router,legacy-erc20,failed-deposit", "--anchor"]);
    args.extend(anchor);
    run(args)
}

fn statuses(report: &str) -> BTreeMap<String, usize> {
    let mut statuses = BTreeMap::new();
    for line in report.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        *statuses.entry(line["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    statuses
}

/// `claims` and `recheck` say the same by the answers of a node as by the whole state.
fn is_decided_by_answers(mut l1: L1State) {
    l1.pay(12, 1154, 3);
    let folder = tempfile::tempdir().unwrap();
    let (dump, proofs) = (folder.path().join("l1.json"), folder.path().join("proofs.ndjson"));
    l1.write(&dump);
    prove(path(&proofs));
    let tries = StateTries::of_dump(&serde_json::from_slice(&fs::read(&dump).unwrap()).unwrap());
    let block = tries.block(54);
    let of = |flags: &[&str]| tries.answers(&block, path(&proofs), folder.path(), flags);
    let recheck = |anchor: &[&str]| {
        let report = folder.path().join("report.jsonl");
        let mut args = vec!["recheck", path(&proofs), "--report", path(&report), "-q"];
        args.extend(["--bridgehub", BRIDGEHUB, "--l1-nullifier", NULLIFIER, "--anchor"]);
        args.extend(anchor);
        let made = run(args);
        (made.code, fs::read_to_string(report).unwrap())
    };

    // Of the proofs alone: what L1Nullifier stores stays unknown.
    let files = of(&["--bridgehub", BRIDGEHUB]);
    let nullifier = |file: &String| fs::read_to_string(file).unwrap().contains(NULLIFIER);
    assert!(!files.iter().any(nullifier));
    let anchor: Vec<&str> = files.iter().map(String::as_str).collect();
    let (_, report) = recheck(&[&anchor[..], &["--trust-block", &block.hash]].concat());
    assert!(report.contains("slot-not-proven"));

    let files = of(&["--bridgehub", BRIDGEHUB, "--l1-nullifier", NULLIFIER]);
    let mut anchor: Vec<&str> = files.iter().map(String::as_str).collect();
    anchor.extend(["--trust-block", &block.hash]);
    let (rechecked, expected) = (recheck(&anchor), recheck(&[path(&dump)]));
    assert_eq!(rechecked, expected);
    let statuses = statuses(&expected.1);
    assert_eq!((statuses.get("finalized"), statuses.get("unknown")), (Some(&1), None));
    assert!(statuses["accepted"] >= 15, "{statuses:?}");
    let (claimed, expected) = (claims(&anchor), claims(&[path(&dump)]));
    assert_eq!(claimed.code, Some(0), "{}", claimed.stdout);
    assert_eq!(claimed.stdout, expected.stdout);
}

#[test]
fn answers_of_a_node_decide_on_withdrawals_of_v31() {
    is_decided_by_answers(l1_v31());
}

#[test]
fn answers_of_a_node_decide_on_withdrawals_of_v29() {
    is_decided_by_answers(l1_v29());
}

/// The addresses of a public network.
#[test]
fn a_network_names_the_contracts_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let proofs = folder.path().join("proofs.ndjson");
    prove(path(&proofs));
    let hash = format!("0x{:064x}", 1);
    let asked =
        |flags: &[&str]| run([&["needs", path(&proofs), "--trust-block", &hash], flags].concat());
    let networks: Value = serde_json::from_str(&run(["networks", "--json"]).stdout).unwrap();
    let text = networks.to_string();
    let made = asked(&["--network", "mainnet"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let contracts: Vec<String> = made
        .stdout
        .lines()
        .filter_map(|line| {
            let request: Value = serde_json::from_str(line).unwrap();
            Some(request["params"][0].as_str()?.to_owned()).filter(|word| word.len() == 42)
        })
        .collect();
    assert_eq!(contracts.len(), 2, "{contracts:?}");
    assert!(contracts.iter().all(|contract| text.contains(contract)), "{contracts:?}");
    assert_eq!(asked(&[]).code, Some(2));
}
