use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{
    binary::{Run, run, run_with_input},
    era, fixture, json_lines,
    json_schema::faults,
    l1::{BRIDGEHUB, L1State, NULLIFIER, bridgehub, slot},
    read,
};

fn path(file: &str) -> String {
    fixture(file).to_str().unwrap().to_owned()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Asserts that a document fits the schema with this name.
fn check(name: &str, document: &Value) {
    let schema = run(["schema", name]);
    assert_eq!(schema.code, Some(0), "{}", schema.stderr);
    let schema = value(&schema.stdout);
    assert_eq!(faults(&schema, &schema, document), Vec::<String>::new(), "{name}");
}

fn check_run(name: &str, run: &Run) -> Value {
    let document = value(&run.stdout);
    check(name, &document);
    assert_eq!(run.stderr, "", "{name}");
    document
}

const STATE: &str = "gateway-v31/state.anvil.json";
const LOGS: &str = "gateway-v31/logs.jsonl.gz";

#[test]
fn every_schema_is_listed_and_none_accepts_everything() {
    let names: Vec<String> = serde_json::from_str(&run(["schema", "--json"]).stdout).unwrap();
    assert_eq!(names.len(), 22);
    let list = run(["schema"]).stdout;
    for name in &names {
        assert!(list.lines().any(|line| line.starts_with(name.as_str())), "{name}");
        let schema = value(&run(["schema", name]).stdout);
        for wrong in ["null", "[]", "{\"x\":1}"] {
            assert!(!faults(&schema, &schema, &value(wrong)).is_empty(), "{name}: {wrong}");
        }
    }
}

#[test]
fn json_results_fit_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (state, logs) = (path(STATE), path(LOGS));
    let (snapshot, tree, archive) = (file("s.slsnap"), file("t.sltree"), file("m.slmsg"));

    let imported = check_run("import", &run(["import", &state, "-o", &snapshot, "--json"]));
    assert_eq!(imported["slChainId"], 506);
    let events = path("gateway-v31/events.jsonl.gz");
    let rebuilt = ["rebuild", &state, "--history", "--events", &events, "-o", &tree, "--json"];
    check_run("rebuild", &run(rebuilt));
    let indexed = run(["index", &logs, "--tree", &tree, "-o", &archive, "--json"]);
    let indexed = check_run("index", &indexed);
    assert_eq!(indexed["coverage"]["missing"], 0);
    check_run("index", &run(["index", &logs, "-o", &archive, "--json"]));
    check_run("history", &run(["history", &tree, "--json"]));
    check_run("networks", &run(["networks", "--json"]));
    for native in [&snapshot, &tree, &archive] {
        check_run("check", &run(["check", native, "--json"]));
        check_run("inspect", &run(["inspect", native, "--json"]));
    }
    // The archive has one chain only, so the other chains of the trees are missing.
    let line = String::from_utf8(read(LOGS)).unwrap().lines().next().unwrap().to_owned();
    check("batch", &value(&line));
    fs::write(file("one.jsonl"), line).unwrap();
    let one = run(["index", &file("one.jsonl"), "--tree", &tree, "-o", &archive, "--json"]);
    let one = check_run("index", &one);
    assert!(one["coverage"]["missing"].as_u64() > Some(0), "{one}");
}

#[test]
fn records_and_summaries_fit_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (state, logs) = (path(STATE), path(LOGS));
    let prove = |rest: &[&str]| {
        let args = ["prove", "--tree", &state, "--messages", &logs, "--json"];
        run(args.into_iter().chain(rest.iter().copied()))
    };
    let hash = format!("0x{}", "11".repeat(32));
    let requests = [
        "{\"chainId\":388,\"batchNumber\":\"0x64\",\"id\":0}".to_owned(),
        "{\"chainId\":388,\"batchNumber\":100}".into(),
        format!("{{\"message\":\"{hash}\",\"target\":\"first\"}}"),
        format!("{{\"txHash\":\"{hash}\",\"log\":1}}"),
    ];
    requests.iter().for_each(|line| check("request", &value(line)));
    fs::write(file("requests"), requests.join("\n")).unwrap();
    let summary = file("summary");
    let proven = prove(&["--requests", &file("requests"), "--summary", &summary]);
    assert_eq!(proven.code, Some(1), "{}", proven.stderr);
    let failed = |line: &Value| line.get("error").is_some();
    let lines: Vec<Value> = proven.stdout.lines().map(value).collect();
    assert_eq!(lines.iter().filter(|line| failed(line)).count(), 2);
    lines.iter().for_each(|line| check(if failed(line) { "failure" } else { "proof" }, line));
    check("prove-summary", &value(&proven.stderr));
    check("prove-summary", &value(&fs::read_to_string(&summary).unwrap()));

    let shards = ["1/2", "2/2"].map(|shard| {
        let shard_file = file(&shard.replace('/', "-"));
        let made = prove(&["--all", "--chain", "388", "--shard", shard, "-o", &shard_file]);
        check("prove-summary", &value(&made.stderr));
        shard_file
    });
    let merged = run(["merge", &shards[0], &shards[1], "-o", &file("all"), "--json"]);
    assert_eq!((merged.code, merged.stdout.as_str()), (Some(0), ""));
    check("merge-summary", &value(&merged.stderr));

    for proofs in [file("all"), path("gateway-v31/proofs_negative.jsonl.gz")] {
        let verified = run(["verify", &proofs, "--anchor", &state, "--report", "-", "--json"]);
        verified.stdout.lines().for_each(|line| check("verdict", &value(line)));
        let summary = value(verified.stderr.lines().last().unwrap());
        check("verify-summary", &summary);
    }
}

#[test]
fn claims_and_their_totals_fit_their_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let of = |name: &str| path(&format!("gateway-v29-to-v31/{name}"));
    let mut l1 = L1State::of_fixture("gateway-v29-to-v31/l1.state.anvil.json").with_nullifier();
    l1.pay(12, 1154, 3);
    // The asset id of one base token is known.
    l1.set(bridgehub(), slot(212, &[12.into()]), 7);
    l1.write(Path::new(&file("l1.json")));
    let (logs, summary) = (of("withdrawals.jsonl.gz"), file("summary"));
    let through = ["--tree", &of("events.jsonl.gz"), "--sl-batches", &of("gw_batches.jsonl")];
    for (rest, expected) in [(&through[..], Some(0)), (&[], Some(3))] {
        let kinds = "base-token,asset-router,failed-deposit,other";
        let (anchor, l1) = (file("l1.json"), ["--l1-nullifier", NULLIFIER, "--kind", kinds]);
        let args =
            ["claims", "--messages", &logs, "--anchor", &anchor, "--anchor-bridgehub", BRIDGEHUB];
        let json = ["--json", "--summary", &summary];
        let made = run(args.iter().chain(&l1).chain(&json).chain(rest));
        assert_eq!(made.code, expected, "{}", made.stderr);
        let lines: Vec<Value> = made.stdout.lines().map(value).collect();
        lines.iter().for_each(|line| check("claim", line));
        assert!(lines.len() > 100);
        check("claims-summary", &value(made.stderr.lines().last().unwrap()));
        let summary = value(&fs::read_to_string(&summary).unwrap());
        check("claims-summary", &summary);
        assert_eq!(summary["claims"], lines.len());
        for status in ["claimable", "finalized", "refused", "unknown"] {
            let lines = lines.iter().filter(|line| line["status"] == status);
            assert_eq!(summary[status], lines.count(), "{status}");
        }
    }
}

#[test]
fn every_file_that_slproof_takes_is_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (state, logs) = (path(STATE), path(LOGS));
    let prove = |rest: &[&str]| {
        let args = ["prove", "--tree", &state, "--messages", &logs, "--chain", "388", "-q"];
        let made = run(args.into_iter().chain(rest.iter().copied()));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
    };
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    prove(&["--all", "--format", "parquet", "-o", &out("p.parquet")]);
    prove(&["--all", "--format", "calldata", "-o", &out("calls")]);
    prove(&["--all", "--format", "rpc", "-o", &out("rpc")]);
    prove(&["--all", "--shard", "1/1", "-o", &out("shard")]);
    let requests = b"{\"chainId\":388,\"batchNumber\":100,\"id\":0}\nno request\n";
    let blocks = b"{\"batchNumber\":7,\"firstBlock\":1,\"lastBlock\":4}\n";
    let table = b"address,slot,value\n0x0000000000000000000000000000000000010006,0x1,0x2\n";
    let checkpoint =
        b"{\"job\":{},\"steps\":3,\"bytes\":4,\"blake3\":\"\",\"count\":{},\"check\":\"\"}";
    for (file, kind) in [
        (path(STATE), "dump"),
        (path("gateway-v29/era-snapshot/final-v1"), "dump"),
        (file("table.csv", table), "dump"),
        (path("golden/tree-1-history.sltree"), "tree"),
        (path("golden/archive-v1.slmsg"), "archive"),
        (path(LOGS), "archive"),
        (file("pubdata", b"0x00000000"), "archive"),
        (file("rows.csv", b"number,l1_batch_number\n1,1\n"), "archive"),
        (path("gateway-v31/proofs.jsonl.gz"), "proofs"),
        (out("p.parquet"), "proofs"),
        (out("calls"), "proofs"),
        (out("rpc"), "proofs"),
        (out("shard.shard.json"), "shard-manifest"),
        (file("checkpoint", checkpoint), "checkpoint"),
        (file("requests", requests), "requests"),
        (file("blocks", blocks), "batch-blocks"),
        (path("gateway-v31/gw_batches.jsonl"), "sl-batches"),
        (path("gateway-v31/events.jsonl.gz"), "events"),
        (path("l1/commits.jsonl.gz"), "l1-transactions"),
        (path("l1/exports/etherscan_web.csv.gz"), "l1-transactions"),
    ] {
        let shown = run(["inspect", &file, "--json"]);
        assert_eq!(shown.code, Some(0), "{file}: {}", shown.stderr);
        assert_eq!(check_run("inspect", &shown)["kind"], kind, "{file}");
        let text = run(["inspect", &file]);
        assert!(text.code == Some(0) && !text.stdout.is_empty(), "{file}: {}", text.stderr);
    }
    let shown = run(["inspect", &path("l1/commits.jsonl.gz")]).stdout;
    // Without executions, nothing tells which of two commits is right.
    for words in [
        "batches 1999 to 2029: 30 committed",
        "in 23 blobs",
        "without SL batch 2014: the commits in ",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let counted = |file: &str| value(&run(["inspect", file, "--json"]).stdout);
    assert_eq!(counted(&out("requests"))["requests"]["malformed"], 1);
    let batches = counted(&path("gateway-v31/gw_batches.jsonl"));
    let lines = json_lines("gateway-v31/gw_batches.jsonl");
    let first = lines.iter().map(|line| line["gwBatch"].as_u64().unwrap()).min();
    assert_eq!((&batches["malformed"], batches["batchRange"][0].as_u64()), (&0.into(), first));
    let events = counted(&path("gateway-v31/events.jsonl.gz"));
    let lines = json_lines("gateway-v31/events.jsonl.gz");
    for event in ["AddedChain", "AppendedChainBatchRoot", "NewInteropRoot"] {
        let count = lines.iter().filter(|line| line["event"] == event).count();
        assert_eq!(events["byKind"][event], count, "{event}");
    }
}

#[test]
fn every_error_is_one_json_object_with_the_exit_code() {
    let dir = era::folder(&era::chunks(1));
    fs::remove_file(dir.path().join(era::name(era::BATCH, 0))).unwrap();
    let (state, logs) = (path(STATE), path(LOGS));
    let hash = format!("0x{}", "11".repeat(32));
    let prove = ["prove", "--tree", &state, "--messages", &logs, "--json"];
    let cases: [(Vec<&str>, &str, u8); 8] = [
        (vec!["prove", "--json"], "invalid-options", 2),
        (vec!["rebuild", &state, "--release", "v99", "--json"], "invalid-options", 2),
        (vec!["index", &state, "-o", "x", "--release", "v31", "--json"], "invalid-options", 2),
        (vec!["rebuild", &logs, "--json"], "wrong-input", 3),
        (vec!["rebuild", dir.path().to_str().unwrap(), "--json"], "input-damaged", 3),
        ([&prove[..], &["--message", &hash]].concat(), "message-not-found", 5),
        ([&prove[..], &["--all", "--target", "block:7"]].concat(), "no-root-of-block", 5),
        (vec!["rebuild", "no/such/file", "--json"], "read-failed", 6),
    ];
    for (args, code, exit_code) in cases {
        let failed = run(&args);
        let error = value(&failed.stderr);
        check("error", &error);
        assert_eq!(error["error"]["code"], code, "{args:?}: {error}");
        assert_eq!(error["error"]["exitCode"], exit_code, "{args:?}");
        assert_eq!(failed.code, Some(exit_code.into()), "{args:?}");
        let has_hint = !error["error"]["hint"].is_null();
        assert!(has_hint || args != ["prove", "--json"], "the usage: {error}");
    }
    let piped = run_with_input(["rebuild", "-", "--json"], b"{\"accounts\":{");
    check("error", &value(&piped.stderr));
    // An argument after "--" is no flag.
    for args in [vec!["prove"], vec!["rebuild", "--release", "v99", "--", "--json"]] {
        let failed = run(&args);
        assert!(failed.stderr.starts_with("error: "), "{args:?}: {}", failed.stderr);
        assert_eq!(failed.code, Some(2), "{args:?}");
    }
}
