//! Rows of Parquet on their way into a file.

use super::error::CliError;
use crate::proofs::parquet::{EncodedRows, Footer, MAGIC, ROWS_PER_GROUP, RowGroup};

/// Rows that are not written yet, and what the footer will say about those that are.
pub(super) struct RowGroups {
    group: RowGroup,
    footer: Footer,
    begun: bool,
}

impl RowGroups {
    pub(super) fn new() -> Result<Self, CliError> {
        Ok(Self { group: RowGroup::default(), footer: Footer::new()?, begun: false })
    }

    /// Takes rows; a row group that is full with them goes to `put`.
    pub(super) fn append(
        &mut self,
        rows: EncodedRows,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        self.group.append(rows);
        if self.group.rows() < ROWS_PER_GROUP { Ok(()) } else { self.flush(put) }
    }

    fn flush(
        &mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        if !self.begun {
            put(&MAGIC)?;
            self.begun = true;
        }
        let group = std::mem::take(&mut self.group);
        if group.rows() == 0 {
            return Ok(());
        }
        self.footer.add(&group.summary())?;
        group.bytes().try_for_each(put)
    }

    /// Puts the rest and the end of the file.
    pub(super) fn finish(
        mut self,
        put: &mut dyn FnMut(&[u8]) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        self.flush(put)?;
        put(&self.footer.finish()?)
    }
}
