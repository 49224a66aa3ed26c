use std::ops::{Range, RangeInclusive};

use bytemuck::TransparentWrapper;
use rayon::prelude::*;

use super::leaf::{BatchLeaves, CHAIN_ID_LEAF_PADDING, entry_zeros};
use crate::{
    keccak::hash_leaves,
    merkle::{Levels, Tree},
    primitives::{BatchNumber, ChainId, Hash},
};

/// A chain's tree: every batch that was executed on this settlement layer, and all levels above.
#[derive(Clone, Debug)]
pub struct ChainTree {
    chain: ChainId,
    index: u64,
    numbers: Vec<BatchNumber>,
    batch_roots: Vec<Hash>,
    levels: Levels,
}

impl ChainTree {
    /// Builds the trees of all chains, given by their index in the shared tree. The batches of each are
    /// in the order of execution, which is the order of their numbers.
    pub(super) fn build_all(chains: Vec<(ChainId, Vec<(BatchNumber, Hash)>)>) -> Vec<Self> {
        let batches: Vec<(ChainId, (Vec<_>, Vec<_>))> = chains
            .into_par_iter()
            .map(|(chain, batches)| (chain, batches.into_iter().unzip()))
            .collect();
        let leaves = batches.iter().map(|(_, (numbers, roots))| BatchLeaves::new(roots, numbers));
        let levels = Levels::hash_all(leaves.collect(), entry_zeros());
        let chains = (0..).zip(batches).zip(levels);
        chains
            .map(|((index, (chain, (numbers, batch_roots))), levels)| Self {
                chain,
                index,
                numbers,
                batch_roots,
                levels,
            })
            .collect()
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

    /// The numbers of the batches by leaf index; increasing, but neither contiguous nor from 1.
    #[must_use]
    pub fn batches(&self) -> &[BatchNumber] {
        &self.numbers
    }

    /// The batch roots by leaf index.
    #[must_use]
    pub fn batch_roots(&self) -> &[Hash] {
        &self.batch_roots
    }

    /// A batch's leaf index and root; `None` when it was not executed on this settlement layer.
    #[must_use]
    pub fn find(&self, batch: BatchNumber) -> Option<(u64, Hash)> {
        let index = self.numbers.binary_search(&batch).ok()?;
        Some((index as u64, self.batch_roots[index]))
    }

    /// The batches of a range of leaves, as runs without a gap. A gap is what a chain leaves behind
    /// that settled elsewhere for a while.
    ///
    /// # Panics
    /// When the tree has no such leaves.
    #[must_use]
    pub fn runs(&self, leaves: Range<u64>) -> Vec<RangeInclusive<BatchNumber>> {
        self.numbers[leaves.start as usize..leaves.end as usize]
            .chunk_by(|a, b| a.0.checked_add(1) == Some(b.0))
            .filter_map(|run| Some(*run.first()?..=*run.last()?))
            .collect()
    }

    /// The levels of the tree.
    #[must_use]
    pub fn tree(&self) -> Tree<'_> {
        self.levels.tree(entry_zeros())
    }

    /// The root as the contract has it: 32 zero bytes while there is no batch.
    #[must_use]
    pub fn root(&self) -> Hash {
        if self.numbers.is_empty() { Hash::ZERO } else { self.tree().root() }
    }

    /// The chain's leaf in the shared tree as it was after each of these numbers of batches.
    ///
    /// # Panics
    /// When the chain never had so many.
    pub(super) fn leaves_after(&self, counts: &[u64]) -> Vec<Hash> {
        let mut roots = self
            .tree()
            .prefix_roots(counts)
            .unwrap_or_else(|| unreachable!("callers stay within the tree"));
        for (root, count) in roots.iter_mut().zip(counts) {
            if *count == 0 {
                *root = Hash::ZERO;
            }
        }
        let chains = vec![self.chain; counts.len()];
        let mut leaves = vec![Hash::ZERO; counts.len()];
        hash_leaves(&CHAIN_ID_LEAF_PADDING, &roots, ChainId::peel_slice(&chains), &mut leaves);
        leaves
    }
}
