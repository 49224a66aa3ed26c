//! The order of many records, found by numbers that are small beside the records.

use std::{cmp::Ordering, iter};

use rayon::prelude::*;

/// The approximate number of records of a bucket. Their numbers fit into the caches of a core.
const BUCKET: usize = 1 << 10;
const MOST_BUCKETS: usize = 1 << 12;
/// The number of records whose numbers show how many bits of them are in use.
const SAMPLED: usize = 1 << 10;

/// A record's number, and its place.
type Key = (u64, u32);

/// Returns the places of records in the order in which they ascend. `number` must not descend where records ascend. The
/// records are divided into buckets by the first bits of their numbers, which takes a fraction of the time of
/// comparisons if the numbers are uniform; others are only compared more often.
///
/// # Panics
/// When there are 2^32 records or more.
pub(super) fn order_by<R: Sync>(
    records: &[R],
    number: impl Fn(&R) -> u64 + Sync,
    compare: impl Fn(&R, &R) -> Ordering + Sync,
) -> Vec<u32> {
    assert!(u32::try_from(records.len()).is_ok(), "too many records for places of 32 bits");
    let bits = (records.len() / BUCKET).clamp(1, MOST_BUCKETS).ilog2();
    let sample = records.iter().step_by(records.len().div_ceil(SAMPLED).max(1));
    let in_use = u64::BITS - sample.map(&number).max().unwrap_or(0).leading_zeros();
    let shift = in_use.saturating_sub(bits);
    let buckets = 1usize << bits;
    let last = buckets as u64 - 1;
    let bucket = |number: u64| number.checked_shr(shift).unwrap_or(0).min(last) as usize;

    let part = records.len().div_ceil(2 * rayon::current_num_threads()).max(1);
    let parts = records.par_chunks(part).enumerate();
    let parts: Vec<Part> = parts
        .map(|(at, part_of)| {
            let numbers = part_of.iter().map(&number);
            Part::new(numbers, at * part, (buckets, &bucket))
        })
        .collect();

    let mut order = vec![0; records.len()];
    let mut rest = &mut order[..];
    let of_buckets: Vec<&mut [u32]> = (0..buckets)
        .map(|bucket| {
            let len = parts.iter().map(|part| part.bucket(bucket).len()).sum();
            let (places, after) = std::mem::take(&mut rest).split_at_mut(len);
            rest = after;
            places
        })
        .collect();
    of_buckets.into_par_iter().enumerate().for_each_init(Vec::new, |keys, (bucket, places)| {
        keys.clear();
        parts.iter().for_each(|part| keys.extend_from_slice(part.bucket(bucket)));
        let record = |key: &Key| &records[key.1 as usize];
        // Without a comparison of records in it, the sort has no branches that are hard to predict.
        keys.par_sort_unstable_by_key(|(number, _)| *number);
        for same in keys.chunk_by_mut(|(one, _), (other, _)| one == other) {
            if same.len() > 1 {
                same.par_sort_unstable_by(|one, other| compare(record(one), record(other)));
            }
        }
        iter::zip(places, &*keys).for_each(|(place, key)| *place = key.1);
    });
    order
}

/// Some records, divided into buckets.
struct Part {
    keys: Vec<Key>,
    /// Where each bucket begins in `keys`, and where the last one ends.
    starts: Vec<usize>,
}

impl Part {
    /// Divides records with these numbers, the first of which is at the place `first`.
    fn new(
        numbers: impl Iterator<Item = u64> + Clone,
        first: usize,
        (buckets, bucket): (usize, impl Fn(u64) -> usize),
    ) -> Self {
        let mut starts = vec![0; buckets + 1];
        let mut len = 0;
        for number in numbers.clone() {
            starts[bucket(number) + 1] += 1;
            len += 1;
        }
        for at in 0..buckets {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut keys = vec![(0, 0); len];
        for (place, number) in (first..).zip(numbers) {
            let next = &mut next[bucket(number)];
            // The places of all records have 32 bits.
            keys[*next] = (number, place as u32);
            *next += 1;
        }
        Self { keys, starts }
    }

    fn bucket(&self, bucket: usize) -> &[Key] {
        &self.keys[self.starts[bucket]..self.starts[bucket + 1]]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(records: &[(u64, u8)], number: impl Fn(&(u64, u8)) -> u64 + Sync) {
        let order = order_by(records, number, Ord::cmp);
        let found: Vec<_> = order.iter().map(|at| records[*at as usize]).collect();
        let mut expected = records.to_vec();
        expected.sort_unstable();
        assert!(found == expected);
        let mut places = order;
        places.sort_unstable();
        assert!(places.into_iter().eq(0..records.len() as u32));
    }

    /// Uniform numbers, small ones, equal ones, and some that the sample does not show.
    #[test]
    fn many_records_are_ordered() {
        let random = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let all = |number: fn(u64) -> u64| -> Vec<(u64, u8)> {
            (0..50_000).map(|at| (number(random(at)), random(at) as u8)).collect()
        };
        check(&all(|random| random), |record| record.0);
        check(&all(|random| random % 1000), |record| record.0);
        check(&all(|_| 7), |record| record.0);
        check(&all(|random| random), |record| record.0 >> 60);
        check(&all(|random| random % 50_000 / 49_990 * random), |record| record.0);
    }

    proptest! {
        #[test]
        fn few_records_are_ordered(
            records in prop::collection::vec((0..20u64, any::<u8>()), 0..40),
            shift in 0..6u32,
        ) {
            check(&records, |record| record.0 >> shift);
        }
    }
}
