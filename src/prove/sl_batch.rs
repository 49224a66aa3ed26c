//! The settlement layer's own batches. L1 stores their roots, to which proofs in the L1 form fold.
//!
//! ```text
//! root of an SL batch   keccak256(local logs root ‖ shared root at the end of the batch's last block)
//! ```
//!
//! Source: era-contracts `MessageHashing.sol`, v26 to v31. The shared root at the end of a block need not be
//! a stored one: v26 to v30 register chains without storing a root.

use thiserror::Error;

use super::TargetError;
use crate::{
    anchor::{Lacking, Refusal, state_error_code},
    forest::{Forest, RootIndex, Timeline, entry_zeros},
    ingest::sl_batches::SlBatchLogs,
    keccak::hash_node,
    merkle::Levels,
    primitives::{Hash, SlBatch, SlBlock},
    proof::FailureCode,
    state::StateError,
};

/// The shared tree at the end of a batch of the settlement layer, verified against the batch's root.
#[derive(Clone, Debug)]
pub struct SlBatchTree {
    batch: SlBatch,
    last_block: SlBlock,
    at: RootIndex,
    shared: Levels,
    local_root: Hash,
    root: Hash,
}

/// Why a batch of the settlement layer cannot be a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SlBatchError {
    /// The files of SL batches do not contain the batch.
    #[error("the file of SL batches {name} has no SL batch {batch}{}", range_text(.has))]
    NotArchived {
        /// The files.
        name: String,
        /// The batch.
        batch: SlBatch,
        /// The first and last batch in the files.
        has: Option<(SlBatch, SlBatch)>,
    },
    /// The files of SL batches do not contain the batch that covers a block.
    #[error("the file of SL batches {name} has no SL batch with block {block}{}", range_text(.has))]
    BlockNotArchived {
        /// The files.
        name: String,
        /// The block.
        block: SlBlock,
        /// The first and last batch in the files.
        has: Option<(SlBatch, SlBatch)>,
    },
    /// No interop root was stored by the end of the batch.
    #[error(
        "no interop root was stored up to block {last_block}, the last block of SL batch {batch}"
    )]
    TooEarly {
        /// The batch.
        batch: SlBatch,
        /// Its last block.
        last_block: SlBlock,
    },
    /// The contents of the last interop root of the batch are not known.
    #[error("SL batch {batch} cannot be rebuilt")]
    Unexplained {
        /// The batch.
        batch: SlBatch,
        /// The root with unknown contents.
        source: TargetError,
    },
    /// The root of the batch is not known.
    #[error(
        "the root of SL batch {0} is not known: the file of SL batches has no chainBatchRoot, and the \
         state of L1 is not given"
    )]
    NoRoot(SlBatch),
    /// L1 stores no root for the batch.
    #[error(
        "L1 stores no root of SL batch {0}: it was not executed by the time of the state, or Bridgehub \
         has another address"
    )]
    NotOnL1(SlBatch),
    /// Without a state of L1: there are executions on L1, but neither of this batch nor of a later one.
    #[error(
        "no execution of SL batch {0}, or of a later one, is among the files of L1, so it is not known that L1 stores \
         its root"
    )]
    NotExecuted(SlBatch),
    /// L1 refuses every proof through the batch.
    #[error("L1 accepts no proof through SL batch {batch}")]
    Refused {
        /// The batch.
        batch: SlBatch,
        /// The contract's reason.
        source: Refusal,
    },
    /// L1's state lacks a contract that is needed to decide.
    #[error("L1's state does not contain the root of SL batch {batch}")]
    L1CannotJudge {
        /// The batch.
        batch: SlBatch,
        /// What the state lacks.
        source: Lacking,
    },
    /// L1 stores a different root than the file of SL batches.
    #[error(
        "SL batch {batch} has the root {stored} on L1, but {archived} in the file of SL batches"
    )]
    OtherRoot {
        /// The batch.
        batch: SlBatch,
        /// The root that L1 stores.
        stored: Hash,
        /// The root in the file.
        archived: Hash,
    },
    /// The logs and the shared tree do not make the batch's root.
    #[error(
        "the logs of SL batch {batch} do not fold to its root {expected}: with their local root \
         {local_root} and the shared root {shared_root} after block {last_block}, the batch root is {got}; \
         a log is missing, added or altered, the blocks are not those of the batch, or the state is older \
         than the batch"
    )]
    DoesNotFold {
        /// The batch.
        batch: SlBatch,
        /// Its last block.
        last_block: SlBlock,
        /// The expected root.
        expected: Hash,
        /// The root computed from the batch's logs.
        local_root: Hash,
        /// The shared root.
        shared_root: Hash,
        /// The root computed from both.
        got: Hash,
    },
    /// The trees end before batches that are missing on L1, and this one is after them.
    #[error("what SL batch {0} contains is not known: SL batches before it are missing on L1")]
    AfterLoss(SlBatch),
    /// L1's state cannot be read, or holds invalid values.
    #[error(transparent)]
    State(#[from] StateError),
}

fn range_text(has: &Option<(SlBatch, SlBatch)>) -> String {
    has.map_or(String::new(), |(first, last)| format!("; it has {first} to {last}"))
}

impl SlBatchError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NotArchived { .. } | Self::BlockNotArchived { .. } => {
                FailureCode::SlBatchNotArchived
            }
            Self::TooEarly { .. } => FailureCode::SlBatchTooEarly,
            Self::Unexplained { .. } => FailureCode::RootUnexplained,
            Self::NoRoot(_) => FailureCode::SlBatchRootUnknown,
            Self::NotOnL1(_) | Self::NotExecuted(_) => FailureCode::SlBatchNotOnL1,
            Self::Refused { source, .. } => source.code(),
            Self::L1CannotJudge { source, .. } => source.code(),
            Self::OtherRoot { .. } => FailureCode::SlBatchRootDiffers,
            Self::DoesNotFold { .. } => FailureCode::SlBatchDoesNotFold,
            Self::AfterLoss(_) => FailureCode::LostOnL1,
            Self::State(error) => state_error_code(error),
        }
    }
}

impl SlBatchTree {
    /// Rebuilds the shared tree at the end of a batch. `stored` is the batch's root on L1, if known;
    /// otherwise the root in the file of SL batches is used.
    ///
    /// # Errors
    /// [`SlBatchError`] when the trees do not lead to the root, or when no root is known.
    pub fn rebuild(
        forest: &Forest,
        timeline: &Timeline,
        logs: &SlBatchLogs,
        stored: Option<Hash>,
    ) -> Result<Self, SlBatchError> {
        let (batch, last_block) = (logs.batch(), *logs.blocks().end());
        let expected = match (stored, logs.root()) {
            (Some(stored), Some(archived)) if stored != archived => {
                return Err(SlBatchError::OtherRoot { batch, stored, archived });
            }
            (stored, archived) => stored.or(archived).ok_or(SlBatchError::NoRoot(batch))?,
        };
        let at = timeline.newest(last_block).ok_or(SlBatchError::TooEarly { batch, last_block })?;
        let blocks = &timeline.history().blocks;
        let filed = blocks[..blocks.partition_point(|block| *block <= last_block)].last();
        if let Some(&filed) = filed.filter(|block| **block != timeline.root(at).block) {
            let source = TargetError::Unexplained(filed);
            return Err(SlBatchError::Unexplained { batch, source });
        }
        let local_root = logs.local_root();
        // Chains registered after that root are in the tree, but no root records them.
        let known = timeline.root(at).chains;
        let registered = forest.chains().len() as u64;
        let most = timeline.after(at).map_or(registered, |next| timeline.root(next).chains);
        let counts: Vec<u64> = (known..=most).collect();
        // The largest tree has the roots for fewer chains, at the cost of one path for each.
        let largest = timeline.tree_over(forest, most, at);
        let shared_roots =
            largest.as_ref().and_then(|largest| largest.tree(entry_zeros()).prefix_roots(&counts));
        let shared_roots = shared_roots.unwrap_or_default();
        let folded = shared_roots.iter().map(|shared| hash_node(local_root, *shared));
        let chains = counts.iter().zip(folded).find(|(_, root)| *root == expected);
        let shared = chains.and_then(|(chains, _)| match *chains == most {
            true => largest,
            false => timeline.tree_over(forest, *chains, at),
        });
        if let Some(shared) = shared {
            return Ok(Self { batch, last_block, at, shared, local_root, root: expected });
        }
        if forest.bridged().is_some_and(|after| after.before() < batch) {
            return Err(SlBatchError::AfterLoss(batch));
        }
        let shared_root = shared_roots.first().copied().unwrap_or_default();
        let got = hash_node(local_root, shared_root);
        Err(SlBatchError::DoesNotFold { batch, last_block, expected, local_root, shared_root, got })
    }

    /// The batch.
    #[must_use]
    pub fn batch(&self) -> SlBatch {
        self.batch
    }

    /// Its last block.
    #[must_use]
    pub fn last_block(&self) -> SlBlock {
        self.last_block
    }

    /// Its root, as L1 stores it.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The root of its own logs.
    #[must_use]
    pub fn local_root(&self) -> Hash {
        self.local_root
    }

    /// The last interop root at or before the end of the batch.
    #[must_use]
    pub fn at(&self) -> RootIndex {
        self.at
    }

    /// Returns the siblings from a chain's leaf to the shared root; `None` when the chain was not registered.
    pub(super) fn chain_path(&self, chain: u64) -> Option<Vec<Hash>> {
        self.shared.tree(entry_zeros()).path(chain).ok()
    }
}
