//! The tables of a zksync-era node that hold logs:
//!
//! ```text
//! l2_to_l1_logs   miniblock_number, log_index_in_miniblock, tx_hash, shard_id, is_service,
//!                 tx_index_in_l1_batch, sender, key, value                 [l1_batch_number]
//! miniblocks      number, l1_batch_number
//! l1_batches      number, l2_to_l1_messages                                [aggregation_root]
//! ```
//!
//! The leaves of a batch are the logs of its miniblocks in order; within a miniblock they are ordered by
//! `log_index_in_miniblock`, which counts from 0. The u16 is `tx_index_in_l1_batch`. The messages are those
//! of the [logs of messages](L2ToL1Log::is_message), in their order. If the logs have `l1_batch_number`, as
//! in a query that joins the two tables, miniblocks are not needed. Source: migrations of zksync-era's
//! `core/lib/dal`.

use super::{
    BatchBlocks, SourceError,
    assembly::{Assembled, Rows},
    batch_blocks::KnownBlocks,
    batch_rows::{BatchRows, Differing},
    batch_sink::BatchSink,
    postgres_text::{boolean, bytea_array, fixed, integer, required},
    row::{PlacedMessage, Row, RowKind},
};
use crate::{
    archive::{ArchiveError, Origin},
    files::{ExternalSort, Spill},
    ingest::{IndexError, record::Record},
    message::{BatchLogs, L2ToL1Log, LogsError, MessageList},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The memory for logs, and for messages, in bytes.
const IN_MEMORY: usize = 96 << 20;

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

/// The table that a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableKind {
    Logs,
    Blocks,
    Batches,
}

impl TableKind {
    fn named(name: &str) -> Option<Self> {
        match name {
            "l2_to_l1_logs" => Some(Self::Logs),
            "miniblocks" => Some(Self::Blocks),
            "l1_batches" => Some(Self::Batches),
            _ => None,
        }
    }
}

/// The positions of a table's columns in its rows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) kind: TableKind,
    pub(super) columns: usize,
    /// The names of the columns that are read: one of the lists above.
    names: &'static [&'static str],
    /// The position of each of them.
    places: Vec<Option<usize>>,
}

impl Table {
    /// The table with this name. `None` if it is not needed.
    pub(super) fn named(
        name: &str,
        columns: &[impl AsRef<str>],
    ) -> Option<Result<Self, SourceError>> {
        TableKind::named(name).map(|kind| Self::new(kind, columns))
    }

    /// Whether a table with this name is read.
    pub(super) fn is_needed(name: &str) -> bool {
        TableKind::named(name).is_some()
    }

    /// The table with these columns. `None` if it is not needed.
    pub(super) fn with_columns(columns: &[impl AsRef<str>]) -> Option<Result<Self, SourceError>> {
        let has = |name| columns.iter().any(|column| column.as_ref() == name);
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

    fn new(kind: TableKind, columns: &[impl AsRef<str>]) -> Result<Self, SourceError> {
        let (names, required): (&'static [&'static str], usize) = match kind {
            TableKind::Logs => (&LOG_COLUMNS, 9),
            TableKind::Blocks => (&BLOCK_COLUMNS, 2),
            TableKind::Batches => (&BATCH_COLUMNS, 2),
        };
        let stands = |name: &str| columns.iter().filter(|column| column.as_ref() == name).count();
        if let Some(name) = names.iter().find(|name| stands(name) > 1) {
            return Err(SourceError::TwoColumns(name));
        }
        let place = |name: &&str| columns.iter().position(|column| column.as_ref() == *name);
        let places: Vec<_> = names.iter().map(place).collect();
        match places[..required].iter().zip(names).find(|(place, _)| place.is_none()) {
            Some((_, field)) => Err(SourceError::Missing { what: "the table".into(), field }),
            None => Ok(Self { kind, columns: columns.len(), names, places }),
        }
    }
}

/// A row of a table. Columns are given by their place in the list of the table's columns.
struct TableRow<'r> {
    table: &'r Table,
    record: &'r Record,
    origin: Origin,
}

impl<'r> TableRow<'r> {
    fn required(&self, column: usize) -> Result<&'r [u8], SourceError> {
        let place = self.table.places[column].unwrap_or(usize::MAX);
        required(self.record, place, self.table.names[column])
    }

    fn integer(&self, column: usize) -> Result<u64, SourceError> {
        integer(self.required(column)?, self.table.names[column])
    }

    fn fixed<const N: usize>(&self, column: usize) -> Result<[u8; N], SourceError> {
        fixed(self.required(column)?, self.table.names[column])
    }

    /// A column that may be NULL or missing, as `parse` reads it.
    fn optional<T>(
        &self,
        column: usize,
        parse: impl Fn(&[u8], &'static str) -> Result<T, SourceError>,
    ) -> Result<Option<T>, SourceError> {
        let text = self.table.places[column].and_then(|place| self.record.get(place));
        text.map(|text| parse(text, self.table.names[column])).transpose()
    }

    /// A number of a batch that may be NULL or missing.
    fn batch(&self, column: usize) -> Result<Option<BatchNumber>, SourceError> {
        Ok(self.optional(column, integer)?.map(BatchNumber))
    }
}

/// The tables of one node, from any number of files, until the batches are assembled.
pub(super) struct NodeTables {
    chain: ChainId,
    logs: Rows,
    has_logs: bool,
    blocks: BatchBlocks,
    batches: BatchRows,
    seen: Option<u64>,
}

impl NodeTables {
    pub(super) fn new(chain: ChainId, spill: &Spill) -> Self {
        Self {
            chain,
            logs: Rows::new(spill, IN_MEMORY),
            has_logs: false,
            blocks: BatchBlocks::default(),
            batches: BatchRows::new(spill, IN_MEMORY),
            seen: None,
        }
    }

    /// Records that a table exists, even if it has no rows.
    pub(super) fn begin(&mut self, table: &Table) {
        self.has_logs |= table.kind == TableKind::Logs;
    }

    /// Notes how the reading of a file ended.
    pub(super) fn end_of(
        &mut self,
        source: u32,
        read: Result<(), IndexError>,
        intake: &BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        self.logs.end_of(source, read, intake)
    }

    /// Reads a row.
    pub(super) fn row(
        &mut self,
        table: &Table,
        record: &Record,
        origin: Origin,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        if record.len() != table.columns {
            let (expected, got) = (table.columns, record.len());
            let hint = "a tab or a comma in a value was not escaped, or the line is cut";
            let error = SourceError::Columns { expected, got, hint };
            return intake.fault(origin, "a row that cannot be used", error);
        }
        let row = TableRow { table, record, origin };
        match table.kind {
            TableKind::Logs => self.log(&row, intake),
            TableKind::Blocks => self.block(&row, intake),
            TableKind::Batches => self.batch(&row, intake),
        }
    }

    fn log(
        &mut self,
        row: &TableRow<'_>,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let block = match row.integer(0) {
            Ok(block) => block,
            Err(error) => {
                let what =
                    "a log of an unknown block; the batch that lacks it does not fold to its root";
                return intake.fault(row.origin, what, error);
            }
        };
        match log(row) {
            Ok((index, hash, log, batch)) => {
                let row = Row::new(RowKind::Log, [block, index, 0], batch, row.origin)
                    .with_index_in_block(Some(index));
                self.logs.push_log(row, &log, &hash, None)
            }
            Err(error) => {
                let batch = row.batch(9).unwrap_or_default();
                self.logs.damaged(Some(block), batch, row.origin, intake)?;
                let what = format!("a log of block {block}, whose batch is incomplete without it");
                intake.fault(row.origin, what, error)
            }
        }
    }

    fn block(
        &mut self,
        row: &TableRow<'_>,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let origin = row.origin;
        let read = || -> Result<_, SourceError> { Ok((row.integer(0)?, row.batch(1)?)) };
        let added = read().and_then(|(block, batch)| {
            self.blocks.insert(block, block, batch).map(|()| (block, batch))
        });
        match added {
            Ok((block, Some(batch))) if self.seen != Some(batch.0) => {
                self.seen = Some(batch.0);
                self.logs.push(Row::new(RowKind::Seen, [block, 0, 0], None, origin))
            }
            Ok(_) => Ok(()),
            Err(error @ SourceError::TooManyRuns { .. }) => {
                Err(intake.error(origin, "too scattered; export ordered by number", error))
            }
            Err(error) => {
                if let SourceError::TwoBatches { one, other, .. } = error {
                    for batch in [one, other].into_iter().flatten() {
                        self.logs.exclude(batch, origin, intake)?;
                    }
                }
                intake.fault(origin, "a miniblock", error)
            }
        }
    }

    fn batch(
        &mut self,
        row: &TableRow<'_>,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let origin = row.origin;
        let number = match row.integer(0) {
            Ok(number) => number,
            Err(error) => return intake.fault(origin, "a batch without its number", error),
        };
        let read = || -> Result<_, SourceError> {
            let root = row.optional(2, fixed)?;
            Ok((bytea_array(row.required(1)?, BATCH_COLUMNS[1])?, root))
        };
        match read() {
            Ok(((bytes, ends), root)) => {
                self.batches.push(BatchNumber(number), &bytes, &ends, root.map(Hash::new), origin)
            }
            Err(error) => {
                self.logs.exclude(BatchNumber(number), origin, intake)?;
                intake.fault(origin, format!("batch {number}, which is left out"), error)
            }
        }
    }

    /// Assembles the batches. `given` has their blocks, if the table of miniblocks does not.
    pub(super) fn finish(
        self,
        given: &BatchBlocks,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        if !self.has_logs {
            let reason = "there is no l2_to_l1_logs among them".into();
            let name = "the tables of the node".into();
            return intake.note(IndexError::Refused { name, reason });
        }
        let chain = self.chain;
        let mut rows = self.batches.finish()?;
        let no_others = ExternalSort::<PlacedMessage>::in_memory().finish()?;
        let known = KnownBlocks { given, found: &self.blocks };
        self.logs.assemble(chain, known, no_others, intake, |batch, intake| {
            let Assembled { batch: number, mut origin, logs, transactions, missing, .. } = batch;
            let said = match rows.of(number)? {
                Ok(said) => said,
                Err(Differing { part, first, second }) => {
                    let describe = |origin| intake.collector.describe(origin);
                    let (first, second) = (describe(first), describe(second));
                    let conflict =
                        ArchiveError::Conflict { chain, batch: number, part, first, second };
                    return intake.note(conflict.into());
                }
            };
            let mut messages = MessageList::default();
            if let Some((list, of)) = said.messages {
                (messages, origin) = (list, of);
            } else if missing > 0 {
                intake.state.without_messages += 1;
            }
            let root = said.root.map(|(root, _)| root);
            let made: Result<_, LogsError> = BatchLogs::new(chain, number, logs, messages, root)
                .and_then(|made| made.with_transactions(transactions));
            intake.made(chain, number, made, origin)
        })
    }
}

/// A log, its index in its block, its transaction, and its batch if the row has it.
fn log(row: &TableRow<'_>) -> Result<(u64, Hash, L2ToL1Log, Option<BatchNumber>), SourceError> {
    let narrow = |column: usize, limit: u64| {
        let number = row.integer(column)?;
        if number > limit {
            let reason = format!("{number} is more than {limit}");
            return Err(SourceError::Column { column: LOG_COLUMNS[column], reason });
        }
        Ok(number)
    };
    let index = row.integer(1)?;
    let hash = Hash::new(row.fixed(2)?);
    let mut bytes = [0; L2ToL1Log::LEN];
    // `narrow` checked the limits.
    bytes[0] = narrow(3, u8::MAX.into())? as u8;
    bytes[1] = boolean(row.required(4)?, LOG_COLUMNS[4])?.into();
    bytes[2..4].copy_from_slice(&narrow(5, u16::MAX.into())?.to_be_bytes()[6..]);
    bytes[4..24].copy_from_slice(&row.fixed::<20>(6)?);
    bytes[24..56].copy_from_slice(&row.fixed::<32>(7)?);
    bytes[56..].copy_from_slice(&row.fixed::<32>(8)?);
    Ok((index, hash, L2ToL1Log::new(bytes), row.batch(9)?))
}
