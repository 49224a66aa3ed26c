use std::ops::RangeInclusive;

use crate::{
    forest::{batch_leaf, chain_id_leaf, entry_zeros},
    merkle::{PartialTree, height},
    primitives::{BatchNumber, ChainId, Hash, SlBatch},
};

/// A chain's batches on a settlement layer of which batches are missing.
#[derive(Clone, Debug)]
pub(in crate::forest) struct BridgedChain {
    /// The chain. `None` if the batch that registered it is missing, and nothing else tells its id.
    pub(in crate::forest) id: Option<ChainId>,
    /// The batch numbers by leaf index; they ascend.
    numbers: Vec<BatchNumber>,
    /// The batch roots by leaf index; `None` for a lost one.
    roots: Vec<Option<Hash>>,
    tree: PartialTree,
    /// The number of batches at the end of a batch of the settlement layer; both ascend.
    counts: Vec<(SlBatch, u64)>,
    /// The lost batches, with the missing batches of the settlement layer of which one executed them.
    pub(super) lost: Vec<(RangeInclusive<BatchNumber>, RangeInclusive<SlBatch>)>,
}

impl BridgedChain {
    /// A chain without batches.
    pub(in crate::forest) fn new(id: Option<ChainId>) -> Self {
        let (numbers, roots, counts, lost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { id, numbers, roots, tree: PartialTree::new(entry_zeros()), counts, lost }
    }

    /// The number of batches.
    pub(in crate::forest) fn len(&self) -> u64 {
        self.tree.leaves()
    }

    /// The last batch.
    pub(in crate::forest) fn last(&self) -> Option<BatchNumber> {
        self.numbers.last().copied()
    }

    /// Appends a batch that was executed up to the end of a batch of the settlement layer. Numbers have to ascend.
    pub(in crate::forest) fn push(&mut self, number: BatchNumber, root: Option<Hash>, by: SlBatch) {
        self.numbers.push(number);
        self.roots.push(root);
        self.tree.push(root.map(|root| batch_leaf(root, number)));
        self.counts.pop_if(|(since, _)| *since == by);
        self.counts.push((by, self.tree.leaves()));
    }

    /// Notes batches as lost in missing batches of the settlement layer.
    pub(in crate::forest) fn note_lost(
        &mut self,
        numbers: impl Iterator<Item = BatchNumber>,
        missing: &RangeInclusive<SlBatch>,
    ) {
        for number in numbers {
            match self.lost.last_mut() {
                Some((lost, within)) if lost.end().0 + 1 == number.0 && within == missing => {
                    *lost = *lost.start()..=number;
                }
                _ => self.lost.push((number..=number, missing.clone())),
            }
        }
    }

    /// Adds what the contract stored in `_sides` of the chain's tree, when that had all its present leaves:
    ///
    /// ```text
    /// _sides[l] of c leaves    the complete subtree at level l with the index 2·⌊(c − 2^l) / 2^(l+1)⌋
    /// _sides[height]           the root
    /// ```
    ///
    /// Source: era-contracts `DynamicIncrementalMerkle.sol`, v26 to v31.
    pub(in crate::forest) fn learn_side(&mut self, level: u32, side: Hash) {
        let (leaves, width) = (self.len(), 1_u64 << level);
        if leaves == width || (level < height(leaves) && width < leaves) {
            self.tree.learn(level, 2 * ((leaves - width) >> (level + 1)), side);
        }
    }

    /// The chain's leaf in the shared tree. `None` if it is not known.
    pub(in crate::forest) fn leaf(&self) -> Option<Hash> {
        let root = match self.len() {
            0 => Hash::ZERO,
            leaves => self.tree.root(leaves)?,
        };
        Some(chain_id_leaf(root, self.id?))
    }

    /// The leaf index of a batch, and its root; `None` for a lost one.
    pub(super) fn find(&self, batch: BatchNumber) -> Option<(u64, Hash)> {
        let leaf = self.numbers.binary_search(&batch).ok()?;
        Some((leaf as u64, self.roots[leaf]?))
    }

    /// The batches and their roots; `None` for a lost one.
    pub(super) fn batches(&self) -> impl Iterator<Item = (BatchNumber, Option<Hash>)> {
        self.numbers.iter().copied().zip(self.roots.iter().copied())
    }

    /// The number of batches at the end of a batch of the settlement layer.
    fn len_at(&self, batch: SlBatch) -> u64 {
        let known = self.counts.partition_point(|(since, _)| *since <= batch);
        known.checked_sub(1).map_or(0, |last| self.counts[last].1)
    }

    /// The siblings of a leaf in the chain's tree at the end of a batch of the settlement layer. `None` if the batch
    /// was not executed by then, or a sibling is not known.
    pub(super) fn path(&self, leaf: u64, batch: SlBatch) -> Option<Vec<Hash>> {
        let leaves = self.len_at(batch);
        (leaf < leaves).then(|| self.tree.path(leaf, leaves)).flatten()
    }

    /// The batch of the settlement layer at whose end the leaf was there.
    pub(super) fn since(&self, leaf: u64) -> Option<SlBatch> {
        let before = self.counts.partition_point(|(_, leaves)| *leaves <= leaf);
        self.counts.get(before).map(|(since, _)| *since)
    }
}
