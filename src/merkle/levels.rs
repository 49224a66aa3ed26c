use rayon::prelude::*;

use super::{Tree, Zeros, height, level_len};
use crate::{
    keccak::{hash_node, hash_pairs},
    primitives::Hash,
};

/// The height of the blocks that are hashed in one go. A block of 2^10 leaves and everything above
/// them is 64 KiB, which stays in a core's second-level cache while the block climbs.
const BLOCK_HEIGHT: u32 = 10;

/// A tree with all its levels, in one allocation.
#[derive(Clone, Debug)]
pub struct Levels {
    nodes: Vec<Hash>,
    leaves: u64,
}

impl Levels {
    /// Builds every level above the leaves, on all threads of the current rayon pool.
    #[must_use]
    pub fn build(mut leaves: Vec<Hash>, zeros: &Zeros) -> Self {
        let count = leaves.len() as u64;
        leaves.resize(Tree::node_count(count) as usize, Hash::ZERO);
        build_in_place(&mut leaves, count, zeros);
        Self { nodes: leaves, leaves: count }
    }

    /// The tree, borrowed. The padding must be that of [`Levels::build`].
    #[must_use]
    pub fn tree<'a>(&'a self, zeros: &'a Zeros) -> Tree<'a> {
        Tree::new(&self.nodes, self.leaves, zeros)
            .unwrap_or_else(|| unreachable!("built to this size"))
    }
}

/// Fills the levels above `leaves` leaves, which stand at the start of `nodes`, each level directly
/// behind the one below.
///
/// # Panics
/// When `nodes` has not exactly [`Tree::node_count`] entries.
fn build_in_place(nodes: &mut [Hash], leaves: u64, zeros: &Zeros) {
    let height = height(leaves);
    let mut levels = Vec::with_capacity(height as usize + 1);
    let mut rest = nodes;
    for level in 0..=height {
        let (this, above) = rest.split_at_mut(level_len(leaves, level) as usize);
        levels.push(this);
        rest = above;
    }
    assert!(rest.is_empty(), "exactly the nodes of the tree");

    let mut base = 0;
    while base < height {
        let top = height.min(base + BLOCK_HEIGHT);
        climb(&mut levels[base as usize..=top as usize], base, zeros);
        base = top;
    }
}

/// Fills the levels above the first one, cut into blocks that no other block's nodes depend on.
fn climb(levels: &mut [&mut [Hash]], base: u32, zeros: &Zeros) {
    let top = levels.len() - 1;
    let mut columns: Vec<_> = levels
        .iter_mut()
        .enumerate()
        .map(|(level, nodes)| nodes.chunks_mut(1 << (top - level)))
        .collect();
    // Every level falls into the same number of blocks, so the columns end together.
    let mut blocks: Vec<Vec<&mut [Hash]>> = Vec::with_capacity(columns[top].len());
    while let Some(block) = columns.iter_mut().map(Iterator::next).collect() {
        blocks.push(block);
    }
    if let [block] = &mut blocks[..] {
        climb_block(block, base, zeros);
    } else {
        blocks.par_iter_mut().for_each(|block| climb_block(block, base, zeros));
    }
}

fn climb_block(levels: &mut [&mut [Hash]], base: u32, zeros: &Zeros) {
    for level in 0..levels.len() - 1 {
        let (below, above) = levels.split_at_mut(level + 1);
        let (children, parents) = (&*below[level], &mut *above[0]);
        let (paired, odd) = children.split_at(children.len() & !1);
        hash_pairs(paired, &mut parents[..paired.len() / 2]);
        if let ([last], Some(parent)) = (odd, parents.last_mut()) {
            *parent = hash_node(*last, zeros.at(base + level as u32));
        }
    }
}
