//! The proofs of the fixtures that L1 alone gives, and how to ask the program for them.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use super::{
    binary::{Run, run},
    json_lines, l1_files,
};

/// The proofs that the contracts accepted, against roots by block.
pub fn interop() -> Vec<Value> {
    json_lines("gateway-v29/proofs.jsonl.gz")
}

/// The proofs in the L1 form. The batches of the settlement layer have other logs in the files of L1, so the last word
/// of each proof and its root differ from those of `gateway-v29`.
pub fn in_l1_form() -> Vec<Value> {
    let batches: BTreeMap<u64, Value> = l1_files::sl_batches()
        .into_iter()
        .map(|batch| (batch["slBatch"].as_u64().unwrap(), batch))
        .collect();
    let mut lines = json_lines("gateway-v29/proofs_l1.jsonl.gz");
    for line in &mut lines {
        let batch = &batches[&line["target"]["slBatch"].as_u64().unwrap()];
        line["target"]["root"] = batch["chainBatchRoot"].clone();
        *line["proof"].as_array_mut().unwrap().last_mut().unwrap() = batch["localLogsRoot"].clone();
    }
    lines
}

/// Asks for these proofs. Returns the lines of the answers.
pub fn answers(archive: &Path, expected: &[Value], flags: &[&str]) -> (Run, Vec<Value>) {
    let requests = archive.parent().unwrap().join("requests.ndjson");
    let lines: Vec<String> = expected
        .iter()
        .map(|line| {
            let target = &line["target"];
            let target = match target["slBlock"].as_u64() {
                Some(block) => format!("block:{block}"),
                None => format!("sl-batch:{}", target["slBatch"]),
            };
            let (chain, batch, id) = (&line["chainId"], &line["batchNumber"], &line["logIndex"]);
            json!({"chainId": chain, "batchNumber": batch, "id": id, "target": target}).to_string()
        })
        .collect();
    fs::write(&requests, lines.join("\n")).unwrap();
    let args = ["prove", "--archive", archive.to_str().unwrap(), "--requests"];
    let mut args: Vec<&str> = args.to_vec();
    args.push(requests.to_str().unwrap());
    args.extend_from_slice(flags);
    let run = run(args);
    let answers = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (run, answers)
}

/// Compares the proofs among the answers word for word. Returns their number, and the codes of the failures.
pub fn compare(expected: &[Value], answers: &[Value]) -> (usize, BTreeMap<String, usize>) {
    assert_eq!(expected.len(), answers.len());
    let (mut proofs, mut failures) = (0, BTreeMap::new());
    for (expected, answer) in expected.iter().zip(answers) {
        if let Some(code) = answer["error"]["code"].as_str() {
            *failures.entry(code.to_owned()).or_default() += 1;
            continue;
        }
        proofs += 1;
        assert_eq!(answer["proof"], expected["proof"]);
        assert_eq!(answer["root"], expected["root"]);
        assert_eq!(answer["target"]["root"], expected["target"]["root"]);
        assert_eq!(answer["checkedBy"], "l1");
    }
    (proofs, failures)
}
