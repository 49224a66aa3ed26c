use std::ops::{Range, RangeInclusive};

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
    /// The leaf indices of batches that missing batches of the settlement layer executed, and whose roots are known.
    told: Vec<u64>,
    /// The lost batches, with the missing batches of the settlement layer of which one executed them.
    lost: Vec<(RangeInclusive<BatchNumber>, RangeInclusive<SlBatch>)>,
    /// The last batch when a right root confirmed which batches there are.
    confirmed: Option<BatchNumber>,
}

impl BridgedChain {
    /// A chain without batches.
    pub(in crate::forest) fn new(id: Option<ChainId>) -> Self {
        let (numbers, roots, counts) = (Vec::new(), Vec::new(), Vec::new());
        let (told, lost, tree) = (Vec::new(), Vec::new(), PartialTree::new(entry_zeros()));
        Self { id, numbers, roots, tree, counts, told, lost, confirmed: None }
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

    /// Appends a batch that missing batches of the settlement layer executed, as [`BridgedChain::push`].
    pub(in crate::forest) fn push_missing(
        &mut self,
        number: BatchNumber,
        root: Option<Hash>,
        missing: &RangeInclusive<SlBatch>,
        by: SlBatch,
    ) {
        self.push(number, root, by);
        if root.is_some() {
            return self.told.push(self.len() - 1);
        }
        match self.lost.last_mut() {
            Some((lost, within))
                if lost.end().0.checked_add(1) == Some(number.0) && within == missing =>
            {
                *lost = *lost.start()..=number;
            }
            _ => self.lost.push((number..=number, missing.clone())),
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
        if width <= leaves {
            self.tree.learn(level, 2 * ((leaves - width) >> (level + 1)), side);
        }
    }

    /// The chain's leaf in the shared tree. `None` if it is not known.
    pub(in crate::forest) fn leaf(&self) -> Option<Hash> {
        self.leaf_of(self.len())
    }

    /// As [`BridgedChain::leaf`], when the chain had this number of batches.
    pub(super) fn leaf_of(&self, leaves: u64) -> Option<Hash> {
        let root = if leaves == 0 { Hash::ZERO } else { self.tree.root(leaves)? };
        Some(chain_id_leaf(root, self.id?))
    }

    /// As [`BridgedChain::leaf`], if it follows from what is below the root of the chain's tree. A root that the contract
    /// stored does not show which leaves there are.
    pub(in crate::forest) fn rebuilt_leaf(&self) -> Option<Hash> {
        let root = match self.len() {
            0 => Hash::ZERO,
            leaves => self.tree.rebuilt_root(leaves)?,
        };
        Some(chain_id_leaf(root, self.id?))
    }

    /// Notes that the rebuilt leaf is right, and so the number of all leaves.
    pub(in crate::forest) fn confirm(&mut self) {
        self.confirmed = self.last();
    }

    /// The lost batches that are confirmed, with the missing batches of the settlement layer of which one executed them.
    pub(super) fn lost(
        &self,
    ) -> impl Iterator<Item = &(RangeInclusive<BatchNumber>, RangeInclusive<SlBatch>)> {
        self.lost.iter().take_while(|(batches, _)| Some(*batches.end()) <= self.confirmed)
    }

    /// The number of leaves from which on the path of a leaf is not known, because a complete subtree beside it is not
    /// known. `None` if all of them are.
    fn lost_from(&self, leaf: u64) -> Option<u64> {
        let beside = (0..height(self.len())).map(|level| (level, (leaf >> level) ^ 1));
        let ends = beside.filter_map(|(level, index)| {
            let end = (index + 1) << level;
            (end <= self.len() && self.tree.complete(level, index).is_none()).then_some(end)
        });
        ends.min()
    }

    /// Whether the path of a leaf may be known at the end of a batch of the settlement layer.
    pub(super) fn may_have_path(&self, leaf: u64) -> impl Fn(SlBatch) -> bool {
        let lost_from = self.lost_from(leaf).unwrap_or(u64::MAX);
        move |batch| self.len_at(batch) < lost_from
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

    /// The leaf indices of the batches that a batch of the settlement layer itself executed.
    pub(super) fn appended_in(&self, batch: SlBatch) -> Range<u64> {
        let before = self.counts.partition_point(|(since, _)| *since < batch);
        let start = before.checked_sub(1).map_or(0, |last| self.counts[last].1);
        let (leaves, end) = (start..self.len_at(batch), self.len_at(batch));
        let is_missing = |leaf: &u64| self.roots[*leaf as usize].is_none() || self.is_told(*leaf);
        start + leaves.take_while(is_missing).count() as u64..end
    }

    /// The number of batches at the end of a batch of the settlement layer.
    pub(super) fn len_at(&self, batch: SlBatch) -> u64 {
        let known = self.counts.partition_point(|(since, _)| *since <= batch);
        known.checked_sub(1).map_or(0, |last| self.counts[last].1)
    }

    /// The siblings of a leaf in the chain's tree at the end of a batch of the settlement layer. `None` if the batch
    /// was not executed by then, or a sibling is not known.
    pub(super) fn path(&self, leaf: u64, batch: SlBatch) -> Option<Vec<Hash>> {
        self.path_in(leaf, self.len_at(batch))
    }

    /// As [`BridgedChain::path`], when the chain had this number of batches.
    pub(super) fn path_in(&self, leaf: u64, leaves: u64) -> Option<Vec<Hash>> {
        (leaf < leaves).then(|| self.tree.path(leaf, leaves)).flatten()
    }

    /// Whether missing batches of the settlement layer appended the leaf.
    pub(super) fn is_told(&self, leaf: u64) -> bool {
        self.told.binary_search(&leaf).is_ok()
    }

    /// The batch of the settlement layer at whose end the leaf was there.
    pub(super) fn since(&self, leaf: u64) -> Option<SlBatch> {
        let before = self.counts.partition_point(|(_, leaves)| *leaves <= leaf);
        self.counts.get(before).map(|(since, _)| *since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        forest::EMPTY_ENTRY,
        keccak::keccak256,
        merkle::{Levels, PushTree},
    };

    proptest! {
        /// Batches of the settlement layer append some leaves each; those of some are lost. What the contract stored at
        /// the ends of the others is right, and gives paths in the whole tree.
        #[test]
        fn sides_that_the_contract_stored_give_paths_around_lost_leaves(
            appended in prop::collection::vec((0..6u64, prop::bool::weighted(0.3)), 1..14),
        ) {
            let mut contract = PushTree::new(EMPTY_ENTRY);
            let mut chain = BridgedChain::new(Some(ChainId(5)));
            let (mut leaves, mut known) = (Vec::new(), Vec::new());
            let ends = 0..appended.len() as u64;
            for (at, (count, is_lost)) in (0..).zip(&appended) {
                let before = contract.sides().to_vec();
                for _ in 0..*count {
                    let number = BatchNumber(7 + leaves.len() as u64);
                    let root = keccak256(&number.0.to_be_bytes());
                    leaves.push(batch_leaf(root, number));
                    known.push(!is_lost);
                    contract.push(batch_leaf(root, number));
                    chain.push(number, (!is_lost).then_some(root), SlBatch(at));
                }
                let changed = (0..).zip(contract.sides());
                let changed = changed.filter(|(level, side)| before.get(*level as usize) != Some(side));
                changed.filter(|_| !is_lost).for_each(|(level, side)| chain.learn_side(level, *side));
                let levels = Levels::build(leaves.clone(), entry_zeros());
                let tree = levels.tree(entry_zeros());
                if let (Some(leaf), false) = (chain.leaf(), leaves.is_empty()) {
                    prop_assert_eq!(leaf, chain_id_leaf(tree.root(), ChainId(5)));
                }
                for (leaf, is_known) in (0..).zip(&known) {
                    if let Some(path) = chain.path(leaf, SlBatch(at)) {
                        prop_assert_eq!(path, tree.path(leaf).unwrap());
                    } else {
                        prop_assert!(known.contains(&false));
                    }
                    prop_assert_eq!(chain.find(BatchNumber(7 + leaf)).is_some(), *is_known);
                }
            }
            for leaf in 0..chain.len() {
                let may_have_path = chain.may_have_path(leaf);
                for batch in ends.clone().map(SlBatch) {
                    prop_assert!(may_have_path(batch) || chain.path(leaf, batch).is_none());
                }
            }
        }
    }

    /// Of eight leaves the second is lost. The contract stores the subtree of the first two once, with the second
    /// one, and the subtree of the first four with the fourth one.
    #[test]
    fn a_lost_leaf_hides_the_leaves_below_the_next_subtree_that_was_stored() {
        let mut contract = PushTree::new(EMPTY_ENTRY);
        let mut chain = BridgedChain::new(Some(ChainId(5)));
        for number in 0..8 {
            let (root, before) = (keccak256(&[number as u8]), contract.sides().to_vec());
            contract.push(batch_leaf(root, BatchNumber(number)));
            let root = (number != 1).then_some(root);
            chain.push(BatchNumber(number), root, SlBatch(number));
            let stored = (0..).zip(contract.sides()).filter(|_| number != 1);
            stored
                .filter(|(level, side)| before.get(*level as usize) != Some(side))
                .for_each(|(level, side)| chain.learn_side(level, *side));
        }
        let is_known = |leaf: &u64, batch| chain.path(*leaf, SlBatch(batch)).is_some();
        let known: Vec<u64> = (0..8).filter(|leaf| is_known(leaf, 7)).collect();
        assert_eq!(known, [1, 4, 5, 6, 7]);
        let may_be_known: Vec<u64> =
            (0..8).filter(|leaf| chain.may_have_path(*leaf)(SlBatch(7))).collect();
        assert_eq!(may_be_known, known);
        for (leaf, batch) in (0..8).flat_map(|leaf| (leaf..8).map(move |batch| (leaf, batch))) {
            let may_be_known = chain.may_have_path(leaf)(SlBatch(batch));
            assert_eq!(may_be_known, is_known(&leaf, batch), "leaf {leaf} at {batch}");
        }
        assert_eq!((0..8).filter(|leaf| is_known(leaf, 2)).count(), 1);
        let missing = SlBatch(9)..=SlBatch(9);
        for (number, root) in [(8, None), (9, None), (10, Some(Hash::ZERO)), (11, None)] {
            chain.push_missing(BatchNumber(number), root, &missing, SlBatch(10));
        }
        let lost: Vec<_> =
            chain.lost.iter().map(|(lost, _)| (lost.start().0, lost.end().0)).collect();
        assert_eq!(lost, [(8, 9), (11, 11)]);
        assert!(chain.is_told(10) && !chain.is_told(11));
        // What missing batches of the settlement layer executed is not appended by the next one.
        assert_eq!(chain.appended_in(SlBatch(10)), 12..12);
        chain.push(BatchNumber(12), Some(Hash::ZERO), SlBatch(10));
        assert_eq!(chain.appended_in(SlBatch(10)), 12..13);
        assert_eq!(chain.appended_in(SlBatch(7)), 7..8);
    }
}
