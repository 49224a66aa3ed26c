//! The shared tree at every root, ready to be asked.
//!
//! A node of the shared tree changes only when a chain below it does. So each node is kept in all its
//! versions: the indices of the roots at which it changed, and what it was from then on. The whole is
//! as large as the paths that were ever rewritten, and any path at any root is a binary search a level.
//! The versions of a level depend only on those of the level below, so they are hashed side by side.

use std::ops::Range;

use rayon::prelude::*;

use super::{Forest, History, HistoryError, InteropRoot, Step};
use crate::{
    forest::{chain_id_leaf, entry_zeros},
    keccak::hash_pairs,
    merkle::{Levels, height},
    primitives::{Hash, SlBlock},
};

/// After how many roots that fit no number of chains no more are tried: the events are of another
/// layer.
const MOST_MISFITS: u32 = 1 << 8;

/// How many nodes are hashed in one go.
const PIECE: usize = 1 << 10;

/// A root of a [`Timeline`] that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(u32);

/// The shared tree and the chain trees' lengths at every explained root.
#[derive(Clone, Debug)]
pub struct Timeline {
    history: History,
    /// The nodes of the shared tree, bottom level first.
    levels: Vec<Versions>,
    /// By version of a leaf: how many batches the chain had.
    counts: Vec<u64>,
}

/// The nodes of one level in all their versions.
#[derive(Clone, Debug, Default)]
struct Versions {
    /// By node: where its versions end.
    ends: Vec<usize>,
    /// By version: the index of the first root that has it. Ascending within a node.
    since: Vec<u32>,
    /// By version: the node.
    nodes: Vec<Hash>,
}

impl Versions {
    /// The versions of a node; none of one that there never was.
    fn range(&self, node: usize) -> Range<usize> {
        let start = node.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        match (start, self.ends.get(node)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    /// The version of a node at a root.
    fn at(&self, node: usize, at: u32) -> Option<usize> {
        let range = self.range(node);
        let newer = self.since[range.clone()].partition_point(|since| *since <= at);
        newer.checked_sub(1).map(|last| range.start + last)
    }
}

impl Timeline {
    /// Rebuilds the shared tree of every explained root and compares it with the root.
    ///
    /// # Errors
    /// [`HistoryError`] when the columns do not belong to the forest, or a root differs.
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

    /// Rebuilds the shared tree of every explained root. Returns the indices of the roots that
    /// differ from what the history says.
    pub(super) fn replay(
        forest: &Forest,
        history: History,
    ) -> Result<(Self, Vec<usize>), HistoryError> {
        history.check(forest)?;
        let (leaves, counts) = leaves(forest, &history);
        let mut levels = vec![leaves];
        for level in 0..forest.shared().height() {
            let above = above(&levels[level as usize], entry_zeros().at(level));
            levels.push(above);
        }
        let timeline = Self { history, levels, counts };
        let explained = (0..timeline.history.len()).filter(|i| timeline.history.chains[*i] > 0);
        let differing =
            explained.filter(|i| timeline.rebuilt(*i) != timeline.history.roots[*i]).collect();
        Ok((timeline, differing))
    }

    fn rebuilt(&self, root: usize) -> Hash {
        let height = height(self.history.chains[root].into());
        self.node(height, 0, At(root as u32))
    }

    fn node(&self, level: u32, index: u64, at: At) -> Hash {
        self.levels
            .get(level as usize)
            .and_then(|versions| Some(versions.nodes[versions.at(index as usize, at.0)?]))
            .unwrap_or_else(|| entry_zeros().at(level))
    }

    /// The history as columns.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What a root contains.
    #[must_use]
    pub fn root(&self, at: At) -> InteropRoot {
        self.history.root(at.0 as usize)
    }

    /// The root of a block; `None` when it has none, or an unexplained one.
    #[must_use]
    pub fn at(&self, block: SlBlock) -> Option<At> {
        let index = self.history.blocks.binary_search(&block).ok()?;
        (self.history.chains[index] > 0).then_some(At(index as u32))
    }

    /// The newest explained root up to the end of a block.
    #[must_use]
    pub fn newest(&self, block: SlBlock) -> Option<At> {
        let end = self.history.blocks.partition_point(|other| *other <= block);
        let index = self.history.chains[..end].iter().rposition(|chains| *chains > 0)?;
        Some(At(index as u32))
    }

    /// How many batches the chain with this index had; `None` when it was not registered.
    #[must_use]
    pub fn batches(&self, chain: u64, at: At) -> Option<u64> {
        let version = self.levels[0].at(usize::try_from(chain).ok()?, at.0)?;
        (chain < self.root(at).chains).then_some(self.counts[version])
    }

    /// The first root that contains a leaf of the chain with this index; `None` when none does, or when it
    /// may be one that is not explained.
    #[must_use]
    pub fn first(&self, chain: u64, leaf: u64) -> Option<At> {
        let at = self.first_explained(chain, leaf)?;
        let before = at.0.checked_sub(1).map(|before| self.history.chains[before as usize]);
        (before != Some(0)).then_some(at)
    }

    /// The first explained root that contains a leaf of the chain with this index.
    #[must_use]
    pub fn first_explained(&self, chain: u64, leaf: u64) -> Option<At> {
        let range = self.levels[0].range(usize::try_from(chain).ok()?);
        let version =
            range.start + self.counts[range.clone()].partition_point(|batches| *batches <= leaf);
        (version < range.end).then(|| At(self.levels[0].since[version]))
    }

    /// The siblings in the shared tree from a chain's leaf up to the root, bottom first; `None` when
    /// the chain was not registered.
    #[must_use]
    pub fn shared_path(&self, chain: u64, at: At) -> Option<Vec<Hash>> {
        let chains = self.root(at).chains;
        (chain < chains).then(|| {
            (0..height(chains)).map(|level| self.node(level, (chain >> level) ^ 1, at)).collect()
        })
    }

    /// The explained root that follows.
    #[must_use]
    pub fn after(&self, at: At) -> Option<At> {
        let rest = self.history.chains.iter().enumerate().skip(at.0 as usize + 1);
        rest.filter(|(_, chains)| **chains > 0).map(|(index, _)| At(index as u32)).next()
    }

    /// The shared tree at a root, had more chains been registered by then. `None` when there are not
    /// so many, or were more.
    #[must_use]
    pub fn tree_over(&self, forest: &Forest, chains: u64, at: At) -> Option<Levels> {
        let then = self.root(at).chains;
        let new = forest.chains().get(then as usize..usize::try_from(chains).ok()?)?;
        let new = new.iter().map(|tree| chain_id_leaf(Hash::ZERO, tree.chain()));
        let leaves = (0..then).map(|chain| self.node(0, chain, at)).chain(new).collect();
        Some(Levels::build(leaves, entry_zeros()))
    }

    /// The history with the number of chains corrected where the root is that of more chains than the
    /// history knows of: registrations leave no trace among the batches.
    pub(super) fn with_chains_counted(&self, forest: &Forest, roots: &[usize]) -> History {
        let mut history = self.history.clone();
        let (mut chains, mut misfits) = (0, 0);
        for index in 0..history.len() {
            let known = u64::from(history.chains[index]);
            if known == 0 {
                continue;
            }
            if chains > known || roots.binary_search(&index).is_ok() {
                let at = At(index as u32);
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

    /// The history without the explanations of some roots: what changed up to them is counted to the
    /// next explained one.
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
        History::new(self.history.blocks.clone(), self.history.roots.clone(), steps)
    }
}

/// The chain-id leaves in all their versions, and the batches of each.
fn leaves(forest: &Forest, history: &History) -> (Versions, Vec<u64>) {
    let mut changes: Vec<Vec<(u32, u64)>> = vec![Vec::new(); forest.chains().len()];
    let mut registered = 0;
    for root in 0..history.len() {
        let chains = history.chains[root];
        for change in changes.iter_mut().take(chains as usize).skip(registered as usize) {
            change.push((root as u32, 0));
        }
        registered = registered.max(chains);
        for (chain, batches) in history.advances(root) {
            let change = &mut changes[chain as usize];
            let before = change.last().map_or((root as u32, 0), |last| *last);
            if before.0 == root as u32 {
                change.pop();
            }
            change.push((root as u32, before.1 + batches));
        }
    }
    let mut versions = Versions::default();
    let mut all = Vec::new();
    for (tree, changes) in forest.chains().iter().zip(changes) {
        let counts: Vec<u64> = changes.iter().map(|(_, batches)| *batches).collect();
        versions.since.extend(changes.iter().map(|(root, _)| *root));
        versions.nodes.extend(tree.leaves_after(&counts));
        versions.ends.push(versions.since.len());
        all.extend(counts);
    }
    (versions, all)
}

/// The level above one, every version of it.
fn above(below: &Versions, zero: Hash) -> Versions {
    let mut versions = Versions::default();
    let mut children = Vec::new();
    for left in (0..below.ends.len()).step_by(2) {
        let (lefts, rights) = (below.range(left), below.range(left + 1));
        let (mut l, mut r) = (lefts.start, rights.start);
        let (mut left_node, mut right_node) = (zero, zero);
        while l < lefts.end || r < rights.end {
            let next = |at: usize, end: usize| if at < end { below.since[at] } else { u32::MAX };
            let since = next(l, lefts.end).min(next(r, rights.end));
            if next(l, lefts.end) == since {
                left_node = below.nodes[l];
                l += 1;
            }
            if r < rights.end && below.since[r] == since {
                right_node = below.nodes[r];
                r += 1;
            }
            versions.since.push(since);
            children.push(left_node);
            children.push(right_node);
        }
        versions.ends.push(versions.since.len());
    }
    versions.nodes = vec![Hash::ZERO; versions.since.len()];
    children
        .par_chunks(2 * PIECE)
        .zip(versions.nodes.par_chunks_mut(PIECE))
        .for_each(|(children, nodes)| hash_pairs(children, nodes));
    versions
}
