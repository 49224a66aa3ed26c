use std::{fs, path::Path};

use serde_json::{Value, json};

use super::answers::{LOG_PROOF, RECEIPT, UNKNOWN, error_code, proven};
use crate::support::{
    binary::{run, run_with_input},
    fixture, json, json_lines,
    l1::L1State,
    server::{Gateway, RECORDED, Server, withdrawals},
    vectors,
    withdrawals::BRIDGEHUB,
};

/// Without the settlement layer's batches nothing can be proven to L1, and the server says so.
#[test]
fn without_sl_batches_the_default_target_is_null_and_the_other_is_not() {
    let gateway = Gateway::new("gateway-v29");
    let mut flags = gateway.flags();
    flags.truncate(4);
    let server = Server::start(flags);
    assert_eq!(server.result("/324", LOG_PROOF, json!([RECORDED])), Value::Null);
    let explained = server.result("/324", "slproof_explain", json!([RECORDED]));
    assert_eq!(explained["targets"][0]["code"], "sl-batch-not-archived");
    assert_eq!(explained["targets"][1]["provable"], true);
    assert!(
        server.result("/324", LOG_PROOF, json!([RECORDED, 0, "messageRoot"]))["proof"].is_array()
    );
}

#[test]
fn an_archive_without_hashes_of_transactions_is_explained() {
    let path = |file: &str| fixture(&format!("gateway-v29/{file}")).to_str().unwrap().to_owned();
    let flags = ["--tree", &path("state.anvil.json"), "--messages", &path("logs.jsonl.gz")];
    let server = Server::start(flags.map(str::to_owned));
    assert_eq!(server.result("/324", LOG_PROOF, json!([RECORDED])), Value::Null);
    let explained = server.result("/324", "slproof_explain", json!([RECORDED]));
    assert_eq!(explained["message"], "the archive has no hashes of transactions");
    // Its messages are still found by their hashes.
    let hash = "0x3769df72f2c3d7295996f7c5b78980cc9bf8a706333b59bb9969bf80caf9eff9";
    let records = server.result("/324", "slproof_proofByMessage", json!([hash]));
    let made = run(["prove", "-q", "--message", hash].map(str::to_owned).into_iter().chain(
        ["--tree", &path("state.anvil.json"), "--messages", &path("logs.jsonl.gz")]
            .map(str::to_owned),
    ));
    let expected: Vec<Value> =
        made.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records, json!(expected));
}

/// A transaction that is not found may be that of a log without a hash.
#[test]
fn logs_without_hashes_of_transactions_are_named() {
    let gateway = Gateway::new("gateway-v29");
    let logs = gateway.path("logs.jsonl");
    let text = fs::read_to_string(&logs).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut all, mut without) = (0, 0);
    let lines: Vec<String> = lines
        .map(|mut line| {
            let count = line["logs"].as_array().unwrap().len();
            all += if line["chainId"] == 6565 { count } else { 0 };
            if line["chainId"] == 6565 && line["batchNumber"] == 777 {
                without += count;
                line.as_object_mut().unwrap().remove("transactions").unwrap();
            }
            line.to_string()
        })
        .collect();
    fs::write(&logs, lines.join("\n")).unwrap();
    let indexed = run([Path::new("index"), &logs, Path::new("-o"), &gateway.path("gateway.slmsg")]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    let server = gateway.serve(&[]);
    let explained = server.result("/6565", "slproof_explain", json!([UNKNOWN]));
    let told = format!("{without} of {all} logs there have no transaction hash");
    assert!(explained["message"].as_str().unwrap().contains(&told), "{explained}");
    let of_other = server.result("/324", "slproof_explain", json!([UNKNOWN]));
    assert!(!of_other["message"].as_str().unwrap().contains("have no"), "{of_other}");
}

#[test]
fn blocks_batches_and_receipts_are_answered_as_far_as_they_are_known() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let details = server.result("/324", "zks_getL1BatchDetails", json!([501_239]));
    for (member, value) in [
        ("number", json!(501_239)),
        ("status", json!("verified")),
        ("executeChainId", json!(506)),
        ("gatewayBlockNumber", json!(108)),
        ("executeTxHash", Value::Null),
    ] {
        assert_eq!(details[member], value, "{member}");
    }
    assert_eq!(server.result("/324", "eth_blockNumber", json!([])), "0x1");
    let block = server.result("/324", "eth_getBlockByNumber", json!(["finalized", false]));
    assert_eq!((&block["number"], &block["slproofSynthetic"]), (&json!("0x1"), &json!(true)));
    assert!(server.result("/324", "eth_getBlockByNumber", json!(["0x7", false])).is_null());
    let overview = server.result("/", "slproof_overview", json!([]));
    assert_eq!(overview["layers"][0]["slChainId"], 506);
    assert_eq!(overview["layers"][0]["batches"], 145);
    let roots = server.result("/", "slproof_roots", json!([]));
    let root = &json("gateway-v29/roots.json");
    assert_eq!(roots["count"], roots["roots"].as_array().unwrap().len());
    assert!(root.to_string().contains(roots["roots"][0]["root"].as_str().unwrap()));
    let some = server.result("/", "slproof_roots", json!([0, 2, 3]));
    let every_third: Vec<&Value> =
        roots["roots"].as_array().unwrap().iter().skip(2).step_by(3).collect();
    assert_eq!(some, json!({"count": roots["count"], "roots": every_third}));
    let logs = server.result("/", "slproof_logs", json!([324, 501_239]));
    assert_eq!(logs[9]["txHash"], RECORDED);

    let silent = gateway.serve(&["--no-receipts"]);
    for method in [RECEIPT, "eth_blockNumber"] {
        let params = if method == RECEIPT { json!([RECORDED]) } else { json!([]) };
        assert_eq!(error_code(&silent.call("/324", method, params)), -32601);
    }
    assert!(silent.result("/324", LOG_PROOF, json!([RECORDED]))["proof"].is_array());
}

/// The record of a proof verifies against a state of the chain that imported the root.
#[test]
fn records_verify() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let request = json!([{"chainId": 324, "batchNumber": 501_239, "id": 9, "target": "latest"}]);
    let record = server.result("/", "slproof_proof", request);
    let anchor = fixture("gateway-v29/state.anvil.json");
    let verified = run_with_input(
        ["verify", "-", "--anchor", anchor.to_str().unwrap()],
        record.to_string().as_bytes(),
    );
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let by_transaction =
        server.result("/", "slproof_proof", json!([{"txHash": RECORDED, "log": 1}]));
    assert_eq!(by_transaction, record);
    let message = record["messageHash"].clone();
    let of_message = server.result(
        "/",
        "slproof_proofByMessage",
        json!([message, {"chain": 324, "target": "messageRoot"}]),
    );
    assert!(of_message.as_array().unwrap().len() > 1, "the message was sent twice");
    let none = server.result(
        "/",
        "slproof_proofByMessage",
        json!([message, {"sender": UNKNOWN.get(..42)}]),
    );
    assert_eq!(none, json!([]));
}

/// Several settlement layers, addresses and limits from a file.
#[test]
fn a_configuration_names_layers_addresses_and_limits() {
    let gateway = Gateway::new("gateway-v29");
    let main = "0x32400084c286cf3e17e7b677ea9583e60a000324";
    let config = json!({
        "messages": ["gateway.slmsg"],
        "layers": [
            {"tree": [fixture("gateway-v31/state.anvil.json")], "events": [fixture("gateway-v31/events.jsonl.gz")]},
            {"tree": ["gateway.sltree"], "slBatches": ["sl.jsonl"]},
        ],
        "addresses": {"l1ChainId": 9, "bridgehub": "0x1111111111111111111111111111111111111111"},
        "chains": {"324": {
            "mainContract": main, "baseToken": "0x0000000000000000000000000000000000000001",
            "bridges": {"l1SharedDefaultBridge": "0x4444444444444444444444444444444444444444"},
        }},
        "limits": {"calls": 2},
    });
    let file = gateway.path("conf.json");
    fs::write(&file, config.to_string()).unwrap();
    let server = Server::start(["--config", file.to_str().unwrap()].map(str::to_owned));
    for (method, result) in [
        ("zks_getMainContract", json!(main)),
        ("zks_getBaseTokenL1Address", json!("0x0000000000000000000000000000000000000001")),
        ("zks_L1ChainId", json!("0x9")),
        ("zks_getBridgehubContract", json!("0x1111111111111111111111111111111111111111")),
    ] {
        assert_eq!(server.result("/324", method, json!([])), result, "{method}");
    }
    let bridges = server.result("/324", "zks_getBridgeContracts", json!([]));
    assert_eq!(bridges["l1SharedDefaultBridge"], "0x4444444444444444444444444444444444444444");
    assert!(bridges["l2WethBridge"].is_null());
    // The second layer proves what the first one does not have.
    let args = ["--chain", "324", "--batch", "501239", "--index", "8"];
    let answer = server.result("/324", LOG_PROOF, json!([RECORDED]));
    assert_eq!(answer, proven(&gateway, "sl-batch:first", &args));
    // A number of a block says nothing without its layer.
    let path = server.call("/", "unstable_getChainLogProofUntilMsgRoot", json!([242, 324]));
    assert_eq!(error_code(&path), -32000, "{path}");
    let three = server.post("/324", "[{},{},{}]").json();
    assert_eq!(error_code(&three), -32600);
    let bad = run([Path::new("serve"), Path::new("--config"), Path::new("no/such/file")]);
    assert_eq!(bad.code, Some(6), "{}", bad.stderr);
}

/// The logs of two chains with the same hash of a transaction are never taken for one transaction.
#[test]
fn a_transaction_of_several_chains_needs_the_chain() {
    let gateway = Gateway::new("gateway-v29");
    let logs = gateway.path("logs.jsonl");
    let text = fs::read_to_string(&logs).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_other = |line: &Value| line["chainId"] != 324 && line["transactions"][0].is_string();
    let other = lines.find(is_other).unwrap();
    let path = format!("/{}", other["chainId"]);
    fs::write(&logs, text.replace(other["transactions"][0].as_str().unwrap(), RECORDED)).unwrap();
    let indexed = run([Path::new("index"), &logs, Path::new("-o"), &gateway.path("gateway.slmsg")]);
    assert_eq!(indexed.code, Some(0), "{}", indexed.stderr);
    let server = gateway.serve(&[]);
    for method in [LOG_PROOF, RECEIPT, "slproof_explain"] {
        let answer = server.call("/", method, json!([RECORDED]));
        assert_eq!(error_code(&answer), -32000, "{answer}");
    }
    let request = json!([{"txHash": RECORDED}]);
    let refused = server.call("/", "slproof_proof", request);
    assert_eq!(error_code(&refused), -32000);
    assert_eq!(refused["error"]["data"]["code"], "transaction-ambiguous", "{refused}");
    for (path, batch) in [("/324", &json!(501_239)), (&*path, &other["batchNumber"])] {
        let receipt = server.result(path, RECEIPT, json!([RECORDED]));
        let number = format!("{:#x}", batch.as_u64().unwrap());
        assert_eq!(receipt["l1BatchNumber"], json!(number), "{path}");
    }
    let found = server.result("/", "slproof_find", json!([RECORDED]));
    assert!(found["transactions"].as_array().unwrap().len() > 2, "{found}");
}

/// The claims of a batch are those of the command `claims`, and no call asks for a whole archive.
#[test]
fn claims_are_those_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = folder.path().join("gateway");
    withdrawals(&gateway);
    let l1 = folder.path().join("l1.json");
    L1State::of_fixture("gateway-v29-to-v31/l1.state.anvil.json").with_nullifier().write(&l1);
    let flags = [
        "--archive",
        gateway.to_str().unwrap(),
        "--anchor",
        l1.to_str().unwrap(),
        "--anchor-bridgehub",
        "0x303a465b659cbb0ab36ee643ea362c509eeb5213",
        "--l1-nullifier",
        "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1",
    ]
    .map(str::to_owned);
    let claimed = run(["claims".to_owned(), "-q".to_owned()].into_iter().chain(flags.clone()));
    let claims: Vec<Value> =
        claimed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [chain, batch] = ["chainId", "batchNumber"].map(|name| &claims[0][name]);
    let of_batch = |claim: &&Value| &claim["chainId"] == chain && &claim["batchNumber"] == batch;
    let expected: Vec<&Value> = claims.iter().filter(of_batch).collect();
    let server = Server::start(flags);
    let which = json!([{"chainId": chain, "batchNumber": batch}]);
    assert_eq!(server.result("/", "slproof_claims", which), json!(expected));
    let by_position = json!([[null, null, chain, batch, null, null]]);
    let receiver = json!([{"receiver": UNKNOWN.get(..42)}]);
    for which in [json!([{}]), json!([{"chainId": chain}]), receiver, by_position] {
        assert_eq!(error_code(&server.call("/", "slproof_claims", which)), -32602);
    }
}

/// The state of L1 of the layer that has a batch decides about its claims. That of another layer paid out a withdrawal of
/// the same place.
#[test]
fn the_layer_of_a_batch_decides_which_l1_its_claims_are_judged_by() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = folder.path().join("gateway");
    withdrawals(&gateway);
    let nullifier = "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";
    let (own, other) = (folder.path().join("own.json"), folder.path().join("other.json"));
    L1State::of_fixture("gateway-v29-to-v31/l1.state.anvil.json").with_nullifier().write(&own);
    let mut paid = L1State::of_fixture("gateway-v29/l1.state.anvil.json").with_nullifier();
    (3..5).for_each(|index| paid.pay(12, 1154, index));
    paid.write(&other);
    let layers = json!([
        {"tree": [fixture("gateway-v29/state.anvil.json")], "anchor": [other], "anchorBridgehub": BRIDGEHUB},
        {
            "tree": ["gateway/events.jsonl.gz"], "slBatches": ["gateway/gw_batches.jsonl"],
            "anchor": [own], "anchorBridgehub": BRIDGEHUB,
        },
    ]);
    let config = folder.path().join("serve.json");
    let files = json!({
        "messages": ["gateway/withdrawals.jsonl.gz"], "layers": layers, "l1Nullifier": nullifier,
    });
    fs::write(&config, files.to_string()).unwrap();
    let server = Server::start(["--config", config.to_str().unwrap()].map(str::to_owned));
    let flags = ["--anchor", own.to_str().unwrap(), "--anchor-bridgehub", BRIDGEHUB];
    let flags = [&["claims", "-q", "--archive", gateway.to_str().unwrap()][..], &flags].concat();
    let claimed = run([&flags[..], &["--l1-nullifier", nullifier, "--chain", "12"]].concat());
    let claims: Vec<Value> =
        claimed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (expected, _) = claims.split_at(2);
    assert_eq!(expected[0]["batchNumber"], 1154);
    assert!(expected.iter().all(|claim| claim["status"] != "finalized"), "{expected:?}");
    let which = json!([{"chainId": 12, "batchNumber": 1154}]);
    assert_eq!(server.result("/", "slproof_claims", which), json!(expected));
    let which = json!([{"message": expected[0]["messageHash"]}]);
    assert_eq!(server.result("/", "slproof_claims", which), json!(expected[..1]));
    let nobody = json!([{"message": UNKNOWN}]);
    let answer = server.call("/", "slproof_claims", nobody);
    assert!(answer["error"]["message"].as_str().unwrap().contains(UNKNOWN), "{answer}");
    // No layer has the batch.
    let which = json!([{"chainId": 999_999, "batchNumber": 1}]);
    assert_eq!(error_code(&server.call("/", "slproof_claims", which)), -32000);
}

/// What L1 says of a record is what `verify` says with the same state.
#[test]
fn verdicts_of_l1_are_those_of_verify() {
    let gateway = Gateway::new("gateway-v29");
    let l1 = fixture("gateway-v29/l1.state.anvil.json");
    let l1 = l1.to_str().unwrap();
    let server = gateway.serve(&["--anchor", l1, "--anchor-bridgehub", BRIDGEHUB]);
    let proof = |target: &str| {
        let request = json!([{"chainId": 324, "batchNumber": 501_239, "id": 9, "target": target}]);
        server.result("/", "slproof_proof", request)
    };
    let good = proof("sl-batch:first");
    let mut bad = good.clone();
    bad["id"] = json!(7);
    let mut unnamed = good.clone();
    for member in ["log", "message", "messageHash", "sender"] {
        unnamed.as_object_mut().unwrap().remove(member);
    }
    let answer =
        json!({"proof": good["proof"], "id": 9, "root": good["root"], "batchNumber": 501_239});
    let l1_block = json("gateway-v29/l1.state.anvil.json")["best_block_number"].clone();
    let mut valid = Vec::new();
    for record in [&good, &bad, &unnamed, &proof("first"), &answer] {
        let said = server.result("/324", "slproof_verify", json!([record]));
        let flags =
            ["verify", "-", "--anchor", l1, "--bridgehub", BRIDGEHUB, "--report", "-", "-q"];
        let flags = [&flags[..], &["--chain-id", "324"]].concat();
        let verified = run_with_input(flags, record.to_string().as_bytes());
        let mut expected: Value = serde_json::from_str(&verified.stdout).unwrap();
        expected.as_object_mut().unwrap().remove("line");
        // The command adds hints.
        let code = |verdict: &Value| verdict["error"]["code"].clone();
        assert_eq!(
            (&said["valid"], &said["anchor"]),
            (&expected["valid"], &expected["anchor"]),
            "{said}"
        );
        assert_eq!(code(&said), code(&expected), "{said}");
        assert_eq!(said["block"], l1_block, "{said}");
        valid.push(said["valid"].clone());
    }
    assert_eq!(valid[..3], [json!(true), json!(false), Value::Null]);
    for params in
        [json!([]), json!([{"request": {}, "error": {"code": "node-null", "message": ""}}])]
    {
        assert_eq!(error_code(&server.call("/", "slproof_verify", params)), -32602);
    }
    // At the path of another chain, a record is refused as by the other methods, and nothing is said of its proof.
    let overview = server.result("/", "slproof_overview", json!([]));
    let mut chains = overview["chains"].as_array().unwrap().iter();
    let other = format!("/{}", chains.find(|chain| chain["chainId"] != 324).unwrap()["chainId"]);
    assert_eq!(error_code(&server.call(&other, "slproof_verify", json!([good]))), -32602);
    let without = gateway.serve(&[]).call("/", "slproof_verify", json!([good]));
    assert_eq!(error_code(&without), -32601, "{without}");
}

/// A record is judged by the state of L1 of the settlement layer that it names, not by that of another network with the
/// same number of a batch.
#[test]
fn the_named_settlement_layer_decides_which_l1_judges() {
    let gateway = Gateway::new("gateway-v29");
    let lines = json_lines("v33/proofs.jsonl.gz");
    // Its batch is in the trees of L1 of v33.
    let line = lines
        .iter()
        .find(|line| line["l1Timestamp"].is_u64() && line["chainId"] == 61_166)
        .unwrap();
    let (own, other) = ("gateway-v29/l1.state.anvil.json", "v33/state.anvil.json.gz");
    let path = |file: &str| fixture(file).to_str().unwrap().to_owned();
    let bridgehub = json("v33/roots.json.gz")["bridgehub"].clone();
    let layers = json!([
        {"tree": [path(other)], "bridgehub": bridgehub, "anchor": [path(other)], "anchorBridgehub": bridgehub},
        {"tree": ["gateway.sltree"], "anchor": [path(own)], "anchorBridgehub": BRIDGEHUB},
    ]);
    let config = gateway.path("serve.json");
    let files = json!({"messages": ["gateway.slmsg"], "layers": layers});
    fs::write(&config, files.to_string()).unwrap();
    let server = Server::start(["--config", config.to_str().unwrap()].map(str::to_owned));
    let mut record = json!({
        "chainId": line["chainId"], "batchNumber": line["batchNumber"], "id": line["logIndex"],
        "proof": line["proof"], "log": line["log"],
    });
    let block =
        |record: &Value| server.result("/", "slproof_verify", json!([record]))["block"].clone();
    assert_eq!(block(&record), json(other)["best_block_number"]);
    record["target"] =
        json!({"kind": "sl-batch", "slChainId": 506, "number": 1, "root": line["target"]["root"]});
    assert_eq!(block(&record), json(own)["best_block_number"]);
    // No layer is named or has the batch. One of the states knows the chain.
    record.as_object_mut().unwrap().remove("target");
    record["chainId"] = json!(8_453);
    record["batchNumber"] = json!(1_u64 << 40);
    assert_eq!(block(&record), json(other)["best_block_number"]);
    record["chainId"] = json!(6_565);
    assert_eq!(block(&record), json(own)["best_block_number"]);
    record["chainId"] = json!(999_999);
    assert_eq!(error_code(&server.call("/", "slproof_verify", json!([record]))), -32000);
}

/// The path from the leaf of a chain is the end of every proof of this chain to the same root.
#[test]
fn paths_of_chains_are_the_ends_of_proofs() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    for (method, target) in [
        ("unstable_getChainLogProof", "sl-batch:2028"),
        ("unstable_getChainLogProofUntilMsgRoot", "block:242"),
    ] {
        let request = json!([{"chainId": 324, "batchNumber": 501_239, "id": 9, "target": target}]);
        let record = server.result("/", "slproof_proof", request);
        let words = record["proof"].as_array().unwrap();
        let number = &record["target"]["number"];
        for path in ["/", "/506"] {
            let answer = server.result(path, method, json!([number, 324]));
            let siblings = answer["chainIdLeafProof"].as_array().unwrap();
            let (before, end) = words.split_at(words.len() - siblings.len());
            assert_eq!(end, siblings);
            // The number and the mask are the halves of a word, before the chain and the metadata.
            let packed = vectors::unhex(&before[before.len() - 3]);
            let mask = u128::from_be_bytes(packed[16..].try_into().unwrap());
            assert_eq!(answer["chainIdLeafProofMask"].as_u64().map(u128::from), Some(mask));
        }
        assert!(server.result("/506", method, json!([1, 324])).is_null());
        assert!(server.result("/506", method, json!([number, 1])).is_null());
        assert_eq!(error_code(&server.call("/324", method, json!([number, 324]))), -32601);
    }
}
