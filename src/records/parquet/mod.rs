//! Proofs as rows of a Parquet file.
//!
//! | column | type | what it is |
//! | --- | --- | --- |
//! | `chain_id` | uint64 | the chain that emitted the log |
//! | `batch_number` | uint64 | the batch |
//! | `id` | uint64 | the log's leaf index in the batch |
//! | `root` | 32 bytes | the batch root |
//! | `proof` | list of 32 bytes | the words of the proof, as the contracts take them |
//! | `target_kind` | text | `block`, `sl-batch` or `batch-root` |
//! | `target_sl_chain_id` | uint64 | the settlement layer; null for `batch-root` |
//! | `target_number` | uint64 | its block or batch; null for `batch-root` |
//! | `target_root` | 32 bytes | the root that the proof folds to |
//! | `log` | 88 bytes | the log |
//! | `message` | bytes | the message, where the archive has it |
//! | `error_code` | text | null for a proof; for a request that failed the stable word |
//! | `error_message` | text | the same in words |
//! | `request` | text | the request that failed, as JSON |
//!
//! A request that failed is a row as well, in its place: it has the last three columns, and of the
//! others those that the request names. `WHERE error_code IS NULL` gives the proofs. All columns may be
//! null, so that both kinds of rows fit; the numbers have their bounds in the footer, by which engines
//! pass over row groups, hashes have none.
//!
//! Values are stored plainly and packed with zstd, which finds the words that proofs share better than
//! dictionaries do. Rows are encoded side by side ([`RowEncoder`]) and put together in order
//! ([`RowGroup`], [`Footer`]); the bytes depend on the rows, on which were encoded together and on where row
//! groups end, and on nothing else.
//!
//! [`ParquetProofs`] reads such files, and what other programs made of them, if they kept to plain and
//! dictionary encoding and to zstd, Snappy or no compression.

mod column_rows;
mod columns;
mod guarded_pages;
mod levels;
mod numbered_rows;
mod outcome_rows;
mod page_header;
mod pages;
mod reader;
mod row_groups;
mod writer;

pub(crate) use numbered_rows::NumberedRows;
pub(crate) use outcome_rows::OutcomeRows;
pub use reader::{ParquetProofs, ReadError, Rows};
pub(crate) use row_groups::RowGroups;
pub use writer::{
    EncodeError, EncodedRows, Footer, LogPlace, MAGIC, ROWS_PER_GROUP, RowEncoder, RowGroup,
    RowGroupSummary,
};
