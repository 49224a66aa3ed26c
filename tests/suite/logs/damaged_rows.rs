//! A damaged row or receipt excludes the batch that it names. If it names no batch, it is reported, and the
//! batch roots show which batch is incomplete.

use std::path::PathBuf;

use crate::support::{
    fixture,
    index_dir::{IndexDir, archived, text},
    log_sources::{self, Export, lines, receipts_apart},
    vectors::small_batches,
};
use serde_json::{Value, json};

/// Indexes files of one chain. Returns which of its small batches are kept, and the messages.
fn kept(dir: &IndexDir, files: &[PathBuf]) -> (Vec<usize>, String) {
    kept_with(dir, files, &[])
}

/// The batches that are kept if each must fold to the root that the settlement layer stores.
fn complete(dir: &IndexDir, files: &[PathBuf]) -> Vec<usize> {
    let state = fixture("gateway-v31/state.anvil.json");
    kept_with(dir, files, &["--tree", text(&state)]).0
}

fn kept_with(dir: &IndexDir, files: &[PathBuf], flags: &[&str]) -> (Vec<usize>, String) {
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let run = dir.index(files, &[&["--chain", &chain], flags].concat(), "kept.slmsg");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let kept = archived(&dir.path("kept.slmsg"));
    let places = (0..batches.len()).filter(|at| kept.contains(&batches[*at].number)).collect();
    (places, run.stderr)
}

#[test]
fn damaged_receipt_that_names_no_batch_is_reported_and_its_batch_does_not_fold() {
    let dir = IndexDir::new();
    let all = receipts_apart(&small_batches());
    let with_logs = |of: usize, last: bool| {
        let mut places = (0..all[of].len()).filter(|at| all[of][*at]["logs"][0].is_object());
        if last { places.next_back().unwrap() } else { places.next().unwrap() }
    };
    let remove = |receipt: &mut Value, fields: &[&str]| {
        let receipt = receipt.as_object_mut().unwrap();
        fields.iter().for_each(|field| drop(receipt.remove(*field).unwrap()));
    };
    for (of, last) in [(0, false), (3, true)] {
        let at = with_logs(of, last);
        let others: Vec<_> = (0..4).filter(|other| *other != of).collect();
        let lost: [&dyn Fn(&mut Value); 3] = [
            &|receipt| remove(receipt, &["l1BatchNumber", "l2ToL1Logs"]),
            &|receipt| receipt["l1BatchNumber"] = json!("0xzz"),
            &|receipt| remove(receipt, &["l1BatchNumber"]),
        ];
        for lose in lost {
            let mut all = all.clone();
            lose(&mut all[of][at]);
            let file = dir.write("receipts.jsonl", lines(all.concat()));
            assert_eq!(complete(&dir, &[file]), others);
        }
    }
    // The damaged receipt belongs to no batch: every batch is complete, and the damage is reported.
    for block in [1, 0xffff] {
        let mut all = all.clone();
        let mut lone = all[1][with_logs(1, true)].clone();
        remove(&mut lone, &["l1BatchNumber", "l2ToL1Logs", "transactionHash"]);
        lone["blockNumber"] = json!(format!("{block:#x}"));
        all[1].push(lone);
        let file = dir.write("receipts.jsonl", lines(all.concat()));
        let (kept, said) = kept(&dir, std::slice::from_ref(&file));
        assert_eq!(kept, [0, 1, 2, 3], "{said}");
        assert!(said.contains(&format!("a receipt of block {block}")), "{said}");
        assert_eq!(complete(&dir, &[file]), kept);
    }
}

#[test]
fn damaged_row_with_a_batch_column_excludes_its_batch() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let tables = log_sources::tables(Export::Copy, &batches);
    let numbers: Vec<(String, String)> = tables[2]
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|row| (row[0].to_owned(), row[3].to_owned()))
        .collect();
    let mut rows = vec![tables[1].lines().next().unwrap().to_owned() + "\tl1_batch_number"];
    for line in tables[1].lines().skip(1) {
        let number = line.split('\t').next().unwrap();
        let (_, batch) = numbers.iter().find(|(block, _)| block == number).unwrap();
        rows.push(format!("{line}\t{batch}"));
    }
    // The rows are in descending order: the first is the last log of the last batch.
    let value = rows[1].split('\t').nth(10).unwrap().to_owned();
    rows[1] = rows[1].replace(&value, &value[..value.len() - 2]);
    let file = dir.write("logs", rows.join("\n") + "\n");
    let (left, said) = kept(&dir, &[file]);
    assert_eq!(left, [0, 1, 2], "{said}");
    // The batch number is damaged too: the root shows that the batch is incomplete.
    let last = batches[3].number.to_string();
    rows[1] = rows[1].strip_suffix(&last).unwrap().to_owned() + "x";
    let file = dir.write("logs", rows.join("\n") + "\n");
    assert_eq!(complete(&dir, &[file]), [0, 1, 2]);
}

/// The three tables as files.
fn export(dir: &IndexDir, tables: [&String; 3]) -> Vec<PathBuf> {
    let named = tables.into_iter().zip(["a", "b", "c"]);
    named.map(|(table, name)| dir.write(name, table)).collect()
}

#[test]
fn batches_in_pieces_and_blocks_of_two_batches_are_left_out() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let all = receipts_apart(&batches);
    // A copy of a receipt of the second batch names the first batch, among the receipts of another batch.
    let mut pieces = all.clone();
    let mut stray = pieces[1][0].clone();
    stray["l1BatchNumber"] = pieces[0][0]["l1BatchNumber"].clone();
    stray["transactionHash"] = json!(format!("0x{}", "99".repeat(32)));
    stray["blockNumber"] = json!("0xfff0");
    stray["l2ToL1Logs"] = json!([]);
    pieces[3].push(stray);
    let file = dir.write("pieces.jsonl", lines(pieces.concat()));
    let (left, said) = kept(&dir, &[file]);
    assert_eq!(left, [1, 2, 3], "{said}");
    assert!(said.contains("different logs"), "{said}");

    // A miniblock is listed in two batches.
    let tables = log_sources::tables(Export::Copy, &batches);
    let [first, second] = [0, 1].map(|at| batches[at].number.to_string());
    let row = tables[2].lines().find(|line| line.ends_with(&format!("\t{first}"))).unwrap();
    let twice = format!("{row}\n{}", row.replace(&format!("\t{first}"), &format!("\t{second}")));
    let blocks = tables[2].replace(row, &twice);
    let files = export(&dir, [&tables[0], &tables[1], &blocks]);
    let (left, said) = kept(&dir, &files);
    assert_eq!(left, [2, 3], "{said}");
    assert!(said.contains("is said to be in batch"), "{said}");
}

#[test]
fn log_and_receipt_of_different_batches_exclude_both() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let all = receipts_apart(&batches);
    let at = all[1].iter().position(|receipt| receipt["logs"][0].is_object()).unwrap();
    let nobody = batches[3].number + 1000;
    for (stated, others) in [(batches[2].number, &[0, 3][..]), (nobody, &[0, 2, 3])] {
        let mut all = all.clone();
        all[1][at]["l2ToL1Logs"][0]["l1BatchNumber"] = json!(format!("{stated:#x}"));
        let file = dir.write("receipts.jsonl", lines(all.concat()));
        let (left, said) = kept(&dir, &[file]);
        assert_eq!(left, others, "{said}");
        let hash = all[1][at]["transactionHash"].as_str().unwrap();
        let numbers = format!("in batch {stated}, its receipt in batch {}", batches[1].number);
        assert!(said.contains(hash) && said.contains(&numbers), "{said}");
    }
    // Two consecutive receipts each name two batches: all of these batches are excluded.
    let mut all = all.clone();
    let mut of_logs = all[1].iter_mut().filter(|receipt| receipt["l2ToL1Logs"][0].is_object());
    let (one, other) = (of_logs.next().unwrap(), of_logs.next().unwrap());
    one["l2ToL1Logs"][0]["l1BatchNumber"] = json!(batches[2].number);
    other["l2ToL1Logs"][0]["l1BatchNumber"] = json!(batches[3].number);
    let file = dir.write("receipts.json", Value::from(all.concat()).to_string());
    let (left, said) = kept(&dir, &[file]);
    assert_eq!(left, [0], "{said}");
}

#[test]
fn block_in_a_batch_and_in_no_batch_is_reported() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let tables = log_sources::tables(Export::Copy, &batches);
    let first = batches[0].number.to_string();
    let row = tables[2].lines().find(|line| line.ends_with(&format!("\t{first}"))).unwrap();
    let without = row.replace(&format!("\t{first}"), "\t\\N");
    for twice in [format!("{row}\n{without}"), format!("{without}\n{row}")] {
        let blocks = tables[2].replace(row, &twice);
        let files = export(&dir, [&tables[0], &tables[1], &blocks]);
        let (left, said) = kept(&dir, &files);
        assert_eq!(left, [1, 2, 3], "{said}");
        let of_both = [
            format!("in batch {first} and in no batch yet"),
            format!("in no batch yet and in batch {first}"),
        ];
        assert!(of_both.iter().any(|words| said.contains(words)), "{said}");
    }
}

#[test]
fn a_header_with_a_column_twice_is_refused() {
    let dir = IndexDir::new();
    let twice = [
        ("number\tl1_batch_number\tnumber\n1\t2\t3\n", "number", 1),
        ("number,l1_batch_number,l1_batch_number\n1,2,3\n", "l1_batch_number", 1),
        ("number,l2_to_l1_messages,aggregation_root,aggregation_root\n", "aggregation_root", 1),
        (
            "-- PostgreSQL database dump\n\
             COPY public.miniblocks (number, l1_batch_number, number) FROM stdin;\n1\t2\t3\n\\.\n",
            "number",
            2,
        ),
    ];
    for (text, column, line) in twice {
        let file = dir.write("table", text);
        let run = dir.index(&[file], &["--chain", "9"], "twice.slmsg");
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        for words in [format!("table, line {line}"), format!("has two columns {column}")] {
            assert!(run.stderr.contains(&words), "{}", run.stderr);
        }
    }
    // Duplicate columns are accepted if the column is not read, as in the result of a join.
    let batches = small_batches();
    let tables = log_sources::tables(Export::Copy, &batches);
    let joined = |table: &String| {
        let mut lines = table.lines();
        let head = format!("{}\tjoined\tjoined\n", lines.next().unwrap());
        lines.fold(head, |text, line| format!("{text}{line}\t\\N\t7\n"))
    };
    let files: Vec<_> = tables
        .iter()
        .zip(["a", "b", "c"])
        .map(|(table, name)| dir.write(name, joined(table)))
        .collect();
    let archive = dir.indexed(&files, &["--chain", &batches[0].chain.to_string()], "joined.slmsg");
    assert_eq!(archived(&archive).len(), batches.len());
}

#[test]
fn inputs_that_are_cut_between_rows_are_refused() {
    let dir = IndexDir::new();
    let batches = small_batches();
    let chain = batches[0].chain.to_string();
    let whole = Value::from(receipts_apart(&batches).concat()).to_string();
    let comma = whole.rfind(",{\"blockHash\"").or_else(|| whole.rfind("},{")).unwrap();
    let cut = dir.write("cut.json", &whole[..comma + 1]);
    let dump = log_sources::tables(Export::Dump, &batches).concat();
    let row = dump.find("COPY public.l2_to_l1_logs").unwrap() + 2000;
    let row = row + dump[row..].find('\n').unwrap() + 1;
    let other = dump.find("COPY public.factory_deps").unwrap();
    let other = other + dump[other..].find('\n').unwrap() + 1;
    let files = [
        (cut, "the file ends before its last bracket"),
        (dir.write("cut.sql", &dump[..row]), "the dump is cut"),
        (dir.write("other.sql", &dump[..other]), "the dump is cut"),
    ];
    for (file, words) in files {
        let run = dir.index(&[file], &["--chain", &chain], "cut.slmsg");
        assert_eq!(run.code, Some(3), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert!(!dir.path("cut.slmsg").exists());
    }
}

#[test]
fn receipts_with_different_log_counts_prove_nothing_wrong() {
    let dir = IndexDir::new();
    let all = receipts_apart(&small_batches());
    let at = all[1].iter().rposition(|receipt| receipt["logs"][0].is_object()).unwrap();
    let mut more = all.clone();
    let mut other = all[1][at].clone();
    let logs = other["l2ToL1Logs"].as_array_mut().unwrap();
    let mut log = logs[0].clone();
    log["transactionLogIndex"] = json!(format!("{:#x}", logs.len()));
    log["logIndex"] = json!("0xff");
    logs.push(log);
    more[1].push(other.clone());
    let file = dir.write("receipts.jsonl", lines(more.concat()));
    let (places, said) = kept(&dir, &[file]);
    assert_eq!(places, [0, 2, 3], "{said}");
    assert!(said.contains("there are two of one transaction"), "{said}");
    // The other receipt has all the logs, so every batch folds to its root.
    let mut less = all;
    other["l2ToL1Logs"] = json!([]);
    less[1].push(other);
    let file = dir.write("receipts.jsonl", lines(less.concat()));
    let (state, chain) = (fixture("gateway-v31/state.anvil.json"), small_batches()[0].chain);
    let flags = ["--chain", &chain.to_string(), "--tree", text(&state)];
    assert_eq!(archived(&dir.indexed(&[file], &flags, "less.slmsg")).len(), 4);
}
