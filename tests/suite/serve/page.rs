//! The page is run by Node, which every machine with npm has.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::{Value, json};
use slproof::records::PAGE;

use super::published::{publish, small};
use crate::support::{
    binary::{prove_args, run, run_with_input},
    json_lines,
    server::Gateway,
    tools::tool,
};

/// What the script of a page makes of records; `None` if Node is not installed.
fn folded(page: &Path, records: &[Value]) -> Option<Vec<Value>> {
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/page.cjs");
    let args = [script.to_str().unwrap(), page.to_str().unwrap()];
    let printed = tool("node", &args, lines.as_bytes())?;
    let printed = String::from_utf8(printed).unwrap();
    Some(printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// A file with the page.
fn page() -> &'static Path {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page.html");
        fs::write(&file, PAGE).unwrap();
        file
    });
    &FILE
}

/// The record of a line of accepted or refused proofs through a settlement layer.
fn record(line: &Value, sl_chain: u64) -> Value {
    let target = &line["target"];
    let mut record = json!({
        "chainId": line["chainId"], "batchNumber": line["batchNumber"], "id": line["logIndex"],
        "proof": line["proof"], "log": line["log"],
        "target": {"kind": "block", "slChainId": sl_chain, "number": target["slBlock"], "root": target["root"]},
    });
    if line["l1Timestamp"].is_u64() {
        record["l1Timestamp"] = line["l1Timestamp"].clone();
    }
    if line["messageHex"].is_string() {
        record["message"] = line["messageHex"].clone();
    }
    record
}

/// The proofs that contracts accepted fold to their roots, and calldata are those of `prove`.
#[test]
fn the_page_folds_what_prove_writes() {
    let all = run(prove_args("gateway-v31", &["--all"]));
    let lines: Vec<&str> = all.stdout.lines().step_by(40).collect();
    let records: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let calls = run(prove_args("gateway-v31", &["--all", "--format", "calldata"]));
    let calls: Vec<Value> =
        calls.stdout.lines().step_by(40).map(|line| serde_json::from_str(line).unwrap()).collect();
    let Some(folded) = folded(page(), &records) else { return };
    assert!(folded.len() > 50);
    for ((folded, record), call) in folded.iter().zip(&records).zip(&calls) {
        assert_eq!(folded["root"], record["target"]["root"], "{folded}");
        assert_eq!(call["id"], record["id"]);
        assert_eq!(folded["calldata"], call["data"]);
    }
    for function in ["proveL2MessageInclusionShared", "proveL2LogInclusionShared"] {
        assert!(calls.iter().filter(|call| call["call"] == function).count() > 5, "{function}");
    }
}

/// One changed word, digit of the log, index or root is refused.
#[test]
fn the_page_refuses_what_was_changed() {
    let made =
        run(prove_args("gateway-v29", &["--chain", "324", "--batch", "501239", "--index", "9"]));
    let good: Value = serde_json::from_str(&made.stdout).unwrap();
    let other = |text: &Value| {
        let text = text.as_str().unwrap();
        let last = if text.ends_with('7') { '8' } else { '7' };
        json!(format!("{}{last}", &text[..text.len() - 1]))
    };
    let mut changed = Vec::new();
    for word in 0..good["proof"].as_array().unwrap().len() {
        let mut bad = good.clone();
        bad["proof"][word] = other(&good["proof"][word]);
        changed.push(bad);
        // Without the metadata of its last hop, a proof has the old form, which contracts take too.
        if word > 0 && good["proof"][word].as_str().unwrap().ends_with(&"0".repeat(56)) {
            continue;
        }
        let mut short = good.clone();
        short["proof"].as_array_mut().unwrap().remove(word);
        changed.push(short);
    }
    for member in ["log", "message", "root", "sender", "messageHash"] {
        let mut bad = good.clone();
        bad[member] = other(&good[member]);
        changed.push(bad);
    }
    for (member, value) in [
        ("id", json!(7)),
        ("batchNumber", json!(501_240)),
        ("chainId", json!(325)),
        ("id", json!(1 << 20)),
        ("txNumberInBatch", json!(65_535)),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        changed.push(bad);
    }
    let mut of_no_message = good.clone();
    of_no_message["log"] = json!(good["log"].as_str().unwrap().replacen("0x00", "0x01", 1));
    changed.push(of_no_message);
    let mut longer = good.clone();
    longer["proof"].as_array_mut().unwrap().push(good["root"].clone());
    changed.push(longer);
    let Some(folded) = folded(page(), &changed) else { return };
    for (at, folded) in folded.iter().enumerate() {
        assert!(folded["error"].is_string(), "{at}: {folded} {}", changed[at]);
    }
    assert_eq!(folded.len(), changed.len());
    let error = folded[folded.len() - 2]["error"].as_str().unwrap();
    assert!(error.contains("not of a message"), "{error}");
}

/// Proofs that contracts refused are refused for the same records.
#[test]
fn the_page_judges_as_contracts_did() {
    for (name, sl_chain, accepted) in [
        ("gateway-v31/proofs", 506, true),
        ("gateway-v31/proofs_negative", 506, false),
        ("v33/proofs", 1, true),
        ("v33/proofs_negative", 1, false),
    ] {
        let lines = json_lines(&format!("{name}.jsonl.gz"));
        // L1MessageRoot takes only proofs that end in the root of a batch.
        let is_interop = |line: &&Value| {
            line["target"]["slBlock"].is_u64() && line["verifier"] != "L1MessageRoot"
        };
        let lines: Vec<&Value> = lines.iter().filter(is_interop).step_by(5).collect();
        let records: Vec<Value> = lines.iter().map(|line| record(line, sl_chain)).collect();
        assert!(records.len() > 40, "{name}");
        let verdicts: Vec<bool> = {
            let Some(folded) = folded(page(), &records) else { return };
            folded.iter().map(|folded| folded["root"].is_string()).collect()
        };
        for (line, verdict) in lines.iter().zip(verdicts) {
            assert_eq!(verdict, accepted, "{name}: {}", line["case"]);
        }
    }
}

/// Since v33 a proof has a timestamp, which the record may repeat.
#[test]
fn the_page_reads_timestamps() {
    let lines = json_lines("v33/proofs.jsonl.gz");
    let timed = lines.iter().filter(|line| line["l1Timestamp"].is_u64()).step_by(40);
    let records = timed.map(|line| record(line, 1)).flat_map(|record| {
        let (mut without, mut other) = (record.clone(), record.clone());
        without.as_object_mut().unwrap().remove("l1Timestamp");
        other["l1Timestamp"] = json!(record["l1Timestamp"].as_u64().unwrap() + 1);
        [record, without, other]
    });
    let records: Vec<Value> = records.collect();
    // The contracts take a second path without metadata too.
    let plain = records.iter().map(|record| {
        let (mut record, words) = (record.clone(), record["proof"].as_array().unwrap());
        let byte = |at: usize| {
            let digits = &words[0].as_str().unwrap()[2 + 2 * at..][..2];
            usize::from_str_radix(digits, 16).unwrap()
        };
        record["proof"].as_array_mut().unwrap().remove(byte(1) + byte(2) + 5);
        record
    });
    let all: Vec<Value> = records.iter().cloned().chain(plain).collect();
    let Some(folded) = folded(page(), &all) else { return };
    assert!(folded.len() > 20);
    for (folded, record) in folded.chunks(3).zip(records.chunks(3).chain(records.chunks(3))) {
        assert_eq!(folded[0]["root"], record[0]["target"]["root"]);
        assert_eq!(folded[1]["root"], folded[0]["root"]);
        assert!(folded[2]["error"].as_str().unwrap().contains("timestamp"), "{}", folded[2]);
    }
}

/// Records with one other member: the page says what `verify` says, or that it does not judge them.
#[test]
fn the_page_reads_records_as_verify_does() {
    let made =
        run(prove_args("gateway-v29", &["--chain", "324", "--batch", "501239", "--index", "9"]));
    let good: Value = serde_json::from_str(&made.stdout).unwrap();
    let lines = json_lines("v33/proofs.jsonl.gz");
    let timed = lines.iter().find(|line| line["l1Timestamp"].is_u64()).unwrap();
    let (timed, time) = (record(timed, 1), timed["l1Timestamp"].as_u64().unwrap());
    let with = |record: &Value, pointer: &str, value: Value| {
        let (mut record, (at, name)) = (record.clone(), pointer.rsplit_once('/').unwrap());
        record.pointer_mut(at).unwrap()[name] = value;
        record
    };
    let bare = |pointer: &str| {
        let text = good.pointer(pointer).unwrap().as_str().unwrap();
        (format!("0X{}", text[2..].to_uppercase()), text[2..].to_owned())
    };
    let hex = |pointer: &str| format!("{:#x}", good.pointer(pointer).unwrap().as_u64().unwrap());
    let accepted = [
        with(&good, "/l1Timestamp", Value::Null),
        with(&good, "/target/timestamp", Value::Null),
        with(&good, "/messageHash", Value::Null),
        with(&good, "/l2Sender", Value::Null),
        with(&good, "/txNumberInBatch", json!(hex("/txNumberInBatch"))),
        with(&good, "/chainId", json!("324n")),
        with(&good, "/id", json!("009")),
        with(&good, "/target/number", json!(hex("/target/number"))),
        with(&good, "/sender", json!(bare("/sender").0)),
        with(&good, "/log", json!(bare("/log").1)),
        with(&good, "/target/root", json!(format!("HexBytes('{}')", bare("/target/root").1))),
        with(&timed, "/target/timestamp", json!(time)),
        with(&timed, "/target/timestamp", json!(time + 1)),
    ];
    let refused = [
        with(&timed, "/target/timestamp", json!(time - 1)),
        with(&good, "/target/timestamp", json!(1)),
        with(
            &timed,
            "/target",
            json!({"kind": "sl-batch", "slChainId": 1, "number": timed["target"]["number"], "root": timed["target"]["root"], "timestamp": time}),
        ),
        with(&good, "/target", json!({"kind": "batch-root", "root": good["root"]})),
        with(&good, "/target", json!({"kind": "batch-root", "root": good["root"], "number": 1})),
        with(&good, "/root", json!("0x12")),
        with(&good, "/proof", json!([good["proof"][0], "none"])),
    ];
    let mut unjudged: Vec<Value> = vec![
        with(&good, "/target/kind", json!("nonsense")),
        with(&good, "/target/kind", Value::Null),
        with(&good, "/log", json!({"sender": good["sender"]})),
        with(&good, "/id", json!("nine")),
        with(&good, "/chainId", json!("18446744073709551616")),
        with(&good, "/request", Value::Null),
    ];
    for missing in ["/id", "/batchNumber", "/chainId", "/log", "/target/root", "/target/slChainId"]
    {
        unjudged.push(with(&good, missing, Value::Null));
    }
    for other in [
        "l2Sender",
        "l2_sender",
        "l2BatchNumber",
        "l1BatchNumber",
        "l2MessageIndex",
        "l2_tx_number_in_block",
        "l2TxNumberInBatch",
        "chain_id",
        "message_hash",
        "l1_timestamp",
        "merkleProof",
        "data",
        "jsonrpc",
    ] {
        unjudged.push(with(&good, &format!("/{other}"), json!(1)));
    }
    let records = [&accepted[..], &refused, &unjudged].concat();
    let Some(folded) = folded(page(), &records) else { return };
    assert_eq!(folded.len(), records.len());
    for (at, (folded, record)) in folded.iter().zip(&records).enumerate() {
        let is_accepted = at < accepted.len();
        assert_eq!(folded["root"].is_string(), is_accepted, "{at}: {folded} {record}");
        let is_refused = !is_accepted && at < accepted.len() + refused.len();
        assert_eq!(folded["isRefused"] == true, is_refused, "{at}: {folded} {record}");
    }
}

/// A bundle is the page with its records, which it checks by itself.
#[test]
fn a_bundle_contains_its_proofs_and_their_checker() {
    let gateway = Gateway::new("gateway-v29");
    let bundle = gateway.path("evidence.html");
    let message = "0x3769df72f2c3d7295996f7c5b78980cc9bf8a706333b59bb9969bf80caf9eff9";
    let which = ["--message", message, "--format", "bundle", "-o", bundle.to_str().unwrap()];
    let made = run(prove_args("gateway-v29", &which));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let text = fs::read_to_string(&bundle).unwrap();
    let (_, rest) = text.split_once("id=\"bundle\">").unwrap();
    let (records, _) = rest.split_once("</script>").unwrap();
    let records: Vec<Value> = serde_json::from_str(records).unwrap();
    let lines = run(prove_args("gateway-v29", &["--message", message]));
    let expected: Vec<Value> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records, expected);
    // The text of a request ends no script.
    let request = "{\"message\":\"</script><script>alert(1)</script>\"}";
    let args = prove_args("gateway-v29", &["--requests", "-", "--format", "bundle"]);
    let made = run_with_input(args, request.as_bytes());
    assert_eq!(made.code, Some(1), "{}", made.stderr);
    assert!(!made.stdout.contains("alert(1)</script>") && made.stdout.contains("\\u003c/script>"));
    // Each is shown by its place, and from the list of its batch.
    let Some(shown) = folded(&bundle, &[]) else { return };
    assert_eq!(shown.len(), 2 * expected.len());
    assert_eq!(shown[0]["root"], expected[0]["target"]["root"]);
    // A log may have proofs to several roots.
    let request = |target: &str| {
        format!("{{\"chainId\":324,\"batchNumber\":501239,\"id\":9,\"target\":\"{target}\"}}\n")
    };
    let requests = request("first") + &request("latest");
    let bundle = gateway.path("two.html");
    let which = ["--requests", "-", "--format", "bundle", "-o", bundle.to_str().unwrap()];
    let made = run_with_input(prove_args("gateway-v29", &which), requests.as_bytes());
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let lines = run_with_input(prove_args("gateway-v29", &which[..2]), requests.as_bytes());
    let root = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["target"]["root"].clone()
    };
    let roots: Vec<Value> = lines.stdout.lines().map(root).collect();
    assert_ne!(roots[0], roots[1]);
    let shown = folded(&bundle, &[]).unwrap();
    let shown: Vec<&Value> = shown.iter().map(|record| &record["root"]).collect();
    assert_eq!(shown, [&roots[0], &roots[0], &roots[1], &roots[1]]);
}

/// The server shows the page, and it lets no other origin in.
#[test]
fn the_server_shows_the_page() {
    let gateway = Gateway::new("gateway-v29");
    let server = gateway.serve(&[]);
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.body, PAGE);
    for (name, value) in [
        ("content-security-policy", "frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    assert_eq!(server.get("/health").header("x-content-type-options"), Some("nosniff"));
    assert!(page.body.contains("default-src 'none'") && !page.body.contains("https://"));
    let found = server.result("/", "slproof_find", json!([crate::support::server::RECORDED]));
    let places = json!([{"chainId": 324, "batchNumber": 501_239, "id": 8}, {"chainId": 324, "batchNumber": 501_239, "id": 9}]);
    assert_eq!(found, json!({"messages": [], "transactions": places}));
}

/// A source that answers with another log or batch than it was asked for gives no record.
#[test]
fn the_page_takes_only_what_it_asked_for() {
    let (gateway, _) = small();
    publish(&gateway, &[]);
    let asked = json!({"chainId": 324, "batchNumber": "501234", "id": 0});
    let with = |member: &str, value: Value| {
        let mut asked = asked.clone();
        asked[member] = value;
        asked
    };
    let answer = |chain: u64, batch: u64, id: u64| {
        with("answer", json!({"chainId": chain, "batchNumber": batch, "id": id}))
    };
    let lines = [
        asked.clone(),
        answer(324, 501_234, 0),
        with("answer", Value::Null),
        with("serves", json!("batches/324/501235.json")),
        answer(325, 501_234, 0),
        answer(324, 501_235, 0),
        answer(324, 501_234, 1),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sources.cjs");
    let site = gateway.path("site");
    let args = [&script, page(), &site].map(|path| path.to_str().unwrap());
    let Some(printed) = tool("node", &args, lines.as_bytes()) else { return };
    let printed = String::from_utf8(printed).unwrap();
    let said: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 7);
    for (at, said) in said.iter().enumerate() {
        match at {
            0..=2 => assert!(said["error"].is_null(), "{said}"),
            _ => assert!(said["error"].as_str().unwrap().contains("of another"), "{said}"),
        }
    }
}
