//! The files of L1 of the fixtures, whole or without some of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{blobs, json, json_lines};

/// The diamond of the settlement layer on L1.
pub const DIAMOND: &str = "0xb09a7ca208ba80c00022a67536c40f31f3cb557d";

/// The batch of the settlement layer that a transaction commits. `None` if it commits one of another chain.
pub fn committed(transaction: &Value) -> Option<u64> {
    let words = &transaction["input"].as_str().unwrap()[10..];
    let is_of_layer = words[24..64] == DIAMOND[2..];
    is_of_layer.then(|| u64::from_str_radix(&words[64..128], 16).unwrap())
}

/// The transactions that commit batches.
pub fn commits() -> Vec<Value> {
    json_lines("l1/commits.jsonl.gz")
}

/// What the makers of the fixtures say of each batch of the settlement layer.
pub fn sl_batches() -> Vec<Value> {
    json("l1/expected.json.gz")["slBatches"].as_array().unwrap().clone()
}

/// The transactions that execute batches, or revert some.
pub fn executions() -> Vec<Value> {
    json_lines("l1/executes.jsonl.gz")
}

/// Writes these commits, and all other files that are not there yet.
pub fn write(directory: &Path, commits: &[Value]) {
    write_lines(directory, "commits.jsonl", commits);
    if !directory.join("executes.jsonl").exists() {
        write_lines(directory, "executes.jsonl", &executions());
        write_lines(directory, "receipts.jsonl", &json_lines("l1/receipts.jsonl.gz"));
        blobs::write(directory);
    }
}

/// Writes all files of L1 to a new directory in this one.
pub fn whole(parent: &Path) -> PathBuf {
    let directory = parent.join("l1");
    fs::create_dir(&directory).unwrap();
    write(&directory, &commits());
    directory
}

/// Writes the files of L1 without the commit of a batch of the settlement layer.
pub fn without(lost: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let is_left = |commit: &Value| committed(commit) != Some(lost);
    let commits: Vec<Value> = commits().into_iter().filter(is_left).collect();
    write(folder.path(), &commits);
    folder
}

/// What the makers of the fixtures say of each batch of a chain: its chain and number, the batch of the settlement layer
/// that executed it, and the block.
pub fn executed() -> Vec<((u64, u64), u64, u64)> {
    let number = |batch: &Value, name: &str| batch[name].as_u64().unwrap();
    let batches = json_lines("gateway-v29/logs.jsonl.gz");
    let batches = batches.iter().map(|batch| {
        let of = (number(batch, "chainId"), number(batch, "batchNumber"));
        (of, number(batch, "slBatch"), number(batch, "slBlockNumber"))
    });
    batches.collect()
}

/// Writes a file with one value on each line.
pub fn write_lines(directory: &Path, name: &str, values: &[Value]) {
    let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
    fs::write(directory.join(name), lines.join("\n")).unwrap();
}

/// The transaction of a batch with another number.
pub fn with_number(transaction: &Value, number: u64, other: u64) -> Value {
    let word = |number: u64| format!("{number:064x}");
    let input = transaction["input"].as_str().unwrap();
    let input = input.replace(&word(number - 1), &word(other - 1));
    let mut changed = transaction.clone();
    changed["input"] = input.replace(&word(number), &word(other)).into();
    changed["hash"] = format!("0x{}", word(other)).into();
    changed
}
