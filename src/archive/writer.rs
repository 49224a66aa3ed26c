use std::{io::Write, path::Path};

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use rayon::prelude::*;

use super::{
    Archive, ArchiveHeader, BATCHES, BY_MESSAGE, BY_TRANSACTION, BYTES, Collector, ENDS, IMT,
    IN_BLOCKS, LOGS, Origin, SUMS, TRANSACTIONS,
    collector::Head,
    merger::{Merged, Merger},
    rows::{BatchRow, IndexRow},
};
use crate::{
    archive::ArchiveError,
    files::{
        BucketSort, Bucketed, ContainerWriter, KeyedRecord, Kind, Numbered, Output, OutputError,
        Pool, SectionName, SortedWindows, Spill, put_ahead,
    },
    message::{BatchView, L2ToL1Log},
    primitives::Hash,
};

/// How many bytes of the batches are kept in memory while they are collected. Of more, half as many are collected while those
/// before are written to disk.
const BATCHES_IN_MEMORY: usize = 128 << 20;
/// How many bytes of each index are kept in memory while it is sorted.
const INDEX_IN_MEMORY: usize = 96 << 20;
/// How many bytes of each later section are kept in memory until it is written, if the batches are on disk.
const SECTION_IN_MEMORY: usize = 32 << 20;
/// The batches whose sections are made at once have about this many bytes.
const WINDOW: usize = 8 << 20;
/// The approximate number of bytes of the batches of which one thread makes a piece of a section.
const PIECE: usize = 5 << 18;
/// The memory of a longer piece, with a very large batch, is not used again.
const LARGEST_PIECE: usize = 4 * PIECE;

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
        conflict: impl FnMut(ArchiveError) -> Result<(), ArchiveError> + Send,
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

/// Writes the sections of batches that are merged from all sources. A batch with contradicting sources is left out and
/// passed to `conflict`. Returns the header, and how many batches were merged into others.
pub(super) fn write<W: Write + Send>(
    collector: Collector,
    container: &mut ContainerWriter<W>,
    spill: &Spill,
    mut conflict: impl FnMut(ArchiveError) -> Result<(), ArchiveError> + Send,
) -> Result<(ArchiveHeader, u64), ArchiveError> {
    let (mut sorted, sources) = collector.finish()?;
    let [mut by_message, mut by_transaction] = [(); 2].map(|()| spill.bucket_sort(INDEX_IN_MEMORY));
    let (free, mut counts) = (Pool::default(), None);
    if sorted.are_in_memory() {
        // Batches in memory are merged again for each section, which takes less than to keep what was merged.
        for part in Part::ALL {
            part.begin(container)?;
            sorted.rewind();
            let is_first = counts.is_none();
            let conflict = |error| if is_first { conflict(error) } else { Ok(()) };
            let mut merger = Merger::new(&sources, conflict);
            put_ahead(
                || window(&mut sorted, &mut merger, &[part], &free),
                |pieces| {
                    pieces.into_iter().try_for_each(|piece| {
                        container.put(&piece.bytes)?;
                        let is_of_logs = piece.part == Part::Logs;
                        let index = if is_of_logs { &mut by_message } else { &mut by_transaction };
                        piece.end(index, &free)
                    })
                },
            )?;
            counts.get_or_insert(merger.counts());
        }
    } else {
        let mut spools = Part::ALL.map(|_| spill.spool(SECTION_IN_MEMORY));
        let mut merger = Merger::new(&sources, conflict);
        Part::Logs.begin(container)?;
        put_ahead(
            || window(&mut sorted, &mut merger, &Part::ALL, &free),
            |pieces| {
                let (logs, others): (Vec<_>, Vec<_>) =
                    pieces.into_iter().partition(|piece| piece.part == Part::Logs);
                let (logs, others) = rayon::join(
                    || {
                        logs.into_iter().try_for_each(|piece| {
                            container.put(&piece.bytes)?;
                            piece.end(&mut by_message, &free)
                        })
                    },
                    || {
                        others.into_iter().try_for_each(|piece| {
                            spools[piece.part as usize].put(&piece.bytes)?;
                            piece.end(&mut by_transaction, &free)
                        })
                    },
                );
                logs.and(others)
            },
        )?;
        counts = Some(merger.counts());
        for (part, spool) in Part::ALL.into_iter().zip(spools).skip(1) {
            part.begin(container)?;
            spool.drain(|piece| container.put(piece))?;
        }
    }
    let write_indexes = || {
        write_index(container, BY_MESSAGE, by_message, &free)?;
        write_index(container, BY_TRANSACTION, by_transaction, &free)
    };
    // The system takes long to take back the memory or the file of the batches.
    rayon::join(write_indexes, || drop(sorted)).0?;
    container.put_block_sums(SUMS)?;
    Ok(counts.unwrap_or_default())
}

/// Makes the next pieces of some sections, those of a section together and in order. `None` at the end.
fn window<C: FnMut(ArchiveError) -> Result<(), ArchiveError>>(
    sorted: &mut SortedWindows<Head>,
    merger: &mut Merger<'_, C>,
    parts: &[Part],
    free: &Pool<Vec<u8>>,
) -> Result<Option<Vec<Piece>>, ArchiveError> {
    loop {
        let read = sorted.next(WINDOW)?;
        let batches = merger.window(&read)?;
        if !batches.is_empty() {
            return Ok(Some(pieces(&batches, parts, free)));
        }
        if read.is_empty() {
            return Ok(None);
        }
    }
}

/// Makes the pieces of some sections, on all threads.
fn pieces(batches: &[Merged<'_>], parts: &[Part], free: &Pool<Vec<u8>>) -> Vec<Piece> {
    let bytes: usize = batches.iter().map(|batch| batch.payload.len()).sum();
    // Larger pieces are written without another copy.
    let pieces = (bytes / PIECE).max(1);
    let at_once = batches.len().div_ceil(pieces);
    let pieces =
        parts.iter().flat_map(|part| batches.chunks(at_once).map(move |some| (*part, some)));
    let pieces: Vec<_> = pieces.collect();
    pieces.into_par_iter().map(|(part, batches)| Piece::new(part, batches, free)).collect()
}

/// The sections that are written in the order of the batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Logs,
    Rows,
    Ends,
    Bytes,
    Transactions,
    Imt,
}

impl Part {
    /// In the order of the file.
    const ALL: [Self; 6] =
        [Self::Logs, Self::Rows, Self::Ends, Self::Bytes, Self::Transactions, Self::Imt];

    fn section(self) -> SectionName {
        match self {
            Self::Logs => LOGS,
            Self::Rows => BATCHES,
            Self::Ends => ENDS,
            Self::Bytes => BYTES,
            Self::Transactions => TRANSACTIONS,
            Self::Imt => IMT,
        }
    }

    fn begin<W: Write + Send>(self, container: &mut ContainerWriter<W>) -> Result<(), OutputError> {
        match IN_BLOCKS.contains(&self.section()) {
            true => container.begin_in_blocks(self.section()),
            false => container.begin(self.section()),
        }
    }
}

/// A piece of a section, with the rows of the index of its logs or transaction hashes.
struct Piece {
    part: Part,
    bytes: Vec<u8>,
    index: Option<Bucketed<IndexKey>>,
}

impl Piece {
    fn new(part: Part, batches: &[Merged<'_>], free: &Pool<Vec<u8>>) -> Self {
        let (mut bytes, mut index) = (free.take().unwrap_or_default(), Vec::new());
        for batch in batches {
            let (head, first) = (&batch.head, batch.before.logs);
            let [logs, ends, transactions, messages] = head.parts(&batch.payload);
            match part {
                Part::Logs => {
                    bytes.extend_from_slice(logs);
                    let logs: &[L2ToL1Log] = cast_slice(logs);
                    let messages = (first..).zip(logs).filter(|(_, log)| log.is_message());
                    index.extend(messages.map(|(number, log)| IndexKey::new(&log.value(), number)));
                }
                Part::Rows => {
                    bytes.extend_from_slice(bytes_of(&BatchRow::new(&batch.view(), &batch.before)));
                }
                Part::Ends => bytes.extend_from_slice(ends),
                Part::Bytes => bytes.extend_from_slice(messages),
                Part::Transactions => {
                    bytes.extend_from_slice(transactions);
                    let hashes: &[Hash] = cast_slice(transactions);
                    let hashes = (first..).zip(hashes);
                    index.extend(hashes.map(|(number, hash)| IndexKey::new(hash, number)));
                }
                Part::Imt if head.imt_kind != 0 => bytes.extend_from_slice(cast_slice(&head.imt)),
                Part::Imt => {}
            }
        }
        let index = (!index.is_empty()).then(|| Bucketed::of(index.iter().copied()));
        Self { part, bytes, index }
    }

    /// Adds its rows to the index. Its bytes are written, and their memory is used again.
    fn end(
        self,
        index: &mut BucketSort<IndexKey>,
        free: &Pool<Vec<u8>>,
    ) -> Result<(), ArchiveError> {
        if let Some(rows) = self.index {
            index.add(rows);
            if index.is_full() {
                index.spill()?;
            }
        }
        free.recycle(self.bytes, LARGEST_PIECE);
        Ok(())
    }
}

fn write_index<W: Write + Send>(
    container: &mut ContainerWriter<W>,
    name: SectionName,
    rows: BucketSort<IndexKey>,
    free: &Pool<Vec<u8>>,
) -> Result<(), OutputError> {
    container.begin_in_blocks(name)?;
    let piece = |keys: &[Numbered<'_, IndexKey>]| {
        let mut piece = free.take().unwrap_or_default();
        for (_, key) in keys {
            piece.extend_from_slice(bytes_of(&IndexRow::new(key.beginning, key.log)));
        }
        piece
    };
    rows.in_order(piece, |piece| {
        container.put(&piece)?;
        free.recycle(piece, LARGEST_PIECE);
        Ok(())
    })
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

impl KeyedRecord for IndexKey {
    fn prefix(&self) -> u64 {
        self.beginning
    }
}
