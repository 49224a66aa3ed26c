use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use slproof::{
    primitives::Hash,
    proof::{
        Known, Verdict,
        reader::{Defaults, Item, parse},
        verify::RootRef,
    },
};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gateway-v31").join(path)
}

fn lines(path: &str) -> Vec<Value> {
    let file = BufReader::new(GzDecoder::new(File::open(fixture(path)).unwrap()));
    file.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// The roots that MessageRoot returned, by block.
fn roots() -> HashMap<u128, Hash> {
    let roots: Value = serde_json::from_reader(File::open(fixture("roots.json")).unwrap()).unwrap();
    let by_block = roots["historicalRoot"].as_object().unwrap();
    let root = |root: &Value| root.as_str().unwrap().parse().unwrap();
    by_block.iter().map(|(block, stored)| (block.parse().unwrap(), root(stored))).collect()
}

/// A line of the vectors as a record.
fn record(line: &Value) -> Value {
    let target = &line["target"];
    let target = json!({
        "kind": "block", "slChainId": 506, "number": target["slBlock"], "root": target["root"],
    });
    let mut record = json!({
        "chainId": line["chainId"], "batchNumber": line["batchNumber"], "id": line["logIndex"],
        "proof": line["proof"], "target": target, "log": line["log"],
    });
    for (name, value) in [("root", &line["root"]), ("message", &line["messageHex"])] {
        if !value.is_null() {
            record[name] = value.clone();
        }
    }
    record
}

fn judge(record: &Value, roots: &HashMap<u128, Hash>) -> Verdict {
    match parse(record.to_string().as_bytes(), &Defaults::default()) {
        Ok(Item::Proof(record, log)) => Verdict::of(&record, &log, |at| match at {
            RootRef::SlBlock(_, block) => {
                roots.get(block).map_or(Known::Unknown, |root| Known::Root(*root))
            }
            _ => Known::Unknown,
        }),
        Ok(Item::Leaf(_) | Item::Failure) => panic!("no proof of a log: {record}"),
        Err(error) => error.into(),
    }
}

#[test]
fn records_are_judged_as_the_contracts_judged_their_proofs() {
    let roots = roots();
    let accepted = lines("proofs.jsonl.gz");
    assert!(accepted.len() > 1000);
    for line in &accepted {
        let verdict = judge(&record(line), &roots);
        assert!(matches!(verdict, Verdict::Valid(_)), "{verdict:?}: {line}");
    }
    let refused = lines("proofs_negative.jsonl.gz");
    assert!(refused.len() > 1800);
    for line in &refused {
        let verdict = judge(&record(line), &roots);
        assert!(!matches!(verdict, Verdict::Valid(_)), "{}: {line}", line["case"]);
    }
}

/// A proof in a format that the build cannot read is not judged invalid.
#[cfg(not(feature = "calldata"))]
#[test]
fn calldata_cannot_be_judged_without_their_feature() {
    match judge(&json!({"to": "0x", "data": "0x"}), &HashMap::new()) {
        Verdict::CannotJudge(reason) => assert_eq!(reason.code(), "calldata-unsupported"),
        verdict => panic!("{verdict:?}"),
    }
}
