use std::{io::Write, path::Path};

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};

use super::{
    Archive, ArchiveHeader, BATCHES, BY_MESSAGE, BY_TRANSACTION, BYTES, Collector, ENDS, IMT,
    IN_BLOCKS, LOGS, Origin, SUMS, TRANSACTIONS,
    collector::count,
    rows::{BatchRow, IndexRow, imt_entry},
};
use crate::{
    archive::ArchiveError,
    files::{
        ContainerWriter, ExternalSort, Kind, Output, OutputError, SectionName, SortRecord, Spill,
    },
    message::BatchView,
    primitives::Hash,
};

/// How many bytes of the batches are kept in memory while they are collected.
const BATCHES_IN_MEMORY: usize = 192 << 20;
/// How many bytes of each index are kept in memory while it is sorted.
const INDEX_IN_MEMORY: usize = 96 << 20;
/// How many bytes of each later section are kept in memory until it is written.
const SECTION_IN_MEMORY: usize = 32 << 20;

/// Writes an archive file from batches in any order, which need not fit into memory. Duplicates of a batch
/// are merged when they agree, and are an error when they do not.
pub struct ArchiveWriter {
    spill: Spill,
    container: ContainerWriter<Output>,
    pub(crate) collector: Collector,
}

impl ArchiveWriter {
    /// Starts a file. [`ArchiveWriter::commit`] moves it to `path`.
    ///
    /// # Errors
    /// [`ArchiveError::Output`] when the directory cannot be written to.
    pub fn create(path: &Path) -> Result<Self, ArchiveError> {
        let container = ContainerWriter::create(path, Kind::MESSAGE_ARCHIVE)?;
        let spill = Spill::beside(path);
        let collector = Collector::new(&spill, BATCHES_IN_MEMORY);
        Ok(Self { spill, container, collector })
    }

    /// Registers a source and returns its number for [`Origin`]. Error messages show `name`.
    pub fn source(&mut self, name: &str) -> u32 {
        self.collector.source(name)
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`ArchiveError::Output`] when the disk is full or fails.
    pub fn add(&mut self, batch: BatchView<'_>, origin: Origin) -> Result<(), ArchiveError> {
        self.collector.add(batch, origin)
    }

    /// The totals of all added batches. Duplicates count.
    #[must_use]
    pub fn added(&self) -> &ArchiveHeader {
        self.collector.added()
    }

    /// Writes the file, syncs it to disk and moves it to its path.
    ///
    /// # Errors
    /// [`ArchiveError::Conflict`] when two sources contradict each other, [`ArchiveError::Output`] when
    /// writing fails. An existing file at the path is then unchanged.
    pub fn commit(self) -> Result<ArchiveHeader, ArchiveError> {
        let Self { spill, mut container, collector } = self;
        let (header, _) = write(collector, &mut container, &spill, Err)?;
        container.commit(&header)?;
        Ok(header)
    }

    /// As [`ArchiveWriter::commit`], but a batch with contradicting sources is left out and passed to
    /// `conflict`. Nothing is written when no batch is left. Also returns how many batches were merged into
    /// others.
    pub(crate) fn commit_without(
        self,
        conflict: impl FnMut(ArchiveError) -> Result<(), ArchiveError>,
    ) -> Result<(ArchiveHeader, u64), ArchiveError> {
        let Self { spill, mut container, collector } = self;
        let (header, merged) = write(collector, &mut container, &spill, conflict)?;
        if header.batches > 0 {
            container.commit(&header)?;
        }
        Ok((header, merged))
    }
}

/// Writes an archive in memory; error messages show `name`.
pub(crate) fn in_memory(collector: Collector, name: &str) -> Result<Archive, ArchiveError> {
    let mut container = ContainerWriter::in_memory(name, Kind::MESSAGE_ARCHIVE);
    let (header, _) = write(collector, &mut container, &Spill::Memory, Err)?;
    Archive::written(container.into_container(&header)?, header)
}

fn write<W: Write + Send>(
    collector: Collector,
    container: &mut ContainerWriter<W>,
    spill: &Spill,
    conflict: impl FnMut(ArchiveError) -> Result<(), ArchiveError>,
) -> Result<(ArchiveHeader, u64), ArchiveError> {
    let mut header = ArchiveHeader::default();
    let [mut rows, mut ends, mut bytes, mut transactions, mut imt] =
        [(); 5].map(|()| spill.spool(SECTION_IN_MEMORY));
    let [mut by_message, mut by_transaction] = [(); 2].map(|()| spill.sort(INDEX_IN_MEMORY));

    container.begin(LOGS)?;
    let take = |batch: BatchView<'_>| {
        container.put(cast_slice(batch.logs))?;
        rows.put(bytes_of(&BatchRow::new(&batch, &header)))?;
        ends.put(cast_slice(batch.messages.ends()))?;
        bytes.put(batch.messages.bytes())?;
        transactions.put(cast_slice(batch.transactions))?;
        if let Some(roots) = batch.imt {
            imt.put(cast_slice(&imt_entry(roots)))?;
        }
        for (number, log) in (header.logs..).zip(batch.logs) {
            if log.is_message() {
                by_message.push(IndexKey::new(&log.value(), number), &[])?;
            }
        }
        for (number, hash) in (header.logs..).zip(batch.transactions) {
            by_transaction.push(IndexKey::new(hash, number), &[])?;
        }
        count(&mut header, &batch);
        Ok(())
    };
    let merged = collector.drain(take, conflict)?;

    let sections =
        [(BATCHES, rows), (ENDS, ends), (BYTES, bytes), (TRANSACTIONS, transactions), (IMT, imt)];
    for (name, spool) in sections {
        match IN_BLOCKS.contains(&name) {
            true => container.begin_in_blocks(name)?,
            false => container.begin(name)?,
        }
        spool.drain(|piece| container.put(piece))?;
    }
    write_index(container, BY_MESSAGE, by_message)?;
    write_index(container, BY_TRANSACTION, by_transaction)?;
    container.put_block_sums(SUMS)?;
    Ok((header, merged))
}

fn write_index<W: Write + Send>(
    container: &mut ContainerWriter<W>,
    name: SectionName,
    rows: ExternalSort<IndexKey>,
) -> Result<(), OutputError> {
    container.begin_in_blocks(name)?;
    let mut sorted = rows.finish()?;
    while let Some((key, _)) = sorted.next()? {
        container.put(bytes_of(&IndexRow::new(key.beginning, key.log)))?;
    }
    Ok(())
}

/// A row of an index while it is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct IndexKey {
    beginning: u64,
    log: u64,
}

impl IndexKey {
    fn new(hash: &Hash, log: u64) -> Self {
        Self { beginning: hash.prefix_u64(), log }
    }
}

impl SortRecord for IndexKey {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}
