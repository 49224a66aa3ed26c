//! Computes steps from events. These steps are used only if they lead to the stored roots.

use std::{collections::BTreeMap, mem};

use super::Step;
use crate::{
    contracts::{EventKind, MessageRootEvent},
    forest::{
        EventsError, Forest,
        before_events::{BeforeEvents, all, leaf_of},
    },
    ingest::events::EventList,
    primitives::SlBlock,
};

/// The step up to each block with a root, according to the events, which may begin at any block; `None` where the events
/// do not show it. `before` is what the trees contain before them.
///
/// MessageRoot stores a block's root with an append, with `updateFullTree`, and since v31 with a
/// registration, which also emits `NewInteropRoot`. What happens in a block after the last of these is part
/// of the next root.
pub(super) fn steps(
    forest: &Forest,
    blocks: &[SlBlock],
    events: &EventList,
    before: &BeforeEvents,
) -> Result<Vec<Option<Step>>, EventsError> {
    let counts = before.counts(forest);
    let mut replay = Replay {
        forest,
        blocks,
        steps: Vec::with_capacity(blocks.len()),
        chains: before.chains(forest),
        stored: None,
        pending: all(&counts),
        counts,
        after: BTreeMap::new(),
    };
    let mut block = None;
    for event in events.iter() {
        let event = event?;
        if let Some(ended) = block.replace(event.block).filter(|block| *block != event.block) {
            replay.end(ended);
        }
        replay.read(&event);
    }
    block.into_iter().for_each(|block| replay.end(block));
    replay.steps.resize(blocks.len(), None);
    Ok(replay.steps)
}

/// What was read so far.
struct Replay<'a> {
    forest: &'a Forest,
    blocks: &'a [SlBlock],
    steps: Vec<Option<Step>>,
    /// The number of batches by chain.
    counts: Vec<u64>,
    chains: u32,
    /// The number of chains when a root was last stored in the present block.
    stored: Option<u32>,
    /// The new batches by chain up to that moment, since the last step.
    pending: BTreeMap<u32, u64>,
    /// The new batches by chain since that moment.
    after: BTreeMap<u32, u64>,
}

impl Replay<'_> {
    fn read(&mut self, event: &MessageRootEvent) {
        match event.kind {
            EventKind::AddedChain(_, index) => {
                let added = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
                self.chains = self.chains.max(added);
            }
            EventKind::AppendedBatch(chain, batch, ..) => {
                if let Some((index, leaf)) = leaf_of(self.forest, chain, batch) {
                    self.chains = self.chains.max(index + 1);
                    let count = &mut self.counts[index as usize];
                    if leaf + 1 > *count {
                        *self.after.entry(index).or_insert(0) += leaf + 1 - *count;
                        *count = leaf + 1;
                    }
                }
                self.store();
            }
            EventKind::NewInteropRoot(_) => self.store(),
            EventKind::NewChainRoot(..) => {}
        }
    }

    fn store(&mut self) {
        self.stored = Some(self.chains);
        self.make_pending();
    }

    fn make_pending(&mut self) {
        for (chain, batches) in mem::take(&mut self.after) {
            *self.pending.entry(chain).or_insert(0) += batches;
        }
    }

    /// Ends a block.
    fn end(&mut self, block: SlBlock) {
        let before = self.blocks.partition_point(|other| *other < block);
        self.steps.resize(before, None);
        let stored = self.stored.take();
        if self.blocks.get(before) == Some(&block) {
            let known = stored.filter(|chains| *chains as usize <= self.forest.chains().len());
            let step = known.map(|chains| {
                // Batches of chains that are registered later wait for the registration.
                let later = self.pending.split_off(&chains);
                let advances = mem::replace(&mut self.pending, later).into_iter().collect();
                Step { chains, advances }
            });
            self.steps.push(step);
        }
        self.make_pending();
    }
}
