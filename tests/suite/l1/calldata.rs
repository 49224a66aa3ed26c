use std::collections::BTreeMap;

use serde_json::Value;
use slproof::{
    ingest::l1::{BatchCall, ChainName, Commit, DaInput, Effect, UnknownDa},
    keccak::keccak256,
    primitives::{ChainId, Hash, SlBatch},
};

use crate::support::{json, json_lines, vectors::unhex};

pub(super) fn inputs(path: &str) -> Vec<Vec<u8>> {
    json_lines(path).iter().map(|line| unhex(&line["input"])).collect()
}

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn commit(calldata: &[u8]) -> Option<(ChainName, Commit<'_>)> {
    match BatchCall::decode(calldata)?.ok()? {
        BatchCall { chain, effect: Effect::Commit(commit) } => Some((chain, *commit)),
        _ => panic!("not a commit"),
    }
}

/// The facts about the batches of the settlement layer, by number.
fn expected(path: &str, list: &str) -> BTreeMap<u64, Value> {
    let expected = json(path);
    let batches = if list.is_empty() { &expected } else { &expected[list] };
    let by_number = |batch: &Value| (batch["slBatch"].as_u64().unwrap(), batch.clone());
    batches.as_array().unwrap().iter().map(by_number).collect()
}

fn assert_is_expected(commit: &Commit<'_>, expected: &BTreeMap<u64, Value>) {
    let number = commit.info.batch.0;
    let facts = &expected[&number];
    assert_eq!(commit.info.logs_root, hash(&facts["chainBatchRoot"]), "{number}");
    assert_eq!(commit.data.pubdata_hash(), Some(hash(&facts["pubdataHash"])), "{number}");
    let writes = commit.info.next_index - commit.previous.next_index;
    assert_eq!(Some(writes), facts["initialWrites"].as_u64(), "{number}");
    match &commit.data {
        DaInput::Calldata { pubdata, pubdata_hash } => {
            assert_eq!(facts["mode"], "calldata", "{number}");
            assert_eq!(Some(pubdata.len() as u64), facts["pubdataLen"].as_u64());
            assert_eq!(keccak256(pubdata), *pubdata_hash);
        }
        DaInput::Blobs { blobs, .. } => {
            assert_eq!(facts["mode"], "blobs", "{number}");
            let len = facts["pubdataLen"].as_u64().unwrap();
            assert_eq!(blobs.len() as u64, len.div_ceil(126_976), "{number}");
        }
        other => panic!("{number}: {other:?}"),
    }
    // The next batch has the hash that L1 stores of this one, and of the one before.
    if let Some(before) = expected.get(&(number - 1)) {
        assert_eq!(commit.previous.hash(), hash(&before["storedBatchHash"]), "{number}");
    }
}

#[test]
fn commits_have_the_roots_and_hashes_of_the_node() {
    let facts = expected("l1/expected.json.gz", "slBatches");
    let calldata = inputs("l1/commits.jsonl.gz");
    let layer: ChainName = ChainName::Diamond(
        json("l1/expected.json.gz")["l1Diamond"].as_str().unwrap().parse().unwrap(),
    );
    let commits: Vec<_> = calldata.iter().filter_map(|calldata| commit(calldata)).collect();
    let of_layer = || commits.iter().filter(|(chain, _)| *chain == layer);
    assert_eq!(of_layer().count(), 33, "31 batches, one of them twice, and one that failed");
    for number in facts.keys() {
        // The one that was reverted has another root.
        let (_, commit) = of_layer().rfind(|(_, commit)| commit.info.batch.0 == *number).unwrap();
        assert_is_expected(commit, &facts);
    }
    // A commit of another chain in the encoding of v28, which has no data.
    let other = BatchCall::decode(&calldata[1]).unwrap().unwrap_err();
    assert_eq!(other.batch, Some((ChainName::Id(ChainId(324)), SlBatch(5))));
}

#[test]
fn commits_of_v28_have_the_roots_and_hashes_of_the_node() {
    let facts = expected("l1/v28/expected.json.gz", "");
    let calldata = inputs("l1/v28/commits.jsonl.gz");
    assert_eq!(calldata.len(), facts.len());
    for calldata in &calldata {
        let (chain, commit) = commit(calldata).unwrap();
        assert_eq!((chain, commit.info.version), (ChainName::Id(ChainId(506)), 0));
        assert_is_expected(&commit, &facts);
    }
}

#[test]
fn versioned_hashes_are_those_of_the_transaction() {
    for line in json_lines("l1/commits.jsonl.gz") {
        let calldata = unhex(&line["input"]);
        let Some((_, Commit { data: DaInput::Blobs { blobs, .. }, .. })) = commit(&calldata) else {
            continue;
        };
        let of_transaction = line["blobVersionedHashes"].as_array().unwrap();
        assert!(blobs.iter().map(|blob| blob.versioned_hash).eq(of_transaction.iter().map(hash)));
        assert!(blobs.iter().all(|blob| !blob.is_prepublished));
    }
}

#[test]
fn executions_have_the_hashes_that_l1_stores() {
    for (path, facts) in [
        ("l1/executes.jsonl.gz", expected("l1/expected.json.gz", "slBatches")),
        ("l1/v28/executes.jsonl.gz", expected("l1/v28/expected.json.gz", "")),
    ] {
        let (mut executed, mut reverts) = (Vec::new(), Vec::new());
        for calldata in inputs(path) {
            match BatchCall::decode(&calldata).unwrap().unwrap().effect {
                Effect::Execute(batches) => executed.extend(batches),
                Effect::RevertAfter(batch) => reverts.push(batch),
                Effect::Commit(_) => panic!("{path}"),
            }
        }
        let numbers: Vec<_> = executed.iter().map(|batch| batch.batch.0).collect();
        let is_executed = |facts: &Value| facts["executedOnL1"] != false;
        let all = facts.iter().filter(|(_, facts)| is_executed(facts)).map(|(number, _)| *number);
        assert!(all.eq(numbers), "{path}");
        for batch in executed {
            assert_eq!(batch.hash(), hash(&facts[&batch.batch.0]["storedBatchHash"]), "{path}");
        }
        if path == "l1/executes.jsonl.gz" {
            assert_eq!(reverts, [SlBatch(2013)]);
        }
    }
}

/// Version 2 of the data (v33) has the same lists in one struct, to which an offset leads.
#[test]
fn executions_of_version_2_have_the_same_batches() {
    let executed = |calldata: &[u8]| match BatchCall::decode(calldata)?.ok()?.effect {
        Effect::Execute(batches) => Some(batches),
        _ => None,
    };
    let mut seen = 0;
    for calldata in inputs("l1/executes.jsonl.gz") {
        let Some(batches) = executed(&calldata) else { continue };
        // The selector, four arguments, and the length of the data.
        let at = 4 + 32 * 4;
        let len = u64::from_be_bytes(calldata[at + 24..at + 32].try_into().unwrap()) as usize;
        let data = &calldata[at + 32..at + 32 + len];
        assert_eq!(data[0], 1);
        let word = |number: usize| [&[0; 24][..], &(number as u64).to_be_bytes()].concat();
        let since_v33 = [&[2][..], &word(32), &data[1..]].concat();
        let padding = vec![0; since_v33.len().next_multiple_of(32) - since_v33.len()];
        let made = [&calldata[..at], &word(since_v33.len()), &since_v33[..], &padding[..]].concat();
        assert_eq!(executed(&made), Some(batches));
        let unknown = [&calldata[..at + 32], &[3][..], &calldata[at + 33..]].concat();
        assert_eq!(executed(&unknown), None);
        seen += 1;
    }
    assert!(seen > 0);
}

/// Every byte matters, is passed over by the contract too, or is found: no change panics, and no change alters the
/// root of the batch, or the pubdata, without a trace.
#[test]
fn every_changed_byte_is_refused_or_changes_what_the_commit_says() {
    let all = inputs("l1/commits.jsonl.gz");
    let mut calldata = all[3].clone();
    let (_, original) = commit(&all[3]).unwrap();
    let DaInput::Blobs { .. } = original.data else { panic!("has blobs") };
    let (mut refused, mut unknown, mut changed, mut equal) = (0, 0, 0, 0);
    for at in 0..calldata.len() {
        for bit in [1, 0x80] {
            calldata[at] ^= bit;
            match BatchCall::decode(&calldata) {
                None | Some(Err(_)) => refused += 1,
                Some(Ok(BatchCall { effect: Effect::Commit(found), .. })) => match found.data {
                    DaInput::Other { reason: UnknownDa::Hash } => unknown += 1,
                    _ if *found == original => equal += 1,
                    _ => changed += 1,
                },
                Some(Ok(_)) => panic!("became another call at byte {at}"),
            }
            calldata[at] ^= bit;
        }
    }
    assert!(refused > 400 && unknown > 300 && changed > 100, "{refused} {unknown} {changed}");
    // Values that are not used, such as the proofs of the blobs, and padding.
    assert!(equal > 0, "{equal}");
}

#[test]
fn every_cut_is_an_error_with_its_place() {
    let all = inputs("l1/commits.jsonl.gz");
    let calldata = &all[2];
    for len in 4..calldata.len() - 64 {
        let error = match BatchCall::decode(&calldata[..len]) {
            Some(Err(damaged)) => damaged.error,
            other => panic!("{len}: {other:?}"),
        };
        assert!(error.offset <= calldata.len(), "{error}");
        assert!(error.to_string().contains(&format!("{len} bytes")), "{len}: {error}");
    }
}

#[test]
fn calls_are_found_in_the_arguments_of_other_calls() {
    for path in ["l1/commits.jsonl.gz", "l1/executes.jsonl.gz", "l1/v28/commits.jsonl.gz"] {
        for calldata in inputs(path) {
            let Some(Ok(call)) = BatchCall::decode(&calldata) else { continue };
            // As an argument of `execute(address,uint256,bytes)`, not aligned with the words.
            let wrapped = [&[0x12, 0x34, 0x56, 0x78][..], &[0; 96], &calldata, &[0; 28]].concat();
            assert!(BatchCall::decode(&wrapped).is_none());
            assert_eq!(BatchCall::nested(&wrapped).collect::<Vec<_>>(), [call]);
        }
    }
}
