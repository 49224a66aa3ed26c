//! Logs of transactions by their position. Chains may share the hash of a transaction: that of a protocol upgrade names no
//! chain. A node counts the logs of a transaction in its own chain.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    binary::{Run, run, run_with_input},
    fixture, json_lines,
};

const FOLDER: &str = "gateway-v29";
/// The hash of transactions in three batches.
const SHARED: &str = "0xabababababababababababababababababababababababababababababababab";
/// The hash of a transaction in no batch.
const OTHER: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

/// Some batches of the fixture. In those that are named, logs 1 and 2 have the shared hash, and every other log one of
/// its own.
struct Case {
    _dir: TempDir,
    archive: String,
}

impl Case {
    /// `batches` are pairs of a chain and a batch, with whether its logs have hashes of transactions.
    fn new(batches: &[((u64, u64), bool)]) -> Self {
        let lines = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
        let text: String = batches
            .iter()
            .map(|((chain, batch), has_hashes)| {
                let is_it =
                    |line: &&Value| line["chainId"] == *chain && line["batchNumber"] == *batch;
                let mut line = lines.iter().find(is_it).unwrap().clone();
                let hash = |at: usize| match at {
                    1 | 2 => SHARED.to_owned(),
                    _ => format!("0x{:064x}", (batch << 16) + at as u64 + 1),
                };
                if *has_hashes {
                    let logs = line["logs"].as_array().unwrap().len();
                    line["transactions"] = json!((0..logs).map(hash).collect::<Vec<_>>());
                }
                format!("{line}\n")
            })
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("logs.jsonl");
        fs::write(&archive, text).unwrap();
        Self { archive: archive.to_str().unwrap().to_owned(), _dir: dir }
    }

    fn args(&self, rest: &[&str]) -> Vec<String> {
        let tree = fixture(&format!("{FOLDER}/state.anvil.json")).to_str().unwrap().to_owned();
        let args = ["prove", "-q", "--tree", &tree, "--messages", &self.archive];
        args.iter().chain(rest).map(|arg| (*arg).to_owned()).collect()
    }

    fn prove(&self, rest: &[&str]) -> Run {
        run(self.args(rest))
    }

    /// The exit code, the code of the error, and its message.
    fn error(&self, rest: &[&str]) -> (i32, String, String) {
        let failed = self.prove(&[rest, &["--json"]].concat());
        assert!(failed.stdout.is_empty(), "{}", failed.stdout);
        let error: Value = serde_json::from_str(&failed.stderr).unwrap();
        let text = |member: &str| error["error"][member].as_str().unwrap().to_owned();
        (failed.code.unwrap(), text("code"), text("message"))
    }

    /// The codes and messages of requests that fail.
    fn failures(&self, requests: &[Value]) -> Vec<(String, String)> {
        let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
        let made = run_with_input(self.args(&["--requests", "-"]), lines.as_bytes());
        let failed = |line: &str| {
            let error = &serde_json::from_str::<Value>(line).unwrap()["error"];
            let text = |member: &str| error[member].as_str().unwrap().to_owned();
            (text("code"), text("message"))
        };
        made.stdout.lines().map(failed).collect()
    }
}

/// The places of the proven logs.
fn places(made: &Run) -> Vec<(u64, u64, u64)> {
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let read = serde_json::Deserializer::from_str(&made.stdout).into_iter::<Value>();
    let place = |record: Value| {
        let number = |member: &str| record[member].as_u64().unwrap();
        (number("chainId"), number("batchNumber"), number("id"))
    };
    read.map(|record| place(record.unwrap())).collect()
}

#[test]
fn a_position_counts_the_logs_of_the_transaction_in_one_batch() {
    let case = Case::new(&[((324, 501_239), true), ((324, 501_245), true), ((6565, 777), true)]);
    for (chain, batch) in [("324", Some("501239")), ("324", Some("501245")), ("6565", None)] {
        let mut within = vec!["--tx", SHARED, "--chain", chain];
        within.extend(batch.iter().flat_map(|batch| ["--batch", batch]));
        let number = batch.unwrap_or("777").parse().unwrap();
        for (log, id) in [("0", 1), ("1", 2)] {
            let made = case.prove(&[&within[..], &["--log", log]].concat());
            assert_eq!(places(&made), [(chain.parse().unwrap(), number, id)]);
        }
        let (exit, code, _) = case.error(&[&within[..], &["--log", "2"]].concat());
        assert_eq!((exit, &*code), (5, "log-not-in-transaction"));
    }
    for several in [&["--tx", SHARED, "--log", "0"][..], &["--tx", SHARED, "--log", "4"]] {
        let (exit, code, message) = case.error(several);
        assert_eq!((exit, &*code), (2, "transaction-ambiguous"), "{message}");
        let (exit, code, _) = case.error(&[several, &["--chain", "324"]].concat());
        assert_eq!((exit, &*code), (2, "transaction-ambiguous"));
    }
    let log = |log: u64| json!({"txHash": SHARED, "log": log});
    for (code, message) in case.failures(&[log(0), log(4)]) {
        assert_eq!(code, "transaction-ambiguous");
        assert!(message.contains("chain 324, batch 501239"), "{message}");
    }
    // Every log with the hash is asked for, whatever batch it is of.
    let all = [(324, 501_239), (324, 501_245), (6565, 777)];
    let all: Vec<_> = all.iter().flat_map(|(c, b)| [(*c, *b, 1), (*c, *b, 2)]).collect();
    assert_eq!(places(&case.prove(&["--tx", SHARED])), all);
    assert_eq!(places(&case.prove(&["--tx", SHARED, "--chain", "6565"])), all[4..]);
}

/// A transaction that is not found may be that of a log without a hash.
#[test]
fn logs_without_a_hash_are_named_where_a_transaction_is_not_found() {
    let case = Case::new(&[((324, 501_239), true), ((6565, 777), false)]);
    let told = |logs: &str, message: &str| message.contains(&format!("{logs} logs there have no"));
    for flag in ["--tx", "--hash"] {
        let (exit, _, message) = case.error(&[flag, OTHER]);
        assert!(exit == 5 && told("13 of 23", &message), "{message}");
        let (_, _, message) = case.error(&[flag, OTHER, "--chain", "6565"]);
        assert!(told("13 of 13", &message), "{message}");
        let (_, _, message) = case.error(&[flag, OTHER, "--chain", "324"]);
        assert!(!message.contains("have no"), "{message}");
    }
    let (_, code, message) = case.error(&["--tx", OTHER, "--log", "0"]);
    assert_eq!(code, "transaction-not-found");
    assert!(told("13 of 23", &message), "{message}");
    let requests = [json!({"txHash": OTHER}), json!({"txHash": OTHER, "log": 1})];
    for (code, message) in case.failures(&requests) {
        assert_eq!(code, "transaction-not-found");
        assert!(told("13 of 23", &message), "{message}");
    }
    let without = Case::new(&[((6565, 777), false)]);
    for (code, message) in without.failures(&requests) {
        assert_eq!(code, "transaction-not-found");
        assert_eq!(message, "the archive has no hashes of transactions");
    }
}
