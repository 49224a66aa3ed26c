use std::sync::Arc;

use super::{Damage, ParquetProofs, ReadError, Rows};
use crate::{
    files::{Input, parquet::MOST_MEMORY},
    proof::reader::{Defaults, Item, RecordError},
    records::EntriesError,
};

/// A row group is small if it has at most this number of rows. Those of this program have fewer.
const SMALL: u64 = 1 << 16;

/// All rows of a file in order, numbered from 1.
pub(crate) struct NumberedRows {
    file: Arc<ParquetProofs>,
    /// The number of the next row group.
    group: usize,
    /// The rows of the current row group.
    rows: Option<Rows>,
    /// The number of rows returned so far.
    before: u64,
}

/// A row group that is read on its own.
pub(crate) struct NumberedGroup {
    file: Arc<ParquetProofs>,
    group: usize,
    /// The number of rows before it.
    before: u64,
    /// The maximum number of bytes of its pages that are read together.
    most_memory: u64,
}

/// A row with its number.
type NumberedRow = Result<(u64, Result<Item, RecordError>), EntriesError>;

impl NumberedRows {
    /// Opens a file. `defaults` replace values that its rows lack.
    pub(crate) fn open(input: Input, defaults: &Defaults) -> Result<Self, EntriesError> {
        let file = Arc::new(ParquetProofs::open(input)?.with_defaults(*defaults));
        Ok(Self { file, group: 0, rows: None, before: 0 })
    }

    /// Passes over the next row group, which is then read at the same time as up to `most` others. `None` while a row
    /// group is being read, or if the next one is not small: its verdicts would have to wait in memory.
    pub(crate) fn take_group(&mut self, most: usize) -> Option<NumberedGroup> {
        if self.rows.as_ref().is_some_and(|rows| !rows.is_end()) || self.group == self.file.groups()
        {
            return None;
        }
        // The reader of the row group says what is wrong.
        let Ok(rows @ ..=SMALL) = self.file.row_count(self.group) else { return None };
        let (file, group, before) = (Arc::clone(&self.file), self.group, self.before);
        self.before += rows;
        self.group += 1;
        Some(NumberedGroup { file, group, before, most_memory: MOST_MEMORY / most as u64 })
    }
}

impl NumberedGroup {
    /// The rows, which are read on the calling thread.
    pub(crate) fn rows(&self) -> Result<impl Iterator<Item = NumberedRow>, EntriesError> {
        let rows = self.file.rows_within(self.group, self.most_memory)?;
        Ok((self.before + 1..).zip(rows).map(|(number, row)| Ok((number, row?))))
    }

    /// The same group with all the memory that one may take, if `error` is that it took more than its share.
    pub(crate) fn alone(self, error: &EntriesError) -> Option<Self> {
        let EntriesError::Parquet(ReadError::Damaged { source: Damage::Memory, .. }) = error else {
            return None;
        };
        Some(Self { most_memory: MOST_MEMORY, ..self })
    }
}

impl Iterator for NumberedRows {
    type Item = NumberedRow;

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
