//! `prove` and `verify` with every format, as a user runs them.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{
    self,
    binary::{Run, command, run},
    fixture, json_lines,
};
use serde_json::Value;
use slproof::{
    files::{Compression, Input},
    records::parquet::ParquetProofs,
};

fn prove(output: &Path, args: &[&str]) -> Run {
    let tree = fixture("gateway-v31/state.anvil.json");
    let messages = fixture("gateway-v31/logs.jsonl.gz");
    let mut all = vec!["prove", "--tree", tree.to_str().unwrap()];
    all.extend(["--messages", messages.to_str().unwrap(), "-o", output.to_str().unwrap()]);
    all.extend(args);
    run(all)
}

fn verify(proofs: &Path, args: &[&str]) -> Run {
    let anchor = fixture("gateway-v31/state.anvil.json");
    let mut all = vec!["verify", proofs.to_str().unwrap(), "--anchor", anchor.to_str().unwrap()];
    all.extend(args);
    run(all)
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut Input::open(path).unwrap(), &mut bytes).unwrap();
    bytes
}

fn lines(path: &Path) -> Vec<Value> {
    let text = read(path);
    serde_json::Deserializer::from_slice(&text).into_iter().map(Result::unwrap).collect()
}

#[test]
fn every_format_is_verified_and_is_the_same_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in [
        ("proofs.ndjson", "ndjson"),
        ("proofs.ndjson.gz", "ndjson"),
        ("proofs.ndjson.zst", "ndjson"),
        ("proofs.json.zst", "json"),
        ("proofs.calldata", "calldata"),
        ("proofs.calldata.gz", "calldata"),
        ("proofs.parquet", "parquet"),
    ] {
        let path = folder.path().join(name);
        let made = ["1", "3"].map(|threads| {
            let proven = prove(&path, &["--all", "--format", format, "--threads", threads]);
            assert_eq!(proven.code, Some(0), "{name}: {}", proven.stderr);
            std::fs::read(&path).unwrap()
        });
        assert!(made[0] == made[1], "{name}");
        let verified = verify(&path, &[]);
        assert_eq!(verified.code, Some(0), "{name}: {}", verified.stderr);
        assert!(verified.stderr.contains("2,532 valid, 0 invalid"), "{}", verified.stderr);
        let shown = run(["inspect", path.to_str().unwrap()]);
        assert_eq!(shown.code, Some(0), "{name}: {}", shown.stderr);
        assert!(shown.stdout.contains("folds to"), "{name}: {}", shown.stdout);
    }
    let plain = read(&folder.path().join("proofs.ndjson"));
    let magics =
        [("proofs.ndjson.gz", &[0x1f, 0x8b][..]), ("proofs.ndjson.zst", b"\x28\xb5\x2f\xfd")];
    for (packed, magic) in magics {
        assert!(read(&folder.path().join(packed)) == plain, "{packed}");
        assert!(std::fs::read(folder.path().join(packed)).unwrap().starts_with(magic), "{packed}");
    }
}

#[test]
fn requests_that_fail_have_a_row_or_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let requests = folder.path().join("requests");
    let hash = format!("0x{}", "00".repeat(32));
    let text = [
        "{\"chainId\":324,\"batchNumber\":501234,\"id\":0}".to_owned(),
        "{\"chainId\":1,\"batchNumber\":2,\"id\":3}".into(),
        format!("{{\"txHash\":\"{hash}\"}}"),
        "no request".into(),
        "{\"chainId\":324,\"batchNumber\":501234,\"id\":1}".into(),
    ];
    std::fs::write(&requests, text.join("\n")).unwrap();
    let requests = requests.to_str().unwrap();

    let rows = folder.path().join("proofs.parquet");
    let proven = prove(&rows, &["--requests", requests, "--format", "parquet"]);
    assert_eq!(proven.code, Some(1), "{}", proven.stderr);
    let report = folder.path().join("verdicts");
    let verified = verify(&rows, &["--report", report.to_str().unwrap()]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(verified.stderr.contains("3 rows are failed requests"), "{}", verified.stderr);
    let numbers: Vec<Value> = lines(&report).iter().map(|line| line["line"].clone()).collect();
    assert_eq!(numbers, [1, 5]);

    let calls = folder.path().join("calls.zst");
    let args = ["--requests", requests, "--format", "calldata", "--call", "leaf"];
    assert_eq!(prove(&calls, &args).code, Some(1));
    let calls = lines(&calls);
    let codes: Vec<&str> = calls.iter().filter_map(|line| line["error"]["code"].as_str()).collect();
    assert_eq!(codes.len(), 3, "{codes:?}");
    assert_eq!(calls[0]["call"], "proveL2LeafInclusionShared");
}

#[test]
fn calls_that_do_not_fit_are_usage_errors_or_failures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls");
    let usage = |args: &[&str], says: &str| {
        let proven = prove(&path, args);
        assert_eq!(proven.code, Some(2), "{args:?}: {}", proven.stderr);
        assert!(proven.stderr.contains(says), "{args:?}: {}", proven.stderr);
        assert!(!path.exists());
    };
    usage(&["--all", "--call", "log"], "--format calldata");
    usage(&["--all", "--format", "calldata", "--call", "finalize-deposit"], "sl-batch:N");
    usage(&["--all", "--format", "calldata", "--target", "batch-root"], "--to");
    let packed = folder.path().join("proofs.parquet.gz");
    assert_eq!(prove(&packed, &["--all", "--format", "parquet"]).code, Some(2));

    // Logs that are not messages do not fit the call for messages.
    let to = format!("0x{}", "11".repeat(20));
    let messages = ["--format", "calldata", "--call", "message", "--to", &to];
    let args = [&["--all", "--target", "batch-root"], &messages[..]].concat();
    let proven = prove(&path, &args);
    assert_eq!(proven.code, Some(1), "{}", proven.stderr);
    assert!(proven.stderr.contains("call-needs-message"), "{}", proven.stderr);
    let calls = lines(&path);
    let done = calls.iter().filter(|line| line["to"] == *to).count();
    assert!(done > 100 && calls.len() == 2532, "{done} of {}", calls.len());
    assert!(calls.iter().all(|line| line["to"] == *to || line["request"]["id"].is_u64()));
}

/// A record that mixes several formats is invalid, because only one of them would be verified.
#[test]
fn records_with_unverifiable_fields_are_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs");
    let one = ["--chain", "324", "--batch", "501234", "--index", "1"];
    let made = |format| {
        assert_eq!(prove(&path, &[&one[..], &["--format", format]].concat()).code, Some(0));
        lines(&path).remove(0)
    };
    let (proof, call, answer) = (made("ndjson"), made("calldata"), made("rpc"));
    let judged = |line: &Value| {
        std::fs::write(&path, line.to_string()).unwrap();
        let report = folder.path().join("report");
        let verified = verify(&path, &["--report", report.to_str().unwrap()]);
        let verdict = verified.code.filter(|code| *code < 2).map(|_| lines(&report).remove(0));
        (verified.code, verdict.unwrap_or_default()["error"]["code"].clone())
    };
    let with = |record: &Value, fields: &[(&str, Value)]| {
        let mut record = record.clone();
        for (field, value) in fields {
            record[*field] = value.clone();
        }
        record
    };
    let malformed = (Some(1), Value::from("malformed-record"));
    let request = || ("request", Value::Object(serde_json::Map::default()));
    let error = || ("error", Value::from("none"));
    assert_eq!(judged(&proof), (Some(0), Value::Null));
    assert_eq!(judged(&call), (Some(0), Value::Null));
    // The field `to` is accepted, because it makes no claim that could be verified.
    assert_eq!(judged(&with(&proof, &[("to", Value::from("anyone"))])), (Some(0), Value::Null));
    for line in [
        with(&proof, &[("call", call["call"].clone()), ("data", Value::from("0xdeadbeef"))]),
        with(&proof, &[("call", call["call"].clone())]),
        with(&proof, &[("id", Value::from("1.0"))]),
        with(&proof, &[request(), error()]),
        with(&proof, &[request()]),
        with(&call, &[("id", Value::from("77"))]),
        with(&call, &[("message", Value::from("0x77"))]),
        with(&call, &[request(), ("data", Value::from("0xdeadbeef"))]),
        with(&call, &[request(), error()]),
        // A JSON-RPC response with the fields of a record outside its result.
        with(&proof, &[("jsonrpc", Value::from("2.0")), ("result", answer.clone())]),
    ] {
        assert_eq!(judged(&line), malformed, "{line}");
    }
    assert_eq!(judged(&Value::from_iter([request()])).0, Some(3), "nothing can be judged");
    let failure = Value::from_iter([request(), error()]);
    assert_eq!(judged(&failure).0, Some(5), "there is no proof");
}

/// An array is read element by element, so it may be larger than the memory.
#[cfg(unix)]
#[test]
fn arrays_of_any_size_are_verified_in_bounded_memory() {
    use std::io::Write;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.json");
    let one = ["--chain", "324", "--batch", "501234", "--index", "1"];
    assert_eq!(prove(&path, &one).code, Some(0));
    let proof = std::fs::read(&path).unwrap();
    let text = "]}\\\"".repeat(1 << 18);
    let failure = format!("{{\"request\":{{}},\"error\":{{\"message\":\"{text}\"}}}}");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"[\n").unwrap();
    for _ in 0..80 {
        file.write_all(failure.as_bytes()).unwrap();
        file.write_all(b",\n").unwrap();
    }
    file.write_all(&proof).unwrap();
    file.write_all(b"]\n").unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > 80 << 20);
    let anchor = fixture("gateway-v31/state.anvil.json");
    let args = ["verify", path.to_str().unwrap(), "--anchor", anchor.to_str().unwrap()];
    let args = [&args[..], &["--threads", "1"]].concat();
    let verified = support::binary::run_within(400, &args);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    assert!(verified.stderr.contains("1 valid, 0 invalid; 80 lines"), "{}", verified.stderr);

    // If the end of the array is missing, elements may be missing too.
    file.set_len(length - 2).unwrap();
    let cut = verify(&path, &[]);
    assert_eq!(cut.code, Some(3), "{}", cut.stderr);
    assert!(cut.stderr.contains("it has no end"), "{}", cut.stderr);
}

#[test]
fn damaged_parquet_and_wrong_proofs_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proofs.parquet");
    assert_eq!(prove(&path, &["--all", "--format", "parquet"]).code, Some(0));
    let whole = std::fs::read(&path).unwrap();
    let root = format!("0x{}", "22".repeat(32));
    let wrong = run(["verify", path.to_str().unwrap(), "--root", &root]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("row 1: "), "{}", wrong.stderr);
    let contradicted = verify(&path, &["--chain-id", "1"]);
    assert_eq!(contradicted.code, Some(1), "{}", contradicted.stderr);

    let mut damaged = whole.clone();
    damaged[4..40].fill(0xee);
    for (bytes, says) in [(&whole[..whole.len() - 3], "not a whole"), (&damaged, "row group 0")] {
        std::fs::write(&path, bytes).unwrap();
        let verified = verify(&path, &[]);
        assert_eq!(verified.code, Some(3), "{}", verified.stderr);
        assert!(verified.stderr.contains(says), "{}", verified.stderr);
    }
    // The same through a pipe, and compressed by another program.
    let packed = folder.path().join("proofs.parquet.zst");
    std::fs::write(&packed, Compression::Zstd.compress(&whole).unwrap()).unwrap();
    assert_eq!(verify(&packed, &[]).code, Some(0));
    let anchor = fixture("gateway-v31/state.anvil.json");
    let args = ["verify", "-", "--anchor", anchor.to_str().unwrap()];
    let piped = support::binary::run_with_input(args, &whole);
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
}

/// A job of several row groups is killed after the first row group, and resumed.
#[test]
fn a_killed_job_with_rows_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let batches = json_lines("gateway-v29/logs.jsonl.gz");
    let requests: String = batches
        .iter()
        .map(|batch| {
            let (chain, number) = (&batch["chainId"], &batch["batchNumber"]);
            format!("{{\"chainId\":{chain},\"batchNumber\":{number}}}\n")
        })
        .collect();
    std::fs::write(path("requests"), requests.repeat(60)).unwrap();
    let tree = fixture("gateway-v29/state.anvil.json").to_str().unwrap().to_owned();
    let messages = fixture("gateway-v29/logs.jsonl.gz").to_str().unwrap().to_owned();
    let (asked, output) = (path("requests"), path("out"));
    let args = ["prove", "--tree", &tree, "--messages", &messages, "--requests", &asked];
    let args = [&args[..], &["--format", "parquet", "-o", &output, "--resume"]].concat();
    // Some logs are padding, which cannot be proven.
    assert!(matches!(run(&args).code, Some(0 | 1)));
    let whole = std::fs::read(&output).unwrap();
    std::fs::remove_file(&output).unwrap();

    let checkpoint = folder.path().join("out.partial.json");
    let mut resumed = 0;
    for _ in 0..3 {
        let mut child =
            command().args(&args).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while !checkpoint.exists() && child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(20));
        resumed += usize::from(checkpoint.exists());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(matches!(run(&args).code, Some(0 | 1)));
    assert!(std::fs::read(&output).unwrap() == whole);
    assert!(resumed > 0, "no job was gone on with");
    assert!(rows_of(&output) >= 60 * 18_897);
}

/// The number of rows of a Parquet file.
fn rows_of(path: &str) -> usize {
    let file = ParquetProofs::open(Input::open(Path::new(path)).unwrap()).unwrap();
    assert!(file.groups() > 3);
    (0..file.groups()).map(|group| file.rows(group).unwrap().map(Result::unwrap).count()).sum()
}

const ONE_LOG: [&str; 6] = ["--chain", "388", "--batch", "100", "--index", "0"];

/// The value with every whole number as a string.
fn with_strings(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Array(values) => values.iter().map(with_strings).collect(),
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), with_strings(v))).collect(),
        _ => value.clone(),
    }
}

#[test]
fn integers_are_written_as_strings_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for (format, log) in [("ndjson", &["--all"][..]), ("json", &["--all"]), ("json", &ONE_LOG)] {
        let [numbers, strings] = ["number", "string"].map(|integers| {
            let path = file(&format!("{integers}.json"));
            let proven =
                prove(&path, &[log, &["--format", format, "--integers", integers]].concat());
            assert_eq!(proven.code, Some(0), "{format}: {}", proven.stderr);
            path
        });
        let verified = verify(&strings, &[]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        let expected: Vec<Value> = lines(&numbers).iter().map(with_strings).collect();
        assert_eq!(lines(&strings), expected, "{format}");
    }

    // A shard belongs to the others only if their numbers are alike.
    let shards = [("1/2", "string"), ("2/2", "number")].map(|(shard, integers)| {
        let path = file(&shard.replace('/', "-"));
        let proven = prove(&path, &["--all", "--shard", shard, "--integers", integers]);
        assert_eq!(proven.code, Some(0), "{}", proven.stderr);
        path.to_str().unwrap().to_owned()
    });
    let merged = run(["merge", &shards[0], &shards[1], "-o", file("merged").to_str().unwrap()]);
    assert_eq!(merged.code, Some(3), "{}", merged.stderr);

    for format in ["parquet", "rpc", "calldata", "bundle"] {
        let refused =
            prove(&file("refused"), &["--all", "--format", format, "--integers", "string"]);
        assert_eq!(refused.code, Some(2), "{format}: {}", refused.stderr);
        assert!(refused.stderr.contains("only the formats json and ndjson"), "{}", refused.stderr);
        assert!(!file("refused").exists(), "{format}");
    }
}
