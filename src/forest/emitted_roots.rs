use std::collections::BTreeSet;

use super::{BatchNumbers, EventPlace, EventsError};
use crate::{
    merkle::Tree,
    primitives::{ChainId, Hash},
};

/// Roots that are rebuilt and compared at once.
const CHUNK: usize = 1 << 16;

/// The chain roots in the `NewChainRoot` events of one chain, in columns, in the order of their emission.
#[derive(Debug, Default)]
pub(super) struct EmittedChainRoots {
    places: Vec<EventPlace>,
    /// The number of batches in the chain tree at each root.
    batches: Vec<u64>,
    roots: Vec<Hash>,
    /// The roots whose append is missing.
    unpaired: Vec<(EventPlace, Hash)>,
}

impl EmittedChainRoots {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Appends the root of the tree over this number of batches.
    pub(super) fn push(&mut self, place: EventPlace, batches: u64, root: Hash) {
        self.places.push(place);
        self.batches.push(batches);
        self.roots.push(root);
    }

    /// Appends a root of the tree over an unknown number of batches.
    pub(super) fn push_unpaired(&mut self, place: EventPlace, root: Hash) {
        self.unpaired.push((place, root));
    }

    /// Compares all roots with the chain's tree, which has at least as many batches.
    ///
    /// # Errors
    /// [`EventsError::ChainRoot`] for the first root that differs; [`EventsError::UnknownChainRoot`] for one that the
    /// tree has after no number of batches.
    pub(super) fn compare(
        &self,
        chain: ChainId,
        numbers: &BatchNumbers,
        tree: &Tree<'_>,
    ) -> Result<(), EventsError> {
        for (chunk, counts) in self.batches.chunks(CHUNK).enumerate() {
            let start = chunk * CHUNK;
            let rebuilt = tree.prefix_roots(counts);
            let rebuilt = rebuilt.unwrap_or_else(|| unreachable!("the batches are in the tree"));
            let emitted = &self.roots[start..start + counts.len()];
            let differing = emitted.iter().zip(&rebuilt).position(|(a, b)| a != b);
            if let Some(at) = differing {
                return Err(EventsError::ChainRoot {
                    place: self.places[start + at],
                    chain,
                    batch: numbers.get(counts[at] - 1).unwrap_or_default(),
                    emitted: emitted[at],
                    rebuilt: rebuilt[at],
                    before: (start + at).checked_sub(1).map(|before| self.places[before]),
                });
            }
        }
        let mut unknown: BTreeSet<Hash> = self.unpaired.iter().map(|(_, root)| *root).collect();
        for start in (1..=tree.leaves()).step_by(CHUNK) {
            if unknown.is_empty() {
                break;
            }
            let counts: Vec<u64> = (start..=tree.leaves()).take(CHUNK).collect();
            let rebuilt = tree.prefix_roots(&counts);
            let rebuilt = rebuilt.unwrap_or_else(|| unreachable!("the batches are in the tree"));
            rebuilt.iter().for_each(|root| {
                unknown.remove(root);
            });
        }
        let unpaired = self.unpaired.iter().find(|(_, root)| unknown.contains(root));
        unpaired.map_or(Ok(()), |&(place, emitted)| {
            Err(EventsError::UnknownChainRoot { place, chain, emitted })
        })
    }
}
