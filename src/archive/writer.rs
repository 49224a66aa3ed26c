use std::{io::Write, path::Path};

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};

use super::{
    Archive, ArchiveHeader, BATCHES, BY_MESSAGE, BY_TRANSACTION, BYTES, Collector, ENDS, KIND,
    LOGS, Origin, TRANSACTIONS,
    collector::count,
    rows::{BatchRow, IndexRow},
};
use crate::{
    archive::ArchiveError,
    files::{ContainerWriter, ExternalSort, Output, OutputError, SectionName, SortRecord, Spill},
    message::BatchView,
    primitives::Hash,
};

/// How much of the batches is in memory while they are collected.
const BATCHES_IN_MEMORY: usize = 192 << 20;
/// How much of each index is in memory while it is made.
const INDEX_IN_MEMORY: usize = 96 << 20;
/// How much of each section waits in memory for its turn.
const SECTION_IN_MEMORY: usize = 32 << 20;

/// Writes an archive file from batches that come in any order, more of them than fit into memory.
/// What is given twice is merged when it agrees, and refused when it does not.
pub struct ArchiveWriter {
    spill: Spill,
    container: ContainerWriter<Output>,
    pub(crate) collector: Collector,
}

impl ArchiveWriter {
    /// Begins a file, which takes the place of `path` in [`ArchiveWriter::commit`].
    ///
    /// # Errors
    /// [`ArchiveError::Output`] when the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self, ArchiveError> {
        let container = ContainerWriter::create(path, KIND)?;
        let spill = Spill::beside(path);
        let collector = Collector::new(&spill, BATCHES_IN_MEMORY);
        Ok(Self { spill, container, collector })
    }

    /// Names a source for [`Origin`]; the name stands for it in errors.
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

    /// What was added so far, with every duplicate counted.
    #[must_use]
    pub fn added(&self) -> &ArchiveHeader {
        self.collector.added()
    }

    /// Puts the file on disk and under its name.
    ///
    /// # Errors
    /// [`ArchiveError::Conflict`] when two sources contradict each other, [`ArchiveError::Output`]
    /// when writing fails; what stood under the name is then as it was.
    pub fn commit(self) -> Result<ArchiveHeader, ArchiveError> {
        let Self { spill, mut container, collector } = self;
        let (header, _) = write(collector, &mut container, &spill, Err)?;
        container.commit(&header)?;
        Ok(header)
    }

    /// As [`ArchiveWriter::commit`], but batches that sources contradict each other about are left out
    /// and given to `conflict`, and nothing is written when no batch is left. Says besides how many batches
    /// were merged with others.
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

/// The archive of what was collected, in memory; `name` stands for it in errors.
pub(crate) fn in_memory(collector: Collector, name: &str) -> Result<Archive, ArchiveError> {
    let mut container = ContainerWriter::in_memory(name, KIND);
    let (header, _) = write(collector, &mut container, &Spill::Memory, Err)?;
    Ok(Archive::written(container.into_container(&header)?, header))
}

fn write<W: Write + Send>(
    collector: Collector,
    container: &mut ContainerWriter<W>,
    spill: &Spill,
    conflict: impl FnMut(ArchiveError) -> Result<(), ArchiveError>,
) -> Result<(ArchiveHeader, u64), ArchiveError> {
    let mut header = ArchiveHeader::default();
    let [mut rows, mut ends, mut bytes, mut transactions] =
        [(); 4].map(|()| spill.spool(SECTION_IN_MEMORY));
    let [mut by_message, mut by_transaction] = [(); 2].map(|()| spill.sort(INDEX_IN_MEMORY));

    container.begin(LOGS)?;
    let take = |batch: BatchView<'_>| {
        container.put(cast_slice(batch.logs))?;
        rows.put(bytes_of(&BatchRow::new(&batch, &header)))?;
        ends.put(cast_slice(batch.messages.ends()))?;
        bytes.put(batch.messages.bytes())?;
        transactions.put(cast_slice(batch.transactions))?;
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

    for (name, spool) in
        [(BATCHES, rows), (ENDS, ends), (BYTES, bytes), (TRANSACTIONS, transactions)]
    {
        container.begin(name)?;
        spool.drain(|piece| container.put(piece))?;
    }
    write_index(container, BY_MESSAGE, by_message)?;
    write_index(container, BY_TRANSACTION, by_transaction)?;
    Ok((header, merged))
}

fn write_index<W: Write + Send>(
    container: &mut ContainerWriter<W>,
    name: SectionName,
    rows: ExternalSort<IndexKey>,
) -> Result<(), OutputError> {
    container.begin(name)?;
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
