//! Computes the storage root of an account, to detect slots that a dump lacks.

use alloy_trie::{HashBuilder, Nibbles};
use bytemuck::{Pod, Zeroable};

use crate::{
    files::{ExternalSort, OutputError, SortRecord},
    keccak::hash_many,
    primitives::{Hash, Word},
    state::keys::SlotForm,
};

/// A leaf of the trie, sorted in the order of the trie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Leaf {
    key: Hash,
    value: Word,
}

impl SortRecord for Leaf {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}

/// The root of the secure Merkle-Patricia trie of an account's slots, without zero values. The trie is folded
/// from its sorted leaves, so there may be more slots than fit into memory.
pub(super) struct StorageRoot {
    form: SlotForm,
    leaves: ExternalSort<Leaf>,
    /// Reused memory.
    names: Vec<[u8; 32]>,
    keys: Vec<Hash>,
}

impl StorageRoot {
    /// The root of slots with keys in this form. `leaves` sorts them.
    pub(super) fn new(form: SlotForm, leaves: ExternalSort<Leaf>) -> Self {
        Self { form, leaves, names: Vec::new(), keys: Vec::new() }
    }

    /// Adds slots, in any order.
    pub(super) fn add(&mut self, slots: &[(Word, Word)]) -> Result<(), OutputError> {
        self.names.clear();
        self.names.extend(slots.iter().map(|(slot, _)| *slot.as_bytes()));
        self.keys.clear();
        self.keys.extend(self.names.iter().copied().map(Hash::new));
        if self.form == SlotForm::Plain {
            hash_many(&self.names, &mut self.keys);
        }
        for (key, (_, value)) in self.keys.iter().zip(slots) {
            if !value.is_zero() {
                self.leaves.push(Leaf { key: *key, value: *value }, &[])?;
            }
        }
        Ok(())
    }

    /// Computes the root.
    pub(super) fn finish(self) -> Result<Hash, OutputError> {
        let mut sorted = self.leaves.finish()?;
        let mut trie = HashBuilder::default();
        let mut last = None;
        while let Some((Leaf { key, value }, _)) = sorted.next()? {
            // The trie accepts each key once. A repeated slot is checked later, where all slots are merged.
            if last.replace(key) == Some(key) {
                continue;
            }
            let (rlp, start) = rlp(value);
            trie.add_leaf(Nibbles::unpack(key.as_bytes()), &rlp[start..]);
        }
        Ok(Hash::new(trie.root().0))
    }
}

/// The RLP of a value without leading zeros. It is at the end of the array, from the returned index on.
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
    use alloy_primitives::{B256, U256};
    use alloy_trie::root::storage_root_unhashed;
    use proptest::prelude::*;

    use super::*;
    use crate::keccak::keccak256;

    fn root(form: SlotForm, slots: &[(Word, Word)], leaves: ExternalSort<Leaf>) -> Hash {
        let mut root = StorageRoot::new(form, leaves);
        slots.chunks(7).for_each(|some| root.add(some).unwrap());
        root.finish().unwrap()
    }

    /// The root of an account without storage, as it is in every dump.
    #[test]
    fn the_empty_root_is_the_published_one() {
        let empty = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
        for slots in [&[][..], &[(Word::from(1), Word::ZERO)]] {
            let root = root(SlotForm::Plain, slots, ExternalSort::in_memory());
            assert_eq!(root.to_string(), empty);
        }
    }

    proptest! {
        /// With any amount of memory, the root equals the one that alloy-trie computes from all slots at
        /// once. It changes if a slot is missing or altered.
        #[test]
        fn slots_beyond_the_memory_give_the_root_of_all_of_them(
            slots in prop::collection::btree_map(any::<[u8; 32]>(), prop_oneof![
                any::<[u8; 32]>(),
                (0..3u64).prop_map(|small| *Word::from(small).as_bytes()),
            ], 1..120),
            in_memory in 0..4000usize,
            at in any::<prop::sample::Index>(),
        ) {
            let oracle = storage_root_unhashed(slots.iter().filter(|(_, value)| **value != [0; 32])
                .map(|(slot, value)| (B256::new(*slot), U256::from_be_bytes(*value))));
            let oracle = Hash::new(oracle.0);
            let slots: Vec<(Word, Word)> =
                slots.into_iter().map(|(slot, value)| (Word::new(slot), Word::new(value))).collect();
            let folder = tempfile::tempdir().unwrap();
            let sort = || ExternalSort::beside(&folder.path().join("out"), in_memory);
            prop_assert_eq!(root(SlotForm::Plain, &slots, sort()), oracle);
            let hashed: Vec<(Word, Word)> = slots.iter().rev().map(|(slot, value)| {
                (keccak256(slot.as_bytes()).into(), *value)
            }).collect();
            prop_assert_eq!(root(SlotForm::Keccak, &hashed, sort()), oracle);

            let at = at.index(slots.len());
            let mut changed = slots.clone();
            let mut value = *changed[at].1.as_bytes();
            value[31] ^= 1;
            changed[at].1 = Word::new(value);
            prop_assert_ne!(root(SlotForm::Plain, &changed, sort()), oracle);
            let was_zero = changed.remove(at).1 == Word::from(1);
            prop_assert_eq!(root(SlotForm::Plain, &changed, sort()) == oracle, was_zero);
        }
    }

    #[test]
    fn values_are_encoded_as_rlp() {
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
