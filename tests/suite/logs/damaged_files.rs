//! Damaged files are left out and named, with exit code 1, wherever the damage lies and however the file came.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    binary::{Run, run},
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{self, Node, answer, lines, messenger_events, receipts_apart, transaction_hash},
    vectors::{self, Batch, raw_batches, small_batches, tx_number},
};
use serde_json::{Value, json};

const STATE: &str = "gateway-v31/state.anvil.json";

fn numbers(batches: &[Value]) -> Vec<u64> {
    batches.iter().map(|batch| batch["batchNumber"].as_u64().unwrap()).collect()
}

fn of(batches: &[Batch]) -> Vec<u64> {
    batches.iter().map(|batch| batch.number).collect()
}

/// Indexes `inputs` with the trees of the vectors. Returns the batches and the messages.
fn kept(dir: &IndexDir, inputs: &[PathBuf], code: i32) -> (Vec<u64>, String) {
    let run = dir.index(inputs, &["--tree", text(&fixture(STATE))], "kept.slmsg");
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    (archived(&dir.path("kept.slmsg")), run.stderr)
}

/// The batches that `prove` takes from a directory beside a state.
fn proven(directory: &Path, code: i32) -> (Vec<u64>, String) {
    let state = fixture(STATE);
    let run = run(["prove", "--tree", text(&state), "--messages", text(directory), "--all"]);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    let records = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found: Vec<u64> =
        records.map(|record| record["batchNumber"].as_u64().unwrap()).collect();
    found.dedup();
    (found, run.stderr)
}

const ERROR: &str =
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32005,\"message\":\"limit exceeded\"}}";

#[test]
fn a_damaged_first_line_costs_no_more_than_its_batch() {
    let (_, batches) = raw_batches("gateway-v31");
    let all = numbers(&batches);
    let is_empty = |number: &u64| {
        batches.iter().any(|batch| batch["batchNumber"] == *number && batch["logs"] == json!([]))
    };
    let whole = lines(batches.clone());
    let (first, rest) = whole.split_at(whole.find('\n').unwrap() + 1);
    let list = first.find("\"logs\":[").unwrap() + 8;
    for (damaged, expected) in [
        // Without its beginning, its end, or both; in a string, and in a list.
        (whole[60..].to_owned(), &all[1..]),
        (format!("{}\n{rest}", &first[..first.len() / 2]), &all[1..]),
        (format!("{}\n{rest}", &first[60..first.len() / 2]), &all[1..]),
        (format!("{}\n{rest}", &first[..list]), &all[1..]),
        (format!("null\n{whole}"), &all[..]),
        (format!("{ERROR}\n{whole}"), &all[..]),
    ] {
        let dir = IndexDir::new();
        let file = dir.write("some/logs.jsonl", &damaged);
        for inputs in [vec![dir.path("some")], vec![file]] {
            let (found, said) = kept(&dir, &inputs, 1);
            assert_eq!(found, expected, "{damaged}");
            assert!(said.contains("logs.jsonl, line 1 is not a batch of logs"), "{said}");
        }
        let (found, said) = proven(&dir.path("some"), 1);
        let with_logs = expected.iter().copied().filter(|number| !is_empty(number));
        assert_eq!(found, with_logs.collect::<Vec<_>>(), "{damaged}");
        assert!(said.contains("logs.jsonl, line 1 is not a batch of logs"), "{said}");
    }
}

#[test]
fn errors_before_receipts_do_not_hide_them() {
    let batches = small_batches();
    let receipts = receipts_apart(&batches).concat();
    let whole = lines(receipts.clone());
    let null = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}";
    let list = answer(&Value::from(receipts));
    for (damaged, expected, words) in [
        (format!("{ERROR}\n{whole}"), &of(&batches)[..], "limit exceeded"),
        (format!("{null}\nnull\n{whole}"), &of(&batches), "answer is null"),
        (format!("[{ERROR},{list}]"), &of(&batches), "limit exceeded"),
        (whole[60..].to_owned(), &of(&batches)[1..], "not an answer of a node"),
    ] {
        let dir = IndexDir::new();
        dir.write("some/receipts.json", &damaged);
        let (found, said) = kept(&dir, &[dir.path("some")], 1);
        assert_eq!(found, expected, "{said}");
        assert!(said.contains("receipts.json") && said.contains(words), "{said}");
        assert_eq!(proven(&dir.path("some"), 1).0, expected);
    }
}

/// A compressed file without its end.
fn cut(dir: &IndexDir, name: &str, content: &str) -> PathBuf {
    let file = dir.write(name, content);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 20]).unwrap();
    file
}

#[test]
fn a_compressed_file_without_its_end_is_left_out() {
    let (_, batches) = raw_batches("gateway-v31");
    let (good, mut bad) = (batches[..2].to_vec(), batches[2..].to_vec());
    for padding in [0, 3 << 20] {
        // Behind the first mebibyte, or in it.
        bad[0]["x"] = "y".repeat(padding).into();
        let dir = IndexDir::new();
        let one = dir.write("some/a.jsonl", lines(good.clone()));
        let other = cut(&dir, "some/cut.jsonl.gz", &lines(bad.clone()));
        let (some, packed) = (dir.path("some"), dir.path("some.tar"));
        tar("-cf", &packed, &some, ".");
        for inputs in [vec![some.clone()], vec![packed], vec![one, other]] {
            let (found, said) = kept(&dir, &inputs, 1);
            assert!(found.starts_with(&numbers(&good)), "{said}");
            assert!(said.contains("cut.jsonl.gz") && said.contains("cannot read"), "{said}");
        }
        let (found, said) = proven(&some, 1);
        assert!(found.starts_with(&numbers(&good)), "{said}");
        assert!(said.contains("cut.jsonl.gz"), "{said}");
    }
}

/// Packs a file of a directory, or all.
fn tar(mode: &str, archive: &Path, directory: &Path, file: &str) {
    let pack = [mode, text(archive), "-C", text(directory), file];
    assert!(Command::new("tar").args(pack).status().unwrap().success());
}

#[test]
fn what_is_wrong_with_a_tar_archive_is_named() {
    let (_, batches) = raw_batches("gateway-v31");
    let dir = IndexDir::new();
    let folder = dir.path("");
    dir.write("a.jsonl", lines(batches[..2].to_vec()));
    dir.write("b.jsonl", lines(batches[2..3].to_vec()));
    let whole = dir.path("whole.tar");
    tar("-cf", &whole, &folder, "a.jsonl");
    tar("-rf", &whole, &folder, "b.jsonl");
    let bytes = fs::read(&whole).unwrap();
    assert_eq!(kept(&dir, std::slice::from_ref(&whole), 0).0, numbers(&batches[..3]));

    let expect = |name: &str, bytes: &[u8], expected: &[Value], words: &str| {
        let file = dir.write(name, bytes);
        let (found, said) = kept(&dir, &[file], 1);
        assert_eq!(found, numbers(expected), "{said}");
        assert!(said.contains(words), "{said}");
    };
    // The second header is at the first block behind the first file.
    let second = 512 + fs::read(dir.path("a.jsonl")).unwrap().len().next_multiple_of(512);
    expect("cut.tar", &bytes[..second + 600], &batches[..2], "cut short");
    let mut broken = bytes.clone();
    broken[second + 3] ^= 1;
    expect("broken.tar", &broken, &batches[..2], "checksum");
    expect("more.tar", &[&bytes[..], b"more"].concat(), &batches[..3], "follows the end");
    let other = dir.path("other.tar");
    dir.write("c.jsonl", lines(batches[3..].to_vec()));
    tar("-cf", &other, &folder, "c.jsonl");
    let both = [bytes, fs::read(other).unwrap()].concat();
    expect("both.tar", &both, &batches[..3], "follows the end");

    // `tar -r` adds a newer copy, and whoever extracts the archive gets that one.
    dir.write("a.jsonl", lines(batches.clone()));
    tar("-rf", &whole, &folder, "a.jsonl");
    let (found, said) = kept(&dir, &[whole], 1);
    assert_eq!(found, numbers(&batches[2..3]), "{said}");
    assert!(said.contains("whole.tar:a.jsonl") && said.contains("several files"), "{said}");
}

/// The events of batches as a table.
fn table(batches: &[Batch]) -> String {
    let mut rows = "block_number,log_index,transaction_hash,transaction_index,l1_batch_number,address,topic0,topic1,topic2,topic3,data\n".to_owned();
    let mut block = 1000;
    for batch in batches {
        let (mut messages, mut last, mut count, mut index) = (batch.messages.iter(), None, 0, 0);
        for log in &batch.logs {
            if last.replace(tx_number(log)) != Some(tx_number(log)) {
                (block, count, index) = (block + 1, count + 1, 0);
            }
            for event in messenger_events(log, &mut messages) {
                let topic = |at: usize| event["topics"][at].as_str().unwrap_or_default();
                let (address, data) =
                    (event["address"].as_str().unwrap(), event["data"].as_str().unwrap());
                let hash = transaction_hash(batch, count - 1);
                rows += &format!(
                    "{block},{index},{hash},0,{},{address},{},{},{},{},{data}\n",
                    batch.number,
                    topic(0),
                    topic(1),
                    topic(2),
                    topic(3)
                );
                index += 1;
            }
        }
    }
    rows
}

/// What follows the damage is not known, so a batch with a part before it may lack another part. Batch roots tell.
#[test]
fn without_roots_a_source_that_ends_in_damage_gives_no_batch() {
    let batches = small_batches();
    let (rows, chain) = (table(&batches), batches[0].chain.to_string());
    let dir = IndexDir::new();
    let whole = dir.write("whole.csv", &rows);
    let flags = ["--chain", &chain];
    assert_eq!(archived(&dir.indexed(&[whole], &flags, "whole.slmsg")), of(&batches));
    // The first row of the third batch is damaged.
    let third = format!("0,{},0x", batches[2].number);
    let line = rows.find(&third).unwrap();
    let damaged = format!("{}!{}", &rows[..line], &rows[line..]);
    let damaged = dir.write("damaged.csv", damaged);
    let (messages, logs) = (&batches[3].messages, &batches[3].logs);
    let [messages, logs] =
        [messages, logs].map(|all| all.iter().map(|item| vectors::hex(item)).collect::<Vec<_>>());
    let other = json!({ "chainId": batches[3].chain, "batchNumber": batches[3].number, "logs": logs, "messages": messages });
    let other = dir.write("other.jsonl", lines([other]));
    let index = |rest: &[&str]| -> (Vec<u64>, Run) {
        let run =
            dir.index(&[damaged.clone(), other.clone()], &[&flags, rest].concat(), "kept.slmsg");
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(run.stderr.contains("damaged.csv"), "{}", run.stderr);
        (archived(&dir.path("kept.slmsg")), run)
    };
    assert_eq!(index(&[]).0, of(&batches[3..]));
    let (found, run) = index(&["--tree", text(&fixture(STATE))]);
    assert_eq!(found, [&of(&batches[..2])[..], &of(&batches[3..])].concat(), "{}", run.stderr);
}

/// The roots show the batches, also where a file with their blocks does not.
#[test]
fn a_file_of_blocks_that_says_nothing_is_not_used() {
    let batches = small_batches();
    let (mut first, mut blocks, mut listed) = (7, Vec::new(), Vec::new());
    for batch in &batches {
        let receipts = log_sources::receipts(Node::ZksyncOs, batch, first, true);
        let (number, begin, end) = (batch.number, receipts.first, receipts.last);
        listed.push(json!({ "chainId": batch.chain, "batchNumber": number, "firstBlock": begin, "lastBlock": end }));
        blocks.push(receipts.blocks.concat());
        first = end + 1;
    }
    let own = lines(listed.clone());
    let foreign =
        json!({ "chainId": 300, "batchNumber": 1, "firstBlock": 1, "lastBlock": first + 10 });
    for (text, code) in [
        (own.clone(), 0),
        (own.clone() + &lines([foreign.clone()]), 0),
        (lines([foreign]) + &own, 0),
        (own[..own.len() - 9].to_owned(), 1),
        (own[9..].to_owned(), 1),
    ] {
        let dir = IndexDir::new();
        dir.write("some/receipts.json", lines(blocks.concat()));
        dir.write("some/blocks.jsonl", &text);
        let (found, said) = kept(&dir, &[dir.path("some")], code);
        assert_eq!(found, of(&batches), "{said}");
        assert_eq!(code == 1, said.contains("blocks.jsonl, byte"), "{said}");
        assert_eq!(proven(&dir.path("some"), code).0, of(&batches));
    }
}

/// A Parquet file has its columns at its end. One that is cut short, or whose footer is damaged, may hold anything, also
/// in an archive, and is named by every command.
#[test]
fn a_parquet_file_that_is_cut_short_is_named_as_damaged() {
    let whole = fs::read(fixture("exports/cryo.parquet")).unwrap();
    let cut = whole[..whole.len() * 9 / 10].to_vec();
    let mut footer = whole.clone();
    let end = whole.len() - 8;
    let len = u32::from_le_bytes(whole[end..end + 4].try_into().unwrap()) as usize;
    footer[end - len..end - len + 100].fill(0xff);
    for (name, damaged) in [("events.parquet", cut), ("footer.parquet", footer)] {
        let dir = IndexDir::new();
        let (_, batches) = raw_batches("gateway-v31");
        let all = numbers(&batches);
        dir.write("some/logs.jsonl", lines(batches));
        let (with_logs, _) = proven(&dir.path("some"), 0);
        let file = dir.write(&format!("some/{name}"), &damaged);
        let (found, said) = kept(&dir, &[dir.path("some")], 1);
        assert_eq!(found, all);
        assert!(said.contains(name) && said.contains("Parquet file"), "{said}");
        let (found, said) = proven(&dir.path("some"), 1);
        assert_eq!(found, with_logs);
        assert!(said.contains(name), "{said}");
        // By its name, it is no file of proofs either.
        for args in [&["index", text(&file), "-o", "none.slmsg"][..], &["rebuild", text(&file)]] {
            let run = run(args);
            assert_eq!(run.code, Some(3), "{}", run.stderr);
            assert!(run.stderr.contains("Parquet file"), "{}", run.stderr);
            assert!(!run.stderr.contains("proofs"), "{}", run.stderr);
        }
        fs::copy(fixture(STATE), dir.path("some/state.json")).unwrap();
        let rebuilt = run(["rebuild", text(&dir.path("some"))]);
        assert!(rebuilt.stderr.contains(name), "{}", rebuilt.stderr);
        let [tar, some] = ["some.tar", "some"].map(|name| dir.path(name));
        let packed = Command::new("tar").args(["-cf", text(&tar), "-C", text(&some), "."]).status();
        assert!(packed.unwrap().success());
        for inputs in ["some", "some.tar"] {
            let surveyed = run(["survey", "--json", text(&dir.path(inputs))]);
            assert_eq!(surveyed.code, Some(3), "{}", surveyed.stderr);
            let found: Value = serde_json::from_str(&surveyed.stdout).unwrap();
            let problems = found["problems"].as_array().unwrap();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0]["code"], "input-damaged");
            assert!(problems[0]["message"].as_str().unwrap().contains(name));
        }
    }
}
