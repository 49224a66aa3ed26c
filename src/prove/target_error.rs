use thiserror::Error;

use crate::{
    contracts::Layout,
    primitives::SlBlock,
    proof::{FailureCode, Target},
};

/// The target does not exist, or not in this state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The settlement layer stores no roots by block.
    #[error(
        "the state (release {0}) has no interop root to prove against: interop roots are stored since \
         v29, from the first batch on; prove against the batch root instead"
    )]
    NoInteropRoot(Layout),
    /// The events that the trees come from have no roots by block.
    #[error(
        "there is no NewInteropRoot among the events, so there is no interop root to prove against: releases \
         before v29 emit none, otherwise these events are missing; give them, or a state, or prove against \
         the batch root"
    )]
    NoInteropRootEvent,
    /// The block has no root.
    #[error(
        "block {block} has no interop root in this state: nothing was appended in it, or the dump lost its \
         slot{}",
        neighbours(.before, .after)
    )]
    NoRootOfBlock {
        /// The block.
        block: SlBlock,
        /// The last earlier block that has a root.
        before: Option<SlBlock>,
        /// The first later block that has a root.
        after: Option<SlBlock>,
    },
    /// The contents of the root are not known.
    #[error(
        "the contents of the interop root of block {0} are unknown; give the events of MessageRoot, or \
         try more trees"
    )]
    Unexplained(SlBlock),
    /// The block is after missing batches of the settlement layer.
    #[error(
        "block {0} is after the last interop root before SL batches that are missing on L1: it is not known whether it \
         has an interop root, or what that contains"
    )]
    AfterGap(SlBlock),
    /// The contents of the root are not known: the block is after missing batches of the settlement layer.
    #[error(
        "the contents of the interop root of block {0} are unknown: the block is after SL batches that are missing on \
         L1, and the search in its SL batch found no trees with this root"
    )]
    UnexplainedAfterGap(SlBlock),
    /// The target needs the history of the roots, and the extractor has none.
    #[error("{0} needs the history of the interop roots")]
    NeedsHistory(Target),
}

fn neighbours(before: &Option<SlBlock>, after: &Option<SlBlock>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("; blocks {before} and {after} have one"),
        (Some(block), None) | (None, Some(block)) => format!("; block {block} has one"),
        (None, None) => String::new(),
    }
}

impl TargetError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoInteropRoot(_) | Self::NoInteropRootEvent => FailureCode::NoInteropRoot,
            Self::NoRootOfBlock { .. } => FailureCode::NoRootOfBlock,
            Self::Unexplained(_) | Self::AfterGap(_) | Self::UnexplainedAfterGap(_) => {
                FailureCode::RootUnexplained
            }
            Self::NeedsHistory(_) => FailureCode::TargetNeedsHistory,
        }
    }
}
