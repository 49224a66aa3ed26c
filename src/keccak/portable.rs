//! One message at a time, on any processor.

use tiny_keccak::{Hasher, Keccak};

/// Keccak-256 of an input of any length.
pub(super) fn hash_one(input: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak::v256();
    hasher.update(input);
    let mut output = [0; 32];
    hasher.finalize(&mut output);
    output
}

/// Keccak-256 of every input into the output of the same index.
pub(super) fn hash_many<const LEN: usize>(inputs: &[[u8; LEN]], out: &mut [[u8; 32]]) {
    for (input, output) in inputs.iter().zip(out) {
        *output = hash_one(input);
    }
}
