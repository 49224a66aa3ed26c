//! Proofs as rows of a Parquet file.
//!
//! | column | type | meaning |
//! | --- | --- | --- |
//! | `chain_id` | uint64 | the chain that emitted the log |
//! | `batch_number` | uint64 | the batch |
//! | `id` | uint64 | the log's leaf index in the batch |
//! | `root` | 32 bytes | the batch root |
//! | `proof` | list of bytes | the words of the proof, as the contracts take them |
//! | `target_kind` | text | `block`, `sl-batch` or `batch-root` |
//! | `target_sl_chain_id` | uint64 | the settlement layer; null for `batch-root` |
//! | `target_number` | uint64 | its block or batch; null for `batch-root` |
//! | `target_root` | 32 bytes | the root that the proof folds to |
//! | `log` | 88 bytes | the log |
//! | `message` | bytes | the message, if the archive has it |
//! | `error_code` | text | null for a proof; the stable code of a failed request |
//! | `error_message` | text | the message of the error |
//! | `request` | text | the request that failed, as JSON |
//! | `sender` | 20 bytes | the sender of the message; for another log, the contract that emitted it |
//! | `tx_number` | uint64 | the transaction number in the log |
//! | `message_hash` | 32 bytes | keccak256 of the message; null for a log that is not of a message |
//! | `tx_hash` | 32 bytes | the hash of the transaction, if the archive has it |
//! | `checked_by` | text | the evidence that the trees were compared with |
//! | `l1_timestamp` | uint64 | when the settlement layer executed the batch, if the proof has this word (since v33) |
//! | `target_timestamp` | uint64 | the timestamp of the target's block, if one is stored with its root (since v33) |
//!
//! The timestamps are columns only of files that are made of trees of v33 or later.
//!
//! A failed request is also a row, in its position. It has `error_code`, `error_message` and `request`, and of
//! the other columns those that the request contains. `WHERE error_code IS NULL` selects the proofs. All columns are nullable, so
//! that both kinds of rows fit. The footer contains bounds for the numbers, with which query engines skip row
//! groups, and the page index has them for each page, with the place of each page. Hashes have no bounds.
//!
//! Values are stored with plain encoding and compressed with zstd, which finds the words that proofs share
//! better than dictionaries do. Rows are encoded in parallel ([`RowEncoder`]) and joined in order
//! ([`RowGroup`], [`Footer`]). The bytes depend only on the rows, on which rows were encoded together, and on
//! where row groups end.
//!
//! [`ParquetProofs`] reads such files, and those of earlier releases, in which the words of a proof are bytes of a fixed
//! length. It also reads files that other programs made from them, with plain or
//! dictionary encoding, and with zstd, Snappy, gzip or no compression.

mod columns;
mod footer;
mod levels;
mod numbered_rows;
mod outcome_rows;
mod page_index;
mod page_list;
mod pages;
mod reader;
mod row_groups;
mod writer;

pub use crate::files::parquet::{Damage, MAGIC, Problem, ReadError};
pub use footer::Footer;
pub(crate) use numbered_rows::{NumberedGroup, NumberedRows};
pub(crate) use outcome_rows::OutcomeRows;
pub use reader::{ParquetProofs, Rows};
pub(crate) use row_groups::RowGroups;
pub use writer::{
    EncodeError, EncodedRows, LogPlace, ROWS_PER_GROUP, RowEncoder, RowGroup, RowGroupSummary,
};
