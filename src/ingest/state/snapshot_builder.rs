//! Builds a snapshot from sorted slots: duplicates are merged or refused, zeros dropped.

use std::io::Write;

use super::{ImportError, slot_record::Record, versions::DatedSlot};
use crate::{
    contracts::MessageRoot,
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
    pending: Option<DatedSlot>,
    entries: Vec<Entry>,
    batches: Vec<[u8; 4]>,
    indexes: Vec<[u8; 8]>,
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
            batches: Vec::new(),
            indexes: Vec::new(),
            blocks: Vec::new(),
            merged: 0,
            watched,
            seen: Probe::default(),
        }
    }

    /// Adds a slot. Keys must ascend. `inputs` are the names by number.
    pub(super) fn take(&mut self, slot: DatedSlot, inputs: &[String]) -> Result<(), ImportError> {
        match self.pending.replace(slot) {
            Some(before) if before.record.entry.key == slot.record.entry.key => {
                same(&before.record, &slot.record, inputs)?;
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
        match self.first_writes {
            Some(FirstWrites::Batches) => {
                self.batches.push(record.batch);
                self.indexes.push(record.index);
            }
            Some(FirstWrites::Blocks) => {
                self.blocks.push(first.unwrap_or_default().0.to_le_bytes());
            }
            None => {}
        }
        if self.entries.len() == CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let columns = self.first_writes.map(|first_writes| match first_writes {
            FirstWrites::Batches => {
                Columns::Batches { batches: &self.batches, indexes: &self.indexes }
            }
            FirstWrites::Blocks => Columns::Blocks(&self.blocks),
        });
        let written = self.writer.put(&self.entries, columns);
        written.map_err(|error| match error {
            WriteError::Output(error) => ImportError::Output(error),
            // The records were sorted, so this cannot happen.
            other => ImportError::Internal(other.to_string()),
        })?;
        watch(&self.watched, &self.entries, &mut self.seen);
        self.entries.clear();
        self.batches.clear();
        self.indexes.clear();
        self.blocks.clear();
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

    /// Writes the remaining entries, and returns what was found.
    pub(super) fn finish(mut self) -> Result<(SnapshotWriter<W>, Probe), ImportError> {
        if let Some(last) = self.pending.take() {
            self.accept(last)?;
        }
        self.flush()?;
        Ok((self.writer, self.seen))
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

/// Checks that two records of one key agree.
fn same(first: &Record, second: &Record, inputs: &[String]) -> Result<(), ImportError> {
    let name = |record: &Record| {
        let number = u32::from_le_bytes(record.input) as usize;
        inputs.get(number).cloned().unwrap_or_default()
    };
    if first.entry.value == second.entry.value
        && first.index == second.index
        && first.batch == second.batch
    {
        return Ok(());
    }
    let what = |record: &Record| match u64::from_le_bytes(record.index) {
        0 => record.entry.value.to_string(),
        index => format!("{} with the enumeration index {index}", record.entry.value),
    };
    Err(ImportError::Conflict {
        key: first.entry.key,
        first: name(first),
        first_value: what(first),
        second: name(second),
        second_value: what(second),
    })
}
