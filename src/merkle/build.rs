use std::{iter, mem};

use super::{LeafHashes, Tree, Zeros, height, level_len, parallel::*};
use crate::{
    keccak::{Backend, hash_pairs},
    primitives::Hash,
};

/// The number of levels in a block, which is hashed in one go: from the inputs of 2^11 leaves up to one node.
/// A block reads and writes about 200 KiB, which fits a core's second-level cache.
const BLOCK_LEVELS: usize = 11;

/// The number of leaves in a block.
pub(super) const BLOCK: usize = 1 << BLOCK_LEVELS;

/// Hashes the leaves and every level above them into `nodes`, on all threads of the current rayon pool.
/// Levels are stored back to back, the leaves first. Every node is written once, and read again only while it
/// is in the cache.
///
/// # Panics
/// When the length of `nodes` is not [`Tree::node_count`].
pub fn build_into(nodes: &mut [Hash], leaves: &impl LeafHashes, zeros: &Zeros) {
    let count = leaves.count();
    assert_eq!(nodes.len() as u64, Tree::node_count(count as u64), "exactly the nodes of the tree");
    let (bottom, above) = nodes.split_at_mut(count);
    build_apart(bottom, above, leaves, zeros);
}

/// As [`build_into`], with the leaves' hashes and the levels above them in separate slices.
pub(super) fn build_apart(
    bottom: &mut [Hash],
    above: &mut [Hash],
    leaves: &impl LeafHashes,
    zeros: &Zeros,
) {
    in_blocks(bottom, above, zeros, |first, out| leaves.hash(first, out));
}

/// As [`build_into`], for `count` leaf hashes that are already at the start of `nodes`.
///
/// # Panics
/// When the length of `nodes` is not [`Tree::node_count`].
pub fn build_on(nodes: &mut [Hash], count: usize, zeros: &Zeros) {
    assert_eq!(nodes.len() as u64, Tree::node_count(count as u64), "exactly the nodes of the tree");
    let (bottom, above) = nodes.split_at_mut(count);
    in_blocks(bottom, above, zeros, |_, _| ());
}

/// As [`build_into`], but the leaves' hashes are not stored: `above` starts with the level above them.
///
/// # Panics
/// When the length of `above` is not [`Tree::above_count`].
pub fn build_above_into(above: &mut [Hash], leaves: &impl LeafHashes, zeros: &Zeros) {
    let count = leaves.count();
    assert_eq!(above.len() as u64, Tree::above_count(count as u64), "exactly the nodes above");
    let build = |bottom: &mut Vec<Hash>, first: usize, block: Vec<&mut [Hash]>| {
        let bottom = &mut bottom[..BLOCK.min(count - first)];
        leaves.hash(first, bottom);
        fold_levels(iter::once(bottom).chain(block), 0, zeros);
    };
    let mut levels: Vec<_> = split(above, count).collect();
    if count <= BLOCK {
        return build(&mut vec![Hash::ZERO; count], 0, levels);
    }
    blocks(&mut levels[..BLOCK_LEVELS]).into_par_iter().enumerate().for_each_init(
        || vec![Hash::ZERO; BLOCK],
        |bottom, (i, block)| build(bottom, i * BLOCK, block),
    );
    finish(&mut levels, zeros);
}

fn in_blocks(
    bottom: &mut [Hash],
    above: &mut [Hash],
    zeros: &Zeros,
    fill: impl Fn(usize, &mut [Hash]) + Sync,
) {
    let count = bottom.len();
    assert_eq!(above.len() as u64, Tree::above_count(count as u64), "exactly the nodes above");
    let mut levels: Vec<_> = split(above, count).collect();
    let build = |first: usize, bottom: &mut [Hash], block: Vec<&mut [Hash]>| {
        fill(first, bottom);
        fold_levels(iter::once(bottom).chain(block), 0, zeros);
    };
    if count <= BLOCK {
        return build(0, bottom, levels);
    }
    let bottoms = bottom.par_chunks_mut(BLOCK).enumerate();
    blocks(&mut levels[..BLOCK_LEVELS])
        .into_par_iter()
        .zip(bottoms)
        .for_each(|(block, (i, bottom))| build(i * BLOCK, bottom, block));
    finish(&mut levels, zeros);
}

/// Fills the levels above the first [`BLOCK_LEVELS`] levels above the leaves.
fn finish(levels: &mut [&mut [Hash]], zeros: &Zeros) {
    for top in (BLOCK_LEVELS - 1..levels.len() - 1).step_by(BLOCK_LEVELS) {
        let end = levels.len().min(top + BLOCK_LEVELS + 1);
        // The first element of `levels` is the level above the leaves.
        let base = top as u32 + 1;
        blocks(&mut levels[top..end])
            .into_par_iter()
            .for_each(|block| fold_levels(block, base, zeros));
    }
}

/// Splits the nodes above the leaves into levels, from the one above the leaves to the root.
fn split(above: &mut [Hash], count: usize) -> impl Iterator<Item = &mut [Hash]> {
    let mut rest = above;
    (1..=height(count as u64)).map(move |level| {
        let len = level_len(count as u64, level) as usize;
        let (this, above) = mem::take(&mut rest).split_at_mut(len);
        rest = above;
        this
    })
}

/// Splits levels into blocks with one node at the top. No node depends on a node of another block.
fn blocks<'n>(levels: &'n mut [&mut [Hash]]) -> Vec<Vec<&'n mut [Hash]>> {
    let top = levels.len() - 1;
    let mut columns: Vec<_> = levels
        .iter_mut()
        .enumerate()
        .map(|(level, nodes)| nodes.chunks_mut(1 << (top - level)))
        .collect();
    // Every level is split into the same number of blocks, so all iterators end together.
    let mut blocks = Vec::with_capacity(columns[top].len());
    while let Some(block) = columns.iter_mut().map(Iterator::next).collect() {
        blocks.push(block);
    }
    blocks
}

/// Fills every level from the level before it.
fn fold_levels<'n>(levels: impl IntoIterator<Item = &'n mut [Hash]>, base: u32, zeros: &Zeros) {
    let mut levels = levels.into_iter();
    let Some(mut children) = levels.next() else { return };
    for (level, parents) in (base..).zip(levels) {
        hash_level(children, parents, zeros.at(level));
        children = parents;
    }
}

fn hash_level(children: &[Hash], parents: &mut [Hash], zero: Hash) {
    if children.len().is_multiple_of(2) {
        return hash_pairs(children, parents);
    }
    // An odd node is hashed together with the last pairs, which would leave lanes idle otherwise.
    let whole = full_lanes(children.len() / 2);
    let (filling, rest) = children.split_at(2 * whole);
    hash_pairs(filling, &mut parents[..whole]);
    let mut pairs = [zero; 2 * MOST_LANES];
    pairs[..rest.len()].copy_from_slice(rest);
    hash_pairs(&pairs[..=rest.len()], &mut parents[whole..]);
}

/// The largest number of lanes of any backend.
const MOST_LANES: usize = 8;

/// How many of `hashes` fill all lanes of the backend. Hashing these together with others gains nothing.
pub(super) fn full_lanes(hashes: usize) -> usize {
    hashes - hashes % Backend::best().lanes().min(MOST_LANES)
}
