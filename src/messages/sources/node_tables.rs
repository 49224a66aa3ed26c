//! The tables of a zksync-era node that logs are in:
//!
//! ```text
//! l2_to_l1_logs   miniblock_number, log_index_in_miniblock, tx_hash, shard_id, is_service,
//!                 tx_index_in_l1_batch, sender, key, value                 [l1_batch_number]
//! miniblocks      number, l1_batch_number
//! l1_batches      number, l2_to_l1_messages                                [aggregation_root]
//! ```
//!
//! The leaves of a batch are the logs of its miniblocks in order, in a miniblock by
//! `log_index_in_miniblock`, which counts from 0; the u16 is `tx_index_in_l1_batch`. The messages are those of
//! the logs with sender 0x8008, in their order. `l1_batch_number` beside the logs, as of a query that
//! joins the two, makes miniblocks unnecessary. Source: migrations of zksync-era's `core/lib/dal`.

use std::{collections::BTreeSet, path::Path};

use bytemuck::{Pod, Zeroable, cast_slice};

use super::{
    BatchBlocks, SourceError,
    assembly::{Assembled, PlacedMessage, Row, RowKind, Rows},
    batch_order::{Known, OrderSort},
    intake::Intake,
    postgres_text::{Record, boolean, bytea_array, fixed, integer, required},
    receipts::sort,
};
use crate::{
    files::{ExternalSort, SortRecord, Sorted},
    messages::{
        ArchiveError, BatchLogs, L2ToL1Log, LogsError, MessageList,
        archive::{Origin, Place},
    },
    primitives::{BatchNumber, ChainId, Hash},
};

/// How much of the logs, and of the messages, is in memory.
const IN_MEMORY: usize = 96 << 20;
/// How much of the blocks of the logs.
const ORDER_IN_MEMORY: usize = 32 << 20;
/// The most damaged batches that are kept in mind.
const MOST_SPOILED: usize = 1 << 20;

const LOG_COLUMNS: [&str; 10] = [
    "miniblock_number",
    "log_index_in_miniblock",
    "tx_hash",
    "shard_id",
    "is_service",
    "tx_index_in_l1_batch",
    "sender",
    "key",
    "value",
    "l1_batch_number",
];
const BLOCK_COLUMNS: [&str; 2] = ["number", "l1_batch_number"];
const BATCH_COLUMNS: [&str; 3] = ["number", "l2_to_l1_messages", "aggregation_root"];

/// Which table rows are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableKind {
    Logs,
    Blocks,
    Batches,
}

/// Where the columns of a table stand in its rows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) kind: TableKind,
    pub(super) columns: usize,
    /// By the lists of columns above.
    places: Vec<Option<usize>>,
}

impl Table {
    /// The table with this name; `None` when it is none of those needed.
    pub(super) fn named(name: &str, columns: &[&str]) -> Option<Result<Self, SourceError>> {
        let kind = match name {
            "l2_to_l1_logs" => TableKind::Logs,
            "miniblocks" => TableKind::Blocks,
            "l1_batches" => TableKind::Batches,
            _ => return None,
        };
        Some(Self::new(kind, columns))
    }

    /// The table with these columns; `None` when it is none of those needed.
    pub(super) fn with_columns(columns: &[&str]) -> Option<Result<Self, SourceError>> {
        let has = |name| columns.contains(&name);
        let kind = if has("miniblock_number") && has("log_index_in_miniblock") {
            TableKind::Logs
        } else if has("number") && has("l2_to_l1_messages") {
            TableKind::Batches
        } else if has("number") && has("l1_batch_number") {
            TableKind::Blocks
        } else {
            return None;
        };
        Some(Self::new(kind, columns))
    }

    fn new(kind: TableKind, columns: &[&str]) -> Result<Self, SourceError> {
        let (wanted, required): (&[&'static str], usize) = match kind {
            TableKind::Logs => (&LOG_COLUMNS, 9),
            TableKind::Blocks => (&BLOCK_COLUMNS, 2),
            TableKind::Batches => (&BATCH_COLUMNS, 2),
        };
        let place = |name: &&str| columns.iter().position(|column| column == name);
        let places: Vec<_> = wanted.iter().map(place).collect();
        match places[..required].iter().zip(wanted).find(|(place, _)| place.is_none()) {
            Some((_, field)) => Err(SourceError::Missing { what: "the table".into(), field }),
            None => Ok(Self { kind, columns: columns.len(), places }),
        }
    }

    /// A column that may be NULL, or not be there.
    fn optional<'r>(&self, record: &'r Record, column: usize) -> Option<&'r [u8]> {
        record.get(self.places[column]?)
    }

    fn required<'r>(
        &self,
        record: &'r Record,
        column: usize,
        name: &'static str,
    ) -> Result<&'r [u8], SourceError> {
        required(record, self.places[column].unwrap_or(usize::MAX), name)
    }

    fn integer(
        &self,
        record: &Record,
        column: usize,
        name: &'static str,
    ) -> Result<u64, SourceError> {
        integer(self.required(record, column, name)?, name)
    }

    fn fixed<const N: usize>(
        &self,
        record: &Record,
        column: usize,
        name: &'static str,
    ) -> Result<[u8; N], SourceError> {
        fixed(self.required(record, column, name)?, name)
    }
}

/// The tables of one node, from any number of files, until they are put together.
pub(super) struct NodeTables {
    chain: ChainId,
    logs: Rows,
    has_logs: bool,
    blocks: BatchBlocks,
    messages: ExternalSort<BatchMessages>,
    /// The batches whose messages are damaged.
    spoiled: BTreeSet<BatchNumber>,
    seen: Option<u64>,
}

impl NodeTables {
    pub(super) fn new(chain: ChainId, beside: Option<&Path>) -> Self {
        Self {
            chain,
            logs: Rows::new(sort(beside, IN_MEMORY), OrderSort::beside(beside, ORDER_IN_MEMORY)),
            has_logs: false,
            blocks: BatchBlocks::default(),
            messages: sort(beside, IN_MEMORY),
            spoiled: BTreeSet::new(),
            seen: None,
        }
    }

    /// Notes that a table is there, even if it has no rows.
    pub(super) fn begin(&mut self, table: &Table) {
        self.has_logs |= table.kind == TableKind::Logs;
    }

    /// Reads a row.
    pub(super) fn row(
        &mut self,
        table: &Table,
        record: &Record,
        origin: Origin,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(), ArchiveError> {
        if record.len() != table.columns {
            let (expected, got) = (table.columns, record.len());
            let hint = "a tab or a comma in a value was not escaped, or the line is cut";
            let error = SourceError::Columns { expected, got, hint };
            return intake.fault(origin, "a row that cannot be used", error);
        }
        match table.kind {
            TableKind::Logs => self.log(table, record, origin, intake),
            TableKind::Blocks => self.block(table, record, origin, intake),
            TableKind::Batches => self.batch(table, record, origin, intake),
        }
    }

    fn log(
        &mut self,
        table: &Table,
        record: &Record,
        origin: Origin,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(), ArchiveError> {
        let block = match table.integer(record, 0, LOG_COLUMNS[0]) {
            Ok(block) => block,
            Err(error) => {
                let what = "a log of no block, which a batch may lack; --tree tells which";
                return intake.fault(origin, what, error);
            }
        };
        match log(table, record) {
            Ok((index, hash, log, batch)) => {
                let row = Row::new(RowKind::Log, [block, index, 0], batch, origin);
                self.logs.push_log(row, Some(index), &log, &hash, None)
            }
            Err(error) => {
                let batch = table.optional(record, 9).map(|text| integer(text, LOG_COLUMNS[9]));
                let batch = batch.and_then(Result::ok).map(BatchNumber);
                self.logs.spoil(block, batch, origin)?;
                let what =
                    format!("a log of block {block}, without which the block's batch is left out");
                intake.fault(origin, what, error)
            }
        }
    }

    fn block(
        &mut self,
        table: &Table,
        record: &Record,
        origin: Origin,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(), ArchiveError> {
        let read = || -> Result<_, SourceError> {
            let block = table.integer(record, 0, BLOCK_COLUMNS[0])?;
            let batch = table.optional(record, 1).map(|text| integer(text, BLOCK_COLUMNS[1]));
            Ok((block, batch.transpose()?.map(BatchNumber)))
        };
        let added = read().and_then(|(block, batch)| {
            self.blocks.insert(block, block, batch).map(|()| (block, batch))
        });
        match added {
            Ok((block, Some(batch))) if self.seen != Some(batch.0) => {
                self.seen = Some(batch.0);
                self.logs.push(Row::new(RowKind::Seen, [block, 0, 0], None, origin))
            }
            Ok(_) => Ok(()),
            Err(error @ SourceError::TooMany { .. }) => {
                Err(intake.error(origin, "too scattered; export ordered by number", error))
            }
            Err(error) => {
                if let SourceError::TwoBatches { one, other, .. } = error {
                    self.spoil(one, origin, intake)?;
                    self.spoil(other, origin, intake)?;
                }
                intake.fault(origin, "a miniblock", error)
            }
        }
    }

    fn batch(
        &mut self,
        table: &Table,
        record: &Record,
        origin: Origin,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(), ArchiveError> {
        let number = match table.integer(record, 0, BATCH_COLUMNS[0]) {
            Ok(number) => number,
            Err(error) => return intake.fault(origin, "a batch without its number", error),
        };
        let read = || -> Result<_, SourceError> {
            let text = table.required(record, 1, BATCH_COLUMNS[1])?;
            let root = table.optional(record, 2).map(|text| fixed(text, BATCH_COLUMNS[2]));
            Ok((bytea_array(text, BATCH_COLUMNS[1])?, root.transpose()?))
        };
        match read() {
            Ok(((bytes, ends), root)) => {
                let key = BatchMessages {
                    batch: number,
                    has_root: root.is_some().into(),
                    root: root.unwrap_or_default(),
                    messages: ends.len() as u64,
                    bytes: bytes.len() as u64,
                    source: origin.source.into(),
                    place: origin.place.pack(),
                };
                Ok(self.messages.push(key, &[cast_slice(&ends), &bytes])?)
            }
            Err(error) => {
                self.spoil(BatchNumber(number), origin, intake)?;
                intake.fault(origin, format!("batch {number}, which is left out"), error)
            }
        }
    }

    fn spoil(
        &mut self,
        batch: BatchNumber,
        origin: Origin,
        intake: &Intake<'_, '_>,
    ) -> Result<(), ArchiveError> {
        if self.spoiled.len() == MOST_SPOILED {
            let error = SourceError::TooMany { what: "the damaged batches", limit: MOST_SPOILED };
            return Err(intake.error(origin, "no table of a node", error));
        }
        self.spoiled.insert(batch);
        Ok(())
    }

    /// Puts the batches together; `given` says which blocks they have, where miniblocks do not.
    pub(super) fn finish(
        self,
        given: &BatchBlocks,
        intake: &mut Intake<'_, '_>,
    ) -> Result<(), ArchiveError> {
        if !self.has_logs {
            let reason = "there is no l2_to_l1_logs among them".into();
            return Err(ArchiveError::Refused { name: "the tables of the node".into(), reason });
        }
        let (chain, spoiled) = (self.chain, self.spoiled);
        let mut lists = Lists { sorted: self.messages.finish()?, next: None };
        lists.advance()?;
        let no_others = ExternalSort::<PlacedMessage>::in_memory().finish()?;
        let known = Known { given, found: &self.blocks };
        self.logs.assemble(chain, known, no_others, intake, |batch, intake| {
            if spoiled.contains(&batch.batch) {
                return Ok(());
            }
            let Assembled { batch: number, mut origin, logs, transactions, missing, .. } = batch;
            let list = match lists.of(number)? {
                Some(Err(origin)) => {
                    let what = format!("chain {chain}, batch {number}");
                    let reason = "is given twice, with different messages or roots".into();
                    let error = SourceError::Bad { what: "the batch".into(), reason };
                    return intake.fault(origin, what, error);
                }
                Some(Ok(list)) => Some(list),
                None => None,
            };
            let root = list.as_ref().and_then(|list| list.root);
            let mut messages = MessageList::default();
            match list {
                Some(list) if !list.messages.view().is_empty() => {
                    messages = list.messages;
                    origin = list.origin;
                }
                _ if missing > 0 => intake.state.without_messages += 1,
                _ => {}
            }
            let made: Result<_, LogsError> = BatchLogs::new(chain, number, logs, messages, root)
                .and_then(|made| made.with_transactions(transactions));
            intake.made(chain, number, made, origin)
        })
    }
}

/// A log, its place in its block, its transaction, and its batch where that stands beside it.
fn log(
    table: &Table,
    record: &Record,
) -> Result<(u64, Hash, L2ToL1Log, Option<BatchNumber>), SourceError> {
    let narrow = |column: usize, limit: u64| {
        let number = table.integer(record, column, LOG_COLUMNS[column])?;
        if number > limit {
            let reason = format!("{number} is more than {limit}");
            return Err(SourceError::Column { column: LOG_COLUMNS[column], reason });
        }
        Ok(number)
    };
    let index = table.integer(record, 1, LOG_COLUMNS[1])?;
    let hash = Hash::new(table.fixed(record, 2, LOG_COLUMNS[2])?);
    let mut bytes = [0; L2ToL1Log::LEN];
    // Within its limit.
    bytes[0] = narrow(3, u8::MAX.into())? as u8;
    bytes[1] = boolean(table.required(record, 4, LOG_COLUMNS[4])?, LOG_COLUMNS[4])?.into();
    bytes[2..4].copy_from_slice(&narrow(5, u16::MAX.into())?.to_be_bytes()[6..]);
    bytes[4..24].copy_from_slice(&table.fixed::<20>(record, 6, LOG_COLUMNS[6])?);
    bytes[24..56].copy_from_slice(&table.fixed::<32>(record, 7, LOG_COLUMNS[7])?);
    bytes[56..].copy_from_slice(&table.fixed::<32>(record, 8, LOG_COLUMNS[8])?);
    let batch = table.optional(record, 9).map(|text| integer(text, LOG_COLUMNS[9])).transpose()?;
    Ok((index, hash, L2ToL1Log::new(bytes), batch.map(BatchNumber)))
}

/// The messages of a batch. Its payload are where they end, u64 each, and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct BatchMessages {
    batch: u64,
    has_root: u64,
    root: [u8; 32],
    messages: u64,
    bytes: u64,
    source: u64,
    place: [u64; 2],
}

impl SortRecord for BatchMessages {
    type Place = usize;

    fn payload_len(&self) -> usize {
        8 * self.messages as usize + self.bytes as usize
    }
}

/// What the table of batches says of one.
struct List {
    batch: BatchNumber,
    origin: Origin,
    root: Option<Hash>,
    messages: MessageList,
}

impl List {
    fn says_as(&self, other: &Self) -> bool {
        self.root == other.root && self.messages == other.messages
    }
}

/// The messages of batch after batch.
struct Lists {
    sorted: Sorted<BatchMessages>,
    next: Option<List>,
}

impl Lists {
    fn advance(&mut self) -> Result<(), ArchiveError> {
        self.next = self.sorted.next()?.map(|(key, payload)| {
            let (ends, bytes) = payload.split_at(8 * key.messages as usize);
            let mut messages = MessageList::default();
            let mut start = 0;
            for end in ends.as_chunks::<8>().0 {
                // They were counted when the payload was made.
                let end = u64::from_ne_bytes(*end) as usize;
                messages.push(&bytes[start..end]);
                start = end;
            }
            List {
                batch: BatchNumber(key.batch),
                // It was one when the key was made.
                origin: Origin { source: key.source as u32, place: Place::unpack(key.place) },
                root: (key.has_root != 0).then_some(Hash::new(key.root)),
                messages,
            }
        });
        Ok(())
    }

    /// What is said of a batch behind the one asked for before; where it is said otherwise, when two
    /// rows differ.
    fn of(&mut self, batch: BatchNumber) -> Result<Option<Result<List, Origin>>, ArchiveError> {
        while self.next.as_ref().is_some_and(|next| next.batch < batch) {
            self.advance()?;
        }
        let Some(list) = self.next.take_if(|next| next.batch == batch) else { return Ok(None) };
        self.advance()?;
        match &self.next {
            Some(next) if next.batch == batch && !next.says_as(&list) => Ok(Some(Err(next.origin))),
            _ => Ok(Some(Ok(list))),
        }
    }
}
