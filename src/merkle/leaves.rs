use std::{fmt, slice};

use crate::primitives::Hash;

/// Leaves whose hashes are computed on demand.
pub trait LeafHashes: fmt::Debug + Sync {
    /// The number of leaves.
    fn count(&self) -> usize;

    /// Hashes the leaves from index `first` on, one for every output.
    fn hash(&self, first: usize, out: &mut [Hash]);

    /// Hashes the leaves with these indices, one for every output.
    fn hash_some(&self, numbers: &[usize], out: &mut [Hash]) {
        for (number, out) in numbers.iter().zip(out) {
            self.hash(*number, slice::from_mut(out));
        }
    }
}

/// The leaves of a tree before they are hashed: inputs of `LEN` bytes each.
pub trait Leaves<const LEN: usize>: LeafHashes {
    /// The preimage of the leaf with this index.
    fn input(&self, index: usize) -> [u8; LEN];
}
