use thiserror::Error;

use super::{EventsError, L1Error};
use crate::{
    contracts::{ForeignLayout, Layout, Release},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock},
    state::StateError,
};

/// Why the trees could not be rebuilt, or why they differ from the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// A slot could not be read, or its value is invalid.
    #[error("the state of the settlement layer is invalid")]
    State(#[from] StateError),
    /// The events of MessageRoot are incomplete, contradict each other, or contain other roots.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// The batches of the settlement layer on L1 are incomplete, contradict each other, or lead to other roots.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// MessageRoot registers no chain at this address.
    #[error(
        "there is no MessageRoot at {0}: the dump is not of a settlement layer, or is incomplete. On L1, \
         MessageRoot and Bridgehub are proxies, and their addresses must be given"
    )]
    NoMessageRoot(Address),
    /// The storage layout of MessageRoot is not supported.
    #[error("the storage layout of MessageRoot is not supported: {0}")]
    ForeignLayout(ForeignLayout),
    /// The two mappings of the registry of chains contradict each other.
    #[error(
        "the registry of chains is incomplete: chainIndexToId[{index}] is chain {chain}, but \
         chainIndex[{chain}] is {stored}"
    )]
    Registry {
        /// The chain's index.
        index: u64,
        /// The chain at this index.
        chain: ChainId,
        /// The chain's index by the other mapping.
        stored: u64,
    },
    /// The state is of another settlement layer than expected.
    #[error("the state is of settlement layer {found}, expected {expected}")]
    OtherSettlementLayer {
        /// The expected chain id.
        expected: ChainId,
        /// The chain at index 0.
        found: ChainId,
    },
    /// Bridgehub has no address of the chain's diamond.
    #[error(
        "Bridgehub at {bridgehub} has no diamond for chain {chain}, whose tree has {leaves} batches: the \
         dump lacks Bridgehub's storage, or Bridgehub has another address"
    )]
    NoDiamond {
        /// The chain.
        chain: ChainId,
        /// The address at which Bridgehub was expected.
        bridgehub: Address,
        /// The leaves of the chain's tree.
        leaves: u64,
    },
    /// The leaf counts of the trees exceed the number of slots in the state.
    #[error(
        "_nextLeafIndex counts {batches} batches in the trees up to that of chain {chain}, but the whole \
         state has only {slots} slots: the dump is incomplete or damaged"
    )]
    TooManyBatches {
        /// The chain at which the count exceeds the slots.
        chain: ChainId,
        /// The batches of this chain's tree and of the trees before it.
        batches: u64,
        /// The number of slots in the state.
        slots: u64,
    },
    /// The trees are too large for memory.
    #[error(
        "the trees have {hashes} hashes; at most {limit} are kept in memory. A tree file has no such limit"
    )]
    TooLargeForMemory {
        /// The number of hashes.
        hashes: usize,
        /// The limit.
        limit: usize,
    },
    /// Roots of executed batches are missing.
    #[error(
        "the dump is incomplete: the tree of chain {chain} has {expected} batches, but the state holds \
         the roots of only {found} (searched from batch {highest} down to {searched_down_to}). If the \
         chain was away from this settlement layer for longer, search further down"
    )]
    Incomplete {
        /// The chain.
        chain: ChainId,
        /// The number of leaves of its tree.
        expected: u64,
        /// The number of roots found.
        found: u64,
        /// The number of the last executed batch.
        highest: BatchNumber,
        /// The lowest batch number searched.
        searched_down_to: BatchNumber,
    },
    /// MessageRoot and the chain's diamond disagree about a batch.
    #[error(
        "chain {chain}, batch {batch}: MessageRoot has the batch root {message_root}, the chain's \
         diamond {diamond}"
    )]
    TwoRoots {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// MessageRoot's root.
        message_root: Hash,
        /// The diamond's root.
        diamond: Hash,
    },
    /// The length of a stored array does not match the tree.
    #[error("{tree}: the contract's {variable} should have {expected} entries, but has {stored}")]
    Length {
        /// The tree.
        tree: String,
        /// The contract's variable.
        variable: String,
        /// The length for this number of leaves.
        expected: u64,
        /// The stored length.
        stored: u64,
    },
    /// A node of a chain tree differs from the one that the contract stored.
    #[error(
        "chain {chain}, level {level}, index {index} (batches {first} to {last}): the contract stored \
         {stored}{}, the rebuilt one is {rebuilt}",
        missing(stored)
    )]
    ChainTree {
        /// The chain.
        chain: ChainId,
        /// The level, 0 for leaves.
        level: u32,
        /// The node's index in its level.
        index: u64,
        /// The first batch below the node.
        first: BatchNumber,
        /// The last batch below the node.
        last: BatchNumber,
        /// The node that the contract stored.
        stored: Hash,
        /// The node that was rebuilt.
        rebuilt: Hash,
    },
    /// The root of an empty subtree differs from the one that the contract stored.
    #[error(
        "{tree}: the contract's _zeros[{level}] is {stored}{}, not {expected}",
        missing(stored)
    )]
    Zeros {
        /// The tree.
        tree: String,
        /// The height of the subtree.
        level: u32,
        /// The value that the contract stored.
        stored: Hash,
        /// The computed value.
        expected: Hash,
    },
    /// A node of the shared tree differs from the one that the contract stored.
    #[error(
        "shared tree, level {level}, index {index}: the contract stored {stored}{}, the rebuilt one is \
         {rebuilt}",
        missing(stored)
    )]
    SharedTree {
        /// The level, 0 for chain-id leaves.
        level: u32,
        /// The node's index in its level.
        index: u64,
        /// The node that the contract stored.
        stored: Hash,
        /// The node that was rebuilt.
        rebuilt: Hash,
    },
    /// The newest interop root is not a root of the rebuilt shared tree.
    #[error(
        "the newest historicalRoot, of block {block}, is {stored}, but the root of the rebuilt shared tree \
         is {rebuilt}, and a tree over fewer chains does not match either"
    )]
    InteropRoot {
        /// The block.
        block: SlBlock,
        /// The root that the contract stored.
        stored: Hash,
        /// The rebuilt root over all chains.
        rebuilt: Hash,
    },
    /// No interop root was found up to the block that was given as the last.
    #[error(
        "no block from {searched_from} to {searched_to} (given as the last block) has a root: the dump is of \
         another block, or of a release before v29"
    )]
    NoHistoricalRoot {
        /// The first block searched.
        searched_from: SlBlock,
        /// The last block searched.
        searched_to: SlBlock,
    },
    /// MessageRoot names the block of its last root, but the dump lacks this root.
    #[error(
        "the dump is incomplete: MessageRoot stored its last root in block {0}, but this root is missing"
    )]
    LostRoot(SlBlock),
    /// The release that was given does not match the state.
    #[error("the state is of release {found}, but {given} was given")]
    OtherRelease {
        /// The release given.
        given: Release,
        /// The layout of the state.
        found: Layout,
    },
    /// The block that was given does not match the dump.
    #[error("the dump is of block {stated}, but block {given} was given")]
    OtherBlock {
        /// The block given.
        given: SlBlock,
        /// The block that the dump names.
        stated: SlBlock,
    },
}

impl RebuildError {
    /// Whether the rebuilt trees differ from the stored ones, rather than lack data. A stored node or
    /// length is never zero: a zero means that the dump lacks it.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        match self {
            Self::ChainTree { stored, .. }
            | Self::Zeros { stored, .. }
            | Self::SharedTree { stored, .. } => !stored.is_zero(),
            Self::Length { stored, .. } => *stored != 0,
            Self::TwoRoots { .. } | Self::InteropRoot { .. } => true,
            Self::Events(error) => error.is_mismatch(),
            Self::L1(error) => error.is_mismatch(),
            _ => false,
        }
    }
}

fn missing(stored: &Hash) -> &'static str {
    if stored.is_zero() { " (nothing: the dump is incomplete)" } else { "" }
}
