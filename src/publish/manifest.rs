//! The file that names all others.

use serde::{Deserialize, Serialize};

use crate::primitives::{ChainId, Hash};

/// The most lines of one sender or receiver in an index.
pub const MOST_OF_ADDRESS: usize = 1000;

/// The only version.
pub(super) const VERSION: u32 = 1;

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    /// `slproof-published`.
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) chains: Vec<ChainEntry>,
    /// The directory of the indexes.
    pub(super) index: String,
    /// The hash of its list of hashes.
    pub(super) index_hash: Hash,
    pub(super) indexes: Vec<IndexEntry>,
    /// The roots by block.
    pub(super) roots: String,
    pub(super) roots_hash: Hash,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChainEntry {
    pub(super) chain_id: ChainId,
    pub(super) batches: u64,
    pub(super) logs: u64,
    /// The list of its batches.
    pub(super) list: String,
    pub(super) list_hash: Hash,
}

/// A kind of index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IndexEntry {
    pub(super) kind: String,
    /// How many digits the names of its files have; none is the only file, `all`.
    pub(super) digits: u32,
    pub(super) entries: u64,
}
