//! Records of proofs of leaves of batch roots of eight leaves, judged as the contracts judged the proofs.

use crate::support::{
    self,
    binary::{run, run_with_input},
    fixture, json_lines,
};
use serde_json::{Value, json};
use slproof::{
    FailureCode, LeafRecord, StateOptions, TrustedRoots, Verdict,
    message::BatchRootLeaf,
    primitives::{Address, Hash},
    proof::reader::{Defaults, Item, RecordError, parse},
    verify_leaf,
};

fn bridgehub() -> Address {
    support::json("v33/roots.json.gz")["bridgehub"].as_str().unwrap().parse().unwrap()
}

fn l1() -> TrustedRoots {
    let mut options = StateOptions::default();
    options.bridgehub = Some(bridgehub());
    TrustedRoots::open(fixture("v33/state.anvil.json.gz"), &options).unwrap()
}

/// A chain that imported roots of L1.
fn listener() -> TrustedRoots {
    let state = fixture("v33/dest.state.anvil.json.gz");
    TrustedRoots::open(state, &StateOptions::default()).unwrap()
}

/// A line of the vectors under the names of records.
fn record(line: &Value) -> Value {
    let leaf = BatchRootLeaf::ALL[line["leafIndex"].as_u64().unwrap() as usize];
    let mut record = json!({
        "chainId": line["chainId"], "batchNumber": line["batchNumber"], "leaf": leaf,
        "leafIndex": line["leafIndex"], "value": line["leaf"], "proof": line["proof"],
    });
    if let Some(block) = line["target"]["slBlock"].as_u64() {
        let root = &line["target"]["root"];
        record["target"] = json!({"kind": "block", "slChainId": 1, "number": block, "root": root});
    }
    record
}

fn read(record: &Value) -> Result<LeafRecord, RecordError> {
    match parse(record.to_string().as_bytes(), &Defaults::default())? {
        Item::Leaf(record) => Ok(*record),
        other => panic!("{other:?}"),
    }
}

/// `None` for a valid record, else whether it is refused, and the code.
fn verdict(record: &LeafRecord, roots: &TrustedRoots) -> Option<(bool, FailureCode)> {
    match verify_leaf(record, roots) {
        Verdict::Valid(_) => None,
        Verdict::Invalid(reason) => Some((true, reason.code())),
        Verdict::CannotJudge(reason) => Some((false, reason.code())),
    }
}

#[test]
fn every_proof_of_a_leaf_is_judged_as_the_contracts_judged_it() {
    let (l1, listener) = (l1(), listener());
    let lines = json_lines("v33/proofs_leaf.jsonl.gz");
    let mut valid = 0;
    for line in &lines {
        let record = read(&record(line)).unwrap();
        let again = serde_json::to_value(&record).unwrap();
        assert_eq!(read(&again).unwrap(), record);
        let is_of_block = record.target.is_some();
        let found = [&l1, &listener].map(|roots| verdict(&record, roots));
        let expected = match (is_of_block, line["verifiedByContract"] == true) {
            (true, _) => [Some((true, FailureCode::BlockOfL1)), None],
            (false, true) => [None, Some((false, FailureCode::UnknownRoot))],
            (false, false) => {
                [Some((true, FailureCode::BatchZero)), Some((false, FailureCode::UnknownRoot))]
            }
        };
        assert_eq!(found, expected, "{line}");
        valid += usize::from(found.contains(&None));
    }
    assert_eq!((lines.len(), valid), (180, 164));
}

#[test]
fn a_changed_record_is_not_valid() {
    let listener = listener();
    let lines = json_lines("v33/proofs_leaf.jsonl.gz");
    let with_target = lines.iter().filter(|line| line["target"]["slBlock"].is_u64());
    for line in with_target.step_by(11) {
        let whole = record(line);
        let is_valid =
            |record: &Value| read(record).is_ok_and(|record| verdict(&record, &listener).is_none());
        assert!(is_valid(&whole), "{line}");
        let number = |text: &Value| text.as_u64().unwrap();
        let flipped = |text: &Value| {
            let hash: Hash = text.as_str().unwrap().parse().unwrap();
            let mut bytes = *hash.as_bytes();
            bytes[31] ^= 1;
            json!(Hash::new(bytes))
        };
        for at in 0..whole["proof"].as_array().unwrap().len() {
            let word = whole["proof"][at].as_str().unwrap();
            let mut changed = whole.clone();
            changed["proof"][at] = flipped(&whole["proof"][at]);
            assert!(!is_valid(&changed), "word {at} of {line}");
            changed["proof"].as_array_mut().unwrap().remove(at);
            // Without its metadata, the second hop is in the old form, which folds to the same root.
            let is_second = at > 0 && word.starts_with("0x01") && word.ends_with(&"0".repeat(56));
            assert_eq!(is_valid(&changed), is_second, "without word {at} of {line}");
        }
        for (member, value) in [
            ("value", flipped(&whole["value"])),
            ("chainId", json!(number(&whole["chainId"]) + 1)),
            ("batchNumber", json!(number(&whole["batchNumber"]) + 1)),
            ("leafIndex", json!(number(&whole["leafIndex"]) ^ 1)),
            ("leaf", json!("imt-middle")),
            ("l1Timestamp", json!(1)),
            ("root", json!(Hash::ZERO)),
        ] {
            let mut changed = whole.clone();
            changed[member] = value;
            assert!(!is_valid(&changed), "{member} of {line}");
        }
        for member in ["slChainId", "number", "root", "timestamp"] {
            let mut changed = whole.clone();
            changed["target"][member] = match member {
                "root" => flipped(&whole["target"]["root"]),
                "slChainId" => json!(2),
                _ => json!(1),
            };
            assert!(!is_valid(&changed), "{member} of the target of {line}");
        }
        // Another leaf, unless it has the same value.
        for leaf in BatchRootLeaf::ALL {
            let mut changed = whole.clone();
            (changed["leaf"], changed["leafIndex"]) = (json!(leaf), json!(leaf.index()));
            let same = json!(leaf) == whole["leaf"];
            let sibling = changed["proof"][1] == whole["value"];
            let beside = leaf.index() == number(&whole["leafIndex"]) ^ 1;
            assert_eq!(is_valid(&changed), same || (beside && sibling), "{leaf} of {line}");
        }
    }
}

/// The contracts take any node below a batch root for a leaf, so the words have to show the tree of eight leaves.
#[test]
fn the_proof_of_a_log_is_not_one_of_a_leaf() {
    let lines = json_lines("v33/proofs.jsonl.gz");
    let mut forms = [0; 2];
    for line in lines.iter().filter(|line| line["logIndex"] == 3) {
        let log = support::vectors::unhex(&line["log"]);
        let record = json!({
            "chainId": line["chainId"], "batchNumber": line["batchNumber"], "leaf": "imt-end",
            "value": slproof::keccak::keccak256(&log), "proof": line["proof"],
        });
        let record = read(&record).unwrap();
        // Of a log it is a valid proof.
        let root = line["target"]["root"].as_str().or(line["root"].as_str()).unwrap();
        let roots = TrustedRoots::Root(root.parse().unwrap());
        let refused = Some((true, FailureCode::NotEightLeaves));
        assert_eq!(verdict(&record, &roots), refused, "{line}");
        forms[usize::from(record.proof[0].as_bytes()[1] == 17)] += 1;
    }
    assert!(forms.iter().all(|form| *form > 0), "{forms:?}");
}

#[test]
fn what_a_record_of_a_leaf_lacks_or_has_too_much_is_named() {
    let line = &json_lines("v33/proofs_leaf.jsonl.gz")[0];
    let without = |member: &str| {
        let mut record = record(line);
        record.as_object_mut().unwrap().remove(member).unwrap();
        read(&record).map_err(|error| (error.code(), error.is_lack()))
    };
    assert_eq!(without("chainId").unwrap_err(), (FailureCode::ChainMissing, true));
    assert_eq!(without("batchNumber").unwrap_err(), (FailureCode::BatchMissing, true));
    assert_eq!(without("value").unwrap_err(), (FailureCode::LeafMissing, true));
    assert!(without("leafIndex").is_ok() && without("target").is_ok());
    // An `index` is that of the leaf, unless the record names it otherwise too.
    let mut indexed = record(line);
    let index = indexed["leafIndex"].as_u64().unwrap();
    for index in [index, index ^ 1] {
        indexed["index"] = json!(index);
        assert!(read(&indexed).is_ok());
    }
    indexed.as_object_mut().unwrap().remove("leafIndex");
    assert!(matches!(read(&indexed), Err(RecordError::LeafIndex { .. })));
    indexed["index"] = json!(index);
    assert!(read(&indexed).is_ok());
    // With anything of a log it is a record of a log, which is then incomplete.
    for (member, value) in [("id", json!(3)), ("sender", json!(Address::system(1)))] {
        let mut record = record(line);
        record[member] = value;
        let error = parse(record.to_string().as_bytes(), &Defaults::default()).unwrap_err();
        assert_eq!((error.code(), error.is_lack()), (FailureCode::LogMissing, true), "{member}");
    }
}

/// The record that `prove --leaf` writes, read by `verify`, `recheck` and `inspect`.
#[test]
fn commands_read_what_prove_writes() {
    let path = |file: &str| fixture(&format!("v33/{file}")).to_str().unwrap().to_owned();
    let (state, logs) = (path("state.anvil.json.gz"), path("logs.jsonl.gz"));
    let (listener, bridgehub) = (path("dest.state.anvil.json.gz"), bridgehub().to_string());
    let made = |target: &str| {
        let made = run([
            "prove",
            "--tree",
            &state,
            "--messages",
            &logs,
            "--bridgehub",
            &bridgehub,
            "--chain",
            "8022833",
            "--batch",
            "10",
            "--leaf",
            "imt-end",
            "--target",
            target,
            "-q",
        ]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        made.stdout
    };
    let of_block = made("latest");
    let verified = run_with_input(["verify", "-", "--anchor", &listener], of_block.as_bytes());
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(verified.stderr.contains("1 valid, 0 invalid"), "{}", verified.stderr);
    let of_l1 = ["verify", "-", "--anchor", &state, "--bridgehub", &bridgehub, "--report", "-"];
    let refused = run_with_input(of_l1, of_block.as_bytes());
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stdout.contains("block-of-l1"), "{}", refused.stdout);

    let of_batch = made("batch-root");
    let verified = run_with_input(of_l1, of_batch.as_bytes());
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let recheck = ["recheck", "-", "--anchor", &state, "--bridgehub", &bridgehub];
    let nullifier = ["--l1-nullifier", &bridgehub];
    for (record, status) in [(&of_batch, "accepted"), (&of_block, "refused")] {
        let checked = run_with_input(
            [&recheck[..], &nullifier, &["--report", "-"]].concat(),
            record.as_bytes(),
        );
        assert!(checked.stdout.contains(&format!("\"status\":\"{status}\"")), "{}", checked.stderr);
    }
    let shown = run_with_input(["inspect", "-"], of_block.as_bytes());
    assert!(
        shown.stdout.contains("leaf imt-end of the batch root of batch 10"),
        "{}",
        shown.stdout
    );
    let root: Value = serde_json::from_str(&of_block).unwrap();
    let root = root["target"]["root"].as_str().unwrap();
    assert!(shown.stdout.contains(&format!("folds to      {root}")), "{}", shown.stdout);
}
