//! The batches of the fixtures, and the bytes of their logs.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

/// A batch of the vectors.
#[derive(Clone)]
pub struct Batch {
    pub chain: u64,
    pub number: u64,
    pub logs: Vec<Vec<u8>>,
    pub messages: Vec<Vec<u8>>,
}

pub fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap().strip_prefix("0x").unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("0x"), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The batches of a directory of vectors.
pub fn batches(vectors: &str) -> Vec<Batch> {
    super::json_lines(&format!("{vectors}/logs.jsonl.gz"))
        .iter()
        .map(|line| Batch {
            chain: line["chainId"].as_u64().unwrap(),
            number: line["batchNumber"].as_u64().unwrap(),
            logs: line["logs"].as_array().unwrap().iter().map(unhex).collect(),
            messages: line["messages"].as_array().unwrap().iter().map(unhex).collect(),
        })
        .collect()
}

pub fn tx_number(log: &[u8]) -> u64 {
    u64::from(u16::from_be_bytes([log[2], log[3]]))
}

/// Whether L1Messenger sent the log.
pub fn is_message(log: &[u8]) -> bool {
    log[4..22] == [0; 18] && log[22..24] == [0x80, 0x08]
}

/// The batches of the vectors, chain by chain.
pub fn by_chain(vectors: &str) -> BTreeMap<u64, Vec<Batch>> {
    let mut chains = BTreeMap::<u64, Vec<Batch>>::new();
    for batch in batches(vectors) {
        chains.entry(batch.chain).or_default().push(batch);
    }
    chains
}

/// A chain of the vectors and its first five batches, as lines of a raw archive.
pub fn raw_batches(vectors: &str) -> (u64, Vec<Value>) {
    let all: Vec<Value> = super::json_lines(&format!("{vectors}/logs.jsonl.gz"));
    let chain = all[0]["chainId"].as_u64().unwrap();
    (chain, all.into_iter().filter(|batch| batch["chainId"] == chain).take(5).collect())
}

/// A few small batches of one chain.
pub fn small_batches() -> Vec<Batch> {
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
