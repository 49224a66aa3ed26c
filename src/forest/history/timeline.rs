//! The shared tree at every explained root, for queries.

use std::ops::RangeInclusive;

use super::{ChainTree, Forest, History, HistoryError, InteropRoot, shared_trees::SharedTrees};
use crate::{
    merkle::{Levels, height},
    primitives::{Hash, SlBlock, sorted},
};

/// The index of an explained root in a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RootIndex(u32);

/// The shared tree and the chain trees' lengths at every explained root.
#[derive(Clone, Debug)]
pub struct Timeline {
    history: History,
    trees: SharedTrees,
}

/// A chain as it was at a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainAt {
    /// The number of batches.
    pub batches: u64,
    /// The siblings in the shared tree from the chain's leaf up to the root, bottom first.
    pub shared_path: Vec<Hash>,
}

impl Timeline {
    /// Rebuilds the shared tree of every explained root and compares it with the root.
    ///
    /// # Errors
    /// [`HistoryError`] if the columns do not match the forest, or a root differs.
    pub fn new(forest: &Forest, history: History) -> Result<Self, HistoryError> {
        history.check(forest)?;
        let trees = SharedTrees::over(forest, &history);
        let differing = trees.differing(&history).next();
        match differing {
            None => Ok(Self { history, trees }),
            Some((root, rebuilt)) => Err(history.other_root(root, rebuilt)),
        }
    }

    /// The history as columns.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history as columns, without the rebuilt trees.
    #[must_use]
    pub fn into_history(self) -> History {
        self.history
    }

    /// The root at this index, with its number of chains.
    #[must_use]
    pub fn root(&self, at: RootIndex) -> InteropRoot {
        self.history.root(at.0 as usize)
    }

    /// The root of a block. `None` if the block has no root or an unexplained one.
    #[must_use]
    pub fn at(&self, block: SlBlock) -> Option<RootIndex> {
        let blocks = &self.history.blocks;
        let bounds = blocks.first()?.0..=blocks.last()?.0;
        let index = sorted::count_below(blocks, bounds, block.0, |block| block.0);
        if blocks.get(index) != Some(&block) {
            return None;
        }
        (self.history.chains[index] > 0).then_some(RootIndex(index as u32))
    }

    /// The newest explained root up to the end of a block.
    #[must_use]
    pub fn newest(&self, block: SlBlock) -> Option<RootIndex> {
        let end = self.history.blocks.partition_point(|other| *other <= block);
        let index = self.history.chains[..end].iter().rposition(|chains| *chains > 0)?;
        Some(RootIndex(index as u32))
    }

    /// The number of batches of the chain at this index. `None` if the chain was not registered.
    #[must_use]
    pub fn batches(&self, chain: u64, at: RootIndex) -> Option<u64> {
        let version = self.trees.versions.leaves().at(chain, at.0)?;
        (chain < self.root(at).chains).then(|| self.trees.counts[version])
    }

    /// The first root that contains a leaf of a chain. `None` if no root does, or if an unexplained root, one that the
    /// state lost, or one of a missing batch of the settlement layer, may be the first.
    #[must_use]
    pub fn first(&self, tree: &ChainTree, leaf: u64) -> Option<RootIndex> {
        if self.history.is_first_lost(tree.index(), leaf) {
            return None;
        }
        let at = self.first_explained(tree.index(), leaf)?;
        let before = at.0.checked_sub(1).map(|before| self.history.root(before as usize));
        let root = self.root(at);
        let is_first = match tree.timestamp(leaf).zip(root.timestamp) {
            // The batch was executed in the block of its first root.
            Some((executed, stored)) => executed == stored,
            None => {
                let after = before.map(|before| before.block.0 + 1);
                self.history.lost == 0 || after == Some(root.block.0)
            }
        };
        (is_first && before.is_none_or(|before| before.chains > 0)).then_some(at)
    }

    /// The first explained root that contains a leaf of the chain at this index.
    #[must_use]
    pub fn first_explained(&self, chain: u64, leaf: u64) -> Option<RootIndex> {
        let leaves = self.trees.versions.leaves();
        let range = leaves.of(chain);
        let counts = &self.trees.counts[range.clone()];
        let version = range.start + counts.partition_point(|batches| *batches <= leaf);
        (version < range.end).then(|| RootIndex(leaves.since(version)))
    }

    /// The blocks of the roots of which one is the first that contains a leaf of the chain at this index: from the
    /// one after the last explained root without it to the first explained root with it. `None` if no explained root
    /// contains it.
    #[must_use]
    pub fn first_within(&self, chain: u64, leaf: u64) -> Option<RangeInclusive<SlBlock>> {
        let RootIndex(last) = self.first_explained(chain, leaf)?;
        let known = self.history.chains[..last as usize].iter().rposition(|chains| *chains > 0);
        let blocks = &self.history.blocks;
        let first = match self.history.lost {
            0 => blocks[known.map_or(0, |before| before + 1)],
            _ => known.map_or(SlBlock(0), |before| SlBlock(blocks[before].0 + 1)),
        };
        Some(first..=blocks[last as usize])
    }

    /// Whether the newest root up to the end of a block is explained, or there is none.
    #[must_use]
    pub fn is_known_at(&self, block: SlBlock) -> bool {
        let end = self.history.blocks.partition_point(|other| *other <= block);
        end.checked_sub(1).is_none_or(|newest| self.history.chains[newest] > 0)
    }

    /// The chain at this index, as it was at a root. `None` if the chain was not registered.
    #[must_use]
    pub fn chain(&self, chain: u64, at: RootIndex) -> Option<ChainAt> {
        let chains = self.root(at).chains;
        let path = self.trees.versions.leaf_path(chain, height(chains), at.0);
        let path = path.filter(|_| chain < chains)?;
        Some(ChainAt { batches: self.trees.counts[path.version], shared_path: path.siblings })
    }

    /// The next explained root.
    #[must_use]
    pub fn after(&self, at: RootIndex) -> Option<RootIndex> {
        let rest = self.history.chains.iter().enumerate().skip(at.0 as usize + 1);
        rest.filter(|(_, chains)| **chains > 0).map(|(index, _)| RootIndex(index as u32)).next()
    }

    /// The root of the shared tree at a root if `chains` chains had been registered by then. `None` if there
    /// are not so many chains, or there were already more.
    #[must_use]
    pub fn tree_over(&self, forest: &Forest, chains: u64, at: RootIndex) -> Option<Levels> {
        self.trees.tree_over(forest, (self.root(at).chains, chains), at.0 as usize)
    }
}
