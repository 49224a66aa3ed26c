//! Assembles batches from single logs: logs are sorted by block and by position in the block, assigned to the
//! batches of their blocks, and joined with their messages. Logs that do not fit into memory are sorted on
//! disk.
//!
//! A damaged row excludes the batch that it names, or the batch of its block. If the batch is unknown, the
//! row is only reported: an incomplete batch does not fold to its batch root, so nothing wrong is proven from
//! it.

use std::collections::BTreeSet;

use bytemuck::{Pod, Zeroable};

use super::{BatchBlocks, SourceError, batch_blocks::BlockIn, batch_sink::BatchSink};
use crate::{
    archive::{Origin, PackedOrigin},
    files::{ExternalSort, SortRecord, Sorted, Spill},
    ingest::IndexError,
    message::{L2ToL1Log, LOG_TREE_HEIGHT, MessageList},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The most logs of a batch.
const MOST_LOGS: usize = 1 << LOG_TREE_HEIGHT;
/// The most bytes of a batch's messages.
const MOST_MESSAGE_BYTES: usize = 128 << 20;
/// The most excluded batches kept, in about 30 MB: hostile sources could name any number.
const MOST_EXCLUDED: usize = 1 << 20;
/// The length that means that there is no message.
const NO_MESSAGE: u32 = u32::MAX;

/// The position of a log in its chain: block, transaction in the block, and log in the transaction; or block,
/// log in the block, and zero.
pub(super) type LogPlace = [u64; 3];

/// The meaning of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A part of the block cannot be used, so its batch is incomplete.
    Damaged = 0,
    /// The block's batch exists, with or without logs.
    Seen = 1,
    /// A log.
    Log = 2,
}

/// The batches of blocks, for rows that do not name their batch.
#[derive(Clone, Copy)]
pub(super) struct KnownBlocks<'b> {
    /// The ranges given in addition to the sources.
    pub(super) given: &'b BatchBlocks,
    /// The ranges found in the sources. They have priority.
    pub(super) found: &'b BatchBlocks,
}

impl KnownBlocks<'_> {
    /// The batch of a block, if its row states the batch `stated`.
    fn batch_of(&self, block: u64, stated: Option<BatchNumber>) -> BlockIn {
        match (stated, self.found.batch_of(block)) {
            (Some(batch), _) => BlockIn::Batch(batch),
            (None, BlockIn::Unknown) => self.given.batch_of(block),
            (None, found) => found,
        }
    }
}

/// A log, or another fact about its position. The payload of a log is the log, the transaction's hash and the
/// message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Row {
    at: LogPlace,
    kind: u32,
    /// Of the rows of one log, those with a batch come first, and of these the ones with a message.
    lacks_batch: u32,
    message_len: u32,
    has_index_in_block: u32,
    batch: u64,
    index_in_block: u64,
    origin: PackedOrigin,
}

impl Row {
    pub(super) fn new(
        kind: RowKind,
        at: LogPlace,
        batch: Option<BatchNumber>,
        origin: Origin,
    ) -> Self {
        Self {
            at,
            kind: kind as u32,
            lacks_batch: u32::from(batch.is_none()),
            message_len: NO_MESSAGE,
            has_index_in_block: 0,
            batch: batch.unwrap_or_default().0,
            index_in_block: 0,
            origin: origin.into(),
        }
    }

    fn batch(&self) -> Option<BatchNumber> {
        (self.lacks_batch == 0).then_some(BatchNumber(self.batch))
    }

    fn origin(&self) -> Origin {
        self.origin.into()
    }
}

impl SortRecord for Row {
    type Place = usize;

    fn payload_len(&self) -> usize {
        let message = if self.message_len == NO_MESSAGE { 0 } else { self.message_len as usize };
        if self.kind == RowKind::Log as u32 { L2ToL1Log::LEN + 32 + message } else { 0 }
    }
}

/// A message of the log at a position. The payload is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct PlacedMessage {
    pub(super) at: LogPlace,
    pub(super) len: u64,
}

impl SortRecord for PlacedMessage {
    type Place = usize;

    fn payload_len(&self) -> usize {
        self.len as usize
    }
}

/// The logs of one chain from sources of one form.
pub(super) struct Rows {
    sort: ExternalSort<Row>,
    /// Batches that are known to be incomplete.
    excluded: BTreeSet<BatchNumber>,
}

impl Rows {
    /// Keeps up to `in_memory` bytes of rows in memory, or more with [`Spill::Memory`].
    pub(super) fn new(spill: &Spill, in_memory: usize) -> Self {
        Self { sort: spill.sort(in_memory), excluded: BTreeSet::new() }
    }

    /// Excludes the batch that a damaged part at `origin` names, or the batch of its block.
    pub(super) fn damaged(
        &mut self,
        block: Option<u64>,
        batch: Option<BatchNumber>,
        origin: Origin,
        intake: &BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        match (batch, block) {
            (Some(batch), _) => self.exclude(batch, origin, intake),
            (None, Some(block)) => {
                self.push(Row::new(RowKind::Damaged, [block, 0, 0], None, origin))
            }
            (None, None) => Ok(()),
        }
    }

    /// Excludes a batch because of a damaged part at `origin`.
    pub(super) fn exclude(
        &mut self,
        batch: BatchNumber,
        origin: Origin,
        intake: &BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        self.excluded.insert(batch);
        if self.excluded.len() > MOST_EXCLUDED {
            let full = SourceError::TooManyBatches { limit: MOST_EXCLUDED };
            return Err(intake.error(origin, "damaged rows or receipts", full));
        }
        Ok(())
    }

    /// Adds a row that is not a log.
    pub(super) fn push(&mut self, row: Row) -> Result<(), IndexError> {
        Ok(self.sort.push(row, &[])?)
    }

    /// Adds a log, with its position among the logs of its block if the source has it.
    pub(super) fn push_log(
        &mut self,
        mut row: Row,
        index_in_block: Option<u64>,
        log: &L2ToL1Log,
        transaction: &Hash,
        message: Option<&[u8]>,
    ) -> Result<(), IndexError> {
        row.has_index_in_block = u32::from(index_in_block.is_some());
        row.index_in_block = index_in_block.unwrap_or(0);
        // All values of a source are shorter than 2^32 bytes.
        row.message_len = message.map_or(NO_MESSAGE, |message| message.len() as u32);
        let parts = [&log.as_bytes()[..], transaction.as_bytes(), message.unwrap_or_default()];
        Ok(self.sort.push(row, &parts)?)
    }

    /// Passes the batches to `finish` in the order of their blocks, without the excluded ones.
    pub(super) fn assemble(
        mut self,
        chain: ChainId,
        known: KnownBlocks<'_>,
        messages: Sorted<PlacedMessage>,
        intake: &mut BatchSink<'_, '_>,
        mut finish: impl FnMut(Assembled, &mut BatchSink<'_, '_>) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut rows = std::mem::replace(&mut self.sort, ExternalSort::in_memory()).finish()?;
        let mut messages = Messages { sorted: messages, next: None, bytes: Vec::new() };
        messages.advance()?;
        let mut open: Option<Assembled> = None;
        let mut unknown_block = None;
        let mut last_log = None;
        while let Some((row, payload)) = rows.next()? {
            let block = row.at[0];
            // A receipt that was asked for before its block was in a batch does not name the batch; a later
            // one of the same transaction does.
            let stated = match last_log {
                Some((at, batch)) if at == row.at => row.batch().or(Some(batch)),
                _ => row.batch(),
            };
            let known = match known.batch_of(block, stated) {
                BlockIn::Batch(batch) => Some(batch),
                BlockIn::NoBatchYet => {
                    intake.state.in_no_batch_yet += u64::from(row.kind == RowKind::Log as u32);
                    None
                }
                BlockIn::Unknown => {
                    if row.kind == RowKind::Log as u32 && unknown_block != Some(block) {
                        unknown_block = Some(block);
                        let error = SourceError::NoBatch { block };
                        intake.fault(row.origin(), format!("logs of chain {chain}"), error)?;
                    }
                    None
                }
            };
            let Some(number) = known else { continue };
            if row.kind == RowKind::Log as u32 {
                last_log = Some((row.at, number));
            }
            if row.kind == RowKind::Damaged as u32 {
                self.exclude(number, row.origin(), intake)?;
            }
            if self.excluded.contains(&number) {
                continue;
            }
            let batch = match &mut open {
                Some(batch) if batch.batch == number => batch,
                _ => {
                    let complete = open.replace(Assembled::new(number, row.origin()));
                    self.give(complete, intake, &mut finish)?;
                    let Some(batch) = &mut open else { continue };
                    batch
                }
            };
            if let Err(error) = batch.add(&row, payload, &mut messages)? {
                self.exclude(number, row.origin(), intake)?;
                intake.fault(row.origin(), format!("chain {chain}, batch {number}"), error)?;
            }
        }
        self.give(open, intake, &mut finish)
    }

    /// Passes a batch to `finish`, unless it was excluded after its first row.
    fn give(
        &self,
        batch: Option<Assembled>,
        intake: &mut BatchSink<'_, '_>,
        finish: &mut impl FnMut(Assembled, &mut BatchSink<'_, '_>) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        match batch.filter(|batch| !self.excluded.contains(&batch.batch)) {
            Some(batch) => finish(batch, intake),
            None => Ok(()),
        }
    }
}

/// Messages by the positions of their logs.
struct Messages {
    sorted: Sorted<PlacedMessage>,
    next: Option<LogPlace>,
    bytes: Vec<u8>,
}

impl Messages {
    fn advance(&mut self) -> Result<(), IndexError> {
        let next = self.sorted.next()?;
        self.bytes.clear();
        self.next = next.map(|(key, bytes)| {
            self.bytes.extend_from_slice(bytes);
            key.at
        });
        Ok(())
    }

    /// The message of the log at a position. Positions must ascend from call to call.
    fn at(&mut self, at: LogPlace) -> Result<Option<&[u8]>, IndexError> {
        while self.next.is_some_and(|next| next < at) {
            self.advance()?;
        }
        Ok((self.next == Some(at)).then_some(&self.bytes))
    }
}

/// A batch assembled from its rows.
pub(super) struct Assembled {
    pub(super) batch: BatchNumber,
    /// The origin of its first row.
    pub(super) origin: Origin,
    pub(super) logs: Vec<L2ToL1Log>,
    pub(super) transactions: Vec<Hash>,
    /// The messages that are known.
    pub(super) messages: MessageList,
    /// The number of messages that are not known.
    pub(super) missing: u64,
    /// The position of the last log.
    last: Option<LogPlace>,
    /// Whether the row of the last log named the batch.
    last_has_batch: bool,
    /// Whether the message of the last log is missing.
    last_lacks_message: bool,
    /// The block, and the next log expected in it.
    next: (u64, u64),
}

impl Assembled {
    fn new(batch: BatchNumber, origin: Origin) -> Self {
        Self {
            batch,
            origin,
            logs: Vec::new(),
            transactions: Vec::new(),
            messages: MessageList::default(),
            missing: 0,
            last: None,
            last_has_batch: false,
            last_lacks_message: false,
            next: (0, 0),
        }
    }

    /// Adds a row. The inner error means that the batch is incomplete.
    fn add(
        &mut self,
        row: &Row,
        payload: &[u8],
        messages: &mut Messages,
    ) -> Result<Result<(), SourceError>, IndexError> {
        if row.kind != RowKind::Log as u32 {
            return Ok(Ok(()));
        }
        let [block, transaction, index] = row.at;
        let Some((log, rest)) = payload.split_first_chunk::<{ L2ToL1Log::LEN }>() else {
            return Ok(Ok(()));
        };
        let Some((hash, message)) = rest.split_first_chunk::<32>() else { return Ok(Ok(())) };
        let (log, hash) = (L2ToL1Log::new(*log), Hash::new(*hash));
        if self.last == Some(row.at) {
            // The same answer occurred twice. Before the block was in a batch, the node did not know the
            // number of the transaction in it.
            let was_early = self.last_has_batch && row.lacks_batch != 0;
            let is_same = |last: &L2ToL1Log| {
                let (one, two) = (last.as_bytes(), log.as_bytes());
                one[..2] == two[..2]
                    && (was_early || one[2..4] == two[2..4])
                    && one[4..] == two[4..]
            };
            if !self.logs.last().is_some_and(is_same) || self.transactions.last() != Some(&hash) {
                return Ok(Err(SourceError::TwoLogs { block, transaction, index }));
            }
            if self.last_lacks_message && row.message_len != NO_MESSAGE {
                self.messages.push(message);
                self.missing -= 1;
                self.last_lacks_message = false;
            }
            return Ok(Ok(()));
        }
        self.last = Some(row.at);
        self.last_has_batch = row.lacks_batch == 0;
        self.last_lacks_message = false;
        if self.next.0 != block {
            self.next = (block, 0);
        }
        if row.has_index_in_block != 0 {
            let (expected, got) = (self.next.1, row.index_in_block);
            if expected != got {
                return Ok(Err(SourceError::MissingLog { block, expected, got }));
            }
            self.next.1 += 1;
        }
        if self.logs.len() == MOST_LOGS {
            return Ok(Err(SourceError::TooMany { what: "the logs", limit: MOST_LOGS }));
        }
        if log.is_message() {
            let placed = match row.message_len {
                NO_MESSAGE => messages.at(row.at)?,
                _ => Some(message),
            };
            match placed {
                Some(message) => self.messages.push(message),
                None => {
                    self.missing += 1;
                    self.last_lacks_message = true;
                }
            }
            if self.messages.view().bytes().len() > MOST_MESSAGE_BYTES {
                let what = "the bytes of the messages";
                return Ok(Err(SourceError::TooMany { what, limit: MOST_MESSAGE_BYTES }));
            }
        }
        self.logs.push(log);
        self.transactions.push(hash);
        Ok(Ok(()))
    }
}
