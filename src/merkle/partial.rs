use super::{Zeros, height};
use crate::{keccak::hash_node, primitives::Hash};

/// An append-only tree of which some leaves or inner nodes are not known. Everything that follows from the known
/// nodes is known too.
///
/// Only complete subtrees are kept: they stay the same when leaves are appended. So the tree also answers for
/// every earlier number of leaves.
#[derive(Clone, Debug)]
pub struct PartialTree {
    zeros: &'static Zeros,
    leaves: u64,
    /// By level: the complete subtrees.
    levels: Vec<Vec<Option<Hash>>>,
}

impl PartialTree {
    /// A tree without leaves.
    #[must_use]
    pub fn new(zeros: &'static Zeros) -> Self {
        Self { zeros, leaves: 0, levels: Vec::new() }
    }

    /// The number of leaves.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Appends a leaf, or one that is not known.
    pub fn push(&mut self, leaf: Option<Hash>) {
        let mut node = leaf;
        for level in 0..=self.leaves.trailing_ones() as usize {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            let left = nodes.last().copied().flatten();
            nodes.push(node);
            node = left.zip(node).map(|(left, right)| hash_node(left, right));
        }
        self.leaves += 1;
    }

    /// Adds the root of a complete subtree. It has no effect if there is no such subtree yet, or if its root is known.
    pub fn learn(&mut self, level: u32, index: u64, node: Hash) {
        let (mut level, mut index, mut node) = (level as usize, index as usize, node);
        while let Some(place @ None) =
            self.levels.get_mut(level).and_then(|nodes| nodes.get_mut(index))
        {
            *place = Some(node);
            let sibling = self.levels[level].get(index ^ 1).copied().flatten();
            let Some(sibling) = sibling else { return };
            node = if index % 2 == 0 { hash_node(node, sibling) } else { hash_node(sibling, node) };
            (level, index) = (level + 1, index / 2);
        }
    }

    /// The root of a complete subtree.
    #[must_use]
    pub fn complete(&self, level: u32, index: u64) -> Option<Hash> {
        self.levels.get(level as usize)?.get(index as usize).copied().flatten()
    }

    /// The node at this level and index when the tree had `leaves` leaves.
    fn node(&self, level: u32, index: u64, leaves: u64) -> Option<Hash> {
        let first = u128::from(index) << level;
        if first >= leaves.into() {
            return Some(self.zeros.at(level));
        }
        if first + (1 << level) <= leaves.into() {
            return self.complete(level, index);
        }
        let left = self.node(level - 1, 2 * index, leaves)?;
        Some(hash_node(left, self.node(level - 1, 2 * index + 1, leaves)?))
    }

    /// The root when the tree had `leaves` leaves. `None` if it is not known.
    #[must_use]
    pub fn root(&self, leaves: u64) -> Option<Hash> {
        self.node(height(leaves), 0, leaves)
    }

    /// As [`PartialTree::root`], if it follows from the nodes below it.
    #[must_use]
    pub fn rebuilt_root(&self, leaves: u64) -> Option<Hash> {
        let Some(below) = height(leaves).checked_sub(1) else { return self.root(leaves) };
        Some(hash_node(self.node(below, 0, leaves)?, self.node(below, 1, leaves)?))
    }

    /// The siblings from a leaf up to the root when the tree had `leaves` leaves, bottom first. `None` if one of
    /// them is not known.
    #[must_use]
    pub fn path(&self, index: u64, leaves: u64) -> Option<Vec<Hash>> {
        (0..height(leaves)).map(|level| self.node(level, (index >> level) ^ 1, leaves)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::{keccak::keccak256, merkle::Levels};

    static ZEROS: LazyLock<Zeros> = LazyLock::new(|| Zeros::above(Hash::new([7; 32])));

    proptest! {
        /// What is known is that of the whole tree. A path is known exactly if no sibling is the root of a subtree
        /// with a lost leaf that was not learned.
        #[test]
        fn what_is_known_is_that_of_the_whole_tree(
            lost in prop::collection::vec(any::<bool>(), 1..40),
            learned in prop::collection::vec((0..4u32, 0..20u64), 0..6),
        ) {
            let leaves: Vec<Hash> = (0..lost.len()).map(|i| keccak256(&[i as u8])).collect();
            let levels = |count: usize| Levels::build(leaves[..count].to_vec(), &ZEROS);
            let mut partial = PartialTree::new(&ZEROS);
            for (leaf, lost) in leaves.iter().zip(&lost) {
                partial.push((!lost).then_some(*leaf));
            }
            let all = levels(leaves.len());
            let is_complete = |level: u32, index: u64| (index + 1) << level <= leaves.len() as u64;
            for (level, index) in &learned {
                let node = if is_complete(*level, *index) { all.tree(&ZEROS).node(*level, *index) } else { Hash::ZERO };
                partial.learn(*level, *index, node);
            }
            // Whether a node follows from what is known, computed from the top.
            fn is_known(lost: &[bool], learned: &[(u32, u64)], level: u32, index: u64, count: u64) -> bool {
                let end = (index + 1) << level;
                index << level >= count
                    || (end <= count && learned.contains(&(level, index)))
                    || match level.checked_sub(1) {
                        None => !lost[index as usize],
                        Some(below) => [2 * index, 2 * index + 1]
                            .into_iter()
                            .all(|child| is_known(lost, learned, below, child, count)),
                    }
            }
            for count in 1..=leaves.len() {
                let (whole, count) = (levels(count), count as u64);
                let (tree, top) = (whole.tree(&ZEROS), height(count));
                let known = |level, index| is_known(&lost, &learned, level, index, count);
                prop_assert_eq!(partial.root(count), known(top, 0).then(|| tree.root()));
                let follows = match top.checked_sub(1) {
                    None => known(0, 0),
                    Some(below) => known(below, 0) && known(below, 1),
                };
                prop_assert_eq!(partial.rebuilt_root(count), follows.then(|| tree.root()));
                for index in 0..count {
                    let is_whole = (0..top).all(|level| known(level, (index >> level) ^ 1));
                    let expected = is_whole.then(|| tree.path(index).unwrap());
                    prop_assert_eq!(partial.path(index, count), expected);
                }
            }
        }
    }
}
