use serde::Serialize;

use crate::primitives::SlBatch;

/// How many roots equal those that L1 stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootCounts {
    /// Roots that are equal.
    pub equal: u64,
    /// Roots that L1 does not store, or does not read for proofs.
    pub not_stored: u64,
    /// Roots that cannot be compared: a slot is not proven, a contract is not in the state, or the trees do not
    /// show the shared root at the end of the batch.
    pub unknown: u64,
}

/// What a comparison of trees with L1 found. No root differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Comparison {
    /// The roots of the batches in the chain trees.
    pub batches: RootCounts,
    /// The roots of the settlement layer's own batches; `None` if they were not given, or if the release stores no
    /// roots by block.
    pub sl_batches: Option<RootCounts>,
    /// The newest batch of the settlement layer whose root is equal.
    pub newest_sl_batch: Option<SlBatch>,
}

impl L1Comparison {
    /// Whether any root was found to be equal.
    #[must_use]
    pub fn has_equal(&self) -> bool {
        self.batches.equal + self.sl_batches.map_or(0, |counts| counts.equal) > 0
    }
}

/// The result for one root.
pub(super) enum Compared {
    Equal,
    NotStored,
    Unknown,
}

impl RootCounts {
    pub(super) fn add(&mut self, compared: &Compared) {
        *match compared {
            Compared::Equal => &mut self.equal,
            Compared::NotStored => &mut self.not_stored,
            Compared::Unknown => &mut self.unknown,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_root_is_counted_by_its_result() {
        let mut counts = RootCounts::default();
        let results = [Compared::Equal, Compared::Unknown, Compared::NotStored, Compared::Unknown];
        results.iter().for_each(|result| counts.add(result));
        assert_eq!(counts, RootCounts { equal: 1, not_stored: 1, unknown: 2 });
    }

    #[test]
    fn one_equal_root_of_either_kind_is_enough() {
        let of = |equal| RootCounts { equal, not_stored: 5, unknown: 7 };
        let has_equal = |batches, sl_batches: Option<u64>| {
            let (batches, sl_batches) = (of(batches), sl_batches.map(of));
            L1Comparison { batches, sl_batches, newest_sl_batch: None }.has_equal()
        };
        for (batches, sl_batches, expected) in [
            (0, None, false),
            (0, Some(0), false),
            (1, None, true),
            (2, Some(0), true),
            (0, Some(1), true),
            (3, Some(3), true),
            (1, Some(2), true),
        ] {
            assert_eq!(has_equal(batches, sl_batches), expected, "{batches} {sl_batches:?}");
        }
    }
}
