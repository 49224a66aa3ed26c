//! Builds a snapshot from sorted slots: duplicates are merged or refused, zeros dropped.

use std::io::Write;

use super::{
    ImportError,
    slot_group::{self, SlotGroup},
    slot_record::Record,
    versions::{DatedSlot, Newest},
};
use crate::{
    contracts::MessageRoot,
    files::{BucketSort, Numbered, Pool},
    primitives::{Address, ChainId, Hash, Word},
    snapshot::{Columns, Snapshot, SnapshotWriter, WriteError},
    state::{
        entries::Entry,
        keys::{AccountKey, era_key, trie_slot_key},
    },
};

/// Entries written at once.
const CHUNK: usize = 1 << 14;

/// Writes a snapshot from slots in ascending order of their keys.
pub(super) struct Build<W> {
    writer: SnapshotWriter<W>,
    first_writes: Option<FirstWrites>,
    /// The last slot, which is not in the columns yet.
    pending: Option<DatedSlot>,
    entries: Vec<Entry>,
    blocks: Vec<[u8; 8]>,
    /// The number of repeated slots with the same value.
    pub(super) merged: u64,
    watched: [(Hash, Watched); 5],
    seen: Probe,
}

/// What is known of the first write of each slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstWrites {
    /// Its batch of the settlement layer, and the enumeration index of the slot.
    Batches,
    /// Its block.
    Blocks,
}

/// A fact that a slot of MessageRoot shows.
#[derive(Clone, Copy)]
enum Watched {
    ChainCount,
    ReversedChainCount,
    SlChain,
}

/// What MessageRoot's slots show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probe {
    /// Whether its number of chains was found. It is not zero once MessageRoot is set up.
    pub(super) written: bool,
    /// Whether it was found under its key with the bytes reversed.
    pub(super) reversed: bool,
    sl_chain: Option<Word>,
}

impl Probe {
    /// The settlement layer's chain id, if it was found.
    pub(super) fn sl_chain(&self) -> Option<ChainId> {
        self.sl_chain.filter(|_| self.written).and_then(|word| ChainId::try_from(word).ok())
    }
}

/// The key with its bytes reversed, as zksync-state-reconstruct exports keys.
pub(super) fn reversed(key: Hash) -> Hash {
    let mut bytes = *key.as_bytes();
    bytes.reverse();
    Hash::new(bytes)
}

impl<W: Write + Send> Build<W> {
    pub(super) fn new(
        writer: SnapshotWriter<W>,
        message_root: Address,
        first_writes: Option<FirstWrites>,
    ) -> Self {
        let account = AccountKey::Address(message_root);
        let chain_count = MessageRoot::<Snapshot>::chain_count_slot();
        let sl_chain = MessageRoot::<Snapshot>::chain_at_slot(0);
        let key = era_key(message_root, chain_count);
        let watched = [
            (key, Watched::ChainCount),
            (reversed(key), Watched::ReversedChainCount),
            (trie_slot_key(account, chain_count), Watched::ChainCount),
            (era_key(message_root, sl_chain), Watched::SlChain),
            (trie_slot_key(account, sl_chain), Watched::SlChain),
        ];
        Self {
            writer,
            first_writes,
            pending: None,
            entries: Vec::with_capacity(CHUNK),
            blocks: Vec::new(),
            merged: 0,
            watched,
            seen: Probe::default(),
        }
    }

    /// Adds all slots of a sort, on all threads. `inputs` are the names by number.
    pub(super) fn take_all(
        &mut self,
        slots: BucketSort<Record>,
        inputs: &[String],
    ) -> Result<(), ImportError> {
        let has_columns = self.first_writes == Some(FirstWrites::Batches);
        let (free, mut last) = (Pool::default(), None);
        let group = |records: &[Numbered<'_, Record>]| {
            let group: SlotGroup = free.take().unwrap_or_default();
            group.filled(records, has_columns)
        };
        slots.in_order(group, |mut group| {
            let merged = group.follow(last.as_ref()).and_then(|()| group.merged());
            self.merged += merged.map_err(|two| two.error(inputs))?;
            last = group.last().or(last);
            let (batches, indexes) = (group.batches(), group.indexes());
            let columns = has_columns.then_some(Columns::Batches { batches, indexes });
            self.put(group.entries(), columns)?;
            free.put(group);
            Ok(())
        })
    }

    /// Adds all slots of a sort and the newest versions of other slots, which say when they were first written.
    pub(super) fn take_dated(
        &mut self,
        slots: BucketSort<Record>,
        mut newest: Newest,
        inputs: &[String],
    ) -> Result<(), ImportError> {
        let mut next = newest.next()?;
        let copy = |group: &[Numbered<'_, Record>]| -> Vec<Record> {
            group.iter().map(|(_, record)| **record).collect()
        };
        slots.in_order(copy, |records| {
            for record in records {
                while let Some(slot) = next.take_if(|next| next.record.entry.key < record.entry.key)
                {
                    self.take(slot, inputs)?;
                    next = newest.next()?;
                }
                self.take(record.into(), inputs)?;
            }
            Ok::<_, ImportError>(())
        })?;
        while let Some(slot) = next {
            self.take(slot, inputs)?;
            next = newest.next()?;
        }
        if let Some(last) = self.pending.take() {
            self.accept(last)?;
        }
        self.flush()
    }

    /// Adds a slot. Keys must ascend.
    fn take(&mut self, slot: DatedSlot, inputs: &[String]) -> Result<(), ImportError> {
        match self.pending.replace(slot) {
            Some(before) if before.record.entry.key == slot.record.entry.key => {
                slot_group::agree(&before.record, &slot.record).map_err(|two| two.error(inputs))?;
                self.merged += 1;
                Ok(())
            }
            Some(before) => self.accept(before),
            None => Ok(()),
        }
    }

    fn accept(&mut self, DatedSlot { record, first }: DatedSlot) -> Result<(), ImportError> {
        if record.entry.value.is_zero() {
            return Ok(());
        }
        self.entries.push(record.entry);
        self.blocks.push(first.unwrap_or_default().0.to_le_bytes());
        if self.entries.len() == CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let entries = std::mem::take(&mut self.entries);
        let blocks = std::mem::take(&mut self.blocks);
        let is_dated = self.first_writes == Some(FirstWrites::Blocks);
        self.put(&entries, is_dated.then_some(Columns::Blocks(&blocks)))?;
        (self.entries, self.blocks) = (entries, blocks);
        self.entries.clear();
        self.blocks.clear();
        Ok(())
    }

    /// Writes entries that were sorted.
    fn put(&mut self, entries: &[Entry], columns: Option<Columns<'_>>) -> Result<(), ImportError> {
        self.writer.put(entries, columns).map_err(|error| match error {
            WriteError::Output(error) => ImportError::Output(error),
            // The records were sorted, so this cannot happen.
            other => ImportError::Internal(other.to_string()),
        })?;
        watch(&self.watched, entries, &mut self.seen);
        Ok(())
    }

    /// The number of entries written.
    pub(super) fn written(&self) -> u64 {
        self.writer.entries()
    }

    /// Adds entries without zeros that should follow all before. Returns `false` if they do not.
    pub(super) fn take_sorted(
        &mut self,
        entries: &[Entry],
        columns: Columns<'_>,
    ) -> Result<bool, ImportError> {
        match self.writer.put(entries, Some(columns)) {
            Ok(()) => {
                watch(&self.watched, entries, &mut self.seen);
                Ok(true)
            }
            Err(WriteError::Output(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// Returns what was found.
    pub(super) fn finish(self) -> (SnapshotWriter<W>, Probe) {
        (self.writer, self.seen)
    }
}

/// Searches sorted entries for the watched keys.
fn watch(watched: &[(Hash, Watched)], entries: &[Entry], seen: &mut Probe) {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return;
    };
    for (key, what) in watched {
        if *key < first.key || *key > last.key {
            continue;
        }
        if let Ok(at) = entries.binary_search_by_key(key, |entry| entry.key) {
            match what {
                Watched::ChainCount => seen.written = true,
                Watched::ReversedChainCount => seen.reversed = true,
                Watched::SlChain => seen.sl_chain = Some(entries[at].value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{files::SectionName, snapshot::SnapshotHeader};

    fn record(key: u64, value: u64, input: u32) -> Record {
        // The keys are uniform, and some differ only in their end.
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(key / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        bytes[31] = (key % 2) as u8;
        let entry = Entry { key: Hash::new(bytes), value: Word::from(value) };
        Record { entry, index: [key as u8 + 1; 8], batch: [9; 4], input: input.to_le_bytes() }
    }

    /// The number of merged records, and the entries and columns; or the key of the first two records that differ.
    type Built = Result<(u64, Vec<(Entry, [u8; 8])>), Hash>;

    fn built(records: &[Record], limit: usize) -> Built {
        let folder = tempfile::tempdir().unwrap();
        let mut slots = BucketSort::beside(&folder.path().join("out"), limit);
        for record in records {
            slots.push(*record);
            if slots.is_full() {
                slots.spill().unwrap();
            }
        }
        let writer = SnapshotWriter::in_memory("snapshot").unwrap();
        let first_writes = Some(FirstWrites::Batches);
        let mut build = Build::new(writer, Address::system(1), first_writes);
        match build.take_all(slots, &["a".into(), "b".into()]) {
            Ok(()) => {}
            Err(ImportError::Conflict { key, .. }) => return Err(key),
            Err(error) => panic!("{error}"),
        }
        let merged = build.merged;
        let snapshot = build.finish().0.into_snapshot(SnapshotHeader::default(), None).unwrap();
        let indexes = snapshot.container().section(SectionName::new("indexes"));
        let indexes = indexes.map_or(&[][..], |bytes| bytes.as_chunks().0);
        Ok((merged, snapshot.entries().iter().copied().zip(indexes.iter().copied()).collect()))
    }

    fn expected(records: &[Record]) -> Built {
        let mut slots: BTreeMap<Hash, Vec<Record>> = BTreeMap::new();
        records.iter().for_each(|record| slots.entry(record.entry.key).or_default().push(*record));
        let mut entries = Vec::new();
        for (key, same) in &slots {
            let Record { entry, index, .. } = same[0];
            if same.iter().any(|other| other.entry.value != entry.value) {
                return Err(*key);
            }
            if !entry.value.is_zero() {
                entries.push((entry, index));
            }
        }
        Ok(((records.len() - slots.len()) as u64, entries))
    }

    proptest! {
        #[test]
        fn slots_are_merged_or_refused_as_by_a_map(
            slots in prop::collection::vec((0..60u64, 0..100u32, 0..2u32), 0..300),
            differs in prop_oneof![3 => Just(u64::MAX), 1 => 0..60u64],
            limit in prop_oneof![Just(usize::MAX), 0..5000usize],
        ) {
            let record = |(key, odd, input): (u64, u32, u32)| {
                let value = if key % 5 == 0 { 0 } else { key };
                record(key, if key == differs && odd % 4 == 0 { value + 1 } else { value }, input)
            };
            let records: Vec<Record> = slots.into_iter().map(record).collect();
            prop_assert_eq!(built(&records, limit), expected(&records));
        }
    }

    /// Groups of the sort end within the records of one key.
    #[test]
    fn records_of_one_key_are_merged_across_groups() {
        let records: Vec<Record> = (0..20_000).map(|at| record(2 + at % 2, 7, 0)).collect();
        for limit in [usize::MAX, 1 << 19] {
            assert!(built(&records, limit) == expected(&records));
            let other = [&records[..], &[record(3, 8, 1)]].concat();
            assert_eq!(built(&other, limit), expected(&other));
        }
    }
}
