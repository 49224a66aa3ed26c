//! Plays events in order.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use super::{Appends, EventEvidence, EventGap, NamedChainRoot, NamedRoot, RecordedChain};
use crate::{
    contracts::{self, EventKind, Layout, MessageRootEvent},
    forest::{BatchNumbers, EventPlace, EventsError, History, step::Step},
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
};

/// What the events tell when they are read once, before they are played.
struct Overview {
    layout: Layout,
    /// The settlement layer that the first interop root names.
    sl_chain: Option<ChainId>,
    /// The number of events up to the last interop root that is known to be its block's last. Without such a
    /// root, all events.
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
                EventKind::NewInteropRoot(Some(named)) => {
                    layout = layout.max(if named.log_id > 0 { Layout::V31 } else { Layout::V29 });
                    sl_chain = sl_chain.or(Some(named.sl_chain));
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
    let same_place = |pair: &&[MessageRootEvent]| {
        (pair[0].block, pair[0].log_index) == (pair[1].block, pair[1].log_index)
    };
    if let Some([one, other]) = events.windows(2).find(same_place) {
        let [one_text, other_text] = [one, other].map(|event| format!("{:?}", event.kind));
        return Err(EventsError::Contradiction {
            place: place(one),
            one: one_text,
            other: other_text,
        });
    }
    let overview = Overview::of(events)?;
    let mut player = Player::new(&overview);
    let (confirmed, rest) = events.split_at(overview.confirmed);
    for event in confirmed {
        player.play(place(event), &event.kind)?;
    }
    player.leave_out(rest)?;
    player.finish(overview.layout, last)
}

fn place(event: &MessageRootEvent) -> EventPlace {
    EventPlace { block: event.block, log_index: event.log_index }
}

/// The state while events are played.
struct Player {
    layout: Layout,
    /// The settlement layer, if interop roots name it.
    sl_chain: Option<ChainId>,
    chains: Vec<ChainId>,
    indices: HashMap<ChainId, usize>,
    appends: Vec<ChainAppends>,
    named: Vec<NamedRoot>,
    by_block: History,
    /// The batches by chain since the last named root.
    since_named: BTreeMap<u32, u64>,
    /// The batches by chain since the last root in `by_block`.
    since_block: BTreeMap<u32, u64>,
    /// The last interop root of the present block.
    candidate: Option<(SlBlock, Hash, u32)>,
    /// The last append of the present block, as long as no interop root follows it.
    unnamed: Option<EventPlace>,
    /// The last log id, and its block.
    log_id: Option<(u64, SlBlock)>,
    gaps: Vec<EventGap>,
}

#[derive(Default)]
struct ChainAppends {
    numbers: Vec<BatchNumber>,
    roots: Vec<Hash>,
    named: Vec<NamedChainRoot>,
    /// The last append, as long as no chain root followed it.
    open: Option<EventPlace>,
}

impl Player {
    fn new(overview: &Overview) -> Self {
        Self {
            layout: overview.layout,
            sl_chain: overview.sl_chain,
            chains: Vec::new(),
            indices: HashMap::new(),
            appends: Vec::new(),
            named: Vec::new(),
            by_block: History::default(),
            since_named: BTreeMap::new(),
            since_block: BTreeMap::new(),
            candidate: None,
            unnamed: None,
            log_id: None,
            gaps: Vec::new(),
        }
    }

    fn play(&mut self, place: EventPlace, kind: &EventKind) -> Result<(), EventsError> {
        self.begin_block(place.block);
        let no_data = EventsError::NoData { place, event: kind.name() };
        match *kind {
            EventKind::AddedChain(chain, index) => self.register(place, chain, index),
            EventKind::AppendedBatch(chain, batch, root) => {
                self.append(place, chain, batch, root.ok_or(no_data)?)
            }
            EventKind::NewChainRoot(chain, root) => {
                self.name_chain_root(place, chain, root.ok_or(no_data)?)
            }
            EventKind::NewInteropRoot(named) => self.name_root(place, &named.ok_or(no_data)?),
        }
    }

    /// Files the interop root of the block before, once an event of another block is played.
    fn begin_block(&mut self, block: SlBlock) {
        let known = self.candidate.take_if(|(of, ..)| *of != block);
        if let Some((of, root, chains)) = known {
            let advances = mem::take(&mut self.since_block).into_iter().collect();
            self.by_block.push(of, root, Some(Step { chains, advances }));
        }
        if let Some(place) = self.unnamed.filter(|place| place.block != block) {
            self.miss_root();
            self.unnamed = None;
            // Releases before v29 name no interop roots.
            if !self.named.is_empty() {
                self.gaps.push(EventGap::NoBlockRoot(place.block));
            }
        }
    }

    /// Notes that no interop root follows the last append, once an event follows that should come after it.
    fn miss_root(&mut self) {
        let missed = self.unnamed.map(EventGap::NoInteropRoot);
        if !self.named.is_empty() && self.gaps.last() != missed.as_ref() {
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
        self.add(chain);
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
        self.gaps.extend(appends.open.replace(place).map(EventGap::NoChainRoot));
        appends.numbers.push(batch);
        appends.roots.push(root);
        *self.since_named.entry(index as u32).or_default() += 1;
        *self.since_block.entry(index as u32).or_default() += 1;
        self.candidate = None;
        self.miss_root();
        self.unnamed = Some(place);
        Ok(())
    }

    fn name_chain_root(
        &mut self,
        place: EventPlace,
        chain: ChainId,
        root: Hash,
    ) -> Result<(), EventsError> {
        let index = self.index(place, "NewChainRoot", chain)?;
        let appends = &mut self.appends[index];
        appends.open.take().ok_or(EventsError::Unpaired { place, chain })?;
        let batches = appends.numbers.len() as u64;
        appends.named.push(NamedChainRoot { place, batches, root });
        Ok(())
    }

    fn name_root(
        &mut self,
        place: EventPlace,
        named: &contracts::NamedRoot,
    ) -> Result<(), EventsError> {
        let contracts::NamedRoot { sl_chain, block, log_id, root } = *named;
        if block != place.block {
            return Err(EventsError::OtherBlock { place, named: block });
        }
        let Some(&expected) = self.chains.first() else {
            let event = "NewInteropRoot";
            return Err(EventsError::Unregistered { place, event, chain: sl_chain });
        };
        if sl_chain != expected {
            return Err(EventsError::OtherSettlementLayer { place, named: sl_chain, expected });
        }
        if let Some((last, of)) = self.log_id.filter(|(last, _)| *last > 0)
            && log_id != last + u64::from(of != block)
        {
            self.gaps.push(EventGap::Blocks(of, block));
        }
        self.log_id = Some((log_id, block));
        let chains = self.chains.len() as u32;
        let advances = mem::take(&mut self.since_named).into_iter().collect();
        self.named.push(NamedRoot { place, root, step: Step { chains, advances } });
        self.candidate = Some((block, root, chains));
        self.unnamed = None;
        Ok(())
    }

    /// Leaves out events that are part of no interop root that is known to be its block's last. Before v31 a
    /// registration stores no root, so it is kept.
    fn leave_out(&mut self, events: &[MessageRootEvent]) -> Result<(), EventsError> {
        let mut first = None;
        for event in events {
            match event.kind {
                EventKind::AddedChain(..) if self.layout != Layout::V31 => {
                    // A chain that appended batches before has no place in the last root.
                    self.play(place(event), &event.kind)?;
                }
                _ => first = first.or(Some(place(event))),
            }
        }
        self.gaps.extend(first.map(EventGap::AfterLastRoot));
        Ok(())
    }

    fn finish(mut self, layout: Layout, last: SlBlock) -> Result<EventEvidence, EventsError> {
        self.begin_block(SlBlock(u64::MAX));
        for (index, appends) in self.appends.iter().enumerate() {
            let Some(open) = appends.open else { continue };
            let last_named = self.named.last().map(|named| named.place);
            if last_named.is_none_or(|named| named < open) {
                let batch = appends.numbers.last().copied().unwrap_or_default();
                let chain = self.chains[index];
                return Err(EventsError::Unconfirmed { place: open, chain, batch });
            }
            self.gaps.push(EventGap::NoChainRoot(open));
        }
        // Sources without any chain root are read by their topics.
        if self.appends.iter().all(|appends| appends.named.is_empty()) {
            self.gaps.retain(|gap| !matches!(gap, EventGap::NoChainRoot(_)));
        }
        let appends: Vec<Appends> = self
            .appends
            .into_iter()
            .map(|appends| Appends {
                numbers: BatchNumbers::new(appends.numbers)
                    .unwrap_or_else(|| unreachable!("checked when they were appended")),
                roots: appends.roots,
                named: appends.named,
            })
            .collect();
        let chains = self.chains.into_iter().zip(&appends);
        Ok(EventEvidence {
            // Before v31 only the interop roots tell the releases apart.
            layout: layout.max(Layout::V29),
            chains: chains
                .map(|(id, appends)| RecordedChain { id, batches: appends.numbers.len() })
                .collect(),
            appends,
            named: self.named,
            by_block: self.by_block,
            gaps: self.gaps,
            last,
        })
    }
}
