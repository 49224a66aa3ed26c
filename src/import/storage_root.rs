//! The storage root of an account, to find slots that a dump lacks.

use alloy_trie::{HashBuilder, Nibbles};
use rayon::prelude::*;

use crate::{
    keccak::hash_many,
    primitives::{Hash, Word},
    state::keys::SlotForm,
};

/// The root of the secure Merkle-Patricia trie of these slots, zero values left out. No slot may occur
/// twice.
pub(super) fn storage_root(form: SlotForm, slots: &[(Word, Word)]) -> Hash {
    let slots: Vec<&(Word, Word)> = slots.iter().filter(|(_, value)| !value.is_zero()).collect();
    let names: Vec<[u8; 32]> = slots.iter().map(|(slot, _)| *slot.as_bytes()).collect();
    let mut keys: Vec<Hash> = names.iter().map(|name| Hash::new(*name)).collect();
    if form == SlotForm::Plain {
        hash_many(&names, &mut keys);
    }
    let mut leaves: Vec<(Hash, Word)> =
        keys.into_iter().zip(slots.iter().map(|(_, value)| *value)).collect();
    leaves.par_sort_unstable();
    // The trie takes every key once; a second one is refused where all slots come together.
    leaves.dedup_by_key(|(key, _)| *key);
    let mut trie = HashBuilder::default();
    for (key, value) in leaves {
        let (rlp, start) = rlp(value);
        trie.add_leaf(Nibbles::unpack(key.as_bytes()), &rlp[start..]);
    }
    Hash::new(trie.root().0)
}

/// The RLP of a value without its leading zeros, and where in the array it begins.
fn rlp(value: Word) -> ([u8; 33], usize) {
    let mut bytes = [0; 33];
    bytes[1..].copy_from_slice(value.as_bytes());
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(32);
    if first == 32 && bytes[32] < 0x80 {
        return (bytes, 32);
    }
    bytes[first - 1] = 0x80 + (33 - first) as u8;
    (bytes, first - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of an account without storage, as it stands in every dump.
    #[test]
    fn the_empty_root_is_the_known_one() {
        let empty = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
        assert_eq!(storage_root(SlotForm::Plain, &[]).to_string(), empty);
        assert_eq!(
            storage_root(SlotForm::Plain, &[(Word::from(1), Word::ZERO)]).to_string(),
            empty
        );
    }

    #[test]
    fn values_are_encoded_as_rlp_demands() {
        let of = |value| {
            let (bytes, start) = rlp(value);
            const_hex::encode(&bytes[start..])
        };
        assert_eq!(of(Word::from(1)), "01");
        assert_eq!(of(Word::from(0x7f)), "7f");
        assert_eq!(of(Word::from(0x80)), "8180");
        assert_eq!(of(Word::from(0x1234)), "821234");
        assert_eq!(of(Word::new([0xff; 32])), format!("a0{}", "ff".repeat(32)));
    }
}
