use std::collections::BTreeMap;

use super::{ChainTree, EventPlace, EventsError, Forest, RebuildError};
use crate::{
    contracts::{EventKind, MessageRoot, MessageRootEvent},
    primitives::{Address, BatchNumber, Hash, SlBlock},
    proof::CheckedBy,
    state::StorageReader,
};

/// The chain root in a `NewChainRoot` event that follows an append.
struct EmittedChainRoot {
    place: EventPlace,
    batch: BatchNumber,
    batches: u64,
    root: Hash,
}

impl Forest {
    /// Compares the trees with events, which may cover only a part of the history. Every batch root and every
    /// chain root in an event must be that of the trees. Events of batches after the newest interop root are
    /// not compared. If at least one batch was compared, [`Forest::checked_by`] includes
    /// [`CheckedBy::EVENTS`] afterwards.
    ///
    /// # Errors
    /// [`EventsError`] for the first event of a chain that differs.
    pub fn compared_with(mut self, events: &[MessageRootEvent]) -> Result<Self, EventsError> {
        let mut emitted: BTreeMap<u64, Vec<EmittedChainRoot>> = BTreeMap::new();
        // By chain index: the last append, as long as no chain root follows it.
        let mut appended: BTreeMap<u64, (u64, BatchNumber)> = BTreeMap::new();
        let mut compared = false;
        EventsError::check_places(events)?;
        for event in events {
            let place = EventPlace::of(event);
            match event.kind {
                EventKind::AddedChain(chain, index) => {
                    let registered = self.chain(chain).map(ChainTree::index);
                    if registered.is_none_or(|known| known != index)
                        && (registered.is_some() || index < self.chains().len() as u64)
                    {
                        return Err(EventsError::OtherRegistration { place, chain, index });
                    }
                }
                EventKind::AppendedBatch(chain, batch, Some(root)) => {
                    let tree = self.chain(chain);
                    tree.map(|tree| appended.remove(&tree.index()));
                    let found = tree.and_then(|tree| Some((tree, tree.find(batch)?)));
                    let Some((tree, (leaf, stored))) = found else {
                        // The newest interop root contains all that was appended up to its block.
                        match self.latest() {
                            Some(latest) if event.block <= latest.block => {
                                return Err(EventsError::NotInState { place, chain, batch });
                            }
                            _ => continue,
                        }
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
                    compared = true;
                    appended.insert(tree.index(), (leaf + 1, batch));
                }
                EventKind::NewChainRoot(chain, Some(root)) => {
                    let Some(tree) = self.chain(chain) else { continue };
                    let Some((batches, batch)) = appended.remove(&tree.index()) else { continue };
                    let root = EmittedChainRoot { place, batch, batches, root };
                    emitted.entry(tree.index()).or_default().push(root);
                }
                EventKind::NewInteropRoot(Some(data)) if data.sl_chain != self.sl_chain() => {
                    let expected = self.sl_chain();
                    let emitted = data.sl_chain;
                    return Err(EventsError::OtherSettlementLayer { place, emitted, expected });
                }
                EventKind::NewInteropRoot(Some(data)) if data.block != place.block => {
                    return Err(EventsError::OtherBlock { place, emitted: data.block });
                }
                _ => {}
            }
        }
        for (index, roots) in emitted {
            let tree = &self.chains()[index as usize];
            let counts: Vec<u64> = roots.iter().map(|root| root.batches).collect();
            let rebuilt = tree.tree().prefix_roots(&counts);
            let rebuilt = rebuilt.unwrap_or_else(|| unreachable!("the batches are in the tree"));
            let differing = roots.iter().zip(&rebuilt).position(|(a, b)| a.root != *b);
            if let Some(at) = differing {
                let EmittedChainRoot { place, batch, root, .. } = roots[at];
                return Err(EventsError::ChainRoot {
                    place,
                    chain: tree.chain(),
                    batch,
                    emitted: root,
                    rebuilt: rebuilt[at],
                    before: at.checked_sub(1).map(|before| roots[before].place),
                });
            }
        }
        if compared {
            self.checked_by = self.checked_by.and(CheckedBy::EVENTS);
        }
        Ok(self)
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
    events: &[MessageRootEvent],
) -> Result<(), RebuildError> {
    let message_root = MessageRoot::at(state, message_root);
    let last_block = events.last().map(|event| event.block);
    for block in events.chunk_by(|one, other| one.block == other.block) {
        let is_change = |event: &&MessageRootEvent| {
            matches!(event.kind, EventKind::AppendedBatch(..) | EventKind::NewInteropRoot(_))
        };
        let Some(event) = block.iter().rev().find(is_change) else { continue };
        let EventKind::NewInteropRoot(Some(data)) = event.kind else { continue };
        if Some(event.block) == last_block {
            continue;
        }
        let stored = message_root.historical_root(event.block).map_err(RebuildError::State)?;
        let is_expected = newest.is_some_and(|newest| event.block <= newest);
        if stored != data.root && (is_expected || !stored.is_zero()) {
            let (place, emitted) = (EventPlace::of(event), data.root);
            return Err(EventsError::StoredRoot { place, emitted, stored }.into());
        }
    }
    Ok(())
}
