use std::sync::Arc;

use super::{
    BatchNumbers, BridgedTrees, ChainTree, InteropRoot, entry_zeros, hashes::Hashes,
    timestamps::Timestamps,
};
use crate::{
    contracts::Layout,
    merkle::Tree,
    primitives::{ChainId, Hash},
    proof::CheckedBy,
};

/// The trees of a settlement layer, equal to what its contracts recorded in its state or its events.
#[derive(Clone, Debug)]
pub struct Forest {
    layout: Layout,
    chains: Vec<ChainTree>,
    /// The chains with their indices, by chain id.
    by_id: Vec<(ChainId, usize)>,
    shared: Hashes,
    latest: Option<InteropRoot>,
    pub(super) checked_by: CheckedBy,
    /// What is known after the end of these trees.
    pub(super) bridged: Option<Arc<BridgedTrees>>,
}

/// A forest without its hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForestShape {
    pub(super) layout: Layout,
    /// The chains by index, with the numbers of their batches.
    pub(super) chains: Vec<(ChainId, BatchNumbers)>,
    /// The timestamps of all batches, by chain index and leaf index; none before v33.
    pub(super) timestamps: Timestamps,
    pub(super) latest: Option<InteropRoot>,
    pub(super) checked_by: CheckedBy,
}

impl ForestShape {
    /// The number of hashes of the forest. `None` if it overflows.
    pub(super) fn hashes(&self) -> Option<u64> {
        let mut sum = Tree::node_count(self.chains.len() as u64);
        for (_, batches) in &self.chains {
            let above = Tree::above_count(batches.len());
            sum = sum.checked_add(batches.len())?.checked_add(above)?;
        }
        Some(sum)
    }

    /// The forest with its hashes: the batch roots of all chains by chain index, then the levels of
    /// their trees above the leaves, then all levels of the shared tree.
    ///
    /// # Panics
    /// If the number of hashes is not [`ForestShape::hashes`].
    pub(super) fn forest(self, hashes: Hashes) -> Forest {
        let mut rest = hashes;
        let mut take = |len: u64| {
            let (taken, others) = rest.clone().split(len as usize);
            rest = others;
            taken
        };
        let roots: Vec<Hashes> =
            self.chains.iter().map(|(_, batches)| take(batches.len())).collect();
        let mut times = self.timestamps;
        let chains: Vec<ChainTree> = (0..)
            .zip(self.chains)
            .zip(roots)
            .map(|((index, (chain, batches)), roots)| {
                let above = take(Tree::above_count(batches.len()));
                let own = if times.is_empty() { 0 } else { roots.len() };
                let (own, rest) = std::mem::take(&mut times).split(own);
                times = rest;
                ChainTree::new((index, chain), batches, roots, own, above)
            })
            .collect();
        let shared = take(Tree::node_count(chains.len() as u64));
        let mut by_id: Vec<_> = chains.iter().map(ChainTree::chain).zip(0..).collect();
        by_id.sort_unstable();
        let Self { layout, latest, checked_by, .. } = self;
        Forest { layout, chains, by_id, shared, latest, checked_by, bridged: None }
    }
}

impl Forest {
    /// The chain id of the settlement layer, which is the chain at index 0.
    #[must_use]
    pub fn sl_chain(&self) -> ChainId {
        self.chains[0].chain()
    }

    /// The storage layout of the contracts, given or detected.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The chain trees by chain index. There is at least one, the settlement layer's own.
    #[must_use]
    pub fn chains(&self) -> &[ChainTree] {
        &self.chains
    }

    /// The tree of a chain. `None` if the chain is not registered here.
    #[must_use]
    pub fn chain(&self, chain: ChainId) -> Option<&ChainTree> {
        let at = self.by_id.partition_point(|(id, _)| *id < chain);
        let (id, index) = self.by_id.get(at)?;
        (*id == chain).then(|| &self.chains[*index])
    }

    /// The number of batches of all chains that were executed on this settlement layer.
    #[must_use]
    pub fn batch_count(&self) -> u64 {
        self.chains.iter().map(|tree| tree.batches().len()).sum()
    }

    /// The shared tree.
    #[must_use]
    pub fn shared(&self) -> Tree<'_> {
        Tree::new(&self.shared, self.chains.len() as u64, entry_zeros())
            .unwrap_or_else(|| unreachable!("the hashes are those of the chains"))
    }

    /// The root of the shared tree: the aggregated root of the settlement layer.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.shared().root()
    }

    /// The evidence that the trees were compared with.
    #[must_use]
    pub fn checked_by(&self) -> CheckedBy {
        self.checked_by
    }

    /// What can be proven after the end of these trees, if batches of the settlement layer are missing on L1.
    #[must_use]
    pub fn bridged(&self) -> Option<&BridgedTrees> {
        self.bridged.as_deref()
    }

    /// The newest interop root. `None` for releases before v29, which have none.
    #[must_use]
    pub fn latest(&self) -> Option<InteropRoot> {
        self.latest
    }
}
