//! `prove` for many requests: selections, failures and shards.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{
    binary::{Run, prove_args, run, run_with_input},
    fixture, json_lines,
};
use serde_json::{Value, json};
use slproof::{
    archive::{ArchiveWriter, Origin, Place},
    files::Access,
    ingest::logs::read_archive,
    message::BatchLogs,
    primitives::{BatchNumber, ChainId, Hash},
};

const FOLDER: &str = "gateway-v31";

fn path(file: &str) -> String {
    fixture(&format!("{FOLDER}/{file}")).to_str().unwrap().to_owned()
}

fn args(rest: &[&str]) -> Vec<String> {
    prove_args(FOLDER, rest)
}

fn prove(rest: &[&str]) -> Run {
    run(args(rest))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records that `prove` writes for some requests.
fn ask(requests: &str, rest: &[&str]) -> Run {
    run_with_input(args(&[&["--requests", "-"], rest].concat()), requests.as_bytes())
}

fn folder() -> (tempfile::TempDir, impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let root: PathBuf = folder.path().into();
    (folder, move |name: &str| root.join(name).to_str().unwrap().to_owned())
}

#[test]
fn requests_are_answered_in_their_order_and_for_the_targets_that_they_name() {
    let vectors = json_lines(&format!("{FOLDER}/proofs.jsonl.gz"));
    // The requests are not sorted, so that sorted output would fail the test.
    let asked: Vec<&Value> = vectors.iter().rev().step_by(3).collect();
    let requests: String = asked
        .iter()
        .map(|line| {
            let request = json!({
                "chainId": line["chainId"], "batchNumber": line["batchNumber"], "id": line["logIndex"],
                "target": format!("block:{}", line["target"]["slBlock"]),
            });
            format!("{request}\n")
        })
        .collect();
    let one = ask(&requests, &["--threads", "1"]);
    assert_eq!(one.code, Some(0), "{}", one.stderr);
    let answers = lines(&one.stdout);
    assert_eq!(answers.len(), asked.len());
    for (answer, line) in answers.iter().zip(&asked) {
        assert_eq!(answer["proof"], line["proof"], "{line}");
        assert_eq!(answer["target"]["root"], line["target"]["root"]);
    }
    for threads in ["2", "5"] {
        assert_eq!(ask(&requests, &["--threads", threads]).stdout, one.stdout);
    }
}

#[test]
fn request_selects_every_matching_log() {
    let all = lines(&prove(&["--all"]).stdout);
    let of_batch: Vec<&Value> = all
        .iter()
        .filter(|line| line["chainId"] == 324 && line["batchNumber"] == 501_234)
        .collect();
    let whole = ask("{\"chainId\":324,\"batchNumber\":501234}\n", &[]);
    assert_eq!(lines(&whole.stdout).iter().collect::<Vec<_>>(), of_batch);

    let message = all.iter().find(|line| line["message"].is_string()).unwrap();
    let value = |line: &Value| line["log"].as_str().unwrap()[2 + 2 * 56..].to_owned();
    let is_message = |line: &&Value| line["log"].as_str().unwrap()[8..50].ends_with("8008");
    let same: Vec<&Value> =
        all.iter().filter(is_message).filter(|line| value(line) == value(message)).collect();
    let found = ask(&format!("\n{{\"message\":\"0x{}\"}}\n\n", value(message)), &[]);
    assert_eq!(lines(&found.stdout).iter().collect::<Vec<_>>(), same);
}

#[test]
fn every_request_that_fails_says_which_hop_is_missing() {
    let none = format!("0x{}", "11".repeat(32));
    let cases = [
        ("{\"chainId\":1,\"batchNumber\":1,\"id\":0}".to_owned(), "unknown-chain"),
        ("{\"chainId\":324,\"batchNumber\":1,\"id\":0}".into(), "batch-not-in-tree"),
        ("{\"chainId\":324,\"batchNumber\":501234,\"id\":9999}".into(), "log-not-in-batch"),
        (
            "{\"chainId\":324,\"batchNumber\":501235,\"id\":0,\"target\":\"block:102\"}".into(),
            "batch-after-target",
        ),
        (
            "{\"chainId\":300,\"batchNumber\":1,\"id\":0,\"target\":\"block:102\"}".into(),
            "chain-after-target",
        ),
        (
            "{\"chainId\":324,\"batchNumber\":501234,\"id\":0,\"target\":\"block:5\"}".into(),
            "no-root-of-block",
        ),
        (
            "{\"chainId\":324,\"batchNumber\":501234,\"id\":0,\"target\":\"sl-batch:5\"}".into(),
            "sl-batch-not-archived",
        ),
        (
            "{\"chainId\":324,\"batchNumber\":501234,\"id\":0,\"target\":\"moon\"}".into(),
            "unknown-target",
        ),
        (format!("{{\"message\":\"{none}\"}}"), "message-not-found"),
        (format!("{{\"txHash\":\"{none}\"}}"), "transaction-not-found"),
        (format!("{{\"txHash\":\"{none}\",\"log\":7}}"), "transaction-not-found"),
        ("{\"chainId\":324}".into(), "malformed-request"),
        ("[1,2]".into(), "malformed-request"),
        ("no json".into(), "malformed-request"),
        (format!("\"{}\"", "x".repeat(10_000)), "malformed-request"),
    ];
    let good = "{\"chainId\":324,\"batchNumber\":501234,\"id\":1}\n";
    let requests: String = cases.iter().map(|(line, _)| format!("{line}\n{good}")).collect();
    let answers = ask(&requests, &[]);
    assert_eq!(answers.code, Some(1), "{}", answers.stderr);
    let answers = lines(&answers.stdout);
    assert_eq!(answers.len(), 2 * cases.len());
    for ((line, code), answer) in cases.iter().zip(answers.chunks(2)) {
        assert_eq!(answer[0]["error"]["code"], *code, "{}", answer[0]);
        assert_eq!(answer[1]["id"], 1, "the good request behind it");
        match serde_json::from_str::<Value>(line) {
            Ok(request) if line.len() < 4096 => assert_eq!(answer[0]["request"], request),
            _ => assert!(line.starts_with(answer[0]["request"].as_str().unwrap())),
        }
    }
    let place = answers[2 * 13]["error"]["message"].as_str().unwrap();
    assert!(place.contains("line 27"), "{place}");
    let target = answers[2 * 5]["error"]["message"].as_str().unwrap();
    assert!(target.contains("block 5"), "{target}");
}

/// A batch that is missing in the archive and a batch without its last log fail; the other request succeeds.
#[test]
fn a_missing_or_wrong_batch_does_not_affect_others() {
    let (_folder, file) = folder();
    let mut batches = json_lines(&format!("{FOLDER}/logs.jsonl.gz"));
    let key =
        |line: &Value| (line["chainId"].as_u64().unwrap(), line["batchNumber"].as_u64().unwrap());
    batches.retain(|line| key(line) != (324, 501_235));
    let altered = batches.iter_mut().find(|line| key(line) == (324, 501_234)).unwrap();
    altered["logs"].as_array_mut().unwrap().pop();
    altered.as_object_mut().unwrap().remove("messages");
    let text: String = batches.iter().map(|line| format!("{line}\n")).collect();
    fs::write(file("logs.jsonl"), text).unwrap();
    let requests = "{\"chainId\":324,\"batchNumber\":501235,\"id\":0}\n\
                    {\"chainId\":324,\"batchNumber\":501234,\"id\":0}\n\
                    {\"chainId\":300,\"batchNumber\":1,\"id\":0}\n";
    fs::write(file("requests"), requests).unwrap();
    let tree = path("state.anvil.json");
    let asked = run([
        "prove",
        "--tree",
        &tree,
        "--messages",
        &file("logs.jsonl"),
        "--requests",
        &file("requests"),
        "--summary",
        &file("summary.json"),
        "-o",
        &file("out"),
        "-q",
    ]);
    assert_eq!(asked.code, Some(1), "{}", asked.stderr);
    let answers = lines(&fs::read_to_string(file("out")).unwrap());
    assert_eq!(answers[0]["error"]["code"], "batch-not-archived");
    assert_eq!(answers[1]["error"]["code"], "logs-do-not-fold");
    assert_eq!(answers[2]["batchNumber"], 1);
    let summary: Value = serde_json::from_slice(&fs::read(file("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["proofs"], 1);
    assert_eq!(summary["failures"], json!({"batch-not-archived": 1, "logs-do-not-fold": 1}));
    assert_eq!(summary["bytes"], fs::metadata(file("out")).unwrap().len());
    assert!(summary["seconds"].is_f64() && summary["proofsPerSecond"].is_f64());
}

/// The names of both files may contain `..`, `.` or links, and the files need not exist yet.
#[test]
fn summary_does_not_replace_the_output() {
    let (folder, file) = folder();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    std::os::unix::fs::symlink(&inside, folder.path().join("link")).unwrap();
    for ending in ["", ".partial", ".partial.json", ".shard.json"] {
        for summary in ["inside/../inside/out", "inside/./out", "link/out"] {
            let summary = file(&format!("{summary}{ending}"));
            let args = ["--all", "-o", &file("inside/out"), "--summary", &summary];
            let refused = prove(&args);
            assert_eq!(refused.code, Some(2), "{summary}: {}", refused.stderr);
        }
    }
    assert_eq!(fs::read_dir(inside).unwrap().count(), 0);
}

#[test]
fn logs_of_a_transaction_are_counted_from_zero() {
    let (_folder, file) = folder();
    let archive = read_archive(&fixture(&format!("{FOLDER}/logs.jsonl.gz")), Access::Map).unwrap();
    let batch = archive.batch(ChainId(324), BatchNumber(501_234)).unwrap().unwrap();
    // Two transactions with interleaved logs.
    let byte = |i: usize| [0xaa, 0xbb][i % 2];
    let hashes = (0..batch.logs().len()).map(|i| Hash::new([byte(i); 32])).collect();
    let messages = batch.messages().iter().collect();
    let (logs, root) = (batch.logs().to_vec(), batch.aggregated_root());
    let batch = BatchLogs::new(batch.chain(), batch.batch(), logs, messages, root)
        .and_then(|logs| logs.with_transactions(hashes))
        .unwrap();
    let mut writer = ArchiveWriter::create(Path::new(&file("logs.slmsg"))).unwrap();
    let source = writer.source("test");
    writer.add(batch.view(), Origin { source, place: Place::Whole }).unwrap();
    writer.commit().unwrap();
    let tree = path("state.anvil.json");
    let of = |rest: &[&str]| {
        let messages = file("logs.slmsg");
        let args = ["prove", "--tree", &tree, "--messages", &messages, "-q", "--format", "ndjson"];
        run(args.into_iter().chain(rest.iter().copied()))
    };
    let (a, b) = (Hash::new([byte(0); 32]).to_string(), Hash::new([byte(1); 32]).to_string());
    let ids = |run: &Run| {
        lines(&run.stdout).iter().map(|l| l["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let provable: Vec<u64> = ids(&of(&["--all"]));
    let expected: Vec<u64> = provable.iter().copied().filter(|id| id % 2 == 1).collect();
    let all = of(&["--tx", &b]);
    assert_eq!(ids(&all), expected, "{}", all.stderr);
    assert_eq!(ids(&of(&["--tx", &a, "--log", "1"])), [2]);
    assert_eq!(of(&["--tx", &a, "--log", "100000"]).code, Some(5));
    fs::write(
        file("requests"),
        format!("{{\"txHash\":\"{a}\",\"log\":1}}\n{{\"txHash\":\"{a}\",\"log\":100000}}\n"),
    )
    .unwrap();
    let asked = lines(&of(&["--requests", &file("requests")]).stdout);
    assert_eq!(asked[0]["id"], 2);
    assert_eq!(asked[1]["error"]["code"], "log-not-in-transaction");
}

#[test]
fn senders_and_batch_ranges_filter_requests() {
    let all = lines(&prove(&["--all"]).stdout);
    let sender = |line: &Value| {
        let log = line["log"].as_str().unwrap();
        let by_messenger = log[10..50].ends_with("8008");
        by_messenger.then(|| format!("0x{}", &log[2 + 2 * 36..2 + 2 * 56]))
    };
    let someone = all.iter().find_map(sender).unwrap();
    let expected: Vec<&Value> =
        all.iter().filter(|line| sender(line).as_ref() == Some(&someone)).collect();
    let found = lines(&prove(&["--all", "--sender", &someone]).stdout);
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    let unknown_sender =
        prove(&["--all", "--sender", "0x00000000000000000000000000000000000000ff"]);
    assert_eq!((unknown_sender.code, unknown_sender.stdout.as_str()), (Some(5), ""));

    // If a batch cannot be proven, only the logs of the sender count as failed.
    let someone = format!("0x{}", "ff".repeat(20));
    let (tree, messages) = (path("state.anvil.json"), fixture("gateway-v29/logs.jsonl.gz"));
    let others = json_lines("gateway-v29/logs.jsonl.gz");
    let sent: usize = others
        .iter()
        .flat_map(|batch| batch["logs"].as_array().unwrap())
        .filter(|log| sender(&json!({ "log": log })).as_ref() == Some(&someone))
        .count();
    let all: usize = others.iter().map(|batch| batch["logs"].as_array().unwrap().len()).sum();
    assert!(0 < sent && sent < all / 10, "{sent} of {all}");
    let args = ["prove", "--tree", &tree, "--messages", messages.to_str().unwrap(), "--all"];
    let failed = run(args.into_iter().chain(["--sender", &someone]));
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stderr.contains(&format!(", for {sent} logs")), "{sent}: {}", failed.stderr);

    let numbers = |range: &str| -> Vec<u64> {
        let run = prove(&["--all", "--chain", "388", "--batch", range]);
        let mut numbers: Vec<u64> =
            lines(&run.stdout).iter().map(|line| line["batchNumber"].as_u64().unwrap()).collect();
        numbers.dedup();
        numbers
    };
    let whole = numbers("0..");
    assert!(whole.len() > 4);
    let (from, to) = (whole[1], whole[3]);
    assert_eq!(numbers(&format!("{from}..{to}")), whole[1..3]);
    assert_eq!(numbers(&format!("{from}..={to}")), whole[1..4]);
    let several = prove(&["--chain", "388", "--batch", "1..9", "--index", "0"]);
    assert_eq!(several.code, Some(2));
}

#[test]
fn merged_shards_equal_the_whole_output() {
    let (_folder, file) = folder();
    let all = prove(&["--all", "-o", &file("all")]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let whole = fs::read(file("all")).unwrap();
    for of in [1, 2, 7, 300] {
        let mut shares: Vec<String> =
            (1..=of).map(|number| file(&format!("{number}-{of}"))).collect();
        for (number, share) in (1..).zip(&shares) {
            let shard = format!("{number}/{of}");
            let made = prove(&["--all", "--shard", &shard, "-o", share]);
            assert_eq!(made.code, Some(0), "{}", made.stderr);
        }
        if of == 7 {
            let lens: Vec<u64> = shares.iter().map(|s| fs::metadata(s).unwrap().len()).collect();
            // Batches are not split, and some of these are larger than a seventh of the logs.
            assert!(lens.iter().all(|len| *len < whole.len() as u64 / 3), "{lens:?}");
        }
        shares.reverse();
        let target = file("merged");
        let merge = |shares: &[String]| {
            let args = ["merge", "-q", "-o", &target].map(str::to_owned);
            run(args.into_iter().chain(shares.iter().cloned()))
        };
        let merged = merge(&shares);
        assert_eq!(merged.code, Some(0), "{}", merged.stderr);
        assert!(fs::read(&target).unwrap() == whole, "{of} shares");
        if of != 7 {
            continue;
        }
        // A missing shard, a duplicate, a shard of another job, an altered one, one without its manifest.
        let refused = |shares: &[String], because: &str| {
            let merged = merge(shares);
            assert_eq!(merged.code, Some(3), "{}", merged.stderr);
            assert!(merged.stderr.contains(because), "{}", merged.stderr);
            assert!(fs::read(&target).unwrap() == whole, "the old output is as it was");
        };
        refused(&shares[1..], "shard 7/7 is missing");
        refused(&[&shares[..], &shares[2..3]].concat(), "and so is");
        let other = file("other");
        prove(&["--all", "--shard", "3/7", "--chain", "388", "-o", &other]);
        let mut mixed = shares.clone();
        mixed[4] = other;
        refused(&mixed, "another arguments");
        mixed[4] = file("1-2");
        refused(&mixed, "another number of shards");
        let manifest = fs::read_to_string(format!("{}.shard.json", shares[0])).unwrap();
        let nought = manifest.replace("\"shard\": 7", "\"shard\": 0");
        assert_ne!(nought, manifest);
        fs::copy(&shares[0], file("nought")).unwrap();
        fs::write(file("nought.shard.json"), nought).unwrap();
        refused(&[&shares[..], &[file("nought")]].concat(), "which does not exist");
        let mut bytes = fs::read(&shares[2]).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&shares[2], &bytes).unwrap();
        refused(&shares, "changed since it was made");
        fs::remove_file(format!("{}.shard.json", shares[2])).unwrap();
        assert_eq!(merge(&shares).code, Some(3));
    }
    for bad in [&["--shard", "1/2"][..], &["--shard", "1/2", "--format", "bundle", "-o", "x"]] {
        assert_eq!(prove(&[&["--all"], bad].concat()).code, Some(2));
    }
}

#[test]
fn shard_of_one_request_is_refused_before_inputs_are_opened() {
    let hash = format!("0x{}", "11".repeat(32));
    let whiches: [&[&str]; 4] = [
        &["--chain", "388", "--batch", "100"],
        &["--chain", "388", "--batch", "100", "--index", "0"],
        &["--message", &hash],
        &["--tx", &hash],
    ];
    for which in whiches {
        let args = ["prove", "--tree", "no-tree", "--messages", "no-archive", "--shard", "1/2"];
        let refused = run([&args[..], &["-o", "no-folder/x"], which].concat());
        assert_eq!(refused.code, Some(2), "{which:?}: {}", refused.stderr);
    }
}

#[test]
fn progress_bars_are_drawn_on_request() {
    let with = |when: &str| {
        let (tree, messages) = (path("state.anvil.json"), path("logs.jsonl.gz"));
        let args = ["prove", "--tree", &tree, "--messages", &messages, "--all", "--progress", when];
        run(args).stderr
    };
    assert!(with("always").contains("logs"), "{}", with("always"));
    for when in ["auto", "never"] {
        assert!(!with(when).contains("left"), "{}", with(when));
    }
    let (_folder, file) = folder();
    let (state, logs) = (path("state.anvil.json"), path("logs.jsonl.gz"));
    for args in [
        &["import", &state, "-o", &file("s.slsnap")][..],
        &["index", &logs, "-o", &file("l.slmsg")],
        &["verify", &path("proofs.jsonl.gz"), "--anchor", &state],
    ] {
        let run = run(args.iter().chain(&["--progress", "always"]));
        assert!(run.stderr.contains(" read, "), "{args:?}: {}", run.stderr);
    }
}
