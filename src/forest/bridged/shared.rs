use std::collections::BTreeMap;

use crate::{
    forest::entry_zeros,
    merkle::{height, level_len},
    primitives::{Hash, SlBatch},
};

/// The level and index of a node.
pub(in crate::forest) type NodeAt = (u32, u64);

/// The nodes of the shared tree at the ends of batches of the settlement layer, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(in crate::forest) struct SharedNodes {
    /// By node: its values, each with the batch at whose end it became known; `None` where it is no longer known.
    nodes: BTreeMap<NodeAt, Vec<(SlBatch, Option<Hash>)>>,
    /// By node: the last value that was known.
    last: BTreeMap<NodeAt, Hash>,
}

impl SharedNodes {
    /// The node after the last batch.
    pub(in crate::forest) fn now(&self, at: NodeAt) -> Option<Hash> {
        self.nodes.get(&at)?.last()?.1
    }

    /// The last value of the node that was known. It may have changed since.
    pub(in crate::forest) fn last(&self, at: NodeAt) -> Option<Hash> {
        self.last.get(&at).copied()
    }

    /// Sets a node at the end of a batch. Batches must ascend.
    pub(in crate::forest) fn set(&mut self, batch: SlBatch, at: NodeAt, node: Hash) {
        if self.now(at) != Some(node) {
            self.push(batch, at, Some(node));
        }
        self.last.insert(at, node);
    }

    /// The nodes for which `is_uncertain` returns true are no longer known at the end of this batch.
    pub(in crate::forest) fn forget(
        &mut self,
        batch: SlBatch,
        is_uncertain: impl Fn(&NodeAt) -> bool,
    ) {
        let known = self.nodes.keys().copied();
        let known = known.filter(|at| is_uncertain(at) && self.now(*at).is_some());
        known.collect::<Vec<_>>().into_iter().for_each(|at| self.push(batch, at, None));
    }

    fn push(&mut self, batch: SlBatch, at: NodeAt, node: Option<Hash>) {
        let values = self.nodes.entry(at).or_default();
        values.pop_if(|(since, _)| *since == batch);
        values.push((batch, node));
    }

    /// The siblings of a leaf in the tree of `leaves` leaves at the end of a batch, bottom first. `None` if one of
    /// them is not known.
    pub(super) fn path(&self, leaf: u64, leaves: u64, batch: SlBatch) -> Option<Vec<Hash>> {
        let sibling = |level: u32| {
            let at = (level, (leaf >> level) ^ 1);
            if at.1 >= level_len(leaves, level) {
                return Some(entry_zeros().at(level));
            }
            self.at(at, batch)
        };
        (0..height(leaves)).map(sibling).collect()
    }

    /// A node at the end of a batch.
    pub(super) fn at(&self, at: NodeAt, batch: SlBatch) -> Option<Hash> {
        let values = self.nodes.get(&at)?;
        let since = values.partition_point(|(since, _)| *since <= batch);
        values[..since].last()?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_the_value_that_was_set_last_until_it_is_forgotten() {
        let (at, beside) = ((1, 2), (1, 3));
        let [one, two] = [1, 2].map(|seed| Hash::new([seed; 32]));
        let mut nodes = SharedNodes::default();
        for (batch, node) in [(3, one), (4, one), (6, two), (6, one), (8, two), (9, one), (9, two)]
        {
            nodes.set(SlBatch(batch), at, node);
        }
        nodes.set(SlBatch(9), beside, one);
        assert_eq!(
            (nodes.now(at), nodes.now(beside), nodes.now((0, 0))),
            (Some(two), Some(one), None)
        );
        nodes.forget(SlBatch(11), |node| *node == at);
        assert_eq!(
            (nodes.now(at), nodes.last(at), nodes.now(beside)),
            (None, Some(two), Some(one))
        );
        let values = [
            (2, None),
            (3, Some(one)),
            (7, Some(one)),
            (8, Some(two)),
            (10, Some(two)),
            (11, None),
        ];
        for (batch, node) in values {
            assert_eq!(nodes.at(at, SlBatch(batch)), node, "batch {batch}");
        }
    }
}
