use crate::primitives::{Hash, SlBlock};

/// The changes of the trees from one interop root to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The number of chains after the step.
    pub(super) chains: u32,
    /// The chains that appended batches, by chain index, with the number of batches.
    pub(super) advances: Vec<(u32, u64)>,
}

/// The interop root of a block, and the changes since the last explained root. Without them the root is
/// unexplained; it is zero bytes if it is missing.
pub(super) type HistoryRow = (SlBlock, Hash, Option<Step>);
