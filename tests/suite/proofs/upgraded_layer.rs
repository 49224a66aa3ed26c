//! Batch roots of a settlement layer that was upgraded in place from v29 to v31. Those from before the upgrade are only in
//! the diamonds, where MessageRoot does not look: `proveL2LogInclusionShared` returned false for them, and true for the later
//! ones.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slproof::{
    primitives::{ChainId, Hash, Word},
    state::slots::mapping_value,
};

use crate::support::{
    binary::{run, run_with_input},
    fixture, json as read_json, json_lines,
};

const FOLDER: &str = "gateway-v29-to-v31";
const MESSAGE_ROOT: &str = "0x0000000000000000000000000000000000010005";

/// Whether MessageRoot stores the root of a batch: `chainBatchRoots`, slot 12.
fn is_recorded(state: &Value, (chain, batch): (u64, u64)) -> bool {
    let of_chain = mapping_value(ChainId(chain).to_word(), 12.into());
    let slot = mapping_value(Word::from(batch), of_chain).to_string();
    let value = &state["accounts"][MESSAGE_ROOT]["storage"][slot];
    value.as_str().is_some_and(|value| value.parse::<Hash>().unwrap() != Hash::ZERO)
}

fn place(line: &Value) -> (u64, u64) {
    (line["chainId"].as_u64().unwrap(), line["batchNumber"].as_u64().unwrap())
}

#[test]
fn roots_that_message_root_does_not_look_up_are_not_proven() {
    let folder = fixture(FOLDER);
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (tree, logs) = (file("state.anvil.json"), file("withdrawals.jsonl.gz"));
    let state = read_json(&format!("{FOLDER}/state.anvil.json"));
    let job = ["--all", "--target", "batch-root", "-q"];
    let directory = folder.to_str().unwrap();
    // By a target in a request, trees are rebuilt from the state.
    let all = json_lines(&format!("{FOLDER}/withdrawals.jsonl.gz"));
    let request = |line: &Value| {
        let (chain, batch) = place(line);
        json!({"chainId": chain, "batchNumber": batch, "target": "batch-root"}).to_string() + "\n"
    };
    let requests: String = all.iter().map(request).collect();
    let mut outputs = BTreeSet::new();
    for (evidence, job, input) in [
        (&["--archive", directory][..], &job[..], ""),
        (&["--tree", &tree, "--messages", &logs], &["--requests", "-", "-q"], &requests),
    ] {
        let made = run_with_input([&["prove"], evidence, job].concat(), input.as_bytes());
        assert_eq!(made.code, Some(1), "{}", made.stderr);
        let lines = made.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let (failed, proven): (Vec<_>, Vec<_>) = lines.partition(|line| line["error"].is_object());
        assert!(!failed.is_empty() && !proven.is_empty(), "{evidence:?}");
        for line in &failed {
            assert_eq!(line["error"]["code"], "batch-not-in-message-root", "{line}");
            assert!(!is_recorded(&state, place(&line["request"])), "{line}");
        }
        assert!(proven.iter().all(|line| is_recorded(&state, place(line))));
        let records: String = proven.iter().map(|line| format!("{line}\n")).collect();
        let verified = run_with_input(["verify", "-", "--anchor", &tree], records.as_bytes());
        assert_eq!(verified.code, Some(0), "{} {}", verified.stdout, verified.stderr);
        let refused: BTreeSet<_> = failed.iter().map(|line| place(&line["request"])).collect();
        outputs.insert((proven.iter().map(place).collect::<BTreeSet<_>>(), refused));
    }
    assert_eq!(outputs.len(), 1);
}

/// The logs of such batches are complete all the same.
#[test]
fn their_logs_are_compared_with_the_roots_in_the_diamonds() {
    let file = |name: &str| fixture(FOLDER).join(name).to_str().unwrap().to_owned();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("logs.slmsg");
    let (tree, logs) = (file("state.anvil.json"), file("withdrawals.jsonl.gz"));
    let indexed = run(["index", &logs, "--tree", &tree, "-o", out.to_str().unwrap()]);
    assert_eq!(indexed.code, Some(0), "{} {}", indexed.stdout, indexed.stderr);
}
