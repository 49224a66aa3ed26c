use std::mem;

use super::{
    Leaves, Tree, Zeros,
    build::{BLOCK, build_above_into, build_apart, full_lanes},
    parallel::*,
};
use crate::{
    keccak::{hash_many, hash_pairs},
    primitives::Hash,
};

/// How many trees are padded side by side.
const CHUNK: usize = 1 << 10;

/// A tree that is to be built.
#[derive(Debug)]
pub struct TreeJob<'n, L> {
    /// Its leaves.
    pub leaves: L,
    /// Where the hashes of the leaves go, if they are kept: one entry each.
    pub bottom: Option<&'n mut [Hash]>,
    /// Where the levels above them go, back to back up to the root: [`Tree::above_count`] entries.
    pub above: &'n mut [Hash],
}

/// Builds many trees as [`build_into`](super::build_into) builds one, on all threads of the current rayon pool. Trees
/// smaller than a block are hashed in groups that climb together: what fills no lanes in one tree
/// does beside the others, so that many small trees take no longer than one large one.
///
/// # Panics
/// When there is not exactly the room for a tree that [`TreeJob`] says.
pub fn build_all_into<const LEN: usize, L: Leaves<LEN> + Send>(
    trees: Vec<TreeJob<'_, L>>,
    zeros: &Zeros,
) {
    let (large, small): (Vec<_>, Vec<_>) =
        trees.into_iter().partition(|tree| tree.leaves.count() > BLOCK);
    let mut groups: Vec<Vec<TreeJob<'_, L>>> = Vec::new();
    let mut leaves = BLOCK;
    for tree in small {
        // A tree without leaves costs something too.
        leaves += tree.leaves.count().max(1);
        match groups.last_mut() {
            Some(group) if leaves <= BLOCK => group.push(tree),
            _ => {
                leaves = tree.leaves.count().max(1);
                groups.push(vec![tree]);
            }
        }
    }
    join(
        || {
            let trees = large.into_par_iter();
            trees.for_each(|tree| match tree.bottom {
                None => build_above_into(tree.above, &tree.leaves, zeros),
                Some(bottom) => build_apart(bottom, tree.above, &tree.leaves, zeros),
            });
        },
        || groups.into_par_iter().for_each(|group| build_group(group, zeros)),
    );
}

/// A tree of a group on its way up.
struct PathFold<'n> {
    /// The level that was filled last.
    nodes: &'n mut [Hash],
    /// The levels above it.
    above: &'n mut [Hash],
    /// How many of the nodes were hashed in place. The others are hashed beside those of the group.
    placed: usize,
}

/// Hashes the trees of a group level by level.
fn build_group<const LEN: usize, L: Leaves<LEN>>(trees: Vec<TreeJob<'_, L>>, zeros: &Zeros) {
    let unkept = trees.iter().filter(|tree| tree.bottom.is_none());
    let mut room = vec![Hash::ZERO; unkept.map(|tree| tree.leaves.count()).sum()];
    let mut room = room.as_mut_slice();
    let mut climbers = Vec::with_capacity(trees.len());
    let mut inputs = Vec::new();
    for TreeJob { leaves, bottom, above } in trees {
        let count = leaves.count();
        let nodes = bottom.unwrap_or_else(|| {
            let (own, rest) = mem::take(&mut room).split_at_mut(count);
            room = rest;
            own
        });
        assert_eq!(nodes.len(), count, "room for every leaf");
        assert_eq!(above.len() as u64, Tree::above_count(count as u64), "the nodes above");
        let placed = full_lanes(count);
        leaves.hash(0, &mut nodes[..placed]);
        inputs.extend((placed..count).map(|index| leaves.input(index)));
        climbers.push(PathFold { nodes, above, placed });
    }
    let mut hashes = vec![Hash::ZERO; inputs.len()];
    hash_many(&inputs, &mut hashes);
    place(&mut climbers, &hashes);

    let mut pairs = Vec::with_capacity(2 * hashes.len());
    for level in 0.. {
        climbers.retain(|climber| climber.nodes.len() > 1);
        if climbers.is_empty() {
            return;
        }
        pairs.clear();
        for climber in &mut climbers {
            let children = mem::take(&mut climber.nodes);
            let above = mem::take(&mut climber.above);
            let (parents, above) = above.split_at_mut(children.len().div_ceil(2));
            let placed = full_lanes(children.len() / 2);
            let (filling, rest) = children.split_at(2 * placed);
            hash_pairs(filling, &mut parents[..placed]);
            pairs.extend_from_slice(rest);
            if !rest.len().is_multiple_of(2) {
                pairs.push(zeros.at(level));
            }
            *climber = PathFold { nodes: parents, above, placed };
        }
        hashes.resize(pairs.len() / 2, Hash::ZERO);
        hash_pairs(&pairs, &mut hashes);
        place(&mut climbers, &hashes);
    }
}

/// Puts the hashes of a group where they belong.
fn place(climbers: &mut [PathFold<'_>], mut hashes: &[Hash]) {
    for climber in climbers {
        let nodes = &mut climber.nodes[climber.placed..];
        let (own, rest) = hashes.split_at(nodes.len());
        nodes.copy_from_slice(own);
        hashes = rest;
    }
}

/// The roots of many trees that are padded to one height, as [`Tree::root_at`] gives one; hashed side
/// by side on all threads of the current rayon pool. The trees have equal [`Zeros`].
///
/// # Panics
/// When a tree is higher.
#[must_use]
pub fn roots_at(trees: &[Tree<'_>], height: u32, zeros: &Zeros) -> Vec<Hash> {
    let mut roots: Vec<Hash> = trees.iter().map(Tree::root).collect();
    roots
        .par_chunks_mut(CHUNK)
        .zip(trees.par_chunks(CHUNK))
        .for_each(|(roots, trees)| pad(roots, trees, height, zeros));
    roots
}

fn pad(roots: &mut [Hash], trees: &[Tree<'_>], height: u32, zeros: &Zeros) {
    let (mut pairs, mut hashes) = (Vec::new(), Vec::new());
    for level in 0..height {
        // The trees that end below: what was their root is the left child of the next node.
        let ended = |tree: &Tree<'_>| tree.height() <= level;
        pairs.clear();
        for (root, _) in roots.iter().zip(trees).filter(|(_, tree)| ended(tree)) {
            pairs.extend([*root, zeros.at(level)]);
        }
        hashes.resize(pairs.len() / 2, Hash::ZERO);
        hash_pairs(&pairs, &mut hashes);
        let roots = roots.iter_mut().zip(trees).filter(|(_, tree)| ended(tree));
        for ((root, _), hash) in roots.zip(&hashes) {
            *root = *hash;
        }
    }
}
