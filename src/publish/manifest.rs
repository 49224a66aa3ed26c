//! The file that names all others.

use serde::{Deserialize, Serialize};

use crate::{
    message::BatchView,
    primitives::{BatchNumber, ChainId, Hash},
};

/// The most lines of one hash or address in an index.
pub const MOST_OF_KEY: usize = 1000;

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
    /// Roots by block: the file for the page, and all of them.
    pub(super) roots: String,
    pub(super) roots_hash: Hash,
    pub(super) all_roots: String,
    pub(super) all_roots_hash: Hash,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChainEntry {
    pub(super) chain_id: ChainId,
    pub(super) batches: u64,
    pub(super) first_batch: Option<BatchNumber>,
    pub(super) last_batch: Option<BatchNumber>,
    pub(super) logs: u64,
    /// The logs of messages.
    pub(super) messages: u64,
    /// The list of its batches.
    pub(super) list: String,
    pub(super) list_hash: Hash,
}

impl ChainEntry {
    /// The entry of a chain with these batches, of which `list` is the list.
    pub(super) fn new(chain_id: ChainId, counts: Counts, list: String, list_hash: Hash) -> Self {
        let Counts { batches, first_batch, last_batch, logs, messages } = counts;
        Self { chain_id, batches, first_batch, last_batch, logs, messages, list, list_hash }
    }

    /// What the entry says of the batches.
    pub(super) fn counts(&self) -> Counts {
        let Self { batches, first_batch, last_batch, logs, messages, .. } = *self;
        Counts { batches, first_batch, last_batch, logs, messages }
    }
}

/// What of a chain is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    batches: u64,
    first_batch: Option<BatchNumber>,
    last_batch: Option<BatchNumber>,
    pub(super) logs: u64,
    messages: u64,
}

impl Counts {
    /// Adds a batch. Batches come in the order of their numbers.
    pub(super) fn add(&mut self, batch: &BatchView<'_>) {
        self.batches += 1;
        self.first_batch = self.first_batch.or(Some(batch.batch()));
        self.last_batch = Some(batch.batch());
        self.logs += batch.logs().len() as u64;
        self.messages += batch.logs().iter().filter(|log| log.is_message()).count() as u64;
    }
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
