use std::collections::{BTreeMap, HashMap};

use super::{
    ChainTree, EventPlace, EventsError, Forest, RebuildError, RootsByBlock,
    before_events::BeforeEvents, emitted_interop_roots::EmittedInteropRoots,
    emitted_roots::EmittedChainRoots,
};
use crate::{contracts::EventKind, ingest::events::EventList, proof::CheckedBy};

impl Forest {
    /// Compares the trees with events, which may cover only a part of the history, and the events with `roots`, the
    /// roots by block of the same evidence as the trees. Every registration, batch root, chain root and root of a block
    /// must be equal, and every timestamp, up to the block up to which the evidence has everything. So must every root of a
    /// block that the evidence has, where the events show what the trees contained then. If at least one batch
    /// was compared, and every root of a block in the events, [`Forest::checked_by`] includes [`CheckedBy::EVENTS`]
    /// afterwards.
    ///
    /// # Errors
    /// [`EventsError`] for the first event of a chain that differs; [`EventsError::AfterState`] if nothing
    /// differs and events follow that the trees do not have. [`RebuildError`] if `roots` cannot be read.
    pub fn compared_with(
        self,
        events: &EventList,
        roots: &impl RootsByBlock,
    ) -> Result<Self, RebuildError> {
        let before = BeforeEvents::of(events, &self)?;
        self.compared_after(&before, events, roots)
    }

    /// As [`Forest::compared_with`]. `before` is what the trees contain before the events.
    pub(super) fn compared_after(
        mut self,
        before: &BeforeEvents,
        events: &EventList,
        roots: &impl RootsByBlock,
    ) -> Result<Self, RebuildError> {
        let mut emitted: BTreeMap<u64, EmittedChainRoots> = BTreeMap::new();
        let mut interop_roots = EmittedInteropRoots::new(before, &self, roots)?;
        // By chain index: the number of batches at the last append, as long as no chain root follows it.
        let mut appended: HashMap<u64, u64> = HashMap::new();
        let (mut compared, mut first_after) = (false, None);
        let (newest, end) = (self.latest().map(|latest| latest.block), roots.end());
        for event in events.iter() {
            let event = event.map_err(EventsError::from)?;
            let place = EventPlace::of(&event);
            // In the block of their newest root, the trees may have what comes first.
            let may_be_after = Some(event.block) > end;
            let is_after = may_be_after && (first_after.is_some() || Some(event.block) > newest);
            match is_after {
                true => interop_roots.end_block()?,
                false => interop_roots.read(place, &event.kind)?,
            }
            match event.kind {
                EventKind::AddedChain(chain, index) => {
                    match self.chain(chain).map(ChainTree::index) {
                        Some(known) if known == index => {}
                        None if may_be_after && index >= self.chains().len() as u64 => {
                            first_after = first_after.or(Some(place));
                        }
                        _ => {
                            return Err(
                                EventsError::OtherRegistration { place, chain, index }.into()
                            );
                        }
                    }
                }
                EventKind::AppendedBatch(chain, batch, Some(root), timestamp) => {
                    let tree = self.chain(chain);
                    tree.map(|tree| appended.remove(&tree.index()));
                    let found = tree.and_then(|tree| Some((tree, tree.find(batch)?)));
                    let Some((tree, (leaf, stored))) = found else {
                        if let Some(end) = end.filter(|_| !may_be_after) {
                            return Err(EventsError::NotInTrees { place, chain, batch, end }.into());
                        }
                        first_after = first_after.or(Some(place));
                        continue;
                    };
                    if stored != root {
                        return Err(EventsError::BatchRoot {
                            place,
                            chain,
                            batch,
                            emitted: root,
                            stored,
                        }
                        .into());
                    }
                    let stored = tree.timestamp(leaf);
                    if let Some(emitted) = timestamp.filter(|_| stored != timestamp) {
                        return Err(EventsError::Timestamp {
                            place,
                            chain,
                            batch,
                            emitted,
                            stored,
                        }
                        .into());
                    }
                    compared = true;
                    appended.insert(tree.index(), leaf + 1);
                }
                EventKind::NewChainRoot(chain, Some(root)) => {
                    let Some(tree) = self.chain(chain) else {
                        if let Some(end) = end.filter(|_| !may_be_after) {
                            return Err(EventsError::NoSuchChain { place, chain, end }.into());
                        }
                        first_after = first_after.or(Some(place));
                        continue;
                    };
                    let of_chain = emitted.entry(tree.index()).or_default();
                    match appended.remove(&tree.index()) {
                        Some(batches) => of_chain.push(place, batches, root),
                        None if may_be_after => {}
                        None => of_chain.push_unpaired(place, root),
                    }
                }
                EventKind::NewInteropRoot(Some(data)) if data.sl_chain != self.sl_chain() => {
                    let expected = self.sl_chain();
                    let emitted = data.sl_chain;
                    return Err(
                        EventsError::OtherSettlementLayer { place, emitted, expected }.into()
                    );
                }
                EventKind::NewInteropRoot(Some(data)) if data.block != place.block => {
                    return Err(EventsError::OtherBlock { place, emitted: data.block }.into());
                }
                EventKind::NewInteropRoot(_) if is_after => {
                    first_after = first_after.or(Some(place));
                }
                _ => {}
            }
        }
        for (index, roots) in emitted {
            let tree = &self.chains()[index as usize];
            roots.compare(tree.chain(), tree.batches(), &tree.tree())?;
        }
        let is_confirmed = interop_roots.finish()?;
        if let Some(place) = first_after {
            return Err(EventsError::AfterState { place, newest }.into());
        }
        if compared && is_confirmed {
            self.checked_by = self.checked_by.and(CheckedBy::EVENTS);
        }
        Ok(self)
    }

    /// Checks that these trees continue those of an earlier time: that they begin with the same chains, and
    /// each chain with the same batches and batch roots.
    ///
    /// # Errors
    /// [`EventsError::OtherPast`] for the first chain that differs.
    pub(super) fn continues(&self, past: &Self) -> Result<(), EventsError> {
        for (index, before) in past.chains().iter().enumerate() {
            let chain = before.chain();
            let Some(now) = self.chains().get(index).filter(|now| now.chain() == chain) else {
                return Err(EventsError::OtherPast { chain, batch: None });
            };
            let mut batches = now.batches().iter().zip(now.batch_roots());
            let mut then = before.batches().iter().zip(before.batch_roots());
            if let Some((batch, _)) = then.find(|then| batches.next() != Some(*then)) {
                return Err(EventsError::OtherPast { chain, batch: Some(batch) });
            }
        }
        Ok(())
    }
}
