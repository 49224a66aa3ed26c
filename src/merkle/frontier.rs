use super::Tree;
use crate::{keccak::hash_node, primitives::Hash};

/// The value that a push tree with the leaves of `tree` must have in `_sides[level]`, below the root: the
/// last complete left node of that level. `None` where the bit of the leaf count is 0: that entry holds an
/// old value and is not part of the tree.
#[must_use]
pub fn live_side(tree: &Tree<'_>, level: u32) -> Option<Hash> {
    let complete = tree.leaves().checked_shr(level)?;
    (complete & 1 == 1).then(|| tree.node(level, complete - 1))
}

/// A push tree in the form in which `DynamicIncrementalMerkle.push` (era-contracts, v26 to v31) stores it:
/// two words per level. A push hashes one path.
///
/// This is the contract's own algorithm. [`Levels`](super::Levels) uses another one, and tests compare the
/// two.
///
/// ```
/// use slproof::{keccak::hash_node, merkle::PushTree, primitives::Hash};
///
/// let (one, other) = (Hash::new([1; 32]), Hash::new([2; 32]));
/// let mut tree = PushTree::new(Hash::ZERO);
/// assert_eq!(tree.push(one), one);
/// assert_eq!(tree.push(other), hash_node(one, other));
/// ```
#[derive(Clone, Debug)]
pub struct PushTree {
    leaves: u64,
    sides: Vec<Hash>,
    zeros: Vec<Hash>,
}

impl PushTree {
    /// A tree without leaves, in the state after the contract's `setup`.
    #[must_use]
    pub fn new(empty_leaf: Hash) -> Self {
        Self { leaves: 0, sides: vec![Hash::ZERO], zeros: vec![empty_leaf] }
    }

    /// Appends a leaf and returns the new root.
    pub fn push(&mut self, leaf: Hash) -> Hash {
        let index = self.leaves;
        self.leaves += 1;
        let mut levels = self.zeros.len() - 1;
        if index == 1 << levels {
            self.grow(levels);
            levels += 1;
        }
        let mut node = leaf;
        let mut side_kept = false;
        for level in 0..levels {
            node = if index >> level & 1 == 0 {
                if !side_kept {
                    self.sides[level] = node;
                    side_kept = true;
                }
                hash_node(node, self.zeros[level])
            } else {
                hash_node(self.sides[level], node)
            };
        }
        self.sides[levels] = node;
        node
    }

    /// Appends many leaves and returns the new root. The result equals that of as many pushes, but takes
    /// about one hash per leaf, because only the last root is computed.
    pub fn extend(&mut self, leaves: &[Hash]) -> Hash {
        let Some((last, others)) = leaves.split_last() else { return self.root() };
        for leaf in others {
            let mut levels = self.zeros.len() - 1;
            if self.leaves == 1 << levels {
                self.grow(levels);
                levels += 1;
            }
            // The number of subtrees that the leaf completes is the number of trailing ones of its index.
            let complete = self.leaves.trailing_ones() as usize;
            let node =
                self.sides[..complete].iter().fold(*leaf, |node, left| hash_node(*left, node));
            self.leaves += 1;
            self.sides[complete.min(levels)] = node;
        }
        self.push(*last)
    }

    fn grow(&mut self, levels: usize) {
        let zero = self.zeros[levels];
        self.zeros.push(hash_node(zero, zero));
        self.sides.push(Hash::ZERO);
    }

    /// `_nextLeafIndex`: the number of leaves.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// `_sides`: the last left node written at each level, and the root in the last entry.
    #[must_use]
    pub fn sides(&self) -> &[Hash] {
        &self.sides
    }

    /// `_zeros`: the roots of empty subtrees by height.
    #[must_use]
    pub fn zeros(&self) -> &[Hash] {
        &self.zeros
    }

    /// The root. Without leaves it is 32 zero bytes, as in the contract.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.sides.last().copied().unwrap_or_default()
    }
}
