//! The pubdata of the batches, against what the node's code wrote.

use std::path::PathBuf;

use serde_json::Value;
use slproof::{
    files::{Input, ReadProgressHandle, Scratch},
    ingest::{
        l1::{
            Commits, DaInput, L1Batch, L1Batches, L1Chains, L1Reader, LostPubdata, LostReason,
            blobs::Blobs, linear_hashes, pubdata_bytes,
        },
        logs::{Change, EraPubdata},
    },
    keccak::keccak256,
    message::BatchLogs,
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    state::keys::era_key,
};

use crate::support::{self, blobs};

/// The test data of zksync-era for a batch with 149 state diffs: the slots, their values before and after, and the
/// bytes that the node published.
#[test]
fn the_state_diffs_of_the_node_are_read() {
    let example = support::json("l1/state_diffs.json.zst");
    let diffs = const_hex::decode(example["compressed"].as_str().unwrap()).unwrap();
    assert_eq!(diffs.len(), 7006);
    // No logs, messages and bytecodes are before them, and a part of a blob behind them.
    let pubdata = [&[0; 12][..], &diffs, &[0; 100]].concat();
    let (read, len) = EraPubdata::read(&pubdata).unwrap();
    assert_eq!((len, read.logs.len(), read.messages.view().len()), (12 + 7006, 0, 0));
    let (mut initial, mut repeated) = (read.diffs.initial.iter(), read.diffs.repeated.iter());
    for slot in example["stateDiffs"].as_array().unwrap() {
        let word = |name: &str| -> Word { Word::from_hex(slot[name].as_str().unwrap()).unwrap() };
        let [before, after] = ["initial_value", "final_value"].map(word);
        match slot["enumeration_index"].as_u64().unwrap() {
            0 => {
                let key: Hash =
                    era_key(slot["address"].as_str().unwrap().parse().unwrap(), word("key"));
                assert_eq!(initial.next(), Some(&(key, after)));
            }
            index => {
                let (read, change) = repeated.next().unwrap();
                assert_eq!((*read, change.value(Some(before))), (index, Some(after)));
                assert_eq!(change.value(None).is_some(), matches!(change, Change::Set(_)));
            }
        }
    }
    assert_eq!((initial.next(), repeated.next()), (None, None));
}

/// The commits of the settlement layer in the fixtures.
fn layer() -> L1Chains {
    let mut reader = L1Reader::default();
    for name in ["commits", "executes", "receipts"] {
        let path = support::fixture(&format!("l1/{name}.jsonl.gz"));
        reader.read(Input::open(&path).unwrap()).unwrap();
    }
    reader.finish()
}

fn commits<'l>(layer: &'l L1Chains, expected: &Value) -> &'l Commits {
    let diamond: Address = expected["l1Diamond"].as_str().unwrap().parse().unwrap();
    layer.of_diamond(diamond).unwrap()
}

fn read_blobs(paths: &[PathBuf], commits: &Commits) -> Blobs {
    let wanted = linear_hashes(commits.batches());
    let scratch = Scratch::temporary().unwrap();
    Blobs::read(paths, &wanted, scratch, &ReadProgressHandle::default()).unwrap()
}

/// Every batch, from calldata or blobs, has the local root, the pubdata and the number of initial writes that the
/// node's code computed; and the same for any number of threads.
#[test]
fn every_batch_has_the_pubdata_of_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, expected) = (blobs::write(folder.path()), support::json("l1/expected.json.gz"));
    let layer = layer();
    let commits = commits(&layer, &expected);
    let blobs = read_blobs(&paths, commits);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let batches: Vec<_> = pool.install(|| L1Batches::new(commits, &blobs).collect());
        let mut numbers = expected["slBatches"].as_array().unwrap().iter();
        assert_eq!(batches.len(), 31);
        for batch in batches {
            let L1Batch { committed, pubdata } = batch.unwrap();
            let pubdata = pubdata.unwrap();
            let expected = numbers.next().unwrap();
            let number = |name: &str| expected[name].as_u64().unwrap();
            assert_eq!(committed.batch.0, number("slBatch"));
            assert_eq!(pubdata.diffs.initial.len() as u64, number("initialWrites"));
            let bytes = pubdata_bytes(commits, &blobs, committed).unwrap().unwrap();
            let hash = keccak256(&bytes[..number("pubdataLen") as usize]);
            assert_eq!(hash.to_string(), expected["pubdataHash"].as_str().unwrap());
            let chain = ChainId(506);
            let batch = BatchNumber(committed.batch.0);
            let logs = BatchLogs::new(chain, batch, pubdata.logs, pubdata.messages, None).unwrap();
            let root = logs.view().tree().root().to_string();
            assert_eq!(root, expected["localLogsRoot"].as_str().unwrap(), "{batch}");
        }
    }
}

/// Each blob is left out in turn. Its batch is lost, and names it; the others are not. The blobs of a commit that was
/// reverted, and of another chain's own commit, are not needed.
#[test]
fn a_lost_blob_costs_its_batch_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, expected) = (blobs::write(folder.path()), support::json("l1/expected.json.gz"));
    let layer = layer();
    let commits = commits(&layer, &expected);
    let is_needed = |name: &str| {
        commits.batches().iter().any(|committed| match &committed.data {
            DaInput::Blobs { blobs, .. } => {
                blobs.iter().any(|blob| blob.versioned_hash.to_string() == name)
            }
            _ => false,
        })
    };
    let raw = || paths.iter().filter(|path| path.extension().is_some_and(|end| end == "blob"));
    let not_needed = raw().filter(|path| !is_needed(path.file_stem().unwrap().to_str().unwrap()));
    assert_eq!((raw().count(), not_needed.count()), (13, 2));
    for path in raw() {
        let others: Vec<_> = paths.iter().filter(|other| *other != path).cloned().collect();
        let blobs = read_blobs(&others, commits);
        let lost: Vec<_> = L1Batches::new(commits, &blobs)
            .filter_map(|batch| batch.unwrap().pubdata.err())
            .collect();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !is_needed(name) {
            assert!(lost.is_empty(), "{path:?}: {lost:?}");
            continue;
        }
        let [LostPubdata { batch, source: LostReason::Blobs { of, blobs }, .. }] = &lost[..] else {
            panic!("{path:?}: {lost:?}");
        };
        let versioned: Vec<_> =
            blobs.iter().map(|blob| blob.name.versioned_hash.to_string()).collect();
        assert_eq!(versioned, [name]);
        let committed = commits.batch(*batch).unwrap();
        let DaInput::Blobs { blobs: all, .. } = &committed.data else { panic!("{committed:?}") };
        assert_eq!((*of, all[blobs[0].number]), (all.len(), blobs[0].name));
    }
}
