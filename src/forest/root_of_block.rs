use std::fmt;

use crate::primitives::{Hash, SlBlock, Timestamp};

/// What evidence says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootOfBlock {
    /// The interop root; zero if the block has none.
    pub root: Hash,
    /// The timestamp of the block, if the evidence has it.
    pub timestamp: Option<Timestamp>,
}

impl RootOfBlock {
    /// Whether two kinds of evidence contradict each other.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.root != other.root || self.other_timestamp(other.timestamp).is_some()
    }

    /// The timestamp, if another one is given.
    pub(super) fn other_timestamp(&self, given: Option<Timestamp>) -> Option<Timestamp> {
        self.timestamp.filter(|own| given.is_some_and(|given| given != *own))
    }
}

impl fmt::Display for RootOfBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.root.is_zero() {
            return f.write_str("no root");
        }
        write!(f, "the root {}", self.root)?;
        self.timestamp.map_or(Ok(()), |timestamp| write!(f, " with the timestamp {timestamp}"))
    }
}

/// A block whose root differs in two kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DifferingRoot {
    /// The block.
    pub block: SlBlock,
    /// What the first says.
    pub own: RootOfBlock,
    /// What the other says.
    pub other: RootOfBlock,
}
