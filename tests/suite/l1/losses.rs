//! What each loss on L1 costs. What is left is word for word what the contracts accepted, and what is lost is named.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::support::{
    self,
    binary::{self, Run},
    blobs, l1_files,
    l1_proofs::{answers, compare, in_l1_form, interop},
    naive,
    withdrawals::BRIDGEHUB,
};
use serde_json::{Value, json};
use slproof::{
    Trees, TreesOptions,
    files::Input,
    ingest::l1::{Commits, DaInput, L1Reader},
    primitives::Hash,
};

/// A blob of a batch, of the settlement layer or of a chain that committed on L1.
#[derive(Clone)]
struct Blob {
    batch: u64,
    number: usize,
    versioned_hash: String,
    bytes: Vec<u8>,
}

/// The files of L1 that are left.
#[derive(Clone)]
struct Left {
    commits: Vec<Value>,
    executions: Vec<Value>,
    blobs: Vec<Blob>,
}

/// How many proofs come out, of those against roots of blocks and of those in the L1 form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proofs(usize, usize);

impl fmt::Display for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.0, self.1)
    }
}

const ALL: Proofs = Proofs(804, 440);

impl Left {
    /// Nothing is lost.
    fn all() -> Self {
        let mut reader = L1Reader::default();
        for name in ["commits", "executes", "receipts"] {
            let path = support::fixture(&format!("l1/{name}.jsonl.gz"));
            reader.read(Input::open(&path).unwrap()).unwrap();
        }
        let chains = reader.finish();
        let files = blobs::files();
        let made = files.iter().flat_map(|file| file.pubdata.iter().zip(&file.blobs));
        let made: BTreeMap<_, _> =
            made.map(|(pubdata, blob)| (naive::keccak(pubdata), blob.clone())).collect();
        let mut all = Vec::new();
        for committed in chains.chains().iter().flat_map(Commits::batches) {
            let DaInput::Blobs { blobs, .. } = &committed.data else { continue };
            all.extend(blobs.iter().enumerate().map(|(number, name)| Blob {
                batch: committed.batch.0,
                number,
                versioned_hash: name.versioned_hash.to_string(),
                bytes: made[&name.linear_hash].clone(),
            }));
        }
        Self { commits: l1_files::commits(), executions: l1_files::executions(), blobs: all }
    }

    fn without_commits(&self, lost: &[u64]) -> Self {
        let is_left = |commit: &&Value| {
            l1_files::committed(commit).is_none_or(|batch| !lost.contains(&batch))
        };
        let commits = self.commits.iter().filter(is_left).cloned().collect();
        Self { commits, ..self.clone() }
    }

    fn without_blob(&self, batch: u64, number: usize) -> Self {
        let is_lost = |blob: &&Blob| (blob.batch, blob.number) == (batch, number);
        assert_eq!(self.blobs.iter().filter(is_lost).count(), 1);
        let blobs = self.blobs.iter().filter(|blob| !is_lost(blob)).cloned().collect();
        Self { blobs, ..self.clone() }
    }

    fn write(&self, archive: &Path) {
        fs::create_dir_all(archive.join("blobs")).unwrap();
        l1_files::write_lines(archive, "commits.jsonl", &self.commits);
        l1_files::write_lines(archive, "executes.jsonl", &self.executions);
        let receipts = support::json_lines("l1/receipts.jsonl.gz");
        l1_files::write_lines(archive, "receipts.jsonl", &receipts);
        for Blob { versioned_hash, bytes, .. } in &self.blobs {
            fs::write(archive.join(format!("blobs/{versioned_hash}.blob")), bytes).unwrap();
        }
    }

    /// Asks for all proofs, and compares those that come out.
    fn prove(&self) -> (Proofs, Run, BTreeMap<String, usize>) {
        let folder = tempfile::tempdir().unwrap();
        let archive: PathBuf = folder.path().join("l1");
        self.write(&archive);
        let (by_block, in_l1_form) = (interop(), in_l1_form());
        let expected = [by_block.clone(), in_l1_form.clone()].concat();
        let (run, answers) = answers(&archive, &expected, &[]);
        if answers.is_empty() {
            return (Proofs(0, 0), run, BTreeMap::new());
        }
        let (by_block_answers, l1_answers) = answers.split_at(by_block.len());
        let (first, mut failures) = compare(&by_block, by_block_answers);
        let (second, others) = compare(&in_l1_form, l1_answers);
        others.into_iter().for_each(|(code, count)| *failures.entry(code).or_default() += count);
        (Proofs(first, second), run, failures)
    }
}

/// Of a batch with several blobs, one is lost. The trees go on if its state diffs are in the others; what these have of
/// its logs and messages is used.
#[test]
fn a_lost_blob_costs_what_is_in_it() {
    let all = Left::all();
    for (batch, number, expected) in
        [(2000, 0, Proofs(755, 413)), (2017, 1, Proofs(790, 432)), (2023, 1, Proofs(653, 372))]
    {
        let (proofs, run, failures) = all.without_blob(batch, number).prove();
        assert_eq!(proofs, expected, "blob {number} of {batch}: {failures:?}");
        let lost = all.blobs.iter().find(|blob| (blob.batch, blob.number) == (batch, number));
        let name = &lost.unwrap().versioned_hash;
        assert!(run.stderr.contains(name), "{}", run.stderr);
        // The state diffs are in the last blob.
        let what = if number == 0 { "blobs" } else { "the state diffs" };
        let named = format!("{what} of SL batch {batch} are missing on L1");
        assert!(run.stderr.contains(&named), "{}", run.stderr);
    }
}

/// State diffs beside a lost blob are found by their form, so they may be wrong: here the root of a batch of a chain has
/// another bit. The batch is then as good as lost.
#[test]
fn wrong_state_diffs_beside_a_lost_blob_cost_no_more_than_the_batch() {
    let mut left = Left::all().without_blob(2017, 0);
    let blob = left.blobs.iter_mut().find(|blob| blob.batch == 2017).unwrap();
    let files = blobs::files();
    let mut made = files.iter().flat_map(|file| file.blobs.iter().zip(&file.pubdata));
    let (_, pubdata) = made.find(|(bytes, _)| **bytes == blob.bytes).unwrap();
    let state = support::fixture("gateway-v29/state.anvil.json");
    let trees = Trees::open(&[state], &TreesOptions::default()).unwrap();
    let roots = trees.forest().unwrap().chains().iter().flat_map(|chain| chain.batch_roots());
    let find = |root: &Hash| pubdata.windows(32).rposition(|word| word == root.as_bytes());
    // Behind the messages are the state diffs.
    let last = roots.filter_map(find).max().unwrap();
    let mut changed = pubdata.clone();
    changed[last] ^= 1;
    blob.bytes = blobs::Encoder::new().blob(&changed);
    let [hash, other] = [pubdata, &changed].map(|bytes| naive::keccak(bytes).to_string());
    for commit in &mut left.commits {
        let input = commit["input"].as_str().unwrap();
        commit["input"] = input.replace(&hash[2..], &other[2..]).into();
    }
    let (proofs, run, failures) = left.prove();
    assert_eq!(proofs, Proofs(743, 407), "{failures:?}");
    assert!(run.stderr.contains("SL batch 2017 is missing on L1"), "{}", run.stderr);
}

/// Which blob is which is found by content. One with another byte is lost, and does no other harm.
#[test]
fn blobs_under_wrong_names_are_found_and_a_changed_one_is_lost() {
    let mut swapped = Left::all();
    swapped.blobs.rotate_left(1);
    let names = Left::all().blobs;
    for (blob, other) in swapped.blobs.iter_mut().zip(&names) {
        blob.versioned_hash.clone_from(&other.versioned_hash);
    }
    assert_eq!(swapped.prove().0, ALL);

    let mut changed = Left::all();
    let blob = changed.blobs.iter_mut().find(|blob| blob.batch == 2013).unwrap();
    *blob.bytes.last_mut().unwrap() ^= 1;
    let (proofs, run, failures) = changed.prove();
    assert_eq!(proofs, Proofs(708, 399));
    assert!(run.stderr.contains("SL batch 2013"), "{}", run.stderr);
    // The commits do not contradict the trees, which end before this batch.
    assert!(!failures.contains_key("sl-batch-does-not-fold"), "{failures:?}");
}

#[test]
fn a_lost_batch_of_the_settlement_layer_is_named_and_what_is_proven_without_it_is_right() {
    let all = Left::all();
    // The trees go on after the first one, and after 2005. 2012 registers a chain.
    for (lost, expected) in [
        (&[2015][..], Proofs(744, 407)),
        (&[2012], Proofs(637, 383)),
        (&[2005, 2016], Proofs(687, 389)),
        (&[2016, 2017, 2018], Proofs(545, 312)),
    ] {
        let (proofs, run, failures) = all.without_commits(lost).prove();
        assert_eq!(proofs, expected, "{lost:?}: {failures:?}");
        // A range is named by its ends.
        for batch in [lost[0], lost[lost.len() - 1]] {
            assert!(run.stderr.contains(&batch.to_string()), "{batch}: {}", run.stderr);
        }
    }
}

/// What a batch of the settlement layer relayed is not known without its pubdata, so each is a part that was left out. Two
/// that follow each other are two.
#[test]
fn what_is_lost_of_l1_is_counted_and_no_command_ends_as_if_all_were_there() {
    let all = Left::all();
    let mut changed = all.clone();
    let blob = changed.blobs.iter_mut().find(|blob| blob.batch == 2013).unwrap();
    *blob.bytes.last_mut().unwrap() ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let l1 = support::fixture("gateway-v29/l1.state.anvil.json");
    for (name, left, count) in [
        ("whole", all.clone(), 0),
        ("without-2019", all.without_commits(&[2019]), 1),
        ("without-two", all.without_commits(&[2004, 2005]), 2),
        ("changed", changed, 1),
    ] {
        let (archive, summary) = (folder.path().join(name), path("summary.json"));
        left.write(&archive);
        let archive = archive.to_str().unwrap();
        let prove = ["prove", "--archive", archive, "--all", "-q", "--summary", &summary, "-o"];
        let run = binary::run([&prove[..], &[&path("proofs.ndjson")]].concat());
        let read = |path: &str| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let found: Value = read(&summary);
        assert_eq!(found["leftOut"], count, "{name}: {}", run.stderr);
        if count > 0 {
            assert_eq!(run.code, Some(1), "{name}");
            assert!(run.stderr.contains("SL batch"), "{name}: {}", run.stderr);
        }

        let claims = ["claims", "--archive", archive, "--kind", "other", "--anchor"];
        let anchor = [l1.to_str().unwrap(), "--anchor-bridgehub", BRIDGEHUB];
        let rest = ["--l1-nullifier", BRIDGEHUB, "--summary", &summary, "-o"];
        let run = binary::run([&claims[..], &anchor, &rest, &[&path("claims.ndjson")]].concat());
        let found: Value = read(&summary);
        assert_eq!(found["leftOut"], count, "{name}: {}", run.stderr);
        let is_known = found["unknown"] == 0 && count == 0;
        assert_eq!(run.code, Some(if is_known { 0 } else { 3 }), "{name}: {}", run.stderr);
    }
}

/// Every loss, with a table of what it costs. It takes minutes.
#[test]
#[ignore = "it takes minutes; it prints the table of the documentation"]
fn every_loss_leaves_only_right_proofs() {
    let all = Left::all();
    let mut cases: Vec<(String, Left)> = vec![("nothing".into(), all.clone())];
    for number in 0..all.executions.len() {
        let mut left = all.clone();
        left.executions.remove(number);
        cases.push((format!("execution {number}"), left));
    }
    for Blob { batch, number, .. } in &all.blobs {
        cases.push((format!("blob {number} of {batch}"), all.without_blob(*batch, *number)));
    }
    for at in 0..all.blobs.len() {
        let mut left = all.clone();
        let middle = left.blobs[at].bytes.len() / 2;
        left.blobs[at].bytes[middle + 9] ^= 0x10;
        let Blob { batch, number, .. } = &all.blobs[at];
        cases.push((format!("a byte of blob {number} of {batch}"), left));
    }
    let batches: Vec<u64> = (1999..=2029).collect();
    for (count, apart) in [(1, 0), (2, 1), (3, 1), (2, 5), (3, 4)] {
        for first in &batches {
            let lost: Vec<u64> = (0..count).map(|at| first + at * apart).collect();
            if lost.last() <= batches.last() {
                cases.push((format!("commits {lost:?}"), all.without_commits(&lost)));
            }
        }
    }
    for (name, left) in cases {
        let (proofs, run, failures) = left.prove();
        println!("{name} | {proofs} | {failures:?}");
        if proofs == Proofs(0, 0) {
            let refused = run.stderr.lines().find(|line| line.starts_with("error"));
            println!("    {}", refused.unwrap_or_default());
        }
    }
}

/// The kind of a file is detected by its beginning. In a block of L1, others send their transactions before the chain's.
#[test]
fn a_commit_behind_the_transactions_of_others_is_found() {
    let [whole, split] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut commits = l1_files::commits();
    l1_files::write(whole.path(), &commits);
    let last = commits.iter().rposition(|commit| l1_files::committed(commit).is_some()).unwrap();
    let commit = commits.remove(last);
    l1_files::write(split.path(), &commits);
    let mut of_others = commit.clone();
    of_others["input"] = format!("0xa9059cbb{}", "00".repeat(1 << 20)).into();
    of_others["hash"] = format!("0x{}", "11".repeat(32)).into();
    let hash = format!("0x{}", "22".repeat(32));
    let block = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "number": commit["blockNumber"], "hash": hash, "parentHash": hash, "transactionsRoot": hash,
            "transactions": [of_others, commit],
        },
    });
    fs::write(split.path().join("block.json"), block.to_string()).unwrap();
    let [whole, split] = [whole, split].map(|dir| {
        let (path, tree) = (dir.path().to_str().unwrap(), dir.path().join("made.sltree"));
        let run = binary::run(["rebuild", path, "-o", tree.to_str().unwrap()]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        fs::read(tree).unwrap()
    });
    assert!(whole == split);
}
