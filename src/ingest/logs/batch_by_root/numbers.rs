//! Chooses the numbers of the runs whose roots are known. Numbers ascend with the position of the runs.
//!
//! Where only one batch has the root of a run, that is its number; of these runs, the longest ascending
//! sequence is kept. A run with the root of several batches gets the first number that fits between its
//! neighbours. If another one would fit too, the number is not certain.

use super::{Outcome, Part, Stretch};
use crate::{ingest::logs::BatchRoots, primitives::BatchNumber};

type Numbers = Vec<Option<BatchNumber>>;

/// Chooses the numbers of all runs.
pub(super) fn numbered(parts: Vec<Part>, roots: &BatchRoots) -> Vec<Stretch> {
    let lowest = lowest(&parts, roots);
    let highest = highest(&parts, &lowest, roots);
    let before = following(&lowest);
    let mut after = None;
    let mut stretches = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let outcome = match (part.root, lowest[index]) {
            (Some(_), Some(number)) => {
                Outcome::Batch { number, is_certain: highest[index] == Some(number) }
            }
            (Some(root), None) => Outcome::OutOfOrder(roots.after(&root, None).unwrap_or_default()),
            (None, _) => Outcome::NoRoot {
                around: (after, before[index]),
                between: roots.between(after, before[index]),
                is_stopped: part.is_stopped,
            },
        };
        after = lowest[index].or(after);
        stretches.push(Stretch {
            positions: part.positions,
            blocks: part.blocks,
            transaction: part.transaction,
            transactions: part.transactions,
            logs: part.logs,
            outcome,
        });
    }
    stretches
}

/// The lowest possible number of every run.
fn lowest(parts: &[Part], roots: &BatchRoots) -> Numbers {
    let only = |part: &Part| {
        let number = roots.after(&part.root?, None)?;
        roots.after(&part.root?, Some(number)).is_none().then_some(number)
    };
    let only: Numbers = parts.iter().map(only).collect();
    let kept = ascending(&only);
    let next_kept = following(&kept);
    let mut after = None;
    let number = |(index, part): (usize, &Part)| {
        let number = kept[index].or_else(|| {
            let number = roots.after(&part.root?, after)?;
            let fits = next_kept[index].is_none_or(|next| number < next);
            (only[index].is_none() && fits).then_some(number)
        });
        after = number.or(after);
        number
    };
    parts.iter().enumerate().map(number).collect()
}

/// The highest possible number of every run that has a lowest one.
fn highest(parts: &[Part], lowest: &Numbers, roots: &BatchRoots) -> Numbers {
    let mut highest = lowest.clone();
    let mut before = None;
    for (number, part) in highest.iter_mut().zip(parts).rev() {
        if let (Some(root), Some(_)) = (part.root, *number) {
            *number = roots.before(&root, before);
            before = *number;
        }
    }
    highest
}

/// For each place, the next number after it.
fn following(numbers: &Numbers) -> Numbers {
    let mut next = None;
    let mut following = vec![None; numbers.len()];
    for (place, number) in following.iter_mut().zip(numbers).rev() {
        *place = next;
        next = number.or(next);
    }
    following
}

/// The longest ascending sequence of numbers; the others are `None`. Of several, it is the one that ends with
/// the lowest numbers.
pub(super) fn ascending(numbers: &Numbers) -> Numbers {
    // The place of the lowest last number of a sequence of each length, and the place before each place.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; numbers.len()];
    for (place, number) in numbers.iter().enumerate().filter(|(_, number)| number.is_some()) {
        let len = ends.partition_point(|end| numbers[*end] < *number);
        before[place] = len.checked_sub(1).map(|last| ends[last]);
        match ends.get_mut(len) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    let mut kept = vec![None; numbers.len()];
    let mut last = ends.last().copied();
    while let Some(place) = last {
        kept[place] = numbers[place];
        last = before[place];
    }
    kept
}
