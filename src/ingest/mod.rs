//! Readers for the files from which trees and proofs are made.
//!
//! | module | reads |
//! | --- | --- |
//! | [`state`] | state dumps of the settlement layer, as nodes write them |
//! | [`state_proofs`] | proofs of single slots, as `eth_getProof` answers them |
//! | [`event_logs`] | logs of contracts, in the forms of nodes and data exporters |
//! | [`events`] | events of MessageRoot |
//! | [`logs`] | L2→L1 logs of batches: raw, receipts, pubdata, rows of a node's tables |
//! | [`l1`] | what L1 keeps of a settlement layer: transactions that commit and execute its batches, and blobs |
//! | [`sl_batches`] | the settlement layer's own batches |
//!
//! [`sniff`] detects what a file is, and [`FoundFiles`] finds the files in directories.

mod csv;
mod decoded_events;
mod error;
mod event_list;
pub mod event_logs;
pub mod events;
mod found_files;
mod json;
mod known_files;
pub mod l1;
pub mod logs;
mod other_answer;
mod parquet_columns;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod record;
mod rows;
pub mod sl_batches;
mod sniff;
pub mod state;
pub mod state_proofs;

pub use error::IndexError;
pub use found_files::{FoundFile, FoundFiles, is_directory_of_files, kind_of};
pub use known_files::KnownFiles;
pub use other_answer::OtherAnswer;
pub use sniff::{FileKind, guess, sniff};
