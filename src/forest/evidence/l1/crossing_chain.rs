use std::{collections::BTreeMap, ops::RangeInclusive};

use super::executed::Executed;
use crate::{
    forest::{bridged::BridgedChain, chain_id_leaf},
    ingest::l1::{NodeSlot, StoredNode},
    primitives::{BatchNumber, ChainId, Hash, SlBatch},
};

/// The most batches of a chain that missing batches of the settlement layer executed.
const MOST_LOST: u64 = 1 << 10;
/// The most batches of a chain that are tried at its end.
const MOST_PENDING: usize = 1 << 6;

/// A batch, and its root unless it is lost.
type Appended = (BatchNumber, Option<Hash>);

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
}

/// A chain's tree with what is known to be executed.
pub(super) struct Held {
    pub(super) tree: BridgedChain,
    taken: usize,
}

impl Held {
    /// The tree at the end of a batch, if no batch is lost.
    pub(super) fn of(chain: ChainId, executed: &Executed, batch: SlBatch) -> Self {
        let mut tree = BridgedChain::new(Some(chain));
        let taken = executed.count_by(batch);
        executed.batches(0, taken).for_each(|(number, root)| tree.push(number, Some(root), batch));
        Self { tree, taken }
    }
}

impl CrossingChain {
    /// A chain without batches so far. `registered` is its id, and the batch that registered it.
    pub(super) fn new(registered: Option<(ChainId, SlBatch)>, executed: Executed) -> Self {
        let (id, since) = registered.unzip();
        let (tree, is_settled) = (BridgedChain::new(id), registered.is_some());
        Self { since, executed, taken: 0, tree, is_settled, last_leaf: None, is_wrong: false }
    }

    /// Appends what was executed up to the end of a batch before which none is missing.
    pub(super) fn begin(&mut self, batch: SlBatch) {
        self.taken = self.executed.count_by(batch);
        for at in 0..self.taken {
            let since = self.executed.since[at];
            for (number, root) in self.executed.batches(at, at + 1) {
                self.tree.push(number, Some(root), since);
            }
        }
        self.last_leaf = self.tree.leaf();
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
        let new: Vec<(BatchNumber, Hash)> = self.executed.batches(start, end).collect();
        let Some((first, _)) = new.first().filter(|_| !self.is_wrong) else { return };
        let mut best: Option<BridgedChain> = None;
        for lost in self.possibly_lost(*first, missing) {
            let mut tree = self.tree.clone();
            for (number, root) in &lost {
                tree.push_missing(*number, *root, missing, batch);
            }
            for (number, root) in &new {
                tree.push(*number, Some(*root), batch);
            }
            for node in stored {
                if let NodeSlot::Side(chain, level) = node.slot
                    && Some(chain) == tree.id
                {
                    tree.learn_side(level, node.node);
                }
            }
            match tree.leaf().zip(leaf) {
                Some((rebuilt, stored)) if rebuilt != stored => {}
                Some(_) => {
                    best = Some(tree);
                    break;
                }
                None => best = best.or(Some(tree)),
            }
        }
        self.taken = end;
        self.is_settled = best.is_some();
        match best {
            Some(tree) => self.tree = tree,
            None => self.is_wrong = true,
        }
    }

    /// What missing batches may have executed before this batch of the chain, the likeliest first. Numbers are executed
    /// one after the other, unless the chain settles elsewhere for a while.
    fn possibly_lost(
        &self,
        next: BatchNumber,
        missing: &RangeInclusive<SlBatch>,
    ) -> Vec<Vec<Appended>> {
        if self.is_settled {
            return vec![Vec::new()];
        }
        let last = self.tree.last();
        let start = last.unwrap_or(self.executed.before).0.saturating_add(1);
        let committed = self.committed(missing);
        let end = if next.0.saturating_sub(start) <= MOST_LOST { next.0 } else { start };
        let all = (start..end).map(BatchNumber);
        let all = all.map(|number| (number, committed.get(&number).copied())).collect();
        let told = committed.iter().filter(|(number, _)| (start..next.0).contains(&number.0));
        let told = told.map(|(number, root)| (*number, Some(*root))).collect();
        let mut options: Vec<Vec<Appended>> = vec![all, told, Vec::new()];
        if last.is_none() {
            // Where the chain began is not known.
            options.reverse();
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

    /// The trees that the chain may have if it has executed nothing since the missing batches.
    fn possible(&self, missing: &RangeInclusive<SlBatch>, by: SlBatch) -> Vec<BridgedChain> {
        let mut trees = vec![self.tree.clone()];
        if self.is_settled || self.is_wrong {
            return trees;
        }
        let start = self.tree.last().unwrap_or(self.executed.before).0.saturating_add(1);
        let committed = self.committed(missing);
        let pending = committed.range(BatchNumber(start)..).take(MOST_PENDING);
        let mut tree = self.tree.clone();
        for (number, root) in pending {
            if tree
                .last()
                .is_some_and(|last| last.0 + 1 != number.0 && tree.len() > self.tree.len())
            {
                break;
            }
            tree.push_missing(*number, Some(*root), missing, by);
            trees.push(tree.clone());
        }
        trees
    }

    /// The leaves that the chain may have in the shared tree if it has executed nothing since the missing batches.
    pub(super) fn possible_leaves(&self, missing: &RangeInclusive<SlBatch>) -> Vec<Hash> {
        let trees = self.possible(missing, *missing.end());
        trees.iter().filter_map(BridgedChain::leaf).collect()
    }

    /// Takes the chain's leaf in the shared tree, which is known to be right at the end of a batch.
    pub(super) fn settle(&mut self, leaf: Hash, missing: &RangeInclusive<SlBatch>, batch: SlBatch) {
        if self.last_leaf == Some(leaf) {
            self.is_settled = !self.is_wrong;
            return;
        }
        let trees = self.possible(missing, batch);
        if let Some(tree) = trees.into_iter().find(|tree| tree.leaf() == Some(leaf)) {
            self.tree = tree;
            self.is_settled = true;
        }
    }

    /// Takes the id of a chain whose registration is missing, and of whose batches the first ones are lost.
    pub(super) fn name(&mut self, id: ChainId, batch: SlBatch) {
        self.tree.id = Some(id);
        (self.is_wrong, self.since) = (true, self.since.or(Some(batch)));
    }

    /// Takes the id of a chain whose registration is missing, which its leaf shows.
    pub(super) fn identify(&mut self, id: ChainId, executed: Executed, leaf: Hash, batch: SlBatch) {
        let mut held = Held::of(id, &executed, batch);
        if chain_id_leaf(Hash::ZERO, id) == leaf {
            held = Held { tree: BridgedChain::new(Some(id)), taken: 0 };
        }
        (self.tree, self.taken) = (held.tree, held.taken);
        (self.executed, self.is_settled) = (executed, true);
        self.since = self.since.or(Some(batch));
    }
}
