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

/// How many trees are padded at once.
const CHUNK: usize = 1 << 10;

/// A tree to build, and where to store its nodes.
#[derive(Debug)]
pub struct TreeJob<'n, L> {
    /// The leaves of the tree.
    pub leaves: L,
    /// Where to store the hashes of the leaves, one entry each; `None` when they are not stored.
    pub bottom: Option<&'n mut [Hash]>,
    /// Where to store the levels above them, back to back up to the root: [`Tree::above_count`] entries.
    pub above: &'n mut [Hash],
}

/// Builds many trees as [`build_into`](super::build_into) builds one, on all threads of the current rayon
/// pool. Trees smaller than a block are hashed in groups, level by level: nodes that do not fill all lanes of
/// the processor are hashed together with nodes of other trees. So many small trees take no longer than one
/// large tree.
///
/// # Panics
/// When the slices of a [`TreeJob`] do not have the lengths that it documents.
pub fn build_all_into<const LEN: usize, L: Leaves<LEN> + Send>(
    trees: Vec<TreeJob<'_, L>>,
    zeros: &Zeros,
) {
    let (large, small): (Vec<_>, Vec<_>) =
        trees.into_iter().partition(|tree| tree.leaves.count() > BLOCK);
    let mut groups: Vec<Vec<TreeJob<'_, L>>> = Vec::new();
    let mut leaves = BLOCK;
    for tree in small {
        // A tree without leaves counts as one leaf, because it costs some time too.
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

/// The state of one tree in a group that is built level by level.
struct PathFold<'n> {
    /// The last level that was filled.
    nodes: &'n mut [Hash],
    /// The levels above it.
    above: &'n mut [Hash],
    /// How many of `nodes` were hashed separately. The rest is hashed together with nodes of other trees.
    placed: usize,
}

/// Hashes the trees of a group level by level.
fn build_group<const LEN: usize, L: Leaves<LEN>>(trees: Vec<TreeJob<'_, L>>, zeros: &Zeros) {
    let unkept = trees.iter().filter(|tree| tree.bottom.is_none());
    let mut buffer = vec![Hash::ZERO; unkept.map(|tree| tree.leaves.count()).sum()];
    let mut buffer = buffer.as_mut_slice();
    let mut folds = Vec::with_capacity(trees.len());
    let mut inputs = Vec::new();
    for TreeJob { leaves, bottom, above } in trees {
        let count = leaves.count();
        let nodes = bottom.unwrap_or_else(|| {
            let (own, rest) = mem::take(&mut buffer).split_at_mut(count);
            buffer = rest;
            own
        });
        assert_eq!(nodes.len(), count, "one hash for every leaf");
        assert_eq!(above.len() as u64, Tree::above_count(count as u64), "the nodes above");
        let placed = full_lanes(count);
        leaves.hash(0, &mut nodes[..placed]);
        inputs.extend((placed..count).map(|index| leaves.input(index)));
        folds.push(PathFold { nodes, above, placed });
    }
    let mut hashes = vec![Hash::ZERO; inputs.len()];
    hash_many(&inputs, &mut hashes);
    place(&mut folds, &hashes);

    let mut pairs = Vec::with_capacity(2 * hashes.len());
    for level in 0.. {
        folds.retain(|fold| fold.nodes.len() > 1);
        if folds.is_empty() {
            return;
        }
        pairs.clear();
        for fold in &mut folds {
            let children = mem::take(&mut fold.nodes);
            let above = mem::take(&mut fold.above);
            let (parents, above) = above.split_at_mut(children.len().div_ceil(2));
            let placed = full_lanes(children.len() / 2);
            let (filling, rest) = children.split_at(2 * placed);
            hash_pairs(filling, &mut parents[..placed]);
            pairs.extend_from_slice(rest);
            if !rest.len().is_multiple_of(2) {
                pairs.push(zeros.at(level));
            }
            *fold = PathFold { nodes: parents, above, placed };
        }
        hashes.resize(pairs.len() / 2, Hash::ZERO);
        hash_pairs(&pairs, &mut hashes);
        place(&mut folds, &hashes);
    }
}

/// Copies the hashes of a group to their trees.
fn place(folds: &mut [PathFold<'_>], mut hashes: &[Hash]) {
    for fold in folds {
        let nodes = &mut fold.nodes[fold.placed..];
        let (own, rest) = hashes.split_at(nodes.len());
        nodes.copy_from_slice(own);
        hashes = rest;
    }
}

/// The roots of many trees that are padded to one height, as [`Tree::root_at`] returns. They are hashed
/// together, on all threads of the current rayon pool. All trees must have equal [`Zeros`].
///
/// # Panics
/// When a tree is higher than `height`.
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
        // The trees that end below this level: their root is the left child of the next node.
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
