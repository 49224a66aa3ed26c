//! Trees from the batches of a settlement layer on L1.

use std::{collections::BTreeMap, path::Path};

use crate::support::{self, fixture};
use slproof::{
    files::Access,
    forest::{
        HistoryError, L1Error, L1Gap, RebuildError, RebuildOptions, RebuiltFromL1, TreeFile,
        rebuild, rebuild_from_l1, rebuild_l1_to_file,
    },
    ingest::{
        l1::{LayerRecord, LayerRecorder, PublishedBatch},
        state::read_state,
    },
    message::BatchLogs,
    primitives::{BatchNumber, ChainId, Hash, SlBatch, Word},
    proof::CheckedBy,
};

/// A batch of the settlement layer of the fixtures.
struct SlBatchOfFixture {
    batch: SlBatch,
    root: Hash,
    logs: BatchLogs,
    first_values: Vec<(Hash, Word)>,
}

/// The batches of the fixture with its own logs, and with the first values that the snapshot has of each.
fn batches() -> Vec<SlBatchOfFixture> {
    let snapshot = read_state(&fixture("gateway-v29/era-snapshot/final-v1"), None).unwrap().state;
    let mut first_values = BTreeMap::<SlBatch, Vec<_>>::new();
    for (at, entry) in snapshot.entries().iter().enumerate() {
        let batch = snapshot.first_write_at(at).unwrap().batch;
        first_values.entry(batch).or_default().push((entry.key, entry.value));
    }
    let path = std::env::var("L1_BATCHES").unwrap_or_default();
    let text = if path.is_empty() {
        String::from_utf8(support::read("gateway-v29/gw_batches.jsonl")).unwrap()
    } else {
        std::fs::read_to_string(Path::new(&path)).unwrap()
    };
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let batches = lines.map(|line| {
        let batch = SlBatch(line["gwBatch"].as_u64().unwrap());
        let logs = serde_json::from_value(line["logs"].clone()).unwrap();
        let messages = line["messages"].as_array().cloned().unwrap_or_default();
        let messages = messages.iter().map(support::vectors::unhex).collect();
        let logs =
            BatchLogs::new(ChainId(506), BatchNumber(batch.0), logs, messages, None).unwrap();
        let root = line["chainBatchRoot"].as_str().unwrap().parse().unwrap();
        let first_values = first_values.remove(&batch).unwrap_or_default();
        SlBatchOfFixture { batch, root, logs, first_values }
    });
    let batches = batches.collect();
    println!("left {:?}", first_values.keys().collect::<Vec<_>>());
    batches
}

fn record(batches: &[SlBatchOfFixture], is_there: impl Fn(SlBatch) -> bool) -> LayerRecord {
    let mut recorder = LayerRecorder::new(None).unwrap();
    let mut first_index = 1;
    for one in batches {
        if !is_there(one.batch) {
            recorder.missing(one.batch, Some(one.root), Some(true)).unwrap();
            continue;
        }
        let published = PublishedBatch {
            batch: one.batch,
            root: one.root,
            executed: Some(true),
            logs: one.logs.view(),
            first_index,
            first_values: &one.first_values,
        };
        recorder.add(&published).unwrap();
        first_index += one.first_values.len() as u64;
    }
    recorder.finish().unwrap()
}

#[test]
fn batches_on_l1_give_the_trees_of_the_state_and_every_root() {
    let state = read_state(&fixture("gateway-v29/state.anvil.json"), None).unwrap().state;
    let expected = rebuild(&state, &RebuildOptions::default()).unwrap();
    let record = record(&batches(), |_| true);
    let options = RebuildOptions::default();
    let RebuiltFromL1 { forest, timeline, gaps } =
        rebuild_from_l1(&record, &options, None).unwrap();
    assert_eq!(gaps, []);
    assert_eq!(forest.checked_by(), CheckedBy::L1);
    assert_eq!(forest.root(), expected.root());
    assert_eq!(forest.latest(), expected.latest());
    for (tree, expected) in forest.chains().iter().zip(expected.chains()) {
        assert_eq!(tree.chain(), expected.chain());
        assert_eq!(tree.batches(), expected.batches());
        assert_eq!(tree.batch_roots(), expected.batch_roots());
    }
    let roots = support::json("gateway-v29/roots.json");
    assert_eq!(timeline.history().len(), roots["historicalRoot"].as_object().unwrap().len());
    assert_eq!(timeline.history().unexplained().count(), 0);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l1.sltree");
    assert_eq!(rebuild_l1_to_file(&record, &options, None, &path).unwrap(), []);
    let file = TreeFile::open(&path, Access::Map).unwrap();
    assert_eq!(file.forest().checked_by(), CheckedBy::L1);
    assert_eq!(file.forest().root(), forest.root());
}

#[test]
fn each_missing() {
    let batches = batches();
    let options = RebuildOptions::default();
    for lost in &batches {
        let record = record(&batches, |batch| batch != lost.batch);
        match rebuild_from_l1(&record, &options, None) {
            Ok(found) => println!(
                "{} {:?} batches {} roots {} unexplained {}",
                lost.batch,
                found.gaps,
                found.forest.batch_count(),
                found.timeline.history().len(),
                found.timeline.history().unexplained().count()
            ),
            Err(error) => println!("{} {error}", lost.batch),
        }
    }
}
