use std::mem;

use rayon::prelude::*;

use super::{Tree, Zeros, height, level_len};
use crate::{
    keccak::{Backend, hash_pairs},
    primitives::Hash,
};

/// The height of the blocks that are hashed in one go: from the inputs of 2^11 leaves up to the one
/// node above them. What a block reads and writes, some 200 KiB, stays in a core's second-level cache.
const BLOCK_HEIGHT: u32 = 11;

/// How many leaves a block has.
pub(super) const BLOCK: usize = 1 << BLOCK_HEIGHT;

/// The leaves of a tree before they are hashed: inputs of `LEN` bytes each.
pub trait Leaves<const LEN: usize>: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Hashes the leaves from number `first` on, one for every output.
    fn hash(&self, first: usize, out: &mut [Hash]);

    /// What the leaf with this number is the hash of.
    fn input(&self, index: usize) -> [u8; LEN];
}

/// Hashes the leaves and every level above them into `nodes`, each level directly behind the one
/// below, on all threads of the current rayon pool. Every node is written once, and read again only
/// while it is in the cache.
///
/// # Panics
/// When `nodes` has not exactly [`Tree::node_count`] entries.
pub fn build_into<const LEN: usize>(nodes: &mut [Hash], leaves: &impl Leaves<LEN>, zeros: &Zeros) {
    in_blocks(nodes, leaves.count(), zeros, |first, out| leaves.hash(first, out));
}

/// As [`build_into`], for `count` leaves that stand at the start of `nodes` already.
pub(super) fn build_above(nodes: &mut [Hash], count: usize, zeros: &Zeros) {
    in_blocks(nodes, count, zeros, |_, _| ());
}

fn in_blocks(
    nodes: &mut [Hash],
    count: usize,
    zeros: &Zeros,
    fill: impl Fn(usize, &mut [Hash]) + Sync,
) {
    assert_eq!(nodes.len() as u64, Tree::node_count(count as u64), "exactly the nodes of the tree");
    if count <= BLOCK {
        fill(0, &mut nodes[..count]);
        return climb(split(nodes, count), 0, zeros);
    }
    let mut levels: Vec<_> = split(nodes, count).collect();
    let (bottom, height) = (BLOCK_HEIGHT as usize, levels.len() - 1);
    blocks(&mut levels[..=bottom]).into_par_iter().enumerate().for_each(|(i, mut block)| {
        fill(i << bottom, &mut *block[0]);
        climb(block, 0, zeros);
    });
    for base in (bottom..height).step_by(bottom) {
        let levels = &mut levels[base..=height.min(base + bottom)];
        blocks(levels).into_par_iter().for_each(|block| climb(block, base as u32, zeros));
    }
}

/// The levels of a tree, from the leaves to the root.
fn split(nodes: &mut [Hash], count: usize) -> impl Iterator<Item = &mut [Hash]> {
    let mut rest = nodes;
    (0..=height(count as u64)).map(move |level| {
        let len = level_len(count as u64, level) as usize;
        let (this, above) = mem::take(&mut rest).split_at_mut(len);
        rest = above;
        this
    })
}

/// Cuts levels into blocks that no other block's nodes depend on, each with one node at the top.
fn blocks<'n>(levels: &'n mut [&mut [Hash]]) -> Vec<Vec<&'n mut [Hash]>> {
    let top = levels.len() - 1;
    let mut columns: Vec<_> = levels
        .iter_mut()
        .enumerate()
        .map(|(level, nodes)| nodes.chunks_mut(1 << (top - level)))
        .collect();
    // Every level falls into the same number of blocks, so the columns end together.
    let mut blocks = Vec::with_capacity(columns[top].len());
    while let Some(block) = columns.iter_mut().map(Iterator::next).collect() {
        blocks.push(block);
    }
    blocks
}

/// Fills every level from the one before it.
fn climb<'n>(levels: impl IntoIterator<Item = &'n mut [Hash]>, base: u32, zeros: &Zeros) {
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
    // The odd node is hashed beside the last pairs, which leave lanes idle anyway.
    let whole = full_lanes(children.len() / 2);
    let (filling, rest) = children.split_at(2 * whole);
    hash_pairs(filling, &mut parents[..whole]);
    let mut pairs = [zero; 2 * MOST_LANES];
    pairs[..rest.len()].copy_from_slice(rest);
    hash_pairs(&pairs[..=rest.len()], &mut parents[whole..]);
}

/// As many lanes as any backend has.
const MOST_LANES: usize = 8;

/// How many of `hashes` fill the lanes of the backend, so that nothing is gained by hashing them
/// beside others.
pub(super) fn full_lanes(hashes: usize) -> usize {
    hashes - hashes % Backend::best().lanes().min(MOST_LANES)
}
