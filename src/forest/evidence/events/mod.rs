//! Evidence from the events of MessageRoot: every registration and every append, in order. They also name the
//! root of a chain after each append, and the shared root. Each of these roots is compared with the trees.

mod reader;

use std::fmt;

use super::{Evidence, RecordedChain};
use crate::{
    contracts::{Layout, MessageRootEvent},
    forest::{
        BatchNumbers, EventPlace, EventsError, Forest, History, RebuildError, Timeline, step::Step,
    },
    merkle::Tree,
    primitives::{Hash, SlBlock},
    proof::CheckedBy,
};

/// What the events of one MessageRoot record, from its first one on.
#[derive(Debug)]
pub(in crate::forest) struct EventEvidence {
    layout: Layout,
    chains: Vec<RecordedChain>,
    /// By chain index.
    appends: Vec<Appends>,
    named: Vec<NamedRoot>,
    /// The interop roots by block.
    by_block: History,
    gaps: Vec<EventGap>,
    last: SlBlock,
}

/// The batches that a chain appended, and the chain roots that the events name.
#[derive(Debug)]
struct Appends {
    numbers: BatchNumbers,
    roots: Vec<Hash>,
    named: Vec<NamedChainRoot>,
}

/// A chain root that an event names.
#[derive(Debug)]
struct NamedChainRoot {
    place: EventPlace,
    /// The number of batches in it.
    batches: u64,
    root: Hash,
}

/// A shared root that an event names, and what changed since the one before it.
#[derive(Debug)]
struct NamedRoot {
    place: EventPlace,
    root: Hash,
    step: Step,
}

/// An event that is missing, without harm to the trees: other roots confirm them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventGap {
    /// An append is followed by no chain root.
    NoChainRoot(EventPlace),
    /// An append is followed by no interop root.
    NoInteropRoot(EventPlace),
    /// The last interop root of a block is missing, so the root of the block is not known.
    NoBlockRoot(SlBlock),
    /// This event and those after it are part of no interop root. They are left out.
    AfterLastRoot(EventPlace),
    /// By the log ids, blocks with interop roots are missing between these two.
    Blocks(SlBlock, SlBlock),
}

impl fmt::Display for EventGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChainRoot(place) => {
                write!(f, "{place}: no NewChainRoot follows AppendedChainBatchRoot")
            }
            Self::NoInteropRoot(place) => {
                write!(f, "{place}: no NewInteropRoot follows AppendedChainBatchRoot")
            }
            Self::NoBlockRoot(block) => write!(
                f,
                "block {block}: its last NewInteropRoot is missing, so the root of the block is not known"
            ),
            Self::AfterLastRoot(place) => write!(
                f,
                "{place}: no NewInteropRoot follows this event and those after it; they are left out"
            ),
            Self::Blocks(before, after) => write!(
                f,
                "by the log ids of NewInteropRoot, blocks with roots are missing between {before} and {after}"
            ),
        }
    }
}

impl EventEvidence {
    /// Reads events in the order of their emission, without repetitions.
    pub(in crate::forest) fn read(events: &[MessageRootEvent]) -> Result<Self, RebuildError> {
        Ok(reader::read(events)?)
    }

    /// The events that are missing without harm.
    pub(in crate::forest) fn gaps(&self) -> &[EventGap] {
        &self.gaps
    }

    /// The interop roots by block with their content.
    pub(in crate::forest) fn history(&self) -> &History {
        &self.by_block
    }
}

impl Evidence for EventEvidence {
    fn kind(&self) -> CheckedBy {
        CheckedBy::EVENTS
    }

    fn block(&self) -> Option<SlBlock> {
        Some(self.last)
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn chains(&self) -> &[RecordedChain] {
        &self.chains
    }

    fn batch_roots(&self, chain: usize, roots: &mut [Hash]) -> Result<BatchNumbers, RebuildError> {
        let appends = &self.appends[chain];
        roots.copy_from_slice(&appends.roots);
        Ok(appends.numbers.clone())
    }

    fn compare_chain(
        &self,
        chain: usize,
        batches: &BatchNumbers,
        tree: &Tree<'_>,
    ) -> Result<(), RebuildError> {
        let named = &self.appends[chain].named;
        let counts: Vec<u64> = named.iter().map(|named| named.batches).collect();
        let rebuilt = tree.prefix_roots(&counts);
        let rebuilt = rebuilt.unwrap_or_else(|| unreachable!("roots follow appends"));
        let wrong = named.iter().zip(&rebuilt).position(|(named, rebuilt)| named.root != *rebuilt);
        wrong.map_or(Ok(()), |at| {
            let NamedChainRoot { place, batches: count, root } = named[at];
            let batch = batches.get(count - 1).unwrap_or_default();
            Err(EventsError::ChainRoot {
                place,
                chain: self.chains[chain].id,
                batch,
                named: root,
                rebuilt: rebuilt[at],
                before: at.checked_sub(1).map(|before| named[before].place),
            }
            .into())
        })
    }

    fn compare_shared(&self, _: &Tree<'_>) -> Result<(), RebuildError> {
        Ok(())
    }

    fn compare_forest(&self, forest: &Forest) -> Result<(), RebuildError> {
        // Each named root stands at a block of its own, in their order.
        let mut history = History::default();
        for (at, named) in (0..).zip(&self.named) {
            history.push(SlBlock(at), named.root, Some(named.step.clone()));
        }
        let differing = Timeline::first_differing(forest, history)
            .unwrap_or_else(|_| unreachable!("the steps are those of the forest"));
        differing.map_or(Ok(()), |(at, rebuilt)| {
            let NamedRoot { place, root, .. } = self.named[at];
            let before = at.checked_sub(1).map(|before| self.named[before].place);
            Err(EventsError::InteropRoot { place, named: root, rebuilt, before }.into())
        })
    }

    fn newest_root<E: From<RebuildError>>(
        &self,
        is_present: impl Fn(&Hash) -> bool,
        _: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<Option<(SlBlock, Hash)>, E> {
        let last = self.by_block.len().checked_sub(1).map(|last| self.by_block.root(last));
        // If it is not, `compare_forest` finds the first root that differs.
        let last = last.filter(|last| is_present(&last.root));
        Ok(last.map(|last| (last.block, last.root)))
    }

    fn block_roots<E: From<RebuildError>>(
        &self,
        newest: SlBlock,
        mut take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<(), E> {
        let roots = self.by_block.blocks.iter().copied().zip(self.by_block.roots.iter().copied());
        let roots: Vec<_> = roots.take_while(|(block, _)| *block <= newest).collect();
        take(&roots)
    }

    fn steps(
        &self,
        _: &Forest,
        blocks: &[SlBlock],
    ) -> Result<Option<Vec<Option<Step>>>, RebuildError> {
        let history = &self.by_block;
        debug_assert_eq!(blocks, history.blocks);
        let step = |root| Step {
            chains: history.chains[root],
            advances: history.advances(root).collect(),
        };
        Ok(Some((0..history.len()).map(|root| Some(step(root))).collect()))
    }
}
