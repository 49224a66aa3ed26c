//! Storage as a sorted list of entries, and searches in it.

use bytemuck::{Pod, Zeroable};

use crate::primitives::{Hash, Word, sorted};

/// The hashed key of a slot (see [`super::keys`]) and its value. 64 bytes: one cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Entry {
    /// The key.
    pub key: Hash,
    /// The value.
    pub value: Word,
}

/// The position of `key` among entries in ascending order of their keys.
///
/// Keys are hashes, so the position is estimated from their first 8 bytes. A lookup reads a few entries, most
/// of them next to each other. When keys are not uniform, because they were chosen on purpose, a lookup costs
/// as much as a binary search. In a list that is out of order, a key may not be found.
#[must_use]
pub fn find(entries: &[Entry], key: &Hash) -> Option<usize> {
    let same = sorted::count_below(entries, 0..=u64::MAX, key.prefix_u64(), |e| e.key.prefix_u64());
    let at = same + sorted::count_from(&entries[same..], 0, |entry| entry.key < *key);
    (entries.get(at)?.key == *key).then_some(at)
}

/// The position of the first key that is not greater than the key before it.
#[must_use]
pub fn out_of_order(entries: &[Entry]) -> Option<usize> {
    // The first 8 bytes nearly always decide, without a call of the full comparison.
    let ascends = |a: &Hash, b: &Hash| a.prefix_u64() < b.prefix_u64() || a < b;
    let at = entries.windows(2).position(|pair| !ascends(&pair[0].key, &pair[1].key))?;
    Some(at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keccak::keccak256;

    fn entries(mut keys: Vec<Hash>) -> Vec<Entry> {
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(|key| Entry { key, value: key.into() }).collect()
    }

    #[test]
    fn every_hashed_key_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 1000, 30_000u32] {
            let list = entries((0..count).map(|i| keccak256(&i.to_be_bytes())).collect());
            for (at, entry) in list.iter().enumerate() {
                assert_eq!(find(&list, &entry.key), Some(at));
            }
            for i in 0..1000u64 {
                assert_eq!(find(&list, &keccak256(&i.to_be_bytes())), None);
            }
            for end in [Hash::ZERO, Hash::new([0xff; 32])] {
                assert_eq!(find(&list, &end), None);
            }
        }
    }

    proptest! {
        /// Keys that are far from uniform: long common prefixes, runs, and both ends of the range.
        #[test]
        fn keys_with_equal_prefixes_are_found(
            keys in prop::collection::vec((0..4u8, any::<u8>(), any::<u8>()), 0..300),
            other in any::<[u8; 32]>(),
        ) {
            let list = entries(keys.iter().map(|(kind, a, b)| {
                let mut key = match kind { 0 => [0; 32], 1 => [0xff; 32], 2 => [7; 32], _ => [*a; 32] };
                key[31] = *a;
                key[usize::from(*b) % 32] = *b;
                Hash::new(key)
            }).collect());
            for (at, entry) in list.iter().enumerate() {
                prop_assert_eq!(find(&list, &entry.key), Some(at));
            }
            let other = Hash::new(other);
            prop_assert_eq!(find(&list, &other), list.iter().position(|entry| entry.key == other));
        }

        #[test]
        fn the_first_unsorted_key_is_found(keys in prop::collection::vec(0..40u64, 0..12)) {
            let key = |n: &u64| Hash::new(*Word::join((*n / 4).into(), (*n % 4).into()).as_bytes());
            let list: Vec<Entry> =
                keys.iter().map(|n| Entry { key: key(n), value: Word::ZERO }).collect();
            let expected = (1..keys.len()).find(|at| keys[at - 1] >= keys[*at]);
            prop_assert_eq!(out_of_order(&list), expected);
        }

        #[test]
        fn an_unsorted_list_does_not_panic(keys in prop::collection::vec(any::<[u8; 32]>(), 0..50)) {
            let list: Vec<Entry> =
                keys.iter().map(|key| Entry { key: Hash::new(*key), value: Word::ZERO }).collect();
            for entry in &list {
                let found = find(&list, &entry.key);
                prop_assert!(found.is_none_or(|at| list[at].key == entry.key));
            }
        }
    }
}
