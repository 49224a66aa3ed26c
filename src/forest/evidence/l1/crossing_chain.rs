use std::{
    collections::BTreeMap,
    ops::{Bound, RangeInclusive},
};

use super::{
    candidate::{Candidate, grow},
    executed::Executed,
};
use crate::{
    forest::bridged::BridgedChain,
    ingest::l1::{NodeSlot, StoredNode},
    primitives::{BatchNumber, ChainId, Hash, SlBatch},
};

/// The most batches of a chain that missing batches of the settlement layer executed.
const MOST_LOST: u64 = 1 << 10;
/// The most batches of a chain that are tried at its end.
const MOST_PENDING: usize = 1 << 6;

/// A batch, and its root unless it is lost.
type Appended = (BatchNumber, Option<Hash>);
/// A batch, its root, and the batch of the settlement layer that executed it.
type Executing = (BatchNumber, Hash, SlBatch);

/// A chain, as its tree grows after missing batches of the settlement layer.
pub(super) struct CrossingChain {
    /// The batch that registered it. `None` if that is missing.
    pub(super) since: Option<SlBatch>,
    executed: Executed,
    /// The number of those that are in the tree.
    taken: usize,
    pub(super) tree: BridgedChain,
    /// Whether nothing was appended that the tree does not have. Lost leaves may be in it.
    pub(super) is_settled: bool,
    /// The chain's leaf in the shared tree when it was last known whole.
    last_leaf: Option<Hash>,
    /// Whether the tree contradicts a node that was stored. Then nothing more is appended.
    is_wrong: bool,
    /// Whether what missing batches executed is assumed, and no right root confirms it.
    is_assumed: bool,
    /// Whether it is not known which candidate it is. There may be several with its id.
    pub(super) is_open: bool,
    /// The leaves that it may have in the shared tree, if it has executed nothing since the missing batches. `None` if
    /// that has changed.
    possible: Option<Vec<Hash>>,
}

impl CrossingChain {
    /// A chain without batches so far. `registered` is its id, and the batch that registered it.
    pub(super) fn new(registered: Option<(ChainId, SlBatch)>, executed: Executed) -> Self {
        let (id, since) = registered.unzip();
        Self {
            since,
            executed,
            taken: 0,
            tree: BridgedChain::new(id),
            is_settled: registered.is_some(),
            last_leaf: None,
            is_wrong: false,
            is_assumed: false,
            is_open: registered.is_none(),
            possible: None,
        }
    }

    /// Appends what was executed up to the end of a batch before which none is missing.
    pub(super) fn begin(&mut self, batch: SlBatch) {
        grow(&mut self.tree, &self.executed, batch);
        self.taken = self.tree.len() as usize;
        self.last_leaf = self.tree.leaf();
    }

    /// Notes that the next batch is missing.
    pub(super) fn unsettle(&mut self) {
        (self.is_settled, self.possible) = (false, None);
    }

    /// The chain's leaf in the shared tree, if it is known whole.
    pub(super) fn known_leaf(&self) -> Option<Hash> {
        self.tree.leaf().filter(|_| self.is_settled && !self.is_assumed)
    }

    /// Notes the chain's leaf in the shared tree at the end of a batch.
    pub(super) fn end(&mut self, leaf: Option<Hash>) {
        if self.is_settled {
            self.last_leaf = leaf.or(self.last_leaf);
        }
    }

    /// Appends what a batch executed, and what missing batches executed before. `leaf` is the chain's leaf in the
    /// shared tree, if the batch stored it.
    pub(super) fn advance(
        &mut self,
        batch: SlBatch,
        stored: &[StoredNode],
        leaf: Option<Hash>,
        missing: &RangeInclusive<SlBatch>,
    ) {
        let (start, end) = (self.taken, self.executed.count_by(batch));
        let since = &self.executed.since[start..end.max(start)];
        let new = self.executed.batches(start, end).zip(since);
        let new: Vec<Executing> =
            new.map(|((number, root), since)| (number, root, *since)).collect();
        if new.is_empty() || self.is_wrong {
            return;
        }
        (self.taken, self.possible) = (end, None);
        let append = |tree: &mut BridgedChain, lost: &[(usize, Appended)]| {
            let mut lost = lost.iter().peekable();
            for (at, (number, root, since)) in new.iter().enumerate() {
                while let Some((_, (number, root))) = lost.next_if(|(before, _)| *before == at) {
                    tree.push_missing(*number, *root, missing, batch);
                }
                // Of the missing batches, a part may be there.
                match *since == batch {
                    true => tree.push(*number, Some(*root), batch),
                    false => tree.push_missing(*number, Some(*root), missing, batch),
                }
            }
            for node in stored {
                if let NodeSlot::Side(chain, level) = node.slot
                    && Some(chain) == tree.id
                {
                    tree.learn_side(level, node.node);
                }
            }
        };
        let is_other = |tree: &BridgedChain| {
            tree.leaf().zip(leaf).is_some_and(|(rebuilt, stored)| rebuilt != stored)
        };
        // A root that was only learned shows nothing of the leaves below it.
        let is_proven = |tree: &BridgedChain| leaf.is_some() && tree.rebuilt_leaf() == leaf;
        if self.is_settled {
            append(&mut self.tree, &[]);
            self.is_wrong = is_other(&self.tree);
            self.is_settled = !self.is_wrong;
        } else {
            let mut best: Option<BridgedChain> = None;
            for lost in self.possibly_lost(&new, missing) {
                let mut tree = self.tree.clone();
                append(&mut tree, &lost);
                if is_proven(&tree) {
                    best = Some(tree);
                    break;
                }
                best = best.or(Some(tree).filter(|tree| !is_other(tree)));
            }
            (self.is_settled, self.is_wrong) = (best.is_some(), best.is_none());
            if let Some(tree) = best {
                (self.tree, self.is_assumed) = (tree, true);
            }
        }
        if let Some(leaf) = leaf {
            self.confirm(leaf);
        }
    }

    /// Notes that a leaf is the chain's. The tree is right as a whole if it follows from what is in the tree.
    fn confirm(&mut self, leaf: Hash) {
        if self.is_settled && self.is_assumed && self.tree.rebuilt_leaf() == Some(leaf) {
            self.is_assumed = false;
            self.tree.confirm();
        }
    }

    /// What missing batches may have executed besides `new` batches, each with the index of the new one before which it is;
    /// the likeliest first. Numbers are executed one after the other, unless the chain settles elsewhere for a while.
    fn possibly_lost(
        &self,
        new: &[Executing],
        missing: &RangeInclusive<SlBatch>,
    ) -> Vec<Vec<(usize, Appended)>> {
        let last = self.tree.last();
        let committed = self.committed(missing);
        let before = |at: usize, from: BatchNumber| {
            let (start, next) = (from.0.saturating_add(1), new[at].0.0);
            let end = if next.saturating_sub(start) <= MOST_LOST { next } else { start };
            let all = (start..end).map(BatchNumber);
            let all = all.map(|number| (at, (number, committed.get(&number).copied())));
            let told = committed.iter().filter(|(number, _)| (start..next).contains(&number.0));
            let told = told.map(|(number, root)| (at, (*number, Some(*root))));
            [all.collect(), told.collect(), Vec::new()]
        };
        let mut first = before(0, last.unwrap_or(self.executed.before));
        if last.is_none() {
            // Where the chain began is not known.
            first.reverse();
        }
        // A missing batch of which a part is there may be among the missing ones.
        let mut others: [Vec<_>; 3] = Default::default();
        for (at, pair) in (1..).zip(new.windows(2)).filter(|(_, pair)| pair[0].2 != pair[1].2) {
            let lost = before(at, pair[0].0);
            others.iter_mut().zip(lost).for_each(|(other, mut lost)| other.append(&mut lost));
        }
        let ways =
            others.iter().flat_map(|other| first.iter().map(|one| [&one[..], other].concat()));
        let mut options: Vec<Vec<(usize, Appended)>> = Vec::new();
        for way in ways {
            if !options.contains(&way) {
                options.push(way);
            }
        }
        options
    }

    /// The batches that may have been executed by the end of the missing ones, according to messages. Of several
    /// commitments of a batch, all but the last one were reverted.
    fn committed(&self, missing: &RangeInclusive<SlBatch>) -> BTreeMap<BatchNumber, Hash> {
        let committed = self.executed.committed.iter();
        let committed = committed.filter(|one| one.sl_batch <= *missing.end());
        committed.map(|one| (one.batch, one.root)).collect()
    }

    /// The first of the trees for which `is_it` returns true that the chain may have if it has executed nothing since the
    /// missing batches.
    fn find(
        &self,
        missing: &RangeInclusive<SlBatch>,
        by: SlBatch,
        mut is_it: impl FnMut(&BridgedChain) -> bool,
    ) -> Option<BridgedChain> {
        let mut tree = self.tree.clone();
        if is_it(&tree) {
            return Some(tree);
        }
        let mut last = tree.last();
        let committed = self.committed(missing);
        let after = Bound::Excluded(last.unwrap_or(self.executed.before));
        let pending = committed.range((after, Bound::Unbounded)).take(MOST_PENDING);
        for (at, (number, root)) in pending.enumerate() {
            let is_next = last.is_none_or(|last| last.0.checked_add(1) == Some(number.0));
            if at > 0 && !is_next {
                break;
            }
            last = Some(*number);
            tree.push_missing(*number, Some(*root), missing, by);
            if is_it(&tree) {
                return Some(tree);
            }
        }
        None
    }

    /// Finds the leaves that the chain may have in the shared tree if it has executed nothing since the missing batches.
    pub(super) fn find_possible(&mut self, missing: &RangeInclusive<SlBatch>) {
        if self.possible.is_some() {
            return;
        }
        let mut leaves: Vec<Hash> = Vec::new();
        if self.is_settled || self.is_wrong {
            leaves.extend(self.tree.leaf());
        } else {
            self.find(missing, *missing.end(), |tree| {
                leaves.extend(tree.leaf());
                false
            });
        }
        self.possible = Some(leaves);
    }

    /// The leaves that were found.
    pub(super) fn possible_leaves(&self) -> &[Hash] {
        self.possible.as_deref().unwrap_or_default()
    }

    /// Takes the chain's leaf in the shared tree, which is known to be right at the end of a batch.
    pub(super) fn settle(&mut self, leaf: Hash, missing: &RangeInclusive<SlBatch>, batch: SlBatch) {
        if !self.is_settled && !self.is_wrong {
            if self.last_leaf == Some(leaf) {
                (self.is_settled, self.possible) = (true, None);
            } else if self.possible_leaves().contains(&leaf)
                && let Some(tree) = self.find(missing, batch, |tree| tree.leaf() == Some(leaf))
            {
                (self.tree, self.is_settled, self.possible) = (tree, true, None);
            }
        }
        self.confirm(leaf);
    }

    /// Takes the id of a chain whose registration is missing. It is open which candidate it is.
    pub(super) fn name(&mut self, id: ChainId, batch: SlBatch) {
        (self.tree.id, self.possible) = (Some(id), None);
        self.since = self.since.or(Some(batch));
    }

    /// Takes nothing more, because the first batches of the chain are lost.
    pub(super) fn close(&mut self) {
        (self.is_open, self.is_wrong) = (false, true);
    }

    /// Takes a candidate, which the chain's leaf shows.
    pub(super) fn identify(&mut self, Candidate { executed, tree, .. }: Candidate, batch: SlBatch) {
        (self.taken, self.tree, self.executed) = (tree.len() as usize, tree, executed);
        (self.is_open, self.is_settled, self.possible) = (false, true, None);
        self.since = self.since.or(Some(batch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        forest::{
            BridgedTrees, EMPTY_ENTRY, batch_leaf,
            bridged::SharedNodes,
            chain_id_leaf,
            evidence::l1::executed::tests::{executed, root},
        },
        ingest::l1::CommittedOnSl,
        merkle::PushTree,
        primitives::Address,
    };

    const ID: ChainId = ChainId(5);
    const MISSING: RangeInclusive<SlBatch> = SlBatch(11)..=SlBatch(11);

    /// The chain after a missing batch, and the contract's tree of what was executed until then.
    fn after_gap(of: &[(u64, u64)], before: &[u64]) -> (CrossingChain, PushTree) {
        let mut chain = CrossingChain::new(Some((ID, SlBatch(0))), executed(of));
        chain.begin(SlBatch(10));
        chain.unsettle();
        let mut contract = PushTree::new(EMPTY_ENTRY);
        before.iter().for_each(|number| push(&mut contract, *number));
        (chain, contract)
    }

    fn push(contract: &mut PushTree, number: u64) {
        contract.push(batch_leaf(root(number), BatchNumber(number)));
    }

    /// A batch executes these batches of the chain, and stores all sides.
    fn advance(
        chain: &mut CrossingChain,
        contract: &mut PushTree,
        batch: u64,
        new: &[u64],
    ) -> Hash {
        let before = contract.sides().to_vec();
        new.iter().for_each(|number| push(contract, *number));
        let changed = (0..).zip(contract.sides());
        let changed = changed.filter(|(level, side)| before.get(*level as usize) != Some(side));
        let stored: Vec<StoredNode> = changed
            .map(|(level, node)| StoredNode {
                batch: SlBatch(batch),
                slot: NodeSlot::Side(ID, level),
                node: *node,
            })
            .collect();
        let leaf = chain_id_leaf(contract.root(), ID);
        chain.advance(SlBatch(batch), &stored, Some(leaf), &MISSING);
        leaf
    }

    fn lost(chain: &CrossingChain) -> Vec<RangeInclusive<BatchNumber>> {
        let chains = vec![chain.tree.clone()];
        let trees = BridgedTrees::new(chains, SharedNodes::default(), (SlBatch(10), 1), Vec::new());
        trees.lost().map(|lost| lost.batches).collect()
    }

    /// With batches 5 to 7 the tree would have eight leaves, and the stored root of its five leaves would be taken for a
    /// complete subtree.
    #[test]
    fn a_stored_root_does_not_prove_lost_batches() {
        let executed: Vec<_> = (1..=4).map(|number| (number, 10)).chain([(8, 12)]).collect();
        let (mut chain, mut contract) = after_gap(&executed, &[1, 2, 3, 4]);
        let leaf = advance(&mut chain, &mut contract, 12, &[8]);
        assert_eq!((chain.tree.len(), chain.known_leaf()), (5, Some(leaf)));
        assert_eq!(lost(&chain), []);
    }

    #[test]
    fn lost_batches_are_named_when_a_root_confirms_them() {
        let executed: Vec<_> = (1..=3)
            .map(|number| (number, 10))
            .chain([(5, 12), (6, 12), (7, 12), (8, 13), (9, 14)])
            .collect();
        let (mut chain, mut contract) = after_gap(&executed, &[1, 2, 3, 4]);
        advance(&mut chain, &mut contract, 12, &[5, 6, 7]);
        assert_eq!((chain.tree.len(), chain.known_leaf(), lost(&chain).len()), (7, None, 0));
        let leaf = advance(&mut chain, &mut contract, 13, &[8]);
        assert_eq!((chain.tree.leaf(), chain.known_leaf()), (Some(leaf), None));
        assert_eq!(lost(&chain), []);
        let leaf = advance(&mut chain, &mut contract, 14, &[9]);
        assert_eq!(chain.known_leaf(), Some(leaf));
        assert_eq!(lost(&chain), [BatchNumber(4)..=BatchNumber(4)]);
    }

    /// The missing batch 11 executed batch 4, which its state diffs show, and another missing one batch 5.
    #[test]
    fn batches_are_lost_after_those_of_a_missing_batch_of_which_a_part_is_there() {
        let executed: Vec<_> = (1..=3)
            .map(|number| (number, 10))
            .chain([(4, 11), (6, 13), (7, 13), (8, 13)])
            .collect();
        let (mut chain, mut contract) = after_gap(&executed, &[1, 2, 3, 4, 5]);
        let leaf = advance(&mut chain, &mut contract, 13, &[6, 7, 8]);
        assert_eq!((chain.tree.len(), chain.known_leaf()), (8, Some(leaf)));
        assert_eq!(lost(&chain), [BatchNumber(5)..=BatchNumber(5)]);
    }

    #[test]
    fn pending_batches_are_tried_one_after_the_other_up_to_the_last_number() {
        for (last, pending, leaves) in [(u64::MAX, u64::MAX, 1), (u64::MAX - 1, u64::MAX, 2)] {
            let (mut chain, mut contract) = after_gap(&[(last, 10)], &[last]);
            chain.executed.committed.push(CommittedOnSl {
                sender: Address::system(7),
                batch: BatchNumber(pending),
                sl_batch: SlBatch(9),
                root: root(pending),
            });
            chain.find_possible(&MISSING);
            assert_eq!(chain.possible_leaves().len(), leaves);
            if leaves > 1 {
                push(&mut contract, pending);
            }
            let leaf = chain_id_leaf(contract.root(), ID);
            chain.settle(leaf, &MISSING, SlBatch(12));
            assert_eq!((chain.tree.len(), chain.known_leaf()), (leaves as u64, Some(leaf)));
        }
    }
}
