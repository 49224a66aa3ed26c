//! Assembles batches from single logs: logs are sorted by block and by position in the block, assigned to the
//! batches of their blocks, and joined with their messages. Logs that do not fit into memory are sorted on
//! disk.
//!
//! A damaged row excludes the batch that it names, or the batch of its block. If the batch is unknown, the
//! row is only reported: an incomplete batch does not fold to its batch root, so nothing wrong is proven from
//! it. A source that ends in damage may lack any rows. Without roots to compare with, it excludes every batch of which it
//! has a part.

use std::collections::{BTreeSet, HashMap};

use super::{
    SourceError,
    batch_blocks::{BlockIn, KnownBlocks},
    batch_sink::BatchSink,
    block_rows::{Blocks, Contradiction},
    found_batches::FoundBatches,
    row::{EmittedLog, LogPosition, PlacedMessage, Row, RowKind},
};
use crate::{
    archive::Origin,
    files::{ExternalSort, Sorted, Spill},
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

/// The logs of one chain from sources of one form.
pub(super) struct Rows {
    sort: ExternalSort<Row>,
    /// Batches that are known to be incomplete.
    excluded: BTreeSet<BatchNumber>,
    /// Sources of which the end is not known.
    cut: BTreeSet<u32>,
    /// Whether a log does not state its batch.
    has_unnumbered: bool,
}

impl Rows {
    /// Keeps up to `in_memory` bytes of rows in memory, or more with [`Spill::Memory`].
    pub(super) fn new(spill: &Spill, in_memory: usize) -> Self {
        let (excluded, cut) = Default::default();
        Self { sort: spill.sort(in_memory), excluded, cut, has_unnumbered: false }
    }

    /// Notes how the reading of a source ended.
    pub(super) fn end_of<T>(
        &mut self,
        source: u32,
        read: Result<T, IndexError>,
        intake: &BatchSink<'_, '_>,
    ) -> Result<T, IndexError> {
        if read.is_err() && intake.state.check.is_none() {
            self.cut.insert(source);
        }
        read
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

    /// Adds a log.
    pub(super) fn push_log(
        &mut self,
        row: Row,
        log: &L2ToL1Log,
        transaction: &Hash,
        message: Option<&[u8]>,
    ) -> Result<(), IndexError> {
        self.has_unnumbered |= row.batch().is_none();
        let parts = [&log.as_bytes()[..], transaction.as_bytes(), message.unwrap_or_default()];
        Ok(self.sort.push(row.with_message(message), &parts)?)
    }

    /// Passes the batches to `finish` in the order of their blocks, without the excluded ones. The batches of
    /// logs that are not known otherwise are found by their roots, if the check has those of the chain.
    pub(super) fn assemble(
        mut self,
        chain: ChainId,
        known: KnownBlocks<'_>,
        messages: Sorted<PlacedMessage>,
        intake: &mut BatchSink<'_, '_>,
        mut finish: impl FnMut(Assembled, &mut BatchSink<'_, '_>) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let rows = std::mem::replace(&mut self.sort, ExternalSort::in_memory()).finish()?;
        let mut blocks = Blocks::new(rows)?;
        let check = intake.state.check.filter(|_| self.has_unnumbered);
        let mut found = match check.and_then(|check| check.batch_roots(chain)) {
            Some(roots) => FoundBatches::search(&mut blocks, known, &roots)?,
            None => FoundBatches::default(),
        };
        let mut messages = Messages::new(messages)?;
        let mut open: Option<Assembled> = None;
        let mut position = 0;
        while let Some(block) = blocks.next()? {
            for Contradiction { origin, batches, error } in block.take_contradictions() {
                for stated in batches {
                    if let BlockIn::Batch(number) = known.batch_of(block.number(), stated) {
                        self.exclude(number, origin, intake)?;
                    }
                }
                intake.fault(origin, format!("logs of chain {chain}"), error)?;
            }
            messages.enter(block.number())?;
            for (row, payload) in block.rows() {
                let origin = row.origin();
                position += u64::from(row.is_log());
                let (number, is_certain) = match known.batch_of(row.block(), row.batch()) {
                    BlockIn::Batch(number) => (number, true),
                    BlockIn::NoBatchYet => {
                        intake.state.in_no_batch_yet += u64::from(row.is_log());
                        continue;
                    }
                    BlockIn::Unknown if row.is_log() => match found.batch_of(position, row.block())
                    {
                        Ok(found) => found,
                        Err(None) => continue,
                        Err(Some(error)) => {
                            intake.fault(origin, format!("logs of chain {chain}"), error)?;
                            continue;
                        }
                    },
                    BlockIn::Unknown => continue,
                };
                if row.is(RowKind::Damaged) || self.cut.contains(&origin.source) {
                    self.exclude(number, origin, intake)?;
                }
                if self.excluded.contains(&number) {
                    continue;
                }
                let batch = match &mut open {
                    Some(batch) if batch.batch == number => batch,
                    _ => {
                        let complete = open.replace(Assembled::new(number, origin));
                        self.give(complete, intake, &mut finish)?;
                        let Some(batch) = &mut open else { continue };
                        batch
                    }
                };
                batch.is_certain &= is_certain;
                if let Err(error) = batch.add(row, payload, &messages) {
                    self.exclude(number, origin, intake)?;
                    intake.fault(origin, format!("chain {chain}, batch {number}"), error)?;
                }
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
            Some(mut batch) => {
                if !batch.is_certain {
                    batch.transactions.clear();
                }
                finish(batch, intake)
            }
            None => Ok(()),
        }
    }
}

/// Messages by the positions of their logs.
struct Messages {
    sorted: Sorted<PlacedMessage>,
    next: Option<LogPosition>,
    bytes: Vec<u8>,
    /// The messages of one block.
    of_block: HashMap<LogPosition, Vec<u8>>,
}

impl Messages {
    fn new(sorted: Sorted<PlacedMessage>) -> Result<Self, IndexError> {
        let of_block = HashMap::new();
        let mut messages = Self { sorted, next: None, bytes: Vec::new(), of_block };
        messages.advance()?;
        Ok(messages)
    }

    fn advance(&mut self) -> Result<(), IndexError> {
        let next = self.sorted.next()?;
        self.bytes.clear();
        self.next = next.map(|(key, bytes)| {
            self.bytes.extend_from_slice(bytes);
            key.at
        });
        Ok(())
    }

    /// Reads the messages of a block, up to the limit for a batch. Blocks must ascend from call to call.
    fn enter(&mut self, block: u64) -> Result<(), IndexError> {
        self.of_block.clear();
        let mut left = MOST_MESSAGE_BYTES;
        while let Some(at) = self.next.filter(|at| at[0] <= block) {
            if at[0] == block && self.bytes.len() <= left {
                left -= self.bytes.len();
                self.of_block.insert(at, std::mem::take(&mut self.bytes));
            }
            self.advance()?;
        }
        Ok(())
    }
}

/// A batch assembled from its rows.
pub(super) struct Assembled {
    pub(super) batch: BatchNumber,
    /// The origin of its first row.
    pub(super) origin: Origin,
    pub(super) logs: Vec<L2ToL1Log>,
    /// The transaction of each log. Empty if they may be those of another batch with the same logs.
    pub(super) transactions: Vec<Hash>,
    /// The messages that are known.
    pub(super) messages: MessageList,
    /// The number of messages that are not known.
    pub(super) missing: u64,
    /// Whether the transactions are those of this batch.
    is_certain: bool,
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
            is_certain: true,
            next: (0, 0),
        }
    }

    /// Adds a row. The error means that the batch is incomplete.
    fn add(&mut self, row: &Row, payload: &[u8], messages: &Messages) -> Result<(), SourceError> {
        if !row.is_log() {
            return Ok(());
        }
        let block = row.block();
        let (EmittedLog { log, transaction }, message) = EmittedLog::split(payload);
        if self.next.0 != block {
            self.next = (block, 0);
        }
        let expected = self.next.1;
        if let Some(got) = row.index_in_block().filter(|got| *got != expected) {
            return Err(SourceError::MissingLog { block, expected, got });
        }
        self.next.1 += 1;
        if self.logs.len() == MOST_LOGS {
            return Err(SourceError::TooMany { what: "the logs", limit: MOST_LOGS });
        }
        if log.is_message() {
            let placed = match row.has_message() {
                true => Some(message),
                false => messages.of_block.get(&row.at).map(Vec::as_slice),
            };
            match placed {
                Some(message) => self.messages.push(message),
                None => self.missing += 1,
            }
            if self.messages.view().bytes().len() > MOST_MESSAGE_BYTES {
                let what = "the bytes of the messages";
                return Err(SourceError::TooMany { what, limit: MOST_MESSAGE_BYTES });
            }
        }
        self.logs.push(log);
        self.transactions.push(transaction);
        Ok(())
    }
}
