use std::{cmp::Ordering, ptr};

use super::{NoSuchLeaf, Tree, height, parallel::*};
use crate::{
    keccak::{hash_node, hash_pairs},
    primitives::Hash,
};

/// How many prefixes are hashed at once.
const CHUNK: usize = 1 << 10;

/// An append-only tree at an earlier time, when it had fewer leaves.
///
/// A subtree that was complete then has the same node now, and everything to the right of it was padding. The
/// nodes between the two are different: the path from the last leaf to the root, at most one node per level.
/// They are computed once, so a prefix costs O(height) hashes, and a path in it costs none.
#[derive(Clone, Debug)]
pub struct Prefix<'a> {
    tree: Tree<'a>,
    leaves: u64,
    /// By level: the node above the last leaf of the prefix.
    edge: Vec<Hash>,
}

impl<'a> Prefix<'a> {
    fn new(tree: Tree<'a>, leaves: u64) -> Option<Self> {
        if leaves > tree.leaves() {
            return None;
        }
        let mut prefix = Self { tree, leaves, edge: Vec::new() };
        if leaves == 0 {
            return Some(prefix);
        }
        prefix.edge.push(tree.node(0, leaves - 1));
        for level in 0..height(leaves) {
            let last = (leaves - 1) >> level;
            let left = prefix.node(level, last & !1);
            let right = prefix.node(level, last | 1);
            prefix.edge.push(hash_node(left, right));
        }
        Some(prefix)
    }

    /// The number of leaves of the prefix.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    fn node(&self, level: u32, index: u64) -> Hash {
        // `leaves` is at least 1 wherever this is called.
        match index.cmp(&((self.leaves - 1) >> level)) {
            Ordering::Less => self.tree.node(level, index),
            Ordering::Equal => self.edge[level as usize],
            Ordering::Greater => self.tree.zeros().at(level),
        }
    }

    /// The root; the empty leaf when there are no leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.last().copied().unwrap_or_else(|| self.tree.zeros().at(0))
    }

    /// The siblings from a leaf up to the root, bottom first.
    ///
    /// # Errors
    /// [`NoSuchLeaf`] when the index is not below the number of leaves.
    pub fn path(&self, index: u64) -> Result<Vec<Hash>, NoSuchLeaf> {
        if index >= self.leaves {
            return Err(NoSuchLeaf { index, leaves: self.leaves });
        }
        Ok((0..height(self.leaves)).map(|level| self.node(level, (index >> level) ^ 1)).collect())
    }
}

impl<'a> Tree<'a> {
    /// The tree as it was with its first `leaves` leaves only; `None` when it has fewer leaves.
    #[must_use]
    pub fn prefix(&self, leaves: u64) -> Option<Prefix<'a>> {
        Prefix::new(*self, leaves)
    }

    /// The paths of leaves in prefixes of the tree, each given as (leaf index, leaves of the prefix). The
    /// result is that of [`Prefix::path`], but the hashes of all paths are computed together.
    ///
    /// # Errors
    /// [`NoSuchLeaf`] when an index is not below the leaves of its prefix, or the tree has fewer leaves.
    pub fn prefix_paths(&self, wanted: &[(u64, u64)]) -> Result<Vec<Vec<Hash>>, NoSuchLeaf> {
        // The path of a leaf uses at most one node on the path of the prefix's last leaf, at the level where
        // the two paths become siblings. Below that level the siblings are complete subtrees. Above it the
        // two paths are the same. So the path of the last leaf is hashed only up to that level, for all
        // prefixes together.
        // For each distinct prefix: the level up to which the path of its last leaf is needed.
        let mut prefixes = Vec::with_capacity(wanted.len());
        for &(index, leaves) in wanted {
            if leaves > self.leaves() || index >= leaves {
                return Err(NoSuchLeaf { index, leaves: leaves.min(self.leaves()) });
            }
            prefixes.push((leaves, join(index, leaves)));
        }
        prefixes.sort_unstable();
        // Keep the highest level for each leaf count.
        prefixes.reverse();
        prefixes.dedup_by_key(|(leaves, _)| *leaves);
        prefixes.reverse();
        let counts: Vec<u64> = prefixes.iter().map(|(leaves, _)| *leaves).collect();
        let most = prefixes.iter().map(|(_, join)| *join).max().unwrap_or(0);
        let mut edges = vec![vec![Hash::ZERO; counts.len()]; most as usize + 1];
        let last: Vec<usize> = counts.iter().map(|leaves| *leaves as usize - 1).collect();
        self.some_nodes(0, &last, &mut edges[0]);
        let mut pairs = Pairs::default();
        let of_this: Vec<_> = counts.iter().map(|leaves| (self, *leaves)).collect();
        for level in 0..most {
            let needed = |i: usize| prefixes[i].1 > level;
            let (below, above) = edges.split_at_mut(level as usize + 1);
            pairs.hash(&of_this, level, &below[level as usize], needed, &mut above[0]);
        }
        let path = |&(index, leaves): &(u64, u64)| {
            let place = counts.partition_point(|count| *count < leaves);
            (0..height(leaves))
                .map(|level| {
                    let (sibling, last) = ((index >> level) ^ 1, (leaves - 1) >> level);
                    match sibling.cmp(&last) {
                        Ordering::Less => self.node(level, sibling),
                        Ordering::Equal => edges[level as usize][place],
                        Ordering::Greater => self.zeros().at(level),
                    }
                })
                .collect()
        };
        Ok(wanted.iter().map(path).collect())
    }

    /// The roots of the tree at earlier leaf counts; see [`prefix_roots`].
    #[must_use]
    pub fn prefix_roots(&self, counts: &[u64]) -> Option<Vec<Hash>> {
        prefix_roots(&counts.iter().map(|leaves| (self, *leaves)).collect::<Vec<_>>())
    }
}

/// The roots of trees at earlier leaf counts, hashed together level by level. Each costs O(height) hashes.
/// For 0 leaves the root is the empty leaf. `None` when a tree has fewer leaves than wanted.
#[must_use]
pub fn prefix_roots(wanted: &[(&Tree<'_>, u64)]) -> Option<Vec<Hash>> {
    if wanted.iter().any(|(tree, leaves)| *leaves > tree.leaves()) {
        return None;
    }
    let mut roots = vec![Hash::ZERO; wanted.len()];
    roots
        .par_chunks_mut(CHUNK)
        .zip(wanted.par_chunks(CHUNK))
        .for_each(|(roots, wanted)| fold_levels(wanted, roots));
    Some(roots)
}

/// The level at which the path of a leaf and that of the last leaf are siblings; 0 for the last leaf.
fn join(index: u64, leaves: u64) -> u32 {
    (index ^ (leaves - 1)).checked_ilog2().unwrap_or(0)
}

fn fold_levels(prefixes: &[(&Tree<'_>, u64)], edges: &mut [Hash]) {
    for ((tree, _), edge) in prefixes.iter().zip(&mut *edges) {
        *edge = tree.zeros().at(0);
    }
    let not_empty: Vec<usize> = (0..prefixes.len()).filter(|i| prefixes[*i].1 > 0).collect();
    for same in of_same_tree(prefixes, &not_empty) {
        let last: Vec<usize> = same.iter().map(|i| prefixes[*i].1 as usize - 1).collect();
        let mut leaves = vec![Hash::ZERO; last.len()];
        prefixes[same[0]].0.some_nodes(0, &last, &mut leaves);
        same.iter().zip(leaves).for_each(|(i, leaf)| edges[*i] = leaf);
    }
    let highest = prefixes.iter().map(|(_, leaves)| height(*leaves)).max().unwrap_or(0);
    let (mut pairs, mut below) = (Pairs::default(), Vec::new());
    for level in 0..highest {
        below.clear();
        below.extend_from_slice(edges);
        pairs.hash(prefixes, level, &below, |i| height(prefixes[i].1) > level, edges);
    }
}

/// Splits indices of prefixes where the tree changes.
fn of_same_tree<'i>(
    prefixes: &[(&Tree<'_>, u64)],
    indices: &'i [usize],
) -> impl Iterator<Item = &'i [usize]> {
    indices.chunk_by(|a, b| ptr::eq(prefixes[*a].0, prefixes[*b].0))
}

/// Buffers to hash the next nodes of many last-leaf paths, reused for every level.
#[derive(Default)]
struct Pairs {
    who: Vec<usize>,
    /// The nodes to the left of these paths: their indices, and the nodes.
    left_of: Vec<usize>,
    lefts: Vec<Hash>,
    pairs: Vec<Hash>,
    parents: Vec<Hash>,
}

impl Pairs {
    /// Hashes the next node of the last-leaf path of every prefix for which it is `needed`.
    fn hash(
        &mut self,
        prefixes: &[(&Tree<'_>, u64)],
        level: u32,
        edges: &[Hash],
        needed: impl Fn(usize) -> bool,
        above: &mut [Hash],
    ) {
        let last = |i: usize| ((prefixes[i].1 - 1) >> level) as usize;
        self.who.clear();
        self.who.extend((0..prefixes.len()).filter(|i| needed(*i)));
        self.lefts.clear();
        for same in of_same_tree(prefixes, &self.who) {
            // A node to the left of the path was complete then, and is the same now.
            let beside = same.iter().map(|i| last(*i)).filter(|last| last % 2 == 1);
            self.left_of.clear();
            self.left_of.extend(beside.map(|last| last - 1));
            let start = self.lefts.len();
            self.lefts.resize(start + self.left_of.len(), Hash::ZERO);
            prefixes[same[0]].0.some_nodes(level, &self.left_of, &mut self.lefts[start..]);
        }
        let mut lefts = self.lefts.iter();
        self.pairs.clear();
        for i in &self.who {
            match last(*i) % 2 {
                1 => self.pairs.extend(lefts.next().copied().into_iter().chain([edges[*i]])),
                _ => self.pairs.extend([edges[*i], prefixes[*i].0.zeros().at(level)]),
            }
        }
        self.parents.resize(self.pairs.len() / 2, Hash::ZERO);
        hash_pairs(&self.pairs, &mut self.parents);
        self.who.iter().zip(&self.parents).for_each(|(i, parent)| above[*i] = *parent);
    }
}
