//! A folder to index in, as a user does.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    binary::{Run, run},
    written::{self, Batch},
};

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder to write to and index from.
pub struct Desk(TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
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
    pub fn index(&self, files: &[PathBuf], rest: &[&str], output: &str) -> Run {
        let output = self.path(output);
        let files = files.iter().map(|file| text(file));
        run(["index"]
            .into_iter()
            .chain(files)
            .chain(rest.iter().copied())
            .chain(["-o", text(&output)]))
    }

    /// Indexes files without a fault.
    pub fn good(&self, files: &[PathBuf], rest: &[&str], output: &str) -> PathBuf {
        let run = self.index(files, rest, output);
        assert_eq!(run.code, Some(0), "{rest:?}: {}", run.stderr);
        self.path(output)
    }
}

/// The batches of the vectors, chain by chain.
pub fn by_chain(vectors: &str) -> BTreeMap<u64, Vec<Batch>> {
    let mut chains = BTreeMap::<u64, Vec<Batch>>::new();
    for batch in written::batches(vectors) {
        chains.entry(batch.chain).or_default().push(batch);
    }
    chains
}

/// A value a line.
pub fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| value.to_string() + "\n").collect()
}

/// The numbers of the batches that an archive has.
pub fn archived(archive: &Path) -> Vec<u64> {
    let archive = slproof::archive::Archive::open(archive, Default::default()).unwrap();
    archive.batches().map(|batch| batch.unwrap().batch().0).collect()
}

pub fn answer(result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

/// The blocks of receipts, in one of the shapes in which people keep what they asked nodes.
pub fn shaped(shape: usize, blocks: &[Vec<Value>]) -> String {
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

/// The small batches of one chain of the vectors, and a raw archive of them.
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
