//! What the fuzzers run. The package in `fuzz/` gives each target to libFuzzer; a test gives each target its corpus.
//!
//! A target takes arbitrary bytes and goes through the public API of the library. It panics where the library
//! panics, or where the library contradicts itself or a second implementation.

use std::{error::Error, io::Cursor};

use slproof::{FailureCode, files::Input};

mod archive;
mod batch_blocks;
mod blobs;
mod calldata;
mod container;
/// Settlement layers that the input describes step by step.
mod drawn_layer;
mod era_chunk;
mod era_pubdata;
mod events;
mod history;
/// States of any origin, and the trees that are rebuilt from them.
mod importing;
/// Sources of logs, read as `index` reads them.
mod indexing;
mod l1_calldata;
mod l1_transactions;
/// Native files with sections from the input and right checksums.
mod mended;
mod parquet;
mod postgres;
mod proof_decode;
mod prove;
mod pubdata;
mod raw_logs;
mod receipts;
mod record_reader;
mod requests;
mod serve_body;
mod sl_batches;
mod snapshot;
mod state_dump;
mod state_proofs;
mod state_table;
mod tree_file;
mod verify;
mod wrappers;

/// A name and what runs under it.
pub type Target = (&'static str, fn(&[u8]));

/// The targets by name, which is also the name of a binary and of a directory in `fuzz/corpus/`.
pub const TARGETS: [Target; 29] = [
    ("archive", archive::run),
    ("batch_blocks", batch_blocks::run),
    ("blobs", blobs::run),
    ("calldata", calldata::run),
    ("container", container::run),
    ("era_chunk", era_chunk::run),
    ("era_pubdata", era_pubdata::run),
    ("events", events::run),
    ("history", history::run),
    ("l1_calldata", l1_calldata::run),
    ("l1_transactions", l1_transactions::run),
    ("parquet", parquet::run),
    ("postgres", postgres::run),
    ("proof_decode", proof_decode::run),
    ("prove", prove::run),
    ("pubdata", pubdata::run),
    ("raw_logs", raw_logs::run),
    ("receipts", receipts::run),
    ("record_reader", record_reader::run),
    ("requests", requests::run),
    ("serve_body", serve_body::run),
    ("sl_batches", sl_batches::run),
    ("snapshot", snapshot::run),
    ("state_dump", state_dump::run),
    ("state_proofs", state_proofs::run),
    ("state_table", state_table::run),
    ("tree_file", tree_file::run),
    ("verify", verify::run),
    ("wrappers", wrappers::run),
];

/// The bytes as an input file. `None` if they are refused as a whole, such as damaged gzip.
fn input(name: &str, data: &[u8]) -> Option<Input> {
    Input::from_reader(name, Cursor::new(data.to_vec())).map_err(|error| explain(&error)).ok()
}

/// Formats an error with its causes, as every command does.
fn explain(error: &dyn Error) {
    let mut cause = Some(error);
    while let Some(error) = cause {
        assert!(!error.to_string().is_empty(), "an error without words: {error:?}");
        cause = error.source();
    }
}

/// Formats an error that has a stable code, which is not empty.
fn explain_coded(code: FailureCode, error: &dyn Error) {
    assert!(!code.as_str().is_empty());
    explain(error);
}
