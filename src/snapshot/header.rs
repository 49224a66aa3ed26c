use serde::{Deserialize, Serialize};

use crate::primitives::{ChainId, SlBatch, SlBlock};

/// What a snapshot says of itself; the module's page lists the fields' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// How many slots are not zero.
    pub entries: u64,
    /// Whether keys of the Era scheme occur.
    pub era_keys: bool,
    /// Whether keys of the trie scheme occur.
    pub trie_keys: bool,
    /// The settlement layer's chain id, when it is known.
    pub sl_chain: Option<ChainId>,
    /// What is known of the enumeration indexes of the source.
    pub enumeration: Option<Enumeration>,
    /// Where it comes from.
    pub source: Source,
}

/// The enumeration indexes of an Era snapshot, which run from 1 without a gap unless slots are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enumeration {
    /// The highest index, of a slot that may be zero.
    pub last: u64,
    /// How many indexes below it no slot has.
    pub missing: u64,
}

/// Where a snapshot comes from. Everything else in a snapshot is the same whichever form of dump it
/// was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The format of the dump, in words.
    pub format: String,
    /// The SL block whose state this is, when the dump says so.
    pub block: Option<SlBlock>,
    /// The SL batch at whose end it is the state, when the dump says so.
    pub batch: Option<SlBatch>,
}
