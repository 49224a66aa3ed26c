//! `verify --trust-block` and `needs`: which block is trusted, and what to ask a node for.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{
    binary::run,
    fixture, json_lines,
    state_tries::{BRIDGEHUB, RECORDED},
};

#[test]
fn the_commands_say_which_block_to_trust_and_what_to_fetch() {
    let (folder, file, trusted) = RECORDED[0];
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| -> String {
        let path: PathBuf = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let made = json_lines(&format!("{folder}/proofs_l1.jsonl.gz")).remove(0);
    let record = json!({
        "chainId": made["chainId"], "batchNumber": made["batchNumber"], "id": made["logIndex"],
        "proof": made["proof"], "log": made["log"],
    });
    let proofs = write("proofs.jsonl", record.to_string());
    let answers = fixture(file).to_str().unwrap().to_owned();
    let verify_with = |addresses: &[&str], rest: &[&str]| {
        run([&["verify", &proofs, "--report", "-"], addresses, rest].concat())
    };
    let verify = |rest: &[&str]| verify_with(&["--bridgehub", BRIDGEHUB], rest);
    let valid = verify(&["--anchor", &answers, "--trust-block", trusted]);
    assert_eq!(
        (valid.code, valid.stdout.contains("\"valid\":true")),
        (Some(0), true),
        "{}",
        valid.stderr
    );

    // Bridgehub of mainnet has the same address. Only L1 has these answers, so the state is known as one of L1.
    let of_network =
        verify_with(&["--network", "mainnet"], &["--anchor", &answers, "--trust-block", trusted]);
    assert_eq!(of_network.code, Some(0), "{}", of_network.stderr);

    let untrusted = verify(&["--anchor", &answers]);
    assert_eq!(untrusted.code, Some(3));
    assert!(untrusted.stderr.contains(trusted) && untrusted.stderr.contains("--trust-block"));
    let (_, _, other) = RECORDED[1];
    let refused = verify(&["--anchor", &answers, "--trust-block", other]);
    assert_eq!(refused.code, Some(3));
    assert!(
        refused.stderr.contains(trusted) && refused.stderr.contains(other),
        "{}",
        refused.stderr
    );
    let state = fixture(&format!("{folder}/l1.state.anvil.json"));
    let dump = verify(&["--anchor", state.to_str().unwrap(), "--trust-block", trusted]);
    assert_eq!(dump.code, Some(2), "{}", dump.stderr);

    // The header and Bridgehub alone: nothing can be judged.
    let values = json_lines(file);
    let parts = values
        .iter()
        .enumerate()
        .map(|(at, value)| write(&format!("{at}.json"), value.to_string()));
    let parts: Vec<String> = parts.collect();
    let bridgehub =
        values.iter().position(|value| value["result"]["address"] == BRIDGEHUB).unwrap();
    let some = ["--anchor", &parts[0], "--anchor", &parts[bridgehub], "--trust-block", trusted];
    let unknown = verify(&some);
    assert_eq!(unknown.code, Some(3), "{}", unknown.stderr);
    assert!(
        unknown.stdout.contains("\"valid\":null") && unknown.stdout.contains("slot-not-proven")
    );

    let needs = |rest: &[&str]| {
        run([&["needs", &proofs, "--bridgehub", BRIDGEHUB, "--trust-block", trusted], rest]
            .concat())
    };
    let requests = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let first = needs(&[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let made = requests(&first.stdout);
    assert_eq!(made[0]["method"], "eth_getBlockByHash");
    assert_eq!(made[0]["params"], json!([trusted, false]));
    assert_eq!(made[1]["params"][0], BRIDGEHUB);
    assert_eq!(made[1]["params"][2], json!({ "blockHash": trusted }));
    assert_eq!(made.len(), 2);
    let second = needs(&some[..4]);
    assert!(requests(&second.stdout).iter().all(|request| request["params"][2] == "0x1"));
    let last = needs(&["--anchor", &answers]);
    assert_eq!((last.code, last.stdout.as_str()), (Some(0), ""), "{}", last.stderr);

    // A node that does not have the block answers null, or with an error, whose words are shown.
    for (member, words) in [
        (json!({ "result": null }), "the node does not have the state"),
        (json!({ "error": { "code": -32000, "message": "header not found" } }), "header not found"),
    ] {
        let mut answer = json!({ "jsonrpc": "2.0", "id": 1 });
        answer.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let refused = needs(&["--anchor", &write("refused.json", answer.to_string())]);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""), "{}", refused.stderr);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
