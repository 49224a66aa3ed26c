//! Records in memory, each with a payload of any length, and their order.

use std::{fmt::Debug, ops::Range};

use bytemuck::Pod;
use rayon::prelude::*;

/// A block of payloads takes no more when it has this many bytes. Blocks are not moved when more are added.
const BLOCK: usize = 1 << 20;

/// A record to sort: a part of fixed width, and a payload whose length the record knows.
///
/// Records never leave the process, so their integers may have the machine's byte order.
pub(crate) trait SortRecord: Pod + Ord + Send + Sync {
    /// The type of a payload's position in memory: [`PayloadPlace`], or `()` for records without payloads.
    type Place: Place;

    /// The length of its payload.
    fn payload_len(&self) -> usize;
}

/// The position of a payload in memory: the number of its block, and where it begins there.
pub(crate) trait Place: Copy + Send + Sync + Debug {
    /// The place in a block.
    fn new(block: usize, offset: usize) -> Self;
    /// The number of the block, and the offset in it.
    fn parts(self) -> (usize, usize);
}

/// The position of a payload that may have bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PayloadPlace {
    block: u32,
    offset: u32,
}

impl Place for PayloadPlace {
    fn new(block: usize, offset: usize) -> Self {
        // A payload begins before the block is full, and 2^32 blocks do not fit into memory.
        Self { block: block as u32, offset: offset as u32 }
    }

    fn parts(self) -> (usize, usize) {
        (self.block as usize, self.offset as usize)
    }
}

impl Place for () {
    fn new(_: usize, _: usize) -> Self {}

    fn parts(self) -> (usize, usize) {
        (0, 0)
    }
}

/// A record with the position of its payload.
pub(super) type Placed<R> = (R, <R as SortRecord>::Place);

/// Records with their payloads.
#[derive(Debug)]
pub(crate) struct Records<R: SortRecord> {
    pub(super) records: Vec<Placed<R>>,
    payloads: Vec<Vec<u8>>,
    /// The number of bytes of all payloads.
    payload_bytes: usize,
}

impl<R: SortRecord> Default for Records<R> {
    fn default() -> Self {
        Self::without_payloads(Vec::new())
    }
}

impl<R: SortRecord> Records<R> {
    /// Records whose payloads are empty.
    pub(super) fn without_payloads(records: Vec<Placed<R>>) -> Self {
        Self { records, payloads: Vec::new(), payload_bytes: 0 }
    }

    /// No records, with an empty buffer for payloads.
    pub(crate) fn in_buffer(buffer: Vec<u8>) -> Self {
        Self { records: Vec::new(), payloads: vec![buffer], payload_bytes: 0 }
    }

    /// How many bytes they take.
    pub(crate) fn size(&self) -> usize {
        self.records.len() * size_of::<Placed<R>>() + self.payload_bytes
    }

    /// Adds a record; `payload` is the parts of its payload in order.
    pub(crate) fn push(&mut self, record: R, payload: &[&[u8]]) {
        let len = record.payload_len();
        debug_assert_eq!(len, payload.iter().map(|part| part.len()).sum::<usize>());
        let mut place = Place::new(0, 0);
        if len > 0 {
            if self.payloads.last().is_none_or(|block| block.len() >= BLOCK) {
                self.payloads.push(Vec::new());
            }
            let last = self.payloads.len() - 1;
            let block = &mut self.payloads[last];
            place = Place::new(last, block.len());
            payload.iter().for_each(|part| block.extend_from_slice(part));
            self.payload_bytes += len;
        }
        self.records.push((record, place));
    }

    /// Adds the records of another list. Their payloads are not copied.
    pub(super) fn append(&mut self, other: Self) {
        let before = self.payloads.len();
        self.records.extend(other.records.into_iter().map(|(record, place)| {
            let (block, offset) = place.parts();
            (record, Place::new(before + block, offset))
        }));
        self.payloads.extend(other.payloads);
        self.payload_bytes += other.payload_bytes;
    }

    /// Passes every record to `change`.
    pub(crate) fn each(&mut self, mut change: impl FnMut(&mut R)) {
        self.records.iter_mut().for_each(|(record, _)| change(record));
    }

    pub(super) fn payload(&self, (record, place): &Placed<R>) -> &[u8] {
        match record.payload_len() {
            0 => &[],
            len => {
                let (block, offset) = place.parts();
                &self.payloads[block][offset..][..len]
            }
        }
    }

    /// Gives back memory that was reserved and not used, if it is much.
    pub(crate) fn shrink(&mut self) {
        self.records.shrink_to_fit();
        let sparse = self.payloads.iter_mut().filter(|block| block.len() < block.capacity() / 2);
        sparse.for_each(Vec::shrink_to_fit);
    }

    /// The number of records.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Appends some records to `bytes`, each with its payload.
    pub(super) fn encode(&self, range: Range<usize>, bytes: &mut Vec<u8>) {
        for placed in &self.records[range] {
            bytes.extend_from_slice(bytemuck::bytes_of(&placed.0));
            bytes.extend_from_slice(self.payload(placed));
        }
    }

    /// Removes all records and keeps their memory. That of their payloads is passed to `free`.
    pub(super) fn clear(&mut self, free: impl FnMut(Vec<u8>)) {
        self.records.clear();
        self.payload_bytes = 0;
        self.payloads.drain(..).for_each(free);
    }

    /// Sorts the records, on all threads.
    pub(super) fn sort(&mut self) {
        self.records.par_sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    }
}
