use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use super::answers::error_code;
use crate::support::{
    fixture, json_lines,
    server::{Gateway, Server},
    vectors,
};

/// The places of logs for which something holds, by chain, newest first.
fn places(lines: &[Value], mut holds: impl FnMut(&[u8], &Value) -> bool) -> Vec<Value> {
    let mut found = Vec::new();
    for line in lines {
        let (chain, batch) = (&line["chainId"], &line["batchNumber"]);
        let (logs, mut messages) =
            (line["logs"].as_array().unwrap(), line["messages"].as_array().unwrap().iter());
        for (id, log) in logs.iter().enumerate() {
            let log = vectors::unhex(log);
            let is_message = log[..2] == [0, 1] && vectors::hex(&log[4..24]).ends_with("8008");
            let message = if is_message { messages.next().unwrap() } else { &Value::Null };
            if holds(&log, message) {
                found.push(json!({"chainId": chain, "batchNumber": batch, "id": id}));
            }
        }
    }
    let key = |place: &Value| {
        let number = |name: &str| place[name].as_u64().unwrap();
        (number("chainId"), u64::MAX - number("batchNumber"), u64::MAX - number("id"))
    };
    found.sort_by_key(key);
    found
}

/// The address of a log under which it is found: of a message the sender, of another log the contract.
fn sender<'l>(log: &'l [u8], message: &Value) -> &'l [u8] {
    if message.is_null() { &log[4..24] } else { &log[36..56] }
}

/// Who gets a withdrawal: of the base token behind the selector, of another one in the transfer data, whose second word
/// it is. Source: L1Nullifier.sol and DataEncoding.sol of era-contracts.
fn receiver(message: &Value) -> Option<Vec<u8>> {
    let bytes = vectors::unhex(message.as_str().map(|_| message)?);
    match (bytes.first_chunk()?, bytes.len()) {
        ([0x6c, 0x09, 0x60, 0xf9], 56) => Some(bytes[4..24].to_vec()),
        ([0x9c, 0x88, 0x4f, 0xd1], 612) => Some(bytes[112..132].to_vec()),
        _ => None,
    }
}

#[test]
fn logs_are_found_by_sender() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let lines = json_lines("gateway-v29/logs.jsonl.gz");
    let find = |path: &str, address: &[u8]| {
        server.result(path, "slproof_findAddress", json!([vectors::hex(address)]))
    };
    let mut senders = BTreeSet::new();
    places(&lines, |log, message| senders.insert(sender(log, message).to_vec()));
    assert!(senders.len() > 10, "{}", senders.len());
    let rare = senders.iter().step_by(senders.len() / 8).cloned();
    // The contract with the most logs has more than one answer lists.
    let contract = [&[0; 18][..], &[0x80, 0x01]].concat();
    for address in rare.chain([contract.clone()]) {
        let expected = places(&lines, |log, message| sender(log, message) == address);
        let is_complete = expected.len() <= 1000;
        let found = find("/", &address);
        assert_eq!(found["isComplete"], is_complete);
        assert!(address != contract || !is_complete);
        assert_eq!(found["senders"], json!(expected[..expected.len().min(1000)]));
        // The path of a chain narrows the search.
        let of_chain: Vec<&Value> =
            expected.iter().filter(|place| place["chainId"] == 324).take(1000).collect();
        assert_eq!(find("/324", &address)["senders"], json!(of_chain));
    }
    let none = json!({"senders": [], "receivers": [], "isComplete": true});
    assert_eq!(find("/", &[0xee; 20]), none);
    for params in [json!([]), json!(["0x12"]), json!([1])] {
        assert_eq!(error_code(&server.call("/", "slproof_findAddress", params)), -32602);
    }
}

#[test]
fn withdrawals_are_found_by_receiver() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["events.jsonl.gz", "withdrawals.jsonl.gz"] {
        let from = fixture(&format!("gateway-v29-to-v31/{file}"));
        fs::copy(from, folder.path().join(file)).unwrap();
    }
    let server = Server::start(["--archive", folder.path().to_str().unwrap()].map(str::to_owned));
    let lines = json_lines("gateway-v29-to-v31/withdrawals.jsonl.gz");
    let mut receivers = BTreeSet::new();
    places(&lines, |_, message| receiver(message).is_some_and(|of| receivers.insert(of)));
    assert!(receivers.len() > 2, "{}", receivers.len());
    for address in receivers {
        let expected = places(&lines, |_, message| receiver(message).as_ref() == Some(&address));
        let params = json!([vectors::hex(&address)]);
        let found = server.result("/", "slproof_findAddress", params);
        assert_eq!(found["receivers"], json!(expected));
    }
}
