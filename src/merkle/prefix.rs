use super::{NoSuchLeaf, Tree, height};
use crate::{keccak::hash_node, primitives::Hash};

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
