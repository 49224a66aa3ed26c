use rayon::prelude::*;

use super::{
    Archive, ArchiveHeader, BATCHES, BY_MESSAGE, BY_TRANSACTION, Origin, TRANSACTIONS,
    collector::Head,
    rows::{BatchRow, IndexRow},
};
use crate::{
    archive::ArchiveError,
    files::SectionName,
    message::BatchView,
    primitives::{Hash, ordered::try_map},
};

/// How many batches are checked at once.
const BATCHES_AT_ONCE: usize = 1 << 12;

impl Archive {
    /// Reads every byte. Checks the checksums, that the rows are ascending and cover all sections, that the
    /// hash of each message is the value of its log, and that each index contains each of its logs once,
    /// under the right hash.
    /// # Errors
    /// [`ArchiveError::Native`], which names the section at fault.
    pub fn check(&self) -> Result<(), ArchiveError> {
        self.container().check()?;
        self.check_blocks()?;
        let rows = self.rows();
        let mut counted = ArchiveHeader::default();
        let mut messages = 0;
        for start in (0..rows.len()).step_by(BATCHES_AT_ONCE) {
            let end = rows.len().min(start + BATCHES_AT_ONCE);
            let views = try_map((start..end).into_par_iter(), |at| self.checked(at))?;
            for (at, view) in (start..).zip(views) {
                let (batch, message_logs) = view;
                if at > 0 && rows[at - 1].key() >= rows[at].key() {
                    return Err(self
                        .bad(BATCHES, format!("row {at} is not greater than the row before it")));
                }
                if bytemuck::bytes_of(&BatchRow::new(&batch, &counted))
                    != bytemuck::bytes_of(&rows[at])
                {
                    return Err(self.bad(
                        BATCHES,
                        format!("row {at} does not start where the row before it ends"),
                    ));
                }
                Head::new(&batch, Origin::default()).count(&mut counted);
                messages += message_logs;
            }
        }
        if counted != *self.header() {
            return Err(self.bad(BATCHES, "the totals of the rows differ from the header".into()));
        }
        self.check_index(BY_MESSAGE, messages, |number| {
            let log = self.log(number).filter(|log| log.is_message());
            log.map(|log| log.value())
        })?;
        self.check_index(BY_TRANSACTION, counted.transactions, |number| {
            let (row, index) = self.row_with(number)?;
            let row = self.rows().get(row).filter(|row| index < row.transactions())?;
            self.part(TRANSACTIONS, row.first_transaction().checked_add(index)?, 1)?
                .first()
                .copied()
        })
    }

    /// The batch of a row, with its messages checked, and its number of logs of messages.
    fn checked(&self, at: usize) -> Result<(BatchView<'_>, u64), ArchiveError> {
        let batch = self.view(at)?;
        batch.check_messages().map_err(|error| self.bad(BATCHES, format!("row {at}: {error}")))?;
        let message_logs = batch.logs.iter().filter(|log| log.is_message()).count();
        Ok((batch, message_logs as u64))
    }

    /// Checks that an index has exactly one row for each of `count` logs, with the prefix of the log's hash.
    fn check_index(
        &self,
        name: SectionName,
        count: u64,
        hash_of: impl Fn(u64) -> Option<Hash> + Sync,
    ) -> Result<(), ArchiveError> {
        let rows: &[IndexRow] = self.table(name);
        if rows.len() as u64 != count {
            let reason = format!("has {} rows, expected {count}", rows.len());
            return Err(self.bad(name, reason));
        }
        let key = |row: &IndexRow| (row.prefix_u64(), row.log());
        if rows.par_windows(2).any(|pair| key(&pair[0]) >= key(&pair[1])) {
            return Err(self.bad(name, "its rows are not ascending".into()));
        }
        // The number of rows is right and all rows differ, so it remains to check that each row is right.
        let belongs = |row: &IndexRow| {
            hash_of(row.log()).is_some_and(|hash| hash.prefix_u64() == row.prefix_u64())
        };
        match rows.par_iter().find_first(|row| !belongs(row)) {
            Some(row) => Err(self.wrong_row(name, row.log())),
            None => Ok(()),
        }
    }
}
