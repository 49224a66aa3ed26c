//! The clients are installed by `.ci/run`, with the versions in `tests/clients/`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{
    binary::{run, run_with_input},
    fixture,
    server::{Gateway, RECORDED, Server},
    tools::{is_installed, python_has, tool},
};

const UNKNOWN: &str = "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// A server of a Gateway that also names contracts on L1.
fn server(gateway: &Gateway) -> Server {
    let config = json!({
        "messages": ["gateway.slmsg"],
        "layers": [{"tree": ["gateway.sltree"], "slBatches": ["sl.jsonl"]}],
        "addresses": {
            "mainContract": "0x1111111111111111111111111111111111111111",
            "l1ChainId": 1,
            "bridges": {
                "l1Erc20DefaultBridge": "0x3333333333333333333333333333333333333333",
                "l1SharedDefaultBridge": "0x4444444444444444444444444444444444444444",
                "l1WethBridge": "0x7777777777777777777777777777777777777777",
                "l2Erc20DefaultBridge": "0x6666666666666666666666666666666666666666",
                "l2SharedDefaultBridge": "0x5555555555555555555555555555555555555555",
                "l2WethBridge": "0x8888888888888888888888888888888888888888",
                "l2LegacySharedBridge": "0x9999999999999999999999999999999999999999",
            },
        },
    });
    let file = gateway.path("conf.json");
    std::fs::write(&file, config.to_string()).unwrap();
    Server::start(["--config", file.to_str().unwrap()].map(str::to_owned))
}

/// What a client got; `None` if it is not installed.
fn asked(program: &str, name: &str, server: &Server) -> Option<Value> {
    let url = format!("http://{}/324", server.address);
    let script = script(name);
    let args = [script.to_str().unwrap(), &url, RECORDED, UNKNOWN];
    let printed = tool(program, &args, b"")?;
    Some(serde_json::from_slice(&printed).unwrap())
}

/// The proofs of logs 8 and 9 of the batch, by `prove`.
fn expected(gateway: &Gateway, target: &str) -> [Value; 2] {
    ["8", "9"].map(|index| {
        let log = ["--chain", "324", "--batch", "501239", "--index", index, "--target", target];
        let mut flags = gateway.flags();
        if target == "first" {
            flags.truncate(4);
        }
        let made = run(["prove", "-q"].into_iter().chain(log).map(str::to_owned).chain(flags));
        serde_json::from_str(&made.stdout).unwrap_or_else(|_| panic!("{}", made.stderr))
    })
}

/// Asserts that the parameters with which a client finalizes a withdrawal are accepted by the contracts in a state of
/// L1.
fn are_accepted(params: &[Value], names: [&str; 6]) {
    let lines: String = params
        .iter()
        .map(|params| {
            let [batch, index, tx_number, message, sender, proof] = names.map(|name| params[name].clone());
            let record = json!({
                "chainId": 324, "batchNumber": batch, "id": index, "proof": proof, "message": message,
                "sender": sender, "txNumberInBatch": tx_number,
            });
            format!("{record}\n")
        })
        .collect();
    let l1 = fixture("gateway-v29/l1.state.anvil.json");
    let args = ["verify", "-", "--anchor", l1.to_str().unwrap(), "--bridgehub", BRIDGEHUB];
    let verified = run_with_input(args, lines.as_bytes());
    assert_eq!(verified.code, Some(0), "{lines}{}", verified.stderr);
    assert!(verified.stderr.contains(&format!("{} valid", params.len())), "{}", verified.stderr);
}

/// Asserts that a client got the proof of log 9.
fn is_proof(got: &Value, expected: &Value) {
    assert_eq!(got["proof"], expected["proof"]);
    assert_eq!(
        (got["id"].to_string().replace('"', ""), &got["root"]),
        ("9".into(), &expected["root"])
    );
}

#[test]
fn zksync_ethers_6_and_viem_take_proofs() {
    if !is_installed(&script("ethers6/node_modules/viem")) {
        return;
    }
    let gateway = Gateway::new("gateway-v29");
    let server = server(&gateway);
    let Some(got) = asked("node", "ethers6/check.mjs", &server) else { return };
    let [_, for_l1] = expected(&gateway, "sl-batch:first");
    let [_, interop] = expected(&gateway, "first");

    let ethers = &got["zksyncEthers"];
    assert_eq!(ethers["chainId"], "324");
    is_proof(&ethers["proof"], &for_l1);
    is_proof(&ethers["interop"], &interop);
    let names =
        ["l1BatchNumber", "l2MessageIndex", "l2TxNumberInBlock", "message", "sender", "proof"];
    are_accepted(ethers["withdrawals"].as_array().unwrap(), names);
    assert_eq!(ethers["batch"], "verified");
    assert_eq!((&ethers["unknownProof"], &ethers["unknownReceipt"]), (&Value::Null, &Value::Null));
    assert_eq!(ethers["many"], json!(vec![9; 150]));

    let viem = &got["viem"];
    assert_eq!(viem["chainId"], 324);
    is_proof(&viem["proof"], &for_l1);
    assert_eq!(viem["messages"].as_array().unwrap().len(), 2);
    assert_eq!(viem["l2ToL1Logs"], 2);
    assert_eq!((&viem["batch"], &viem["unknownProof"]), (&json!("verified"), &Value::Null));
    assert_eq!(viem["unknownReceipt"], "TransactionReceiptNotFoundError");
    assert_eq!(viem["many"].as_array().unwrap().len(), 150);
}

#[test]
fn zksync_ethers_5_takes_proofs() {
    if !is_installed(&script("ethers5/node_modules/zksync-ethers")) {
        return;
    }
    let gateway = Gateway::new("gateway-v29");
    let server = server(&gateway);
    let Some(got) = asked("node", "ethers5/check.cjs", &server) else { return };
    assert_eq!(got["chainId"], 324);
    is_proof(&got["proof"], &expected(&gateway, "sl-batch:first")[1]);
    let names =
        ["l1BatchNumber", "l2MessageIndex", "l2TxNumberInBlock", "message", "sender", "proof"];
    are_accepted(got["withdrawals"].as_array().unwrap(), names);
    assert_eq!(got["unknownProof"], Value::Null);
    assert!(got["unknownWithdrawal"].is_string());
}

#[test]
fn zksync2_takes_proofs() {
    if !python_has("zksync2") {
        return;
    }
    let gateway = Gateway::new("gateway-v29");
    let server = server(&gateway);
    let Some(got) = asked("python3", "python/check.py", &server) else { return };
    assert_eq!(got["chainId"], 324);
    is_proof(&got["proof"], &expected(&gateway, "sl-batch:first")[1]);
    let names = [
        "l1_batch_number",
        "l2_message_index",
        "l2_tx_number_in_block",
        "message",
        "sender",
        "proof",
    ];
    are_accepted(got["withdrawals"].as_array().unwrap(), names);
    assert_eq!(got["contract"], "0x1111111111111111111111111111111111111111");
}
