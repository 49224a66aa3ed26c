//! Interpolation search in sorted lists.
//!
//! A binary search in a list of millions takes about twenty steps, and each waits for memory. Where the
//! numbers are spread about evenly (prefixes of hashes, blocks, batches), interpolation reads only a few
//! elements, most of them next to each other.

use std::ops::{Range, RangeInclusive};

/// How many times the position is interpolated before a search in growing steps. Each time the error shrinks
/// to about its square root, so a few times suffice for any list that fits on a disk.
const ESTIMATES: usize = 4;
/// Ranges shorter than this are searched by bisection at once.
const FEW: usize = 16;

/// How many elements of an ascending list have a number below `wanted`; the same as `partition_point`. All
/// numbers in the list are within `bounds`.
///
/// Where numbers are distributed unevenly, the search costs as much as a binary search. For a list that is
/// out of order or has numbers outside `bounds`, the result is an arbitrary position in the list.
pub fn count_below<T>(
    list: &[T],
    bounds: RangeInclusive<u64>,
    wanted: u64,
    number: impl Fn(&T) -> u64,
) -> usize {
    let (guess, Range { start, end }) = estimate(list, bounds, wanted, &number);
    start + count_from(&list[start..end], guess.saturating_sub(start), |e| number(e) < wanted)
}

/// An estimated position of the first element whose number is `wanted` or more, and a range that contains its
/// exact position.
fn estimate<T>(
    list: &[T],
    bounds: RangeInclusive<u64>,
    wanted: u64,
    number: impl Fn(&T) -> u64,
) -> (usize, Range<usize>) {
    // Elements before `start` are below `wanted`; elements from `end` on are not.
    let (mut start, mut end) = (0, list.len());
    let (mut low, mut high) = bounds.into_inner();
    let mut guess = 0;
    for _ in 0..ESTIMATES {
        if end - start < FEW {
            return (start + (end - start) / 2, start..end);
        }
        let whole = u128::from(high.saturating_sub(low)) + 1;
        let part = u128::from(wanted.saturating_sub(low)).min(whole - 1);
        // The result is less than the length of the range, so it fits a usize.
        guess = start + (part * (end - start) as u128 / whole) as usize;
        let here = number(&list[guess]);
        if here < wanted {
            (start, low) = (guess + 1, here);
        } else {
            (end, high) = (guess, here);
        }
    }
    (guess, start..end)
}

/// How many elements satisfy `before`, as `partition_point` does. Searches from `guess` on in steps that
/// double.
pub fn count_from<T>(list: &[T], guess: usize, before: impl Fn(&T) -> bool) -> usize {
    let (mut start, mut end) = (0, list.len());
    let guess = guess.min(end);
    let mut step = 1;
    if guess < end && before(&list[guess]) {
        start = guess + 1;
        while let Some(at) = guess.checked_add(step).filter(|at| *at < end) {
            if !before(&list[at]) {
                end = at;
                break;
            }
            start = at + 1;
            step *= 2;
        }
    } else {
        end = guess;
        while let Some(at) = guess.checked_sub(step) {
            if before(&list[at]) {
                start = at + 1;
                break;
            }
            end = at;
            step *= 2;
        }
    }
    start + list[start..end].partition_point(before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_equal_those_of_binary_search(
            mut list in prop::collection::vec(
                prop_oneof![any::<u64>(), 0..9u64, u64::MAX - 9..=u64::MAX, Just(1 << 63)], 0..200),
            other in any::<u64>(),
            guess in 0..220usize,
        ) {
            list.sort_unstable();
            for wanted in list.iter().copied().chain([other, 0, u64::MAX, 1 << 63]) {
                let expected = list.partition_point(|number| *number < wanted);
                prop_assert_eq!(count_below(&list, 0..=u64::MAX, wanted, |n| *n), expected);
                prop_assert_eq!(count_from(&list, guess, |number| *number < wanted), expected);
                if let (Some(first), Some(last)) = (list.first(), list.last()) {
                    prop_assert_eq!(count_below(&list, *first..=*last, wanted, |n| *n), expected);
                }
            }
        }

        #[test]
        fn unsorted_lists_and_wrong_bounds_do_not_panic(
            list in prop::collection::vec(any::<u64>(), 0..60),
            (low, high, wanted, guess) in any::<(u64, u64, u64, usize)>(),
        ) {
            prop_assert!(count_below(&list, low..=high, wanted, |n| *n) <= list.len());
            prop_assert!(count_from(&list, guess, |n| *n < wanted) <= list.len());
        }
    }

    /// The accuracy of the estimates for uniform numbers, as prefixes of hashes are.
    #[test]
    fn evenly_spread_numbers_are_found_in_few_steps() {
        // Miri runs this a thousand times slower.
        let len = if cfg!(miri) { 2_000 } else { 1_000_000 };
        let mut state = 1u64;
        let mut list: Vec<u64> = (0..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            })
            .collect();
        list.sort_unstable();
        for at in (0..list.len()).step_by(997) {
            let (guess, _) = estimate(&list, 0..=u64::MAX, list[at], |n| *n);
            assert!(guess.abs_diff(at) < 64, "{guess} for {at}");
            assert_eq!(count_below(&list, 0..=u64::MAX, list[at], |n| *n), at);
        }
    }
}
