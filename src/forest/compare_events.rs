use std::collections::BTreeMap;

use super::{EventPlace, EventsError, Forest};
use crate::{
    contracts::{EventKind, MessageRootEvent},
    primitives::{BatchNumber, Hash},
    proof::CheckedBy,
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
        for event in events {
            let place = EventPlace { block: event.block, log_index: event.log_index };
            match event.kind {
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
