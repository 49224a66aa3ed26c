//! Portable code: hashes one input at a time, on any processor.

use tiny_keccak::{Hasher, Keccak};

use super::inputs::{Inputs, ROW};

/// Keccak-256 of an input of any length.
pub(super) fn hash_one(input: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak::v256();
    hasher.update(input);
    finish(hasher)
}

/// Hashes the inputs from index `first` on, one for every output.
pub(super) fn hash_many<I: Inputs>(inputs: I, first: usize, out: &mut [[u8; 32]]) {
    for (input, hash) in (first..).zip(out) {
        let mut hasher = Keccak::v256();
        let whole = inputs.len(input);
        for row in 0..whole.div_ceil(ROW) {
            let len = ROW.min(whole - row * ROW);
            hasher.update(&inputs.row(input, row)[..len]);
        }
        *hash = finish(hasher);
    }
}

fn finish(hasher: Keccak) -> [u8; 32] {
    let mut hash = [0; 32];
    hasher.finalize(&mut hash);
    hash
}
