//! Logs from the events of L1Messenger, with batch numbers and without: the roots of the batches decide.

use std::path::{Path, PathBuf};

use crate::support::{
    binary::run,
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{self, Node, answer, lines},
    vectors::{Batch, by_chain, hex, small_batches, tx_number},
};
use serde_json::{Value, json};

const VECTORS: [&str; 2] = ["gateway-v29", "gateway-v31"];

/// An event of a transaction, with its place.
struct Sent {
    batch: u64,
    block: u64,
    transaction: String,
    event: Value,
}

/// The events of L1Messenger in the batches of a chain, in order. Blocks have seven transactions, whatever
/// their batches.
fn sent(batches: &[Batch]) -> Vec<Sent> {
    let (mut sent, mut transactions, mut log_index, mut block) = (Vec::new(), 0, 0, 1000);
    for batch in batches {
        let mut messages = batch.messages.iter();
        let mut last = None;
        let mut count = 0;
        for log in &batch.logs {
            if last.replace(tx_number(log)) != Some(tx_number(log)) {
                if transactions % 7 == 0 {
                    (block, log_index) = (block + 1 + transactions % 3, 0);
                }
                (transactions, count) = (transactions + 1, count + 1);
            }
            let transaction = log_sources::transaction_hash(batch, count - 1);
            for mut event in log_sources::messenger_events(log, &mut messages) {
                event["blockNumber"] = json!(format!("{block:#x}"));
                event["transactionHash"] = json!(transaction);
                event["transactionIndex"] = json!(format!("{:#x}", (transactions - 1) % 7));
                event["logIndex"] = json!(format!("{log_index:#x}"));
                log_index += 2;
                let transaction = transaction.clone();
                sent.push(Sent { batch: batch.number, block, transaction, event });
            }
        }
    }
    sent
}

/// The events as answers of `eth_getLogs` in several files, in no order.
fn shuffled(dir: &IndexDir, name: &str, events: Vec<Value>) -> Vec<PathBuf> {
    let mut files = vec![Vec::new(); 3];
    for (at, event) in events.into_iter().enumerate() {
        files[at * 7 / 5 % 3].push(event);
    }
    let written = files.into_iter().enumerate().map(|(at, mut events)| {
        let third = events.len() / 3;
        events.rotate_left(third);
        events[third..].reverse();
        dir.write(&format!("{name}-{at}.json"), answer(&Value::from(events)).to_string())
    });
    written.collect()
}

fn events(sent: &[Sent]) -> Vec<Value> {
    sent.iter().map(|sent| sent.event.clone()).collect()
}

fn prove(vectors: &str, messages: &Path) -> String {
    let state = fixture(&format!("{vectors}/state.anvil.json"));
    let run = run(["prove", "--tree", text(&state), "--messages", text(messages), "--all"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

#[test]
fn events_without_batch_numbers_give_the_same_proofs() {
    for vectors in VECTORS {
        let dir = IndexDir::new();
        let state = fixture(&format!("{vectors}/state.anvil.json"));
        let mut archives: [Vec<PathBuf>; 3] = Default::default();
        for (chain, batches) in by_chain(vectors) {
            let chain = chain.to_string();
            let flags = ["--chain", &chain, "--tree", text(&state)];
            let files = shuffled(&dir, &chain, events(&sent(&batches)));
            archives[0].push(dir.indexed(&files, &flags, &format!("{chain}.events.slmsg")));
            // The receipts of ZKsync OS chains do not name the batch either.
            for (archives, node) in archives[1..].iter_mut().zip([Node::Era, Node::ZksyncOs]) {
                let (mut first, mut receipts) = (1000, Vec::new());
                for batch in &batches {
                    let made = log_sources::receipts(node, batch, first, true);
                    first = made.last + 1;
                    receipts.extend(made.blocks.concat());
                }
                let file = dir.write(&format!("{chain}.jsonl"), lines(receipts));
                let kind = if node == Node::Era { "era" } else { "os" };
                let name = format!("{chain}.{kind}.slmsg");
                archives.push(dir.indexed(&[file], &flags, &name));
            }
        }
        let [of_events, of_era, of_zksync_os] =
            archives.map(|archives| prove(vectors, &dir.indexed(&archives, &[], "all.slmsg")));
        assert!(of_events.lines().count() > 2000);
        // The hashes of transactions are in all of them, too.
        assert!(of_events == of_era, "{vectors}");
        assert!(of_zksync_os == of_era, "{vectors}");
    }
}

/// The flags for the chain of [`small_batches`].
fn flags(with_tree: bool) -> Vec<String> {
    let mut flags = vec!["--chain".into(), small_batches()[0].chain.to_string()];
    if with_tree {
        let state = fixture("gateway-v31/state.anvil.json");
        flags.extend(["--tree".into(), text(&state).into()]);
    }
    flags
}

fn index(dir: &IndexDir, files: &[PathBuf], flags: &[String]) -> (Option<i32>, Vec<u64>, String) {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let run = dir.index(files, &flags, "some.slmsg");
    let kept = if run.code == Some(3) { vec![] } else { archived(&dir.path("some.slmsg")) };
    (run.code, kept, run.stderr)
}

fn numbers() -> Vec<u64> {
    small_batches().iter().map(|batch| batch.number).collect()
}

#[test]
fn a_missing_transaction_loses_only_its_batch() {
    let dir = IndexDir::new();
    let all = sent(&small_batches());
    for of in numbers() {
        let lost = all.iter().find(|sent| sent.batch == of).unwrap();
        let kept = all.iter().filter(|sent| sent.transaction != lost.transaction);
        let kept = kept.map(|sent| sent.event.clone()).collect();
        let files = shuffled(&dir, "lost", kept);
        let (code, found, said) = index(&dir, &files, &flags(true));
        assert_eq!(code, Some(1), "{said}");
        let others: Vec<_> = numbers().into_iter().filter(|number| *number != of).collect();
        assert_eq!(found, others, "{said}");
        let first =
            all.iter().find(|sent| sent.batch == of && sent.transaction != lost.transaction);
        let first = first.unwrap();
        for words in
            [&first.transaction[..], "lead to no batch root", &format!("block {}", first.block)]
        {
            assert!(
                said.contains(words) || said.contains(&words.replace("block", "blocks")),
                "{said}"
            );
        }
        assert!(said.contains("they may be of batch"), "{said}");
    }
    // Logs after the last batch of the trees, and logs of a chain without batches in them.
    let mut later = events(&all);
    let mut other = later[0].clone();
    other["blockNumber"] = json!("0xffffff");
    other["transactionHash"] = json!(format!("0x{}", "77".repeat(32)));
    later.push(other.clone());
    let files = shuffled(&dir, "later", later);
    let (code, found, said) = index(&dir, &files, &flags(true));
    assert_eq!((code, found), (Some(1), numbers()), "{said}");
    assert!(said.contains("block 16777215 lead to no batch root"), "{said}");
    let mut flags = flags(true);
    flags[1] = "506".into();
    let (code, _, said) = index(&dir, &files, &flags);
    assert_eq!(code, Some(3));
    assert!(said.contains("the batch of block"), "{said}");
}

#[test]
fn overlapping_files_are_put_together_and_contradictions_are_named() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let all = sent(&batches);
    let mut files = shuffled(&dir, "whole", events(&all));
    files.extend(shuffled(&dir, "again", events(&all[all.len() / 3..])));
    // Another exporter gives the number of the batch.
    let numbered = all[..all.len() / 2].iter().map(|sent| {
        let mut event = sent.event.clone();
        event["l1BatchNumber"] = json!(format!("{:#x}", sent.batch));
        event
    });
    let numbered = shuffled(&dir, "numbered", numbered.collect());
    for files in [&files[..], &[&files[..], &numbered[..]].concat()] {
        let (code, found, said) = index(&dir, files, &flags(true));
        assert_eq!((code, found), (Some(0), numbers()), "{said}");
    }
    let mut altered = all[0].event.clone();
    let data = altered["data"].as_str().unwrap().to_owned();
    altered["data"] = json!(format!("{}0000", &data[..data.len() - 4]));
    let mut moved = all[0].event.clone();
    moved["transactionHash"] = json!(format!("0x{}", "77".repeat(32)));
    for contradiction in [altered, moved] {
        let files = [&files[..], &[dir.write("other.json", contradiction.to_string())]].concat();
        let (code, _, said) = index(&dir, &files, &flags(true));
        assert_eq!(code, Some(1), "{said}");
        let words = format!("event 0 of block {} is given twice, differently", all[0].block);
        assert!(said.contains(&words), "{said}");
    }
    let mut elsewhere = all[0].event.clone();
    elsewhere["l1BatchNumber"] = json!("0x1");
    let elsewhere = dir.write("elsewhere.json", elsewhere.to_string());
    let files = [&files[..], &numbered, &[elsewhere]].concat();
    let (code, found, said) = index(&dir, &files, &flags(true));
    assert_eq!((code, &found[..]), (Some(1), &numbers()[1..]), "{said}");
    let words = format!("in batch 1 and in batch {}", all[0].batch);
    assert!(said.contains(&words), "{said}");
}

#[test]
fn removed_events_and_events_of_other_contracts_are_ignored() {
    let dir = IndexDir::new();
    let all = sent(&small_batches());
    let mut mixed = events(&all);
    for (field, value) in [
        ("removed", json!(true)),
        ("address", json!("0x0000000000000000000000000000000000008009")),
        ("topics", json!([])),
    ] {
        let mut other = all[0].event.clone();
        other["transactionHash"] = json!(format!("0x{}", "77".repeat(32)));
        other[field] = value;
        mixed.push(other);
    }
    let (code, found, said) = index(&dir, &shuffled(&dir, "mixed", mixed), &flags(true));
    assert_eq!((code, found), (Some(0), numbers()), "{said}");
}

#[test]
fn damaged_events_exclude_their_batch() {
    let dir = IndexDir::new();
    let all = sent(&small_batches());
    let numbered = |damage: &dyn Fn(&mut Value)| {
        let mut events: Vec<Value> = Vec::new();
        for sent in &all {
            let mut event = sent.event.clone();
            event["l1BatchNumber"] = json!(sent.batch);
            events.push(event);
        }
        damage(&mut events[0]);
        let file = dir.write("damaged.json", Value::from(events).to_string());
        index(&dir, &[file], &flags(false))
    };
    let remove =
        |event: &mut Value, field: &str| drop(event.as_object_mut().unwrap().remove(field));
    for field in ["data", "transactionHash", "blockNumber", "logIndex"] {
        let (code, found, said) = numbered(&|event| remove(event, field));
        assert_eq!((code, &found[..]), (Some(1), &numbers()[1..]), "{field}: {said}");
        assert!(said.contains(&format!("has no {field:?}")), "{said}");
    }
    // The words of a Boolean, a number of 16 bits and an address have too many bits.
    for at in [1, 2, 3] {
        let (code, found, said) = numbered(&|event| {
            let mut data = event["data"].as_str().unwrap().to_owned();
            data.replace_range(2 + at * 64..4 + at * 64, "ff");
            event["data"] = json!(data);
        });
        assert_eq!((code, &found[..]), (Some(1), &numbers()[1..]), "{at}: {said}");
        assert!(said.contains("the event's data"), "{said}");
    }
    // The index of the transaction is not needed. Some nodes write 0 for all of them.
    for damage in [&|event: &mut Value| remove(event, "transactionIndex"), &|event: &mut Value| {
        event["transactionIndex"] = json!("0x0");
    }] as [&dyn Fn(&mut Value); 2]
    {
        let mut all = events(&all);
        all.iter_mut().for_each(damage);
        let (code, found, said) = index(&dir, &shuffled(&dir, "no", all), &flags(true));
        assert_eq!((code, found), (Some(0), numbers()), "{said}");
    }
}

/// The receipts of the small batches, with both events of every log.
fn receipts_with_events() -> Vec<Value> {
    let (mut receipts, mut first) = (Vec::new(), 1000);
    for batch in small_batches() {
        let made = log_sources::receipts(Node::Era, &batch, first, true);
        first = made.last + 1;
        let (mut logs, mut messages) = (batch.logs.iter(), batch.messages.iter());
        for mut receipt in made.blocks.concat() {
            let own = receipt["l2ToL1Logs"].as_array().unwrap().len();
            let own = logs.by_ref().take(own);
            let events: Vec<Value> =
                own.flat_map(|log| log_sources::messenger_events(log, &mut messages)).collect();
            receipt["logs"] = events.into();
            receipts.push(receipt);
        }
    }
    receipts
}

fn without(receipts: &[Value], fields: &[&str]) -> Vec<Value> {
    let mut receipts = receipts.to_vec();
    for receipt in &mut receipts {
        fields.iter().for_each(|field| drop(receipt.as_object_mut().unwrap().remove(*field)));
    }
    receipts
}

#[test]
fn events_in_receipts_replace_missing_logs() {
    let dir = IndexDir::new();
    let all = receipts_with_events();
    let mut null = all.clone();
    null.iter_mut().for_each(|receipt| receipt["l2ToL1Logs"] = Value::Null);
    let generic = without(&all, &["l2ToL1Logs", "l1BatchNumber", "l1BatchTxIndex"]);
    for (receipts, with_tree) in [
        (&all, false),
        (&null, true),
        (&without(&all, &["l2ToL1Logs"]), true),
        (&generic, true),
        (&[&generic[..], &all[..all.len() / 2], &null[..]].concat(), true),
    ] {
        let file = dir.write("receipts.jsonl", lines(receipts.clone()));
        let (code, found, said) = index(&dir, &[file], &flags(with_tree));
        assert_eq!((code, found), (Some(0), numbers()), "{said}");
    }
    // Without roots, nothing tells whether a transaction without events has logs.
    let undecided = without(&all, &["l2ToL1Logs"]);
    let file = dir.write("receipts.jsonl", lines(undecided));
    let (code, _, said) = index(&dir, &[file], &flags(false));
    assert_ne!(code, Some(0));
    assert!(said.contains("has no \"l2ToL1Logs\""), "{said}");
    // The blocks of the batches say the same as their roots.
    let blocks = all.iter().map(|receipt| {
        let block = receipt["blockNumber"].as_str().unwrap();
        let block = u64::from_str_radix(&block[2..], 16).unwrap();
        let batch = receipt["l1BatchNumber"].as_str().unwrap();
        let batch = u64::from_str_radix(&batch[2..], 16).unwrap();
        json!({ "batchNumber": batch, "firstBlock": block, "lastBlock": block })
    });
    let mut blocks: Vec<_> = blocks.collect();
    blocks.dedup();
    let blocks = dir.write("blocks.jsonl", lines(blocks));
    let file = dir.write("receipts.jsonl", lines(generic));
    let flags = [flags(true), vec!["--batch-blocks".into(), text(&blocks).into()]].concat();
    let (code, found, said) = index(&dir, &[file], &flags);
    assert_eq!((code, found), (Some(0), numbers()), "{said}");
}

#[test]
fn logs_and_events_of_a_transaction_have_to_agree() {
    let dir = IndexDir::new();
    let all = receipts_with_events();
    let at = all.iter().position(|receipt| receipt["logs"].as_array().unwrap().len() > 3).unwrap();
    let hash = all[at]["transactionHash"].as_str().unwrap();
    let batch = format!("{}", all[at]["l1BatchNumber"]);
    let others: Vec<_> =
        numbers().into_iter().filter(|number| format!("\"{number:#x}\"") != batch).collect();
    let others = &others[..];
    // The first log is altered, missing in the logs, or missing among the events.
    let damage: [&dyn Fn(&mut Value); 3] = [
        &|receipt| receipt["l2ToL1Logs"][0]["key"] = json!(hex(&[9; 32])),
        &|receipt| receipt["l2ToL1Logs"] = json!([]),
        &|receipt| drop(receipt["logs"].as_array_mut().unwrap().remove(0)),
    ];
    for damage in damage {
        let mut all = all.clone();
        damage(&mut all[at]);
        let file = dir.write("receipts.jsonl", lines(all));
        let (code, found, said) = index(&dir, &[file], &flags(false));
        assert_eq!((code, &found[..]), (Some(1), others), "{said}");
        let words = format!("of transaction {hash} differ in log ");
        assert!(said.contains(&words), "{said}");
    }
    // The same in two files: events that are missing are no contradiction.
    let block = &all[at]["blockNumber"];
    let of_logs: Vec<Value> = (0..)
        .zip(all[at]["logs"].as_array().unwrap())
        .map(|(index, event)| {
            let mut event = event.clone();
            event["blockNumber"] = block.clone();
            event["transactionHash"] = json!(hash);
            event["transactionIndex"] = all[at]["transactionIndex"].clone();
            event["logIndex"] = json!(7 + index);
            event
        })
        .collect();
    let mut bare = all.clone();
    bare.iter_mut().for_each(|receipt| receipt["logs"] = json!([]));
    let bare = dir.write("receipts.jsonl", lines(bare));
    // The order of receipts and events in one block is that of the transactions.
    let mut others_of_block = all.clone();
    others_of_block.remove(at);
    let others_of_block = dir.write("others.jsonl", lines(others_of_block));
    let mut numbered = of_logs.clone();
    numbered.iter_mut().for_each(|event| event["l1BatchNumber"] = all[at]["l1BatchNumber"].clone());
    let numbered = dir.write("numbered.json", Value::from(numbered).to_string());
    let (code, found, said) = index(&dir, &[numbered, others_of_block], &flags(true));
    assert_eq!((code, found), (Some(0), numbers()), "{said}");
    let mut altered = of_logs.clone();
    let data = altered[0]["data"].as_str().unwrap().to_owned();
    altered[0]["data"] = json!(format!("{}0000", &data[..data.len() - 4]));
    for (events, expected) in [
        (&of_logs[..], (Some(0), &numbers()[..])),
        (&of_logs[1..], (Some(0), &numbers()[..])),
        (&altered, (Some(1), others)),
    ] {
        let events = dir.write("events.json", answer(&Value::from(events)).to_string());
        let (code, found, said) = index(&dir, &[bare.clone(), events], &flags(false));
        assert_eq!((code, &found[..]), expected, "{said}");
        if code == Some(1) {
            assert!(said.contains(&format!("of transaction {hash} differ in log ")), "{said}");
        }
    }
}

#[test]
fn a_receipt_of_a_sealed_batch_completes_earlier_ones() {
    let dir = IndexDir::new();
    let sealed = receipts_with_events();
    let mut pending = sealed.clone();
    for receipt in &mut pending {
        for field in ["l1BatchNumber", "l1BatchTxIndex"] {
            receipt[field] = Value::Null;
        }
        receipt["logs"] = json!([]);
        for log in receipt["l2ToL1Logs"].as_array_mut().unwrap() {
            log["l1BatchNumber"] = Value::Null;
            log["txIndexInL1Batch"] = Value::Null;
        }
    }
    let read = |receipts: Vec<Value>, with_tree: bool| {
        let file = dir.write("receipts.jsonl", lines(receipts));
        index(&dir, &[file], &flags(with_tree))
    };
    for (one, other) in [(&pending, &sealed), (&sealed, &pending)] {
        for with_tree in [false, true] {
            let (code, found, said) = read([&one[..], other].concat(), with_tree);
            assert_eq!((code, found), (Some(0), numbers()), "{said}");
        }
    }
    // What both say has to agree.
    let at = pending.iter().position(|receipt| receipt["l2ToL1Logs"][0].is_object()).unwrap();
    pending[at]["l2ToL1Logs"][0]["value"] = json!(hex(&[9; 32]));
    let (code, found, said) = read([&pending[..], &sealed].concat(), false);
    assert_eq!((code, &found[..]), (Some(1), &numbers()[1..]), "{said}");
    assert!(said.contains("is given twice, differently"), "{said}");
}
