//! What the benches share.

use slproof::{keccak::keccak256, primitives::Hash};

/// `count` inputs of `LEN` bytes each, painted with a prime period, so that no two which are
/// hashed side by side are equal.
#[must_use]
pub fn painted<const LEN: usize>(count: usize) -> Vec<[u8; LEN]> {
    (0..count)
        .map(|i| std::array::from_fn(|j| ((i * LEN + j) % 251) as u8))
        .collect()
}

/// One hash over all of these: what a bench compares with the answer it knows.
#[must_use]
pub fn digest(hashes: &[Hash]) -> String {
    let bytes: Vec<_> = hashes.iter().flat_map(Hash::as_bytes).copied().collect();
    keccak256(&bytes).to_string()
}
