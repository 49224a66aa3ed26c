use super::executed::Executed;
use crate::{
    forest::{bridged::BridgedChain, chain_id_leaf},
    primitives::{ChainId, Hash, SlBatch},
};

/// A chain that missing batches of the settlement layer may have registered. Its index in the shared tree is not known.
pub(super) struct Candidate {
    pub(super) id: ChainId,
    pub(super) executed: Executed,
    /// What it executed up to the end of the present batch, if nothing of it is lost.
    pub(super) tree: BridgedChain,
}

impl Candidate {
    pub(super) fn new(id: ChainId, executed: Executed) -> Self {
        Self { id, executed, tree: BridgedChain::new(Some(id)) }
    }

    /// Appends what was executed up to the end of a batch.
    pub(super) fn advance(&mut self, batch: SlBatch) {
        grow(&mut self.tree, &self.executed, batch);
    }

    /// The chain's leaf in the shared tree as long as nothing is executed.
    pub(super) fn empty_leaf(&self) -> Hash {
        chain_id_leaf(Hash::ZERO, self.id)
    }

    /// The batches of the settlement layer that executed what is in the tree.
    pub(super) fn since(&self) -> &[SlBatch] {
        &self.executed.since[..self.tree.len() as usize]
    }
}

/// Appends what was executed up to the end of a batch to a tree from which nothing is lost.
pub(super) fn grow(tree: &mut BridgedChain, executed: &Executed, batch: SlBatch) {
    let (start, end) = (tree.len() as usize, executed.count_by(batch));
    for ((number, root), since) in executed.batches(start, end).zip(&executed.since[start..]) {
        tree.push(number, Some(root), *since);
    }
}
