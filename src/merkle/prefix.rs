use rayon::prelude::*;

use super::{NoSuchLeaf, Tree, height};
use crate::{
    keccak::{hash_many, hash_node},
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
    for (edge, count) in edges.iter_mut().zip(counts) {
        *edge = match count.checked_sub(1) {
            Some(last) => tree.node(0, last),
            None => tree.zeros().at(0),
        };
    }
    let highest = counts.iter().map(|count| height(*count)).max().unwrap_or(0);
    let (mut who, mut pairs, mut parents) = (Vec::new(), Vec::new(), Vec::new());
    for level in 0..highest {
        let (nodes, zero) = (tree.level(level), tree.zeros().at(level));
        who.clear();
        pairs.clear();
        for (i, count) in counts.iter().enumerate().filter(|(_, count)| height(**count) > level) {
            let last = (*count - 1) >> level;
            let (left, right) = match last & 1 {
                // A node to the left of the edge was complete then, and is the same now.
                1 => (nodes[(last - 1) as usize], edges[i]),
                _ => (edges[i], zero),
            };
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(left.as_bytes());
            pair[32..].copy_from_slice(right.as_bytes());
            who.push(i);
            pairs.push(pair);
        }
        parents.resize(pairs.len(), Hash::ZERO);
        hash_many(&pairs, &mut parents);
        for (i, parent) in who.iter().zip(&parents) {
            edges[*i] = *parent;
        }
    }
}
