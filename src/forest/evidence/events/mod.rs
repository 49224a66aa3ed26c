//! Evidence from the events of MessageRoot: every registration and every append, in order. They also contain
//! the roots of the chain tree and of the shared tree after each append. Each of these roots is compared with
//! the rebuilt trees.

mod reader;

use std::fmt;

use super::{Evidence, RecordedChain};
use crate::{
    contracts::{Layout, MessageRootEvent},
    forest::{
        BatchNumbers, EventPlace, EventsError, Forest, History, RebuildError, RebuildOptions,
        Timeline, step::Step,
    },
    merkle::Tree,
    primitives::{Hash, SlBlock},
    proof::CheckedBy,
};

/// The content of all events of one MessageRoot.
#[derive(Debug)]
pub(in crate::forest) struct EventEvidence {
    layout: Layout,
    chains: Vec<RecordedChain>,
    /// By chain index.
    appends: Vec<Appends>,
    shared_roots: Vec<EmittedRoot>,
    /// The interop roots by block.
    by_block: History,
    gaps: Vec<EventGap>,
    last: SlBlock,
}

/// The batches that a chain appended, and its chain roots in the events.
#[derive(Debug)]
struct Appends {
    numbers: BatchNumbers,
    roots: Vec<Hash>,
    emitted: Vec<EmittedChainRoot>,
}

/// The chain root in a `NewChainRoot` event.
#[derive(Debug)]
struct EmittedChainRoot {
    place: EventPlace,
    /// The number of batches in the chain tree.
    batches: u64,
    root: Hash,
}

/// The root of the shared tree in a `NewInteropRoot` event, and what changed since the previous one.
#[derive(Debug)]
struct EmittedRoot {
    place: EventPlace,
    root: Hash,
    step: Step,
}

/// An event that is missing although later roots confirm the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventGap {
    /// No chain root follows this append.
    NoChainRoot(EventPlace),
    /// No interop root follows this append.
    NoInteropRoot(EventPlace),
    /// The last interop root of this block is missing, so the root of the block is not known.
    NoBlockRoot(SlBlock),
    /// No interop root covers this event and those after it. They are ignored.
    AfterLastRoot(EventPlace),
    /// According to the log ids, blocks with interop roots are missing between these two.
    Blocks(SlBlock, SlBlock),
}

impl fmt::Display for EventGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChainRoot(place) => {
                write!(f, "{place}: no NewChainRoot follows AppendedChainBatchRoot")
            }
            Self::NoInteropRoot(place) => {
                write!(f, "{place}: no NewInteropRoot follows this event")
            }
            Self::NoBlockRoot(block) => write!(
                f,
                "block {block}: its last NewInteropRoot is missing, so the root of the block is not known"
            ),
            Self::AfterLastRoot(place) => write!(
                f,
                "{place}: no NewInteropRoot follows this event and those after it; they are ignored"
            ),
            Self::Blocks(before, after) => write!(
                f,
                "according to the log ids of NewInteropRoot, events of blocks between {before} and {after} are missing"
            ),
        }
    }
}

impl EventEvidence {
    /// Reads events, which must be in the order of their emission and without repetitions.
    pub(in crate::forest) fn read(
        events: &[MessageRootEvent],
        options: &RebuildOptions,
    ) -> Result<Self, RebuildError> {
        let evidence = reader::read(events)?;
        let found = evidence.chains.first().ok_or(EventsError::None)?.id;
        match options.sl_chain.filter(|expected| *expected != found) {
            Some(expected) => Err(RebuildError::OtherSettlementLayer { expected, found }),
            None => Ok(evidence),
        }
    }

    /// The missing events.
    pub(in crate::forest) fn gaps(&self) -> &[EventGap] {
        &self.gaps
    }

    /// The interop roots by block, and their content.
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
        let emitted = &self.appends[chain].emitted;
        let counts: Vec<u64> = emitted.iter().map(|emitted| emitted.batches).collect();
        let rebuilt = tree.prefix_roots(&counts);
        let rebuilt = rebuilt.unwrap_or_else(|| unreachable!("roots follow appends"));
        let wrong =
            emitted.iter().zip(&rebuilt).position(|(emitted, rebuilt)| emitted.root != *rebuilt);
        wrong.map_or(Ok(()), |at| {
            let EmittedChainRoot { place, batches: count, root } = emitted[at];
            let batch = batches.get(count - 1).unwrap_or_default();
            Err(EventsError::ChainRoot {
                place,
                chain: self.chains[chain].id,
                batch,
                emitted: root,
                rebuilt: rebuilt[at],
                before: at.checked_sub(1).map(|before| emitted[before].place),
            }
            .into())
        })
    }

    fn compare_shared(&self, _: &Tree<'_>) -> Result<(), RebuildError> {
        Ok(())
    }

    fn compare_forest(&self, forest: &Forest) -> Result<(), RebuildError> {
        // A block may emit several roots, but a history has one for each block. So the roots are numbered
        // here in place of their blocks.
        let mut history = History::default();
        for (at, emitted) in (0..).zip(&self.shared_roots) {
            history.push(SlBlock(at), emitted.root, Some(emitted.step.clone()));
        }
        let differing = Timeline::first_differing(forest, history)
            .unwrap_or_else(|_| unreachable!("the steps are those of the forest"));
        differing.map_or(Ok(()), |(at, rebuilt)| {
            let EmittedRoot { place, root, .. } = self.shared_roots[at];
            let before = at.checked_sub(1).map(|before| self.shared_roots[before].place);
            Err(EventsError::InteropRoot { place, emitted: root, rebuilt, before }.into())
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
