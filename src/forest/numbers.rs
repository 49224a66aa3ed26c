use std::ops::{Range, RangeInclusive};

use crate::primitives::BatchNumber;

/// The numbers of a chain's batches by leaf index. They increase, but need not be contiguous or start at 1.
///
/// Stored as runs of consecutive numbers. A chain has one run for each stay on this settlement layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchNumbers {
    runs: Vec<Run>,
    len: u64,
}

/// The batches from leaf `leaf` up to the next run; their numbers are consecutive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) leaf: u64,
    pub(super) first: BatchNumber,
}

impl BatchNumbers {
    /// `len` numbers in these runs. `None` unless the runs hold exactly `len` increasing numbers, with a gap
    /// between any two runs.
    pub(super) fn in_runs(runs: Vec<Run>, len: u64) -> Option<Self> {
        let numbers = Self { runs, len };
        let first_leaf = numbers.runs.first().map(|run| run.leaf);
        let mut valid = first_leaf == (len > 0).then_some(0);
        for (i, run) in numbers.runs.iter().enumerate() {
            let end = numbers.runs.get(i + 1).map_or(len, |next| next.leaf);
            let count = end.checked_sub(run.leaf).filter(|count| *count > 0);
            let past = count.and_then(|count| run.first.0.checked_add(count));
            let next = numbers.runs.get(i + 1).map_or(u64::MAX, |next| next.first.0);
            valid &= past.is_some_and(|past| past < next || i + 1 == numbers.runs.len());
        }
        valid.then_some(numbers)
    }

    /// Collects these numbers. `None` if they do not increase.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = BatchNumber>) -> Option<Self> {
        let mut all = Self::default();
        numbers.into_iter().all(|number| all.push(number)).then_some(all)
    }

    /// Appends a number. Returns whether it is above the last one; otherwise it is not appended.
    pub(super) fn push(&mut self, number: BatchNumber) -> bool {
        match self.last() {
            Some(last) if number <= last => return false,
            Some(last) if last.0 + 1 == number.0 => {}
            _ => self.runs.push(Run { leaf: self.len, first: number }),
        }
        self.len += 1;
        true
    }

    pub(super) fn all_runs(&self) -> &[Run] {
        &self.runs
    }

    /// The number of batches.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no batches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of the batch with this leaf index.
    #[must_use]
    pub fn get(&self, leaf: u64) -> Option<BatchNumber> {
        let run = self.runs[..self.runs.partition_point(|run| run.leaf <= leaf)].last()?;
        (leaf < self.len).then(|| BatchNumber(run.first.0 + (leaf - run.leaf)))
    }

    /// The first batch.
    #[must_use]
    pub fn first(&self) -> Option<BatchNumber> {
        self.get(0)
    }

    /// The last batch.
    #[must_use]
    pub fn last(&self) -> Option<BatchNumber> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The leaf index of a batch. `None` if the batch is not in the tree.
    #[must_use]
    pub fn find(&self, batch: BatchNumber) -> Option<u64> {
        let before = self.before(batch.0.checked_add(1)?);
        before.checked_sub(1).filter(|leaf| self.get(*leaf) == Some(batch))
    }

    /// The number of batches below `number`.
    fn before(&self, number: u64) -> u64 {
        let next = self.runs.partition_point(|run| run.first.0 < number);
        let Some(run) = next.checked_sub(1).map(|last| self.runs[last]) else { return 0 };
        let end = self.runs.get(next).map_or(self.len, |run| run.leaf);
        end.min(run.leaf + (number - run.first.0))
    }

    /// The last batch below a number, and the first one at or above it.
    #[must_use]
    pub fn around(&self, number: BatchNumber) -> (Option<BatchNumber>, Option<BatchNumber>) {
        let before = self.before(number.0);
        (before.checked_sub(1).and_then(|leaf| self.get(leaf)), self.get(before))
    }

    /// All batch numbers, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = BatchNumber> {
        self.runs(0..self.len)
            .into_iter()
            .flat_map(|run| run.start().0..=run.end().0)
            .map(BatchNumber)
    }

    /// The batches of a range of leaves, as runs of consecutive numbers. A chain that settled elsewhere for
    /// a while has a gap. Leaves beyond the last one are ignored.
    #[must_use]
    pub fn runs(&self, leaves: Range<u64>) -> Vec<RangeInclusive<BatchNumber>> {
        let mut start = leaves.start;
        let end = leaves.end.min(self.len);
        let mut runs = Vec::new();
        while start < end {
            let next = self.runs.partition_point(|run| run.leaf <= start);
            let stop = self.runs.get(next).map_or(end, |run| run.leaf.min(end));
            let run = self.runs[next - 1];
            let number = |leaf: u64| BatchNumber(run.first.0 + (leaf - run.leaf));
            runs.push(number(start)..=number(stop - 1));
            start = stop;
        }
        runs
    }

    /// Writes the numbers of the leaves from `leaf` on.
    pub(super) fn write(&self, leaf: u64, out: &mut [u64]) {
        let mut at = 0;
        for run in self.runs(leaf..leaf + out.len() as u64) {
            for number in run.start().0..=run.end().0 {
                out[at] = number;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_equivalent_to_a_list(gaps in prop::collection::vec(0u64..3, 0..60), first: u32) {
            let mut next = u64::from(first);
            let mut list = Vec::new();
            for gap in gaps {
                next += gap;
                list.push(BatchNumber(next));
                next += 1;
            }
            let numbers = BatchNumbers::new(list.iter().copied()).unwrap();
            prop_assert_eq!(BatchNumbers::new([BatchNumber(3), BatchNumber(3)]), None);
            prop_assert_eq!(numbers.len(), list.len() as u64);
            prop_assert_eq!(&numbers.iter().collect::<Vec<_>>(), &list);
            prop_assert_eq!(numbers.first(), list.first().copied());
            prop_assert_eq!(numbers.last(), list.last().copied());
            let runs = numbers.all_runs().to_vec();
            prop_assert_eq!(BatchNumbers::in_runs(runs, list.len() as u64), Some(numbers.clone()));
            for leaf in 0..=list.len() {
                prop_assert_eq!(numbers.get(leaf as u64), list.get(leaf).copied());
                let mut rest = vec![0; list.len() - leaf];
                numbers.write(leaf as u64, &mut rest);
                prop_assert!(rest.iter().zip(&list[leaf..]).all(|(a, b)| *a == b.0));
            }
            for number in u64::from(first).saturating_sub(2)..next + 2 {
                let number = BatchNumber(number);
                let found = list.binary_search(&number).ok().map(|at| at as u64);
                prop_assert_eq!(numbers.find(number), found);
                let (before, after) = list.split_at(list.partition_point(|b| *b < number));
                let around = (before.last().copied(), after.first().copied());
                prop_assert_eq!(numbers.around(number), around);
            }
            let parts = numbers.runs(1..list.len() as u64).into_iter();
            let middle: Vec<_> =
                parts.flat_map(|run| run.start().0..=run.end().0).map(BatchNumber).collect();
            prop_assert_eq!(&middle[..], list.get(1..).unwrap_or_default());
        }
    }

    #[test]
    fn invalid_runs_are_refused() {
        let run = |leaf, first| Run { leaf, first: BatchNumber(first) };
        for (runs, len) in [
            (vec![], 1),
            (vec![run(0, 1)], 0),
            (vec![run(1, 1)], 2),
            (vec![run(0, 1), run(0, 5)], 2),
            (vec![run(0, 1), run(2, 3)], 3),
            (vec![run(0, 5), run(2, 3)], 3),
            (vec![run(0, 1), run(3, 9)], 3),
            (vec![run(0, u64::MAX)], 2),
        ] {
            assert_eq!(BatchNumbers::in_runs(runs.clone(), len), None, "{runs:?} of {len}");
        }
        assert!(BatchNumbers::in_runs(vec![run(0, 1), run(2, 4)], 3).is_some());
    }
}
