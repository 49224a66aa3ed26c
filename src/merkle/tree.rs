use std::borrow::Cow;

use thiserror::Error;

use super::{LeafHashes, Zeros};
use crate::{keccak::hash_node, primitives::Hash};

/// The height of a tree of `leaves` leaves: ⌈log2 leaves⌉, and 0 for zero or one leaf.
#[must_use]
pub const fn height(leaves: u64) -> u32 {
    match leaves {
        0 | 1 => 0,
        n => u64::BITS - (n - 1).leading_zeros(),
    }
}

/// The number of nodes at a level of a tree of `leaves` leaves: ⌈leaves / 2^level⌉.
#[must_use]
pub const fn level_len(leaves: u64, level: u32) -> u64 {
    match leaves {
        0 => 0,
        n => match (n - 1).checked_shr(level) {
            Some(last) => last + 1,
            None => 1,
        },
    }
}

/// The tree does not have the requested leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no leaf {index} in a tree of {leaves} leaves")]
pub struct NoSuchLeaf {
    /// The requested index.
    pub index: u64,
    /// The number of leaves.
    pub leaves: u64,
}

/// A view of a built tree: all levels from the leaves to the root, at any place in memory.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    leaves: u64,
    bottom: LeafLevel<'a>,
    /// The levels above the leaves, back to back.
    above: &'a [Hash],
    zeros: &'a Zeros,
}

/// Where the hashes of the leaves come from.
#[derive(Clone, Copy, Debug)]
enum LeafLevel<'a> {
    Stored(&'a [Hash]),
    Computed(&'a dyn LeafHashes),
}

impl<'a> Tree<'a> {
    /// The total number of nodes of a tree of `leaves` leaves; `u64::MAX` when it does not fit 64 bits.
    #[must_use]
    pub fn node_count(leaves: u64) -> u64 {
        leaves.saturating_add(Self::above_count(leaves))
    }

    /// The number of nodes above the leaves.
    #[must_use]
    pub fn above_count(leaves: u64) -> u64 {
        (1..=height(leaves)).map(|level| level_len(leaves, level)).fold(0, u64::saturating_add)
    }

    /// A view of `nodes`, which holds all levels back to back, level 0 first. `None` when the number of nodes
    /// does not match `leaves`.
    #[must_use]
    pub fn new(nodes: &'a [Hash], leaves: u64, zeros: &'a Zeros) -> Option<Self> {
        let fits = nodes.len() as u64 == Self::node_count(leaves);
        let (bottom, above) = nodes.split_at_checked(usize::try_from(leaves).ok()?)?;
        fits.then_some(Self { leaves, bottom: LeafLevel::Stored(bottom), above, zeros })
    }

    /// A view of the levels above leaves whose hashes are computed on demand. The leaf level, half of all
    /// nodes, need not be stored. `None` when the number of nodes does not match that of the leaves.
    #[must_use]
    pub fn over(leaves: &'a dyn LeafHashes, above: &'a [Hash], zeros: &'a Zeros) -> Option<Self> {
        let count = leaves.count() as u64;
        let fits = above.len() as u64 == Self::above_count(count);
        fits.then_some(Self { leaves: count, bottom: LeafLevel::Computed(leaves), above, zeros })
    }

    /// The number of leaves.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// The height: ⌈log2 leaves⌉.
    #[must_use]
    pub fn height(&self) -> u32 {
        height(self.leaves)
    }

    /// The roots of empty subtrees, used for missing right nodes.
    #[must_use]
    pub fn zeros(&self) -> &'a Zeros {
        self.zeros
    }

    /// The nodes of a level without padding; empty for a level above the root.
    #[must_use]
    pub fn level(&self, level: u32) -> Cow<'a, [Hash]> {
        match (self.stored(level), self.bottom) {
            (None, LeafLevel::Computed(leaves)) => {
                let mut hashes = vec![Hash::ZERO; leaves.count()];
                leaves.hash(0, &mut hashes);
                Cow::Owned(hashes)
            }
            (kept, _) => Cow::Borrowed(kept.unwrap_or_default()),
        }
    }

    /// The nodes of a level; `None` for leaves that are hashed on demand.
    pub(super) fn stored(&self, level: u32) -> Option<&'a [Hash]> {
        if level > self.height() {
            return Some(&[]);
        }
        match (level, self.bottom) {
            (0, LeafLevel::Stored(nodes)) => Some(nodes),
            (0, LeafLevel::Computed(_)) => None,
            _ => {
                let start: u64 = (1..level).map(|below| level_len(self.leaves, below)).sum();
                let end = start + level_len(self.leaves, level);
                // Both are within `above`: its length was checked when the view was created.
                Some(&self.above[start as usize..end as usize])
            }
        }
    }

    /// The nodes with these indices at a level. All of them must exist.
    pub(super) fn some_nodes(&self, level: u32, indices: &[usize], out: &mut [Hash]) {
        match (self.stored(level), self.bottom) {
            (None, LeafLevel::Computed(leaves)) => leaves.hash_some(indices, out),
            (kept, _) => {
                let nodes = kept.unwrap_or_default();
                out.iter_mut().zip(indices).for_each(|(out, index)| *out = nodes[*index]);
            }
        }
    }

    /// The node at this level and index. To the right of the last node it is padding.
    #[must_use]
    pub fn node(&self, level: u32, index: u64) -> Hash {
        let here = usize::try_from(index).ok().filter(|_| level <= self.height());
        let here = here.filter(|_| index < level_len(self.leaves, level));
        let Some(index) = here else { return self.zeros.at(level) };
        match self.stored(level) {
            Some(nodes) => nodes[index],
            None => {
                let mut leaf = [Hash::ZERO];
                self.some_nodes(level, &[index], &mut leaf);
                leaf[0]
            }
        }
    }

    /// The root. Without leaves it is the empty leaf.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.node(self.height(), 0)
    }

    /// The root of the tree when it is padded to a fixed height, as the tree of a batch's logs is.
    ///
    /// # Panics
    /// When `height` is below the height of the tree.
    #[must_use]
    pub fn root_at(&self, height: u32) -> Hash {
        assert!(self.height() <= height, "the tree is higher than it may be padded to");
        (self.height()..height)
            .fold(self.root(), |node, level| hash_node(node, self.zeros.at(level)))
    }

    /// The siblings from a leaf up to the root, bottom first.
    ///
    /// # Errors
    /// [`NoSuchLeaf`] when the index is not below the number of leaves.
    pub fn path(&self, index: u64) -> Result<Vec<Hash>, NoSuchLeaf> {
        self.path_at(index, self.height())
    }

    /// The siblings from a leaf up to the root of the tree padded to a fixed height, bottom first.
    ///
    /// # Errors
    /// [`NoSuchLeaf`] when the index is not below the number of leaves.
    pub fn path_at(&self, index: u64, height: u32) -> Result<Vec<Hash>, NoSuchLeaf> {
        self.siblings(index, height).map(Iterator::collect)
    }

    /// As [`Tree::path_at`], as an iterator.
    ///
    /// # Errors
    /// [`NoSuchLeaf`] when the index is not below the number of leaves.
    pub fn siblings(
        &self,
        index: u64,
        height: u32,
    ) -> Result<impl Iterator<Item = Hash> + use<'a>, NoSuchLeaf> {
        if index >= self.leaves {
            return Err(NoSuchLeaf { index, leaves: self.leaves });
        }
        let (tree, mut start) = (*self, 0);
        Ok((0..height).map(move |level| {
            // Above the root there is only padding.
            let len = if level <= tree.height() { level_len(tree.leaves, level) } else { 0 };
            let sibling = (index >> level) ^ 1;
            if level == 0 || sibling >= len {
                start += if level == 0 { 0 } else { len };
                return tree.node(level, sibling);
            }
            let node = tree.above[(start + sibling) as usize];
            start += len;
            node
        }))
    }

    /// Whether the path of a leaf folds to the root.
    #[must_use]
    pub fn path_is_valid(&self, index: u64) -> bool {
        let Ok(path) = self.path(index) else { return false };
        let folded = (0..).zip(path).fold(self.node(0, index), |node, (level, sibling)| {
            if index >> level & 1 == 0 {
                hash_node(node, sibling)
            } else {
                hash_node(sibling, node)
            }
        });
        folded == self.root()
    }
}
