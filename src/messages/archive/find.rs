use std::ops::Range;

use super::rows::IndexRow;

/// How often a place is estimated before the search falls back on halving. The error shrinks to about
/// its square root each time, so that a few suffice for any file that fits a disk.
const ESTIMATES: usize = 4;

/// The rows that begin with `wanted`, which is the beginning of a hash.
///
/// Hashes are uniform, so the place is estimated: a search touches a handful of rows, most of them
/// next to each other. Rows crowded on purpose cost a binary search; rows out of order may not be
/// found.
pub(super) fn rows_of(rows: &[IndexRow], wanted: u64) -> Range<usize> {
    let (guess, bounds) = estimate(rows, wanted);
    let start = first(rows, bounds, guess, |row| row.beginning() < wanted);
    let end = first(rows, start..rows.len(), start, |row| row.beginning() == wanted);
    start..end
}

/// A row near the first one that begins with `wanted` or more, and the bounds of that row's place.
fn estimate(rows: &[IndexRow], wanted: u64) -> (usize, Range<usize>) {
    // Rows before `start` are smaller, rows from `end` on are not.
    let (mut start, mut end) = (0, rows.len());
    let (mut low, mut high) = (0, u64::MAX);
    let mut guess = 0;
    for _ in 0..ESTIMATES {
        if start >= end {
            break;
        }
        let whole = u128::from(high.saturating_sub(low)) + 1;
        let part = u128::from(wanted.saturating_sub(low)).min(whole - 1);
        // Below the length of the range, which is a usize.
        guess = start + (part * (end - start) as u128 / whole) as usize;
        let here = rows[guess].beginning();
        if here < wanted {
            (start, low) = (guess + 1, here);
        } else {
            (end, high) = (guess, here);
        }
    }
    (guess, start..end)
}

/// The first row in `bounds` that is not `before`, searched for from `guess` on in steps that double.
fn first(
    rows: &[IndexRow],
    bounds: Range<usize>,
    guess: usize,
    before: impl Fn(&IndexRow) -> bool,
) -> usize {
    let Range { mut start, mut end } = bounds;
    let guess = guess.clamp(start, end);
    let mut step = 1;
    if guess < end && before(&rows[guess]) {
        start = guess + 1;
        while let Some(at) = guess.checked_add(step).filter(|at| *at < end) {
            if !before(&rows[at]) {
                end = at;
                break;
            }
            start = at + 1;
            step *= 2;
        }
    } else {
        end = guess;
        while let Some(at) = guess.checked_sub(step).filter(|at| *at >= start) {
            if before(&rows[at]) {
                start = at + 1;
                break;
            }
            end = at;
            step *= 2;
        }
    }
    start + rows[start..end].partition_point(before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(rows: &[IndexRow], wanted: u64) -> Range<usize> {
        rows.iter().filter(|row| row.beginning() < wanted).count()
            ..rows.iter().filter(|row| row.beginning() <= wanted).count()
    }

    proptest! {
        #[test]
        fn every_row_is_found_and_no_other(
            mut keys in prop::collection::vec(
                prop_oneof![any::<u64>(), 0..9u64, u64::MAX - 9..=u64::MAX, Just(1 << 63)], 0..200),
            other in any::<u64>(),
        ) {
            keys.sort_unstable();
            let rows: Vec<_> = keys.iter().map(|key| IndexRow::new(*key, 0)).collect();
            for key in keys.iter().copied().chain([other, 0, u64::MAX, 1 << 63]) {
                prop_assert_eq!(rows_of(&rows, key), expected(&rows, key));
            }
        }

        #[test]
        fn rows_out_of_order_do_no_harm(keys in prop::collection::vec(any::<u64>(), 0..60)) {
            let rows: Vec<_> = keys.iter().map(|key| IndexRow::new(*key, 0)).collect();
            for key in keys {
                let found = rows_of(&rows, key);
                prop_assert!(found.start <= found.end && found.end <= rows.len());
            }
        }
    }

    /// The promise of the estimates, on rows as hashes give them.
    #[test]
    fn uniform_rows_are_found_in_few_steps() {
        let mut state = 1u64;
        let mut keys: Vec<u64> = (0..1_000_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            })
            .collect();
        keys.sort_unstable();
        let rows: Vec<_> = keys.iter().map(|key| IndexRow::new(*key, 0)).collect();
        for at in (0..rows.len()).step_by(997) {
            let (guess, _) = estimate(&rows, keys[at]);
            assert!(guess.abs_diff(at) < 64, "{guess} for {at}");
            assert_eq!(rows_of(&rows, keys[at]).start, at);
        }
    }
}
