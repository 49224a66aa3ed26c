use std::collections::BTreeMap;

use super::Forest;
use crate::{
    contracts::{EventKind, MessageRootEvent},
    primitives::{BatchNumber, ChainId},
};

/// What trees that are known contain before the first of some events, which may begin at any block. Each event is
/// taken once, in order.
#[derive(Debug, Default)]
pub(super) struct BeforeEvents {
    /// Whether the first event is the first registration. `None` before it was taken.
    is_first: Option<bool>,
    /// The index in the first registration.
    chains: Option<u64>,
    /// By chain index: the first leaf that is appended.
    first_leaves: BTreeMap<u32, u64>,
}

impl BeforeEvents {
    pub(super) fn take(&mut self, event: &MessageRootEvent, forest: &Forest) {
        self.is_first.get_or_insert(event.kind.is_first_registration());
        match event.kind {
            EventKind::AddedChain(_, index) => {
                self.chains.get_or_insert(index);
            }
            EventKind::AppendedBatch(chain, batch, ..) => {
                if let Some((index, leaf)) = leaf_of(forest, chain, batch) {
                    self.first_leaves.entry(index).or_insert(leaf);
                }
            }
            EventKind::NewChainRoot(..) | EventKind::NewInteropRoot(_) => {}
        }
    }

    /// Whether it is certain what the trees contain: nothing.
    pub(super) fn is_nothing(&self) -> bool {
        self.is_first.unwrap_or_default()
    }

    /// The number of chains. Without a registration in the events, there are as many as in the end.
    pub(super) fn chains(&self, forest: &Forest) -> u32 {
        let in_the_end = || forest.latest().map_or(1, |latest| latest.chains);
        let most = forest.chains().len() as u64;
        self.chains.unwrap_or_else(in_the_end).clamp(1, most) as u32
    }

    /// By chain index: the number of batches. A chain without an append in the events has as many as in the end.
    pub(super) fn counts(&self, forest: &Forest) -> Vec<u64> {
        let before = (0..).zip(forest.chains()).map(|(index, tree)| {
            let first = self.first_leaves.get(&index).copied();
            if self.is_nothing() { 0 } else { first.unwrap_or(tree.batches().len()) }
        });
        before.collect()
    }
}

/// The index of a chain and the leaf index of a batch. `None` if the trees do not have it.
pub(super) fn leaf_of(forest: &Forest, chain: ChainId, batch: BatchNumber) -> Option<(u32, u64)> {
    let tree = forest.chain(chain)?;
    let (leaf, _) = tree.find(batch)?;
    Some((tree.index() as u32, leaf))
}

/// All batches that there are, by chain index.
pub(super) fn all(counts: &[u64]) -> BTreeMap<u32, u64> {
    (0..).zip(counts.iter().copied()).filter(|(_, batches)| *batches > 0).collect()
}
