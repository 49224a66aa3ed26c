//! Snapshots of zksync-era nodes: both versions, any order, zeros, missing and wrong records.

use std::fs;

use super::import::{content, import, read};
use crate::support::{self, era};
use flate2::{Compression, write::GzEncoder};
use slproof::{
    files::Access,
    forest::{RebuildOptions, rebuild},
    ingest::state::{Format, Note},
    primitives::{Address, SlBatch, SlBlock, Word},
    snapshot::{Enumeration, Snapshot},
    state::StorageReader,
};

#[test]
fn era_snapshots_of_both_versions_give_the_same_snapshot_and_the_contracts_roots() {
    let roots = support::json("gateway-v29/roots.json");
    let by_folder = [0, 1].map(|version| read(&era::fixture(version)));
    let header = read(&era::fixture(1).join("snapshots_getSnapshot.json"));
    let without_header = read(era::folder(&era::chunks(0)).path());
    let expected = content(&by_folder[0].state);
    assert_eq!(expected.0.len(), 3, "entries and both columns");
    for dump in by_folder.iter().chain([&header]) {
        assert_eq!(dump.format, Format::EraSnapshot);
        assert!(content(&dump.state) == expected);
        assert_eq!(dump.state.header().source.batch, Some(SlBatch(2028)));
        assert_eq!(dump.state.block(), Some(SlBlock(245)));
        assert_eq!(dump.state.header().sl_chain.map(|chain| chain.0), Some(506));
        let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
        assert_eq!(forest.root().to_string(), roots["aggregatedRoot"].as_str().unwrap());
        dump.state.check().unwrap();
    }
    assert_eq!(without_header.state.block(), None);
    assert!(content(&without_header.state) == expected);
}

#[test]
fn first_writes_are_kept_for_every_slot() {
    let state = read(&era::fixture(1)).state;
    let mut seen = 0;
    for log in era::chunks(0).into_iter().flatten() {
        let (account, slot) = log.plain.unwrap();
        let (account, slot) = (Address::new(account), Word::new(slot));
        assert_eq!(state.read(account, slot), Ok(Word::new(log.value)));
        let first = state.first_write(account, slot).map(|f| (f.batch.0, f.index));
        let is_zero = log.value == [0; 32];
        assert_eq!(first, (!is_zero).then_some((log.batch, log.index)));
        seen += u64::from(!is_zero);
    }
    assert_eq!(state.header().entries, seen);
}

#[test]
fn the_order_of_chunks_and_records_does_not_matter() {
    let expected = content(&read(era::folder(&era::chunks(1)).path()).state);
    let mut backwards = era::chunks(1);
    backwards.reverse();
    let mut shuffled: Vec<era::Log> = era::chunks(1).into_iter().flatten().collect();
    shuffled.sort_by_key(|log| log.index);
    let in_order_of_index: Vec<_> = shuffled.chunks(1000).map(<[_]>::to_vec).collect();
    for chunks in [backwards, in_order_of_index] {
        let folder = era::folder(&chunks);
        assert!(content(&read(folder.path()).state) == expected);
        let target = folder.path().join("out.slsnap");
        import().to_file(&[folder.path().to_owned()], &target).unwrap();
        assert!(content(&Snapshot::open(&target, Access::Map).unwrap()) == expected);
    }
}

#[test]
fn reversed_keys_are_detected_and_reversed() {
    let expected = content(&read(&era::fixture(1)).state);
    let mut chunks = era::chunks(1);
    for log in chunks.iter_mut().flatten() {
        log.hashed.as_mut().unwrap().reverse();
    }
    let dump = read(era::folder(&chunks).path());
    assert!(dump.notes.contains(&Note::ReversedKeys), "{:?}", dump.notes);
    assert!(Note::ReversedKeys.to_string().contains("have their bytes reversed"));
    assert!(content(&dump.state).0 == expected.0);
}

#[test]
fn missing_enumeration_indexes_are_reported() {
    let mut logs: Vec<era::Log> = era::chunks(1).remove(0);
    for (log, index) in logs.iter_mut().zip(1..) {
        log.index = index;
    }
    let last = logs.len() as u64;
    let whole = read(era::folder(&[logs.clone()]).path());
    assert_eq!(whole.notes, []);
    let enumeration = |missing| Some(Enumeration { last, missing });
    assert_eq!(whole.state.header().enumeration, enumeration(0));
    logs.remove(4);
    let dump = read(era::folder(&[logs]).path());
    assert_eq!(dump.notes, [Note::MissingIndexes { missing: 1, first: 5 }]);
    assert!(dump.notes[0].to_string().contains("1 enumeration indexes"), "{}", dump.notes[0]);
    assert_eq!(dump.state.header().enumeration, enumeration(1));
}

/// More zero values in a row than are collected before the other slots are passed on. A key is compared with the others
/// also if its value is zero.
#[test]
fn zero_values_give_the_snapshot_without_them() {
    const COUNT: u64 = 90_000;
    let log = |at: u64| {
        let (mut key, mut value) = ([0; 32], [0; 32]);
        key[..8].copy_from_slice(&at.to_be_bytes());
        value[31] = u8::from(at < 20_000 || at == COUNT - 1);
        era::Log { plain: None, hashed: Some(key), value, batch: 1, index: at + 1 }
    };
    let all: Vec<era::Log> = (0..COUNT).map(log).collect();
    let kept: Vec<_> = all.iter().filter(|log| log.value != [0; 32]).cloned().collect();
    let dump = read(era::folder(std::slice::from_ref(&all)).path());
    assert_eq!(dump.notes, []);
    assert!(content(&dump.state).0 == content(&read(era::folder(&[kept]).path()).state).0);
    let mut again = all;
    again[50_000].hashed = again[5].hashed;
    let error = import().read(era::folder(&[again]).path()).unwrap_err().to_string();
    assert!(error.contains("two values"), "{error}");
}

/// A chunk has a million records, so the error names the position of the wrong record.
#[test]
fn a_record_with_a_wrong_index_is_named_wherever_it_stands() {
    const COUNT: usize = 50_000;
    let log = |i: usize| {
        let (mut key, mut value) = ([0; 32], [0; 32]);
        key[..8].copy_from_slice(&(i as u64).to_be_bytes());
        // Every third value is zero and therefore not in the snapshot.
        value[31] = (i % 3) as u8;
        era::Log { plain: None, hashed: Some(key), value, batch: 1, index: i as u64 + 1 }
    };
    let good: Vec<era::Log> = (0..COUNT).map(log).collect();
    for backwards in [false, true] {
        for at in [0, 1, 2, 3, 1 << 14, (1 << 14) + 1, 40_002, COUNT - 1] {
            for index in [0, good[7].index, u64::MAX] {
                let mut logs = good.clone();
                logs[at].index = index;
                if backwards {
                    logs.reverse();
                }
                let error =
                    import().read(era::folder(&[logs.clone()]).path()).unwrap_err().to_string();
                // Either of the two slots with the same index.
                let mut wrong = (1..).zip(&logs).filter(|(_, log)| log.index == index);
                let named =
                    |record| error.contains(&format!("part_0000.proto.gzip, record {record}: "));
                assert!(wrong.any(|(record, _): (u64, _)| named(record)), "{at}, {index}: {error}");
            }
        }
    }
}

#[test]
fn incomplete_mixed_and_damaged_era_snapshots_are_refused() {
    let refused = |chunks: &[Vec<era::Log>]| {
        let folder = era::folder(chunks);
        import().read(folder.path()).unwrap_err().to_string()
    };
    let good = era::chunks(1);
    let mut versions = good.clone();
    versions[2] = era::chunks(0).remove(2);
    assert!(refused(&versions).contains("mixed"));
    // The chunk that is named does not depend on which is read first: the first one takes longest to inflate.
    let folder = era::folder(&versions);
    let slow = folder.path().join(era::name(era::BATCH, 0));
    let empty = GzEncoder::new(Vec::new(), Compression::fast()).finish().unwrap();
    fs::write(&slow, [empty.repeat(200_000), fs::read(&slow).unwrap()].concat()).unwrap();
    let error = import().read(folder.path()).unwrap_err().to_string();
    let named = error.split_once("by ").unwrap();
    assert!(named.0.contains("part_0002") && named.1.contains("part_0000"), "{error}");
    let mut twice = good.clone();
    twice[3][0].index = twice[0][0].index;
    assert!(refused(&twice).contains("second slot with the enumeration index"));
    let mut later = good.clone();
    later[1][5].batch = 2029;
    // Without a header, the batch number is taken from the names of the chunks.
    assert!(refused(&later).contains("after batch 2028"));
    let mut same_key = good.clone();
    same_key[1][0].hashed = same_key[1][1].hashed;
    assert!(refused(&same_key).contains("two values"));
    let mut zero = good.clone();
    zero[0][0].index = 0;
    assert!(refused(&zero).contains("record 1: a slot with the enumeration index 0"));

    let folder = era::folder(&good);
    fs::remove_file(folder.path().join(era::name(era::BATCH, 1))).unwrap();
    let error = import().read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("chunk 1 is missing"), "{error}");
    let header = era::fixture(1).join("snapshots_getSnapshot.json");
    fs::copy(header, folder.path().join("header.json")).unwrap();
    let error = import().read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("part_0001"), "{error}");
    // A header of version 0 with chunks of version 1.
    let header = era::fixture(0).join("snapshots_getSnapshot.json");
    fs::copy(header, folder.path().join("header.json")).unwrap();
    era::write_chunk(folder.path(), 1, &era::encode(&good[1]));
    assert!(import().read(folder.path()).unwrap_err().to_string().contains("header"));

    let chunk = era::encode(&good[0]);
    let folder = era::folder(&good);
    for cut in [1, 2, 40, chunk.len() / 2, chunk.len() - 1] {
        era::write_chunk(folder.path(), 0, &chunk[..cut]);
        let error = import().read(folder.path()).unwrap_err();
        assert!(error.to_string().contains("part_0000"), "{error}");
        assert!(!error.is_io());
    }
    let path = folder.path().join(era::name(era::BATCH, 0));
    let gzip = fs::read(folder.path().join(era::name(era::BATCH, 3))).unwrap();
    fs::write(&path, &gzip[..gzip.len() / 2]).unwrap();
    assert!(!import().read(folder.path()).unwrap_err().is_io());
}
