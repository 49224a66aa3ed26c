use std::ptr;

use bytemuck::TransparentWrapper;

use super::{
    BatchNumbers,
    hashes::Hashes,
    leaf::{BatchLeaves, CHAIN_ID_LEAF_PADDING, entry_zeros},
    timestamps::{Timestamps, timestamp},
};
use crate::{
    keccak::hash_leaves,
    merkle::{LeafHashes, Tree, prefix_roots},
    primitives::{BatchNumber, ChainId, Hash, Timestamp},
};

/// A chain's tree: every batch that was executed on this settlement layer, and all inner levels.
#[derive(Clone, Debug)]
pub struct ChainTree {
    chain: ChainId,
    index: u64,
    batches: Batches,
    above: Hashes,
}

/// The batches of a chain by leaf index.
#[derive(Clone, Debug)]
struct Batches {
    numbers: BatchNumbers,
    roots: Hashes,
    /// One for each batch; none before v33.
    timestamps: Timestamps,
}

impl Batches {
    fn leaves(&self) -> BatchLeaves<'_> {
        BatchLeaves::with_timestamps(&self.roots, &self.numbers, &self.timestamps)
    }
}

impl LeafHashes for Batches {
    fn count(&self) -> usize {
        self.roots.len()
    }

    fn hash(&self, first: usize, out: &mut [Hash]) {
        self.leaves().hash(first, out);
    }

    fn hash_some(&self, leaves: &[usize], out: &mut [Hash]) {
        self.leaves().hash_some(leaves, out);
    }
}

impl ChainTree {
    /// The tree of the chain at `index` in the shared tree: its batches in the order of execution, which is
    /// the order of their numbers, and the levels above their leaves.
    ///
    /// # Panics
    /// If the parts differ in length.
    pub(super) fn new(
        (index, chain): (u64, ChainId),
        numbers: BatchNumbers,
        roots: Hashes,
        timestamps: Timestamps,
        above: Hashes,
    ) -> Self {
        let batches = Batches { numbers, roots, timestamps };
        let tree = Self { chain, index, batches, above };
        let _ = tree.tree();
        tree
    }

    /// The chain's id.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// The chain's index in the shared tree.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The batch numbers by leaf index.
    #[must_use]
    pub fn batches(&self) -> &BatchNumbers {
        &self.batches.numbers
    }

    /// The batch roots by leaf index.
    #[must_use]
    pub fn batch_roots(&self) -> &[Hash] {
        &self.batches.roots
    }

    /// When the batch with this leaf index was executed. `None` before v33, and for an index out of range.
    #[must_use]
    pub fn timestamp(&self, leaf: u64) -> Option<Timestamp> {
        self.batches.timestamps.get(usize::try_from(leaf).ok()?)
    }

    /// The number of batches that were executed up to a time. Their timestamps ascend.
    pub(super) fn batches_until(&self, time: Timestamp) -> u64 {
        self.batches.timestamps.partition_point(|row| timestamp(row) <= time) as u64
    }

    /// A batch's leaf index and root. `None` if the batch was not executed on this settlement layer.
    #[must_use]
    pub fn find(&self, batch: BatchNumber) -> Option<(u64, Hash)> {
        let leaf = self.batches.numbers.find(batch)?;
        Some((leaf, self.batches.roots[leaf as usize]))
    }

    /// The tree. Leaves are hashed when they are read; the levels above them are stored.
    #[must_use]
    pub fn tree(&self) -> Tree<'_> {
        Tree::over(&self.batches, &self.above, entry_zeros())
            .unwrap_or_else(|| unreachable!("the levels are those of the batches"))
    }

    /// The root as the contract stores it: 32 zero bytes for a chain without batches.
    #[must_use]
    pub fn root(&self) -> Hash {
        chain_root(&self.tree())
    }

    /// The chain's leaf in the shared tree after each of these numbers of batches; see [`leaves_after`].
    pub(super) fn leaves_after(&self, counts: &[u64]) -> Vec<Hash> {
        leaves_after(&counts.iter().map(|count| (self, *count)).collect::<Vec<_>>())
    }
}

/// The leaves of chains in the shared tree, each after a number of batches, hashed together.
///
/// # Panics
/// If a count exceeds the chain's number of batches.
pub(super) fn leaves_after(wanted: &[(&ChainTree, u64)]) -> Vec<Hash> {
    let of_same_chain = || wanted.chunk_by(|(a, _), (b, _)| ptr::eq(*a, *b));
    let trees: Vec<Tree<'_>> = of_same_chain().map(|same| same[0].0.tree()).collect();
    let prefixes = trees.iter().zip(of_same_chain());
    let prefixes =
        prefixes.flat_map(|(tree, same)| same.iter().map(move |(_, count)| (tree, *count)));
    let mut roots = prefix_roots(&prefixes.collect::<Vec<_>>())
        .unwrap_or_else(|| unreachable!("callers stay within the tree"));
    for (root, (_, count)) in roots.iter_mut().zip(wanted) {
        if *count == 0 {
            *root = Hash::ZERO;
        }
    }
    chain_id_leaves(&roots, wanted.iter().map(|(tree, _)| *tree))
}

/// The leaves of chains in the shared tree with these roots, hashed together.
///
/// # Panics
/// If there is not one root for each chain.
pub(super) fn chain_id_leaves<'t>(
    roots: &[Hash],
    chains: impl Iterator<Item = &'t ChainTree>,
) -> Vec<Hash> {
    let chains: Vec<ChainId> = chains.map(ChainTree::chain).collect();
    let mut leaves = vec![Hash::ZERO; roots.len()];
    hash_leaves(&CHAIN_ID_LEAF_PADDING, roots, ChainId::peel_slice(&chains), &mut leaves);
    leaves
}

/// The root of a chain tree as the contract stores it: 32 zero bytes for a chain without batches.
pub(super) fn chain_root(tree: &Tree<'_>) -> Hash {
    if tree.leaves() == 0 { Hash::ZERO } else { tree.root() }
}

#[cfg(test)]
mod tests;
