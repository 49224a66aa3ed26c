use std::collections::BTreeMap;

use super::{EventsError, Forest, event_order::EventOrder};
use crate::{
    contracts::{EventKind, MessageRootEvent},
    ingest::events::EventList,
    primitives::{BatchNumber, ChainId, SlBlock},
};

/// What trees that are known contain before the first of some events, which may begin at any block. Each event is
/// taken once, in order.
#[derive(Debug, Default)]
pub(super) struct BeforeEvents {
    /// The block of the first event, and whether that event is the first registration. `None` before it was taken.
    first: Option<(SlBlock, bool)>,
    /// The index in the first registration.
    chains: Option<u64>,
    /// By chain index: the first leaf that is appended.
    first_leaves: BTreeMap<u32, u64>,
}

impl BeforeEvents {
    /// Reads all events, which have to be in order.
    pub(super) fn of(events: &EventList, forest: &Forest) -> Result<Self, EventsError> {
        let (mut before, mut order) = (Self::default(), EventOrder::default());
        for event in events.iter() {
            let event = event?;
            order.take(&event)?;
            before.take(&event, forest);
        }
        Ok(before)
    }

    fn take(&mut self, event: &MessageRootEvent, forest: &Forest) {
        self.first.get_or_insert((event.block, event.kind.is_first_registration()));
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

    /// The block of the first event.
    pub(super) fn block(&self) -> SlBlock {
        self.first.map_or(SlBlock(0), |(block, _)| block)
    }

    /// Whether it is certain what the trees contain: nothing.
    pub(super) fn is_nothing(&self) -> bool {
        self.first.is_some_and(|(_, is_first)| is_first)
    }

    /// The number of chains. Without a registration in the events, there are as many as in the end.
    pub(super) fn chains(&self, forest: &Forest) -> u32 {
        let in_the_end = || forest.latest().map_or(1, |latest| latest.chains);
        let most = forest.chains().len() as u64;
        self.chains.unwrap_or_else(in_the_end).clamp(1, most) as u32
    }

    /// By chain index: the number of batches. A chain that the events register has none, and one without an append in the
    /// events as many as in the end.
    pub(super) fn counts(&self, forest: &Forest) -> Vec<u64> {
        let before = (0..).zip(forest.chains()).map(|(index, tree)| {
            let first = self.first_leaves.get(&index).copied();
            let is_new = self.chains.is_some_and(|chains| u64::from(index) >= chains);
            if self.is_nothing() || is_new { 0 } else { first.unwrap_or(tree.batches().len()) }
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
