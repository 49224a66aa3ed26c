//! The shared tree at every explained root, for queries.

use std::ops::{Range, RangeInclusive};

use rayon::prelude::*;

use super::{
    Forest, History, HistoryError, InteropRoot, Step,
    tree_versions::{Leaves, Versions},
};
use crate::{
    forest::{chain_id_leaf, entry_zeros},
    merkle::{Levels, height},
    primitives::{Hash, SlBlock, sorted},
};

/// The number of roots that match no number of chains after which no more are tried: the events are of
/// another settlement layer.
const MOST_MISFITS: u32 = 1 << 8;

/// The number of roots that are compared at once.
const WINDOW: usize = 1 << 16;

/// The index of an explained root in a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RootIndex(u32);

/// The shared tree and the chain trees' lengths at every explained root.
#[derive(Clone, Debug)]
pub struct Timeline {
    history: History,
    /// The versions of the shared tree, by the index of the root.
    shared: Versions,
    /// By leaf version: the number of batches of the chain.
    counts: Vec<u64>,
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
        let (timeline, differing) = Self::replay(forest, history)?;
        match differing.first() {
            None => Ok(timeline),
            Some(&root) => Err(HistoryError::Root {
                block: timeline.history.blocks[root],
                stored: timeline.history.roots[root],
                rebuilt: timeline.rebuilt(root),
            }),
        }
    }

    /// Rebuilds the shared tree of every explained root. Returns the indices of the roots that differ from
    /// the history.
    pub(super) fn replay(
        forest: &Forest,
        history: History,
    ) -> Result<(Self, Vec<usize>), HistoryError> {
        history.check(forest)?;
        let (leaves, counts) = Changes::start(forest).leaves(forest, &history, 0..history.len());
        let shared = Versions::build(leaves, history.len(), entry_zeros());
        let timeline = Self { history, shared, counts };
        let explained = (0..timeline.history.len()).filter(|i| timeline.history.chains[*i] > 0);
        let differing =
            explained.filter(|i| timeline.rebuilt(*i) != timeline.history.roots[*i]).collect();
        Ok((timeline, differing))
    }

    /// The index of the first root that differs from the history, with the rebuilt root. Every root of the
    /// history has a step, and the steps are those of the forest; several roots may have the same block.
    /// Takes little memory for a history of any length.
    pub(in crate::forest) fn first_differing(
        forest: &Forest,
        history: &History,
    ) -> Option<(usize, Hash)> {
        let mut changes = Changes::start(forest);
        (0..history.len()).step_by(WINDOW).find_map(|start| {
            let range = start..history.len().min(start + WINDOW);
            let (leaves, _) = changes.leaves(forest, history, range.clone());
            let shared = Versions::build(leaves, range.len(), entry_zeros());
            range.zip(0..).find_map(|(root, time)| {
                let rebuilt = shared.root(height(history.chains[root].into()), time);
                (rebuilt != history.roots[root]).then_some((root, rebuilt))
            })
        })
    }

    fn rebuilt(&self, root: usize) -> Hash {
        let height = height(self.history.chains[root].into());
        self.shared.root(height, root as u32)
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
        let version = self.shared.leaves().at(chain, at.0)?;
        (chain < self.root(at).chains).then(|| self.counts[version])
    }

    /// The first root that contains a leaf of the chain at this index. `None` if no root does, or if an
    /// unexplained root may be the first.
    #[must_use]
    pub fn first(&self, chain: u64, leaf: u64) -> Option<RootIndex> {
        let at = self.first_explained(chain, leaf)?;
        let before = at.0.checked_sub(1).map(|before| self.history.chains[before as usize]);
        (before != Some(0)).then_some(at)
    }

    /// The first explained root that contains a leaf of the chain at this index.
    #[must_use]
    pub fn first_explained(&self, chain: u64, leaf: u64) -> Option<RootIndex> {
        let range = self.shared.leaves().of(chain);
        let version =
            range.start + self.counts[range.clone()].partition_point(|batches| *batches <= leaf);
        (version < range.end).then(|| RootIndex(self.shared.leaves().since(version)))
    }

    /// The blocks of the roots of which one is the first that contains a leaf of the chain at this index: from the
    /// one after the last explained root without it to the first explained root with it. `None` if no explained root
    /// contains it.
    #[must_use]
    pub fn first_within(&self, chain: u64, leaf: u64) -> Option<RangeInclusive<SlBlock>> {
        let RootIndex(last) = self.first_explained(chain, leaf)?;
        let known = self.history.chains[..last as usize].iter().rposition(|chains| *chains > 0);
        let (first, blocks) = (known.map_or(0, |before| before + 1), &self.history.blocks);
        Some(blocks[first]..=blocks[last as usize])
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
        let way = self.shared.leaf_path(chain, height(chains), at.0).filter(|_| chain < chains)?;
        Some(ChainAt { batches: self.counts[way.version], shared_path: way.siblings })
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
        let then = self.root(at).chains;
        let new = forest.chains().get(then as usize..usize::try_from(chains).ok()?)?;
        let new = new.iter().map(|tree| chain_id_leaf(Hash::ZERO, tree.chain()));
        let leaves = (0..then).map(|chain| self.leaf(chain, at)).chain(new).collect();
        Some(Levels::build(leaves, entry_zeros()))
    }

    fn leaf(&self, chain: u64, at: RootIndex) -> Hash {
        let version = self.shared.leaves().at(chain, at.0);
        version.map_or_else(|| entry_zeros().at(0), |version| self.shared.leaves().node(version))
    }

    /// The history with corrected numbers of chains, for roots that match a tree with more chains than the
    /// history knows. Registrations leave no trace in the batches.
    pub(super) fn with_chains_counted(&self, forest: &Forest, roots: &[usize]) -> History {
        let mut history = self.history.clone();
        let (mut chains, mut misfits) = (0, 0);
        for index in 0..history.len() {
            let known = u64::from(history.chains[index]);
            if known == 0 {
                continue;
            }
            if chains > known || roots.binary_search(&index).is_ok() {
                let at = RootIndex(index as u32);
                let most = if misfits < MOST_MISFITS { forest.chains().len() as u64 } else { 0 };
                let fitting = (chains.max(known)..=most).find(|chains| {
                    let tree = self.tree_over(forest, *chains, at);
                    tree.is_some_and(|tree| tree.tree(entry_zeros()).root() == history.roots[index])
                });
                misfits += u32::from(fitting.is_none());
                chains = fitting.unwrap_or(chains.max(known));
            } else {
                chains = known;
            }
            history.chains[index] = chains as u32;
        }
        history
    }

    /// The history without the explanations of some roots. Their changes are added to those of the next
    /// explained root.
    pub(super) fn without(&self, roots: &[usize]) -> History {
        let mut steps = Vec::with_capacity(self.history.len());
        let mut pending = std::collections::BTreeMap::new();
        for index in 0..self.history.len() {
            for (chain, batches) in self.history.advances(index) {
                *pending.entry(chain).or_insert(0) += batches;
            }
            let chains = self.history.chains[index];
            let explained = chains > 0 && roots.binary_search(&index).is_err();
            steps.push(explained.then(|| Step {
                chains,
                advances: std::mem::take(&mut pending).into_iter().collect(),
            }));
        }
        History::like(&self.history, steps)
    }
}

/// The changes of the chain-id leaves from one root to the next.
struct Changes {
    /// The number of chains at the last root that was read.
    registered: u32,
    /// By chain: the number of batches at that root.
    batches: Vec<u64>,
}

impl Changes {
    fn start(forest: &Forest) -> Self {
        Self { registered: 0, batches: vec![0; forest.chains().len()] }
    }

    /// The chain-id leaves in all versions at the next roots, and the number of batches at each version.
    /// Times are counted from the first of these roots.
    fn leaves(
        &mut self,
        forest: &Forest,
        history: &History,
        roots: Range<usize>,
    ) -> (Leaves, Vec<u64>) {
        let known = self.registered as usize;
        let mut changes: Vec<Vec<(u32, u64)>> = vec![Vec::new(); forest.chains().len()];
        for (changes, batches) in changes.iter_mut().zip(&self.batches).take(known) {
            changes.push((0, *batches));
        }
        for (root, time) in roots.zip(0..) {
            let chains = history.chains[root];
            let new = changes.iter_mut().take(chains as usize).skip(self.registered as usize);
            new.for_each(|changes| changes.push((time, 0)));
            self.registered = self.registered.max(chains);
            for (chain, batches) in history.advances(root) {
                let (changes, count) =
                    (&mut changes[chain as usize], &mut self.batches[chain as usize]);
                *count += batches;
                changes.pop_if(|(since, _)| *since == time);
                changes.push((time, *count));
            }
        }
        let leaves: Vec<_> = forest
            .chains()
            .par_iter()
            .zip(&changes)
            .map(|(tree, changes)| {
                let counts: Vec<u64> = changes.iter().map(|(_, batches)| *batches).collect();
                (tree.leaves_after(&counts), counts)
            })
            .collect();
        let mut all = (Leaves::default(), Vec::new());
        for ((leaves, counts), changes) in leaves.into_iter().zip(changes) {
            all.0.push(changes.iter().map(|(since, _)| *since), &leaves);
            all.1.extend(counts);
        }
        all
    }
}
