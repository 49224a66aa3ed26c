//! The content of a single root, without the search for all others.

use std::{collections::BTreeMap, ops::Range};

use super::{History, HistoryError, Step, search};
use crate::{
    forest::{Forest, SearchBudget},
    primitives::SlBlock,
};

/// The root whose content is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedRoot {
    /// That of a block.
    Of(SlBlock),
    /// The first one that contains a leaf of the chain at an index.
    FirstWith {
        /// The index of the chain in the shared tree.
        chain: u64,
        /// The index of the leaf in the chain's tree.
        leaf: u64,
    },
}

/// Searches for the content of one root, and returns the history as if it were the only one. Only the roots between
/// the explained ones around it are searched, and the result is that of [`explain_further`](super::explain_further).
///
/// `None` if there is no such root or its content is not found, if it cannot be told because the root before it is
/// not explained or lost, or if most roots would be searched: then it is better to search for all of them once.
///
/// # Errors
/// [`HistoryError`] if the columns do not match the forest or one another.
pub fn explain_one(
    forest: &Forest,
    known: &History,
    wanted: WantedRoot,
    effort: SearchBudget,
) -> Result<Option<History>, HistoryError> {
    known.check(forest)?;
    Ok(search_for(forest, known, wanted, effort))
}

fn search_for(
    forest: &Forest,
    known: &History,
    wanted: WantedRoot,
    effort: SearchBudget,
) -> Option<History> {
    let end = match wanted {
        WantedRoot::Of(block) => known.next_explained(known.blocks.binary_search(&block).ok()?),
        WantedRoot::FirstWith { .. } if known.lost > 0 => return None,
        WantedRoot::FirstWith { chain, leaf } if known.is_first_lost(chain, leaf) => return None,
        WantedRoot::FirstWith { chain, leaf } => known.first_explained(chain, leaf)?,
    };
    let gap = known.gap_up_to(end);
    if gap.len() > known.len() / 2 {
        return None;
    }
    let found = search::complete_in(forest, known.clone(), gap, effort);
    let root = match wanted {
        WantedRoot::Of(block) => found.blocks.binary_search(&block).ok()?,
        WantedRoot::FirstWith { chain, leaf } => {
            let root = found.first_explained(chain, leaf)?;
            found.gap_up_to(root).is_empty().then_some(root)?
        }
    };
    found.only(root)
}

impl History {
    /// The first explained root from this one on, or the end.
    fn next_explained(&self, root: usize) -> usize {
        let rest = self.chains[root..].iter().position(|chains| *chains > 0);
        rest.map_or(self.len(), |after| root + after)
    }

    /// The unexplained roots right before this one.
    fn gap_up_to(&self, root: usize) -> Range<usize> {
        let before = self.chains[..root].iter().rposition(|chains| *chains > 0);
        before.map_or(0, |before| before + 1)..root
    }

    /// The first explained root with a leaf of a chain.
    fn first_explained(&self, chain: u64, leaf: u64) -> Option<usize> {
        let mut batches = 0;
        (0..self.len()).find(|root| {
            let own = self.advances(*root).filter(|(advanced, _)| u64::from(*advanced) == chain);
            batches += own.map(|(_, batches)| batches).sum::<u64>();
            batches > leaf
        })
    }

    /// The history as if this root were the only one. `None` if it is not explained.
    fn only(&self, root: usize) -> Option<Self> {
        let mut batches = BTreeMap::new();
        for (chain, more) in (0..=root).flat_map(|root| self.advances(root)) {
            *batches.entry(chain).or_insert(0) += more;
        }
        let chains = self.chains[root];
        let step = Step { chains, advances: batches.into_iter().collect() };
        let (blocks, roots) = (vec![self.blocks[root]], vec![self.roots[root]]);
        let timestamps = self.timestamps.get(root).copied().into_iter().collect();
        (chains > 0).then(|| Self { timestamps, ..Self::new(blocks, roots, vec![Some(step)]) })
    }
}
