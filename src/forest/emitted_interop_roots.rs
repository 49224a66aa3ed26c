//! The interop roots in events, which may begin late, end early or lack some. They are compared with trees that are
//! known, and with the roots by block of the same evidence.
//!
//! The last root of a block is that of the block. A root before it in the block is stored nowhere: it is compared with
//! the trees where the events show these, which is certain between two blocks whose roots the trees have.

use std::{collections::BTreeMap, mem};

use super::{
    EventPlace, EventsError, Forest, History, RebuildError, RootOfBlock, RootsByBlock,
    before_events::{BeforeEvents, all, leaf_of},
    event_order::EventOrder,
    history,
    step::Step,
};
use crate::{
    contracts::{EventKind, NewInteropRootData},
    ingest::events::EventList,
    primitives::{Hash, SlBlock},
};

/// Roots that are compared with the trees at once.
const WINDOW: usize = 1 << 16;

/// The interop roots in events so far, and what the trees contain at each according to the events.
pub(super) struct EmittedInteropRoots<'f, R> {
    forest: &'f Forest,
    roots: &'f R,
    /// The present block.
    block: Option<SlBlock>,
    /// The number of chains.
    chains: u32,
    /// By chain index: the number of batches.
    counts: Vec<u64>,
    /// By chain index: the new batches since the last root.
    pending: BTreeMap<u32, u64>,
    /// Whether events of registrations or batches are missing since the last root.
    has_gap: bool,
    /// The log id of the last root, which is not zero since v31.
    log_id: u64,
    /// Whether the last root of the window is that of the present block as far as it was read.
    is_last: bool,
    window: Window,
    /// Whether the trees at the last root before the window are known.
    is_known: bool,
}

/// Roots that are to be compared, in columns.
#[derive(Default)]
struct Window {
    emitted: History,
    places: Vec<EventPlace>,
    /// Whether events of registrations or batches are missing between this root and the one before.
    gaps: Vec<bool>,
    /// Whether it is the root of its block.
    of_block: Vec<bool>,
    /// The roots that end the events of their block, where the evidence has another root of the block.
    ended_early: Vec<(usize, RootOfBlock)>,
}

/// The root of the last block in the events, if the evidence has another one for this block.
type Undecided = Option<(EventPlace, RootOfBlock)>;

impl<'f, R: RootsByBlock> EmittedInteropRoots<'f, R> {
    /// Reads all events, which have to be in order, to see which batches there were before them. A chain without events
    /// has as many as in the end.
    pub(super) fn before(
        events: &EventList,
        forest: &'f Forest,
        roots: &'f R,
    ) -> Result<Self, EventsError> {
        let (mut before, mut order) = (BeforeEvents::default(), EventOrder::default());
        for event in events.iter() {
            let event = event?;
            order.take(&event)?;
            before.take(&event, forest);
        }
        let counts = before.counts(forest);
        Ok(Self {
            forest,
            roots,
            block: None,
            chains: before.chains(forest),
            pending: all(&counts),
            counts,
            has_gap: false,
            log_id: 0,
            is_last: false,
            window: Window::default(),
            is_known: before.is_nothing(),
        })
    }

    /// Reads the next event, which is of a block that the evidence covers.
    pub(super) fn read(&mut self, place: EventPlace, kind: &EventKind) -> Result<(), RebuildError> {
        self.begin(place.block)?;
        match *kind {
            EventKind::AddedChain(_, index) => {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                self.has_gap |= index > self.chains;
                self.register(index.saturating_add(1));
                // Since v31 a registration stores a root too, and emits it at once.
                self.is_last &= self.log_id == 0;
            }
            EventKind::AppendedBatch(chain, batch, ..) => {
                self.is_last = false;
                let Some((index, leaf)) = leaf_of(self.forest, chain, batch) else { return Ok(()) };
                let count = &mut self.counts[index as usize];
                self.has_gap |= leaf != *count || index >= self.chains;
                if leaf >= *count {
                    *self.pending.entry(index).or_default() += leaf + 1 - *count;
                    *count = leaf + 1;
                }
                self.register(index + 1);
            }
            EventKind::NewChainRoot(..) => {}
            EventKind::NewInteropRoot(None) => self.is_last = false,
            EventKind::NewInteropRoot(Some(data)) => {
                self.push(place, &data);
                (self.log_id, self.is_last) = (data.log_id, true);
            }
        }
        Ok(())
    }

    fn register(&mut self, chains: u32) {
        self.chains = self.chains.max(chains).min(self.counts.len() as u32);
    }

    fn push(&mut self, place: EventPlace, data: &NewInteropRootData) {
        // Batches of chains that are registered later wait for the registration.
        let later = self.pending.split_off(&self.chains);
        let advances = mem::replace(&mut self.pending, later).into_iter().collect();
        let step = Step { chains: self.chains, advances };
        self.window.emitted.push(place.block, data.root, Some(step));
        self.window.emitted.timestamps.push(data.timestamp.unwrap_or_default());
        self.window.places.push(place);
        self.window.gaps.push(mem::take(&mut self.has_gap));
        self.window.of_block.push(false);
    }

    /// Ends the block before, of which all events were read that there are.
    pub(super) fn begin(&mut self, block: SlBlock) -> Result<(), RebuildError> {
        if self.block.is_some_and(|before| before != block) {
            if let Some((_, stored)) = self.end_block()? {
                let last = self.window.places.len() - 1;
                self.window.of_block[last] = false;
                self.window.ended_early.push((last, stored));
            }
            if self.window.places.len() >= WINDOW {
                self.compare()?;
            }
        }
        self.block = Some(block);
        Ok(())
    }

    /// Compares the root of the block that ends with the one that the evidence has.
    fn end_block(&mut self) -> Result<Undecided, RebuildError> {
        let Some(last) = self.window.places.len().checked_sub(1) else { return Ok(None) };
        let place = self.window.places[last];
        let is_last = mem::take(&mut self.is_last);
        if Some(place.block) != self.block {
            return Ok(None);
        }
        self.window.of_block[last] = is_last;
        let Some(stored) = self.roots.root_of(place.block)? else { return Ok(None) };
        let emitted = self.window.emitted.timestamps[last];
        let given = Some(emitted).filter(|emitted| emitted.0 != 0 && !stored.root.is_zero());
        if let Some(stored) = stored.other_timestamp(given) {
            return Err(EventsError::StoredTimestamp { place, emitted, stored }.into());
        }
        let is_other = is_last && stored.root != self.window.emitted.roots[last];
        Ok(is_other.then_some((place, stored)))
    }

    /// Compares the roots of the window with the trees.
    fn compare(&mut self) -> Result<BTreeMap<usize, Hash>, EventsError> {
        let Window { emitted, places, gaps, of_block, ended_early } = mem::take(&mut self.window);
        let differing = history::all_differing(self.forest, &emitted);
        // A root of the trees within the block is right: the events after it are missing.
        let wrong = ended_early
            .iter()
            .find(|(at, stored)| stored.root.is_zero() || differing.contains_key(at));
        if let Some((at, stored)) = wrong {
            return Err(self.stored_root(places[*at], emitted.roots[*at], stored));
        }
        let mut start = 0;
        for block in emitted.blocks.chunk_by(|one, other| one == other) {
            let last = start + block.len() - 1;
            let was_known = self.is_known;
            self.is_known = of_block[last] && !differing.contains_key(&last);
            let is_certain = was_known && self.is_known && !gaps[start..=last].contains(&true);
            let wrong = differing.range(start..last).next().filter(|_| is_certain);
            if let Some((&at, &rebuilt)) = wrong {
                let before = at.checked_sub(1).filter(|before| !differing.contains_key(before));
                return Err(EventsError::InteropRoot {
                    place: places[at],
                    emitted: emitted.roots[at],
                    rebuilt,
                    before: before.map(|before| places[before]),
                });
            }
            start = last + 1;
        }
        self.pending = all(&self.counts);
        Ok(differing)
    }

    /// Compares the rest. Returns whether the last root is right too: of its block, events may be missing, so another root
    /// than the evidence has is wrong only if the events show all that the block appended.
    pub(super) fn finish(mut self) -> Result<bool, RebuildError> {
        let undecided = self.end_block()?;
        let last = self.window.places.len().saturating_sub(1);
        let is_of_block = self.window.of_block.last().is_some_and(|is_of_block| *is_of_block);
        let emitted = self.window.emitted.roots.last().copied().unwrap_or_default();
        let differing = self.compare()?;
        let rebuilt = differing.get(&last);
        let Some((place, stored)) = undecided else { return Ok(is_of_block || rebuilt.is_none()) };
        if stored.root.is_zero() || rebuilt == Some(&stored.root) {
            return Err(self.stored_root(place, emitted, &stored).into());
        }
        Ok(rebuilt.is_none())
    }

    fn stored_root(&self, place: EventPlace, emitted: Hash, stored: &RootOfBlock) -> EventsError {
        let (stored, end) = (stored.root, self.roots.end());
        EventsError::StoredRoot { place, emitted, stored, end }
    }
}
