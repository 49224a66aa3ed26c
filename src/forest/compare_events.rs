use std::collections::{BTreeMap, HashMap};

use super::{
    ChainTree, EventPlace, EventsError, Forest, RebuildError, emitted_roots::EmittedChainRoots,
};
use crate::{
    contracts::{EventKind, MessageRoot},
    ingest::events::EventList,
    primitives::{Address, SlBlock},
    proof::CheckedBy,
    state::StorageReader,
};

impl Forest {
    /// Compares the trees with events, which may cover only a part of the history. Every batch root and every
    /// chain root in an event must be that of the trees. If at least one batch was compared,
    /// [`Forest::checked_by`] includes [`CheckedBy::EVENTS`] afterwards.
    ///
    /// # Errors
    /// [`EventsError`] for the first event of a chain that differs; [`EventsError::AfterState`] if nothing
    /// differs and events follow the newest interop root.
    pub fn compared_with(mut self, events: &EventList) -> Result<Self, EventsError> {
        let mut emitted: BTreeMap<u64, EmittedChainRoots> = BTreeMap::new();
        // By chain index: the number of batches at the last append, as long as no chain root follows it.
        let mut appended: HashMap<u64, u64> = HashMap::new();
        let (mut compared, mut first_after) = (false, None);
        let newest = self.latest().map(|latest| latest.block);
        let mut events = events.iter().peekable();
        while let Some(event) = events.next() {
            let event = event?;
            if let Some(Ok(next)) = events.peek() {
                EventsError::check_places(&event, next)?;
            }
            let place = EventPlace::of(&event);
            let is_after = newest.is_none_or(|newest| newest < event.block);
            match event.kind {
                EventKind::AddedChain(chain, index) => {
                    let registered = self.chain(chain).map(ChainTree::index);
                    if registered.is_none() && is_after {
                        first_after = first_after.or(Some(place));
                    }
                    if registered.is_none_or(|known| known != index)
                        && (registered.is_some() || index < self.chains().len() as u64)
                    {
                        return Err(EventsError::OtherRegistration { place, chain, index });
                    }
                }
                EventKind::AppendedBatch(chain, batch, Some(root), timestamp) => {
                    let tree = self.chain(chain);
                    tree.map(|tree| appended.remove(&tree.index()));
                    let found = tree.and_then(|tree| Some((tree, tree.find(batch)?)));
                    let Some((tree, (leaf, stored))) = found else {
                        // The newest interop root contains all that was appended up to its block.
                        if !is_after {
                            return Err(EventsError::NotInState { place, chain, batch });
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
                        });
                    }
                    let stored = tree.timestamp(leaf);
                    if let Some(emitted) = timestamp.filter(|_| stored != timestamp) {
                        return Err(EventsError::Timestamp {
                            place,
                            chain,
                            batch,
                            emitted,
                            stored,
                        });
                    }
                    compared = true;
                    appended.insert(tree.index(), leaf + 1);
                }
                EventKind::NewChainRoot(chain, Some(root)) => {
                    let Some(tree) = self.chain(chain) else { continue };
                    let Some(batches) = appended.remove(&tree.index()) else { continue };
                    emitted.entry(tree.index()).or_default().push(place, batches, root);
                }
                EventKind::NewInteropRoot(Some(data)) if data.sl_chain != self.sl_chain() => {
                    let expected = self.sl_chain();
                    let emitted = data.sl_chain;
                    return Err(EventsError::OtherSettlementLayer { place, emitted, expected });
                }
                EventKind::NewInteropRoot(Some(data)) if data.block != place.block => {
                    return Err(EventsError::OtherBlock { place, emitted: data.block });
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
        if let Some(place) = first_after {
            return Err(EventsError::AfterState { place, newest });
        }
        if compared {
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

/// Compares the interop roots in events with those that a state stores for their blocks, up to block `newest`
/// if it is known. The last root of a block is compared, if no append follows it in the block. The last block
/// of the list is left out, since events of it may be missing.
///
/// # Errors
/// [`EventsError::StoredRoot`] for the first root that differs; [`RebuildError::State`] if the state cannot
/// be read.
pub fn compare_block_roots<S: StorageReader + ?Sized>(
    state: &S,
    message_root: Address,
    newest: Option<SlBlock>,
    events: &EventList,
) -> Result<(), RebuildError> {
    let message_root = MessageRoot::at(state, message_root);
    // The last root of the present block, as long as no append follows it.
    let mut candidate = None;
    for event in events.iter() {
        let event = event.map_err(EventsError::from)?;
        let place = EventPlace::of(&event);
        let ended = candidate.take_if(|(root, _): &mut (EventPlace, _)| root.block != place.block);
        if let Some((place, emitted)) = ended {
            let stored = message_root.historical_root(place.block).map_err(RebuildError::State)?;
            let is_expected = newest.is_some_and(|newest| place.block <= newest);
            if stored != emitted && (is_expected || !stored.is_zero()) {
                return Err(EventsError::StoredRoot { place, emitted, stored }.into());
            }
        }
        match event.kind {
            EventKind::AppendedBatch(..) => candidate = None,
            EventKind::NewInteropRoot(data) => candidate = data.map(|data| (place, data.root)),
            EventKind::AddedChain(..) | EventKind::NewChainRoot(..) => {}
        }
    }
    Ok(())
}
