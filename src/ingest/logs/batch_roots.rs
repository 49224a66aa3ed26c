use crate::{
    keccak::hash_node,
    message::{EightLeaves, ImtRoots, LOG_TREE_HEIGHTS},
    primitives::{BatchNumber, Hash},
};

/// The batch roots of one chain, by which batches are found whose numbers the sources of their logs lack.
#[derive(Clone, Debug)]
pub struct BatchRoots {
    /// By root, then by number: batches with the same logs have the same root.
    by_root: Vec<(Hash, BatchNumber)>,
    /// In ascending order.
    numbers: Vec<BatchNumber>,
    aggregated: Vec<Hash>,
    /// The possible nodes over the roots of the interop commitment tree in a batch root of eight leaves.
    imt_nodes: Vec<Hash>,
}

impl BatchRoots {
    /// The batches of a chain with their roots, and the aggregated roots that its batch roots can have. A
    /// batch root without an aggregated root, of the time before v26, is found too. `may_have_eight_leaves` says whether
    /// the batches may be of v33; then those without interop commitments are found too, since the roots of the commitment
    /// tree are known for these alone.
    #[must_use]
    pub fn new(
        batches: impl IntoIterator<Item = (BatchNumber, Hash)>,
        aggregated: Vec<Hash>,
        may_have_eight_leaves: bool,
    ) -> Self {
        let mut by_root: Vec<_> =
            batches.into_iter().map(|(number, root)| (root, number)).collect();
        by_root.sort_unstable();
        by_root.dedup();
        let mut numbers: Vec<_> = by_root.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        let imt_nodes = match may_have_eight_leaves {
            true => ImtRoots::WITHOUT_COMMITMENTS.map(|imt| imt.node()).to_vec(),
            false => Vec::new(),
        };
        Self { by_root, numbers, aggregated, imt_nodes }
    }

    /// The batch root that logs lead to whose padded trees have these roots, by [`LOG_TREE_HEIGHTS`].
    pub(super) fn find(&self, local: &[Option<Hash>; LOG_TREE_HEIGHTS.len()]) -> Option<Hash> {
        let newest = local.first().copied().flatten();
        let aggregated = newest.into_iter().flat_map(|local| {
            self.aggregated.iter().map(move |aggregated| hash_node(local, *aggregated))
        });
        let of_eight_leaves = aggregated.clone().flat_map(|logs| {
            let left = self.imt_nodes.iter().map(move |imt| hash_node(logs, *imt));
            left.map(|left| hash_node(left, EightLeaves::reserved_half()))
        });
        aggregated
            .chain(of_eight_leaves)
            .chain(local.iter().copied().flatten())
            .find(|root| self.after(root, None).is_some())
    }

    /// The first batch with this root that comes after `after`.
    pub(super) fn after(&self, root: &Hash, after: Option<BatchNumber>) -> Option<BatchNumber> {
        let at = match after {
            Some(after) => self.by_root.partition_point(|entry| *entry <= (*root, after)),
            None => self.by_root.partition_point(|(other, _)| other < root),
        };
        self.by_root.get(at).filter(|(other, _)| other == root).map(|(_, number)| *number)
    }

    /// The last batch with this root that comes before `before`.
    pub(super) fn before(&self, root: &Hash, before: Option<BatchNumber>) -> Option<BatchNumber> {
        let at = match before {
            Some(before) => self.by_root.partition_point(|entry| *entry < (*root, before)),
            None => self.by_root.partition_point(|(other, _)| other <= root),
        };
        let last = at.checked_sub(1).map(|last| self.by_root[last]);
        last.filter(|(other, _)| other == root).map(|(_, number)| number)
    }

    /// The first and the last batch between two batches. `None` is before the first or after the last one.
    pub(super) fn between(
        &self,
        after: Option<BatchNumber>,
        before: Option<BatchNumber>,
    ) -> Option<(BatchNumber, BatchNumber)> {
        let first = after.map_or(0, |after| self.numbers.partition_point(|one| *one <= after));
        let end = before
            .map_or(self.numbers.len(), |before| self.numbers.partition_point(|one| *one < before));
        let within = self.numbers.get(first..end)?;
        Some((*within.first()?, *within.last()?))
    }
}
