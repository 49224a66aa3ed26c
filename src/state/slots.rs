//! Solidity's storage layout.
//!
//! ```text
//! mapping at p, key k       keccak256(k as 32 bytes ‖ p as 32 bytes)
//! dynamic array at p        length at p, entry i at keccak256(p) + i
//! struct at p               fields at p, p + 1, …
//! ```
//!
//! Nested types apply the rules again. Source: Solidity's documentation of storage layout.

use crate::{
    keccak::{hash_many, keccak256},
    primitives::{Hash, Word},
};

/// The slot of a mapping's value.
#[must_use]
pub fn mapping_value(key: Word, mapping: Word) -> Word {
    keccak256(&mapping_preimage(key, mapping)).into()
}

/// The slots of a mapping's values under many keys, hashed together.
#[must_use]
pub fn mapping_values(keys: impl IntoIterator<Item = Word>, mapping: Word) -> Vec<Word> {
    let preimages = keys.into_iter().map(|key| mapping_preimage(key, mapping));
    let preimages: Vec<[u8; 64]> = preimages.collect();
    let mut slots = vec![Hash::ZERO; preimages.len()];
    hash_many(&preimages, &mut slots);
    slots.into_iter().map(Word::from).collect()
}

/// The slot of entry 0 of a dynamic array. Entry `i` is at this slot plus `i`.
#[must_use]
pub fn array_start(array: Word) -> Word {
    keccak256(array.as_bytes()).into()
}

fn mapping_preimage(key: Word, mapping: Word) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(key.as_bytes());
    preimage[32..].copy_from_slice(mapping.as_bytes());
    preimage
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots of MessageRoot's shared root, `_nodes[height][0]`, from a real dump.
    #[test]
    fn nested_array_entries_match_a_real_dump() {
        let nodes = Word::from(6);
        for (height, slot) in [
            (1, "0x768c3a22b1e4688c94525eb9bc2cf1ce7601fc9e871dc6e10fc44f0f06340ce1"),
            (2, "0xaf786ca8f985b8adb0de73df0052ad2ed91db8313035df9caa6938d80f1945c8"),
            (3, "0x38ace9b5569ba016113e31884532182bc747997e743c0b7f9c307302b5f83760"),
        ] {
            let level = array_start(nodes).wrapping_add(height);
            assert_eq!(array_start(level).to_string(), slot);
        }
    }

    #[test]
    fn many_mapping_slots_equal_single_ones() {
        let keys = (0..20).map(Word::from);
        for (key, slot) in keys.clone().zip(mapping_values(keys, Word::from(9))) {
            assert_eq!(slot, mapping_value(key, Word::from(9)));
        }
    }
}
