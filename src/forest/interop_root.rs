//! Interop roots (`historicalRoot`, by block), and which of them may be the newest one.

use std::collections::BTreeMap;

use super::{BatchNumbers, RebuildError};
use crate::{
    contracts::Layout,
    merkle::Tree,
    primitives::{Hash, SlBlock, Timestamp},
};

/// The root of the shared tree that MessageRoot stored for a block of the settlement layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InteropRoot {
    /// The block.
    pub block: SlBlock,
    /// The root at the end of that block.
    pub root: Hash,
    /// The number of chains in the tree. v26 to v30 register a chain without storing the new root, so
    /// this may be fewer than at the end of the block.
    pub chains: u64,
    /// The timestamp of the block (since v33). `None` for a root that an earlier release stored; no chain can
    /// import it since.
    pub timestamp: Option<Timestamp>,
}

/// The possible values of the newest root: the root of the shared tree over all chains, or over the first of
/// them. Every batch stores the new root, and since v31 every registration does too. So the newest root may
/// lack the last chains if they have no batches, and since v31 it lacks none.
pub(super) struct PresentRoots {
    /// The number of chains by the root of the tree over them.
    chains: BTreeMap<Hash, u64>,
    /// The root over all chains.
    root: Hash,
}

impl PresentRoots {
    pub(super) fn of(layout: Layout, shared: &Tree<'_>, batches: &[BatchNumbers]) -> Self {
        let fewest = match layout {
            Layout::V31 | Layout::V33 => batches.len(),
            Layout::V26 | Layout::V29 => {
                batches.iter().rposition(|batches| !batches.is_empty()).map_or(1, |last| last + 1)
            }
        };
        let counts = fewest as u64..=shared.leaves();
        let chains = counts.filter_map(|count| Some((shared.prefix(count)?.root(), count)));
        Self { chains: chains.collect(), root: shared.root() }
    }

    /// Whether the newest root may be this one.
    pub(super) fn has(&self, root: &Hash) -> bool {
        self.chains.contains_key(root)
    }

    /// The newest root with the number of chains in its tree.
    pub(super) fn identify(
        &self,
        (block, root): (SlBlock, Hash),
    ) -> Result<InteropRoot, RebuildError> {
        let chains = self.chains.get(&root);
        chains
            .map(|chains| InteropRoot { block, root, chains: *chains, timestamp: None })
            .ok_or(RebuildError::InteropRoot { block, stored: root, rebuilt: self.root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{forest::entry_zeros, merkle::Levels, primitives::BatchNumber};

    #[test]
    fn the_newest_root_lacks_only_the_last_chains_and_only_if_they_have_no_batches() {
        let leaves = [1, 2, 3].map(|byte| Hash::new([byte; 32])).to_vec();
        let levels = Levels::build(leaves, entry_zeros());
        let shared = levels.tree(entry_zeros());
        let possible = |layout, batches: [u64; 3]| {
            let numbers = |count| BatchNumbers::new((1..=count).map(BatchNumber)).unwrap();
            let present = PresentRoots::of(layout, &shared, &batches.map(numbers));
            [0, 1, 2, 3].map(|chains| present.has(&shared.prefix(chains).unwrap().root()))
        };
        assert_eq!(possible(Layout::V29, [0, 0, 0]), [false, true, true, true]);
        assert_eq!(possible(Layout::V29, [0, 5, 0]), [false, false, true, true]);
        assert_eq!(possible(Layout::V26, [0, 5, 1]), [false, false, false, true]);
        assert_eq!(possible(Layout::V31, [0, 5, 0]), [false, false, false, true]);
    }
}
