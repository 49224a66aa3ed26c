//! The likelihood of a change, from two totals: how many changes are left, and over how many roots.
//!
//! A chain that appends `n` more batches in `r` more roots appends n/r batches per root on average. With a
//! geometric distribution of that mean, the odds of `m` batches at once are 1 to (1 + r/n)^m. A chain may
//! also catch up: any number of batches at once, all equally likely. Odds are counted in half-bits: a
//! change of class `c` has odds of about 1 to 2^(c/2), and the classes of independent changes add up.

use std::ops::Range;

/// Odds in half-bits.
pub(super) type Class = usize;

/// The odds that a chain registered long ago catches up: 1 to 2^6, divided by the number of batches.
const CATCH_UP: f64 = 12.0;
/// The odds that a newly registered chain catches up: 1 to 2.
const CATCH_UP_WHEN_NEW: f64 = 2.0;
/// The odds that many chains are registered at once: 1 to 2^3, divided by their number.
const REGISTER_MANY: f64 = 6.0;
/// The most batches that a chain catches up with at once.
const MOST_AT_ONCE: u64 = 1 << 20;

/// The likelihoods of the changes of one chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainModel {
    /// The class of one appended batch.
    one: Class,
    /// The class of catching up.
    many: Class,
    /// The most batches that the chain can append.
    most: u64,
}

impl ChainModel {
    /// The model of a chain that appends `left` more batches in `roots` more roots.
    pub(super) fn new(left: u64, roots: u64, is_new: bool) -> Self {
        let base = if is_new { CATCH_UP_WHEN_NEW } else { CATCH_UP };
        Self {
            one: half_bits(1.0 + roots.max(1) as f64 / left.max(1) as f64).max(1),
            many: (base + 2.0 * (left.max(1) as f64).log2()).round() as Class,
            most: left.min(MOST_AT_ONCE),
        }
    }

    /// The same model for a chain with `left` batches left.
    pub(super) fn with_left(self, left: u64) -> Self {
        Self { most: left.min(MOST_AT_ONCE), ..self }
    }

    /// The numbers of batches in a class.
    pub(super) fn of(self, class: Class) -> Range<u64> {
        let numbers = match class {
            0 => 0..1,
            class if class == self.many => (self.many.div_ceil(self.one) as u64)..u64::MAX,
            class if class < self.many && class.is_multiple_of(self.one) => {
                let number = (class / self.one) as u64;
                number..number + 1
            }
            _ => 0..0,
        };
        numbers.start..numbers.end.min(self.most + 1).max(numbers.start)
    }
}

/// The class of registering `count` chains, if `left` chains are still to come in `roots` roots.
pub(super) fn registering(count: u64, left: u64, roots: u64) -> Class {
    let one = half_bits(1.0 + roots.max(1) as f64 / left.max(1) as f64).max(1);
    let many = (REGISTER_MANY + 2.0 * (left.max(1) as f64).log2()).round() as Class;
    match count {
        0 => 0,
        count => one.saturating_mul(count as usize).min(many),
    }
}

fn half_bits(odds: f64) -> Class {
    (2.0 * odds.log2()).round() as Class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_batches_is_of_exactly_one_class() {
        for (left, roots) in [(0, 5), (1, 1), (1, 1000), (70, 3), (500, 500), (12_963, 10)] {
            let moves = ChainModel::new(left, roots, false);
            let mut seen = vec![0; left as usize + 1];
            for class in 0..200 {
                for number in moves.of(class) {
                    seen[number as usize] += 1;
                }
            }
            assert!(seen.iter().all(|times| *times == 1), "{left} batches in {roots} roots");
        }
    }
}
