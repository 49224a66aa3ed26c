//! Sorted runs of records in a temporary file.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    OutputError, Pool, Scratch,
    put_ahead::put_ahead,
    records::{Records, SortRecord},
};

/// Records are written in pieces of about this size, so many of which are made together.
const PIECE: usize = 1 << 18;
const PIECES: usize = 32;

/// Records that are to be written to a file as a run.
#[derive(Debug)]
pub(crate) struct UnwrittenRun<R: SortRecord> {
    pub(super) records: Records<R>,
    pub(super) scratch: Scratch,
}

/// A run in a file.
#[derive(Debug)]
pub(crate) struct WrittenRun<R: SortRecord> {
    pub(super) range: Range<u64>,
    pub(super) scratch: Scratch,
    /// No records, in the memory of those that were written.
    pub(super) emptied: Records<R>,
}

impl<R: SortRecord> UnwrittenRun<R> {
    /// Sorts and writes the records, each with its payload. The buffers of the payloads are passed to `free` then, because the
    /// system takes long to take memory back and to give it again.
    ///
    /// # Errors
    /// [`OutputError`] when the disk is full or fails.
    pub(crate) fn write(self, free: impl FnMut(Vec<u8>)) -> Result<WrittenRun<R>, OutputError> {
        let Self { mut records, mut scratch } = self;
        records.sort();
        let start = scratch.written();
        let pool = Pool::<Vec<u8>>::default();
        let len = records.len();
        // The average number of records of a piece.
        let at_once = (len / records.size().div_ceil(PIECE).max(1)).max(1);
        let mut next = 0;
        let pieces = || {
            let end = len.min(next + PIECES * at_once);
            let starts = (next..end).into_par_iter().step_by(at_once);
            let pieces: Vec<_> = starts
                .map(|start| {
                    let mut piece = pool.take().unwrap_or_default();
                    records.encode(start..end.min(start + at_once), &mut piece);
                    piece
                })
                .collect();
            next = end;
            Ok::<_, OutputError>((!pieces.is_empty()).then_some(pieces))
        };
        put_ahead(pieces, |pieces| {
            pieces.into_iter().try_for_each(|piece| {
                scratch.append(&piece)?;
                // The memory of very long records is not kept.
                pool.recycle(piece, 4 * PIECE);
                Ok(())
            })
        })?;
        records.clear(free);
        Ok(WrittenRun { range: start..scratch.written(), scratch, emptied: records })
    }
}
