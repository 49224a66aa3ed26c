//! External merge sort. Runs that fit into memory are sorted and written to a temporary file, and merged
//! while they are read back. Data that fit into memory are not written to disk.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    mem,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    OutputError, Scratch,
    records::{Placed, Records, SortRecord},
    sort_run::{UnwrittenRun, WrittenRun},
    sorted_windows::SortedWindows,
};

/// The size of all read-ahead buffers together, and the smallest size of one buffer.
const READ_AHEAD: usize = 64 << 20;
const LEAST_READ_AHEAD: usize = 1 << 16;
const MOST_READ_AHEAD: usize = 1 << 20;

/// Collects records and sorts them.
#[derive(Debug)]
pub(crate) struct ExternalSort<R: SortRecord> {
    target: PathBuf,
    limit: usize,
    memory: Records<R>,
    /// Records that are to be written to disk.
    aside: Option<Records<R>>,
    /// Whether records are set aside, so that others take half of the memory.
    sets_aside: bool,
    /// Memory for others.
    emptied: Records<R>,
    runs: Vec<Range<u64>>,
    scratch: Option<Scratch>,
}

impl<R: SortRecord> ExternalSort<R> {
    /// A sort that keeps up to `limit` bytes in memory, and the rest in a temporary file beside the output
    /// `target`.
    pub(crate) fn beside(target: &Path, limit: usize) -> Self {
        Self {
            target: target.into(),
            limit,
            memory: Records::default(),
            aside: None,
            sets_aside: false,
            emptied: Records::default(),
            runs: Vec::new(),
            scratch: None,
        }
    }

    /// A sort that keeps everything in memory.
    pub(crate) fn in_memory() -> Self {
        Self::beside(Path::new(""), usize::MAX)
    }

    /// How many bytes are in memory.
    pub(crate) fn size(&self) -> usize {
        self.memory.size()
    }

    /// Adds a record; `payload` is the parts of its payload in order.
    pub(crate) fn push(&mut self, record: R, payload: &[&[u8]]) -> Result<(), OutputError> {
        self.make_room(size_of::<Placed<R>>() + record.payload_len())?;
        self.memory.push(record, payload);
        Ok(())
    }

    /// Adds records that were collected elsewhere. Their payloads are not copied.
    pub(crate) fn append(&mut self, records: Records<R>) -> Result<(), OutputError> {
        self.make_room(records.size())?;
        self.memory.append(records);
        Ok(())
    }

    /// Whether `more` bytes can be added before anything is written to disk.
    pub(crate) fn has_room_for(&self, more: usize) -> bool {
        let limit = if self.sets_aside { self.limit / 2 } else { self.limit };
        self.memory.records.is_empty() || self.size() + more <= limit
    }

    fn make_room(&mut self, more: usize) -> Result<(), OutputError> {
        if self.has_room_for(more) { Ok(()) } else { self.spill() }
    }

    /// Sets the records in memory aside if there is no room for `more` bytes. They can be written to disk while others are
    /// collected: [`ExternalSort::unwritten`] takes them, and has to be followed by [`ExternalSort::wrote`] before
    /// anything is added for which there is no room. From the first time on, what is in memory takes only half as much,
    /// because what was set aside takes memory too.
    pub(crate) fn set_aside(&mut self, more: usize) {
        if self.aside.is_none() && !self.has_room_for(more) {
            self.sets_aside = true;
            self.aside = Some(self.take_memory());
        }
    }

    /// Takes the records that were set aside.
    pub(crate) fn unwritten(&mut self) -> Result<Option<UnwrittenRun<R>>, OutputError> {
        let Some(records) = self.aside.take() else { return Ok(None) };
        let scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Scratch::beside(&self.target)?,
        };
        Ok(Some(UnwrittenRun { records, scratch }))
    }

    /// Gives back records that were written.
    pub(crate) fn wrote(&mut self, WrittenRun { range, scratch, emptied }: WrittenRun<R>) {
        self.runs.push(range);
        self.scratch = Some(scratch);
        self.emptied = emptied;
    }

    /// The records in memory, in whose place others are collected.
    fn take_memory(&mut self) -> Records<R> {
        mem::replace(&mut self.memory, mem::take(&mut self.emptied))
    }

    /// Writes the records set aside, and those in memory.
    fn spill(&mut self) -> Result<(), OutputError> {
        for _ in 0..2 {
            if let Some(run) = self.unwritten()? {
                self.wrote(run.write(drop)?);
            }
            let memory = self.take_memory();
            self.aside = (!memory.records.is_empty()).then_some(memory);
        }
        Ok(())
    }

    /// Ends the collection and starts the sorted output.
    pub(crate) fn finish(mut self) -> Result<Sorted<R>, OutputError> {
        let Some((scratch, ranges)) = self.end()? else {
            return Ok(Sorted::Memory { records: self.memory, next: 0 });
        };
        // Free the memory of the collected records for the read-ahead buffers.
        drop((self.memory, self.emptied));
        let heads = BinaryHeap::with_capacity(ranges.len());
        let mut sorted = Sorted::Runs { scratch, ranges, runs: Vec::new(), heads, is_given: false };
        sorted.rewind()?;
        Ok(sorted)
    }

    /// As [`ExternalSort::finish`], with an output in windows.
    pub(crate) fn windows(mut self) -> Result<SortedWindows<R>, OutputError> {
        Ok(match self.end()? {
            None => SortedWindows::in_memory(self.memory),
            Some((scratch, runs)) => SortedWindows::of_runs(scratch, runs),
        })
    }

    /// Sorts the records: in memory, or all of them in a file with these runs.
    fn end(&mut self) -> Result<Option<SpilledRuns>, OutputError> {
        if self.aside.is_some() || !self.runs.is_empty() {
            self.spill()?;
        }
        let scratch = self.scratch.take();
        if scratch.is_none() {
            self.memory.sort();
        }
        Ok(scratch.map(|scratch| (scratch, mem::take(&mut self.runs))))
    }
}

/// A file, and the ranges of its sorted runs.
type SpilledRuns = (Scratch, Vec<Range<u64>>);

/// The records in ascending order.
#[derive(Debug)]
pub(crate) enum Sorted<R: SortRecord> {
    /// All of them are in memory.
    Memory { records: Records<R>, next: usize },
    /// They are in sorted runs.
    Runs {
        scratch: Scratch,
        ranges: Vec<Range<u64>>,
        runs: Vec<Run>,
        /// The next record of every run that has more records.
        heads: BinaryHeap<Reverse<(R, usize)>>,
        /// Whether the first record of `heads` was returned. The next call replaces it by the next record of
        /// its run.
        is_given: bool,
    },
}

impl<R: SortRecord> Sorted<R> {
    /// Records without payloads that ascend.
    pub(crate) fn in_order(records: Vec<Placed<R>>) -> Self {
        Self::Memory { records: Records::without_payloads(records), next: 0 }
    }

    /// Begins again with the first record.
    pub(crate) fn rewind(&mut self) -> Result<(), OutputError> {
        match self {
            Self::Memory { next, .. } => *next = 0,
            Self::Runs { scratch, ranges, runs, heads, is_given } => {
                let piece = (READ_AHEAD / ranges.len()).clamp(LEAST_READ_AHEAD, MOST_READ_AHEAD);
                let run =
                    |rest: &Range<u64>| Run { rest: rest.clone(), piece, buffer: vec![], at: 0 };
                *runs = ranges.iter().map(run).collect();
                heads.clear();
                for (index, run) in runs.iter_mut().enumerate() {
                    heads.extend(run.record(scratch)?.map(|record| Reverse((record, index))));
                }
                *is_given = false;
            }
        }
        Ok(())
    }

    /// The next record and its payload.
    pub(crate) fn next(&mut self) -> Result<Option<(R, &[u8])>, OutputError> {
        match self {
            Self::Memory { records: all, next } => {
                let Some(placed) = all.records.get(*next) else { return Ok(None) };
                *next += 1;
                Ok(Some((placed.0, all.payload(placed))))
            }
            Self::Runs { scratch, runs, heads, is_given, .. } => {
                if mem::replace(is_given, true)
                    && let Some(mut first) = heads.peek_mut()
                {
                    let Reverse((given, index)) = &mut *first;
                    match runs[*index].record(scratch)? {
                        Some(record) => *given = record,
                        None => drop(PeekMut::pop(first)),
                    }
                }
                let Some(Reverse((record, index))) = heads.peek() else { return Ok(None) };
                let payload = runs[*index].take(scratch, record.payload_len())?;
                Ok(Some((*record, payload)))
            }
        }
    }
}

/// A sorted run that is being read.
#[derive(Debug)]
pub(crate) struct Run {
    /// The range of the run that is not in the buffer yet.
    rest: Range<u64>,
    piece: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl Run {
    /// The next record without its payload; `None` at the end of the run.
    fn record<R: SortRecord>(&mut self, scratch: &Scratch) -> Result<Option<R>, OutputError> {
        if self.at == self.buffer.len() && self.rest.is_empty() {
            return Ok(None);
        }
        self.take(scratch, size_of::<R>()).map(|bytes| Some(bytemuck::pod_read_unaligned(bytes)))
    }

    /// The next `len` bytes. This process wrote them, so they exist.
    fn take(&mut self, scratch: &Scratch, len: usize) -> Result<&[u8], OutputError> {
        let left = self.buffer.len() - self.at;
        if left < len {
            self.buffer.copy_within(self.at.., 0);
            let rest = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
            let more = rest.min(self.piece.max(len - left));
            self.buffer.resize(left + more, 0);
            self.at = 0;
            scratch.read(self.rest.start, &mut self.buffer[left..])?;
            self.rest.start += more as u64;
        }
        self.at += len;
        Ok(&self.buffer[self.at - len..self.at])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use bytemuck::{Pod, Zeroable};
    use proptest::prelude::*;

    use super::{super::records::PayloadPlace, *};

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
    #[repr(C)]
    pub(in crate::files) struct Sized {
        pub(in crate::files) order: u32,
        pub(in crate::files) len: u32,
    }

    impl SortRecord for Sized {
        type Place = PayloadPlace;

        fn payload_len(&self) -> usize {
            self.len as usize
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
    #[repr(C)]
    struct Bare([u8; 3]);

    impl SortRecord for Bare {
        type Place = ();

        fn payload_len(&self) -> usize {
            0
        }
    }

    proptest! {
        #[test]
        fn records_come_back_in_order_from_memory_and_from_disk(
            records in prop::collection::vec((0..50u32, prop::collection::vec(any::<u8>(), 0..40)), 0..200),
            limit in 0..2000usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sort = ExternalSort::beside(&folder.path().join("out"), limit);
            for (order, payload) in &records {
                let (one, two) = payload.split_at(payload.len() / 2);
                sort.push(Sized { order: *order, len: payload.len() as u32 }, &[one, two]).unwrap();
            }
            let mut sorted = sort.finish().unwrap();
            let mut got = Vec::new();
            while let Some((record, payload)) = sorted.next().unwrap() {
                got.push((record.order, payload.to_vec()));
            }
            prop_assert!(sorted.next().unwrap().is_none());
            sorted.rewind().unwrap();
            let mut again = Vec::new();
            while let Some((record, payload)) = sorted.next().unwrap() {
                again.push((record.order, payload.to_vec()));
            }
            prop_assert_eq!(&got, &again);
            prop_assert!(got.is_sorted_by_key(|(order, payload)| (*order, payload.len())));
            let (mut got, mut expected) = (got, records);
            got.sort();
            expected.sort();
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn records_without_payloads_take_only_their_own_memory(
            records in prop::collection::vec(any::<[u8; 3]>(), 0..300),
            limit in 0..400usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sort = ExternalSort::beside(&folder.path().join("out"), limit);
            for record in &records {
                sort.push(Bare(*record), &[]).unwrap();
                prop_assert!(sort.size() <= limit.max(3));
            }
            let mut sorted = sort.finish().unwrap();
            let mut got = Vec::new();
            while let Some((record, payload)) = sorted.next().unwrap() {
                prop_assert!(payload.is_empty());
                got.push(record.0);
            }
            let mut expected = records;
            expected.sort_unstable();
            prop_assert_eq!(got, expected);
            drop(sorted);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing left over");
        }
    }
}
