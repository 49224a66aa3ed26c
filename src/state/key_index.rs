use std::ops::Range;

use rayon::prelude::*;

use super::entries::Entry;
use crate::primitives::{Hash, sorted};

/// The number of first bits is chosen so that each value of them has 8 to 16 entries on average. The index
/// then takes at most one byte per entry.
const ENTRIES_A_START: usize = 8;

/// An index of more bits would take more than 256 MiB.
const MOST_BITS: u32 = 25;

/// A larger range of entries with the same first bits occurs only where keys are not hashes.
const CROWDED: usize = 128;

/// How many parts are filled in parallel.
const PARTS: usize = 64;

/// How many keys are looked up at once.
const AT_ONCE: usize = 32;

/// An index by the first bits of the keys. It pays when a large part of all entries is looked up.
///
/// Building it reads all entries once. A lookup then waits for memory at one element of the index and at one
/// or two neighbouring entries, in any order of the keys, and the waits of many lookups overlap.
#[derive(Debug)]
pub struct KeyIndex {
    bits: u32,
    /// By the first bits: the position of the first entry whose key has these or greater first bits. The last
    /// element is the number of entries.
    starts: Vec<usize>,
}

impl KeyIndex {
    /// Builds the index of entries that are in ascending order of their keys.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let bits = (entries.len() / ENTRIES_A_START).max(2).ilog2().min(MOST_BITS);
        let position = |first_bits: usize| {
            entries.partition_point(|entry| leading(&entry.key, bits) < first_bits)
        };
        let mut starts = vec![entries.len(); (1 << bits) + 1];
        let part = (1usize << bits).div_ceil(PARTS);
        starts[..1 << bits].par_chunks_mut(part).enumerate().for_each(|(i, starts)| {
            let first = i * part;
            let (mut at, end) = (position(first), position(first + part));
            for (first_bits, start) in (first..).zip(starts) {
                let rest = entries[at..end].iter();
                at += rest.take_while(|entry| leading(&entry.key, bits) < first_bits).count();
                *start = at;
            }
        });
        Self { bits, starts }
    }

    /// The positions of many keys in the entries that the index was built from. The result for each key is
    /// that of [`find`](super::entries::find).
    ///
    /// # Panics
    /// When there are fewer entries.
    #[must_use]
    pub fn find_each(&self, entries: &[Entry], keys: &[Hash]) -> Vec<Option<usize>> {
        let mut found = vec![None; keys.len()];
        for (keys, found) in keys.chunks(AT_ONCE).zip(found.chunks_mut(AT_ONCE)) {
            // Each step is done for all keys before the next one, so that their waits for memory overlap.
            let mut ranges = [(0, 0); AT_ONCE];
            for (range, key) in ranges.iter_mut().zip(keys) {
                let first_bits = leading(key, self.bits);
                *range = (self.starts[first_bits], self.starts[first_bits + 1]);
            }
            let mut guesses = [(0, 0); AT_ONCE];
            for ((guess, (start, end)), key) in guesses.iter_mut().zip(ranges).zip(keys) {
                // The bits after the first ones estimate the position within the range.
                let rest = (key.prefix_u64() << self.bits) >> 32;
                let len = end.saturating_sub(start) as u64;
                let at = start + ((u128::from(rest) * u128::from(len)) >> 32) as usize;
                *guess = (at, if at < end { entries[at].key.prefix_u64() } else { 0 });
            }
            for (((found, key), (start, end)), guess) in
                found.iter_mut().zip(keys).zip(ranges).zip(guesses)
            {
                if start < end {
                    *found = search(entries, key, guess, start..end);
                }
            }
        }
        found
    }
}

/// The position of `key` in a range that is not empty. `guess` is an estimated position, `found` the first 8
/// bytes of the key there.
fn search(
    entries: &[Entry],
    key: &Hash,
    (guess, found): (usize, u64),
    range: Range<usize>,
) -> Option<usize> {
    let wanted = key.prefix_u64();
    if range.len() <= CROWDED {
        let (mut at, mut here) = (guess, found);
        while here < wanted && at + 1 < range.end {
            at += 1;
            here = entries[at].key.prefix_u64();
        }
        while here > wanted && at > range.start {
            at -= 1;
            here = entries[at].key.prefix_u64();
        }
        if here != wanted {
            return None;
        }
        if entries[at].key == *key {
            return Some(at);
        }
    }
    let before = |entry: &Entry| entry.key < *key;
    let at = range.start + sorted::count_from(&entries[range.clone()], guess - range.start, before);
    (at < range.end && entries[at].key == *key).then_some(at)
}

/// The first bits of a key as a number. `bits` is at least 1.
fn leading(key: &Hash, bits: u32) -> usize {
    (key.prefix_u64() >> (u64::BITS - bits)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{keccak::keccak256, primitives::Word};

    fn entries(keys: impl IntoIterator<Item = Hash>) -> Vec<Entry> {
        keys.into_iter().map(|key| Entry { key, value: Word::ZERO }).collect()
    }

    fn sorted(mut keys: Vec<Hash>) -> Vec<Entry> {
        keys.sort_unstable();
        keys.dedup();
        entries(keys)
    }

    fn positions(list: &[Entry], keys: &[Hash]) -> Vec<Option<usize>> {
        KeyIndex::of(list).find_each(list, keys)
    }

    #[test]
    fn every_hashed_key_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 31, 33, 1000, 30_000u32] {
            let list = sorted((0..count).map(|i| keccak256(&i.to_be_bytes())).collect());
            let keys: Vec<Hash> = list.iter().rev().map(|entry| entry.key).collect();
            assert!(positions(&list, &keys).into_iter().eq((0..list.len()).rev().map(Some)));
            let mut others: Vec<Hash> = (0..1000u64).map(|i| keccak256(&i.to_be_bytes())).collect();
            others.extend([Hash::ZERO, Hash::new([0xff; 32])]);
            assert!(positions(&list, &others).into_iter().all(|at| at.is_none()));
        }
    }

    proptest! {
        /// Keys that are far from uniform: long common prefixes, runs, and both ends of the range.
        #[test]
        fn keys_with_equal_prefixes_are_found(
            kinds in prop::collection::vec((0..4u8, any::<u8>(), any::<u8>()), 0..600),
            other in any::<[u8; 32]>(),
        ) {
            let list = sorted(kinds.iter().map(|(kind, a, b)| {
                let mut key = match kind { 0 => [0; 32], 1 => [0xff; 32], 2 => [7; 32], _ => [*a; 32] };
                key[31] = *a;
                key[usize::from(*b) % 32] = *b;
                Hash::new(key)
            }).collect());
            // Every key twice, and other keys.
            let mut keys: Vec<Hash> = list.iter().chain(&list).map(|entry| entry.key).collect();
            keys.push(Hash::new(other));
            for at in (0..list.len()).step_by(3) {
                let mut near = *list[at].key.as_bytes();
                near[31] = near[31].wrapping_add(1);
                keys.insert(at, Hash::new(near));
            }
            let by_halving: Vec<_> = keys
                .iter()
                .map(|key| list.binary_search_by(|entry| entry.key.cmp(key)).ok())
                .collect();
            prop_assert_eq!(positions(&list, &keys), by_halving);
        }

        #[test]
        fn an_unsorted_list_does_not_panic(keys in prop::collection::vec(any::<[u8; 32]>(), 0..400)) {
            let keys: Vec<Hash> = keys.into_iter().map(Hash::new).collect();
            let list = entries(keys.iter().copied());
            for (found, key) in positions(&list, &keys).iter().zip(&keys) {
                prop_assert!(found.is_none_or(|at| list[at].key == *key));
            }
        }
    }
}
