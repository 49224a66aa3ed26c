use std::collections::BTreeMap;

use super::{EventPlace, EventsError, Forest};
use crate::{
    contracts::{EventKind, MessageRootEvent},
    primitives::{BatchNumber, Hash},
    proof::CheckedBy,
};

/// A chain root that an event names after an append.
struct NamedRoot {
    place: EventPlace,
    batch: BatchNumber,
    batches: u64,
    root: Hash,
}

impl Forest {
    /// Compares the trees with events, which may be of a part of the history. Every batch root and every chain
    /// root that an event names must be that of the trees. Events of batches that the trees do not have yet
    /// are not compared. The returned trees say that they were checked by events too.
    ///
    /// # Errors
    /// [`EventsError`] for the first event of a chain that differs.
    pub fn compared_with(mut self, events: &[MessageRootEvent]) -> Result<Self, EventsError> {
        let mut named: BTreeMap<u64, Vec<NamedRoot>> = BTreeMap::new();
        // By chain index: the last append, as long as no chain root followed it.
        let mut open: BTreeMap<u64, (u64, BatchNumber)> = BTreeMap::new();
        let mut compared = false;
        for event in events {
            let place = EventPlace { block: event.block, log_index: event.log_index };
            match event.kind {
                EventKind::AppendedBatch(chain, batch, Some(root)) => {
                    let Some(tree) = self.chain(chain) else { continue };
                    open.remove(&tree.index());
                    let Some((leaf, stored)) = tree.find(batch) else { continue };
                    if stored != root {
                        return Err(EventsError::BatchRoot {
                            place,
                            chain,
                            batch,
                            named: root,
                            stored,
                        });
                    }
                    compared = true;
                    open.insert(tree.index(), (leaf + 1, batch));
                }
                EventKind::NewChainRoot(chain, Some(root)) => {
                    let Some(tree) = self.chain(chain) else { continue };
                    let Some((batches, batch)) = open.remove(&tree.index()) else { continue };
                    let root = NamedRoot { place, batch, batches, root };
                    named.entry(tree.index()).or_default().push(root);
                }
                _ => {}
            }
        }
        for (index, roots) in named {
            let tree = &self.chains()[index as usize];
            let counts: Vec<u64> = roots.iter().map(|root| root.batches).collect();
            let rebuilt = tree.tree().prefix_roots(&counts);
            let rebuilt = rebuilt.unwrap_or_else(|| unreachable!("the batches are in the tree"));
            let differing = roots.iter().zip(&rebuilt).position(|(a, b)| a.root != *b);
            if let Some(at) = differing {
                let NamedRoot { place, batch, root, .. } = roots[at];
                return Err(EventsError::ChainRoot {
                    place,
                    chain: tree.chain(),
                    batch,
                    named: root,
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
