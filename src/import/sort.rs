//! The external sort: any number of slots in a bounded part of memory.
//!
//! Records are collected until their share of memory is full, sorted, and appended as a run to one
//! temporary file. In the end the runs are merged. What fits into memory never sees a disk.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    path::{Path, PathBuf},
};

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use rayon::prelude::*;

use super::ImportError;
use crate::{files::Scratch, primitives::Hash, state::entries::Entry};

/// A slot on its way into a snapshot; 80 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Record {
    pub(super) entry: Entry,
    /// The enumeration index, zero when the source has none.
    pub(super) index: [u8; 8],
    /// The SL batch of the first write.
    pub(super) batch: [u8; 4],
    /// The number of the input that it came from.
    pub(super) input: [u8; 4],
}

/// Memory for records that are collected: 320 MiB.
const COLLECTED: usize = 1 << 22;
/// Memory for the runs while they are merged, in records: as much.
const MERGED: usize = 1 << 22;
/// A run is read in pieces of at most this many records.
const LARGEST_PIECE: usize = 1 << 15;
/// Merged records are handed on in pieces of this many.
const HANDED_ON: usize = 1 << 12;

/// Collects records and gives them back in the order of their keys.
pub(super) struct Sorter {
    records: Vec<Record>,
    limit: usize,
    /// The output beside which runs are written; none when everything has to fit into memory.
    target: Option<PathBuf>,
    spilled: Option<Spilled>,
}

struct Spilled {
    scratch: Scratch,
    /// Offsets of the runs and the end of the last.
    runs: Vec<u64>,
}

impl Sorter {
    /// A sorter that writes runs beside `target`.
    pub(super) fn beside(target: &Path) -> Self {
        Self::with_limit(COLLECTED, Some(target))
    }

    /// A sorter that refuses more records than `limit`.
    pub(super) fn in_memory(limit: usize) -> Self {
        Self::with_limit(limit, None)
    }

    fn with_limit(limit: usize, target: Option<&Path>) -> Self {
        Self { records: Vec::new(), limit, target: target.map(Path::to_owned), spilled: None }
    }

    /// The most records that there is room for.
    pub(super) fn most(&self) -> u64 {
        if self.target.is_some() { u64::MAX } else { self.limit as u64 }
    }

    /// The error to give when there is no room.
    pub(super) fn full(&self, name: &str) -> ImportError {
        ImportError::TooManySlots { name: name.into(), limit: self.limit }
    }

    /// Takes a record. `name` is the input that it comes from.
    pub(super) fn push(&mut self, record: Record, name: &str) -> Result<(), ImportError> {
        if self.records.len() == self.limit {
            self.spill(name)?;
        }
        self.records.push(record);
        Ok(())
    }

    fn spill(&mut self, name: &str) -> Result<(), ImportError> {
        let Some(target) = &self.target else {
            return Err(self.full(name));
        };
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled { scratch: Scratch::beside(target)?, runs: vec![0] }),
        };
        sort(&mut self.records);
        spilled.scratch.append(cast_slice(&self.records))?;
        spilled.runs.push(spilled.scratch.len());
        self.records.clear();
        Ok(())
    }

    /// Hands all records to `take`, in ascending order of their keys.
    pub(super) fn drain(
        mut self,
        mut take: impl FnMut(&[Record]) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        if self.spilled.is_some() && !self.records.is_empty() {
            self.spill("")?;
        }
        let Some(spilled) = self.spilled else {
            sort(&mut self.records);
            return self.records.chunks(HANDED_ON).try_for_each(take);
        };
        // The memory of the collected records is needed for the runs.
        self.records = Vec::new();
        merge(&spilled, &mut take)
    }
}

fn sort(records: &mut [Record]) {
    records.par_sort_unstable_by(|a, b| {
        a.entry.key.cmp(&b.entry.key).then_with(|| a.input.cmp(&b.input))
    });
}

fn merge(
    spilled: &Spilled,
    take: &mut impl FnMut(&[Record]) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let count = spilled.runs.len() - 1;
    let piece = (MERGED / count).clamp(1, LARGEST_PIECE);
    let mut runs = Vec::with_capacity(count);
    let mut heads = BinaryHeap::with_capacity(count);
    for (number, bounds) in spilled.runs.windows(2).enumerate() {
        let mut run = Run { next: bounds[0], end: bounds[1], records: Vec::new(), taken: 0 };
        if run.refill(&spilled.scratch, piece)? {
            heads.push(Reverse((run.head(), number)));
        }
        runs.push(run);
    }
    let mut merged = Vec::with_capacity(2 * HANDED_ON);
    while let Some(Reverse((_, number))) = heads.pop() {
        let run = &mut runs[number];
        let rest = &run.records[run.taken..];
        // Everything up to the next head of another run follows in this one.
        let len = match heads.peek() {
            Some(Reverse((next, _))) => {
                1 + rest[1..].iter().take_while(|record| record.entry.key <= *next).count()
            }
            None => rest.len(),
        };
        for part in rest[..len].chunks(HANDED_ON) {
            merged.extend_from_slice(part);
            if merged.len() >= HANDED_ON {
                take(&merged)?;
                merged.clear();
            }
        }
        run.taken += len;
        if run.taken < run.records.len() || run.refill(&spilled.scratch, piece)? {
            heads.push(Reverse((run.head(), number)));
        }
    }
    take(&merged)
}

/// A sorted run that is being read.
struct Run {
    next: u64,
    end: u64,
    records: Vec<Record>,
    taken: usize,
}

impl Run {
    fn head(&self) -> Hash {
        self.records[self.taken].entry.key
    }

    /// Reads the next piece; false at the end of the run.
    fn refill(&mut self, scratch: &Scratch, piece: usize) -> Result<bool, ImportError> {
        let left = (self.end - self.next) / size_of::<Record>() as u64;
        let len = usize::try_from(left).map_or(piece, |left| left.min(piece));
        self.records.resize(len, Record::default());
        self.taken = 0;
        scratch.read(self.next, cast_slice_mut(&mut self.records))?;
        self.next += (len * size_of::<Record>()) as u64;
        Ok(len > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keccak::keccak256;

    /// A sort that spills after a few records gives what sorting in memory gives.
    #[test]
    fn runs_are_merged_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for (count, limit) in [(0, 1), (1, 1), (1000, 1), (1000, 7), (20_000, 4096), (999, 999)] {
            let records: Vec<Record> = (0..count as u32)
                .map(|i| Record {
                    // Every key occurs twice.
                    entry: Entry { key: keccak256(&(i / 2).to_be_bytes()), ..Entry::default() },
                    batch: i.to_le_bytes(),
                    ..Record::default()
                })
                .collect();
            let mut sorter = Sorter::with_limit(limit, Some(&folder.path().join("out")));
            for record in &records {
                sorter.push(*record, "test").unwrap();
            }
            let mut sorted = Vec::new();
            sorter
                .drain(|piece| {
                    sorted.extend_from_slice(piece);
                    Ok(())
                })
                .unwrap();
            assert!(sorted.is_sorted_by_key(|record| record.entry.key), "{count} by {limit}");
            sorted.sort_unstable_by_key(|record| {
                record.batch.map(u32::from).iter().rev().fold(0, |n, b| n << 8 | b)
            });
            assert!(sorted == records, "{count} by {limit}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing left over");
    }

    #[test]
    fn without_a_disk_the_limit_holds() {
        let mut sorter = Sorter::in_memory(2);
        sorter.push(Record::default(), "test").unwrap();
        sorter.push(Record::default(), "test").unwrap();
        let error = sorter.push(Record::default(), "test").unwrap_err();
        assert!(matches!(error, ImportError::TooManySlots { limit: 2, .. }));
    }
}
