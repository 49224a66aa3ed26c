//! What was left out of an archive is said by every command that goes on without it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::{
    binary::run,
    fixture, json_lines,
    l1::L1State,
    log_sources::lines,
    server::{damaged_withdrawals, withdrawals},
    withdrawals::{BRIDGEHUB, NULLIFIER, Withdrawals},
};

/// A directory with the messages of a Gateway and a state of L1, and its flags for `claims`.
fn claims_of(folder: &Path, make: impl Fn(&Path)) -> Vec<String> {
    let (gateway, l1) = (folder.join("gateway"), folder.join("l1.json"));
    make(&gateway);
    L1State::of_fixture("gateway-v29-to-v31/l1.state.anvil.json").with_nullifier().write(&l1);
    let (gateway, l1) = (gateway.to_str().unwrap(), l1.to_str().unwrap());
    let nullifier = "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";
    ["claims", "--json", "--archive", gateway, "--anchor", l1]
        .into_iter()
        .chain(["--anchor-bridgehub", BRIDGEHUB, "--l1-nullifier", nullifier])
        .map(str::to_owned)
        .collect()
}

/// The objects on standard error.
fn objects(stderr: &str) -> Vec<Value> {
    stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Withdrawals in a batch that was left out are not unpaid, but unknown.
#[test]
fn claims_without_a_damaged_batch_are_not_all() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let whole = claims_of(folders[0].path(), withdrawals);
    let claimed = run(&whole);
    assert_eq!(claimed.code, Some(0), "{}", claimed.stderr);
    let claims: Vec<Value> =
        claimed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_lost = |claim: &&Value| claim["chainId"] == 12 && claim["batchNumber"] == 1154;
    let lost: Vec<&Value> = claims.iter().filter(is_lost).collect();
    assert_eq!((claims.len(), lost.len()), (16, 2));
    assert_eq!(objects(&claimed.stderr).last().unwrap()["leftOut"], 0);

    let damaged = claims_of(folders[1].path(), damaged_withdrawals);
    let claimed = run(&damaged);
    assert_eq!(claimed.code, Some(3), "{}", claimed.stderr);
    assert_eq!(claimed.stdout.lines().count(), 14);
    let said = objects(&claimed.stderr);
    let error = &said[0]["error"];
    assert_eq!((&error["code"], &error["exitCode"]), (&"left-out".into(), &3.into()));
    assert!(error["message"].as_str().unwrap().contains("chain 12, batch 1154"), "{error}");
    let summary = said.last().unwrap();
    assert_eq!((&summary["claims"], &summary["leftOut"]), (&14.into(), &1.into()));

    // What is not found may be in what was left out.
    let hash = lost[0]["messageHash"].as_str().unwrap();
    let asked = damaged.into_iter().chain(["--message".to_owned(), hash.to_owned()]);
    let missing = run(asked);
    assert_eq!(missing.code, Some(5), "{}", missing.stderr);
    let error = objects(&missing.stderr).pop().unwrap()["error"]["message"].clone();
    assert!(error.as_str().unwrap().contains("was left out of the archive"), "{error}");
}

/// Nothing but the summaries and the exit code of `merge` shows that the shards lack a batch.
#[test]
fn shards_of_an_archive_without_a_batch_are_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    damaged_withdrawals(&folder.path().join("gateway"));
    let (gateway, shards) = (path("gateway"), [path("1.ndjson"), path("2.ndjson")]);
    for (number, shard) in (1..).zip(&shards) {
        let (of, summary) = (format!("{number}/2"), path("summary.json"));
        let flags = ["--all", "--shard", &of, "-o", shard, "--summary", &summary];
        let made = run([&["prove", "--archive", &gateway][..], &flags].concat());
        assert_eq!(made.code, Some(1), "{}", made.stderr);
        assert!(made.stderr.contains("left out           1 part"), "{}", made.stderr);
        let summary: Value = serde_json::from_slice(&fs::read(summary).unwrap()).unwrap();
        assert_eq!((&summary["leftOut"], &summary["skipped"]), (&1.into(), &0.into()));
    }
    let merged = run(["merge", "--json", &shards[0], &shards[1], "-o", &path("merged.ndjson")]);
    assert_eq!(merged.code, Some(1), "{}", merged.stderr);
    let summary = objects(&merged.stderr).pop().unwrap();
    assert_eq!((&summary["leftOut"], &summary["failures"]), (&1.into(), &serde_json::json!({})));
}

/// The state has the root of the batch, so the logs that do not lead to it are left out, and not the others.
#[test]
fn a_contradicting_line_takes_no_good_batch_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut good = json_lines("gateway-v29/logs.jsonl.gz");
    good.retain(|batch| batch["chainId"] == 324 && !batch["logs"].as_array().unwrap().is_empty());
    good.truncate(3);
    let count: usize = good.iter().map(|batch| batch["logs"].as_array().unwrap().len()).sum();
    let mut bad = good[2].clone();
    bad["logs"].as_array_mut().unwrap().pop();
    bad.as_object_mut()
        .unwrap()
        .retain(|name, _| name == "chainId" || name == "batchNumber" || name == "logs");
    fs::write(path("good.jsonl"), lines(good.clone())).unwrap();
    fs::write(path("bad.jsonl"), lines(vec![bad.clone()])).unwrap();
    good.push(bad);
    fs::write(path("mixed.jsonl"), lines(good)).unwrap();
    let state = fixture("gateway-v29/state.anvil.json");
    for messages in [vec![path("good.jsonl"), path("bad.jsonl")], vec![path("mixed.jsonl")]] {
        for target in ["latest", "batch-root"] {
            let args = ["prove", "--tree", state.to_str().unwrap(), "--all", "--target", target];
            let args = args.map(str::to_owned).into_iter().chain(["--messages".to_owned()]);
            let proven = run(args.chain(messages.clone()));
            assert_eq!(proven.code, Some(1), "{}", proven.stderr);
            let proofs = proven.stdout.lines().filter(|line| line.contains("\"proof\"")).count();
            assert_eq!(proofs, count, "{target}: {}", proven.stderr);
            assert!(proven.stderr.contains(" is incomplete"), "{}", proven.stderr);
        }
    }
}

/// L1 stores the root of a batch that was executed there, so no trees are needed to tell which logs are right.
#[test]
fn a_contradicting_line_takes_no_claim_away() {
    let case = Withdrawals::new("v31");
    let (logs, l1) = (case.path("logs.jsonl"), case.path("l1.json"));
    let claims = |messages: &[&str]| {
        let args = ["claims", "--anchor", &l1, "--anchor-bridgehub", BRIDGEHUB, "--l1-nullifier"];
        let messages = [&[NULLIFIER, "--messages"], messages].concat();
        run(args.into_iter().chain(messages))
    };
    let whole = claims(&[&logs]);
    assert!(whole.stdout.lines().count() > 1, "{}", whole.stderr);
    let mut line: Value = serde_json::from_slice(&fs::read(&logs).unwrap()).unwrap();
    line["logs"].as_array_mut().unwrap().pop();
    line["transactions"].as_array_mut().unwrap().pop();
    let other = case.path("other.jsonl");
    fs::write(&other, line.to_string()).unwrap();
    let both = claims(&[&logs, &other]);
    assert_eq!(both.code, Some(3), "{}", both.stderr);
    assert!(both.stderr.contains(" is incomplete"), "{}", both.stderr);
    assert_eq!(both.stdout, whole.stdout);
}

/// All parts are counted, and only the first ones are described.
#[test]
fn a_directory_is_published_without_damaged_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join("all").join(name) };
    fs::create_dir(folder.path().join("all")).unwrap();
    fs::copy(fixture("gateway-v29/state.anvil.json"), path("state.json")).unwrap();
    fs::copy(fixture("gateway-v29/gw_batches.jsonl"), path("sl.jsonl")).unwrap();
    fs::copy(fixture("gateway-v29/events.jsonl.gz"), path("events.jsonl.gz")).unwrap();
    let mut batches = json_lines("gateway-v29/logs.jsonl.gz");
    let large = batches.iter_mut().filter(|batch| batch["logs"].as_array().unwrap().len() > 1);
    for batch in large.take(25) {
        batch["logs"].as_array_mut().unwrap().pop();
        batch.as_object_mut().unwrap().remove("messages");
    }
    fs::write(path("logs.jsonl"), lines(batches)).unwrap();
    let all = folder.path().join("all");
    let (all, site) = (all.to_str().unwrap(), folder.path().join("site"));
    let published = run(["publish", "--archive", all, "-o", site.to_str().unwrap()]);
    assert_eq!(published.code, Some(1), "{}", published.stderr);
    assert_eq!(published.stderr.matches(" is incomplete").count(), 20, "{}", published.stderr);
    for words in ["and 5 more like these", "left out           25 parts"] {
        assert!(published.stderr.contains(words), "{words}: {}", published.stderr);
    }
    let again = run(["publish", "--json", "--archive", all, "-o", site.to_str().unwrap()]);
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert_eq!(objects(&again.stderr).pop().unwrap()["leftOut"], 25);
}
