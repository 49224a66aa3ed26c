use super::leaf::{batch_leaves, entry_zeros};
use crate::{
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
    /// Builds the tree of the chain at `index` of the shared tree. `batches` are in the order of
    /// execution, which is the order of their numbers.
    pub(super) fn build(chain: ChainId, index: u64, batches: Vec<(BatchNumber, Hash)>) -> Self {
        let (numbers, batch_roots): (Vec<_>, Vec<_>) = batches.into_iter().unzip();
        let levels = Levels::build(batch_leaves(&batch_roots, &numbers), entry_zeros());
        Self { chain, index, numbers, batch_roots, levels }
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
}
