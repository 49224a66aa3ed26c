//! Storage as a sorted list: the form in which a state is searched, wherever its bytes lie.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::primitives::{Hash, Word};

/// A slot's hashed key (see [`super::keys`]) and its value; 64 bytes, one line of a processor's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Entry {
    /// The key.
    pub key: Hash,
    /// The value.
    pub value: Word,
}

/// How often the position is estimated before the search falls back on halving. The error shrinks to
/// about its square root each time, so that three suffice for any list that fits a disk.
const ESTIMATES: usize = 3;

/// The position of `key` among entries in ascending order of their keys.
///
/// Keys are hashes, so their place is estimated from their first 8 bytes: a lookup touches a handful
/// of entries, most of them next to each other. Keys that somebody chose to be anything but uniform
/// cost a binary search. In a list out of order a key may not be found.
#[must_use]
pub fn find(entries: &[Entry], key: &Hash) -> Option<usize> {
    let wanted = prefix(key);
    // Keys before `start` are smaller, keys from `end` on are not.
    let (mut start, mut end) = (0, entries.len());
    let (mut low, mut high) = (0, u64::MAX);
    let mut guess = 0;
    for _ in 0..ESTIMATES {
        if start == end {
            break;
        }
        let part = u128::from(wanted.saturating_sub(low));
        let whole = u128::from(high.saturating_sub(low)) + 1;
        // Below the length of the range, which is a usize.
        guess = start + (part.min(whole - 1) * (end - start) as u128 / whole) as usize;
        let here = entries[guess].key;
        if here < *key {
            (start, low) = (guess + 1, prefix(&here));
        } else {
            (end, high) = (guess, prefix(&here));
        }
    }
    let at = near(entries, key, (guess, start > guess), start..end);
    (entries.get(at)?.key == *key).then_some(at)
}

/// Whether an entry's key is below another: their first 8 bytes tell nearly always.
#[inline]
pub(super) fn is_below(entry: &Entry, key: &Hash) -> bool {
    match (prefix(&entry.key), prefix(key)) {
        (here, wanted) if here == wanted => entry.key < *key,
        (here, wanted) => here < wanted,
    }
}

/// The first neighbours whose keys do not ascend strictly: the position of the second.
#[must_use]
pub fn out_of_order(entries: &[Entry]) -> Option<usize> {
    // The first 8 bytes tell nearly always, without the call of a comparison.
    let ascends = |a: &Hash, b: &Hash| prefix(a) < prefix(b) || a < b;
    let at = entries.windows(2).position(|pair| !ascends(&pair[0].key, &pair[1].key))?;
    Some(at + 1)
}

/// The position in a range of the first entry whose key is not below `key`, or the range's end; `guess` is
/// near it, and whether that entry's key is below is known. Searches in steps that double.
#[inline]
pub(super) fn near(
    entries: &[Entry],
    key: &Hash,
    (guess, below): (usize, bool),
    Range { mut start, mut end }: Range<usize>,
) -> usize {
    let mut step = 1;
    if below {
        start = start.max(guess + 1);
        while let Some(entry) = entries[..end].get(guess + step) {
            if !is_below(entry, key) {
                end = guess + step;
                break;
            }
            start = guess + step + 1;
            step *= 2;
        }
    } else {
        end = end.min(guess);
        while let Some(at) = guess.checked_sub(step).filter(|at| *at >= start) {
            if is_below(&entries[at], key) {
                start = at + 1;
                break;
            }
            end = at;
            step *= 2;
        }
    }
    start + entries[start..end].partition_point(|entry| is_below(entry, key))
}

/// The first 8 bytes of a key as a number.
#[inline]
pub(super) fn prefix(key: &Hash) -> u64 {
    key.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
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
        /// Keys that are all but uniform: long common beginnings, runs, both ends.
        #[test]
        fn crowded_keys_are_found(
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
        fn disorder_is_found_where_it_begins(keys in prop::collection::vec(0..40u64, 0..12)) {
            let key = |n: &u64| Hash::new(*Word::join((*n / 4).into(), (*n % 4).into()).as_bytes());
            let list: Vec<Entry> =
                keys.iter().map(|n| Entry { key: key(n), value: Word::ZERO }).collect();
            let expected = (1..keys.len()).find(|at| keys[at - 1] >= keys[*at]);
            prop_assert_eq!(out_of_order(&list), expected);
        }

        #[test]
        fn a_list_out_of_order_does_no_harm(keys in prop::collection::vec(any::<[u8; 32]>(), 0..50)) {
            let list: Vec<Entry> =
                keys.iter().map(|key| Entry { key: Hash::new(*key), value: Word::ZERO }).collect();
            for entry in &list {
                let found = find(&list, &entry.key);
                prop_assert!(found.is_none_or(|at| list[at].key == entry.key));
            }
        }
    }
}
