use bytemuck::{Pod, Zeroable, cast_slice};

use super::{
    ArchiveHeader, Origin,
    origin::PackedOrigin,
    rows::{imt_entry, imt_roots},
};
use crate::{
    archive::ArchiveError,
    files::{ExternalSort, OutputError, SortRecord, Sorted, Spill},
    message::{BatchPart, BatchView, ImtRoots, Messages},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The fixed-width part of a batch while it is sorted. Its payload is the logs, the ends of the messages, the
/// transaction hashes and the bytes of the messages. It never leaves this process, so its integers have the
/// machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Head {
    chain: u64,
    batch: u64,
    origin: PackedOrigin,
    message_bytes: u64,
    logs: u32,
    messages: u32,
    has_transactions: u32,
    has_aggregated_root: u32,
    /// 1 if both roots of the interop commitment tree are known, 2 if only the node above them is.
    imt_kind: u64,
    aggregated_root: Hash,
    imt: [Hash; 2],
}

impl Head {
    fn new(batch: &BatchView<'_>, origin: Origin) -> Self {
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

    fn key(&self) -> (u64, u64) {
        (self.chain, self.batch)
    }

    fn origin(&self) -> Origin {
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

    /// The batch of this head and its payload.
    fn view<'p>(&self, payload: &'p [u8]) -> BatchView<'p> {
        let [logs, ends, transactions] = self.lengths();
        let (logs, rest) = payload.split_at(logs);
        let (ends, rest) = rest.split_at(ends);
        let (transactions, bytes) = rest.split_at(transactions);
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
    type Place = usize;

    fn payload_len(&self) -> usize {
        self.lengths().iter().sum::<usize>() + self.message_bytes as usize
    }
}

/// The parts of a batch in the order of a payload.
fn payload<'p>(batch: &BatchView<'p>) -> [&'p [u8]; 4] {
    [
        cast_slice(batch.logs),
        cast_slice(batch.messages.ends()),
        cast_slice(batch.transactions),
        batch.messages.bytes(),
    ]
}

/// Collects batches from many sources in any order, and sorts and merges them.
#[derive(Debug)]
pub(crate) struct Collector {
    sort: ExternalSort<Head>,
    sources: Vec<String>,
    /// The largest size in memory, when nothing may be written to disk.
    limit: Option<usize>,
    added: ArchiveHeader,
}

impl Collector {
    /// Keeps up to `limit` bytes in memory. More than that is spilled to disk, or refused if `spill` is memory.
    pub(crate) fn new(spill: &Spill, limit: usize) -> Self {
        let sort = spill.sort(limit);
        let limit = matches!(spill, Spill::Memory).then_some(limit);
        Self { sort, sources: Vec::new(), limit, added: ArchiveHeader::default() }
    }

    /// Registers a source by name and returns its number for [`Origin`].
    pub(crate) fn source(&mut self, name: &str) -> u32 {
        self.sources.push(name.into());
        // The command line cannot name 2^32 files.
        (self.sources.len() - 1) as u32
    }

    /// Adds a batch.
    pub(crate) fn add(&mut self, batch: BatchView<'_>, origin: Origin) -> Result<(), ArchiveError> {
        self.sort.push(Head::new(&batch, origin), &payload(&batch))?;
        count(&mut self.added, &batch);
        match self.limit {
            Some(limit) if self.sort.size() > limit => {
                Err(ArchiveError::TooLarge { name: self.name(origin.source), limit })
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
        self.sources.get(source as usize).cloned().unwrap_or_default()
    }

    /// The name of a source and the position in it.
    pub(crate) fn describe(&self, origin: Origin) -> String {
        format!("{}{}", self.name(origin.source), origin.place)
    }

    /// Passes each batch once to `take`, ordered by chain and batch number. A batch with contradicting
    /// sources is passed to `conflict` instead. Returns how many batches were merged into others.
    pub(super) fn drain(
        mut self,
        mut take: impl FnMut(BatchView<'_>) -> Result<(), OutputError>,
        mut conflict: impl FnMut(ArchiveError) -> Result<(), ArchiveError>,
    ) -> Result<u64, ArchiveError> {
        let mut merged = 0;
        let sort = std::mem::replace(&mut self.sort, ExternalSort::in_memory());
        let mut sorted: Sorted<Head> = sort.finish()?;
        let mut group: Option<Group> = None;
        // The buffer is reused for the next group, so that a batch needs no allocation.
        let mut spare = Vec::new();
        while let Some((head, bytes)) = sorted.next()? {
            match &mut group {
                Some(known) if known.head.key() == head.key() => {
                    if known.is_contradicted {
                        continue;
                    }
                    if let Err((part, first)) = known.merge(head, bytes) {
                        known.is_contradicted = true;
                        conflict(ArchiveError::Conflict {
                            chain: ChainId(head.chain),
                            batch: BatchNumber(head.batch),
                            part,
                            first: self.describe(first),
                            second: self.describe(head.origin()),
                        })?;
                    }
                }
                other => {
                    if let Some(complete) = other.take() {
                        merged += complete.give(&mut take)?;
                        spare = complete.payload;
                    }
                    spare.clear();
                    spare.extend_from_slice(bytes);
                    *other = Some(Group::new(head, std::mem::take(&mut spare)));
                }
            }
        }
        merged += group.map_or(Ok(0), |last| last.give(&mut take))?;
        Ok(merged)
    }
}

/// Adds a batch to the totals.
pub(super) fn count(header: &mut ArchiveHeader, batch: &BatchView<'_>) {
    header.batches += 1;
    header.logs += batch.logs.len() as u64;
    header.messages += batch.messages.len() as u64;
    header.message_bytes += batch.messages.bytes().len() as u64;
    header.transactions += batch.transactions.len() as u64;
    header.imt += u64::from(batch.imt.is_some());
}

/// One batch, merged from all sources so far.
struct Group {
    head: Head,
    payload: Vec<u8>,
    /// Whether two sources contradict each other, so that neither is used.
    is_contradicted: bool,
    /// How many other batches were merged into the first.
    merged: u64,
    /// The first source of each part.
    messages: Option<Origin>,
    transactions: Option<Origin>,
    aggregated_root: Option<Origin>,
    imt: Option<Origin>,
}

impl Group {
    fn new(head: Head, payload: Vec<u8>) -> Self {
        let mut group = Self {
            head,
            payload,
            is_contradicted: false,
            merged: 0,
            messages: None,
            transactions: None,
            aggregated_root: None,
            imt: None,
        };
        group.note_origins(&head);
        group
    }

    fn note_origins(&mut self, head: &Head) {
        let note = |first: &mut Option<Origin>, has: bool| {
            if has {
                first.get_or_insert(head.origin());
            }
        };
        note(&mut self.messages, head.messages != 0);
        note(&mut self.transactions, head.has_transactions != 0);
        note(&mut self.aggregated_root, head.has_aggregated_root != 0);
        note(&mut self.imt, head.imt_kind != 0);
    }

    fn view(&self) -> BatchView<'_> {
        self.head.view(&self.payload)
    }

    /// Passes the batch to `take` and returns how many others were merged into it.
    fn give(
        &self,
        take: &mut impl FnMut(BatchView<'_>) -> Result<(), OutputError>,
    ) -> Result<u64, OutputError> {
        if self.is_contradicted {
            return Ok(0);
        }
        take(self.view())?;
        Ok(self.merged)
    }

    /// Merges the batch of another source. On a contradiction, returns the part that differs and its first
    /// source.
    fn merge(&mut self, other: Head, bytes: &[u8]) -> Result<(), (BatchPart, Origin)> {
        let merged = self.view().merge(other.view(bytes)).map_err(|part| {
            let first = match part {
                BatchPart::Logs => None,
                BatchPart::Messages => self.messages,
                BatchPart::Transactions => self.transactions,
                BatchPart::AggregatedRoot => self.aggregated_root,
                BatchPart::ImtRoots => self.imt,
            };
            (part, first.unwrap_or(self.head.origin()))
        })?;
        if merged != self.view() {
            let head = Head::new(&merged, self.head.origin());
            self.payload = payload(&merged).concat();
            self.head = head;
        }
        self.note_origins(&other);
        self.merged += 1;
        Ok(())
    }
}
