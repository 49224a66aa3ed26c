//! The simplest implementation of the trees, to check the fast one against.

use slproof::primitives::Hash;
use tiny_keccak::{Hasher, Keccak};

pub fn node(left: Hash, right: Hash) -> Hash {
    keccak(&[*left.as_bytes(), *right.as_bytes()].concat())
}

pub fn keccak(bytes: &[u8]) -> Hash {
    let mut hasher = Keccak::v256();
    hasher.update(bytes);
    let mut out = [0; 32];
    hasher.finalize(&mut out);
    Hash::new(out)
}

pub fn root(leaves: &[Hash], height: u32, empty: Hash) -> Hash {
    if height == 0 {
        return leaves.first().copied().unwrap_or(empty);
    }
    let (left, right) = leaves.split_at(leaves.len().min(1 << (height - 1)));
    node(root(left, height - 1, empty), root(right, height - 1, empty))
}

pub fn fold(leaf: Hash, index: u64, path: &[Hash]) -> Hash {
    path.iter().enumerate().fold(leaf, |hash, (level, sibling)| {
        if index >> level & 1 == 0 { node(hash, *sibling) } else { node(*sibling, hash) }
    })
}
