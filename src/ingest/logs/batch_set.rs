use std::collections::BTreeSet;

use super::SourceError;
use crate::primitives::BatchNumber;

/// The most batches of a set; a set of them takes some 30 MB.
const MOST: usize = 1 << 20;

/// Batches that are kept in mind, of which hostile sources could name any number.
#[derive(Debug, Default)]
pub(super) struct BatchSet(BTreeSet<BatchNumber>);

impl BatchSet {
    /// Adds a batch; `false` when it was there.
    ///
    /// # Errors
    /// [`SourceError::TooManyBatches`] when the set is full.
    pub(super) fn insert(&mut self, batch: BatchNumber) -> Result<bool, SourceError> {
        let is_new = self.0.insert(batch);
        if self.0.len() > MOST {
            return Err(SourceError::TooManyBatches { limit: MOST });
        }
        Ok(is_new)
    }

    /// Adds all of them.
    ///
    /// # Errors
    /// As [`BatchSet::insert`].
    pub(super) fn extend(
        &mut self,
        batches: impl IntoIterator<Item = BatchNumber>,
    ) -> Result<(), SourceError> {
        batches.into_iter().try_for_each(|batch| self.insert(batch).map(drop))
    }

    pub(super) fn contains(&self, batch: BatchNumber) -> bool {
        self.0.contains(&batch)
    }

    /// The batches, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = BatchNumber> {
        self.0.iter().copied()
    }

    /// The first and the last of them.
    pub(super) fn ends(&self) -> Option<(BatchNumber, BatchNumber)> {
        Some((*self.0.first()?, *self.0.last()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_set_refuses_another_batch_and_knows_those_it_has() {
        let mut set = BatchSet::default();
        set.extend((0..MOST as u64).map(BatchNumber)).unwrap();
        assert!(!set.insert(BatchNumber(7)).unwrap());
        let error = set.insert(BatchNumber(u64::MAX)).unwrap_err().to_string();
        assert!(error.contains("more than 1048576 batches"), "{error}");
    }
}
