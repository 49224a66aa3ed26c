//! Sorted records in windows. The records of a window are in memory together, so that many threads can work on them.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    OutputError, Scratch,
    records::{Records, SortRecord},
};

/// The size of all read-ahead buffers together, and the smallest and largest size of one. Where the records of one run
/// come before those of the others, a window is as large as a buffer.
const READ_AHEAD: usize = 32 << 20;
const LEAST_READ_AHEAD: usize = 1 << 16;
const MOST_READ_AHEAD: usize = 8 << 20;

/// A record and its payload.
pub(crate) type WithPayload<'w, R> = (&'w R, &'w [u8]);

/// The records of a sort in ascending order, in windows.
#[derive(Debug)]
pub(crate) struct SortedWindows<R: SortRecord>(Form<R>);

#[derive(Debug)]
enum Form<R: SortRecord> {
    /// All of them are in memory.
    Memory { records: Records<R>, next: usize },
    /// They are in sorted runs.
    Runs { scratch: Scratch, runs: Vec<Run<R>>, ahead: usize },
}

impl<R: SortRecord> SortedWindows<R> {
    /// Of sorted records.
    pub(super) fn in_memory(records: Records<R>) -> Self {
        Self(Form::Memory { records, next: 0 })
    }

    /// Of sorted runs in a file.
    pub(super) fn of_runs(scratch: Scratch, runs: Vec<Range<u64>>) -> Self {
        let ahead = (READ_AHEAD / runs.len().max(1)).clamp(LEAST_READ_AHEAD, MOST_READ_AHEAD);
        Self::read_ahead(scratch, runs, ahead)
    }

    fn read_ahead(scratch: Scratch, runs: Vec<Range<u64>>, ahead: usize) -> Self {
        let runs = runs.into_iter().map(Run::new).collect();
        Self(Form::Runs { scratch, runs, ahead })
    }

    /// Whether all records are in memory.
    pub(crate) fn are_in_memory(&self) -> bool {
        matches!(self.0, Form::Memory { .. })
    }

    /// Begins again with the first record, if all of them are in memory.
    pub(crate) fn rewind(&mut self) {
        if let Form::Memory { next, .. } = &mut self.0 {
            *next = 0;
        }
    }

    /// The next records, with at most about so many bytes, but at least one record. Empty at the end.
    ///
    /// # Errors
    /// [`OutputError`] when the disk fails.
    pub(crate) fn next(&mut self, bytes: usize) -> Result<Vec<WithPayload<'_, R>>, OutputError> {
        match &mut self.0 {
            Form::Memory { records: all, next } => {
                let (mut window, mut taken) = (Vec::new(), 0);
                while taken < bytes.max(1)
                    && let Some(placed) = all.records.get(*next)
                {
                    let payload = all.payload(placed);
                    window.push((&placed.0, payload));
                    taken += size_of::<R>() + payload.len();
                    *next += 1;
                }
                Ok(window)
            }
            Form::Runs { scratch, runs, ahead } => {
                runs.par_iter_mut().try_for_each(|run| run.fill(scratch, *ahead))?;
                runs.retain(|run| !run.records.is_empty());
                let known = known(runs, bytes);
                Ok(take(runs, known))
            }
        }
    }
}

/// The last record up to which all records are in memory, and of these have about so many bytes at most. `None` if
/// that is so of all records.
fn known<R: SortRecord>(runs: &[Run<R>], bytes: usize) -> Option<R> {
    // Of a run of which a part is on disk, no record after its last one in memory is known.
    let partly = runs.iter().filter(|run| !run.rest.is_empty());
    let mut known = partly.filter_map(|run| Some(run.records.last()?.0)).min();
    loop {
        let all: usize = runs.iter().map(|run| run.bytes(run.up_to(known.as_ref()))).sum();
        if all <= bytes {
            return known;
        }
        let longest = runs.iter().max_by_key(|run| run.up_to(known.as_ref()))?;
        let count = longest.up_to(known.as_ref());
        let fewer = longest.records[(count as u64 * bytes as u64 / all as u64) as usize].0;
        if known.is_some_and(|known| fewer >= known) {
            // Equal records.
            return known;
        }
        known = Some(fewer);
    }
}

/// Takes the records up to one of them, or all.
fn take<R: SortRecord>(runs: &mut [Run<R>], last: Option<R>) -> Vec<WithPayload<'_, R>> {
    let mut window = Vec::new();
    for run in runs {
        run.taken = run.up_to(last.as_ref());
        let records = run.records[..run.taken].iter();
        window.extend(records.map(|(record, payload)| {
            (record, &run.buffer[*payload..payload + record.payload_len()])
        }));
    }
    // There are a few sorted parts, which this sort finds.
    window.sort_by_key(|(record, _)| *record);
    window
}

/// A sorted run that is being read.
#[derive(Debug)]
struct Run<R> {
    /// The range of the run that is not in the buffer yet.
    rest: Range<u64>,
    /// Bytes of the run, of which the first `len` count. The memory after them is not cleared.
    buffer: Vec<u8>,
    len: usize,
    /// The whole records in the buffer, each with the place of its payload there.
    records: Vec<(R, usize)>,
    /// The end of the last one.
    end: usize,
    /// How many of them belong to windows before.
    taken: usize,
}

impl<R: SortRecord> Run<R> {
    fn new(rest: Range<u64>) -> Self {
        Self { rest, buffer: Vec::new(), len: 0, records: Vec::new(), end: 0, taken: 0 }
    }

    /// The number of records up to this one.
    fn up_to(&self, last: Option<&R>) -> usize {
        match last {
            Some(last) => self.records.partition_point(|(record, _)| record <= last),
            None => self.records.len(),
        }
    }

    /// The bytes of the first records.
    fn bytes(&self, records: usize) -> usize {
        self.start(records) - self.start(0)
    }

    /// Where a record begins in the buffer.
    fn start(&self, record: usize) -> usize {
        self.records.get(record).map_or(self.end, |(_, payload)| payload - size_of::<R>())
    }

    /// Drops the records of the windows before, and reads more if less than half of the buffer is left. There is a whole
    /// record then, unless the run is at its end.
    fn fill(&mut self, scratch: &Scratch, ahead: usize) -> Result<(), OutputError> {
        let start = self.start(self.taken);
        self.records.drain(..std::mem::take(&mut self.taken));
        if self.rest.is_empty() || (!self.records.is_empty() && self.len - start >= ahead / 2) {
            return Ok(());
        }
        self.buffer.copy_within(start..self.len, 0);
        self.len -= start;
        self.end -= start;
        self.records.iter_mut().for_each(|(_, payload)| *payload -= start);
        let mut wanted = ahead;
        while !self.rest.is_empty() {
            if self.records.is_empty() {
                let next = self.next().map_or(size_of::<R>(), |record| Self::size(&record));
                wanted = wanted.max(self.end + next);
            }
            if self.len >= wanted {
                break;
            }
            self.read(scratch, wanted)?;
        }
        Ok(())
    }

    /// Reads until the buffer has so many bytes or the run is at its end.
    fn read(&mut self, scratch: &Scratch, wanted: usize) -> Result<(), OutputError> {
        let rest = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        let len = self.len + rest.min(wanted - self.len);
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        scratch.read(self.rest.start, &mut self.buffer[self.len..len])?;
        self.rest.start += (len - self.len) as u64;
        self.len = len;
        while let Some(record) = self.next()
            && self.len - self.end >= Self::size(&record)
        {
            self.records.push((record, self.end + size_of::<R>()));
            self.end += Self::size(&record);
        }
        Ok(())
    }

    /// The record after the whole ones, whose payload may not be in the buffer.
    fn next(&self) -> Option<R> {
        let bytes = self.buffer[self.end..self.len].get(..size_of::<R>())?;
        Some(bytemuck::pod_read_unaligned(bytes))
    }

    fn size(record: &R) -> usize {
        size_of::<R>() + record.payload_len()
    }
}

#[cfg(test)]
mod tests {
    use bytemuck::bytes_of;
    use proptest::prelude::*;

    use super::{super::external_sort::tests::Sized, *};

    fn payload(record: &Sized) -> Vec<u8> {
        (0..record.len).map(|at| (record.order + at) as u8).collect()
    }

    /// The windows of runs in a file, of which each buffer has `ahead` bytes.
    fn windows(runs: &[Vec<Sized>], ahead: usize, bytes: usize) -> Vec<Vec<Sized>> {
        let mut scratch = Scratch::temporary().unwrap();
        let write = |run: &Vec<Sized>| {
            let start = scratch.written();
            for record in run {
                scratch.append(bytes_of(record)).unwrap();
                scratch.append(&payload(record)).unwrap();
            }
            start..scratch.written()
        };
        let ranges = runs.iter().map(write).collect();
        let mut sorted = SortedWindows::read_ahead(scratch, ranges, ahead);
        let mut found = Vec::new();
        loop {
            let window = sorted.next(bytes).unwrap();
            if window.is_empty() {
                return found;
            }
            assert!(window.iter().all(|(record, bytes)| payload(record) == *bytes));
            found.push(window.into_iter().map(|(record, _)| *record).collect());
        }
    }

    proptest! {
        #[test]
        fn windows_of_runs_have_all_records_in_order(
            runs in prop::collection::vec(prop::collection::vec((0..300u32, 0..40u32), 0..60), 0..6),
            ahead in 0..200usize,
            bytes in 0..400usize,
        ) {
            let record = |(order, len)| Sized { order, len };
            let mut runs: Vec<Vec<Sized>> =
                runs.into_iter().map(|run| run.into_iter().map(record).collect()).collect();
            runs.iter_mut().for_each(|run| run.sort());
            let mut expected = runs.concat();
            expected.sort();
            prop_assert_eq!(windows(&runs, ahead, bytes).concat(), expected);
        }

        /// Records that do not fit into a buffer are read as a whole.
        #[test]
        fn long_records_are_read_as_a_whole(lens in prop::collection::vec(0..5000u32, 1..20), ahead in 0..100usize) {
            let run: Vec<_> =
                (0..).zip(lens).map(|(order, len)| Sized { order, len }).collect();
            prop_assert_eq!(windows(std::slice::from_ref(&run), ahead, 0).concat(), run);
        }
    }

    /// Runs that follow each other, and runs that interleave, come in windows of about as many bytes as are asked for.
    #[test]
    fn windows_are_neither_large_nor_small() {
        let run = |first: u32, step: u32| -> Vec<Sized> {
            (0..1000).map(|at| Sized { order: first + at * step, len: 12 }).collect()
        };
        let following = [run(0, 1), run(1000, 1), run(2000, 1)];
        let interleaving = [run(0, 3), run(1, 3), run(2, 3)];
        for runs in [following, interleaving] {
            let windows = windows(&runs, 2000, 1000);
            let sizes = || windows.iter().map(|window| window.len() * 20);
            assert_eq!(windows.iter().map(Vec::len).sum::<usize>(), 3000);
            assert!(sizes().all(|size| size <= 1200), "{:?}", sizes().max());
            assert!(windows.len() < 120, "{}", windows.len());
        }
    }

    #[test]
    fn equal_records_come_back() {
        let run = vec![Sized { order: 1, len: 12 }; 300];
        let windows = windows(&[run.clone(), run.clone()], 2000, 100);
        assert_eq!(windows.concat(), run.repeat(2));
    }
}
