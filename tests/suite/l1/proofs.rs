//! Proofs from L1 alone: the files of L1 give the same words as the contracts accepted.

use std::{collections::BTreeMap, fs};

use crate::support::{
    binary::run,
    fixture, l1_files,
    l1_proofs::{answers, compare, in_l1_form, interop},
};
use serde_json::{Value, json};

#[test]
fn all_proofs_of_rollups_are_those_of_the_contracts() {
    let folder = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(folder.path());
    for (expected, provable) in [(interop(), 804), (in_l1_form(), 440)] {
        let (_, answers) = answers(&archive, &expected, &[]);
        let (proofs, failures) = compare(&expected, &answers);
        assert_eq!(proofs, provable);
        // Validiums publish no logs on L1.
        let missing = expected.len() - provable;
        assert_eq!(failures, BTreeMap::from([("batch-not-archived".to_owned(), missing)]));
    }
    // With their logs from elsewhere, nothing is missing.
    fs::copy(fixture("gateway-v29/logs.jsonl.gz"), archive.join("logs.jsonl.gz")).unwrap();
    for (expected, all) in [(interop(), 1226), (in_l1_form(), 666)] {
        let (run, answers) = answers(&archive, &expected, &[]);
        assert_eq!(compare(&expected, &answers), (all, BTreeMap::new()), "{}", run.stderr);
    }
}

/// The trees at the end of each batch of the settlement layer are known. Which of its blocks executed a batch is
/// searched only where it matters.
#[test]
fn proofs_through_batches_of_the_settlement_layer_need_no_search() {
    let folder = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(folder.path());
    let (_, answers) = answers(&archive, &in_l1_form(), &["--search", "0"]);
    assert_eq!(compare(&in_l1_form(), &answers).0, 440);

    let all = |flags: &[&str]| {
        let mut args = vec!["prove", "--archive", archive.to_str().unwrap(), "--all", "-q"];
        args.extend(["--target", "sl-batch:first"]);
        args.extend_from_slice(flags);
        run(args).stdout
    };
    // An answer of a node names the block.
    let searched = all(&["--format", "rpc"]);
    let lines = searched.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let blocks: Vec<Value> = lines.map(|line| line["gatewayBlockNumber"].clone()).collect();
    assert!(blocks.len() > 1000 && blocks.iter().all(Value::is_u64), "{}", blocks.len());
    let records = |flags: &[&str]| all(flags).lines().filter(|l| l.contains("\"proof\"")).count();
    assert_eq!(records(&["--search", "0"]), blocks.len());
}

#[test]
fn without_blobs_the_error_names_the_first_batches_and_what_they_lack() {
    let folder = tempfile::tempdir().unwrap();
    l1_files::write_lines(folder.path(), "commits.jsonl", &l1_files::commits());
    let run = run(["rebuild", "-v", folder.path().to_str().unwrap()]);
    assert_eq!(run.code, Some(3));
    for part in [
        "of its 4 blobs, 4 are missing: blob 0 with the versioned hash 0x01591b8d",
        "the pubdata of the first SL batches, 1999 to 2000, are missing",
        "hint: add the missing commits and blobs, which slproof rebuild -v names",
        "the pubdata of SL batch 2028, committed by ",
    ] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn a_batch_that_l1_did_not_execute_is_no_target() {
    let folder = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(folder.path());
    let last = l1_files::sl_batches().pop().unwrap();
    assert_eq!(last["executedOnL1"], false);
    let mut line = in_l1_form().remove(0);
    line["target"] = json!({"slBatch": last["slBatch"], "root": last["chainBatchRoot"]});
    let (_, answers) = answers(&archive, &[line], &[]);
    assert_eq!(answers[0]["error"]["code"], "sl-batch-not-on-l1");
    // There is no state of L1 that would show more.
    let message = answers[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("no execution of SL batch 2029"), "{message}");
}

/// The file is of the same settlement layer with other logs of its own.
#[test]
fn a_file_of_batches_of_the_settlement_layer_that_contradicts_l1_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(folder.path());
    fs::copy(fixture("gateway-v29/gw_batches.jsonl"), archive.join("batches.jsonl")).unwrap();
    let given = ["--archive", archive.to_str().unwrap()];
    let first = &l1_files::sl_batches()[0];
    let run_with = run(["prove", "--all", "--target", "sl-batch:2028"].into_iter().chain(given));
    let text = run(["survey", given[1]]).stdout;
    assert_eq!((first["slBatch"].as_u64(), run_with.code), (Some(1999), Some(3)));
    for text in [run_with.stderr, text] {
        let root = first["localLogsRoot"].as_str().unwrap();
        for part in ["batches.jsonl, line 1: SL batch 1999 has the local logs root 0x", root] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// Anybody can send a transaction with any numbers.
#[test]
fn a_number_that_no_batch_can_have_is_an_error_or_of_another_chain() {
    let folder = tempfile::tempdir().unwrap();
    let archive = l1_files::whole(folder.path());
    // With receipts of the others, a commit without one does not count.
    fs::remove_file(archive.join("receipts.jsonl")).unwrap();
    let output = folder.path().join("trees");
    let rebuild = ["rebuild", archive.to_str().unwrap(), "-o", output.to_str().unwrap()];
    let input = |transaction: &Value| transaction["input"].as_str().unwrap().to_owned();
    let commit = l1_files::commits().into_iter().rfind(|one| l1_files::committed(one).is_some());
    let commit = commit.unwrap();
    let number = l1_files::committed(&commit).unwrap();
    let executions = l1_files::executions();
    let of = |word: u64| format!("{word:064x}");
    let is_single = |one: &&Value| input(one)[74..].starts_with(&[of(2028), of(2028)].concat());
    let execution = executions.iter().find(is_single).unwrap();
    for (transaction, number) in [(&commit, number), (execution, 2028)] {
        let mut transaction = l1_files::with_number(transaction, number, u64::MAX);
        l1_files::write_lines(&archive, "forged.jsonl", std::slice::from_ref(&transaction));
        let run_with = run(rebuild);
        assert_eq!(run_with.code, Some(3), "{}", run_with.stderr);
        assert!(run_with.stderr.contains("cannot be in one history"), "{}", run_with.stderr);
        if number == 2028 {
            let words = format!("forged.jsonl, line 1 (transaction {}", transaction["hash"]);
            assert!(run_with.stderr.contains(&words.replace('"', "")), "{}", run_with.stderr);
            assert!(run_with.stderr.contains(&u64::MAX.to_string()), "{}", run_with.stderr);
        }

        let other = input(&transaction).replace(&l1_files::DIAMOND[2..], &"11".repeat(20));
        transaction["input"] = other.into();
        l1_files::write_lines(&archive, "forged.jsonl", std::slice::from_ref(&transaction));
        let run_with = run(rebuild);
        assert_eq!(run_with.code, Some(0), "{}", run_with.stderr);
        fs::remove_file(&output).unwrap();
    }
}
