//! The programs of `examples/`, as modules: each runs on fixtures and gives the records of the command line.

use std::fs;

use serde_json::Value;
use slproof::{
    files::{Input, ReadProgressHandle, Scratch},
    ingest::{
        FileKind, FoundFiles,
        l1::{
            Execution, L1Batch, L1Batches, L1Reader,
            blobs::{BlobCounts, Blobs},
            linear_hashes,
        },
    },
};

use crate::support::{
    binary::{prove_args, run},
    fixture,
};

#[path = "../../examples/prove_in_threads.rs"]
#[expect(dead_code, reason = "a test calls `run` and not `main`")]
mod prove_in_threads;
#[path = "../../examples/prove_message.rs"]
#[expect(dead_code, reason = "a test calls `run` and not `main`")]
mod prove_message;
#[path = "../../examples/resumable_job.rs"]
#[expect(dead_code, reason = "a test calls `run` and not `main`")]
mod resumable_job;

#[path = "../../examples/synthesize/main.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "a test calls `run`; others use some modules")]
pub(crate) mod synthesize;

const FOLDER: &str = "gateway-v29";

/// The arguments that every example begins with.
fn inputs() -> Vec<String> {
    ["state.anvil.json", "logs.jsonl.gz"]
        .map(|file| fixture(&format!("{FOLDER}/{file}")).to_str().unwrap().to_owned())
        .to_vec()
}

/// The records of `slproof prove`.
fn proven(rest: &[&str]) -> String {
    let made = run(prove_args(FOLDER, rest));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    made.stdout
}

#[test]
fn prove_message_writes_every_occurrence() {
    let hash = "0x3769df72f2c3d7295996f7c5b78980cc9bf8a706333b59bb9969bf80caf9eff9";
    let mut out = Vec::new();
    prove_message::run(&[inputs(), vec![hash.to_owned()]].concat(), &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), proven(&["--message", hash]));
    let error = prove_message::run(&inputs(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().starts_with("usage: "));
}

#[test]
fn prove_in_threads_answers_every_line() {
    let requests = "{\"chainId\":324,\"batchNumber\":501234}\n\
                    {\"chainId\":324,\"batchNumber\":501235,\"id\":0,\"target\":\"first\"}\n\
                    {\"chainId\":324,\"batchNumber\":1}\n\
                    not a request\n";
    let mut out = Vec::new();
    prove_in_threads::run(&inputs(), requests.as_bytes(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let (proofs, mut failed): (Vec<&str>, Vec<&str>) =
        out.lines().partition(|line| line.starts_with('['));
    failed.sort_unstable();
    assert_eq!(failed.len(), 2, "{out}");
    assert!(failed[0].starts_with("batch-not-in-tree: "), "{out}");
    assert!(failed[1].starts_with("malformed-request: "), "{out}");

    let batch = proven(&["--all", "--chain", "324", "--batch", "501234"]);
    let one = ["--chain", "324", "--batch", "501235", "--index", "0", "--target", "first"];
    let one = proven(&[&one[..], &["--format", "ndjson"]].concat());
    let records = |line: &&str| serde_json::from_str::<Vec<Value>>(line).unwrap();
    let mut proofs: Vec<Vec<Value>> = proofs.iter().map(records).collect();
    proofs.sort_by_key(|records| records[0]["batchNumber"].as_u64());
    let expected: [Vec<Value>; 2] = [batch, one]
        .map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
    assert_eq!(proofs, expected);
}

#[test]
fn resumable_job_continues_after_its_last_part() {
    let folder = tempfile::tempdir().unwrap();
    let parts = || {
        let mut parts: Vec<_> =
            folder.path().read_dir().unwrap().map(|part| part.unwrap().path()).collect();
        parts.sort();
        parts
    };
    let args = [inputs(), vec![folder.path().to_str().unwrap().to_owned()]].concat();
    let whole = proven(&["--all"]);
    let proofs = resumable_job::run(&args).unwrap();
    assert_eq!(proofs as usize, whole.lines().count());

    // An interrupted run leaves the first parts only.
    let written = parts();
    let lost: Vec<_> = written[written.len() / 2..]
        .iter()
        .map(|part| {
            let text = fs::read_to_string(part).unwrap();
            fs::remove_file(part).unwrap();
            text
        })
        .collect();
    assert!(!lost.is_empty() && lost.len() < written.len());
    let again = resumable_job::run(&args).unwrap();
    assert_eq!(again as usize, lost.concat().lines().count());
    assert_eq!(resumable_job::run(&args).unwrap(), 0);
    let text: String = parts().iter().map(|part| fs::read_to_string(part).unwrap()).collect();
    assert_eq!(text, whole);
}

/// A history of v33: every log is proven from the state and from the events, with timestamps in every format, and the
/// state accepts the proofs.
#[test]
fn synthesize_writes_a_settlement_layer_of_v33() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [state, logs, events] = ["state.csv", "logs.jsonl", "events.jsonl"].map(path);
    let numbers = "--release v33 --chains 5 --batches 60 --logs 3".split(' ').map(str::to_owned);
    let outputs = [("--state", &state), ("--archive", &logs), ("--events", &events)];
    let outputs = outputs.iter().flat_map(|(name, path)| [(*name).to_owned(), (*path).clone()]);
    synthesize::run(numbers.chain(outputs)).unwrap();

    let prove = |tree: &str, format: &str, output: &str| {
        let out = path(output);
        let args = ["prove", "--tree", tree, "--messages", &logs, "--all", "--format", format];
        let made = run(args.iter().copied().chain(["-o", &out]));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        out
    };
    let of_state = prove(&state, "ndjson", "state.ndjson");
    let of_events = prove(&events, "ndjson", "events.ndjson");
    let text = |path: &str| fs::read_to_string(path).unwrap();
    assert_eq!(text(&of_state).lines().count(), 180);
    let checked = text(&of_events).replace("\"events\"}", "\"state\"}");
    assert_eq!(text(&of_state), checked);
    assert!(text(&of_state).lines().all(|line| line.contains("\"l1Timestamp\":17")));

    let parquet = prove(&state, "parquet", "proofs.parquet");
    let calldata = prove(&state, "calldata", "calls.ndjson");
    for proofs in [&of_state, &parquet, &calldata] {
        let verified = run(["verify", proofs, "--anchor", &state]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        assert!(verified.stderr.contains("180 valid, 0 invalid"), "{}", verified.stderr);
    }
}

/// The files of L1 that `synthesize` writes: every batch has its pubdata, with the batch root of its commit, in blobs and in
/// calldata.
#[test]
fn synthesize_writes_what_l1_keeps() {
    for blobs in ["0", "2"] {
        let folder = tempfile::tempdir().unwrap();
        let l1 = folder.path().to_str().unwrap();
        let args = [
            "--chains",
            "5",
            "--batches",
            "60",
            "--logs",
            "2",
            "--sl-batches",
            "9",
            "--writes",
            "20",
            "--blobs",
            blobs,
            "--l1",
            l1,
        ];
        synthesize::run(args.map(str::to_owned).into_iter()).unwrap();
        let mut reader = L1Reader::default();
        for name in ["commits.jsonl", "executes.jsonl"] {
            reader.read(Input::open(&folder.path().join(name)).unwrap()).unwrap();
        }
        let chains = reader.finish();
        let [commits] = chains.chains() else { panic!("{chains:?}") };
        assert!(commits.gaps().is_empty() && commits.batches().len() > 5);
        let found = FoundFiles::at(&[folder.path()]).unwrap();
        let paths: Vec<_> =
            found.of(|kind| kind == FileKind::Blobs).map(|file| &file.path).collect();
        let wanted = linear_hashes(commits.batches());
        let scratch = Scratch::temporary().unwrap();
        let read = Blobs::read(&paths, &wanted, scratch, &ReadProgressHandle::default()).unwrap();
        let counts = BlobCounts { used: wanted.len() as u64, ..BlobCounts::default() };
        assert_eq!((read.counts(), wanted.len()), (counts, paths.len()));
        assert_eq!(paths.is_empty(), blobs == "0");
        let last = commits.batches().last().unwrap().batch;
        for batch in L1Batches::new(commits, &read) {
            let L1Batch { committed, pubdata } = batch.unwrap();
            assert!(pubdata.unwrap().diffs.initial.len() >= 20);
            let is_executed = committed.execution == Execution::Executed;
            assert_eq!(is_executed, committed.batch != last);
        }
    }
}

/// L1 has paid out every other withdrawal that `synthesize` writes, and accepts the others.
#[test]
fn synthesize_writes_withdrawals() {
    const NULLIFIER: &str = "0x7777777777777777777777777777777777777777";
    const BRIDGEHUB: &str = "0x00000000000000000000000000000000b1d60000";
    let folder = tempfile::tempdir().unwrap();
    let [state, logs] =
        ["l1.csv", "logs.jsonl"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let shape = ["--chains", "3", "--batches", "20", "--logs", "3", "--nullifier", NULLIFIER];
    let args = [&shape[..], &["--state", &state, "--archive", &logs]].concat();
    synthesize::run(args.into_iter().map(str::to_owned)).unwrap();
    let inputs = ["claims", "--messages", &logs, "--anchor", &state, "--l1-chain-id", "1"];
    let contracts = ["--anchor-bridgehub", BRIDGEHUB, "--l1-nullifier", NULLIFIER];
    let made = run([&inputs[..], &contracts].concat());
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let claims = made.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (finalized, others): (Vec<_>, Vec<_>) =
        claims.partition(|claim| claim["status"] == "finalized");
    assert!(others.iter().all(|claim| claim["status"] == "claimable"), "{others:?}");
    assert_eq!((finalized.len(), others.len()), (40, 20));
}
