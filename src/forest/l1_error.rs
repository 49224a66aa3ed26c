use std::ops::RangeInclusive;

use thiserror::Error;

use super::DifferingRoot;
use crate::primitives::{Address, BatchNumber, ChainId, Hash, SlBatch};

/// Why the trees cannot be rebuilt from the settlement layer's batches on L1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum L1Error {
    /// There are no batches of a settlement layer.
    #[error("there are no batches of a settlement layer on L1")]
    None,
    /// The first batches are missing, and those after them do not show the same trees without them.
    #[error(
        "the pubdata of the first SL batches, {} to {}, are missing, so nothing can be rebuilt from those after them",
        .0.start(), .0.end()
    )]
    FirstMissing(RangeInclusive<SlBatch>),
    /// No batch registers a chain, and pubdata of batches are missing.
    #[error(
        "of the SL batches {} to {}, the pubdata of {missing} are missing, and the others register no chain at \
         MessageRoot {message_root}", .batches.start(), .batches.end()
    )]
    RegistrationsMissing {
        /// From the first batch to the last.
        batches: RangeInclusive<SlBatch>,
        /// The number of batches without pubdata.
        missing: usize,
        /// The address of MessageRoot.
        message_root: Address,
    },
    /// No batch registers a chain.
    #[error(
        "no SL batch from {first} to {last} registers a chain at MessageRoot {message_root}: the settlement layer has \
         earlier batches, or MessageRoot has another address"
    )]
    NoRegistrations {
        /// The first batch.
        first: SlBatch,
        /// The last batch.
        last: SlBatch,
        /// The address of MessageRoot.
        message_root: Address,
    },
    /// The chain id of the settlement layer is not known.
    #[error("no SL batch shows the chain id of the settlement layer: it has to be given")]
    NoSlChain,
    /// A later batch of a chain was executed before an earlier one.
    #[error(
        "chain {chain}: batch {batch} was executed in SL batch {executed}, before the batch with the number below it"
    )]
    Order {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The batch of the settlement layer that executed it.
        executed: SlBatch,
    },
    /// The trees of other evidence differ from those of the batches on L1.
    #[error(
        "the trees of other data differ from those of the batches on L1: {}",
        differing(*index, *chain, *batch)
    )]
    OtherTrees {
        /// The index of the chain.
        index: u64,
        /// The chain of the other data.
        chain: ChainId,
        /// The first batch that differs. `None` if the chains differ.
        batch: Option<BatchNumber>,
    },
    /// The root of a block in other evidence differs from the one on L1.
    #[error("block {}: the other data have {}, but the batches on L1 have {}", .0.block, .0.own, .0.other)]
    OtherRoot(DifferingRoot),
    /// The rebuilt root of a batch differs from that in its commit.
    #[error(
        "SL batch {batch}: its commit on L1 has the batch root {committed}, but the root of its logs is {local_root} \
         and the rebuilt shared root {shared_root}, so the batch root would be {rebuilt}; an earlier SL batch is \
         missing, or its pubdata is of another chain"
    )]
    Root {
        /// The batch.
        batch: SlBatch,
        /// The root in its commit.
        committed: Hash,
        /// The root of its own logs.
        local_root: Hash,
        /// The rebuilt root of the shared tree at its end.
        shared_root: Hash,
        /// The batch root of both.
        rebuilt: Hash,
    },
}

impl L1Error {
    /// Whether the rebuilt trees differ from what L1 has, rather than lack data.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(
            self,
            Self::Root { .. } | Self::Order { .. } | Self::OtherTrees { .. } | Self::OtherRoot(_)
        )
    }
}

fn differing(index: u64, chain: ChainId, batch: Option<BatchNumber>) -> String {
    match batch {
        Some(batch) => format!("batch {batch} of chain {chain}"),
        None => format!("the chain with index {index} is {chain} only in the other data"),
    }
}
