use std::fs;

use serde_json::{Value, json};
use slproof::keccak::keccak256;

use crate::support::{
    binary::run,
    json, json_lines,
    server::{Gateway, RECORDED, transaction},
    vectors,
};

pub(super) const UNKNOWN: &str =
    "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
pub(super) const LOG_PROOF: &str = "zks_getL2ToL1LogProof";
pub(super) const RECEIPT: &str = "eth_getTransactionReceipt";

pub(super) fn error_code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

/// The proof that `prove` writes for a log.
pub(super) fn proven(gateway: &Gateway, target: &str, rest: &[&str]) -> Value {
    let mut flags = gateway.flags();
    if target == "first" {
        flags.truncate(4);
    }
    let args = ["prove", "-q", "--target", target, "--format", "rpc"].map(str::to_owned);
    let rest = rest.iter().map(|flag| (*flag).to_owned());
    let made = run(args.into_iter().chain(flags).chain(rest));
    serde_json::from_str(&made.stdout).unwrap_or_else(|_| panic!("{}", made.stderr))
}

/// Every request of the recordings of real clients that files can answer has the recorded answer.
#[test]
fn recorded_requests_of_clients_have_the_recorded_answers() {
    let gateway = Gateway::new("gateway-v29");
    let server =
        gateway.serve(&["--anchor-bridgehub", "0x1111111111111111111111111111111111111111"]);
    let mut compared = 0;
    for client in [
        "viem-2.57.20",
        "zksync-js-0.0.19",
        "zksync-ethers-6.21.1",
        "zksync-ethers-5.11.2",
        "zksync2-py-2.0.0",
    ] {
        for pair in json(&format!("rpc/{client}.json"))["pairs"].as_array().unwrap() {
            let (request, recorded) = (&pair["request"], &pair["response"]["result"]);
            let path = pair["path"].as_str().unwrap();
            let method = request["method"].as_str().unwrap();
            if path != "/324"
                || !["eth_chainId", LOG_PROOF, RECEIPT, "zks_getBridgehubContract"]
                    .contains(&method)
            {
                continue;
            }
            let answer = server.post(path, &request.to_string()).json();
            assert_eq!(answer["id"], request["id"], "{client}: {request}");
            let result = &answer["result"];
            match method {
                LOG_PROOF if !recorded.is_null() => {
                    for member in ["id", "root", "batchNumber", "gatewayBlockNumber"] {
                        assert_eq!(result[member], recorded[member], "{client}: {request}");
                    }
                    // The recordings have the first words of a proof and the number of all words.
                    let (words, of) = (
                        result["proof"].as_array().unwrap(),
                        recorded["proof"].as_array().unwrap(),
                    );
                    assert_eq!(words[..of.len() - 1], of[..of.len() - 1], "{client}: {request}");
                    assert_eq!(json!(format!("… {} words", words.len())), of[of.len() - 1]);
                }
                RECEIPT if !recorded.is_null() => {
                    compare_receipts(result, recorded);
                }
                _ => assert_eq!(result, recorded, "{client}: {request}"),
            }
            compared += 1;
        }
    }
    assert!(compared > 25, "{compared}");
}

/// Compares a receipt with a recorded one in everything that an archive has.
fn compare_receipts(made: &Value, recorded: &Value) {
    assert_eq!(made["slproofSynthetic"], true);
    for member in [
        "transactionHash",
        "l1BatchTxIndex",
        "l1BatchNumber",
        "status",
        "contractAddress",
        "logsBloom",
    ] {
        assert_eq!(made[member], recorded[member], "{member}");
    }
    let lists =
        |name: &str| [made, recorded].map(|receipt| receipt[name].as_array().unwrap().clone());
    let [events, of] = lists("logs");
    assert_eq!(events.len(), of.len());
    for (event, of) in events.iter().zip(&of) {
        for member in [
            "address",
            "topics",
            "data",
            "l1BatchNumber",
            "transactionHash",
            "transactionLogIndex",
            "removed",
        ] {
            assert_eq!(event[member], of[member], "{member}");
        }
    }
    let [logs, of] = lists("l2ToL1Logs");
    assert_eq!(logs.len(), of.len());
    for (log, of) in logs.iter().zip(&of) {
        for member in [
            "sender",
            "key",
            "value",
            "shardId",
            "isService",
            "logIndex",
            "txIndexInL1Batch",
            "l1BatchNumber",
            "transactionLogIndex",
            "transactionHash",
        ] {
            assert_eq!(log[member], of[member], "{member}");
        }
        for member in ["blockHash", "blockNumber", "transactionIndex"] {
            assert!(log[member].is_string(), "{member}");
        }
    }
}

/// The proofs are those of `prove`, and the verifier of a state of L1 and of a listening chain accept them.
#[test]
fn proofs_are_those_of_prove_for_every_target() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    for (target, of_prove) in [
        (json!(null), "sl-batch:first"),
        (json!("l1BatchRoot"), "sl-batch:first"),
        (json!("messageRoot"), "first"),
        (json!("proof_based_gw"), "first"),
    ] {
        for index in [json!(1), json!("0x1"), json!("1")] {
            let answer = server.result("/324", LOG_PROOF, json!([RECORDED, index, target]));
            let args = ["--chain", "324", "--batch", "501239", "--index", "9"];
            assert_eq!(answer, proven(&gateway, of_prove, &args), "{target}");
        }
    }
    // Without an index the first log is meant, without parameters after it L1.
    let first = server.result("/", LOG_PROOF, json!([RECORDED]));
    let args = ["--chain", "324", "--batch", "501239", "--index", "8"];
    assert_eq!(first, proven(&gateway, "sl-batch:first", &args));
}

/// All logs of all chains, in arrays: the words are those that the contracts on L1 accepted.
#[test]
fn arrays_of_calls_give_the_proofs_that_contracts_accepted() {
    let gateway = Gateway::new("gateway-v31");
    let server = gateway.serve(&[]);
    let own: Vec<Value> = json_lines("gateway-v31/proofs_l1.jsonl.gz")
        .into_iter()
        .filter(|line| line["target"]["kind"] == "own")
        .collect();
    let lines: Vec<Value> = json_lines("gateway-v31/logs.jsonl.gz");
    let mut calls = Vec::new();
    for accepted in &own {
        let [chain, batch, index] =
            ["chainId", "batchNumber", "logIndex"].map(|name| accepted[name].as_u64().unwrap());
        let line = lines
            .iter()
            .find(|line| line["chainId"] == chain && line["batchNumber"] == batch)
            .unwrap();
        let numbers: Vec<u64> = line["logs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|log| vectors::tx_number(&vectors::unhex(log)))
            .collect();
        let index = index as usize;
        let first =
            (0..=index).rev().take_while(|at| numbers[*at] == numbers[index]).last().unwrap();
        let hash = transaction(chain, batch, first);
        calls.push(json!({"jsonrpc": "2.0", "id": calls.len(), "method": LOG_PROOF, "params": [hash, index - first]}));
    }
    assert!(calls.len() > 500);
    let mut answers = Vec::new();
    for calls in calls.chunks(1000) {
        answers
            .extend(server.post("/", &json!(calls).to_string()).json().as_array().unwrap().clone());
    }
    assert_eq!(answers.len(), own.len());
    for (at, (answer, accepted)) in answers.iter().zip(&own).enumerate() {
        assert_eq!(answer["id"], at, "answers are in the order of the calls");
        assert_eq!(answer["result"]["proof"], accepted["proof"], "{accepted}");
    }
}

/// A node answers null to these; the code of the reason is in a header and in the access log.
#[test]
fn what_is_not_there_is_null_and_explained() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let message =
        server.result("/324", RECEIPT, json!([RECORDED]))["l2ToL1Logs"][0]["value"].clone();
    server.line_with("firstCalls");
    for (method, params, code) in [
        (LOG_PROOF, json!([UNKNOWN, 0]), "transaction-not-found"),
        (LOG_PROOF, json!([message, 0]), "transaction-not-found"),
        (LOG_PROOF, json!([RECORDED, 2]), "log-not-in-transaction"),
        (RECEIPT, json!([UNKNOWN]), "transaction-not-found"),
        ("zks_getL1BatchDetails", json!([99]), "batch-not-archived"),
    ] {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let response = server.post("/324", &call.to_string());
        assert_eq!(response.json(), json!({"jsonrpc": "2.0", "id": 1, "result": null}), "{call}");
        assert_eq!(response.header("slproof-code"), Some(code), "{call}");
        let logged = server.line_with("firstCalls");
        let line = json!([{"method": method, "outcome": "null", "code": code}]);
        assert_eq!(logged["firstCalls"], line);
    }
    let explained = server.result("/324", "slproof_explain", json!([UNKNOWN, 0]));
    assert_eq!(
        (&explained["found"], &explained["code"]),
        (&json!(false), &json!("transaction-not-found"))
    );
    let explained = server.result("/324", "slproof_explain", json!([RECORDED, 1]));
    let found = json!({
        "found": true, "chainId": 324, "batchNumber": 501_239, "id": 9, "executedOn": 506,
        "executedInBlock": 108,
        "targets": [{"target": "l1BatchRoot", "provable": true}, {"target": "messageRoot", "provable": true}],
    });
    assert_eq!(explained, found);
    // The transaction is of another chain.
    let other = server.post(
        "/270",
        &json!({"jsonrpc": "2.0", "id": 1, "method": LOG_PROOF, "params": [RECORDED]}).to_string(),
    );
    assert!([200, 404].contains(&other.status), "{other:?}");
    assert!(other.status == 404 || other.json()["result"].is_null());
}

#[test]
fn errors_have_the_codes_of_nodes() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    for (method, params, code) in [
        ("eth_getLogs", json!([]), -32601),
        ("zks_getMainContract", json!([]), -32601),
        ("slproof_claims", json!([{"txHash": RECORDED}]), -32601),
        (LOG_PROOF, json!([]), -32602),
        (LOG_PROOF, json!({"hash": RECORDED}), -32602),
        (LOG_PROOF, json!(["0x12"]), -32602),
        (LOG_PROOF, json!([RECORDED, -1]), -32602),
        (LOG_PROOF, json!([RECORDED, "one"]), -32602),
        (LOG_PROOF, json!([RECORDED, 0, "moon"]), -32602),
        (LOG_PROOF, json!([RECORDED, 0, null, null]), -32602),
        (RECEIPT, json!([1]), -32602),
        ("slproof_proof", json!([{"chainId": 324}]), -32602),
        ("slproof_proof", json!([{"chainId": 1, "batchNumber": 1, "id": 0}]), -32602),
        ("slproof_proof", json!([{"chainId": 324, "batchNumber": 1, "id": 0}]), -32000),
        ("slproof_proofByMessage", json!([UNKNOWN]), -32000),
    ] {
        let answer = server.call("/324", method, params.clone());
        assert_eq!(error_code(&answer), code, "{method} {params}: {answer}");
    }
    // At the root, several chains are served.
    assert_eq!(error_code(&server.call("/", "eth_chainId", json!([]))), -32000);
    assert_eq!(server.post("/325", "{}").status, 404);
    assert_eq!(server.post("/moon", "{}").status, 404);
    assert_eq!(server.get("/324").status, 405);
    assert_eq!(server.get("/no/such/path").status, 404);
}

/// Logs 7 and 8 of batch 501239 of chain 324, which are in the archive as they are. Log 8 also occurs elsewhere.
fn recorded_logs() -> Vec<u8> {
    let lines = json_lines("gateway-v29/logs.jsonl.gz");
    let is_recorded = |line: &&Value| line["chainId"] == 324 && line["batchNumber"] == 501_239;
    let logs = &lines.iter().find(is_recorded).unwrap()["logs"];
    [vectors::unhex(&logs[7]), vectors::unhex(&logs[8])].concat()
}

/// A damaged archive is an error of the server, not a fact about the transaction.
#[test]
fn damage_is_an_internal_error() {
    let gateway = Gateway::new("gateway-v29");
    let file = gateway.path("gateway.slmsg");
    let mut bytes = fs::read(&file).unwrap();
    let logs = recorded_logs();
    let at = bytes.windows(logs.len()).position(|window| window == logs).unwrap();
    // The sender of log 8.
    bytes[at + 88 + 40] ^= 1;
    fs::write(&file, bytes).unwrap();
    let server = gateway.serve(&[]);
    let answer = server.call("/324", LOG_PROOF, json!([RECORDED]));
    assert_eq!(error_code(&answer), -32603, "{answer}");
    assert_eq!(answer["error"]["data"]["code"], "logs-do-not-fold");
}

#[test]
fn an_error_in_an_array_fails_nothing_else() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let calls = json!([
        {"jsonrpc": "2.0", "id": "a", "method": LOG_PROOF, "params": [RECORDED, 0]},
        {"jsonrpc": "2.0", "id": null, "method": "moon"},
        {"jsonrpc": "2.0", "method": "eth_chainId"},
        7,
        {"jsonrpc": "2.0", "id": 1.5, "method": LOG_PROOF, "params": [UNKNOWN, 0]},
        {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId", "params": []},
    ]);
    let answers = server.post("/324", &calls.to_string()).json();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 5, "a call without an id has no answer");
    assert!(answers[0]["id"] == "a" && answers[0]["result"]["id"] == 8);
    assert!(answers[1]["id"].is_null() && error_code(&answers[1]) == -32601);
    assert!(answers[2]["id"].is_null() && error_code(&answers[2]) == -32600);
    assert_eq!(answers[3], json!({"jsonrpc": "2.0", "id": 1.5, "result": null}));
    assert_eq!(answers[4], json!({"jsonrpc": "2.0", "id": "a", "result": "0x144"}));
    // No call of this array wants an answer.
    let none = server.post("/324", r#"[{"jsonrpc":"2.0","method":"eth_chainId"}]"#);
    assert_eq!((none.status, none.body.as_str()), (204, ""));
}

/// The topic of the events in receipts.
#[test]
fn the_topic_is_the_hash_of_the_declaration() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let receipt = server.result("/324", RECEIPT, json!([RECORDED]));
    let topic = keccak256(b"L1MessageSent(address,bytes32,bytes)").to_string();
    assert_eq!(receipt["logs"][0]["topics"][0], topic);
}
