use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    collector::{Head, Sources, payload},
    merger::Merger,
    *,
};
use crate::{
    archive::ArchiveError,
    files::{Access, Container, ContainerWriter, Kind, SectionName, Spill},
    message::{BatchLogs, BatchPart, BatchView, L2ToL1Log, MessageList},
    primitives::{Address, BatchNumber, ChainId, Hash},
};

/// A batch with few different logs, so that messages and transactions repeat.
fn batch() -> impl Strategy<Value = BatchLogs> {
    let content = (0..3u8, prop::collection::vec(0..3u8, 0..4));
    (
        0..4u64,
        0..6u64,
        prop::collection::vec(content, 0..8),
        any::<bool>(),
        prop::option::of(0..3u8),
        prop::option::of(0..3u8),
    )
        .prop_map(|(chain, number, contents, with_messages, transactions, root)| {
            let logs: Vec<_> = contents.iter().map(|(kind, message)| log(*kind, message)).collect();
            let messages: MessageList = contents
                .iter()
                .filter(|(kind, _)| *kind != 0 && with_messages)
                .map(|(_, message)| message)
                .collect();
            let hashes =
                (0..logs.len() as u8).map(|i| Hash::new([transactions.unwrap_or(0) + i / 2; 32]));
            let hashes = if transactions.is_some() { hashes.collect() } else { vec![] };
            let root = root.map(|byte| Hash::new([byte; 32]));
            BatchLogs::new(ChainId(chain), BatchNumber(number), logs, messages, root)
                .and_then(|logs| logs.with_transactions(hashes))
                .unwrap()
        })
}

fn log(kind: u8, message: &[u8]) -> L2ToL1Log {
    match kind {
        0 => L2ToL1Log::new([message.len() as u8; 88]),
        sender => L2ToL1Log::of_message(7, Address::system(sender.into()), message),
    }
}

/// The first batch of every number, so that no two contradict each other.
fn unique(batches: Vec<BatchLogs>) -> BTreeMap<(ChainId, BatchNumber), BatchLogs> {
    let mut map = BTreeMap::new();
    for batch in batches {
        map.entry((batch.view().chain(), batch.view().batch())).or_insert(batch);
    }
    map
}

fn in_memory_of<'b>(
    batches: impl IntoIterator<Item = &'b BatchLogs>,
) -> Result<Archive, ArchiveError> {
    let mut collector = Collector::new(&Spill::Memory, 1 << 20);
    let source = collector.source("test");
    for (batch, line) in batches.into_iter().zip(1..) {
        collector.add(batch.view(), Origin { source, place: Place::Line(line) })?;
    }
    in_memory(collector, "test")
}

fn views(archive: &Archive) -> Vec<BatchView<'_>> {
    archive.batches().map(Result::unwrap).collect()
}

/// The logs with a hash, found by a linear search.
fn naive<'a>(
    archive: &'a Archive,
    hash_of: impl Fn(&BatchView<'a>, usize) -> Option<Hash>,
) -> BTreeMap<Hash, Vec<(ChainId, BatchNumber, u64)>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for batch in views(archive) {
        for index in 0..batch.logs().len() {
            if let Some(hash) = hash_of(&batch, index) {
                found.entry(hash).or_default().push((batch.chain(), batch.batch(), index as u64));
            }
        }
    }
    found
}

fn places<'a>(
    found: impl Iterator<Item = Result<LogAt<'a>, ArchiveError>>,
) -> Vec<(ChainId, BatchNumber, u64)> {
    found.map(Result::unwrap).map(|at| (at.batch.chain(), at.batch.batch(), at.index)).collect()
}

proptest! {
    #[test]
    fn written_batches_are_read_back_and_found(batches in prop::collection::vec(batch(), 0..20)) {
        let batches = unique(batches);
        let archive = in_memory_of(batches.values().rev()).unwrap();
        archive.check().unwrap();
        let expected: Vec<_> = batches.values().map(BatchLogs::view).collect();
        prop_assert_eq!(views(&archive), expected);

        for chain in 0..5 {
            for number in 0..7 {
                let key = (ChainId(chain), BatchNumber(number));
                let found = archive.batch(key.0, key.1).unwrap();
                prop_assert_eq!(found, batches.get(&key).map(BatchLogs::view));
            }
            let of_chain = (ChainId(chain), BatchNumber(1))..(ChainId(chain), BatchNumber(5));
            let got: Vec<_> = archive.batches_in(of_chain.clone()).map(Result::unwrap).collect();
            let expected: Vec<_> = batches.range(of_chain).map(|(_, logs)| logs.view()).collect();
            prop_assert_eq!(got, expected);
        }
        let messages = naive(&archive, |batch, index| {
            let log = batch.logs()[index];
            log.is_message().then(|| log.value())
        });
        for (hash, expected) in &messages {
            prop_assert_eq!(&places(archive.find_message(*hash)), expected);
        }
        let transactions =
            naive(&archive, |batch, index| batch.transactions().get(index).copied());
        for (hash, expected) in &transactions {
            prop_assert_eq!(&places(archive.find_transaction(*hash)), expected);
        }
        for other in [Hash::ZERO, Hash::new([0xff; 32]), Hash::new([9; 32])] {
            prop_assert_eq!(archive.find_message(other).count(), 0);
            let expected = transactions.get(&other).map_or(0, Vec::len);
            prop_assert_eq!(archive.find_transaction(other).count(), expected);
        }
        let counted: Vec<_> = archive.chains().unwrap().iter().map(|c| (c.chain, c.batches, c.logs, c.messages)).collect();
        let mut expected: BTreeMap<ChainId, (u64, u64, u64)> = BTreeMap::new();
        for batch in views(&archive) {
            let chain = expected.entry(batch.chain()).or_default();
            chain.0 += 1;
            chain.1 += batch.logs().len() as u64;
            chain.2 += batch.messages().len() as u64;
        }
        let expected: Vec<_> = expected.into_iter().map(|(c, (b, l, m))| (c, b, l, m)).collect();
        prop_assert_eq!(counted, expected);
    }

    /// Sorting on disk, and any order of the batches, result in the same bytes as sorting in memory.
    #[test]
    fn order_and_memory_do_not_change_the_bytes(
        batches in prop::collection::vec(batch(), 1..20).prop_shuffle(),
        memory in 0..3000usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.slmsg");
        let unique = unique(batches.clone());
        let mut writer = ArchiveWriter::create(&path).unwrap();
        writer.collector = Collector::new(&Spill::beside(&path), memory);
        let source = writer.source("test");
        for batch in batches.iter().filter(|batch| unique.values().any(|known| known == *batch)) {
            writer.add(batch.view(), Origin { source, place: Place::Whole }).unwrap();
        }
        let header = writer.commit().unwrap();
        prop_assert_eq!(header.batches as usize, unique.len());
        let (mapped, read) =
            [Access::Map, Access::Read].map(|access| Archive::open(&path, access).unwrap()).into();
        prop_assert_eq!(views(&mapped), views(&read));
        let other = folder.path().join("other.slmsg");
        let mut writer = ArchiveWriter::create(&other).unwrap();
        for batch in unique.values() {
            writer.add(batch.view(), Origin { source, place: Place::Whole }).unwrap();
        }
        writer.commit().unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());
    }
}

/// The file of batches of which only `limit` bytes are in memory, and the keys of those that contradict each other.
fn file_of(
    batches: &[BatchLogs],
    limit: usize,
    spill: &Spill,
) -> (Vec<u8>, u64, Vec<(ChainId, BatchNumber)>) {
    let mut collector = Collector::new(spill, limit);
    let source = collector.source("test");
    for (at, some) in batches.chunks(3).enumerate() {
        let mut encoded = EncodedBatches::in_buffer(Vec::with_capacity(100));
        for (batch, line) in some.iter().zip(1..) {
            let origin = Origin { source, place: Place::Line(line) };
            match at % 2 {
                0 => encoded.add(batch.view(), origin),
                _ => collector.add(batch.view(), origin).unwrap(),
            }
        }
        collector.append(encoded, (source, 3 * at as u64)).unwrap();
    }
    let mut container = ContainerWriter::in_memory("test", Kind::MESSAGE_ARCHIVE);
    let mut conflicts = Vec::new();
    let conflict = |error| {
        if let ArchiveError::Conflict { chain, batch, .. } = error {
            conflicts.push((chain, batch));
        }
        Ok(())
    };
    let (header, merged) = writer::write(collector, &mut container, spill, conflict).unwrap();
    (container.finish(&header).unwrap(), merged, conflicts)
}

proptest! {
    #[test]
    fn batches_on_disk_become_the_same_file(
        batches in prop::collection::vec(batch(), 0..40),
        limit in 0..4000usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let from_disk = file_of(&batches, limit, &Spill::beside(&dir.path().join("out")));
        prop_assert_eq!(file_of(&batches, usize::MAX, &Spill::Memory), from_disk);
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing left over");
    }
}

proptest! {
    /// A window may end among the sources of a batch.
    #[test]
    fn batches_are_merged_across_windows(
        batches in prop::collection::vec(batch(), 0..30),
        window in 1..6usize,
    ) {
        let sorted = |(batch, line): (&BatchLogs, u64)| {
            let origin = Origin { source: 0, place: Place::Line(line) };
            (Head::new(&batch.view(), origin), payload(&batch.view()).concat())
        };
        let mut sorted: Vec<_> = batches.iter().zip(1..).map(sorted).collect();
        sorted.sort_by_key(|(head, _)| *head);
        let (sources, mut conflicts, mut found) = (Sources::default(), Vec::new(), Vec::new());
        let mut merger = Merger::new(&sources, |error| {
            if let ArchiveError::Conflict { chain, batch, .. } = error {
                conflicts.push((chain, batch));
            }
            Ok(())
        });
        for window in sorted.chunks(window).chain([&[][..]]) {
            let window: Vec<_> = window.iter().map(|(head, bytes)| (head, &bytes[..])).collect();
            let merged = merger.window(&window).unwrap();
            found.extend(merged.iter().map(|one| (BatchLogs::copy(&one.view()), one.before.logs)));
        }
        let (header, merged) = merger.counts();

        let mut expected: BTreeMap<_, (Option<BatchLogs>, u64)> = BTreeMap::new();
        for batch in &batches {
            let (known, others) =
                expected.entry(batch.view().key()).or_insert((Some(batch.clone()), 0));
            if let Some(first) = known {
                *known = first.view().merge(batch.view()).ok().map(|both| BatchLogs::copy(&both));
            }
            *others += 1;
        }
        let refused = expected.iter().filter(|(_, (known, _))| known.is_none());
        prop_assert_eq!(conflicts, refused.map(|(key, _)| *key).collect::<Vec<_>>());
        let (mut logs, mut others) = (0, 0);
        let kept = expected.into_values().filter_map(|(known, of)| Some((known?, of)));
        let kept: Vec<_> = kept
            .map(|(batch, of)| {
                let before = logs;
                logs += batch.view().logs().len() as u64;
                others += of - 1;
                (batch, before)
            })
            .collect();
        prop_assert_eq!((header.batches, header.logs, merged), (kept.len() as u64, logs, others));
        prop_assert_eq!(found, kept);
    }
}

/// A batch with one message and some of its optional parts.
fn part(messages: bool, transaction: Option<u8>, root: Option<u8>) -> BatchLogs {
    let messages: MessageList =
        if messages { [b"a"].iter().collect() } else { MessageList::default() };
    let root = root.map(|byte| Hash::new([byte; 32]));
    let transactions = transaction.map(|byte| Hash::new([byte; 32])).into_iter().collect();
    BatchLogs::new(ChainId(1), BatchNumber(2), vec![log(1, b"a")], messages, root)
        .and_then(|logs| logs.with_transactions(transactions))
        .unwrap()
}

#[test]
fn sources_complete_each_other() {
    let parts = [part(true, None, None), part(false, Some(3), None), part(false, None, Some(4))];
    let whole = part(true, Some(3), Some(4));
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let archive = in_memory_of(order.map(|at| &parts[at])).unwrap();
        assert_eq!(views(&archive), [whole.view()]);
    }
}

#[test]
fn a_contradiction_names_the_part_and_the_first_source() {
    let sources = [part(true, None, None), part(false, None, Some(4)), part(false, None, Some(5))];
    let error = in_memory_of(&sources).unwrap_err();
    assert!(matches!(error, ArchiveError::Conflict { part: BatchPart::AggregatedRoot, .. }));
    assert_eq!(
        error.to_string(),
        "test, line 2 and test, line 3 give chain 1, batch 2 different aggregated roots"
    );
}

#[test]
fn an_archive_that_exceeds_memory_is_refused() {
    let mut collector = Collector::new(&Spill::Memory, 1000);
    let source = collector.source("big");
    let mut add =
        || collector.add(part(true, None, None).view(), Origin { source, place: Place::Whole });
    let error = (0..10).find_map(|_| add().err()).unwrap();
    assert!(error.to_string().contains("archive file"), "{error}");
}

/// A file with correct checksums whose rows are wrong.
#[test]
fn rows_that_point_outside_the_sections_are_refused() {
    let row = |first_log: u64, logs: u32, messages: u32, flags: u32| {
        let mut row = [0; 96];
        row[16..24].copy_from_slice(&first_log.to_le_bytes());
        row[48..52].copy_from_slice(&logs.to_le_bytes());
        row[52..56].copy_from_slice(&messages.to_le_bytes());
        row[56..60].copy_from_slice(&flags.to_le_bytes());
        row
    };
    let open = |row: [u8; 96], end: u64, index_log: u64| {
        let header = ArchiveHeader {
            batches: 1,
            logs: 1,
            messages: 1,
            message_bytes: 1,
            transactions: 0,
            imt: 0,
        };
        // Version 1 has no checksums of blocks.
        let kind = Kind { version: 1, ..Kind::MESSAGE_ARCHIVE };
        let mut file = crate::files::ContainerWriter::in_memory("forged", kind);
        let message = log(1, b"a");
        let index = [&message.value().as_bytes()[..8], &index_log.to_le_bytes()].concat();
        for (name, bytes) in [
            (LOGS, &message.as_bytes()[..]),
            (BATCHES, &row),
            (ENDS, &end.to_le_bytes()),
            (BYTES, b"a"),
            (TRANSACTIONS, b""),
            (BY_MESSAGE, &index),
            (BY_TRANSACTION, b""),
        ] {
            file.begin(name).unwrap();
            file.put(bytes).unwrap();
        }
        let bytes = file.finish(&header).unwrap();
        Archive::of(Container::from_bytes("forged", bytes).unwrap()).unwrap()
    };
    let hash = log(1, b"a").value();
    let good = open(row(0, 1, 1, 0), 1, 0);
    assert_eq!(views(&good)[0].messages().get(0), Some(&b"a"[..]));
    assert_eq!(good.find_message(hash).count(), 1);
    good.check().unwrap();
    for (row, end) in [
        (row(1, 1, 1, 0), 1),
        (row(u64::MAX, 1, 1, 0), 1),
        (row(0, 2, 1, 0), 1),
        (row(0, u32::MAX, 1, 0), 1),
        (row(0, 1, 2, 0), 1),
        (row(0, 1, u32::MAX, 0), 1),
        (row(0, 1, 1, 2), 1),
        (row(0, 1, 1, 4), 1),
        (row(0, 0, 1, 0), 1),
        (row(0, 1, 1, 0), 2),
        (row(0, 1, 1, 0), u64::MAX),
    ] {
        let archive = open(row, end, 0);
        assert!(archive.batches().next().unwrap().is_err(), "{row:?}");
        assert!(archive.batch(ChainId(0), BatchNumber(0)).is_err());
        assert!(archive.find_message(hash).all(|found| found.is_err()));
        assert_eq!(archive.chains().unwrap().len(), 1);
        assert!(archive.check().is_err());
    }
    for number in [1, u64::MAX] {
        let archive = open(row(0, 1, 1, 0), 1, number);
        let error = archive.find_message(hash).next().unwrap().unwrap_err();
        assert!(error.to_string().contains("forged, section"), "{error}");
        assert!(archive.check().is_err());
    }
}

/// A copy of an archive with another section `changed`, and with correct checksums of all sections.
fn with_section(
    archive: &Archive,
    changed: SectionName,
    content: &[u8],
) -> Result<Archive, ArchiveError> {
    let mut file = crate::files::ContainerWriter::in_memory("forged", Kind::MESSAGE_ARCHIVE);
    for (name, _) in archive.container().sections() {
        file.begin(name).unwrap();
        let bytes =
            if name == changed { content } else { archive.container().section(name).unwrap() };
        file.put(bytes).unwrap();
    }
    let bytes = file.finish(archive.header()).unwrap();
    Archive::of(Container::from_bytes("forged", bytes).unwrap())
}

#[test]
fn wrong_checksums_of_blocks_are_refused() {
    let (hash, number) = (log(1, b"a").value(), BatchNumber(2));
    let archive = in_memory_of(&[part(true, Some(3), None)]).unwrap();
    let sums = archive.container().section(SUMS).unwrap();
    assert_eq!(sums.len(), 32 * IN_BLOCKS.len());
    with_section(&archive, SUMS, sums).unwrap().check().unwrap();
    for (wrong, name) in IN_BLOCKS.into_iter().enumerate() {
        let mut sums = sums.to_vec();
        sums[32 * wrong] ^= 1;
        let forged = with_section(&archive, SUMS, &sums).unwrap();
        let error = match name {
            BY_MESSAGE => forged.find_message(hash).next().unwrap().unwrap_err(),
            BY_TRANSACTION => forged.find_transaction(hash).next().unwrap().unwrap_err(),
            _ => forged.batch(ChainId(1), number).unwrap_err(),
        };
        assert!(error.to_string().contains(&name.to_string()), "{error}");
        assert_eq!(forged.check().unwrap_err().to_string(), error.to_string());
    }
    let error = with_section(&archive, SUMS, &sums[32..]).unwrap_err();
    assert!(error.to_string().contains("each of 4 blocks"), "{error}");
}

/// A damaged row far from the wanted ones can lead a search astray: what it finds is right, or an error.
#[test]
fn searches_that_read_damaged_rows_do_not_miss_batches() {
    let batches: Vec<_> = (0..4000)
        .map(|at| {
            let (chain, number) = (ChainId(1 + at / 1000), BatchNumber(at % 1000));
            BatchLogs::new(chain, number, vec![log(0, b"")], MessageList::default(), None).unwrap()
        })
        .collect();
    let archive = in_memory_of(&batches).unwrap();
    let rows = archive.container().section(BATCHES).unwrap();
    let summaries = archive.chains().unwrap();
    let mut errors = [0; 5];
    for damaged in [500, 1000, 1500, 2000, 2500, 3000, 3500] {
        // The chain, its highest byte, and the first log.
        for (at, bit) in [(0, 7), (7, 1), (20, 1)] {
            let mut rows = rows.to_vec();
            rows[damaged * 96 + at] ^= bit;
            let other = with_section(&archive, BATCHES, &rows).unwrap();
            for chain in (1..5).map(ChainId) {
                let range = (chain, BatchNumber(0))..=(chain, BatchNumber(u64::MAX));
                let found: Result<Vec<_>, _> = other.batches_in(range.clone()).collect();
                let shares = (0..3).flat_map(|part| other.share(range.clone(), part, 3));
                let shared: Result<Vec<_>, _> = shares.collect();
                let logs = other.logs_in(range);
                let (first, last) = (BatchNumber(0), BatchNumber(999));
                let has = [first, last].map(|batch| other.contains(chain, batch));
                for (place, is_right) in [
                    found.ok().map(|found| found.len() == 1000),
                    shared.ok().map(|found| found.len() == 1000),
                    logs.ok().map(|count| count == 1000),
                    has.into_iter().collect::<Result<Vec<_>, _>>().ok().map(|has| has == [true; 2]),
                    other.chains().ok().map(|chains| chains == summaries),
                ]
                .into_iter()
                .enumerate()
                {
                    assert_ne!(is_right, Some(false), "{place}: row {damaged}, chain {chain}");
                    errors[place] += usize::from(is_right.is_none());
                }
            }
        }
    }
    assert!(errors.iter().all(|count| *count > 0), "{errors:?}");
}
