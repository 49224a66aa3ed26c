//! A synthetic settlement layer, whose files have fixed names in the folder of the bench.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
};

use serde_json::Value;
use slproof_benches::mixed;

use crate::{Failed, bench::Bench};

/// `prove` with the files of the layer.
pub(crate) const PROVE: &str = "-q prove --tree state.sltree --messages logs.slmsg";

/// A batch: the id of its chain, and its number.
pub(crate) type Batch = (u64, u64);

/// Writes `state.csv` and `roots.json`, with the other files that `arguments` ask for, and imports the state to `state.slsnap`.
pub(crate) fn synthesize(bench: &Bench<'_>, arguments: &str) -> Result<(), Failed> {
    bench.synthesize(&format!("{arguments} --form table --state state.csv --roots roots.json"))?;
    bench.summary("import state.csv -o state.slsnap").map(|_| ())
}

/// Writes `state.sltree`.
pub(crate) fn rebuild(bench: &Bench<'_>) -> Result<(), Failed> {
    check_root(bench, "rebuild state.slsnap -o state.sltree")
}

/// Compares the root that a command finds with that of the algorithm that writes `roots.json`.
pub(crate) fn check_root(bench: &Bench<'_>, rebuild: &str) -> Result<(), Failed> {
    let found = bench.summary(rebuild)?;
    let expected: Value = serde_json::from_slice(&fs::read(bench.folder.join("roots.json"))?)?;
    match found["sharedTree"]["root"] == expected["aggregatedRoot"] {
        true => Ok(()),
        false => Err(format!("{rebuild}: not the expected root").into()),
    }
}

/// Indexes `logs.jsonl` and removes it. Returns its batches.
pub(crate) fn index(bench: &Bench<'_>) -> Result<Vec<Batch>, Failed> {
    bench.summary("index logs.jsonl -o logs.slmsg")?;
    let mut text = BufReader::with_capacity(1 << 20, File::open(bench.folder.join("logs.jsonl"))?);
    let (mut line, mut batches) = (Vec::new(), Vec::new());
    while text.read_until(b'\n', &mut line)? > 0 {
        // The logs follow, which are much longer.
        let head = line.split(|byte| *byte == b'[').next().unwrap_or_default();
        let head: Value = serde_json::from_slice(&[head, b"[]}"].concat())?;
        let number = |name: &str| head[name].as_u64().ok_or("a batch without its number");
        batches.push((number("chainId")?, number("batchNumber")?));
        line.clear();
    }
    bench.remove("logs.jsonl")?;
    Ok(batches)
}

/// Writes a file of requests for random logs, of batches with `logs` logs each.
pub(crate) fn random_requests(
    bench: &Bench<'_>,
    batches: &[Batch],
    (name, count): (&str, u64),
    logs: u64,
    more: &str,
) -> Result<(), Failed> {
    let line = |at| {
        let batch = batches[mixed(at, 1) as usize % batches.len()];
        request(batch, mixed(at, 2) % logs, more)
    };
    Ok(fs::write(bench.folder.join(name), (0..count).map(line).collect::<String>())?)
}

/// A line of a file of requests.
pub(crate) fn request((chain, batch): Batch, id: u64, more: &str) -> String {
    format!("{{\"chainId\":{chain},\"batchNumber\":{batch},\"id\":{id}{more}}}\n")
}

/// Checks that a file has this number of proofs, and that all are valid by the state of the layer.
pub(crate) fn check_proofs(bench: &Bench<'_>, name: &str, count: u64) -> Result<(), Failed> {
    let verdicts = bench.summary(&format!("verify {name} --anchor state.slsnap"))?;
    match verdicts["valid"].as_u64() == Some(count) && verdicts["failedRequests"] == 0 {
        true => Ok(()),
        false => Err(format!("{name}: {count} valid proofs were expected: {verdicts}").into()),
    }
}
