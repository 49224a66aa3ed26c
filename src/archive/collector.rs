use bytemuck::{Pod, Zeroable, cast_slice};

use super::{
    ArchiveHeader, Origin,
    origin::PackedOrigin,
    rows::{imt_entry, imt_roots},
};
use crate::{
    archive::ArchiveError,
    files::{
        ExternalSort, OutputError, PayloadPlace, Records, SortRecord, SortedWindows, Spill,
        UnwrittenRun, WrittenRun,
    },
    message::{BatchView, ImtRoots, Messages},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The fixed-width part of a batch while it is sorted. Its payload is the logs, the ends of the messages, the
/// transaction hashes and the bytes of the messages. It never leaves this process, so its integers have the
/// machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Head {
    chain: u64,
    batch: u64,
    origin: PackedOrigin,
    message_bytes: u64,
    logs: u32,
    pub(super) messages: u32,
    pub(super) has_transactions: u32,
    pub(super) has_aggregated_root: u32,
    /// 1 if both roots of the interop commitment tree are known, 2 if only the node above them is.
    pub(super) imt_kind: u64,
    aggregated_root: Hash,
    pub(super) imt: [Hash; 2],
}

impl Head {
    pub(super) fn new(batch: &BatchView<'_>, origin: Origin) -> Self {
        Self {
            chain: batch.chain.0,
            batch: batch.batch.0,
            origin: origin.into(),
            message_bytes: batch.messages.bytes().len() as u64,
            // The view was checked when it was created: it has at most 16384 logs.
            logs: batch.logs.len() as u32,
            messages: batch.messages.len() as u32,
            has_transactions: u32::from(!batch.transactions.is_empty()),
            has_aggregated_root: u32::from(batch.aggregated_root.is_some()),
            imt_kind: match batch.imt {
                None => 0,
                Some(ImtRoots::Both { .. }) => 1,
                Some(ImtRoots::Node(_)) => 2,
            },
            aggregated_root: batch.aggregated_root.unwrap_or_default(),
            imt: batch.imt.map(imt_entry).unwrap_or_default(),
        }
    }

    /// The chain and the number of the batch.
    pub(super) fn key(&self) -> (ChainId, BatchNumber) {
        (ChainId(self.chain), BatchNumber(self.batch))
    }

    /// Where the batch is from.
    pub(super) fn origin(&self) -> Origin {
        self.origin.into()
    }

    /// The lengths in bytes of logs, ends and transaction hashes in the payload.
    fn lengths(&self) -> [usize; 3] {
        let logs = self.logs as usize;
        [
            logs * 88,
            self.messages as usize * 8,
            if self.has_transactions == 0 { 0 } else { logs * 32 },
        ]
    }

    /// Adds the batch to the totals.
    pub(super) fn count(&self, totals: &mut ArchiveHeader) {
        totals.batches += 1;
        totals.logs += u64::from(self.logs);
        totals.messages += u64::from(self.messages);
        totals.message_bytes += self.message_bytes;
        totals.transactions += if self.has_transactions == 0 { 0 } else { self.logs.into() };
        totals.imt += u64::from(self.imt_kind != 0);
    }

    /// The parts of the payload: logs, ends of messages, transaction hashes, and bytes of messages.
    pub(super) fn parts<'p>(&self, payload: &'p [u8]) -> [&'p [u8]; 4] {
        let [logs, ends, transactions] = self.lengths();
        let (logs, rest) = payload.split_at(logs);
        let (ends, rest) = rest.split_at(ends);
        let (transactions, bytes) = rest.split_at(transactions);
        [logs, ends, transactions, bytes]
    }

    /// The batch of this head and its payload.
    pub(super) fn view<'p>(&self, payload: &'p [u8]) -> BatchView<'p> {
        let [logs, ends, transactions, bytes] = self.parts(payload);
        BatchView {
            chain: ChainId(self.chain),
            batch: BatchNumber(self.batch),
            logs: cast_slice(logs),
            messages: Messages::new(bytes, cast_slice(ends)).unwrap_or_default(),
            transactions: cast_slice(transactions),
            aggregated_root: (self.has_aggregated_root != 0).then_some(self.aggregated_root),
            imt: (self.imt_kind != 0).then(|| imt_roots(self.imt, self.imt_kind == 1)),
        }
    }
}

impl SortRecord for Head {
    type Place = PayloadPlace;

    fn payload_len(&self) -> usize {
        self.lengths().iter().sum::<usize>() + self.message_bytes as usize
    }
}

/// The parts of a batch in the order of a payload.
pub(super) fn payload<'p>(batch: &BatchView<'p>) -> [&'p [u8]; 4] {
    [
        cast_slice(batch.logs),
        cast_slice(batch.messages.ends()),
        cast_slice(batch.transactions),
        batch.messages.bytes(),
    ]
}

/// Batches in the form in which they are collected. Any thread can make them from a part of a source.
#[derive(Debug)]
pub(crate) struct EncodedBatches {
    records: Records<Head>,
    added: ArchiveHeader,
}

impl EncodedBatches {
    /// No batches, with an empty buffer for their logs and messages.
    pub(crate) fn in_buffer(buffer: Vec<u8>) -> Self {
        Self { records: Records::in_buffer(buffer), added: ArchiveHeader::default() }
    }

    /// Adds a batch.
    pub(crate) fn add(&mut self, batch: BatchView<'_>, origin: Origin) {
        let head = Head::new(&batch, origin);
        self.records.push(head, &payload(&batch));
        head.count(&mut self.added);
    }

    /// Gives back memory that was reserved and not used.
    pub(crate) fn shrink(&mut self) {
        self.records.shrink();
    }
}

/// Batches that are to be written to disk.
pub(crate) struct UnwrittenBatches(UnwrittenRun<Head>);

/// Batches on disk.
pub(crate) struct WrittenBatches(WrittenRun<Head>);

impl UnwrittenBatches {
    /// Sorts and writes the batches. Their memory is passed to `free` then.
    ///
    /// # Errors
    /// [`ArchiveError::Output`] when the disk is full or fails.
    pub(crate) fn write(self, free: impl FnMut(Vec<u8>)) -> Result<WrittenBatches, ArchiveError> {
        Ok(WrittenBatches(self.0.write(free)?))
    }
}

/// Collects batches from many sources in any order, and sorts and merges them.
#[derive(Debug)]
pub(crate) struct Collector {
    sort: ExternalSort<Head>,
    sources: Sources,
    /// The largest size in memory, when nothing may be written to disk.
    limit: Option<usize>,
    added: ArchiveHeader,
}

/// The names of the sources.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<String>);

impl Sources {
    fn name(&self, source: u32) -> String {
        self.0.get(source as usize).cloned().unwrap_or_default()
    }

    /// The name of a source and the position in it.
    pub(super) fn describe(&self, origin: Origin) -> String {
        format!("{}{}", self.name(origin.source), origin.place)
    }
}

impl Collector {
    /// Keeps up to `limit` bytes in memory. More than that is spilled to disk, or refused if `spill` is memory.
    pub(crate) fn new(spill: &Spill, limit: usize) -> Self {
        let sort = spill.sort(limit);
        let limit = matches!(spill, Spill::Memory).then_some(limit);
        Self { sort, sources: Sources::default(), limit, added: ArchiveHeader::default() }
    }

    /// Registers a source by name and returns its number for [`Origin`].
    pub(crate) fn source(&mut self, name: &str) -> u32 {
        self.sources.0.push(name.into());
        // The command line cannot name 2^32 files.
        (self.sources.0.len() - 1) as u32
    }

    /// Adds a batch.
    pub(crate) fn add(&mut self, batch: BatchView<'_>, origin: Origin) -> Result<(), ArchiveError> {
        let head = Head::new(&batch, origin);
        self.sort.push(head, &payload(&batch))?;
        head.count(&mut self.added);
        self.check_size(origin.source)
    }

    /// Whether there is room in memory for more batches.
    pub(crate) fn has_room_for(&self, batches: &EncodedBatches) -> bool {
        self.sort.has_room_for(batches.records.size())
    }

    /// Sets the batches in memory aside if there is no room for more of them. They can be written to disk while others are
    /// collected, between [`Collector::unwritten`] and [`Collector::wrote`].
    pub(crate) fn set_aside(&mut self, before: &EncodedBatches) {
        self.sort.set_aside(before.records.size());
    }

    /// Takes the batches that were set aside, to be written.
    pub(crate) fn unwritten(&mut self) -> Result<Option<UnwrittenBatches>, ArchiveError> {
        Ok(self.sort.unwritten()?.map(UnwrittenBatches))
    }

    /// Gives back batches that were written.
    pub(crate) fn wrote(&mut self, WrittenBatches(run): WrittenBatches) {
        self.sort.wrote(run);
    }

    /// Adds batches of a source, whose lines were counted after so many others.
    pub(crate) fn append(
        &mut self,
        mut batches: EncodedBatches,
        (source, lines): (u32, u64),
    ) -> Result<(), ArchiveError> {
        batches.records.each(|head| {
            let Origin { source, place } = head.origin();
            head.origin = Origin { source, place: place.after_lines(lines) }.into();
        });
        self.sort.append(batches.records)?;
        self.added.add(&batches.added);
        self.check_size(source)
    }

    fn check_size(&self, source: u32) -> Result<(), ArchiveError> {
        match self.limit {
            Some(limit) if self.sort.size() > limit => {
                Err(ArchiveError::TooLarge { name: self.name(source), limit })
            }
            _ => Ok(()),
        }
    }

    /// The totals of all added batches, before duplicates are merged.
    pub(crate) fn added(&self) -> &ArchiveHeader {
        &self.added
    }

    /// The name of a source.
    pub(crate) fn name(&self, source: u32) -> String {
        self.sources.name(source)
    }

    /// The name of a source and the position in it.
    pub(crate) fn describe(&self, origin: Origin) -> String {
        self.sources.describe(origin)
    }

    /// Sorts the batches by chain and number, then by their sources.
    pub(super) fn finish(self) -> Result<(SortedWindows<Head>, Sources), OutputError> {
        Ok((self.sort.windows()?, self.sources))
    }
}
