//! Slots in ascending order of their keys, as the columns of a snapshot.

use super::{ImportError, slot_record::Record};
use crate::{files::Numbered, state::entries::Entry};

/// Consecutive slots of a sort. Slots with the same key are merged or refused, and zeros dropped.
#[derive(Default)]
pub(super) struct SlotGroup {
    entries: Vec<Entry>,
    batches: Vec<[u8; 4]>,
    indexes: Vec<[u8; 8]>,
    /// The first and the last record.
    ends: Option<(Record, Record)>,
    /// How many columns at the beginning are those of the group before.
    skipped: usize,
    /// The number of records that were merged with the one before them.
    merged: u64,
    /// The first two records of one key that differ. The records after them are left out.
    differing: Option<TwoRecords>,
}

impl SlotGroup {
    /// Takes records in their order. The columns of batches and indexes are filled if `has_columns`.
    pub(super) fn filled(mut self, records: &[Numbered<'_, Record>], has_columns: bool) -> Self {
        self.entries.clear();
        self.batches.clear();
        self.indexes.clear();
        (self.skipped, self.merged, self.differing) = (0, 0, None);
        self.ends = records.first().zip(records.last()).map(|(first, last)| (*first.1, *last.1));
        for (at, (number, record)) in records.iter().enumerate() {
            if let Some((next, other)) = records.get(at + 1)
                && number == next
                && record.entry.key == other.entry.key
            {
                if let Err(two) = agree(record, other) {
                    self.differing = Some(two);
                    break;
                }
                self.merged += 1;
            } else if !record.entry.value.is_zero() {
                self.entries.push(record.entry);
                if has_columns {
                    self.batches.push(record.batch);
                    self.indexes.push(record.index);
                }
            }
        }
        self
    }

    /// Merges the first records with the last one before them, if it has the same key.
    ///
    /// # Errors
    /// Two records that differ.
    pub(super) fn follow(&mut self, before: Option<&Record>) -> Result<(), TwoRecords> {
        if let Some((before, (first, _))) = before.zip(self.ends.as_ref())
            && before.entry.key == first.entry.key
        {
            agree(before, first)?;
            self.merged += 1;
            self.skipped = usize::from(!first.entry.value.is_zero());
        }
        Ok(())
    }

    /// The number of records that were merged with the one before them.
    ///
    /// # Errors
    /// Two records that differ.
    pub(super) fn merged(&self) -> Result<u64, TwoRecords> {
        self.differing.map_or(Ok(self.merged), Err)
    }

    /// The last record.
    pub(super) fn last(&self) -> Option<Record> {
        self.ends.map(|(_, last)| last)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries[self.skipped..]
    }

    /// The batches of the first writes; empty without columns, as the indexes are.
    pub(super) fn batches(&self) -> &[[u8; 4]] {
        self.batches.get(self.skipped..).unwrap_or_default()
    }

    pub(super) fn indexes(&self) -> &[[u8; 8]] {
        self.indexes.get(self.skipped..).unwrap_or_default()
    }
}

/// Two records of one key that differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct TwoRecords(Record, Record);

/// Checks that two records of one key agree.
///
/// # Errors
/// The two records, if they differ.
pub(super) fn agree(first: &Record, second: &Record) -> Result<(), TwoRecords> {
    let facts = |record: &Record| (record.entry.value, record.index, record.batch);
    if facts(first) == facts(second) { Ok(()) } else { Err(TwoRecords(*first, *second)) }
}

impl TwoRecords {
    /// The error. `inputs` are the names by number.
    pub(super) fn error(&self, inputs: &[String]) -> ImportError {
        let Self(first, second) = self;
        let name = |record: &Record| {
            let number = u32::from_le_bytes(record.input) as usize;
            inputs.get(number).cloned().unwrap_or_default()
        };
        let what = |record: &Record| match u64::from_le_bytes(record.index) {
            0 => record.entry.value.to_string(),
            index => format!("{} with the enumeration index {index}", record.entry.value),
        };
        ImportError::Conflict {
            key: first.entry.key,
            first: name(first),
            first_value: what(first),
            second: name(second),
            second_value: what(second),
        }
    }
}
