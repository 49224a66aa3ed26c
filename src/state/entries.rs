//! Storage as a sorted list: the form in which a state is searched, wherever its bytes lie.

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

/// How many keys are searched for side by side.
const AT_ONCE: usize = 16;

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
    (start, end) = around(entries, key, guess, start, end);
    let at = start + entries[start..end].partition_point(|entry| is_below(entry, wanted, key));
    (entries.get(at)?.key == *key).then_some(at)
}

/// The positions of many keys, as [`find`] gives that of one.
///
/// The keys are looked up in their order, each from where the last one was found: with thousands of
/// them the next is near, and so is its page.
#[must_use]
pub fn find_each(entries: &[Entry], keys: &[Hash]) -> Vec<Option<usize>> {
    let mut order: Vec<(u64, usize)> =
        keys.iter().enumerate().map(|(i, key)| (prefix(key), i)).collect();
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| keys[a.1].cmp(&keys[b.1])));
    let mut found = vec![None; keys.len()];
    // Keys before `start` are smaller than all that are still wanted, which begin with `low` or more.
    let (mut start, mut low) = (0, 0);
    for group in order.chunks(AT_ONCE) {
        let rest = entries.len() - start;
        if rest == 0 {
            break;
        }
        let density = rest as f64 / ((u64::MAX - low) as f64 + 1.0);
        let place = |from: usize, distance: f64| {
            (from as f64 + distance * density).clamp(start as f64, (entries.len() - 1) as f64)
                as usize
        };
        // Estimated twice, for all of the group before any is searched: the processor then waits for
        // the memory of all at once.
        let mut guesses = [0; AT_ONCE];
        for (guess, (wanted, _)) in guesses.iter_mut().zip(group) {
            *guess = place(start, (wanted - low) as f64);
        }
        for (guess, (wanted, _)) in guesses.iter_mut().zip(group) {
            let here = prefix(&entries[*guess].key);
            *guess = place(*guess, *wanted as f64 - here as f64);
        }
        for (guess, (wanted, i)) in guesses.into_iter().zip(group) {
            let (key, guess) = (&keys[*i], guess.max(start));
            if guess == entries.len() {
                break;
            }
            let (from, to) = match is_below(&entries[guess], *wanted, key) {
                true => around(entries, key, guess, guess + 1, entries.len()),
                false => around(entries, key, guess, start, guess),
            };
            let at =
                from + entries[from..to].partition_point(|entry| is_below(entry, *wanted, key));
            found[*i] = entries.get(at).filter(|entry| entry.key == *key).map(|_| at);
            (start, low) = (from, *wanted);
        }
    }
    found
}

/// Whether an entry's key is below one that begins with `wanted`, which decides nearly always.
fn is_below(entry: &Entry, wanted: u64, key: &Hash) -> bool {
    match prefix(&entry.key) {
        here if here == wanted => entry.key < *key,
        here => here < wanted,
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

/// Narrows `start..end` to the neighbourhood of a good guess, in steps that double.
fn around(
    entries: &[Entry],
    key: &Hash,
    guess: usize,
    mut start: usize,
    mut end: usize,
) -> (usize, usize) {
    let (wanted, mut step) = (prefix(key), 1);
    if start > guess {
        while let Some(entry) = entries[..end].get(guess + step) {
            if !is_below(entry, wanted, key) {
                end = guess + step;
                break;
            }
            start = guess + step + 1;
            step *= 2;
        }
    } else {
        while let Some(at) = guess.checked_sub(step).filter(|at| *at >= start) {
            if is_below(&entries[at], wanted, key) {
                start = at + 1;
                break;
            }
            end = at;
            step *= 2;
        }
    }
    (start, end)
}

fn prefix(key: &Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&key.as_bytes()[..8]);
    u64::from_be_bytes(bytes)
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
            let keys: Vec<Hash> = list.iter().rev().map(|entry| entry.key).collect();
            let all = find_each(&list, &keys);
            assert!(all.into_iter().eq((0..list.len()).rev().map(Some)));
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
            // Twice over, and others between them.
            let mut keys: Vec<Hash> = list.iter().chain(&list).map(|entry| entry.key).collect();
            keys.push(other);
            for at in (0..list.len()).step_by(3) {
                let mut near = *list[at].key.as_bytes();
                near[31] = near[31].wrapping_add(1);
                keys.insert(at, Hash::new(near));
            }
            let one_by_one: Vec<_> = keys.iter().map(|key| find(&list, key)).collect();
            prop_assert_eq!(find_each(&list, &keys), one_by_one);
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
            let keys: Vec<Hash> = list.iter().map(|entry| entry.key).collect();
            for (found, key) in find_each(&list, &keys).iter().zip(&keys) {
                prop_assert!(found.is_none_or(|at| list[at].key == *key));
            }
        }
    }
}
