use std::{collections::HashMap, io::Write, path::Path};

use bytemuck::cast_slice;
use thiserror::Error;

use super::{
    ACCOUNTS, BATCHES, BLOCKS, ENTRIES, INDEXES, MOST_ACCOUNTS, Snapshot, SnapshotHeader,
    reader::AccountRow,
};
use crate::{
    files::{ContainerWriter, Kind, Output, OutputError, SectionName, Spool},
    primitives::Hash,
    state::entries::{Entry, out_of_order},
};

/// How much of each column of first writes stays in memory until all entries are written.
const COLUMN_IN_MEMORY: usize = 96 << 20;

/// Why entries could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Writing failed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An entry is not in ascending order.
    #[error("the keys are not ascending: {key} comes after {previous}")]
    OutOfOrder {
        /// The previous key.
        previous: Hash,
        /// The key at fault.
        key: Hash,
    },
}

/// When entries were first written. Numbers are little-endian.
#[derive(Clone, Copy, Debug)]
pub enum Columns<'c> {
    /// In which SL batch, with the enumeration index.
    Batches {
        /// A batch for every entry.
        batches: &'c [[u8; 4]],
        /// An index for every entry.
        indexes: &'c [[u8; 8]],
    },
    /// In which block, for every entry.
    Blocks(&'c [[u8; 8]]),
}

/// Writes a snapshot from entries in ascending order.
pub struct SnapshotWriter<W> {
    container: ContainerWriter<W>,
    last: Option<Hash>,
    entries: u64,
    /// The columns of first writes are written after all entries: batches or blocks, by the name of their section.
    first: Spool,
    first_name: Option<SectionName>,
    indexes: Spool,
}

impl SnapshotWriter<Output> {
    /// Starts a file. [`SnapshotWriter::commit`] moves it to `path`.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let container = ContainerWriter::create(path, Kind::SNAPSHOT)?;
        Self::new(container, path, COLUMN_IN_MEMORY)
    }

    /// Writes the sections after the entries, syncs the file to disk and moves it to its path. The number of
    /// entries is added to `header`. `accounts` are slot counts by keccak256(address).
    ///
    /// # Errors
    /// [`OutputError`]; an existing file at the path is then unchanged.
    pub fn commit(
        self,
        header: SnapshotHeader,
        accounts: Option<&HashMap<Hash, u64>>,
    ) -> Result<SnapshotHeader, OutputError> {
        let (container, header) = self.tail(header, accounts)?;
        container.commit(&header)?;
        Ok(header)
    }
}

impl SnapshotWriter<Vec<u8>> {
    /// Starts a snapshot in memory; error messages show `name`.
    ///
    /// # Errors
    /// None occurs in memory; the result type is that of the file writer.
    pub fn in_memory(name: &str) -> Result<Self, OutputError> {
        let container = ContainerWriter::in_memory(name, Kind::SNAPSHOT);
        Self::new(container, Path::new(name), usize::MAX)
    }

    /// Writes the sections after the entries and returns the bytes, which equal those of a file.
    ///
    /// # Errors
    /// As [`SnapshotWriter::in_memory`].
    pub fn into_snapshot(
        self,
        header: SnapshotHeader,
        accounts: Option<&HashMap<Hash, u64>>,
    ) -> Result<Snapshot, OutputError> {
        let (container, header) = self.tail(header, accounts)?;
        Ok(Snapshot::written(container.into_container(&header)?, header))
    }
}

impl<W: Write + Send> SnapshotWriter<W> {
    fn new(
        mut container: ContainerWriter<W>,
        target: &Path,
        column: usize,
    ) -> Result<Self, OutputError> {
        container.begin(ENTRIES)?;
        Ok(Self {
            container,
            last: None,
            entries: 0,
            first: Spool::beside(target, column),
            first_name: None,
            indexes: Spool::beside(target, column),
        })
    }

    /// How many entries were written.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Appends entries. Their keys must be greater than all keys before. Either all entries have first
    /// writes, of the same kind, or none.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`] before any entry of this call is written, and [`WriteError::Output`].
    pub fn put(
        &mut self,
        entries: &[Entry],
        columns: Option<Columns<'_>>,
    ) -> Result<(), WriteError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let refused = |previous, key| Err(WriteError::OutOfOrder { previous, key });
        if let Some(previous) = self.last.filter(|previous| *previous >= first.key) {
            return refused(previous, first.key);
        }
        if let Some(at) = out_of_order(entries) {
            return refused(entries[at - 1].key, entries[at].key);
        }
        self.container.put(cast_slice(entries))?;
        match columns {
            Some(Columns::Batches { batches, indexes }) => {
                self.first.put(batches.as_flattened())?;
                self.indexes.put(indexes.as_flattened())?;
                self.first_name = Some(BATCHES);
            }
            Some(Columns::Blocks(blocks)) => {
                self.first.put(blocks.as_flattened())?;
                self.first_name = Some(BLOCKS);
            }
            None => {}
        }
        self.last = Some(last.key);
        self.entries += entries.len() as u64;
        Ok(())
    }

    fn tail(
        self,
        mut header: SnapshotHeader,
        accounts: Option<&HashMap<Hash, u64>>,
    ) -> Result<(ContainerWriter<W>, SnapshotHeader), OutputError> {
        let Self { mut container, entries, .. } = self;
        header.entries = entries;
        if let Some(name) = self.first_name {
            container.begin(name)?;
            self.first.drain(|piece| container.put(piece))?;
        }
        if self.first_name == Some(BATCHES) {
            container.begin(INDEXES)?;
            self.indexes.drain(|piece| container.put(piece))?;
        }
        if let Some(accounts) = accounts.filter(|accounts| accounts.len() <= MOST_ACCOUNTS) {
            let mut rows: Vec<AccountRow> = accounts
                .iter()
                .filter(|(_, slots)| **slots > 0)
                .map(|(account, slots)| AccountRow {
                    account: *account,
                    slots: slots.to_le_bytes(),
                })
                .collect();
            rows.sort_unstable_by_key(|row| row.account);
            container.begin(ACCOUNTS)?;
            container.put(cast_slice(&rows))?;
        }
        Ok((container, header))
    }
}
