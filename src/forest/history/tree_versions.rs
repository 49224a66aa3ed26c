//! A Merkle tree in all its versions.
//!
//! A node changes only if a leaf below it changes. So a level is stored as the versions of each of its nodes,
//! with the time at which each version begins. Only every second level is stored: a node of another level is
//! one hash of two stored nodes. The size is half of that of all paths ever rewritten. Reading a path costs a
//! search in the times of one or two nodes for each level, and a hash for every second level.
//!
//! The versions of a level depend only on those of the level below, so they are hashed in parallel.

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    keccak::{hash_node, hash_pairs},
    merkle::Zeros,
    primitives::{Hash, sorted},
};

/// Nodes hashed at once.
const CHUNK: usize = 1 << 10;

/// The version of a node that does not exist yet: an empty subtree.
const NONE: u32 = u32::MAX;

/// A tree in all its versions. Times are counted from 0.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    /// The levels 0 (the leaves), 2, 4 and so on, up to the top or the level below it.
    levels: Vec<Level>,
    zeros: &'static Zeros,
}

/// The nodes of a level in all their versions. Versions are numbered over all nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// By node: the end of its versions.
    ends: Vec<usize>,
    /// By version: the time at which it begins. Ascending within a node.
    since: Vec<u32>,
    /// By version: the node.
    nodes: Vec<Hash>,
}

/// A leaf and its siblings at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeafPath {
    /// The leaf's version.
    pub(super) version: usize,
    /// The siblings from the leaf to the requested root, bottom first.
    pub(super) siblings: Vec<Hash>,
}

impl Level {
    /// A level of nodes: the end of each node's versions, and by version the time at which it begins and the node.
    pub(super) fn new(ends: Vec<usize>, since: Vec<u32>, nodes: Vec<Hash>) -> Self {
        Self { ends, since, nodes }
    }

    /// The versions of a node, in order. Empty for a node that does not exist.
    pub(super) fn of(&self, node: u64) -> Range<usize> {
        let Ok(node) = usize::try_from(node) else { return 0..0 };
        let start = node.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        start.zip(self.ends.get(node)).map_or(0..0, |(start, end)| *start..*end)
    }

    /// The node's hash at this version.
    pub(super) fn node(&self, version: usize) -> Hash {
        self.nodes[version]
    }

    /// The time at which a version begins.
    pub(super) fn since(&self, version: usize) -> u32 {
        self.since[version]
    }

    /// The version of a node at a time. `None` if the node did not exist.
    pub(super) fn at(&self, node: u64, time: u32) -> Option<usize> {
        let range = self.of(node);
        let since = &self.since[range.clone()];
        let bounds = (*since.first()?).into()..=(*since.last()?).into();
        let begun =
            sorted::count_below(since, bounds, u64::from(time) + 1, |since| (*since).into());
        Some(range.start + begun.checked_sub(1)?)
    }

    /// The level above in every version. `zero` is the node of an empty subtree on this level.
    fn above(&self, zero: Hash) -> Self {
        // A node changes when one of its children does, so there are at most as many versions as below.
        let (mut ends, mut since) = (Vec::new(), Vec::with_capacity(self.since.len()));
        let mut children: Vec<[u32; 2]> = Vec::with_capacity(self.since.len());
        let next =
            |version: usize, end: usize| if version < end { self.since[version] } else { u32::MAX };
        for left in (0..self.ends.len() as u64).step_by(2) {
            let (lefts, rights) = (self.of(left), self.of(left + 1));
            let (mut l, mut r) = (lefts.start, rights.start);
            let mut now = [NONE; 2];
            while l < lefts.end || r < rights.end {
                let first = next(l, lefts.end).min(next(r, rights.end));
                if next(l, lefts.end) == first {
                    now[0] = l as u32;
                    l += 1;
                }
                if next(r, rights.end) == first {
                    now[1] = r as u32;
                    r += 1;
                }
                since.push(first);
                children.push(now);
            }
            ends.push(since.len());
        }
        since.shrink_to_fit();
        let child =
            |version: &u32| if *version == NONE { zero } else { self.nodes[*version as usize] };
        let mut nodes = vec![Hash::ZERO; children.len()];
        children.par_chunks(CHUNK).zip(nodes.par_chunks_mut(CHUNK)).for_each(
            |(children, nodes)| {
                let pairs: Vec<Hash> = children.as_flattened().iter().map(child).collect();
                hash_pairs(&pairs, nodes);
            },
        );
        Self { ends, since, nodes }
    }
}

impl Versions {
    /// Builds the inner levels.
    pub(super) fn build(leaves: Level, zeros: &'static Zeros) -> Self {
        let mut levels = vec![leaves];
        let mut height = 0;
        while let Some(below) = levels.last().filter(|below| below.ends.len() > 2) {
            let above = below.above(zeros.at(height)).above(zeros.at(height + 1));
            levels.push(above);
            height += 2;
        }
        Self { levels, zeros }
    }

    /// The leaves.
    pub(super) fn leaves(&self) -> &Level {
        &self.levels[0]
    }

    /// The roots of trees, each given by its height and the time.
    ///
    /// # Panics
    /// If the tree never had one of these heights.
    pub(super) fn roots(&self, wanted: &[(u32, u32)]) -> Vec<Hash> {
        let mut roots = vec![Hash::ZERO; wanted.len()];
        let chunks = wanted.par_chunks(CHUNK).zip(roots.par_chunks_mut(CHUNK));
        chunks.for_each(|(wanted, roots)| {
            let is_hashed = |height: u32| height % 2 == 1;
            let hashed = wanted.iter().filter(|(height, _)| is_hashed(*height));
            let children = |(height, time): &(u32, u32)| {
                [0, 1].map(|child| self.stored_or_zero(height - 1, child, *time))
            };
            let pairs: Vec<Hash> = hashed.flat_map(children).collect();
            let mut parents = vec![Hash::ZERO; pairs.len() / 2];
            hash_pairs(&pairs, &mut parents);
            let mut parents = parents.into_iter();
            for ((height, time), root) in wanted.iter().zip(roots) {
                let parent = if is_hashed(*height) { parents.next() } else { None };
                *root = parent.unwrap_or_else(|| self.stored_or_zero(*height, 0, *time));
            }
        });
        roots
    }

    /// The path from a leaf to the root of the tree of this height at a time. `None` if the leaf did not
    /// exist.
    ///
    /// # Panics
    /// If the tree never had this height.
    pub(super) fn leaf_path(&self, leaf: u64, height: u32, time: u32) -> Option<LeafPath> {
        let version = self.leaves().at(leaf, time)?;
        let siblings = (0..height).map(|level| self.node(level, (leaf >> level) ^ 1, time));
        Some(LeafPath { version, siblings: siblings.collect() })
    }

    /// A node of any level at a time.
    fn node(&self, level: u32, index: u64, time: u32) -> Hash {
        if level.is_multiple_of(2) {
            return self.stored_or_zero(level, index, time);
        }
        match [2 * index, 2 * index + 1].map(|child| self.stored(level - 1, child, time)) {
            [None, None] => self.zeros.at(level),
            children => {
                let zero = self.zeros.at(level - 1);
                let [left, right] = children.map(|child| child.unwrap_or(zero));
                hash_node(left, right)
            }
        }
    }

    /// A node of a stored level at a time. `None` if it did not exist.
    fn stored(&self, level: u32, index: u64, time: u32) -> Option<Hash> {
        let level = &self.levels[level as usize / 2];
        level.at(index, time).map(|version| level.node(version))
    }

    fn stored_or_zero(&self, level: u32, index: u64, time: u32) -> Hash {
        self.stored(level, index, time).unwrap_or_else(|| self.zeros.at(level))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{forest::entry_zeros, keccak::keccak256, merkle::Levels};

    proptest! {
        /// Compares every past tree with one that is built from its leaves alone.
        #[test]
        fn every_version_is_the_tree_of_its_leaves(
            changes in prop::collection::vec(prop::collection::btree_set(0..11u64, 0..5), 1..30),
        ) {
            // A leaf that does not exist yet, before a later leaf that does, is an empty leaf.
            let mut leaves: BTreeMap<u64, Vec<(u32, Hash)>> = BTreeMap::new();
            let mut times: Vec<Vec<Hash>> = Vec::new();
            let mut now: Vec<Hash> = Vec::new();
            for (time, changed) in changes.iter().enumerate() {
                for leaf in changed {
                    for new in now.len() as u64..*leaf {
                        leaves.entry(new).or_default().push((time as u32, Hash::ZERO));
                        now.push(Hash::ZERO);
                    }
                    let node = keccak256(format!("{leaf} {time}").as_bytes());
                    leaves.entry(*leaf).or_default().push((time as u32, node));
                    match now.get_mut(*leaf as usize) {
                        Some(old) => *old = node,
                        None => now.push(node),
                    }
                }
                times.push(now.clone());
            }
            let mut all = Level::default();
            for (since, node) in leaves.values().flatten() {
                all.since.push(*since);
                all.nodes.push(*node);
            }
            all.ends = leaves.values().scan(0, |end, versions| {
                *end += versions.len();
                Some(*end)
            }).collect();
            let versions = Versions::build(all, entry_zeros());
            for (time, leaves) in (0..).zip(&times) {
                let levels = Levels::build(leaves.clone(), entry_zeros());
                let tree = levels.tree(entry_zeros());
                let most = now.len() as u64;
                for leaf in 0..most + 3 {
                    let way = versions.leaf_path(leaf, tree.height(), time);
                    let expected = tree.path(leaf).ok();
                    prop_assert_eq!(way.as_ref().map(|way| &way.siblings), expected.as_ref());
                    prop_assert_eq!(way.as_ref().map(|way| way.version), versions.leaves().at(leaf, time));
                    if let Some(way) = way {
                        prop_assert_eq!(versions.leaves().node(way.version), tree.node(0, leaf));
                        prop_assert!(versions.leaves().of(leaf).contains(&way.version));
                        prop_assert!(versions.leaves().since(way.version) <= time);
                    }
                }
                if !leaves.is_empty() {
                    prop_assert_eq!(versions.roots(&[(tree.height(), time)]), [tree.root()]);
                }
            }
        }
    }
}
