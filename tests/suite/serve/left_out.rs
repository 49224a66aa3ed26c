//! What a server says of parts that were left out of its archive, and how several settlement layers share one.

use std::{fs, path::Path};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use super::answers::LOG_PROOF;
use crate::support::{
    binary::run,
    fixture, json_lines,
    l1::L1State,
    server::{RECORDED, Server, archive_with_transactions, damaged_withdrawals, wait_until},
    withdrawals::BRIDGEHUB,
};

/// The flags of a server of a directory, with a state of L1.
fn flags(folder: &Path) -> Vec<String> {
    let l1 = folder.join("l1.json");
    L1State::of_fixture("gateway-v29-to-v31/l1.state.anvil.json").with_nullifier().write(&l1);
    let (gateway, l1) = (folder.join("gateway"), l1.to_str().unwrap().to_owned());
    let nullifier = "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";
    let flags = ["--archive", gateway.to_str().unwrap(), "--anchor", &l1];
    let of_l1 = ["--anchor-bridgehub", BRIDGEHUB, "--l1-nullifier", nullifier];
    flags.into_iter().chain(of_l1).map(str::to_owned).collect()
}

/// A batch that was left out is not one that the archive never had.
#[test]
fn a_server_names_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    damaged_withdrawals(&folder.path().join("gateway"));
    let flags = flags(folder.path());
    let checked = run(["serve", "--check"].map(str::to_owned).into_iter().chain(flags.clone()));
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    assert!(checked.stderr.contains("chain 12, batch 1154"), "{}", checked.stderr);

    let server = Server::start(flags);
    let health = server.get("/health").json();
    assert_eq!(health["leftOut"]["count"], 1);
    let first = health["leftOut"]["first"][0].as_str().unwrap();
    assert!(first.contains("chain 12, batch 1154"), "{first}");
    assert_eq!(server.result("/", "slproof_overview", json!([]))["leftOut"], 1);
    let metrics = server.get("/metrics").body;
    assert!(metrics.lines().any(|line| line == "slproof_left_out 1"), "{metrics}");

    let request = |batch: u64| json!([{"chainId": 12, "batchNumber": batch, "id": 0}]);
    for (batch, code) in [(1154, "left-out"), (5, "batch-not-archived")] {
        let explained = server.result("/", "slproof_explain", request(batch));
        assert_eq!((&explained["found"], &explained["code"]), (&json!(false), &json!(code)));
        let which = json!([{"chainId": 12, "batchNumber": batch}]);
        for (method, params) in [("slproof_proof", request(batch)), ("slproof_claims", which)] {
            let answer = server.call("/", method, params);
            assert_eq!(answer["error"]["data"]["code"], code, "{method}: {answer}");
        }
        let call =
            json!({"jsonrpc": "2.0", "id": 1, "method": "slproof_logs", "params": [12, batch]});
        let answer = server.post("/", &call.to_string());
        assert_eq!(answer.json()["result"], Value::Null);
        assert_eq!(answer.header("slproof-code"), Some(code));
    }
    // A batch that is there and has no claim of this receiver.
    let none =
        json!([{"chainId": 12, "batchNumber": 1161, "receiver": format!("0x{}", "ee".repeat(20))}]);
    assert_eq!(server.result("/", "slproof_claims", none), json!([]));
    let unknown = json!([format!("0x{}", "ee".repeat(32))]);
    let explained = server.result("/", "slproof_explain", unknown);
    let message = explained["message"].as_str().unwrap();
    assert!(message.contains("was left out of the archive"), "{message}");
}

/// A file that is cut off is not swapped in: its batches would be missing, which clients take for "not yet".
#[test]
fn a_reload_never_leaves_out_more_than_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join("all").join(name);
    fs::create_dir(folder.path().join("all")).unwrap();
    archive_with_transactions("gateway-v29", &folder.path().join("logs.jsonl"));
    let text = fs::read_to_string(folder.path().join("logs.jsonl")).unwrap();
    let (one, other): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.contains(RECORDED));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, one.join("\n").as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    fs::write(path("a.jsonl.gz"), &packed).unwrap();
    fs::write(path("b.jsonl"), other.join("\n")).unwrap();
    fs::copy(fixture("gateway-v29/state.anvil.json"), path("state.json")).unwrap();
    fs::copy(fixture("gateway-v29/gw_batches.jsonl"), path("sl.jsonl")).unwrap();
    fs::copy(fixture("gateway-v29/events.jsonl.gz"), path("events.jsonl.gz")).unwrap();
    let all = folder.path().join("all").to_str().unwrap().to_owned();
    let server = Server::start(["--archive".to_owned(), all]);
    let ask = || server.result("/324", LOG_PROOF, json!([RECORDED, 0, "messageRoot"]));
    let proof = ask();
    assert!(proof["proof"].is_array(), "{proof}");

    let replace = |bytes: &[u8]| {
        let new = folder.path().join("new");
        fs::write(&new, bytes).unwrap();
        fs::rename(new, path("a.jsonl.gz")).unwrap();
    };
    let health = || server.get("/health").json();
    replace(&packed[..packed.len() / 2]);
    wait_until(|| health()["reloadError"].is_string());
    let error = health()["reloadError"].as_str().unwrap().to_owned();
    assert!(error.contains("would be left out"), "{error}");
    assert_eq!((ask(), &health()["leftOut"]["count"]), (proof.clone(), &json!(0)));
    replace(&packed);
    wait_until(|| health()["reloadError"].is_null());
    assert_eq!(ask(), proof);
}

/// A batch is left out only if its logs fold in none of the layers, in whatever order these are.
#[test]
fn every_layer_takes_its_own_batches() {
    let folder = tempfile::tempdir().unwrap();
    let logs = ["gateway-v31/logs.jsonl.gz", "gateway-v29-to-v31/withdrawals.jsonl.gz"];
    let all: usize = logs.iter().map(|file| json_lines(file).len()).sum();
    let served = |layers: &[&str]| {
        let tree = |name: &&str| json!({"tree": [fixture(&format!("{name}/state.anvil.json"))]});
        let config = json!({
            "messages": logs.map(fixture), "layers": layers.iter().map(tree).collect::<Vec<_>>(),
        });
        let file = folder.path().join("serve.json");
        fs::write(&file, config.to_string()).unwrap();
        let server = Server::start(["--config", file.to_str().unwrap()].map(str::to_owned));
        let overview = server.result("/", "slproof_overview", json!([]));
        let chains = overview["chains"].as_array().unwrap().iter();
        let batches: u64 = chains.map(|chain| chain["batches"].as_u64().unwrap()).sum();
        let left_out = server.get("/health").json()["leftOut"]["count"].as_u64().unwrap();
        (usize::try_from(batches).unwrap(), left_out)
    };
    for layers in [["gateway-v29", "gateway-v31"], ["gateway-v31", "gateway-v29"]] {
        assert_eq!(served(&layers), (all, 0), "{layers:?}");
    }
    // What folds in no layer that has the batch is left out, and counted.
    let (batches, left_out) = served(&["gateway-v29"]);
    assert!(left_out > 0 && batches + usize::try_from(left_out).unwrap() == all);
}
