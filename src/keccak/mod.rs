//! Keccak-256 of one input and of many inputs at once.
//!
//! Rebuilding a tree hashes many inputs of one length. The tree code therefore passes whole slices to
//! [`hash_many`], [`hash_pairs`] and [`hash_leaves`], and a [`Backend`] hashes as many of them at once as the
//! processor has lanes. [`hash_texts`] does so for messages, which have any length. [`keccak256`] is for single inputs.
//!
//! This is the Keccak-256 of Ethereum (padding byte `0x01`), not FIPS 202's SHA3-256.

mod backend;
mod inputs;
mod portable;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod kernel;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512vl;
#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(test)]
mod tests;

use bytemuck::TransparentWrapper;

pub use backend::Backend;

use crate::primitives::Hash;

/// Keccak-256 of one input of any length.
///
/// ```
/// let empty = slproof::keccak::keccak256(b"");
/// assert_eq!(
///     empty.to_string(),
///     "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
/// );
/// ```
#[must_use]
pub fn keccak256(input: &[u8]) -> Hash {
    Hash::new(portable::hash_one(input))
}

/// The selector of a function: the first four bytes of the hash of its signature, with which its calldata begin.
pub(crate) fn selector(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = *keccak256(signature.as_bytes()).as_bytes();
    [a, b, c, d]
}

/// Keccak-256 of `left ‖ right`: the hash of an inner node.
#[must_use]
pub fn hash_node(left: Hash, right: Hash) -> Hash {
    let mut input = [0; 64];
    input[..32].copy_from_slice(left.as_bytes());
    input[32..].copy_from_slice(right.as_bytes());
    keccak256(&input)
}

/// Hashes every input into the output of the same index, on the calling thread. All inputs have one length,
/// which is a multiple of 8 and below 136 bytes: 64 for inner nodes, 88 for logs, 96 for batch leaves and
/// chain-id leaves.
///
/// # Panics
/// When `inputs` and `out` differ in length.
pub fn hash_many<const LEN: usize>(inputs: &[[u8; LEN]], out: &mut [Hash]) {
    Backend::best().hash_many(inputs, out);
}

/// Hashes pairs of neighbours without copying them: `parents[i] = keccak256(nodes[2 i] ‖ nodes[2 i + 1])`.
///
/// # Panics
/// When there are not exactly two nodes for every parent.
pub fn hash_pairs(nodes: &[Hash], parents: &mut [Hash]) {
    let (pairs, rest) = Hash::peel_slice(nodes).as_flattened().as_chunks::<64>();
    assert!(rest.is_empty(), "nodes come in pairs");
    hash_many(pairs, parents);
}

/// Hashes leaves: `out[i] = keccak256(prefix ‖ roots[i] ‖ numbers[i])`, the number in 256 bits, big-endian.
/// The preimages are not written to memory.
///
/// # Panics
/// When `roots`, `numbers` and `out` differ in length.
pub fn hash_leaves(prefix: &Hash, roots: &[Hash], numbers: &[u64], out: &mut [Hash]) {
    Backend::best().hash_leaves(prefix, roots, numbers, out);
}

/// Hashes texts of any length into the outputs of the same index, on the calling thread. Those below 136 bytes are
/// hashed many at once.
///
/// # Panics
/// When `texts` and `out` differ in length.
pub fn hash_texts(texts: &[&[u8]], out: &mut [Hash]) {
    Backend::best().hash_texts(texts, out);
}
