use serde::{Deserialize, Serialize};

use crate::primitives::{ChainId, SlBatch, SlBlock};

/// The header of a snapshot; the module documentation lists its encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// How many slots are not zero.
    pub entries: u64,
    /// Whether the snapshot has keys of the Era scheme.
    pub era_keys: bool,
    /// Whether the snapshot has keys of the trie scheme.
    pub trie_keys: bool,
    /// The settlement layer's chain id, when it is known.
    pub sl_chain: Option<ChainId>,
    /// The enumeration indexes of the source, when it has them.
    pub enumeration: Option<Enumeration>,
    /// The dump that it was made from.
    pub source: Source,
}

/// The enumeration indexes of an Era snapshot. They run from 1 without a gap unless slots are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enumeration {
    /// The highest index. The value of its slot may be zero.
    pub last: u64,
    /// How many indexes below it have no slot.
    pub missing: u64,
}

/// The dump that a snapshot was made from. All other parts of a snapshot are independent of the form of the
/// dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The name of the dump's format.
    pub format: String,
    /// The SL block of this state, when the dump records it.
    pub block: Option<SlBlock>,
    /// The SL batch after which the dump was taken, when the dump records it.
    pub batch: Option<SlBatch>,
}
