//! Logs of contracts in the forms in which nodes, block explorers and data exporters write them.
//!
//! | module | contains |
//! | --- | --- |
//! | `record` | the log that every form is read as |
//! | `columns` | the meaning of the names of columns and members |
//! | `values` | the forms of numbers, booleans and bytes |
//! | `cells` | making a log of the values of a row |
//! | `json` | answers, receipts, pages, blocks and rows as JSON |
//! | `table` | CSV, other separated columns, and the rows of `COPY` |
//! | `parquet` | rows of Parquet files |
//! | `mapping` | what was read of a file |
//!
//! A form is recognized by the names of its columns and the kind of its rows, never by the program that wrote
//! it. Logs are passed on one at a time in the order of the file, which may be any order and may repeat logs.

mod cells;
mod columns;
mod json;
mod mapping;
#[cfg(feature = "parquet")]
mod parquet;
mod record;
mod table;
mod values;

pub(in crate::ingest) use cells::{Cell, Decoder};
pub(in crate::ingest) use columns::normalize;
pub use columns::{ColumnNames, ColumnNamesError, LogField};
pub use mapping::{Form, LogCounts, Mapping};
#[cfg(feature = "parquet")]
pub(in crate::ingest) use parquet::scalar_of;
pub(in crate::ingest) use record::{EventLog, LogPlace};

use super::{json::is_json, state::ImportError};
use crate::files::Input;

/// The most rows that show which contracts' logs a file has.
const FIRST_ROWS: usize = 1 << 14;

/// Passes every log of an input to `take`, and returns which columns or members were read. `names` are the
/// names of columns that differ from the usual ones.
///
/// # Errors
/// [`ImportError`] with the file and the position, if the file is damaged, lacks a column, or a value is
/// invalid; and the error of `take`.
pub(in crate::ingest) fn read_event_logs<E: From<ImportError>>(
    input: Input,
    names: &ColumnNames,
    mut take: impl FnMut(EventLog, LogPlace<'_>) -> Result<(), E>,
) -> Result<Mapping, E> {
    let mut counts = LogCounts::default();
    let take = |log: EventLog, place: LogPlace<'_>| {
        counts.add(&log);
        take(log, place)
    };
    #[cfg(feature = "parquet")]
    if input.is_parquet() {
        let mapping = parquet::read(input, names, take)?;
        return Ok(Mapping { counts, ..mapping });
    }
    let mapping = match is_json(input.head()) {
        true => json::read(input, names, take),
        false => table::read(input, names, take),
    };
    Ok(Mapping { counts, ..mapping? })
}

/// Passes the first logs of a table to `take`: those in the first mebibyte of a text, or up to [`FIRST_ROWS`] of
/// a Parquet file. They end at the first row that is damaged or cut off.
pub(in crate::ingest) fn first_logs(
    input: &Input,
    names: &ColumnNames,
    mut take: impl FnMut(&EventLog),
) {
    let Ok(first) = input.first_part() else { return };
    let mut left = FIRST_ROWS;
    let _ = read_event_logs(first, names, |log, _| {
        take(&log);
        left -= 1;
        if left == 0 { Err(End) } else { Ok(()) }
    });
}

/// The end of the first rows, or a damaged row.
pub(in crate::ingest) struct End;

impl From<ImportError> for End {
    fn from(_: ImportError) -> Self {
        Self
    }
}

/// Whether an input is a table of logs, by the names of its columns.
#[must_use]
pub(crate) fn has_log_columns(input: &Input, names: &ColumnNames) -> bool {
    #[cfg(feature = "parquet")]
    if input.is_parquet() {
        return parquet::is_table(input, names);
    }
    table::is_table(input.head(), names)
}
