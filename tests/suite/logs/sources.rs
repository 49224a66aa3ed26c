//! All sources of logs give the same proofs.

use std::path::{Path, PathBuf};

use crate::support::{
    self,
    binary::run,
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{self, Export, Node, answer, lines, shaped},
    vectors::{self, Batch, by_chain, raw_batches},
};
use serde_json::{Value, json};
use slproof::{
    archive::Archive,
    files::Access,
    primitives::{BatchNumber, ChainId, Hash},
};

const VECTORS: [&str; 2] = ["gateway-v29", "gateway-v31"];

fn state(vectors: &str) -> PathBuf {
    fixture(&format!("{vectors}/state.anvil.json"))
}

/// All proofs that can be made from an archive, without the hashes of transactions, which not every source
/// has.
fn proofs(vectors: &str, archive: &Path) -> String {
    let state = state(vectors);
    let run = run(["prove", "--tree", text(&state), "--messages", text(archive), "--all"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let lines = run.stdout.lines().map(|line| match line.split_once(",\"txHash\":\"") {
        Some((before, after)) => format!("{before}{}\n", &after["0x\"".len() + 64..]),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// The proofs from the raw archive of the vectors.
fn expected(vectors: &str) -> String {
    let proofs = proofs(vectors, &fixture(&format!("{vectors}/logs.jsonl.gz")));
    assert!(proofs.lines().count() > 2000);
    proofs
}

#[test]
fn receipts_of_era_chains_give_the_same_proofs_in_every_shape() {
    for vectors in VECTORS {
        let dir = IndexDir::new();
        let mut archives = Vec::new();
        for (shape, (chain, batches)) in by_chain(vectors).into_iter().enumerate() {
            let (mut blocks, mut first) = (Vec::new(), 1000);
            for batch in &batches {
                let mut receipts = log_sources::receipts(Node::Era, batch, first, true);
                blocks.append(&mut receipts.blocks);
                first = receipts.last + 1;
            }
            let name = format!("{chain}.json{}", if shape % 3 == 0 { ".gz" } else { "" });
            let file = dir.write(&name, shaped(shape % 8, &blocks));
            let chain = chain.to_string();
            archives.push(dir.indexed(&[file], &["--chain", &chain], &format!("{chain}.slmsg")));
        }
        let whole = dir.indexed(&archives, &["--tree", text(&state(vectors))], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");

        // Every log can be found by its transaction.
        let inspected = run(["inspect", text(&whole), "--json"]).stdout;
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        assert_eq!(inspected["transactions"], inspected["logs"]);
        let archive = Archive::open(&whole, Access::Map).unwrap();
        let batches = vectors::batches(vectors);
        let batch = batches.iter().find(|batch| batch.logs.len() > 3).unwrap();
        let hash: Hash = log_sources::transaction_hash(batch, 0).parse().unwrap();
        let found: Vec<_> = archive.find_transaction(hash).map(Result::unwrap).collect();
        assert_eq!(found[0].batch.key(), (ChainId(batch.chain), BatchNumber(batch.number)));
        assert_eq!(found[0].index, 0);
    }
}

#[test]
fn receipts_of_zksync_os_chains_take_their_batches_from_a_list_of_blocks() {
    for vectors in VECTORS {
        let dir = IndexDir::new();
        let mut archives = Vec::new();
        for (shape, (chain, batches)) in by_chain(vectors).into_iter().enumerate() {
            let (mut blocks, mut listed, mut first) = (Vec::new(), Vec::new(), 7);
            for batch in &batches {
                let mut receipts =
                    log_sources::receipts(Node::ZksyncOs, batch, first, shape % 2 == 0);
                blocks.append(&mut receipts.blocks);
                first = receipts.last + 1;
                let (number, begin, end) = (batch.number, receipts.first, receipts.last);
                listed.push(match shape % 3 {
                    0 => json!({ "batchNumber": number, "firstBlock": begin, "lastBlock": end }),
                    1 => json!({
                        "batch_info": { "batch_number": number },
                        "block_range": { "start": begin, "end": end },
                    }),
                    _ => json!({
                        "topics": [
                            slproof::keccak::keccak256(
                                b"ReportCommittedBatchRangeZKsyncOS(uint64,uint64,uint64)",
                            ),
                            format!("0x{number:064x}"),
                            format!("0x{begin:064x}"),
                            format!("0x{end:064x}"),
                        ],
                        "data": "0x",
                    }),
                });
            }
            let mut files = vec![dir.write(&format!("{chain}.json"), shaped(shape % 8, &blocks))];
            if shape % 2 == 1 {
                // The messages are taken from eth_getLogs.
                let mut events = Vec::new();
                for batch in &batches {
                    let logs = batch.logs.iter().filter(|log| vectors::is_message(log));
                    let of_batch = logs.zip(&batch.messages);
                    events.extend(of_batch.map(|(log, message)| log_sources::event(log, message)));
                }
                events.reverse();
                let events = answer(&Value::from(events)).to_string();
                files.insert(shape / 2 % 2, dir.write(&format!("{chain}.events.json"), events));
            }
            let listed = dir.write(&format!("{chain}.batches"), lines(listed));
            let chain = chain.to_string();
            let flags = ["--chain", &chain, "--batch-blocks", text(&listed)];
            archives.push(dir.indexed(&files, &flags, &format!("{chain}.slmsg")));
        }
        let whole = dir.indexed(&archives, &[], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");
    }
}

#[test]
fn pubdata_of_both_kinds_of_chains_gives_the_same_proofs() {
    for vectors in VECTORS {
        let dir = IndexDir::new();
        let mut listed = Vec::new();
        for (at, batch) in vectors::batches(vectors).iter().enumerate() {
            let (chain, number) = (batch.chain, batch.number);
            let mut pubdata = match at % 3 {
                0 => log_sources::era_pubdata(batch),
                1 => log_sources::zksync_os_pubdata(batch, 1),
                _ => log_sources::zksync_os_pubdata(batch, 2),
            };
            match at % 7 {
                0 => drop(dir.write(&format!("pubdata/{chain}-{number}.bin"), &pubdata)),
                1 => drop(dir.write(&format!("pubdata/{chain}_{number}.bin.gz"), &pubdata)),
                2 => {
                    let name = format!("pubdata/chain{chain}-batch{number}.hex");
                    dir.write(&name, vectors::hex(&pubdata) + "\n");
                }
                3 => {
                    let name = format!("pubdata/batch-{number}-chain-{chain}.hex.gz");
                    dir.write(&name, &vectors::hex(&pubdata)[2..]);
                }
                4 => {
                    let hex = vectors::hex(&pubdata);
                    listed.push(json!({ "chainId": chain, "batchNumber": number, "pubdata": hex }));
                }
                _ => {
                    // The last blob of an Era batch is filled with zeros.
                    if at % 3 == 0 {
                        pubdata.resize(pubdata.len() + 77, 0);
                    }
                    dir.write(&format!("others/{at}"), &pubdata);
                    let file = format!("others/{at}");
                    listed.push(json!({ "chainId": chain, "batchNumber": number, "file": file }));
                }
            }
        }
        let list = dir.write("list.jsonl", lines(listed));
        let files = [list, dir.path("pubdata")];
        let whole = dir.indexed(&files, &["--tree", text(&state(vectors))], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");
    }
}

#[test]
fn the_messages_of_a_settlement_layer_contain_the_batches_of_its_chains() {
    let (vectors, sender) = ("gateway-v31", [0x5a; 20]);
    let dir = IndexDir::new();
    let batches = vectors::batches(vectors);
    let gateway: Vec<Batch> = batches
        .chunks(10)
        .zip(1..)
        .map(|(some, number)| {
            let mut messages: Vec<_> = some
                .iter()
                .map(|batch| log_sources::relayed(batch, &log_sources::era_pubdata(batch)))
                .collect();
            messages.insert(0, b"another message".to_vec());
            log_sources::relaying(506, number, sender, messages)
        })
        .collect();
    // Messages of the same form from other senders are not the chain's pubdata and are detected.
    let mut forged = batches[3].clone();
    forged.messages.clear();
    forged.logs.clear();
    let forged = log_sources::relayed(&forged, &log_sources::era_pubdata(&forged));
    // No pubdata at all: of a batch that another message gives, and of a chain that does not exist.
    let stranger = Batch { chain: 999_999, ..batches[3].clone() };
    let spoiled = [&batches[3], &stranger].map(|batch| log_sources::relayed(batch, &[0xff; 40]));
    let forged = [vec![forged], spoiled.to_vec()].concat();
    let forged = log_sources::relaying(506, 900, [0x66; 20], forged);
    let line = |batch: &Batch| {
        let hex =
            |items: &[Vec<u8>]| items.iter().map(|item| vectors::hex(item)).collect::<Vec<_>>();
        let (logs, messages) = (hex(&batch.logs), hex(&batch.messages));
        json!({ "chainId": 506, "batchNumber": batch.number, "logs": logs, "messages": messages })
    };
    let file = dir.write("gateway.jsonl", lines(gateway.iter().chain([&forged]).map(line)));
    let files = [file];
    let tree = state(vectors);
    let sender = vectors::hex(&sender);

    let prove = |archive: &Path| {
        let run = run(["prove", "--tree", text(&tree), "--messages", text(archive), "--all"]);
        // The settlement layer's own batches are not in its trees.
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let proofs = run.stdout.lines().filter(|line| line.contains("\"proof\":"));
        proofs.map(|line| line.to_owned() + "\n").collect::<String>()
    };
    // Only the validator's messages are read; one of them is not pubdata and is reported.
    let by_sender = dir.index(&files, &["--relayed-by", &sender], "sender.slmsg");
    assert_eq!(by_sender.code, Some(1), "{}", by_sender.stderr);
    assert!(by_sender.stderr.contains("is not relayed pubdata"), "{}", by_sender.stderr);
    assert!(prove(&dir.path("sender.slmsg")) == expected(vectors));
    // Messages of any sender are read and kept if they fold to the roots in the tree.
    let by_anyone = dir.index(&files, &["--relayed-by", "any", "--tree", text(&tree)], "any.slmsg");
    // Another message gives the batch of the forged one, so nothing is left out.
    assert_eq!(by_anyone.code, Some(0), "{}", by_anyone.stderr);
    assert!(!by_anyone.stderr.contains("is incomplete"), "{}", by_anyone.stderr);
    assert!(by_anyone.stderr.contains("unchecked          16"), "{}", by_anyone.stderr);
    assert!(prove(&dir.path("any.slmsg")) == expected(vectors));
    // Without the tree, nothing shows which of two messages is right.
    let blind = dir.index(&files, &["--relayed-by", "any"], "blind.slmsg");
    assert_eq!(blind.code, Some(2), "{}", blind.stderr);
    // Without the flag, relayed pubdata is not indexed.
    dir.indexed(&files, &[], "plain.slmsg");
    let inspected = run(["inspect", text(&dir.path("plain.slmsg")), "--json"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&inspected).unwrap()["batches"], 16);
}

#[test]
fn the_tables_of_a_node_give_the_same_proofs_as_dump_copy_and_csv() {
    for vectors in VECTORS {
        let dir = IndexDir::new();
        let mut archives = Vec::new();
        for (at, (chain, batches)) in by_chain(vectors).into_iter().enumerate() {
            let export = [Export::Dump, Export::Copy, Export::Csv][at % 3];
            let tables = log_sources::tables(export, &batches);
            let files: Vec<_> = if export == Export::Dump {
                vec![dir.write(&format!("{chain}.sql.gz"), tables.concat())]
            } else {
                let names = ["l1_batches", "l2_to_l1_logs", "miniblocks"];
                let file = |(name, table): (_, &String)| {
                    let table = if export == Export::Csv {
                        table.replace('\n', "\r\n")
                    } else {
                        table.clone()
                    };
                    dir.write(&format!("{chain}/{name}"), table)
                };
                names.into_iter().zip(&tables).map(file).collect()
            };
            let chain = chain.to_string();
            archives.push(dir.indexed(&files, &["--chain", &chain], &format!("{chain}.slmsg")));
        }
        let whole = dir.indexed(&archives, &[], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");
    }
}

#[test]
fn tree_reports_incomplete_and_missing_batches() {
    let (dir, vectors) = (IndexDir::new(), "gateway-v31");
    let tree = state(vectors);
    let raw = String::from_utf8(support::read(&format!("{vectors}/logs.jsonl.gz"))).unwrap();
    let mut lines: Vec<&str> = raw.lines().collect();
    let batches = vectors::batches(vectors);
    let at = batches.iter().position(|batch| batch.logs.len() > 10).unwrap();
    let batch = &batches[at];
    // The last log is missing, which only the root shows.
    let mut cut: Value = serde_json::from_str(lines[at]).unwrap();
    cut["logs"].as_array_mut().unwrap().pop();
    cut["messages"] = json!([]);
    let cut = cut.to_string();
    lines[at] = &cut;
    let gone = batches.iter().rposition(|other| other.chain == batch.chain).unwrap();
    lines.remove(gone);
    let file = dir.write("logs.jsonl", lines.join("\n"));
    let run = dir.index(std::slice::from_ref(&file), &["--tree", text(&tree)], "checked.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for words in [
        format!("logs.jsonl, line {}", at + 1),
        format!("chain {}, batch {} is incomplete", batch.chain, batch.number),
        "do not fold to its batch root".into(),
        "143 batches fold to their roots; 2 batches of these chains are missing".into(),
        format!("2 of chain {}: {} {}", batch.chain, batch.number, batches[gone].number),
    ] {
        assert!(run.stderr.contains(&words), "{words}: {}", run.stderr);
    }
    assert_eq!(archived(&dir.path("checked.slmsg")).len(), 143);
    // If both right and wrong logs are given, the root decides.
    let whole = fixture(&format!("{vectors}/logs.jsonl.gz"));
    let run = dir.index(&[file, whole], &["--tree", text(&tree)], "both.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("145 batches fold to their roots; 0"), "{}", run.stderr);
    assert!(proofs(vectors, &dir.path("both.slmsg")) == expected(vectors));
}

#[test]
fn batches_of_which_the_tree_has_no_root_are_kept_and_counted_as_unchecked() {
    let (dir, vectors) = (IndexDir::new(), "gateway-v31");
    let (_, mut batches) = raw_batches(vectors);
    batches[0]["chainId"] = json!(987_654_321);
    batches[1]["batchNumber"] = json!(987_654_321);
    let file = dir.write("raw.jsonl", lines(batches));
    let run = dir.index(&[file], &["--tree", text(&state(vectors))], "kept.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for words in ["3 batches fold to their roots", "unchecked          2 batches"] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    let kept = archived(&dir.path("kept.slmsg"));
    assert_eq!((kept.len(), kept.iter().filter(|number| **number == 987_654_321).count()), (5, 1));
}

#[test]
fn the_tree_decides_between_aggregated_roots() {
    let (dir, vectors) = (IndexDir::new(), "gateway-v31");
    let tree = state(vectors);
    let (_, batches) = raw_batches(vectors);
    let right = dir.write("right.jsonl", lines(batches.clone()));
    let mut wrong = batches.clone();
    wrong.iter_mut().for_each(|batch| batch["aggregatedRoot"] = json!(Hash::new([0x11; 32])));
    let wrong = dir.write("wrong.jsonl", lines(wrong));
    let mut plain = batches.clone();
    for batch in &mut plain {
        let _ = batch.as_object_mut().unwrap().remove("aggregatedRoot");
    }
    let plain = dir.write("plain.jsonl", lines(plain));
    let flags = ["--tree", text(&tree)];
    for files in [vec![right.clone(), wrong.clone()], vec![wrong.clone(), plain, right.clone()]] {
        let whole = dir.indexed(&files, &flags, "whole.slmsg");
        assert_eq!(archived(&whole).len(), batches.len());
    }
    // A wrong aggregated root is not kept, even if it is the only one.
    let alone = dir.indexed(std::slice::from_ref(&wrong), &flags, "alone.slmsg");
    let archive = Archive::open(&alone, Access::Map).unwrap();
    for batch in archive.batches() {
        assert_ne!(batch.unwrap().aggregated_root(), Some(Hash::new([0x11; 32])));
    }
    // Without the tree, the right root is unknown. Batches that are left out do not count as merged.
    let mut other = batches.clone();
    other.iter_mut().for_each(|batch| batch["aggregatedRoot"] = json!(Hash::new([0x22; 32])));
    other.truncate(2);
    let other = dir.write("other.jsonl", lines(other));
    let run = dir.index(&[wrong, other], &[], "none.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("different aggregated roots"), "{}", run.stderr);
    assert!(!run.stderr.contains("merging"), "{}", run.stderr);
}

#[test]
fn tables_without_miniblocks_take_their_batches_from_a_list_of_blocks() {
    let dir = IndexDir::new();
    let (chain, mut batches) = by_chain("gateway-v31").pop_first().unwrap();
    batches.retain(|batch| batch.logs.len() < 40);
    batches.truncate(5);
    let tables = log_sources::tables(Export::Csv, &batches);
    // Each batch has one miniblock.
    let listed = (500_000u64..).zip(&batches).map(|(block, batch)| {
        json!({ "batchNumber": batch.number, "firstBlock": block, "lastBlock": block })
    });
    let blocks = dir.write("blocks", lines(listed));
    let file = dir.write("logs.csv", format!("\u{feff}{}", tables[1]));
    let chain = chain.to_string();
    let flags = ["--chain", &chain, "--batch-blocks", text(&blocks)];
    let archive = dir.indexed(&[file], &flags, "listed.slmsg");
    let with_logs = batches.iter().filter(|batch| !batch.logs.is_empty());
    assert_eq!(archived(&archive), with_logs.map(|batch| batch.number).collect::<Vec<_>>());
}
