use super::{ParquetProofs, Rows};
use crate::{
    files::Input,
    proof::reader::{Defaults, Item, RecordError},
    records::EntriesError,
};

/// All rows of a file in order, numbered from 1.
pub(crate) struct NumberedRows {
    file: ParquetProofs,
    /// The number of the next row group.
    group: usize,
    /// The rows of the current row group.
    rows: Option<Rows>,
    /// The number of rows returned so far.
    before: u64,
}

impl NumberedRows {
    /// Opens a file. `defaults` replace values that its rows lack.
    pub(crate) fn open(input: Input, defaults: &Defaults) -> Result<Self, EntriesError> {
        let file = ParquetProofs::open(input)?.with_defaults(*defaults);
        Ok(Self { file, group: 0, rows: None, before: 0 })
    }
}

impl Iterator for NumberedRows {
    type Item = Result<(u64, Result<Item, RecordError>), EntriesError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.as_mut().and_then(Iterator::next) {
                self.before += 1;
                return Some(row.map(|item| (self.before, item)).map_err(EntriesError::from));
            }
            if self.group == self.file.groups() {
                return None;
            }
            match self.file.rows(self.group) {
                Ok(next) => self.rows = Some(next),
                Err(error) => {
                    self.group = self.file.groups();
                    return Some(Err(error.into()));
                }
            }
            self.group += 1;
        }
    }
}
