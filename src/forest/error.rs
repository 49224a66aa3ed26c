use thiserror::Error;

use crate::{
    contracts::{Layout, Release},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock},
    state::StateError,
};

/// Why the trees could not be rebuilt, or are not those of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// A slot could not be read, or holds what it cannot.
    #[error("the state of the settlement layer makes no sense")]
    State(#[from] StateError),
    /// No chain is registered at this address.
    #[error(
        "there is no MessageRoot at {0}: this is no dump of a settlement layer, or not a whole one. \
         On L1 MessageRoot is a proxy, and so is Bridgehub; their addresses have to be given"
    )]
    NoMessageRoot(Address),
    /// The registry of chains contradicts itself.
    #[error(
        "the registry of chains is incomplete: chainIndexToId[{index}] is chain {chain}, but \
         chainIndex[{chain}] is {stored}"
    )]
    Registry {
        /// The index.
        index: u64,
        /// The chain there.
        chain: ChainId,
        /// Its index by the other mapping.
        stored: u64,
    },
    /// The settlement layer is not the one that was expected.
    #[error("this is the state of settlement layer {found}, not of {expected}")]
    OtherSettlementLayer {
        /// The chain asked for.
        expected: ChainId,
        /// The chain at index 0.
        found: ChainId,
    },
    /// Bridgehub does not know where a chain's diamond stands.
    #[error(
        "Bridgehub at {bridgehub} knows no diamond of chain {chain}, whose tree has {leaves} batches: \
         the dump lacks Bridgehub's storage, or Bridgehub is elsewhere"
    )]
    NoDiamond {
        /// The chain.
        chain: ChainId,
        /// Where Bridgehub was looked for.
        bridgehub: Address,
        /// The leaves of the chain's tree.
        leaves: u64,
    },
    /// The trees are said to have more batches than the state has slots.
    #[error(
        "by _nextLeafIndex the trees have {batches} batches up to that of chain {chain}, but the whole \
         state has only {slots} slots: the dump is incomplete or damaged"
    )]
    TooManyBatches {
        /// The chain with which they are too many.
        chain: ChainId,
        /// The batches of this chain's tree and of those before it.
        batches: u64,
        /// How many slots the state has.
        slots: u64,
    },
    /// The trees are too large to be kept in memory.
    #[error(
        "the trees have {hashes} hashes, more than the {limit} that are kept in memory; make a tree file \
         of the state (slproof rebuild -o), which takes little memory whatever the size"
    )]
    TooLargeForMemory {
        /// How many hashes there are.
        hashes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Roots of executed batches are missing.
    #[error(
        "the dump is incomplete: the tree of chain {chain} has {expected} batches, but the state holds \
         the roots of only {found} (looked from batch {highest} down to {searched_down_to}). If the \
         chain was away from this settlement layer for longer, look further down"
    )]
    Incomplete {
        /// The chain.
        chain: ChainId,
        /// The leaves of its tree.
        expected: u64,
        /// The roots found.
        found: u64,
        /// The number of the last executed batch.
        highest: BatchNumber,
        /// The lowest number looked at.
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
    /// A stored array has not the length that its tree demands.
    #[error("{tree}: the contract's {variable} should have {expected} entries, and has {stored}")]
    Length {
        /// Which tree.
        tree: String,
        /// The variable.
        variable: String,
        /// What the number of leaves demands.
        expected: u64,
        /// What is stored.
        stored: u64,
    },
    /// A node of a chain tree is not the one that the contract stored.
    #[error(
        "chain {chain}, level {level}, index {index} (batches {first} to {last}): the contract stored \
         {stored}{}, rebuilt is {rebuilt}",
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
        /// The contract's node.
        stored: Hash,
        /// Our node.
        rebuilt: Hash,
    },
    /// An empty subtree's root is not the one that the contract stored.
    #[error(
        "{tree}: the contract's _zeros[{level}] is {stored}{}, not {expected}",
        missing(stored)
    )]
    Zeros {
        /// Which tree.
        tree: String,
        /// The height of the subtree.
        level: u32,
        /// The contract's value.
        stored: Hash,
        /// The right value.
        expected: Hash,
    },
    /// A node of the shared tree is not the one that the contract stored.
    #[error(
        "shared tree, level {level}, index {index}: the contract stored {stored}{}, rebuilt is \
         {rebuilt}",
        missing(stored)
    )]
    SharedTree {
        /// The level, 0 for chain-id leaves.
        level: u32,
        /// The node's index in its level.
        index: u64,
        /// The contract's node.
        stored: Hash,
        /// Our node.
        rebuilt: Hash,
    },
    /// The newest root by block belongs to no state of the rebuilt trees.
    #[error(
        "the newest historicalRoot, of block {block}, is {stored}, but the rebuilt shared tree gives \
         {rebuilt}, and no smaller number of chains gives it either"
    )]
    InteropRoot {
        /// The block.
        block: SlBlock,
        /// The contract's root.
        stored: Hash,
        /// The root over all chains.
        rebuilt: Hash,
    },
    /// No root by block was found where the user said that one is.
    #[error(
        "none of the blocks {searched_from} to {searched_to}, which was given as the last, has a root: the \
         dump is of another block, or of a release before v29"
    )]
    NoHistoricalRoot {
        /// The first block looked at.
        searched_from: SlBlock,
        /// The last block looked at.
        searched_to: SlBlock,
    },
    /// The contract says that it filed a root, and the dump does not have it.
    #[error(
        "the dump is incomplete: MessageRoot filed its last root in block {0}, which is missing"
    )]
    LostRoot(SlBlock),
    /// The release that was given is not that of the state.
    #[error("the state is one of release {found}, not of {given} as given")]
    OtherRelease {
        /// The release given.
        given: Release,
        /// What the state has.
        found: Layout,
    },
    /// The block that was given is not that of the dump.
    #[error("the dump says that it is of block {stated}, not of {given} as given")]
    OtherBlock {
        /// The block given.
        given: SlBlock,
        /// The block in the dump.
        stated: SlBlock,
    },
}

impl RebuildError {
    /// Whether the rebuilt trees differ from the stored ones, and not merely lack something. A stored
    /// node or length is never zero; where one is, the dump lost it.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        match self {
            Self::ChainTree { stored, .. }
            | Self::Zeros { stored, .. }
            | Self::SharedTree { stored, .. } => !stored.is_zero(),
            Self::Length { stored, .. } => *stored != 0,
            Self::TwoRoots { .. } | Self::InteropRoot { .. } => true,
            _ => false,
        }
    }
}

fn missing(stored: &Hash) -> &'static str {
    if stored.is_zero() { " (nothing: the dump is incomplete)" } else { "" }
}
