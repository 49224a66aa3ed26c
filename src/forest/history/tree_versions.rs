//! A Merkle tree in all its versions.
//!
//! A node changes only if a leaf below it changes. So each node is stored in all its versions, and each
//! version of an inner node refers to the versions of its two children at that time. The size is that of
//! all paths ever rewritten, and reading a path at any time takes one step per level.
//!
//! The versions of a level depend only on those of the level below, so they are hashed in parallel.

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    keccak::hash_pairs,
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
    leaves: Leaves,
    /// The inner levels, bottom first.
    inner: Vec<Level>,
    /// By time: the version of the top node.
    tops: Vec<u32>,
    zeros: &'static Zeros,
}

/// The leaves in all their versions. Versions are numbered over all leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaves {
    /// By leaf: the end of its versions.
    ends: Vec<usize>,
    /// By version: the time at which it begins. Ascending within a leaf.
    since: Vec<u32>,
    /// By version: the leaf.
    nodes: Vec<Hash>,
}

/// An inner level in all its versions.
#[derive(Clone, Debug, Default)]
struct Level {
    /// By version: the versions of its children.
    children: Vec<[u32; 2]>,
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

impl Leaves {
    /// Appends a leaf: its versions, and the times at which they begin.
    pub(super) fn push(&mut self, since: impl Iterator<Item = u32>, nodes: &[Hash]) {
        self.since.extend(since);
        self.nodes.extend_from_slice(nodes);
        self.ends.push(self.nodes.len());
    }

    /// The versions of a leaf, in order. Empty for a leaf that does not exist.
    pub(super) fn of(&self, leaf: u64) -> Range<usize> {
        usize::try_from(leaf).map_or(0..0, |leaf| versions(&self.ends, leaf))
    }

    /// The leaf's hash at this version.
    pub(super) fn node(&self, version: usize) -> Hash {
        self.nodes[version]
    }

    /// The time at which a version begins.
    pub(super) fn since(&self, version: usize) -> u32 {
        self.since[version]
    }

    /// The version of a leaf at a time. `None` if the leaf did not exist.
    pub(super) fn at(&self, leaf: u64, time: u32) -> Option<usize> {
        let range = self.of(leaf);
        let since = &self.since[range.clone()];
        let bounds = (*since.first()?).into()..=(*since.last()?).into();
        let begun =
            sorted::count_below(since, bounds, u64::from(time) + 1, |since| (*since).into());
        Some(range.start + begun.checked_sub(1)?)
    }
}

/// The versions of a node. `ends` holds the end of each node's versions.
fn versions(ends: &[usize], node: usize) -> Range<usize> {
    let start = node.checked_sub(1).map_or(Some(&0), |before| ends.get(before));
    start.zip(ends.get(node)).map_or(0..0, |(start, end)| *start..*end)
}

impl Versions {
    /// Builds the inner levels, for times below `times`.
    pub(super) fn build(leaves: Leaves, times: usize, zeros: &'static Zeros) -> Self {
        let mut inner: Vec<Level> = Vec::new();
        let (mut ends, mut since) = (leaves.ends.clone(), leaves.since.clone());
        while ends.len() > 1 {
            let zero = zeros.at(inner.len() as u32);
            let below = inner.last().map_or(&leaves.nodes, |level| &level.nodes);
            let above = above(below, zero, &ends, &since);
            (ends, since) = (above.ends, above.since);
            inner.push(above.level);
        }
        let mut tops = Vec::with_capacity(times);
        for (since, before) in
            since.into_iter().zip((0..).map(|version: u32| version.checked_sub(1)))
        {
            tops.resize((since as usize).min(times), before.unwrap_or(NONE));
        }
        let last = inner.last().map_or(leaves.nodes.len(), |level| level.nodes.len());
        tops.resize(times, last.checked_sub(1).map_or(NONE, |last| last as u32));
        Self { leaves, inner, tops, zeros }
    }

    /// The leaves.
    pub(super) fn leaves(&self) -> &Leaves {
        &self.leaves
    }

    /// The root of the tree of this height at a time.
    ///
    /// # Panics
    /// If the tree never had this height.
    pub(super) fn root(&self, height: u32, time: u32) -> Hash {
        let mut version = self.tops[time as usize];
        for level in self.inner[height as usize..].iter().rev() {
            version = level.child(version, 0);
        }
        self.node(height, version)
    }

    /// The path from a leaf to the root of the tree of this height at a time. `None` if the leaf did not
    /// exist.
    ///
    /// # Panics
    /// If the tree never had this height.
    pub(super) fn leaf_path(&self, leaf: u64, height: u32, time: u32) -> Option<LeafPath> {
        let mut version = self.tops[time as usize];
        let mut siblings = vec![Hash::ZERO; height as usize];
        for (level, above) in self.inner.iter().enumerate().rev() {
            let (level, side) = (level as u32, (leaf >> level) & 1);
            if level < height {
                siblings[level as usize] = self.node(level, above.child(version, side ^ 1));
            }
            version = above.child(version, side);
        }
        let is_in_tree = leaf.checked_shr(self.inner.len() as u32).unwrap_or(0) == 0;
        (is_in_tree && version != NONE).then_some(LeafPath { version: version as usize, siblings })
    }

    fn node(&self, level: u32, version: u32) -> Hash {
        let nodes = match level.checked_sub(1) {
            None => &self.leaves.nodes,
            Some(inner) => &self.inner[inner as usize].nodes,
        };
        match version {
            NONE => self.zeros.at(level),
            _ => nodes[version as usize],
        }
    }
}

impl Level {
    /// The version of a child at a version of its parent, by side (0 left, 1 right).
    fn child(&self, version: u32, side: u64) -> u32 {
        match version {
            NONE => NONE,
            _ => self.children[version as usize][side as usize],
        }
    }
}

/// A level, with the end of each node's versions and the time at which each version begins.
struct Above {
    level: Level,
    ends: Vec<usize>,
    since: Vec<u32>,
}

/// The level above `below`, in every version.
fn above(below: &[Hash], zero: Hash, ends: &[usize], since: &[u32]) -> Above {
    let mut above = Above { level: Level::default(), ends: Vec::new(), since: Vec::new() };
    let next = |version: usize, end: usize| if version < end { since[version] } else { u32::MAX };
    for left in (0..ends.len()).step_by(2) {
        let (lefts, rights) = (versions(ends, left), versions(ends, left + 1));
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
            above.since.push(first);
            above.level.children.push(now);
        }
        above.ends.push(above.since.len());
    }
    let child = |version: &u32| if *version == NONE { zero } else { below[*version as usize] };
    let Level { children, nodes } = &mut above.level;
    nodes.resize(children.len(), Hash::ZERO);
    children.par_chunks(CHUNK).zip(nodes.par_chunks_mut(CHUNK)).for_each(|(children, nodes)| {
        let pairs: Vec<Hash> = children.as_flattened().iter().map(child).collect();
        hash_pairs(&pairs, nodes);
    });
    above
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
            let mut all = Leaves::default();
            for versions in leaves.values() {
                let nodes: Vec<Hash> = versions.iter().map(|(_, node)| *node).collect();
                all.push(versions.iter().map(|(since, _)| *since), &nodes);
            }
            let versions = Versions::build(all, times.len(), entry_zeros());
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
                    prop_assert_eq!(versions.root(tree.height(), time), tree.root());
                }
            }
        }
    }
}
