use rayon::prelude::*;

use super::{NoSuchLeaf, Tree, height};
use crate::{
    keccak::{hash_node, hash_pairs},
    primitives::Hash,
};

/// How many prefixes climb side by side.
const PIECE: usize = 1 << 10;

/// An append-only tree as it was when it had fewer leaves.
///
/// Every subtree that was complete then is the same node now, and everything to its right was
/// padding. Only the nodes on the ragged edge between the two differ, one a level at most; they are
/// computed once, so a prefix costs O(height) hashes and a path in it none.
#[derive(Clone, Debug)]
pub struct Prefix<'a> {
    tree: Tree<'a>,
    leaves: u64,
    /// By level: the node above the last leaf of the prefix.
    edge: Vec<Hash>,
}

impl<'a> Prefix<'a> {
    pub(super) fn new(tree: Tree<'a>, leaves: u64) -> Option<Self> {
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
        // `leaves` is at least 1 wherever a node is asked for.
        match index.cmp(&((self.leaves - 1) >> level)) {
            std::cmp::Ordering::Less => self.tree.node(level, index),
            std::cmp::Ordering::Equal => self.edge[level as usize],
            std::cmp::Ordering::Greater => self.tree.zeros().at(level),
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

/// The roots of many prefixes, all climbing together: O(height) hashes each, in wide batches.
pub(super) fn roots(tree: &Tree<'_>, counts: &[u64]) -> Option<Vec<Hash>> {
    if counts.iter().any(|count| *count > tree.leaves()) {
        return None;
    }
    let mut roots = vec![Hash::ZERO; counts.len()];
    roots
        .par_chunks_mut(PIECE)
        .zip(counts.par_chunks(PIECE))
        .for_each(|(roots, counts)| climb(tree, counts, roots));
    Some(roots)
}

fn climb(tree: &Tree<'_>, counts: &[u64], edges: &mut [Hash]) {
    let (mut who, mut leaves): (Vec<_>, Vec<_>) = counts
        .iter()
        .enumerate()
        .filter_map(|(i, count)| Some((i, count.checked_sub(1)? as usize)))
        .unzip();
    let mut hashes = vec![Hash::ZERO; leaves.len()];
    tree.some_leaves(&leaves, &mut hashes);
    edges.fill(tree.zeros().at(0));
    who.iter().zip(&hashes).for_each(|(i, leaf)| edges[*i] = *leaf);

    let highest = counts.iter().map(|count| height(*count)).max().unwrap_or(0);
    let (mut lefts, mut pairs) = (Vec::new(), Vec::new());
    for level in 0..highest {
        let zero = tree.zeros().at(level);
        let climbing = |i: &usize| height(counts[*i]) > level;
        let last = |i: usize| ((counts[i] - 1) >> level) as usize;
        who.retain(climbing);
        // A node to the left of the edge was complete then, and is the same now.
        let left_of_edge = who.iter().map(|i| last(*i)).filter(|last| last % 2 == 1);
        leaves.clear();
        leaves.extend(left_of_edge.map(|last| last - 1));
        lefts.resize(leaves.len(), Hash::ZERO);
        match tree.kept(level) {
            Some(nodes) => {
                lefts.iter_mut().zip(&leaves).for_each(|(left, index)| *left = nodes[*index]);
            }
            None => tree.some_leaves(&leaves, &mut lefts),
        }
        let mut lefts = lefts.iter();
        pairs.clear();
        for i in &who {
            match last(*i) % 2 {
                1 => pairs.extend(lefts.next().copied().into_iter().chain([edges[*i]])),
                _ => pairs.extend([edges[*i], zero]),
            }
        }
        hashes.resize(pairs.len() / 2, Hash::ZERO);
        hash_pairs(&pairs, &mut hashes);
        who.iter().zip(&hashes).for_each(|(i, parent)| edges[*i] = *parent);
    }
}
