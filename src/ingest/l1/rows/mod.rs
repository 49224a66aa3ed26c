//! Transactions of L1 and their receipts, in the forms of nodes, block explorers and data exporters.
//!
//! | module | contains |
//! | --- | --- |
//! | `record` | what every form is read as |
//! | `events` | the events of diamonds in receipts |
//! | `fields` | the meaning of the names of columns and members |
//! | `json` | answers, blocks, pages and rows as JSON |
//! | `table` | CSV and other separated columns |
//! | `parquet` | rows of Parquet files |
//!
//! A row may have all of a transaction, or only its receipt. Rows may come in any order, and repeatedly.

mod events;
mod fields;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod record;
mod table;

pub(in crate::ingest) use events::signatures;
pub(super) use events::{BatchEvent, BatchEventKind, Events};
pub(in crate::ingest) use json::is_of_l2;
pub(super) use json::rows_in;
pub use record::FaultKind;
pub(super) use record::{Fault, Found, Position, Row};

use crate::{archive::Place, files::Input, ingest::state::ImportError};

/// Passes every row of a table to `take`, with its place.
pub(super) fn read_table<E: From<ImportError>>(
    input: Input,
    take: impl FnMut(Found, Place) -> Result<(), E>,
) -> Result<(), E> {
    #[cfg(feature = "parquet")]
    if input.is_parquet() {
        return parquet::read(input, take);
    }
    table::read(input, take)
}

/// Whether an input is a table of transactions or of receipts, by the names of its columns.
pub(in crate::ingest) fn is_table_of_transactions(input: &Input) -> bool {
    #[cfg(feature = "parquet")]
    if input.is_parquet() {
        return parquet::is_table(input);
    }
    table::is_table(input.head())
}

/// An error about the columns of a file.
fn no_columns(name: &str, reason: String) -> ImportError {
    ImportError::LogColumns { name: name.into(), reason }
}
