//! Benchmarks of slproof and of other libraries.
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml                      all of it, some seventeen minutes
//! cargo bench --manifest-path benches/Cargo.toml --bench tree         building trees, extracting paths
//! cargo bench --manifest-path benches/Cargo.toml --bench logs         trees of batches' logs
//! cargo bench --manifest-path benches/Cargo.toml --bench keccak       the backends of Keccak
//! cargo bench --manifest-path benches/Cargo.toml --bench blobs        reading blobs
//! ```
//!
//! Before it measures, every bench compares the result of the measured code with a known answer: from the
//! contract's own algorithm, from another library, or a recorded number.
//!
//! Times depend on other programs on the machine; instruction counts are the same in every run. Valgrind
//! supports AVX2, but not AVX-512:
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
//! This prints all results as Markdown and draws the plot `benches/results/trees.svg`:
//!
//! ```text
//! cargo run --manifest-path benches/Cargo.toml --release --bin report
//! ```
//!
//! The program `commands` measures the commands of slproof beside what they are compared with, the script `serial_share`
//! what part of them runs on one thread, and the program `load` a server. Their heads say how to run them.

pub mod era;
pub mod hyperlane;
pub mod plot;
pub mod results;

use slproof::{
    keccak::keccak256,
    primitives::{BatchNumber, Hash},
};

/// The number of hashes of 64 bytes that the program `instructions` computes.
pub const COUNTED: usize = 1024;

/// `count` inputs of `LEN` bytes each, with a pattern of prime period, so that no two inputs that are hashed
/// together are equal.
#[must_use]
pub fn painted<const LEN: usize>(count: usize) -> Vec<[u8; LEN]> {
    (0..count).map(|i| std::array::from_fn(|j| ((i * LEN + j) % 251) as u8)).collect()
}

/// The number at a place of a random sequence (the finalizer of SplitMix64); another sequence for each `salt`.
#[must_use]
pub fn mixed(at: u64, salt: u64) -> u64 {
    let mut x =
        (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd1b5_4a32_d192_ed03);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// One hash over all of these, which a bench compares with the known answer.
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
