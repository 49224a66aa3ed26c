//! How many logs some batches of an archive have.

use std::ops::{Range, RangeBounds};

use super::{Archive, ArchiveError, rows::BatchRow};
use crate::primitives::{BatchNumber, ChainId};

impl Archive {
    /// The number of logs of a range of batches.
    ///
    /// # Errors
    /// [`ArchiveError::Native`] when a row at the ends of the range is damaged.
    pub fn logs_in(
        &self,
        range: impl RangeBounds<(ChainId, BatchNumber)>,
    ) -> Result<u64, ArchiveError> {
        self.count_in(range, self.header().logs, BatchRow::first_log)
    }

    /// The number of logs of a range of batches whose transaction hash is in the archive.
    ///
    /// # Errors
    /// As [`Archive::logs_in`].
    pub fn transactions_in(
        &self,
        range: impl RangeBounds<(ChainId, BatchNumber)>,
    ) -> Result<u64, ArchiveError> {
        self.count_in(range, self.header().transactions, BatchRow::first_transaction)
    }

    /// Counts something of a range of batches. `before` is how many there are before a row, `all` after the last one.
    fn count_in(
        &self,
        range: impl RangeBounds<(ChainId, BatchNumber)>,
        all: u64,
        before: impl Fn(&BatchRow) -> u64,
    ) -> Result<u64, ArchiveError> {
        let Range { start, end } = self.rows_in(range)?;
        let before = |at: usize| self.rows().get(at).map_or(all, &before);
        Ok(before(end).saturating_sub(before(start)))
    }
}
