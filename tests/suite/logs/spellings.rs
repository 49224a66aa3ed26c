//! Receipts, events and raw archives as clients of nodes write them, which differ from what nodes answer.

use std::fs;

use crate::support::{
    binary::run,
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{Node, lines, receipts, transaction_hash},
    vectors::{Batch, hex, small_batches},
};
use serde_json::{Map, Value, json};

const NUMBERS: [&str; 8] = [
    "blockNumber",
    "transactionIndex",
    "logIndex",
    "l1BatchNumber",
    "l1BatchTxIndex",
    "txIndexInL1Batch",
    "transactionLogIndex",
    "shardId",
];

/// The receipts of some batches, as a node answers them.
fn answered(batches: &[Batch]) -> Vec<Value> {
    let (mut all, mut first) = (Vec::new(), 100);
    for batch in batches {
        let mut receipts = receipts(Node::Era, batch, first, true);
        first = receipts.last + 1;
        receipts.blocks.iter_mut().for_each(|block| all.append(block));
    }
    all
}

/// Rewrites every member of every object.
fn rewritten(value: &Value, member: &impl Fn(&str, &Value) -> (String, Value)) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|value| rewritten(value, member)).collect(),
        Value::Object(object) => {
            let members = object.iter().map(|(name, value)| {
                let (name, value) = member(name, value);
                (name, rewritten(&value, member))
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Writes the numbers in another way.
fn with_numbers(receipts: &[Value], write: impl Fn(u64) -> Value) -> Vec<Value> {
    let member = |name: &str, value: &Value| {
        let number = value
            .as_str()
            .filter(|_| NUMBERS.contains(&name))
            .map(|text| u64::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap());
        (name.to_owned(), number.map_or_else(|| value.clone(), &write))
    };
    receipts.iter().map(|receipt| rewritten(receipt, &member)).collect()
}

/// Gives members other names.
fn with_names(receipts: &[Value], name: impl Fn(&str) -> String) -> Vec<Value> {
    let member = |member: &str, value: &Value| (name(member), value.clone());
    receipts.iter().map(|receipt| rewritten(receipt, &member)).collect()
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

#[test]
fn every_client_writes_the_same_receipts() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let answered = answered(&batches);
    let index = |name: &str, receipts: &[Value]| {
        let file = dir.write(&format!("{name}.json"), Value::from(receipts).to_string());
        fs::read(dir.indexed(&[file], &["--chain", &chain], &format!("{name}.slmsg"))).unwrap()
    };
    let expected = index("node", &answered);
    assert_eq!(archived(&dir.path("node.slmsg")).len(), batches.len());

    let bare = |name: &str, value: &Value| {
        let text = value.as_str().filter(|_| !NUMBERS.contains(&name) && name != "type");
        let digits = text.and_then(|text| text.strip_prefix("0x")).map(Value::from);
        let list = value.as_array().filter(|_| name == "topics").map(|topics| {
            topics.iter().map(|topic| &topic.as_str().unwrap()[2..]).collect::<Value>()
        });
        (name.to_owned(), digits.or(list).unwrap_or_else(|| value.clone()))
    };
    let python = |name: &str, value: &Value| {
        let (name, value) = bare(name, value);
        let is_hash = ["key", "value", "transactionHash", "data"].contains(&&*name);
        let text = value.as_str().filter(|_| is_hash);
        let text = text.map(|text| json!(format!("HexBytes('0x{text}')")));
        (name, text.unwrap_or(value))
    };
    let each = |member: &dyn Fn(&str, &Value) -> (String, Value)| -> Vec<Value> {
        answered
            .iter()
            .map(|receipt| rewritten(receipt, &|name: &str, value: &Value| member(name, value)))
            .collect()
    };
    for (name, receipts) in [
        ("viem", with_numbers(&answered, |number| json!(number.to_string()))),
        ("bigints", with_numbers(&answered, |number| json!(format!("{number}n")))),
        ("numbers", with_numbers(&answered, |number| json!(number))),
        (
            "floats",
            with_numbers(&answered, |number| json!(f64::from(u32::try_from(number).unwrap()))),
        ),
        (
            "ethers5",
            with_numbers(
                &answered,
                |number| json!({ "type": "BigNumber", "hex": format!("{number:#04x}") }),
            ),
        ),
        (
            "etherscan",
            with_numbers(&answered, |number| match number {
                0 => json!("0x"),
                number => json!(format!("{number:#x}")),
            }),
        ),
        ("hexbytes", each(&bare)),
        ("python", each(&python)),
        ("rust", with_names(&answered, snake_case)),
    ] {
        assert!(index(name, &receipts) == expected, "{name}");
    }

    // ethers 6: the hash and the index of a receipt are its transaction's, the index of a log is its own.
    let mut ethers6 = answered.clone();
    for receipt in &mut ethers6 {
        let receipt = receipt.as_object_mut().unwrap();
        for (old, new) in [("transactionHash", "hash"), ("transactionIndex", "index")] {
            let value = receipt.remove(old).unwrap();
            receipt.insert(new.into(), value);
        }
        for log in receipt["l2ToL1Logs"].as_array_mut().unwrap() {
            let log = log.as_object_mut().unwrap();
            let index = log.remove("logIndex").unwrap();
            log.insert("index".into(), index);
        }
    }
    assert!(index("ethers6", &ethers6) == expected);

    // Members that decide nothing may be anything. viem gives the block of a log the number of a hash.
    let mut odd = answered.clone();
    for receipt in &mut odd {
        receipt["cumulativeGasUsed"] = json!({ "any": [1] });
        for event in receipt["logs"].as_array_mut().unwrap() {
            (event["transactionIndex"], event["removed"]) = (json!("none"), json!(null));
        }
        receipt["logs"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "address": 7, "topics": [null, 5], "data": [], "logIndex": "?" }));
        for log in receipt["l2ToL1Logs"].as_array_mut().unwrap() {
            log["blockNumber"] = json!("14794216356827531014218832936632527291185631763311098748");
            log["transactionLogIndex"] = json!("unknown");
        }
    }
    assert!(index("odd", &odd) == expected);
}

#[test]
fn a_needed_member_that_is_ambiguous_is_named() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    for (member, value, words) in [
        ("l1BatchNumber", json!("1a"), "\"l1BatchNumber\" of the receipt: expected a whole number"),
        ("blockNumber", json!(7.5), "\"blockNumber\" of the receipt: expected a whole number"),
        ("transactionHash", json!("0x12"), "\"transactionHash\" of the receipt: expected 64"),
        ("transactionIndex", json!(-1), "\"transactionIndex\" of the receipt: expected a whole"),
    ] {
        let mut receipts = answered(&batches[..1]);
        receipts[0][member] = value;
        let file = dir.write("damaged.json", Value::from(receipts).to_string());
        let run = dir.index(&[file], &["--chain", &chain], "damaged.slmsg");
        assert_ne!(run.code, Some(0), "{member}");
        assert!(run.stderr.contains(words), "{member}: {}", run.stderr);
        assert!(run.stderr.contains("damaged.json, byte 1"), "{member}: {}", run.stderr);
    }
    let mut receipts = answered(&batches[..1]);
    receipts[0]["l2ToL1Logs"][0]["sender"] = json!("0x8008");
    let file = dir.write("damaged.json", Value::from(receipts).to_string());
    let run = dir.index(&[file], &["--chain", &chain], "damaged.slmsg");
    assert!(
        run.stderr.contains("\"sender\" of log 0 of the receipt: expected 40"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_receipt_that_names_the_batch_wins_over_an_earlier_one() {
    let dir = IndexDir::new();
    let batches = &small_batches()[..1];
    let chain = batches[0].chain.to_string();
    let last = answered(batches);
    let mut early = last.clone();
    for receipt in &mut early {
        (receipt["l1BatchNumber"], receipt["l1BatchTxIndex"]) = (Value::Null, Value::Null);
        for log in receipt["l2ToL1Logs"].as_array_mut().unwrap() {
            (log["l1BatchNumber"], log["txIndexInL1Batch"]) = (Value::Null, Value::Null);
        }
    }
    let index = |receipts: &[Value], output: &str| {
        let file = dir.write("receipts.jsonl", lines(receipts.iter().cloned()));
        dir.index(&[file], &["--chain", &chain], output)
    };
    assert_eq!(index(&last, "last.slmsg").code, Some(0));
    let expected = fs::read(dir.path("last.slmsg")).unwrap();
    for both in [[&early[..], &last].concat(), [&last[..], &early].concat()] {
        let run = index(&both, "both.slmsg");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(fs::read(dir.path("both.slmsg")).unwrap() == expected);
    }
    // The messages of the one complete the other.
    let mut without = last.clone();
    without.iter_mut().for_each(|receipt| receipt["logs"] = json!([]));
    let run = index(&[&early[..], &without].concat(), "both.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(fs::read(dir.path("both.slmsg")).unwrap() == expected);
    // They have to agree in the rest.
    let at = early.iter().position(|receipt| receipt["l2ToL1Logs"] != json!([])).unwrap();
    early[at]["l2ToL1Logs"][0]["value"] = json!(hex(&[7; 32]));
    assert_ne!(index(&[&early[..], &last].concat(), "other.slmsg").code, Some(0));
}

#[test]
fn the_batch_root_decides_whether_null_means_no_logs() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let (chain, state) = (batches[0].chain.to_string(), fixture("gateway-v31/state.anvil.json"));
    let mut receipts = answered(&batches);
    for receipt in receipts.iter_mut().filter(|receipt| receipt["l2ToL1Logs"] == json!([])) {
        receipt["l2ToL1Logs"] = Value::Null;
    }
    let with_tree = ["--chain", &chain, "--tree", text(&state)];
    let file = dir.write("null.json", Value::from(receipts.clone()).to_string());
    let archive = dir.indexed(std::slice::from_ref(&file), &with_tree, "null.slmsg");
    assert_eq!(archived(&archive).len(), batches.len());
    let run = dir.index(&[file], &with_tree[..2], "unchecked.slmsg");
    assert_ne!(run.code, Some(0));
    assert!(run.stderr.contains("\"l2ToL1Logs\" is null"), "{}", run.stderr);
    // A transaction with logs.
    let at = receipts.iter().position(|receipt| !receipt["l2ToL1Logs"].is_null()).unwrap();
    receipts[at]["l2ToL1Logs"] = Value::Null;
    let file = dir.write("null.json", Value::from(receipts).to_string());
    let run = dir.index(&[file], &with_tree, "null.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(archived(&archive).len(), batches.len() - 1);
}

#[test]
fn raw_archives_may_take_several_lines_and_name_transactions() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let line = |batch: &Batch, transactions: usize| {
        let hashes: Vec<_> =
            (0..transactions).map(|count| transaction_hash(batch, count)).collect();
        json!({
            "chainId": batch.chain.to_string(),
            "batchNumber": batch.number,
            "logs": batch.logs.iter().map(|log| hex(log)).collect::<Vec<_>>(),
            "messages": batch.messages.iter().map(|message| hex(message)).collect::<Vec<_>>(),
            "transactions": hashes,
        })
    };
    let values: Vec<Value> = batches.iter().map(|batch| line(batch, batch.logs.len())).collect();
    let compact = dir.indexed(&[dir.write("a.jsonl", lines(values.clone()))], &[], "a.slmsg");
    let expected = fs::read(&compact).unwrap();
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap() + "\n";
    let spread: String = values.iter().map(pretty).collect();
    for text in [spread, pretty(&Value::from(values.clone()))] {
        let archive = dir.indexed(&[dir.write("b.json", text)], &[], "b.slmsg");
        assert!(fs::read(archive).unwrap() == expected);
    }

    let state = fixture("gateway-v31/state.anvil.json");
    let hash = transaction_hash(&batches[1], 2);
    let found = run(["prove", "--tree", text(&state), "--messages", text(&compact), "--tx", &hash]);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let record: Value = serde_json::from_str(found.stdout.lines().next().unwrap()).unwrap();
    let expected = (json!(batches[1].number), json!(2), json!(hash));
    assert_eq!(
        (record["batchNumber"].clone(), record["id"].clone(), record["txHash"].clone()),
        expected
    );

    let short = line(&batches[0], batches[0].logs.len() - 1);
    let run = dir.index(&[dir.write("c.jsonl", lines([short]))], &[], "c.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    // A file that is no archive has one error, not one for each line.
    let other = pretty(&json!({ "hashes": { "a": [1, 2, 3] }, "logs": [1, 2], "batchNumber": 1 }));
    let run = dir.index(&[dir.write("d.json", other)], &[], "d.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.lines().count() < 6, "{}", run.stderr);
}
