//! Damaged sources of logs: damage in one batch excludes that batch, and the error names file and position.

use std::path::PathBuf;

use crate::support::{
    binary::run_within,
    index_dir::{IndexDir, archived, text},
    log_sources::{self, Export, Node, lines},
    vectors::{self, Batch, small_batches},
};
use serde_json::{Value, json};
use slproof::{archive::Archive, files::Access, primitives::Hash};

/// Indexes files with a damaged second batch. Asserts that the other batches are kept and that the messages
/// contain the words.
fn loses_the_second(dir: &IndexDir, files: &[PathBuf], flags: &[&str], words: &[&str]) {
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let run = dir.index(files, &[&["--chain", &chain], flags].concat(), "damaged.slmsg");
    assert_eq!(run.code, Some(1), "{words:?}: {}", run.stderr);
    for words in words {
        assert!(run.stderr.contains(words), "{words:?}: {}", run.stderr);
    }
    let kept: Vec<_> = [0, 2, 3].map(|at| batches[at].number).into();
    assert_eq!(archived(&dir.path("damaged.slmsg")), kept, "{words:?}: {}", run.stderr);
}

#[test]
fn damaged_receipt_excludes_only_its_batch() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let mut first = 10;
    let receipts: Vec<Vec<Value>> = batches
        .iter()
        .map(|batch| {
            let receipts = log_sources::receipts(Node::Era, batch, first, true);
            first = receipts.last + 1;
            receipts.blocks.concat()
        })
        .collect();
    // The first receipt with a message in the second batch.
    let at = receipts[1].iter().position(|receipt| receipt["logs"][0].is_object()).unwrap();
    let damage = |words: &[&str], damage: &dyn Fn(&mut Vec<Value>)| {
        let mut receipts = receipts.clone();
        damage(&mut receipts[1]);
        let file = dir.write("receipts.jsonl", lines(receipts.concat()));
        loses_the_second(&dir, &[file], &[], words);
    };
    let remove = |receipt: &mut Value, field: &str| {
        receipt.as_object_mut().unwrap().remove(field).unwrap();
    };
    let batch = format!("batch {} is left out", batches[1].number);
    for field in ["transactionHash", "transactionIndex", "blockNumber", "l2ToL1Logs"] {
        let words = format!("has no {field:?}");
        damage(&["receipts.jsonl, byte ", &words, &batch], &|all| remove(&mut all[at], field));
    }
    for field in ["shardId", "isService", "sender", "key", "value"] {
        let words = format!("has no {field:?}");
        damage(&[&words, &batch], &|all| remove(&mut all[at]["l2ToL1Logs"][0], field));
    }
    damage(&["has no \"txIndexInL1Batch\""], &|all| {
        remove(&mut all[at], "l1BatchTxIndex");
        remove(&mut all[at]["l2ToL1Logs"][0], "txIndexInL1Batch");
    });
    damage(&["byte ", "\"value\" of log 0 of the receipt: expected a hash"], &|all| {
        all[at]["l2ToL1Logs"][0]["value"] = json!(7)
    });
    damage(&["hexadecimal"], &|all| all[at]["transactionIndex"] = json!("0xg"));
    damage(&["out of order"], &|all| {
        let log = all[at]["l2ToL1Logs"][0].clone();
        all[at]["l2ToL1Logs"].as_array_mut().unwrap().push(log);
    });
    damage(&["is of another transaction"], &|all| {
        all[at]["l2ToL1Logs"][0]["transactionHash"] = all[at + 1]["transactionHash"].clone();
    });
    damage(&["does not fit 16 bits"], &|all| {
        all[at]["l2ToL1Logs"][0]["txIndexInL1Batch"] = json!("0x10000");
    });
    damage(&["the message hashes to"], &|all| {
        let event = &mut all[at]["logs"][0];
        let data = event["data"].as_str().unwrap().replacen("0x", "", 1);
        let (head, message) = data.split_at(128);
        let flipped = if message.starts_with('0') { "1" } else { "0" };
        event["data"] = json!(format!("0x{head}{flipped}{}", &message[1..]));
    });
    damage(&["block", "has log 0 in none of the receipts"], &|all| drop(all.remove(0)));
    damage(&["is given twice, differently"], &|all| {
        let mut other = all[at].clone();
        other["l2ToL1Logs"][0]["key"] = json!(format!("0x{}", "77".repeat(32)));
        other["logs"] = json!([]);
        all.push(other);
    });
    damage(&["there are two of one transaction"], &|all| {
        let mut other = all[at].clone();
        other["transactionIndex"] = json!("0xfff");
        all.push(other);
    });
}

#[test]
fn missing_message_bytes_do_not_exclude_their_batch() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let mut receipts = log_sources::receipts(Node::Era, &batches[0], 10, true).blocks.concat();
    for receipt in &mut receipts {
        if receipt["logs"][0].is_object() {
            receipt["logs"] = json!([]);
            break;
        }
    }
    let file = dir.write("receipts.json", lines(receipts));
    let run = dir.index(&[file], &["--chain", &chain], "bare.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("1 batches without the bytes"), "{}", run.stderr);
    assert_eq!(archived(&dir.path("bare.slmsg")), [batches[0].number]);
}

#[test]
fn damaged_pubdata_excludes_only_its_batch() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let files = |second: &dyn Fn(&Batch) -> Vec<u8>| -> Vec<PathBuf> {
        let pubdata = |(at, batch): (usize, &Batch)| {
            let bytes = if at == 1 { second(batch) } else { log_sources::era_pubdata(batch) };
            dir.write(&format!("{}.bin", batch.number), bytes)
        };
        batches.iter().enumerate().map(pubdata).collect()
    };
    let name = format!("{}.bin", batches[1].number);
    type Damage<'d> = (&'d str, &'d dyn Fn(&Batch) -> Vec<u8>);
    let damages: [Damage<'_>; 9] = [
        ("ends at byte", &|batch| {
            let mut bytes = log_sources::era_pubdata(batch);
            bytes.pop();
            bytes
        }),
        ("after the end of the pubdata", &|batch| {
            [&log_sources::era_pubdata(batch)[..], &[1]].concat()
        }),
        ("a batch has at most 16384", &|batch| {
            [&[0, 0, 0x40, 1][..], &log_sources::era_pubdata(batch)[4..]].concat()
        }),
        ("ends at byte", &|batch| {
            [&[0, 0, 0x3f, 0][..], &log_sources::era_pubdata(batch)[4..]].concat()
        }),
        ("its log says", &|batch| {
            let mut other = batch.clone();
            other.messages[1].push(7);
            log_sources::era_pubdata(&other)
        }),
        ("messages for", &|batch| {
            let mut other = batch.clone();
            other.messages.pop();
            log_sources::era_pubdata(&other)
        }),
        ("ends at byte", &|batch| {
            let mut bytes = log_sources::zksync_os_pubdata(batch, 1);
            bytes.pop();
            bytes
        }),
        ("of version 3", &|batch| log_sources::zksync_os_pubdata(batch, 3)),
        ("odd number of digits", &|batch| {
            let mut text = vectors::hex(&log_sources::era_pubdata(batch));
            text.pop();
            text.into_bytes()
        }),
    ];
    for (words, damage) in damages {
        loses_the_second(&dir, &files(damage), &[], &[words, &name]);
    }
    let nameless = dir.write("nameless.bin", log_sources::era_pubdata(&batches[0]));
    let run = dir.index(&[nameless], &[], "none.slmsg");
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("name the file"), "{}", run.stderr);
}

#[test]
fn damaged_row_excludes_only_its_batch() {
    let dir = IndexDir::new();
    let batches = small_batches();
    for export in [Export::Dump, Export::Copy, Export::Csv] {
        let tables = log_sources::tables(export, &batches);
        let index = |tables: &[String; 3], words: &[&str]| {
            let files: Vec<_> = if export == Export::Dump {
                vec![dir.write("node.sql", tables.concat())]
            } else {
                tables.iter().zip(["a", "b", "c"]).map(|(t, name)| dir.write(name, t)).collect()
            };
            loses_the_second(&dir, &files, &[], words);
        };
        let replaced = |table: usize, from: &str, to: &str| {
            let mut tables = tables.clone();
            assert!(tables[table].contains(from), "{from}");
            tables[table] = tables[table].replacen(from, to, 1);
            tables
        };
        // A log of the second batch.
        let hash = vectors::unhex(&Value::from(log_sources::transaction_hash(&batches[1], 0)));
        let hash = export.bytea(&hash);
        let bare = hash.trim_start_matches('\\');
        index(
            &replaced(1, &hash, &format!("\\{bare}")[usize::from(export == Export::Csv)..]),
            &["column tx_hash", "a backslash was lost", ", line "],
        );
        index(&replaced(1, &hash, &format!("\\\\{hash}")), &["column tx_hash", "two backslashes"]);
        index(&replaced(1, &hash, &hash[..hash.len() - 2]), &["has 31 bytes, not 32"]);
        index(&replaced(1, &hash, &hash[..hash.len() - 1]), &["odd number of digits"]);
        // The row of that log is missing.
        let mut missing = tables.clone();
        let rows: Vec<_> = tables[1].lines().filter(|line| !line.contains(&hash)).collect();
        missing[1] = rows.join("\n") + "\n";
        index(&missing, &["has log 0 in none"]);
        // A message of the second batch.
        let array = export.bytea_array(&batches[1].messages);
        let less = export.bytea_array(&batches[1].messages[1..]);
        index(&replaced(0, &array, &less), &["messages for"]);
        let mut swapped = batches[1].messages.clone();
        swapped.push(swapped[0].clone());
        swapped.remove(0);
        index(&replaced(0, &array, &export.bytea_array(&swapped)), &["its log says"]);
        let lost = array.replace("\\\\\\\\", "\\\\").replace("\"\"\\\\", "\"\"\\");
        index(&replaced(0, &array, &lost), &["column l2_to_l1_messages", "a backslash was lost"]);
    }
    for (text, words) in [
        ("PGDMP\u{1}", "pg_restore"),
        ("PGCOPY\n\u{fffd}", "not an archive of a known kind"),
        ("-- PostgreSQL database dump\n", "no rows of l2_to_l1_logs"),
        ("COPY public.l2_to_l1_logs (miniblock_number) FROM stdin;\n\\.\n", "has no \"log_index"),
        ("number,l1_batch_number\n1,1\n", "no l2_to_l1_logs"),
    ] {
        let file = dir.write("refused", text);
        let run = dir.index(&[file], &["--chain", "9"], "refused.slmsg");
        assert_eq!(run.code, Some(3), "{text}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{text}: {}", run.stderr);
    }
}

/// Files that declare more data than they have, or have endless values, are refused in bounded memory.
#[cfg(unix)]
#[test]
fn hostile_files_are_refused_in_bounded_memory() {
    let dir = IndexDir::new();
    let endless = "x".repeat(300 << 20);
    for (name, content) in [
        ("9-1.bin", "\0\0\u{40}\0".to_owned()),
        ("value.json", format!("[{{\"transactionHash\":\"{endless}")),
        ("rows.csv", format!("number,l1_batch_number\n1,\"{endless}")),
        ("rows.tsv", format!("number\tl1_batch_number\n1\t{endless}")),
        ("deep.json", "[".repeat(1 << 20)),
        ("deeper.json", format!("{{\"result\":{}", "[".repeat(1 << 20))),
        ("closed.json", format!("[{}{}]", "[".repeat(1 << 20), "]".repeat(1 << 20))),
    ] {
        let file = dir.write(&format!("{name}.gz"), content);
        let output = dir.path("hostile.slmsg");
        let args = ["index", text(&file), "--chain", "9", "-o", text(&output), "--threads", "2"];
        let run = run_within(1536, args);
        assert_eq!(run.code, Some(3), "{name}: {}", run.stderr);
        assert!(run.stderr.contains("error:"), "{name}: {}", run.stderr);
    }
}

/// Lists of very many short elements, which would take many times their length in memory.
#[cfg(unix)]
#[test]
fn long_lists_are_read_in_bounded_memory() {
    let dir = IndexDir::new();
    let list = |element: &str| format!("[{}{element}]", format!("{element},").repeat(8 << 20));
    let places = (0..1 << 20).map(|block| format!("1,{{\"blockNumber\":{block}}},"));
    let receipt = format!("{{\"transactionHash\":\"0x{}\",\"blockNumber\":1", "99".repeat(32));
    for (name, content, words) in [
        ("answers", format!("{{\"result\":{}}}", list("1")), "8388608 more parts"),
        ("objects", list("{}"), "has no \"transactionHash\""),
        ("lines", "{}\n".repeat(8 << 20), "is not a batch of logs"),
        (
            "places",
            format!("{{\"result\":[{}1]}}", places.collect::<String>()),
            "neither an object",
        ),
        ("logs", format!("{receipt},\"l2ToL1Logs\":{}}}", list("{}")), "more than 16384 logs"),
        ("events", format!("{receipt},\"logs\":{}}}", list("{}")), "has no \"transactionIndex\""),
        ("topics", format!("{{\"topics\":{}}}", list("\"\"")), "more than 4 topics"),
    ] {
        let file = dir.write(name, content);
        let output = dir.path("hostile.slmsg");
        let args = ["index", text(&file), "--chain", "9", "-o", text(&output), "--threads", "2"];
        let run = run_within(1024, args);
        assert_eq!(run.code, Some(3), "{name}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{name}: {}", run.stderr);
    }
}

#[test]
fn rows_of_one_batch_complete_or_contradict_each_other() {
    let dir = IndexDir::new();
    let (batches, export) = (small_batches(), Export::Copy);
    let (chain, number) = (batches[1].chain.to_string(), batches[1].number.to_string());
    let mut files: Vec<_> = log_sources::tables(export, &batches)
        .iter()
        .zip(["a", "b", "c"])
        .map(|(table, name)| dir.write(name, table))
        .collect();
    // Rows of the same batch: one has messages but no root, two have a root but no messages.
    let row = |root: u8| vec![number.clone(), "{}".into(), export.bytea(&[root; 32])];
    let columns = "number, l2_to_l1_messages, aggregation_root";
    files.push(dir.write("roots", export.table("l1_batches", columns, &[row(2), row(2)])));
    let archive = dir.indexed(&files, &["--chain", &chain], "whole.slmsg");
    let archive = Archive::open(&archive, Access::Map).unwrap();
    for (batch, said) in archive.batches().zip(&batches) {
        let batch = batch.unwrap();
        let root = (said.number == batches[1].number).then_some(Hash::new([2; 32]));
        assert_eq!(batch.aggregated_root(), root);
        assert!(batch.messages().iter().eq(&said.messages));
    }
    let rows = [row(2), row(2), row(3)];
    dir.write("roots", export.table("l1_batches", columns, &rows));
    let words = format!("line 4 give chain {chain}, batch {number} different aggregated roots");
    loses_the_second(&dir, &files, &[], &["roots, line 2 and ", &words]);
    let other = vec![number.clone(), export.bytea_array(&[vec![1]]), export.bytea(&[2; 32])];
    dir.write("roots", export.table("l1_batches", columns, &[row(2), other]));
    loses_the_second(&dir, &files, &[], &["/a, line ", "roots, line 3 give", "different messages"]);
}
