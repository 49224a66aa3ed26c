//! slproof measured beside its peers.
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml                      all of it, some fifteen minutes
//! cargo bench --manifest-path benches/Cargo.toml --bench tree         building trees, extracting paths
//! cargo bench --manifest-path benches/Cargo.toml --bench logs         trees of batches' logs
//! cargo bench --manifest-path benches/Cargo.toml --bench keccak       the backends of Keccak
//! ```
//!
//! Every bench compares what it is about to time with an answer that is known from elsewhere: from
//! the contract's own algorithm, from a peer, or a figure written down.
//!
//! Times depend on what else the machine does; instruction counts repeat to the digit. Valgrind knows
//! AVX2, but not AVX-512:
//!
//! ```text
//! cargo build --manifest-path benches/Cargo.toml --release --bin instructions
//! for backend in portable avx2; do
//!     valgrind --tool=callgrind --toggle-collect='*::counted' \
//!         --callgrind-out-file=benches/target/criterion/$backend.callgrind \
//!         benches/target/release/instructions $backend
//! done
//! ```
//!
//! Then a table in Markdown, and a plot, of all that was measured:
//!
//! ```text
//! cargo run --manifest-path benches/Cargo.toml --release --bin report benches/results/trees.svg
//! ```

pub mod plot;
pub mod results;

use slproof::{
    keccak::keccak256,
    primitives::{BatchNumber, Hash},
};

/// How many hashes of 64 bytes the program `instructions` has counted.
pub const COUNTED: usize = 1024;

/// `count` inputs of `LEN` bytes each, painted with a prime period, so that no two which are
/// hashed side by side are equal.
#[must_use]
pub fn painted<const LEN: usize>(count: usize) -> Vec<[u8; LEN]> {
    (0..count).map(|i| std::array::from_fn(|j| ((i * LEN + j) % 251) as u8)).collect()
}

/// One hash over all of these: what a bench compares with the answer it knows.
#[must_use]
pub fn digest(hashes: &[Hash]) -> String {
    let bytes: Vec<_> = hashes.iter().flat_map(Hash::as_bytes).copied().collect();
    keccak256(&bytes).to_string()
}

/// The batches of a chain: roots without a period, and numbers that do not start at 1.
#[must_use]
pub fn batches(count: usize) -> (Vec<Hash>, Vec<BatchNumber>) {
    let word = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let root = |i: u64| {
        let words = [word(i), word(!i), word(i << 32), word(i ^ 0x5555)];
        let mut bytes = [0; 32];
        bytes.copy_from_slice(words.as_flattened());
        Hash::new(bytes)
    };
    let numbers = 500_000..500_000 + count as u64;
    (numbers.clone().map(root).collect(), numbers.map(BatchNumber).collect())
}
