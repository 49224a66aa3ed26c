//! Logs from where people have them: the same proofs whichever form they came in, and what is wrong in one
//! batch costs that batch.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use support::{
    binary::{Run, run, run_within},
    fixture,
    written::{self, Batch, Export, Node},
};
use tempfile::TempDir;

const VECTORS: [&str; 2] = ["gateway-v29", "gateway-v31"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder to write to and index from.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with(".gz") {
            let mut gzip = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
            gzip.write_all(bytes.as_ref()).unwrap();
            gzip.finish().unwrap();
        } else {
            fs::write(&path, bytes).unwrap();
        }
        path
    }

    /// Indexes files into `output`.
    fn index(&self, files: &[PathBuf], rest: &[&str], output: &str) -> Run {
        let output = self.path(output);
        let files = files.iter().map(|file| text(file));
        run(["index"]
            .into_iter()
            .chain(files)
            .chain(rest.iter().copied())
            .chain(["-o", text(&output)]))
    }

    /// Indexes files without a fault.
    fn good(&self, files: &[PathBuf], rest: &[&str], output: &str) -> PathBuf {
        let run = self.index(files, rest, output);
        assert_eq!(run.code, Some(0), "{rest:?}: {}", run.stderr);
        self.path(output)
    }
}

fn state(vectors: &str) -> PathBuf {
    fixture(&format!("{vectors}/state.anvil.json"))
}

/// Every proof that an archive gives.
fn proofs(vectors: &str, archive: &Path) -> String {
    let state = state(vectors);
    let run = run(["prove", "--tree", text(&state), "--messages", text(archive), "--all"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

/// The proofs from the raw archive that came with the vectors.
fn expected(vectors: &str) -> String {
    let proofs = proofs(vectors, &fixture(&format!("{vectors}/logs.jsonl.gz")));
    assert!(proofs.lines().count() > 2000);
    proofs
}

fn by_chain(vectors: &str) -> BTreeMap<u64, Vec<Batch>> {
    let mut chains = BTreeMap::<u64, Vec<Batch>>::new();
    for batch in written::batches(vectors) {
        chains.entry(batch.chain).or_default().push(batch);
    }
    chains
}

fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| value.to_string() + "\n").collect()
}

fn answer(result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

/// The blocks of receipts, in one of the shapes in which people keep what they asked nodes.
fn shaped(shape: usize, blocks: &[Vec<Value>]) -> String {
    let all = blocks.iter().flatten();
    match shape {
        // eth_getTransactionReceipt, bare.
        0 => lines(all.cloned()),
        1 => Value::from(all.cloned().collect::<Vec<_>>()).to_string(),
        2 => serde_json::to_string_pretty(&all.rev().collect::<Vec<_>>()).unwrap(),
        // In envelopes, and in answers to batched requests.
        3 => lines(all.map(answer)),
        4 => Value::from(all.map(answer).collect::<Vec<_>>()).to_string(),
        // eth_getBlockReceipts.
        5 => lines(blocks.iter().rev().map(|block| answer(&Value::from(block.clone())))),
        6 => lines(blocks.iter().map(|block| Value::from(block.clone()))),
        // The same answer twice.
        _ => lines(all.clone().chain(all.clone()).cloned()),
    }
}

#[test]
fn receipts_of_era_chains_give_the_same_proofs_in_every_shape() {
    for vectors in VECTORS {
        let desk = Desk::new();
        let mut archives = Vec::new();
        for (shape, (chain, batches)) in by_chain(vectors).into_iter().enumerate() {
            let (mut blocks, mut first) = (Vec::new(), 1000);
            for batch in &batches {
                let mut receipts = written::receipts(Node::Era, batch, first, true);
                blocks.append(&mut receipts.blocks);
                first = receipts.last + 1;
            }
            let name = format!("{chain}.json{}", if shape % 3 == 0 { ".gz" } else { "" });
            let file = desk.write(&name, shaped(shape % 8, &blocks));
            let chain = chain.to_string();
            archives.push(desk.good(&[file], &["--chain", &chain], &format!("{chain}.slmsg")));
        }
        let whole = desk.good(&archives, &["--tree", text(&state(vectors))], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");

        // Every log is found by its transaction.
        let inspected = run(["inspect", text(&whole), "--json"]).stdout;
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        assert_eq!(inspected["transactions"], inspected["logs"]);
    }
}

#[test]
fn receipts_of_zksync_os_chains_take_their_batches_from_a_list_of_blocks() {
    for vectors in VECTORS {
        let desk = Desk::new();
        let mut archives = Vec::new();
        for (shape, (chain, batches)) in by_chain(vectors).into_iter().enumerate() {
            let (mut blocks, mut listed, mut first) = (Vec::new(), Vec::new(), 7);
            for batch in &batches {
                let mut receipts = written::receipts(Node::ZksyncOs, batch, first, shape % 2 == 0);
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
            let mut files = vec![desk.write(&format!("{chain}.json"), shaped(shape % 8, &blocks))];
            if shape % 2 == 1 {
                // The messages from eth_getLogs.
                let mut events = Vec::new();
                for batch in &batches {
                    let logs = batch.logs.iter().filter(|log| written::is_message(log));
                    let of_batch = logs.zip(&batch.messages);
                    events.extend(of_batch.map(|(log, message)| written::event(log, message)));
                }
                events.reverse();
                let events = answer(&Value::from(events)).to_string();
                files.insert(shape / 2 % 2, desk.write(&format!("{chain}.events.json"), events));
            }
            let listed = desk.write(&format!("{chain}.batches"), lines(listed));
            let chain = chain.to_string();
            let flags = ["--chain", &chain, "--batch-blocks", text(&listed)];
            archives.push(desk.good(&files, &flags, &format!("{chain}.slmsg")));
        }
        let whole = desk.good(&archives, &[], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");
    }
}

#[test]
fn pubdata_of_both_kinds_of_chains_gives_the_same_proofs() {
    for vectors in VECTORS {
        let desk = Desk::new();
        let mut listed = Vec::new();
        for (at, batch) in written::batches(vectors).iter().enumerate() {
            let (chain, number) = (batch.chain, batch.number);
            let mut pubdata = match at % 3 {
                0 => written::era_pubdata(batch),
                1 => written::zksync_os_pubdata(batch, 1),
                _ => written::zksync_os_pubdata(batch, 2),
            };
            match at % 7 {
                0 => drop(desk.write(&format!("pubdata/{chain}-{number}.bin"), &pubdata)),
                1 => drop(desk.write(&format!("pubdata/{chain}_{number}.bin.gz"), &pubdata)),
                2 => {
                    let name = format!("pubdata/chain{chain}-batch{number}.hex");
                    desk.write(&name, written::hex(&pubdata) + "\n");
                }
                3 => {
                    let name = format!("pubdata/batch-{number}-chain-{chain}.hex.gz");
                    desk.write(&name, &written::hex(&pubdata)[2..]);
                }
                4 => {
                    let hex = written::hex(&pubdata);
                    listed.push(json!({ "chainId": chain, "batchNumber": number, "pubdata": hex }));
                }
                _ => {
                    // The last blob of an Era batch is filled with zeros.
                    if at % 3 == 0 {
                        pubdata.resize(pubdata.len() + 77, 0);
                    }
                    desk.write(&format!("others/{at}"), &pubdata);
                    let file = format!("others/{at}");
                    listed.push(json!({ "chainId": chain, "batchNumber": number, "file": file }));
                }
            }
        }
        let list = desk.write("list.jsonl", lines(listed));
        let files = [list, desk.path("pubdata")];
        let whole = desk.good(&files, &["--tree", text(&state(vectors))], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");
    }
}

#[test]
fn the_messages_of_a_settlement_layer_carry_the_batches_of_its_chains() {
    let (vectors, sender) = ("gateway-v31", [0x5a; 20]);
    let desk = Desk::new();
    let batches = written::batches(vectors);
    let gateway: Vec<Batch> = batches
        .chunks(10)
        .zip(1..)
        .map(|(some, number)| {
            let mut messages: Vec<_> = some
                .iter()
                .map(|batch| written::relayed(batch, &written::era_pubdata(batch)))
                .collect();
            messages.insert(0, b"another message".to_vec());
            written::relaying(506, number, sender, messages)
        })
        .collect();
    // What others send in the same form is not the chain's pubdata, and is seen not to be.
    let mut forged = batches[3].clone();
    forged.messages.clear();
    forged.logs.clear();
    let forged = written::relayed(&forged, &written::era_pubdata(&forged));
    let forged = written::relaying(506, 900, [0x66; 20], vec![forged]);
    let line = |batch: &Batch| {
        let hex =
            |items: &[Vec<u8>]| items.iter().map(|item| written::hex(item)).collect::<Vec<_>>();
        let (logs, messages) = (hex(&batch.logs), hex(&batch.messages));
        json!({ "chainId": 506, "batchNumber": batch.number, "logs": logs, "messages": messages })
    };
    let file = desk.write("gateway.jsonl", lines(gateway.iter().chain([&forged]).map(line)));
    let files = [file];
    let tree = state(vectors);
    let sender = written::hex(&sender);

    let prove = |archive: &Path| {
        let run = run(["prove", "--tree", text(&tree), "--messages", text(archive), "--all"]);
        // The settlement layer's own batches are not in its trees.
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let proofs = run.stdout.lines().filter(|line| line.contains("\"proof\":"));
        proofs.map(|line| line.to_owned() + "\n").collect::<String>()
    };
    // Only the validator's own messages count; one of them is no pubdata, which is said.
    let by_sender = desk.index(&files, &["--relayed-by", &sender], "sender.slmsg");
    assert_eq!(by_sender.code, Some(1), "{}", by_sender.stderr);
    assert!(by_sender.stderr.contains("is no relayed pubdata"), "{}", by_sender.stderr);
    assert!(prove(&desk.path("sender.slmsg")) == expected(vectors));
    // Anyone's, as far as they fold to the roots in the tree.
    let by_anyone =
        desk.index(&files, &["--relayed-by", "any", "--tree", text(&tree)], "any.slmsg");
    assert_eq!(by_anyone.code, Some(1), "{}", by_anyone.stderr);
    assert!(by_anyone.stderr.contains("is incomplete"), "{}", by_anyone.stderr);
    assert!(by_anyone.stderr.contains("unchecked          16"), "{}", by_anyone.stderr);
    assert!(prove(&desk.path("any.slmsg")) == expected(vectors));
    // Without the tree, two that contradict each other are both left out.
    let blind = desk.index(&files, &["--relayed-by", "any"], "blind.slmsg");
    assert_eq!(blind.code, Some(1));
    assert!(blind.stderr.contains("different logs"), "{}", blind.stderr);
    // Without the flag, messages are messages.
    desk.good(&files, &[], "plain.slmsg");
    let inspected = run(["inspect", text(&desk.path("plain.slmsg")), "--json"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&inspected).unwrap()["batches"], 16);
}

#[test]
fn the_tables_of_a_node_give_the_same_proofs_as_dump_copy_and_csv() {
    for vectors in VECTORS {
        let desk = Desk::new();
        let mut archives = Vec::new();
        for (at, (chain, batches)) in by_chain(vectors).into_iter().enumerate() {
            let export = [Export::Dump, Export::Copy, Export::Csv][at % 3];
            let tables = written::tables(export, &batches);
            let files: Vec<_> = if export == Export::Dump {
                vec![desk.write(&format!("{chain}.sql.gz"), tables.concat())]
            } else {
                let names = ["l1_batches", "l2_to_l1_logs", "miniblocks"];
                let file = |(name, table): (_, &String)| {
                    let table = if export == Export::Csv {
                        table.replace('\n', "\r\n")
                    } else {
                        table.clone()
                    };
                    desk.write(&format!("{chain}/{name}"), table)
                };
                names.into_iter().zip(&tables).map(file).collect()
            };
            let chain = chain.to_string();
            archives.push(desk.good(&files, &["--chain", &chain], &format!("{chain}.slmsg")));
        }
        let whole = desk.good(&archives, &[], "whole.slmsg");
        assert!(proofs(vectors, &whole) == expected(vectors), "{vectors}");
    }
}

/// A few small batches of one chain.
fn small_batches() -> Vec<Batch> {
    let chains = by_chain("gateway-v31");
    let batches = chains.into_values().find(|batches| {
        let messages = |batch: &Batch| batch.messages.len() > 1 && batch.logs.len() < 40;
        batches.iter().filter(|batch| messages(batch)).count() > 3
    });
    let mut batches = batches.unwrap();
    batches.retain(|batch| batch.messages.len() > 1 && batch.logs.len() < 40);
    batches.truncate(4);
    batches
}

/// The numbers of the batches that an archive has.
fn archived(archive: &Path) -> Vec<u64> {
    let archive = slproof::messages::Archive::open(archive, Default::default()).unwrap();
    archive.batches().map(|batch| batch.unwrap().batch().0).collect()
}

/// Indexes files of which the second batch is damaged: the others are kept, and the words are said.
fn loses_the_second(desk: &Desk, files: &[PathBuf], flags: &[&str], words: &[&str]) {
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let run = desk.index(files, &[&["--chain", &chain], flags].concat(), "damaged.slmsg");
    assert_eq!(run.code, Some(1), "{words:?}: {}", run.stderr);
    for words in words {
        assert!(run.stderr.contains(words), "{words:?}: {}", run.stderr);
    }
    let kept: Vec<_> = [0, 2, 3].map(|at| batches[at].number).into();
    assert_eq!(archived(&desk.path("damaged.slmsg")), kept, "{words:?}: {}", run.stderr);
}

#[test]
fn a_damaged_receipt_costs_its_batch_and_no_other() {
    let desk = Desk::new();
    let batches = small_batches();
    let mut first = 10;
    let receipts: Vec<Vec<Value>> = batches
        .iter()
        .map(|batch| {
            let receipts = written::receipts(Node::Era, batch, first, true);
            first = receipts.last + 1;
            receipts.blocks.concat()
        })
        .collect();
    // The first receipt of the second batch with a message, and the line that it stands in.
    let at = receipts[1].iter().position(|receipt| receipt["logs"][0].is_object()).unwrap();
    let damage = |words: &[&str], damage: &dyn Fn(&mut Vec<Value>)| {
        let mut receipts = receipts.clone();
        damage(&mut receipts[1]);
        let file = desk.write("receipts.jsonl", lines(receipts.concat()));
        loses_the_second(&desk, &[file], &[], words);
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
    damage(&["byte ", "invalid"], &|all| all[at]["l2ToL1Logs"][0]["value"] = json!(7));
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
    damage(&["has one receipt in block", "undone"], &|all| {
        let mut other = all[at].clone();
        other["transactionIndex"] = json!("0xfff");
        all.push(other);
    });
}

#[test]
fn what_nodes_answer_instead_of_receipts_is_said() {
    let desk = Desk::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let good = lines(written::receipts(Node::Era, &batches[0], 10, true).blocks.concat());
    for (bad, words) in [
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", "answer is null"),
        ("null", "answer is null"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"busy\"}}", "busy"),
        ("7", "neither an object"),
        ("{\"a\":1}", "a receipt"),
        ("{\"transactionHash\":}", "no receipt"),
        ("{\"result\":[[[[[[{}]]]]]]}", "neither an object"),
    ] {
        let file = desk.write("answers.json", format!("{good}{bad}\n{good}"));
        let run = desk.index(&[file], &["--chain", &chain], "some.slmsg");
        assert_eq!(run.code, Some(1), "{bad}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{bad}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("byte {}", good.len())), "{bad}: {}", run.stderr);
        assert_eq!(archived(&desk.path("some.slmsg")), [batches[0].number]);
    }
    // A file that ends in the middle could lack anything.
    let cut = desk.write("cut.json", &good[..good.len() - 10]);
    let run = desk.index(&[cut], &["--chain", &chain], "cut.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("ends with the file"), "{}", run.stderr);
    // Nobody knows whose these are.
    let file = desk.write("good.json", &good);
    let run = desk.index(&[file], &[], "none.slmsg");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("--chain"), "{}", run.stderr);
    // Nor in which batch these blocks are.
    let bare = lines(written::receipts(Node::ZksyncOs, &batches[0], 10, true).blocks.concat());
    let file = desk.write("bare.json", bare);
    let run = desk.index(&[file], &["--chain", &chain], "none.slmsg");
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("--batch-blocks"), "{}", run.stderr);
    assert!(!desk.path("none.slmsg").exists());
}

#[test]
fn messages_that_are_nowhere_cost_only_their_bytes() {
    let desk = Desk::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let mut receipts = written::receipts(Node::Era, &batches[0], 10, true).blocks.concat();
    for receipt in &mut receipts {
        if receipt["logs"][0].is_object() {
            receipt["logs"] = json!([]);
            break;
        }
    }
    let file = desk.write("receipts.json", lines(receipts));
    let run = desk.index(&[file], &["--chain", &chain], "bare.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("1 batches without the bytes"), "{}", run.stderr);
    assert_eq!(archived(&desk.path("bare.slmsg")), [batches[0].number]);
}

#[test]
fn damaged_pubdata_costs_its_batch_and_no_other() {
    let desk = Desk::new();
    let batches = small_batches();
    let files = |second: &dyn Fn(&Batch) -> Vec<u8>| -> Vec<PathBuf> {
        let pubdata = |(at, batch): (usize, &Batch)| {
            let bytes = if at == 1 { second(batch) } else { written::era_pubdata(batch) };
            desk.write(&format!("{}.bin", batch.number), bytes)
        };
        batches.iter().enumerate().map(pubdata).collect()
    };
    let name = format!("{}.bin", batches[1].number);
    type Damage<'d> = (&'d str, &'d dyn Fn(&Batch) -> Vec<u8>);
    let damages: [Damage<'_>; 9] = [
        ("ends at byte", &|batch| {
            let mut bytes = written::era_pubdata(batch);
            bytes.pop();
            bytes
        }),
        ("behind the end of the pubdata", &|batch| {
            [&written::era_pubdata(batch)[..], &[1]].concat()
        }),
        ("a batch has at most 16384", &|batch| {
            [&[0, 0, 0x40, 1][..], &written::era_pubdata(batch)[4..]].concat()
        }),
        ("ends at byte", &|batch| {
            [&[0, 0, 0x3f, 0][..], &written::era_pubdata(batch)[4..]].concat()
        }),
        ("its log says", &|batch| {
            let mut other = batch.clone();
            other.messages[1].push(7);
            written::era_pubdata(&other)
        }),
        ("messages for", &|batch| {
            let mut other = batch.clone();
            other.messages.pop();
            written::era_pubdata(&other)
        }),
        ("ends at byte", &|batch| {
            let mut bytes = written::zksync_os_pubdata(batch, 1);
            bytes.pop();
            bytes
        }),
        ("of version 3", &|batch| written::zksync_os_pubdata(batch, 3)),
        ("odd number of digits", &|batch| {
            let mut text = written::hex(&written::era_pubdata(batch));
            text.pop();
            text.into_bytes()
        }),
    ];
    for (words, damage) in damages {
        loses_the_second(&desk, &files(damage), &[], &[words, &name]);
    }
    let nameless = desk.write("nameless.bin", written::era_pubdata(&batches[0]));
    let run = desk.index(&[nameless], &[], "none.slmsg");
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("name the file"), "{}", run.stderr);
}

#[test]
fn a_damaged_row_costs_its_batch_and_no_other() {
    let desk = Desk::new();
    let batches = small_batches();
    for export in [Export::Dump, Export::Copy, Export::Csv] {
        let tables = written::tables(export, &batches);
        let index = |tables: &[String; 3], words: &[&str]| {
            let files: Vec<_> = if export == Export::Dump {
                vec![desk.write("node.sql", tables.concat())]
            } else {
                tables.iter().zip(["a", "b", "c"]).map(|(t, name)| desk.write(name, t)).collect()
            };
            loses_the_second(&desk, &files, &[], words);
        };
        let replaced = |table: usize, from: &str, to: &str| {
            let mut tables = tables.clone();
            assert!(tables[table].contains(from), "{from}");
            tables[table] = tables[table].replacen(from, to, 1);
            tables
        };
        // A log of the second batch.
        let hash = written::unhex(&Value::from(written::transaction_hash(&batches[1], 0)));
        let hash = export.bytea(&hash);
        let bare = hash.trim_start_matches('\\');
        index(
            &replaced(1, &hash, &format!("\\{bare}")[usize::from(export == Export::Csv)..]),
            &["column tx_hash", "a backslash was lost", ", line "],
        );
        index(&replaced(1, &hash, &format!("\\\\{hash}")), &["column tx_hash", "two backslashes"]);
        index(&replaced(1, &hash, &hash[..hash.len() - 2]), &["has 31 bytes, not 32"]);
        index(&replaced(1, &hash, &hash[..hash.len() - 1]), &["odd number of digits"]);
        // Its row is not there.
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
        ("PGCOPY\n\u{fffd}", "no archive of a known kind"),
        ("-- PostgreSQL database dump\n", "no rows of l2_to_l1_logs"),
        ("COPY public.l2_to_l1_logs (miniblock_number) FROM stdin;\n\\.\n", "has no \"log_index"),
        ("number,l1_batch_number\n1,1\n", "no l2_to_l1_logs"),
    ] {
        let file = desk.write("refused", text);
        let run = desk.index(&[file], &["--chain", "9"], "refused.slmsg");
        assert_eq!(run.code, Some(3), "{text}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{text}: {}", run.stderr);
    }
}

#[test]
fn the_tree_says_which_batches_are_incomplete_and_which_are_missing() {
    let (desk, vectors) = (Desk::new(), "gateway-v31");
    let tree = state(vectors);
    let raw = String::from_utf8(support::read(&format!("{vectors}/logs.jsonl.gz"))).unwrap();
    let mut lines: Vec<&str> = raw.lines().collect();
    let batches = written::batches(vectors);
    let at = batches.iter().position(|batch| batch.logs.len() > 10).unwrap();
    let batch = &batches[at];
    // One log of it is lost at the end, where nothing but the root shows it.
    let mut cut: Value = serde_json::from_str(lines[at]).unwrap();
    cut["logs"].as_array_mut().unwrap().pop();
    cut["messages"] = json!([]);
    let cut = cut.to_string();
    lines[at] = &cut;
    let gone = batches.iter().rposition(|other| other.chain == batch.chain).unwrap();
    lines.remove(gone);
    let file = desk.write("logs.jsonl", lines.join("\n"));
    let run = desk.index(std::slice::from_ref(&file), &["--tree", text(&tree)], "checked.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for words in [
        format!("logs.jsonl, line {}", at + 1),
        format!("chain {}, batch {} is incomplete", batch.chain, batch.number),
        "do not fold to its batch root".into(),
        "143 batches fold to their roots; 2 of these chains are missing".into(),
        format!("2 of chain {}: {} {}", batch.chain, batch.number, batches[gone].number),
    ] {
        assert!(run.stderr.contains(&words), "{words}: {}", run.stderr);
    }
    assert_eq!(archived(&desk.path("checked.slmsg")).len(), 143);
    // The right logs beside the wrong ones: the root decides.
    let whole = fixture(&format!("{vectors}/logs.jsonl.gz"));
    let run = desk.index(&[file, whole], &["--tree", text(&tree)], "both.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("145 batches fold to their roots; 0"), "{}", run.stderr);
    assert!(proofs(vectors, &desk.path("both.slmsg")) == expected(vectors));
}

#[test]
fn an_input_is_not_written_over_unless_it_is_an_archive() {
    let desk = Desk::new();
    let raw = desk.write("logs.jsonl", support::read("gateway-v31/logs.jsonl.gz"));
    let before = fs::read(&raw).unwrap();
    assert_eq!(desk.index(std::slice::from_ref(&raw), &[], "logs.jsonl").code, Some(2));
    assert_eq!(fs::read(&raw).unwrap(), before);
    let archive = desk.good(std::slice::from_ref(&raw), &[], "logs.slmsg");
    desk.good(&[raw, archive], &[], "logs.slmsg");
}

/// Files that announce more than they have, or never end, within little memory.
#[cfg(unix)]
#[test]
fn hostile_files_end_in_errors_within_little_memory() {
    let desk = Desk::new();
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
        let file = desk.write(&format!("{name}.gz"), content);
        let output = desk.path("hostile.slmsg");
        let args = ["index", text(&file), "--chain", "9", "-o", text(&output), "--threads", "2"];
        let run = run_within(1536, args);
        assert_eq!(run.code, Some(3), "{name}: {}", run.stderr);
        assert!(run.stderr.contains("error:"), "{name}: {}", run.stderr);
    }
}
