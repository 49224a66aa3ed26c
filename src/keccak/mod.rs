//! Floor 1: Keccak-256, of one input and of many at once.
//!
//! Rebuilding a tree is nothing but hashing equally long inputs, so the tree code never hashes one
//! node: it hands whole slices to [`hash_many`] and [`hash_pairs`]. A [`Backend`] computes as many
//! of them side by side as the processor has lanes; [`keccak256`] serves the odd single input.
//!
//! This is the Keccak-256 of Ethereum (padding byte `0x01`), not FIPS 202's SHA3-256.

mod portable;

use bytemuck::TransparentWrapper;

use crate::primitives::Hash;

/// The bytes that one application of the permutation absorbs. Inputs of [`hash_many`] are shorter,
/// so that each costs exactly one permutation.
const RATE: usize = 136;

/// One way to compute many hashes at once. Holding a value proves that this processor can run it:
/// only [`Backend::supported`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
}

impl Backend {
    /// Every backend that this processor can run, the widest first. The last is always the
    /// portable one.
    #[must_use]
    pub fn supported() -> Vec<Self> {
        vec![Self(Kind::Portable)]
    }

    /// The backend that [`hash_many`] uses.
    #[must_use]
    pub fn best() -> Self {
        Self(Kind::Portable)
    }

    /// Its name, for reports and benches.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
        }
    }

    /// How many hashes it computes side by side.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self.0 {
            Kind::Portable => 1,
        }
    }

    /// Hashes every input into the output of the same index.
    ///
    /// # Panics
    /// When `inputs` and `out` differ in length; that is a caller's mistake, no input's.
    pub fn hash_many<const LEN: usize>(self, inputs: &[[u8; LEN]], out: &mut [Hash]) {
        const { assert!(LEN < RATE && LEN.is_multiple_of(8)) };
        assert_eq!(inputs.len(), out.len(), "an output for every input");
        match self.0 {
            Kind::Portable => portable::hash_many(inputs, Hash::peel_slice_mut(out)),
        }
    }
}

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

/// Keccak-256 of `left ‖ right`: an inner node.
#[must_use]
pub fn hash_node(left: Hash, right: Hash) -> Hash {
    let mut input = [0; 64];
    input[..32].copy_from_slice(left.as_bytes());
    input[32..].copy_from_slice(right.as_bytes());
    keccak256(&input)
}

/// Hashes every input into the output of the same index, on the calling thread. Inputs have one
/// fixed length that is a multiple of 8 and below 136 bytes: 64 for inner nodes, 88 for logs, 96
/// for batch and chain-id leaves.
///
/// # Panics
/// When `inputs` and `out` differ in length.
pub fn hash_many<const LEN: usize>(inputs: &[[u8; LEN]], out: &mut [Hash]) {
    Backend::best().hash_many(inputs, out);
}

/// Hashes neighbours: `parents[i] = keccak256(nodes[2 i] ‖ nodes[2 i + 1])`. The nodes are read
/// where they lie.
///
/// # Panics
/// When there are not exactly two nodes for every parent.
pub fn hash_pairs(nodes: &[Hash], parents: &mut [Hash]) {
    let (pairs, rest) = Hash::peel_slice(nodes).as_flattened().as_chunks::<64>();
    assert!(rest.is_empty(), "nodes come in pairs");
    hash_many(pairs, parents);
}

/// Hashes leaves of the form `prefix ‖ root ‖ number as uint256`:
/// `out[i] = keccak256(prefix ‖ roots[i] ‖ numbers[i])`, 96 bytes each.
///
/// # Panics
/// When `roots`, `numbers` and `out` differ in length.
pub fn hash_leaves(prefix: &Hash, roots: &[Hash], numbers: &[u64], out: &mut [Hash]) {
    assert_eq!(roots.len(), numbers.len(), "a number for every root");
    let inputs: Vec<[u8; 96]> = roots
        .iter()
        .zip(numbers)
        .map(|(root, number)| {
            let mut input = [0; 96];
            input[..32].copy_from_slice(prefix.as_bytes());
            input[32..64].copy_from_slice(root.as_bytes());
            input[88..].copy_from_slice(&number.to_be_bytes());
            input
        })
        .collect();
    hash_many(&inputs, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const LEN: usize>(backend: Backend) {
        for count in 0..=4 * backend.lanes() + 1 {
            // Painted with a prime period, so that swapped inputs or words show.
            let inputs: Vec<[u8; LEN]> =
                (0..count).map(|i| std::array::from_fn(|j| ((i * LEN + j) % 251) as u8)).collect();
            let mut out = vec![Hash::ZERO; count];
            backend.hash_many(&inputs, &mut out);
            for (input, hash) in inputs.iter().zip(&out) {
                assert_eq!(*hash, keccak256(input), "{} of {LEN} bytes", backend.name());
            }
        }
    }

    #[test]
    fn every_backend_agrees_with_the_single_hash() {
        for backend in Backend::supported() {
            check::<8>(backend);
            check::<64>(backend);
            check::<88>(backend);
            check::<96>(backend);
            check::<128>(backend);
        }
    }

    #[test]
    fn pairs_are_neighbours() {
        let nodes = [keccak256(b"a"), keccak256(b"b"), keccak256(b"c"), keccak256(b"d")];
        let mut parents = [Hash::ZERO; 2];
        hash_pairs(&nodes, &mut parents);
        assert_eq!(parents, [hash_node(nodes[0], nodes[1]), hash_node(nodes[2], nodes[3])]);
    }
}
