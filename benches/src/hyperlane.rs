//! The tree of Hyperlane's agents, in which their relayer proves messages against past roots.
//!
//! No crate of it is published: `hyperlane-core` on crates.io is another project. So this is the algorithm of
//! `rust/main/agents/relayer/src/prover/packed.rs` in github.com/hyperlane-xyz/hyperlane-monorepo, written anew, with the same
//! hash function from the same crate (`sha3`). Hyperlane's trees have 2^32 leaves, and the empty leaf is zero.

use std::array;

use sha3::{Digest, Keccak256};
use slproof::primitives::Hash;

/// The height of the tree, and the number of siblings in a path.
pub const HEIGHT: usize = 32;

/// An append-only tree that stores the roots of all complete subtrees. What is not complete is hashed when it is needed.
#[derive(Clone, Debug)]
pub struct AgentTree {
    /// By height: the roots of the complete subtrees, from the left.
    complete: [Vec<Hash>; HEIGHT + 1],
    /// By height: the root of the empty subtree.
    empty: [Hash; HEIGHT + 1],
}

impl Default for AgentTree {
    fn default() -> Self {
        let mut empty = [Hash::ZERO; HEIGHT + 1];
        for height in 0..HEIGHT {
            empty[height + 1] = hash_pair(empty[height], empty[height]);
        }
        Self { complete: array::from_fn(|_| Vec::new()), empty }
    }
}

impl AgentTree {
    /// Appends a leaf and returns the new root. The agents take one leaf from each message, and the root after it.
    pub fn push(&mut self, leaf: Hash) -> Hash {
        let mut node = leaf;
        for subtrees in &mut self.complete {
            subtrees.push(node);
            match subtrees[..] {
                [.., left, right] if subtrees.len().is_multiple_of(2) => {
                    node = hash_pair(left, right)
                }
                _ => break,
            }
        }
        self.root(self.complete[0].len() as u64)
    }

    /// The root of the tree when it had `count` leaves.
    #[must_use]
    pub fn root(&self, count: u64) -> Hash {
        self.node(HEIGHT, 0, count)
    }

    /// The siblings of a leaf, bottom first, in the tree when it had `count` leaves.
    #[must_use]
    pub fn path(&self, leaf: u64, count: u64) -> [Hash; HEIGHT] {
        array::from_fn(|height| self.node(height, (leaf >> height) ^ 1, count))
    }

    /// A node of the tree when it had `count` leaves. At most one of the two nodes below is neither complete nor empty, so this
    /// takes O(height) hashes.
    fn node(&self, height: usize, index: u64, count: u64) -> Hash {
        if index << height >= count {
            return self.empty[height];
        }
        if (index + 1) << height <= count {
            return self.complete[height][index as usize];
        }
        let below = |index| self.node(height - 1, index, count);
        hash_pair(below(2 * index), below(2 * index + 1))
    }
}

fn hash_pair(left: Hash, right: Hash) -> Hash {
    let hasher = Keccak256::new().chain_update(left.as_bytes()).chain_update(right.as_bytes());
    Hash::new(hasher.finalize().into())
}
