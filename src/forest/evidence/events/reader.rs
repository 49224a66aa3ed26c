//! Reads events in order, and checks that each can follow those before it.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use super::{Appends, EmittedChainRoot, EmittedRoot, EventEvidence, EventGap, RecordedChain};
use crate::{
    contracts::{self, EventKind, Layout, MOST_CHAINS, MessageRootEvent},
    forest::{BatchNumbers, EventPlace, EventsError, History, step::Step},
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
};

/// What a first pass over the events finds.
struct Overview {
    layout: Layout,
    /// The settlement layer in the first interop root.
    sl_chain: Option<ChainId>,
    /// The number of events up to the last interop root that no other change follows in its block. Without
    /// such a root, all events.
    confirmed: usize,
}

impl Overview {
    fn of(events: &[MessageRootEvent]) -> Result<Self, EventsError> {
        let (mut layout, mut sl_chain, mut has_roots) = (Layout::V26, None, false);
        // The last interop root, as long as it is the last change in its block.
        let (mut candidate, mut confirmed) = (None, None);
        let mut block = None;
        for (at, event) in events.iter().enumerate() {
            if block != Some(event.block) {
                confirmed = candidate.take().or(confirmed);
                block = Some(event.block);
            }
            match event.kind {
                EventKind::NewInteropRoot(Some(data)) => {
                    layout = layout.max(if data.log_id > 0 { Layout::V31 } else { Layout::V29 });
                    sl_chain = sl_chain.or(Some(data.sl_chain));
                    candidate = Some(at + 1);
                    has_roots = true;
                }
                EventKind::AppendedBatch(..) => candidate = None,
                EventKind::AddedChain(..) if layout == Layout::V31 => candidate = None,
                EventKind::NewChainRoot(..) => has_roots = true,
                EventKind::AddedChain(..) | EventKind::NewInteropRoot(None) => {}
            }
        }
        let confirmed = candidate.or(confirmed).unwrap_or(events.len());
        match has_roots {
            true => Ok(Self { layout, sl_chain, confirmed }),
            false => Err(EventsError::NoRoots),
        }
    }
}

pub(super) fn read(events: &[MessageRootEvent]) -> Result<EventEvidence, EventsError> {
    let last = events.last().ok_or(EventsError::None)?.block;
    EventsError::check_places(events)?;
    let overview = Overview::of(events)?;
    let mut reader = Reader::new(&overview);
    let (confirmed, rest) = events.split_at(overview.confirmed);
    for event in confirmed {
        reader.read(EventPlace::of(event), &event.kind)?;
    }
    reader.ignore(rest)?;
    reader.finish(overview.layout, last)
}

/// What was read so far.
struct Reader {
    layout: Layout,
    /// The settlement layer, if there are interop roots.
    sl_chain: Option<ChainId>,
    chains: Vec<ChainId>,
    indices: HashMap<ChainId, usize>,
    appends: Vec<ChainAppends>,
    shared_roots: Vec<EmittedRoot>,
    by_block: History,
    /// The batches by chain since the last root in `shared_roots`.
    since_root: BTreeMap<u32, u64>,
    /// The batches by chain since the last root in `by_block`.
    since_block: BTreeMap<u32, u64>,
    /// The last interop root of the present block, with the number of chains.
    candidate: Option<(SlBlock, Hash, u32)>,
    /// The last append of the present block, or since v31 the last registration, as long as no interop root
    /// follows it.
    without_root: Option<EventPlace>,
    /// The last log id, and its block.
    log_id: Option<(u64, SlBlock)>,
    gaps: Vec<EventGap>,
}

#[derive(Default)]
struct ChainAppends {
    numbers: Vec<BatchNumber>,
    roots: Vec<Hash>,
    emitted: Vec<EmittedChainRoot>,
    /// The last append, as long as no chain root follows it.
    without_root: Option<EventPlace>,
}

impl Reader {
    fn new(overview: &Overview) -> Self {
        Self {
            layout: overview.layout,
            sl_chain: overview.sl_chain,
            chains: Vec::new(),
            indices: HashMap::new(),
            appends: Vec::new(),
            shared_roots: Vec::new(),
            by_block: History::default(),
            since_root: BTreeMap::new(),
            since_block: BTreeMap::new(),
            candidate: None,
            without_root: None,
            log_id: None,
            gaps: Vec::new(),
        }
    }

    fn read(&mut self, place: EventPlace, kind: &EventKind) -> Result<(), EventsError> {
        self.begin_block(place.block);
        let no_data = EventsError::NoData { place, event: kind.name() };
        match *kind {
            EventKind::AddedChain(chain, index) => self.register(place, chain, index),
            EventKind::AppendedBatch(chain, batch, root) => {
                self.append(place, chain, batch, root.ok_or(no_data)?)
            }
            EventKind::NewChainRoot(chain, root) => {
                self.chain_root(place, chain, root.ok_or(no_data)?)
            }
            EventKind::NewInteropRoot(root) => self.shared_root(place, &root.ok_or(no_data)?),
        }
    }

    /// Stores the interop root of the block before, when an event of another block is read.
    fn begin_block(&mut self, block: SlBlock) {
        let known = self.candidate.take_if(|(of, ..)| *of != block);
        if let Some((of, root, chains)) = known {
            let advances = mem::take(&mut self.since_block).into_iter().collect();
            self.by_block.push(of, root, Some(Step { chains, advances }));
        }
        if let Some(place) = self.without_root.filter(|place| place.block != block) {
            self.miss_root();
            self.without_root = None;
            // Releases before v29 emit no interop roots.
            if !self.shared_roots.is_empty() {
                self.gaps.push(EventGap::NoBlockRoot(place.block));
            }
        }
    }

    /// Notes that no interop root follows the last append, once an event follows that should come after it.
    fn miss_root(&mut self) {
        let missed = self.without_root.map(EventGap::NoInteropRoot);
        if !self.shared_roots.is_empty() && self.gaps.last() != missed.as_ref() {
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
        self.appends.push(ChainAppends::default());
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
        root: Hash,
    ) -> Result<(), EventsError> {
        let index = self.index(place, "AppendedChainBatchRoot", chain)?;
        let appends = &mut self.appends[index];
        if let Some(before) = appends.numbers.last().copied().filter(|before| *before >= batch) {
            return Err(EventsError::BatchOrder { place, chain, batch, before });
        }
        self.gaps.extend(appends.without_root.replace(place).map(EventGap::NoChainRoot));
        appends.numbers.push(batch);
        appends.roots.push(root);
        *self.since_root.entry(index as u32).or_default() += 1;
        *self.since_block.entry(index as u32).or_default() += 1;
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
        let appends = &mut self.appends[index];
        appends.without_root.take().ok_or(EventsError::Unpaired { place, chain })?;
        let batches = appends.numbers.len() as u64;
        appends.emitted.push(EmittedChainRoot { place, batches, root });
        Ok(())
    }

    fn shared_root(
        &mut self,
        place: EventPlace,
        data: &contracts::NewInteropRootData,
    ) -> Result<(), EventsError> {
        let contracts::NewInteropRootData { sl_chain, block, log_id, root } = *data;
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
        let chains = self.chains.len() as u32;
        let advances = mem::take(&mut self.since_root).into_iter().collect();
        self.shared_roots.push(EmittedRoot { place, root, step: Step { chains, advances } });
        self.candidate = Some((block, root, chains));
        self.without_root = None;
        Ok(())
    }

    /// Ignores the events after the last confirmed root, except registrations before v31: these store no root,
    /// so none can be expected after them.
    fn ignore(&mut self, events: &[MessageRootEvent]) -> Result<(), EventsError> {
        let mut first = None;
        for event in events {
            match event.kind {
                EventKind::AddedChain(..) if self.layout != Layout::V31 => {
                    self.read(EventPlace::of(event), &event.kind)?;
                }
                _ => first = first.or(Some(EventPlace::of(event))),
            }
        }
        self.gaps.extend(first.map(EventGap::AfterLastRoot));
        Ok(())
    }

    fn finish(mut self, layout: Layout, last: SlBlock) -> Result<EventEvidence, EventsError> {
        self.begin_block(SlBlock(u64::MAX));
        for (index, appends) in self.appends.iter().enumerate() {
            let Some(place) = appends.without_root else { continue };
            let last_root = self.shared_roots.last().map(|root| root.place);
            if last_root.is_none_or(|root| root < place) {
                let batch = appends.numbers.last().copied().unwrap_or_default();
                let chain = self.chains[index];
                return Err(EventsError::Unconfirmed { place, chain, batch });
            }
            self.gaps.push(EventGap::NoChainRoot(place));
        }
        // A source without any chain root was collected without these events, so none is missing.
        if self.appends.iter().all(|appends| appends.emitted.is_empty()) {
            self.gaps.retain(|gap| !matches!(gap, EventGap::NoChainRoot(_)));
        }
        let appends: Vec<Appends> = self
            .appends
            .into_iter()
            .map(|appends| Appends {
                numbers: BatchNumbers::new(appends.numbers)
                    .unwrap_or_else(|| unreachable!("checked when they were appended")),
                roots: appends.roots,
                emitted: appends.emitted,
            })
            .collect();
        let chains = self.chains.into_iter().zip(&appends);
        Ok(EventEvidence {
            // Before v31 only the interop roots distinguish the releases.
            layout: layout.max(Layout::V29),
            chains: chains
                .map(|(id, appends)| RecordedChain { id, batches: appends.numbers.len() })
                .collect(),
            appends,
            shared_roots: self.shared_roots,
            by_block: self.by_block,
            gaps: self.gaps,
            last,
        })
    }
}
