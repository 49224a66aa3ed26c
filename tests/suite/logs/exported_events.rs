//! The events of L1Messenger as exporters write them: tables, Parquet files and pages give the same proofs as
//! the answers of a node.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};
use serde_json::{Value, json};
use slproof::{
    files::Input,
    ingest::{FileKind, logs::SourceFormat, sniff},
};

use crate::support::{
    binary::run,
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{Node, lines, messenger_events, receipts, transaction_hash},
    vectors::{Batch, by_chain, small_batches, tx_number},
};

const HEADER: &str = "block_number,transaction_index,log_index,transaction_hash,address,topic0,topic1,topic2,topic3,data";

/// The events of L1Messenger for the logs of batches, with the members of a node's answer. Every transaction has
/// a block of its own.
fn events(batches: &[Batch]) -> Vec<Value> {
    let (mut events, mut block) = (Vec::new(), 1000);
    for batch in batches {
        let (mut messages, mut last, mut count, mut index) = (batch.messages.iter(), None, 0, 0);
        for log in &batch.logs {
            if last.replace(tx_number(log)) != Some(tx_number(log)) {
                (block, count, index) = (block + 1, count + 1, 0);
            }
            for mut event in messenger_events(log, &mut messages) {
                event["blockNumber"] = json!(block);
                event["transactionHash"] = json!(transaction_hash(batch, count - 1));
                event["transactionIndex"] = json!(0);
                event["logIndex"] = json!(index);
                index += 1;
                events.push(event);
            }
        }
    }
    events
}

fn topic(event: &Value, at: usize) -> &str {
    event["topics"][at].as_str().unwrap_or_default()
}

/// The columns of cryo, without the transaction index if `with_index` is false.
fn table(events: &[Value], with_index: bool) -> String {
    let header = if with_index { HEADER.into() } else { HEADER.replace("transaction_index,", "") };
    let row = |event: &Value| {
        let index = if with_index { "0," } else { "" };
        let topics = [0, 1, 2, 3].map(|at| topic(event, at)).join(",");
        let [hash, address, data] =
            ["transactionHash", "address", "data"].map(|name| event[name].as_str().unwrap());
        format!(
            "{},{index}{},{hash},{address},{topics},{data}\n",
            event["blockNumber"], event["logIndex"]
        )
    };
    format!("{header}\n{}", events.iter().map(row).collect::<String>())
}

/// The JSON of cryo: an array of rows with the same columns.
fn cryo_json(events: &[Value]) -> String {
    let row = |event: &Value| {
        json!({
            "block_number": event["blockNumber"], "transaction_index": 0, "log_index": event["logIndex"],
            "transaction_hash": event["transactionHash"], "address": event["address"],
            "topic0": event["topics"][0], "topic1": event["topics"][1], "topic2": event["topics"][2],
            "topic3": event["topics"][3], "data": event["data"],
        })
    };
    events.iter().map(row).collect::<Value>().to_string()
}

/// A page of Etherscan, which writes numbers in hexadecimal and zero as `0x`.
fn etherscan(events: &[Value]) -> String {
    let number = |value: &Value| match value.as_u64().unwrap() {
        0 => "0x".to_owned(),
        number => format!("{number:#x}"),
    };
    let row = |event: &Value| {
        json!({
            "address": event["address"], "topics": event["topics"], "data": event["data"],
            "blockNumber": number(&event["blockNumber"]), "timeStamp": "0x65a0b2c1", "gasPrice": "0x1",
            "gasUsed": "0x1", "logIndex": number(&event["logIndex"]),
            "transactionHash": event["transactionHash"], "transactionIndex": "0x",
        })
    };
    let rows: Value = events.iter().map(row).collect();
    json!({"status": "1", "message": "OK", "result": rows}).to_string()
}

/// Rows of Parquet with the columns of a table, as binary data.
fn parquet(events: &[Value]) -> Vec<u8> {
    let schema = "message logs {
        required int64 block_number;
        required int64 log_index;
        required binary transaction_hash;
        required binary address;
        optional binary topic0;
        optional binary topic1;
        optional binary topic2;
        required binary data;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let (mut at, bytes) = (0, |text: &str| ByteArray::from(const_hex::decode(text).unwrap()));
    while let Some(mut column) = group.next_column().unwrap() {
        if at < 2 {
            let name = ["blockNumber", "logIndex"][at];
            let values: Vec<_> = events.iter().map(|event| event[name].as_i64().unwrap()).collect();
            column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
        } else {
            let cell = |event: &Value| match at {
                2 => event["transactionHash"].as_str().map(bytes),
                3 => event["address"].as_str().map(bytes),
                7 => event["data"].as_str().map(bytes),
                _ => event["topics"][at - 4].as_str().map(bytes),
            };
            let cells: Vec<_> = events.iter().map(cell).collect();
            let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
            let levels = (4..7).contains(&at).then_some(&levels[..]);
            let values: Vec<_> = cells.into_iter().flatten().collect();
            column.typed::<ByteArrayType>().write_batch(&values, levels, None).unwrap();
        }
        column.close().unwrap();
        at += 1;
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn state(vectors: &str) -> PathBuf {
    fixture(&format!("{vectors}/state.anvil.json"))
}

fn kind(path: &Path) -> Option<FileKind> {
    sniff(&Input::open(path).unwrap())
}

#[test]
fn every_form_gives_the_proofs_of_receipts_word_for_word() {
    let dir = IndexDir::new();
    let state = state("gateway-v29");
    let mut archives: [Vec<PathBuf>; 6] = Default::default();
    for (chain, batches) in by_chain("gateway-v29").into_iter().take(3) {
        let (mut first, mut answered) = (1000, Vec::new());
        for batch in &batches {
            let made = receipts(Node::Era, batch, first, true);
            first = made.last + 1;
            answered.extend(made.blocks.concat());
        }
        let events = events(&batches);
        let forms = [
            ("receipts.jsonl", lines(answered).into_bytes()),
            ("cryo.csv.gz", table(&events, true).into_bytes()),
            ("no-index.tsv", table(&events, false).replace(',', "\t").into_bytes()),
            ("logs.parquet", parquet(&events)),
            ("cryo.json", cryo_json(&events).into_bytes()),
            ("etherscan.json", etherscan(&events).into_bytes()),
        ];
        let chain = chain.to_string();
        for (archives, (name, bytes)) in archives.iter_mut().zip(forms) {
            let file = dir.write(&format!("{chain}.{name}"), bytes);
            let is_answer = ["receipts.jsonl", "etherscan.json"].contains(&name);
            let format = if is_answer { SourceFormat::Receipts } else { SourceFormat::EventLogs };
            assert_eq!(kind(&file), Some(FileKind::Logs(format)), "{name}");
            let flags = ["--chain", &chain, "--tree", text(&state)];
            archives.push(dir.indexed(&[file], &flags, &format!("{chain}.{name}.slmsg")));
        }
    }
    let [expected, others @ ..] = archives.map(|archives| {
        let all = dir.indexed(&archives, &[], "all.slmsg");
        let run = run(["prove", "--tree", text(&state), "--messages", text(&all), "--all"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    });
    assert!(expected.lines().count() > 100);
    for (at, other) in others.iter().enumerate() {
        assert!(*other == expected, "form {at}");
    }
}

#[test]
fn removed_rows_do_not_count_and_differing_rows_are_named() {
    let dir = IndexDir::new();
    let (batches, state) = (small_batches(), state("gateway-v31"));
    let chain = batches[0].chain.to_string();
    let numbers: Vec<u64> = batches.iter().map(|batch| batch.number).collect();
    let flags = ["--chain", &chain, "--tree", text(&state)];
    let rows = table(&events(&batches), true);
    let mut rows: Vec<String> = rows.lines().map(|row| format!("{row},false")).collect();
    rows[0] = format!("{HEADER},removed");
    // The first log with another transaction number, in a block that was replaced.
    let data = rows[1].rsplit(',').nth(1).unwrap();
    let other = format!("{}f{}", &data[..2 + 3 * 64 - 1], &data[2 + 3 * 64..]);
    let other = rows[1].replace(data, &other);
    assert_ne!(other, rows[1]);
    rows.push(other.replace(",false", ",true"));
    let file = dir.write("removed.csv", rows.join("\n"));
    assert_eq!(archived(&dir.indexed(&[file], &flags, "removed.slmsg")), numbers);

    rows.push(other);
    let file = dir.write("twice.csv", rows.join("\n"));
    let run = dir.index(&[file], &flags, "twice.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("event 0 of block 1001 is given twice"), "{}", run.stderr);
}

#[test]
fn columns_may_have_other_names_and_missing_ones_are_named() {
    let dir = IndexDir::new();
    let (batches, state) = (small_batches(), state("gateway-v31"));
    let chain = batches[0].chain.to_string();
    let numbers: Vec<u64> = batches.iter().map(|batch| batch.number).collect();
    let flags = ["--chain", &chain, "--tree", text(&state)];
    let table = table(&events(&batches), true);
    let renamed = dir.write("renamed.csv", table.replacen("block_number", "height", 1));
    let with_columns = [&flags[..], &["--columns", "block=height"]].concat();
    let archive = dir.indexed(std::slice::from_ref(&renamed), &with_columns, "renamed.slmsg");
    assert_eq!(archived(&archive), numbers);

    let named = [&flags[..], &["--input-format", "event-logs"]].concat();
    for (name, header, reason) in [
        ("height", "block_number", "no column for the block number"),
        ("x", "transaction_hash", "the column transaction_hash is needed"),
        ("payload", ",data", "has no \"data\""),
    ] {
        let header = table.replacen(header, &header.replace(header.trim_matches(','), name), 1);
        let file = dir.write("lacking.csv", header);
        let run = dir.index(&[file], &named, "lacking.slmsg");
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(run.stderr.contains(reason), "{name}: {}", run.stderr);
    }
}

#[test]
fn events_without_batch_numbers_show_their_chain() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let numbers: Vec<u64> = batches.iter().map(|batch| batch.number).collect();
    let chain = batches[0].chain.to_string();
    let table = table(&events(&batches), true);
    let file = dir.write("logs.csv", &table);
    let state = state("gateway-v31");
    let archive =
        dir.indexed(std::slice::from_ref(&file), &["--tree", text(&state)], "found.slmsg");
    assert_eq!(archived(&archive), numbers);
    let renamed = dir.write("renamed.csv", table.replacen("block_number", "height", 1));
    // With batch roots as the target, trees are rebuilt only because the logs need them.
    for target in ["latest", "batch-root"] {
        let prove = |file: &Path, rest: &[&str]| {
            let args = [
                "prove",
                "--all",
                "--target",
                target,
                "--tree",
                text(&state),
                "--messages",
                text(file),
            ];
            let run = run([&args[..], rest].concat());
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            run.stdout
        };
        let expected = prove(&archive, &[]);
        assert_eq!(prove(&file, &[]), expected);
        assert_eq!(prove(&renamed, &["--columns", "block=height"]), expected);
        assert_eq!(prove(&file, &["--chain", &chain]), expected);
    }
}

#[test]
fn a_file_of_both_contracts_is_evidence_and_an_archive() {
    let dir = IndexDir::new();
    let (_, batches) = by_chain("gateway-v29").into_iter().next().unwrap();
    let mut rows = table(&events(&batches), true);
    let added = slproof::keccak::keccak256(b"AddedChain(uint256,uint256)");
    let address = slproof::contracts::system::MESSAGE_ROOT;
    rows.push_str(&format!("1,0,0,{added},{address},{added},{added},{added},,0x\n"));
    let both = dir.write("both.csv", &rows);
    assert_eq!(kind(&both), Some(FileKind::EventsAndLogs));
    let only = dir.write(
        "only.csv",
        rows.lines().next().unwrap().to_owned() + "\n" + rows.lines().last().unwrap(),
    );
    assert_eq!(kind(&only), Some(FileKind::Events));
}

/// The first small batches of two chains that no other chain's logs equal.
fn two_chains() -> [Vec<Batch>; 2] {
    let chains = by_chain("gateway-v29").into_values().filter(|batches| batches.len() > 4);
    let small = |batches: Vec<Batch>| -> Vec<Batch> {
        batches.into_iter().filter(|batch| (2..400).contains(&batch.logs.len())).take(4).collect()
    };
    let mut chains = chains.map(small).filter(|batches| batches.len() == 4);
    [chains.next().unwrap(), chains.next().unwrap()]
}

#[test]
fn files_of_several_chains_in_one_directory_show_theirs() {
    let dir = IndexDir::new();
    let state = state("gateway-v29");
    let [one, two] = two_chains();
    let (first, second) = (events(&one), events(&two));
    // No batch of this file is whole: its other logs are in the next one.
    let middle = first.len() - first.len() / 4;
    dir.write("logs/a.csv", table(&second, true));
    dir.write("logs/b.csv", table(&first[..middle], true));
    dir.write("logs/c.csv", table(&first[middle..], true));
    let both = || one.iter().chain(&two);
    let mut sorted: Vec<(u64, u64)> = both().map(|batch| (batch.chain, batch.number)).collect();
    sorted.sort_unstable();
    let sorted: Vec<u64> = sorted.into_iter().map(|(_, number)| number).collect();
    let logs = dir.path("logs");
    let run = dir.index(std::slice::from_ref(&logs), &["--tree", text(&state)], "all.slmsg");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(archived(&dir.path("all.slmsg")), sorted);
    for chain in [one[0].chain, two[0].chain] {
        assert!(run.stderr.contains(&format!("{chain} by its batch roots")), "{}", run.stderr);
    }
    let args = ["prove", "--all", "--tree", text(&state), "--messages", text(&logs)];
    let proven = crate::support::binary::run(args);
    assert_eq!(proven.code, Some(0), "{}", proven.stderr);
    assert_eq!(proven.stdout.lines().count(), both().map(|batch| batch.logs.len()).sum::<usize>());
}

#[test]
fn a_file_with_the_logs_of_two_chains_is_named() {
    let dir = IndexDir::new();
    let state = state("gateway-v29");
    let [one, two] = two_chains();
    let mut mixed = events(&one);
    for mut event in events(&two[..2]) {
        event["blockNumber"] = json!(event["blockNumber"].as_u64().unwrap() + 100_000);
        mixed.push(event);
    }
    let file = dir.write("mixed.csv", table(&mixed, true));
    let run = dir.index(std::slice::from_ref(&file), &["--tree", text(&state)], "mixed.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let numbers: Vec<u64> = one.iter().map(|batch| batch.number).collect();
    assert_eq!(archived(&dir.path("mixed.slmsg")), numbers);
    for words in [text(&file), &one[0].chain.to_string(), &two[0].chain.to_string(), "of its own"] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}
