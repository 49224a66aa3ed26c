//! Reads events in order, and checks that each can follow those before it.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use super::{Appends, BlockRoot, EventEvidence, EventGap, RecordedChain, SharedRoots};
use crate::{
    contracts::{self, EventKind, Layout, MOST_CHAINS, MessageRootEvent},
    forest::{EventPlace, EventsError, event_order::EventOrder, step::Step},
    ingest::events::EventList,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp},
};

/// The maximum number of events. Their evidence takes 960 MiB then, most of it roots.
const MOST_EVENTS: usize = 12 << 20;

/// What a first pass over the events finds.
struct Overview {
    layout: Layout,
    /// The settlement layer in the first interop root.
    sl_chain: Option<ChainId>,
    /// The number of events up to the last interop root that no other change follows in its block. Without
    /// such a root, all events.
    confirmed: usize,
    /// The block of the last event.
    last: SlBlock,
}

impl Overview {
    fn of(events: &EventList) -> Result<Self, EventsError> {
        let (mut layout, mut sl_chain, mut has_roots) = (Layout::V26, None, false);
        // The last interop root, as long as it is the last change in its block.
        let (mut candidate, mut confirmed) = (None, None);
        let (mut last, mut order) = (None::<MessageRootEvent>, EventOrder::default());
        for (at, event) in events.iter().enumerate() {
            let event = event?;
            order.take(&event)?;
            if last.is_none_or(|last| last.block != event.block) {
                confirmed = candidate.take().or(confirmed);
            }
            last = Some(event);
            match event.kind {
                EventKind::NewInteropRoot(Some(data)) => {
                    layout = layout.max(match (data.timestamp, data.log_id) {
                        (Some(_), _) => Layout::V33,
                        (None, 1..) => Layout::V31,
                        (None, 0) => Layout::V29,
                    });
                    sl_chain = sl_chain.or(Some(data.sl_chain));
                    candidate = Some(at + 1);
                    has_roots = true;
                }
                EventKind::AppendedBatch(..) => candidate = None,
                EventKind::AddedChain(..) if layout >= Layout::V31 => candidate = None,
                EventKind::NewChainRoot(..) => has_roots = true,
                EventKind::AddedChain(..) | EventKind::NewInteropRoot(None) => {}
            }
        }
        let last = last.ok_or(EventsError::None)?.block;
        let confirmed = candidate.or(confirmed).unwrap_or(events.len());
        match has_roots {
            true => Ok(Self { layout, sl_chain, confirmed, last }),
            false => Err(EventsError::NoRoots),
        }
    }
}

pub(super) fn read(events: &EventList) -> Result<EventEvidence, EventsError> {
    read_within(MOST_EVENTS, events)
}

fn read_within(most: usize, events: &EventList) -> Result<EventEvidence, EventsError> {
    if events.len() > most {
        return Err(EventsError::TooMany { events: events.len(), most });
    }
    let overview = Overview::of(events)?;
    let mut reader = Reader::new(&overview);
    let mut first_ignored = None;
    for (at, event) in events.iter().enumerate() {
        let event = event?;
        // Registrations before v31 store no root, so none can be expected after them.
        let is_kept = at < overview.confirmed
            || matches!(event.kind, EventKind::AddedChain(..)) && overview.layout < Layout::V31;
        let place = EventPlace::of(&event);
        match is_kept {
            true => reader.read(place, &event.kind)?,
            false => first_ignored = first_ignored.or(Some(place)),
        }
    }
    reader.gaps.extend(first_ignored.map(EventGap::AfterLastRoot));
    reader.finish(&overview)
}

/// What was read so far.
struct Reader {
    layout: Layout,
    /// The settlement layer, if there are interop roots.
    sl_chain: Option<ChainId>,
    chains: Vec<ChainId>,
    indices: HashMap<ChainId, usize>,
    appends: Vec<Appends>,
    /// By chain index: the last append, as long as no chain root follows it.
    without_chain_root: Vec<Option<EventPlace>>,
    shared: SharedRoots,
    blocks: Vec<BlockRoot>,
    /// The batches by chain since the last root.
    since_root: BTreeMap<u32, u64>,
    /// The block of the last root, as long as no other change follows it in the block.
    candidate: Option<SlBlock>,
    /// The last append of the present block, or since v31 the last registration, as long as no interop root
    /// follows it.
    without_root: Option<EventPlace>,
    /// The last block with an append before the first interop root.
    before_roots: Option<SlBlock>,
    /// The last log id, and its block.
    log_id: Option<(u64, SlBlock)>,
    gaps: Vec<EventGap>,
}

impl Reader {
    fn new(overview: &Overview) -> Self {
        Self {
            layout: overview.layout,
            sl_chain: overview.sl_chain,
            chains: Vec::new(),
            indices: HashMap::new(),
            appends: Vec::new(),
            without_chain_root: Vec::new(),
            shared: SharedRoots::default(),
            blocks: Vec::new(),
            since_root: BTreeMap::new(),
            candidate: None,
            without_root: None,
            before_roots: None,
            log_id: None,
            gaps: Vec::new(),
        }
    }

    fn read(&mut self, place: EventPlace, kind: &EventKind) -> Result<(), EventsError> {
        self.begin_block(place.block);
        let no_data = EventsError::NoData { place, event: kind.name() };
        match *kind {
            EventKind::AddedChain(chain, index) => self.register(place, chain, index),
            EventKind::AppendedBatch(chain, batch, root, timestamp) => {
                self.append(place, chain, batch, (root.ok_or(no_data)?, timestamp))
            }
            EventKind::NewChainRoot(chain, root) => {
                self.chain_root(place, chain, root.ok_or(no_data)?)
            }
            EventKind::NewInteropRoot(root) => self.shared_root(place, &root.ok_or(no_data)?),
        }
    }

    /// Stores the interop root of the block before, when an event of another block is read.
    fn begin_block(&mut self, block: SlBlock) {
        if let Some(of) = self.candidate.take_if(|of| *of != block) {
            let root = Some(self.shared.len() as u32 - 1);
            self.blocks.push(BlockRoot { block: of, root });
        }
        if let Some(place) = self.without_root.filter(|place| place.block != block) {
            self.miss_root();
            self.without_root = None;
            if self.shared.len() > 0 {
                self.blocks.push(BlockRoot { block: place.block, root: None });
                self.gaps.push(EventGap::NoBlockRoot(place.block));
            } else {
                // Releases before v29 emit no interop roots. If there are such roots later, this one may be
                // missing.
                self.before_roots = Some(place.block);
            }
        }
    }

    /// Notes that no interop root follows the last append, once an event follows that should come after it.
    fn miss_root(&mut self) {
        let missed = self.without_root.map(EventGap::NoInteropRoot);
        if self.shared.len() > 0 && self.gaps.last() != missed.as_ref() {
            self.gaps.extend(missed);
        }
    }

    fn register(
        &mut self,
        place: EventPlace,
        chain: ChainId,
        index: u64,
    ) -> Result<(), EventsError> {
        self.miss_root();
        // The contract registers the settlement layer when it is initialized, before it is used.
        if self.chains.is_empty()
            && index == 1
            && let Some(sl_chain) = self.sl_chain
        {
            self.add(sl_chain);
        }
        let expected = self.chains.len() as u64;
        if index != expected {
            return Err(EventsError::Registration { place, chain, index, expected });
        }
        if self.indices.contains_key(&chain) {
            return Err(EventsError::RegisteredTwice { place, chain });
        }
        if index >= MOST_CHAINS {
            return Err(EventsError::TooManyChains(place));
        }
        self.add(chain);
        // Since v31 a registration stores a root too, and emits it at once.
        if self.log_id.is_some_and(|(log_id, _)| log_id > 0) {
            self.candidate = None;
            self.without_root = Some(place);
        }
        Ok(())
    }

    fn add(&mut self, chain: ChainId) {
        self.indices.insert(chain, self.chains.len());
        self.chains.push(chain);
        self.appends.push(Appends::default());
        self.without_chain_root.push(None);
    }

    fn index(
        &self,
        place: EventPlace,
        event: &'static str,
        chain: ChainId,
    ) -> Result<usize, EventsError> {
        let index = self.indices.get(&chain).copied();
        index.ok_or(EventsError::Unregistered { place, event, chain })
    }

    fn append(
        &mut self,
        place: EventPlace,
        chain: ChainId,
        batch: BatchNumber,
        (root, timestamp): (Hash, Option<Timestamp>),
    ) -> Result<(), EventsError> {
        let index = self.index(place, "AppendedChainBatchRoot", chain)?;
        if timestamp.is_some() != (self.layout == Layout::V33) {
            return Err(EventsError::OtherRelease { place, chain, batch });
        }
        let appends = &mut self.appends[index];
        if !appends.numbers.push(batch) {
            let before = appends.numbers.last().unwrap_or_default();
            return Err(EventsError::BatchOrder { place, chain, batch, before });
        }
        appends.roots.push(root);
        appends.timestamps.extend(timestamp.map(|timestamp| timestamp.0.to_le_bytes()));
        let unpaired = self.without_chain_root[index].replace(place);
        self.gaps.extend(unpaired.map(EventGap::NoChainRoot));
        *self.since_root.entry(index as u32).or_default() += 1;
        self.candidate = None;
        self.miss_root();
        self.without_root = Some(place);
        Ok(())
    }

    fn chain_root(
        &mut self,
        place: EventPlace,
        chain: ChainId,
        root: Hash,
    ) -> Result<(), EventsError> {
        let index = self.index(place, "NewChainRoot", chain)?;
        self.without_chain_root[index].take().ok_or(EventsError::Unpaired { place, chain })?;
        let appends = &mut self.appends[index];
        appends.emitted.push(place, appends.numbers.len(), root);
        Ok(())
    }

    fn shared_root(
        &mut self,
        place: EventPlace,
        data: &contracts::NewInteropRootData,
    ) -> Result<(), EventsError> {
        let contracts::NewInteropRootData { sl_chain, block, log_id, root, timestamp } = *data;
        if block != place.block {
            return Err(EventsError::OtherBlock { place, emitted: block });
        }
        let Some(&expected) = self.chains.first() else {
            let event = "NewInteropRoot";
            return Err(EventsError::Unregistered { place, event, chain: sl_chain });
        };
        if sl_chain != expected {
            return Err(EventsError::OtherSettlementLayer { place, emitted: sl_chain, expected });
        }
        if let Some((last, of)) = self.log_id.filter(|(last, _)| *last > 0)
            && last.checked_add(u64::from(of != block)) != Some(log_id)
        {
            self.gaps.push(EventGap::Blocks(of, block));
        }
        self.log_id = Some((log_id, block));
        if let Some(block) = self.before_roots.take() {
            self.blocks.push(BlockRoot { block, root: None });
            self.gaps.push(EventGap::NoRootsUpTo(block));
        }
        let chains = self.chains.len() as u32;
        let advances = mem::take(&mut self.since_root).into_iter().collect();
        self.shared.push(place, root, Step { chains, advances });
        if self.layout == Layout::V33 {
            self.shared.emitted.timestamps.push(timestamp.unwrap_or_default());
        }
        self.candidate = Some(block);
        self.without_root = None;
        Ok(())
    }

    fn finish(mut self, overview: &Overview) -> Result<EventEvidence, EventsError> {
        self.begin_block(SlBlock(u64::MAX));
        let last_root = self.shared.last_place();
        for (index, place) in self.without_chain_root.iter().enumerate() {
            let Some(place) = *place else { continue };
            if last_root.is_none_or(|root| root < place) {
                let batch = self.appends[index].numbers.last().unwrap_or_default();
                let chain = self.chains[index];
                return Err(EventsError::Unconfirmed { place, chain, batch });
            }
            self.gaps.push(EventGap::NoChainRoot(place));
        }
        // A source without any chain root was collected without these events, so none is missing.
        if self.appends.iter().all(|appends| appends.emitted.is_empty()) {
            self.gaps.retain(|gap| !matches!(gap, EventGap::NoChainRoot(_)));
        }
        let chains = self.chains.into_iter().zip(&self.appends);
        Ok(EventEvidence {
            // Before v31 only the interop roots distinguish the releases.
            layout: overview.layout.max(Layout::V29),
            chains: chains
                .map(|(id, appends)| RecordedChain { id, batches: appends.numbers.len() })
                .collect(),
            appends: self.appends,
            shared: self.shared,
            blocks: self.blocks,
            gaps: self.gaps,
            last: overview.last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_events_than_fit_into_memory_are_refused() {
        let root = EventKind::NewChainRoot(ChainId(1), Some(Hash::ZERO));
        let event = |block| MessageRootEvent { block: SlBlock(block), log_index: 0, kind: root };
        let read = |len| read_within(3, &(0..len).map(event).collect());
        assert!(matches!(read(4), Err(EventsError::TooMany { events: 4, most: 3 })));
        assert!(matches!(read(3), Err(EventsError::Unregistered { .. })));
    }
}
