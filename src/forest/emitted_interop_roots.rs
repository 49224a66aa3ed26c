//! The interop roots in events, which may begin late, end early or lack some. They are compared with trees that are
//! known, and with the roots by block of the same evidence.
//!
//! The last root of a block is that of the block. A root before it in the block is stored nowhere. All are compared with
//! the trees, by what the events say of these, and so are the roots of the evidence, also those of blocks without events:
//! see [`ComparedRoots`].

use std::{collections::BTreeMap, iter::Peekable, mem};

use super::{
    EventPlace, EventsError, Forest, RebuildError, RootsByBlock,
    before_events::{BeforeEvents, all, leaf_of},
    compared_roots::{ComparedRoots, RootSource},
    step::Step,
};
use crate::{
    contracts::{EventKind, NewInteropRootData},
    primitives::{Hash, SlBlock},
};

/// The roots of evidence, in the order of their blocks.
type Roots<'r> = Box<dyn Iterator<Item = Result<(SlBlock, Hash), RebuildError>> + 'r>;

/// The interop roots in events so far, and what the trees contain at each according to the events.
pub(super) struct EmittedInteropRoots<'f, R> {
    forest: &'f Forest,
    roots: &'f R,
    /// The roots of the evidence that were not reached yet.
    stored: Peekable<Roots<'f>>,
    /// The present block.
    block: Option<SlBlock>,
    /// The last root in the events of the present block.
    last: Option<(EventPlace, NewInteropRootData)>,
    /// Whether it is that of the block as far as it was read.
    is_last: bool,
    /// The number of chains.
    chains: u32,
    /// The smallest number of chains that the root of the present block may have: the registrations of the block that the
    /// contract stored no root after do not count.
    fewest_chains: u32,
    /// By chain index: the number of batches.
    counts: Vec<u64>,
    /// By chain index: the new batches since the last root.
    pending: BTreeMap<u32, u64>,
    /// Whether events of registrations or batches are missing since the last root.
    has_gap: bool,
    /// The log id of the last root, which is not zero since v31.
    log_id: u64,
    compared: ComparedRoots<'f>,
}

impl<'f, R: RootsByBlock> EmittedInteropRoots<'f, R> {
    /// Begins with what there was before all events.
    pub(super) fn new(
        before: &BeforeEvents,
        forest: &'f Forest,
        roots: &'f R,
    ) -> Result<Self, RebuildError> {
        let counts = before.counts(forest);
        let start = if before.is_nothing() { SlBlock(0) } else { before.block() };
        let stored: Roots<'f> = Box::new(roots.since(start));
        let mut first = Self {
            forest,
            roots,
            stored: stored.peekable(),
            block: None,
            last: None,
            is_last: false,
            chains: before.chains(forest),
            fewest_chains: 0,
            pending: all(&counts),
            counts,
            has_gap: false,
            log_id: 0,
            compared: ComparedRoots::new(forest, before.is_nothing()),
        };
        if !before.is_nothing()
            && let Some((block, root)) = roots.newest_before(before.block())?
        {
            first.push_stored(block, root, first.chains)?;
        }
        Ok(first)
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
                if self.log_id > 0 {
                    self.store(false);
                }
            }
            EventKind::AppendedBatch(chain, batch, ..) => {
                let Some((index, leaf)) = leaf_of(self.forest, chain, batch) else {
                    self.is_last = false;
                    return Ok(());
                };
                let count = &mut self.counts[index as usize];
                self.has_gap |= leaf != *count || index >= self.chains;
                if leaf >= *count {
                    *self.pending.entry(index).or_default() += leaf + 1 - *count;
                    *count = leaf + 1;
                }
                self.register(index + 1);
                self.store(false);
            }
            EventKind::NewChainRoot(..) => {}
            EventKind::NewInteropRoot(None) => self.store(false),
            EventKind::NewInteropRoot(Some(data)) => {
                self.push(place.block, data.root, self.chains, RootSource::Event(place))?;
                self.last = Some((place, data));
                self.log_id = data.log_id;
                self.store(true);
            }
        }
        Ok(())
    }

    fn register(&mut self, chains: u32) {
        self.chains = self.chains.max(chains).min(self.counts.len() as u32);
    }

    /// Notes that the contract stores the root of the present trees, which is in the event that was read last or not.
    fn store(&mut self, is_emitted: bool) {
        self.is_last = is_emitted;
        self.fewest_chains = self.chains;
    }

    fn push(
        &mut self,
        block: SlBlock,
        root: Hash,
        chains: u32,
        by: RootSource,
    ) -> Result<(), EventsError> {
        if self.compared.compare_if_many()? {
            self.pending = all(&self.counts);
        }
        // Batches of chains that are registered later wait for the registration.
        let later = self.pending.split_off(&chains);
        let advances = mem::replace(&mut self.pending, later).into_iter().collect();
        let step = Step { chains, advances };
        self.compared.push(block, root, step, by, mem::take(&mut self.has_gap));
        Ok(())
    }

    /// Adds a root that the evidence has. Its number of chains is at least `fewest`.
    fn push_stored(&mut self, block: SlBlock, root: Hash, fewest: u32) -> Result<(), EventsError> {
        for chains in fewest..=self.chains {
            let is_last = chains == self.chains;
            self.push(block, root, chains, RootSource::Evidence { is_last })?;
        }
        Ok(())
    }

    /// Begins a block, unless it is the present one. In the blocks between the two nothing changed.
    fn begin(&mut self, block: SlBlock) -> Result<(), RebuildError> {
        let before = self.block;
        if before == Some(block) {
            return Ok(());
        }
        self.end_block()?;
        while let Some(next) = self.stored.next_if(|next| is_before(next, block)) {
            let (at, root) = next?;
            if Some(at) != before {
                self.push_stored(at, root, self.chains)?;
            }
        }
        self.block = Some(block);
        self.fewest_chains = self.chains;
        Ok(())
    }

    /// Ends the present block, of which all events were read that there are: compares what they say of the block with what
    /// the evidence has.
    pub(super) fn end_block(&mut self) -> Result<(), RebuildError> {
        let Some(block) = self.block.take() else { return Ok(()) };
        let (last, is_last) = (self.last.take(), mem::take(&mut self.is_last));
        let Some(stored) = self.roots.root_of(block)? else { return Ok(()) };
        if let Some((place, NewInteropRootData { root, timestamp, .. })) = last {
            if stored.root.is_zero() {
                let (stored, end) = (stored.root, self.roots.end());
                return Err(EventsError::StoredRoot { place, emitted: root, stored, end }.into());
            }
            if let (Some(emitted), Some(stored)) = (timestamp, stored.other_timestamp(timestamp)) {
                return Err(EventsError::StoredTimestamp { place, emitted, stored }.into());
            }
            if is_last && stored.root == root {
                return Ok(());
            }
            if is_last {
                self.compared.last_is_other(stored.root);
            }
        }
        if !stored.root.is_zero() {
            self.push_stored(block, stored.root, self.fewest_chains)?;
        }
        Ok(())
    }

    /// Compares the rest. Returns whether every root of a block in the events is that of the block, or one that the trees
    /// had within it.
    pub(super) fn finish(mut self) -> Result<bool, RebuildError> {
        self.end_block()?;
        Ok(self.compared.finish()?)
    }
}

fn is_before(root: &Result<(SlBlock, Hash), RebuildError>, block: SlBlock) -> bool {
    root.as_ref().map_or(true, |(at, _)| *at < block)
}
