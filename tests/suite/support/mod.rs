//! Support for the tests. This module gives access to the fixtures.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;
use slproof::files::Input;

pub mod binary;
pub mod blobs;
pub mod claims_case;
pub mod container;
pub mod era;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod faults;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod faulty_job;
pub mod golden;
pub mod index_dir;
pub mod json_schema;
pub mod l1;
pub mod l1_files;
pub mod l1_proofs;
pub mod layer;
pub mod log_sources;
pub mod naive;
pub mod parquet_bytes;
pub mod proof_records;
pub mod server;
pub mod small_layer;
pub mod state_tries;
pub mod tools;
pub mod vectors;
pub mod withdrawals;

/// Dumps of the same state in the formats of all nodes. `gateway-v29` and `gateway-v31` have each of them.
pub const STATE_DUMPS: [&str; 7] = [
    "state.anvil.json",
    "anvil_dumpState.rpc.json",
    "geth.dump.json.gz",
    "geth.dump.legacy.json.gz",
    "geth.dump.no-addr-preimage.json.gz",
    "geth.dump.iterative.jsonl.gz",
    "geth.dump.iterative.no-addr-preimage.jsonl.gz",
];

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The content of a fixture, decompressed.
pub fn read(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    Input::open(&fixture(path)).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

pub fn json(path: &str) -> Value {
    serde_json::from_slice(&read(path)).unwrap()
}

/// The objects of a fixture with one JSON object per line.
pub fn json_lines(path: &str) -> Vec<Value> {
    BufReader::new(Input::open(&fixture(path)).unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}
