//! Evidence from the events of MessageRoot: every registration and every append, in order. They also contain
//! the roots of the chain tree and of the shared tree after each append. Each of these roots is compared with
//! the rebuilt trees.

mod reader;

use std::{collections::BTreeMap, fmt};

use rayon::prelude::*;

use super::{Evidence, RecordedChain};
use crate::{
    contracts::Layout,
    forest::{
        BatchNumbers, EventPlace, EventsError, Forest, History, RebuildError, RebuildOptions,
        emitted_roots::EmittedChainRoots,
        history,
        step::{HistoryRow, Step},
    },
    ingest::events::EventList,
    merkle::Tree,
    primitives::{Hash, SlBlock, Timestamp},
    proof::CheckedBy,
};

/// The content of all events of one MessageRoot: at most 80 bytes for each event.
#[derive(Debug)]
pub(in crate::forest) struct EventEvidence {
    layout: Layout,
    chains: Vec<RecordedChain>,
    /// By chain index.
    appends: Vec<Appends>,
    shared: SharedRoots,
    blocks: Vec<BlockRoot>,
    gaps: Vec<EventGap>,
    last: SlBlock,
}

/// The batches that a chain appended, and its chain roots in the events.
#[derive(Debug, Default)]
struct Appends {
    numbers: BatchNumbers,
    roots: Vec<Hash>,
    /// Little-endian, one for each batch; none before v33.
    timestamps: Vec<[u8; 8]>,
    emitted: EmittedChainRoots,
}

/// The roots of the shared tree in the `NewInteropRoot` events, in the order of their emission.
#[derive(Debug, Default)]
struct SharedRoots {
    /// The roots, and what changed up to each. Several roots may have the same block.
    emitted: History,
    /// By root: the index of its log.
    log_indices: Vec<u64>,
}

impl SharedRoots {
    fn len(&self) -> usize {
        self.log_indices.len()
    }

    fn push(&mut self, place: EventPlace, root: Hash, step: Step) {
        self.emitted.push(place.block, root, Some(step));
        self.log_indices.push(place.log_index);
    }

    fn place(&self, root: usize) -> EventPlace {
        EventPlace { block: self.emitted.blocks[root], log_index: self.log_indices[root] }
    }

    fn last_place(&self) -> Option<EventPlace> {
        Some(self.place(self.len().checked_sub(1)?))
    }
}

/// A block with an interop root.
#[derive(Debug)]
struct BlockRoot {
    block: SlBlock,
    /// The index of its last root in the events. `None` if that root is missing.
    root: Option<u32>,
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
    /// No interop root follows the appends up to this block. Releases before v29 emit none, so it may be that
    /// none is missing. It is not known which root is the first that contains these batches.
    NoRootsUpTo(SlBlock),
    /// No interop root covers this event and those after it. They are ignored.
    AfterLastRoot(EventPlace),
    /// This event and those after it are newer than the trees from other evidence, which cannot be continued from them:
    /// events before them are missing. They are ignored.
    AfterTrees(EventPlace),
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
            Self::NoRootsUpTo(block) => write!(
                f,
                "no NewInteropRoot follows the appends up to block {block}: releases before v29 emit none, otherwise \
                 they are missing, so the first root of these batches is not known"
            ),
            Self::AfterLastRoot(place) => write!(
                f,
                "{place}: no NewInteropRoot follows this event and those after it; they are ignored"
            ),
            Self::AfterTrees(place) => write!(
                f,
                "{place}: this event and those after it are newer than the trees, and events before them are missing; \
                 they are ignored"
            ),
            Self::Blocks(before, after) => write!(
                f,
                "according to the log ids of NewInteropRoot, events of blocks between {before} and {after} are missing"
            ),
        }
    }
}

impl EventEvidence {
    /// Reads all events of a MessageRoot.
    pub(in crate::forest) fn read(
        events: &EventList,
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

    /// The interop roots by block, and what changed up to each.
    pub(in crate::forest) fn history(&self) -> History {
        let mut history = History::default();
        self.rows().for_each(|(block, root, step)| history.push(block, root, step));
        if self.layout == Layout::V33 {
            history.timestamps = self.blocks.iter().map(|block| self.timestamp(block)).collect();
        }
        history
    }

    /// The timestamp of a block's root; zero if the root is missing, or of a release before v33.
    fn timestamp(&self, block: &BlockRoot) -> Timestamp {
        let root = block.root.and_then(|root| self.shared.emitted.timestamps.get(root as usize));
        root.copied().unwrap_or_default()
    }

    /// Compares the shared tree at the time of every root in the events with that root.
    pub(in crate::forest) fn compare_forest(&self, forest: &Forest) -> Result<(), RebuildError> {
        match history::first_differing(forest, &self.shared.emitted) {
            None => Ok(()),
            Some((at, rebuilt)) => Err(EventsError::InteropRoot {
                place: self.shared.place(at),
                emitted: self.shared.emitted.roots[at],
                rebuilt,
                before: at.checked_sub(1).map(|before| self.shared.place(before)),
            }
            .into()),
        }
    }

    /// The interop roots by block, each with what changed up to it; without a change and with zero bytes as
    /// the root where the root is missing.
    pub(in crate::forest) fn rows(&self) -> impl Iterator<Item = HistoryRow> {
        let emitted = &self.shared.emitted;
        let mut next = 0;
        self.blocks.iter().map(move |BlockRoot { block, root }| {
            let Some(root) = root.map(|root| root as usize) else {
                return (*block, Hash::ZERO, None);
            };
            let mut advances = BTreeMap::new();
            for (chain, batches) in (next..=root).flat_map(|root| emitted.advances(root)) {
                *advances.entry(chain).or_default() += batches;
            }
            next = root + 1;
            let advances = advances.into_iter().collect();
            let step = Step { chains: emitted.chains[root], advances };
            (*block, emitted.roots[root], Some(step))
        })
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

    fn batch_roots(&self, roots: Vec<&mut [Hash]>) -> Result<Vec<BatchNumbers>, RebuildError> {
        let chains = roots.into_par_iter().zip(&self.appends).map(|(roots, appends)| {
            roots.copy_from_slice(&appends.roots);
            appends.numbers.clone()
        });
        Ok(chains.collect())
    }

    fn timestamps(&self, chain: usize, _: &BatchNumbers) -> Result<Vec<[u8; 8]>, RebuildError> {
        Ok(self.appends[chain].timestamps.clone())
    }

    fn root_timestamps(&self, blocks: &[SlBlock]) -> Result<Vec<Timestamp>, RebuildError> {
        let of = |block: &SlBlock| {
            let at = self.blocks.binary_search_by_key(block, |root| root.block).ok();
            at.map_or(Timestamp::default(), |at| self.timestamp(&self.blocks[at]))
        };
        Ok(blocks.iter().map(of).collect())
    }

    fn compare_chain(
        &self,
        chain: usize,
        batches: &BatchNumbers,
        tree: &Tree<'_>,
    ) -> Result<(), RebuildError> {
        Ok(self.appends[chain].emitted.compare(self.chains[chain].id, batches, tree)?)
    }

    fn compare_shared(&self, _: &Tree<'_>) -> Result<(), RebuildError> {
        Ok(())
    }

    fn newest_root<E: From<RebuildError>>(
        &self,
        is_present: impl Fn(&Hash) -> bool,
        _: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<Option<(SlBlock, Hash)>, E> {
        let last = self.blocks.last();
        let last = last.and_then(|last| Some((last.block, last.root? as usize)));
        let last = last.map(|(block, root)| (block, self.shared.emitted.roots[root]));
        // If it is not, `compare_forest` finds the first root that differs.
        Ok(last.filter(|(_, root)| is_present(root)))
    }
}
