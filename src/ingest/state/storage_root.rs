//! Computes the storage root of an account, to detect slots that a dump lacks.

use alloy_primitives::B256;
use alloy_trie::{HashBuilder, Nibbles};
use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use crate::{
    files::{BucketSort, KeyedRecord, Numbered, OutputError},
    keccak::hash_many,
    primitives::{Hash, Word},
    state::keys::SlotForm,
};

/// With at least so many leaves, the trie is folded on all threads.
const LEAST_SPLIT: u64 = 1 << 12;
/// The slots that a thread hashes at once.
const HASHED_AT_ONCE: usize = 1 << 10;
/// The leaves that are folded at once on all threads.
const AT_ONCE: usize = 1 << 18;
/// The most leaves whose keys have the same first byte, if the trie is folded on all threads. They are in memory at once.
const MOST_OF_BYTE: u64 = 1 << 20;

/// A leaf of the trie, sorted in the order of the trie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Leaf {
    key: Hash,
    value: Word,
}

impl KeyedRecord for Leaf {
    fn prefix(&self) -> u64 {
        self.key.prefix_u64()
    }
}

/// The root of the secure Merkle-Patricia trie of an account's slots, without zero values. The trie is folded
/// from its sorted leaves, so there may be more slots than fit into memory.
pub(super) struct StorageRoot {
    form: SlotForm,
    leaves: BucketSort<Leaf>,
    /// The number of leaves by the first byte of their keys.
    counts: [u64; 256],
    /// Reused memory.
    names: Vec<[u8; 32]>,
    keys: Vec<Hash>,
}

impl StorageRoot {
    /// The root of slots with keys in this form. `leaves` sorts them.
    pub(super) fn new(form: SlotForm, leaves: BucketSort<Leaf>) -> Self {
        Self { form, leaves, counts: [0; 256], names: Vec::new(), keys: Vec::new() }
    }

    /// Adds slots, in any order.
    pub(super) fn add(&mut self, slots: &[(Word, Word)]) -> Result<(), OutputError> {
        self.names.clear();
        self.names.extend(slots.iter().map(|(slot, _)| *slot.as_bytes()));
        self.keys.clear();
        self.keys.extend(self.names.iter().copied().map(Hash::new));
        if self.form == SlotForm::Plain {
            if self.names.len() <= HASHED_AT_ONCE {
                hash_many(&self.names, &mut self.keys);
            } else {
                let keys = self.keys.par_chunks_mut(HASHED_AT_ONCE);
                let parts = self.names.par_chunks(HASHED_AT_ONCE).zip(keys);
                parts.for_each(|(names, keys)| hash_many(names, keys));
            }
        }
        for (key, (_, value)) in self.keys.iter().zip(slots) {
            if value.is_zero() {
                continue;
            }
            self.counts[usize::from(key.as_bytes()[0])] += 1;
            self.leaves.push(Leaf { key: *key, value: *value });
            if self.leaves.is_full() {
                self.leaves.spill()?;
            }
        }
        Ok(())
    }

    /// Computes the root.
    pub(super) fn finish(self) -> Result<Hash, OutputError> {
        let copy = |group: &[Numbered<'_, Leaf>]| -> Vec<Leaf> {
            group.iter().map(|(_, leaf)| **leaf).collect()
        };
        if !can_be_split(&self.counts) {
            let mut trie = Trie::default();
            self.leaves.in_order(copy, |leaves| {
                leaves.into_iter().for_each(|leaf| trie.add(leaf, 0));
                Ok::<_, OutputError>(())
            })?;
            return Ok(trie.root());
        }
        let (mut subtries, mut waiting) = (Subtries::default(), Vec::new());
        self.leaves.in_order(copy, |leaves| {
            waiting.extend(leaves);
            if waiting.len() >= AT_ONCE {
                // More leaves with the last first byte may follow.
                let last = waiting.last().map(Leaf::first_byte);
                let whole = waiting.partition_point(|leaf| Some(leaf.first_byte()) < last);
                subtries.add(&waiting[..whole]);
                waiting.drain(..whole);
            }
            Ok::<_, OutputError>(())
        })?;
        subtries.add(&waiting);
        Ok(subtries.root())
    }
}

impl Leaf {
    fn first_byte(&self) -> u8 {
        self.key.as_bytes()[0]
    }
}

/// A trie that is folded from its leaves in their order.
#[derive(Default)]
struct Trie {
    builder: HashBuilder,
    last: Option<Hash>,
}

impl Trie {
    /// Adds a leaf, without the first bytes of its key.
    fn add(&mut self, Leaf { key, value }: Leaf, without: usize) {
        // The trie accepts each key once. A repeated slot is checked later, where all slots are merged.
        if self.last.replace(key) == Some(key) {
            return;
        }
        let (rlp, start) = rlp(value);
        self.builder.add_leaf(Nibbles::unpack(&key.as_bytes()[without..]), &rlp[start..]);
    }

    fn root(mut self) -> Hash {
        Hash::new(self.builder.root().0)
    }
}

/// Whether the root of leaves that are so many by the first byte of their keys can be folded from [`Subtries`]: there are
/// many, the root and the nodes below it are branches, and the leaves of a byte fit into memory.
fn can_be_split(counts: &[u64; 256]) -> bool {
    let nodes = counts.chunks(16).map(|below| below.iter().filter(|count| **count > 0).count());
    let nodes: Vec<usize> = nodes.filter(|below| *below > 0).collect();
    counts.iter().sum::<u64>() >= LEAST_SPLIT
        && counts.iter().all(|count| *count <= MOST_OF_BYTE)
        && nodes.len() > 1
        && nodes.iter().all(|below| *below > 1)
}

/// The subtries of leaves whose keys have the same first byte, which are folded on all threads.
///
/// A node at a depth of two nibbles is at least as long as a leaf with 62 nibbles, and so is named by its hash, as the root
/// is; shorter ones would be within their parents.
#[derive(Default)]
struct Subtries(Vec<(u8, Hash)>);

impl Subtries {
    /// Adds all leaves of the next first bytes.
    fn add(&mut self, leaves: &[Leaf]) {
        let of_byte: Vec<_> =
            leaves.chunk_by(|one, other| one.first_byte() == other.first_byte()).collect();
        self.0.par_extend(of_byte.par_iter().map(|leaves| {
            let mut trie = Trie::default();
            leaves.iter().for_each(|leaf| trie.add(*leaf, 1));
            (leaves[0].first_byte(), trie.root())
        }));
    }

    fn root(self) -> Hash {
        let mut trie = HashBuilder::default();
        for (byte, root) in self.0 {
            trie.add_branch(Nibbles::unpack([byte]), B256::new(*root.as_bytes()), false);
        }
        Hash::new(trie.root().0)
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
    use alloy_primitives::U256;
    use alloy_trie::root::storage_root_unhashed;
    use proptest::prelude::*;

    use super::*;
    use crate::keccak::keccak256;

    fn root(form: SlotForm, slots: &[(Word, Word)], leaves: BucketSort<Leaf>) -> Hash {
        let mut root = StorageRoot::new(form, leaves);
        slots.chunks(7).for_each(|some| root.add(some).unwrap());
        root.finish().unwrap()
    }

    /// The root of an account without storage, as it is in every dump.
    #[test]
    fn the_empty_root_is_the_published_one() {
        let empty = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
        for slots in [&[][..], &[(Word::from(1), Word::ZERO)]] {
            let root = root(SlotForm::Plain, slots, BucketSort::in_memory());
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
            let sort = || BucketSort::beside(&folder.path().join("out"), in_memory);
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

    /// Enough slots for all threads, the same with keys of one first byte, and with keys of a first nibble that has one
    /// first byte.
    #[test]
    fn many_slots_give_the_root_of_all_of_them() {
        let slots = || {
            (0..2 * LEAST_SPLIT).map(|number| {
                (Word::from(keccak256(&number.to_le_bytes())), Word::from(number % 300))
            })
        };
        let byte = |slot: &Word| slot.as_bytes()[0];
        let cases: [Vec<(Word, Word)>; 3] = [
            slots().collect(),
            slots()
                .map(|(slot, value)| {
                    let mut bytes = *slot.as_bytes();
                    bytes[0] = 7;
                    (Word::new(bytes), value)
                })
                .collect(),
            slots().filter(|(slot, _)| byte(slot) >> 4 != 3 || byte(slot) == 0x35).collect(),
        ];
        for slots in cases {
            let leaves = slots.iter().filter(|(_, value)| !value.is_zero());
            assert!(leaves.clone().count() as u64 >= LEAST_SPLIT);
            let oracle = alloy_trie::root::storage_root(
                leaves
                    .map(|(slot, value)| {
                        (B256::new(*slot.as_bytes()), U256::from_be_bytes(*value.as_bytes()))
                    })
                    .collect::<std::collections::BTreeMap<_, _>>(),
            );
            let root = root(SlotForm::Keccak, &slots, BucketSort::in_memory());
            assert_eq!(root, Hash::new(oracle.0));
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
