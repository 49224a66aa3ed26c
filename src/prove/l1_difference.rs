use thiserror::Error;

use super::SlBatchError;
use crate::{
    anchor::RootLocation,
    primitives::{BatchNumber, ChainId, Hash},
};

/// A root that differs from the one on L1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum L1Difference {
    /// The root of a chain's batch.
    #[error(
        "batch {batch} of chain {chain} has the root {stored} on L1, in {location}, but {rebuilt} in the trees"
    )]
    Batch {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// Where L1 stores it.
        location: RootLocation,
        /// The root on L1.
        stored: Hash,
        /// The root in the trees.
        rebuilt: Hash,
    },
    /// The root of a batch of the settlement layer, which has both roots in the cause.
    #[error("the trees do not lead to the root that L1 stores in {location}")]
    SlBatch {
        /// Where L1 stores it.
        location: RootLocation,
        /// How they differ.
        source: SlBatchError,
    },
}
