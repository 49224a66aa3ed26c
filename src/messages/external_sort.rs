//! Sorting more than fits into memory: runs that fit are sorted, written one after the other to a
//! temporary file, and merged while they are read back.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    ops::Range,
    path::{Path, PathBuf},
};

use bytemuck::Pod;
use rayon::prelude::*;

use crate::files::{OutputError, Scratch};

/// How much of all runs together is read ahead, and the least of one.
const READ_AHEAD: usize = 64 << 20;
const LEAST_READ_AHEAD: usize = 1 << 16;
const MOST_READ_AHEAD: usize = 1 << 20;

/// What is sorted: a record of fixed width, which knows how many bytes belong to it.
pub(super) trait Key: Pod + Ord + Send + Sync {
    /// The length of its payload.
    fn payload_len(&self) -> usize;
}

/// Collects records until they are read in order.
#[derive(Debug)]
pub(super) struct ExternalSort<K> {
    target: PathBuf,
    limit: usize,
    /// Each key with the place of its payload in `payloads`.
    keys: Vec<(K, usize)>,
    payloads: Vec<u8>,
    runs: Vec<Range<u64>>,
    scratch: Option<Scratch>,
}

impl<K: Key> ExternalSort<K> {
    /// A sort that keeps up to `limit` bytes in memory, and more beside the output `target`.
    pub(super) fn beside(target: &Path, limit: usize) -> Self {
        Self {
            target: target.into(),
            limit,
            keys: Vec::new(),
            payloads: Vec::new(),
            runs: Vec::new(),
            scratch: None,
        }
    }

    /// A sort that keeps everything in memory.
    pub(super) fn in_memory() -> Self {
        Self::beside(Path::new(""), usize::MAX)
    }

    /// How many bytes are in memory.
    pub(super) fn size(&self) -> usize {
        self.keys.len() * size_of::<(K, usize)>() + self.payloads.len()
    }

    /// Adds a record; `payload` are the parts of its payload.
    pub(super) fn push(&mut self, key: K, payload: &[&[u8]]) -> Result<(), OutputError> {
        let len = key.payload_len();
        debug_assert_eq!(len, payload.iter().map(|part| part.len()).sum::<usize>());
        if !self.keys.is_empty() && self.size() + size_of::<(K, usize)>() + len > self.limit {
            self.spill()?;
        }
        self.keys.push((key, self.payloads.len()));
        payload.iter().for_each(|part| self.payloads.extend_from_slice(part));
        Ok(())
    }

    fn spill(&mut self) -> Result<(), OutputError> {
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::beside(&self.target)?),
        };
        self.keys.par_sort_unstable_by_key(|(key, _)| *key);
        let start = scratch.len();
        let mut buffer = Vec::with_capacity(2 * MOST_READ_AHEAD);
        for (key, at) in &self.keys {
            buffer.extend_from_slice(bytemuck::bytes_of(key));
            buffer.extend_from_slice(&self.payloads[*at..*at + key.payload_len()]);
            if buffer.len() >= MOST_READ_AHEAD {
                scratch.append(&buffer)?;
                buffer.clear();
            }
        }
        scratch.append(&buffer)?;
        self.runs.push(start..scratch.len());
        self.keys.clear();
        self.payloads.clear();
        Ok(())
    }

    /// Ends the collecting.
    pub(super) fn finish(mut self) -> Result<Sorted<K>, OutputError> {
        if !self.runs.is_empty() {
            self.spill()?;
        }
        let Some(scratch) = self.scratch else {
            self.keys.par_sort_unstable_by_key(|(key, _)| *key);
            return Ok(Sorted::Memory { keys: self.keys.into_iter(), payloads: self.payloads });
        };
        let piece = (READ_AHEAD / self.runs.len()).clamp(LEAST_READ_AHEAD, MOST_READ_AHEAD);
        let mut runs: Vec<Run> =
            self.runs.into_iter().map(|rest| Run { rest, piece, buffer: vec![], at: 0 }).collect();
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (index, run) in runs.iter_mut().enumerate() {
            heads.extend(run.key(&scratch)?.map(|key| Reverse((key, index))));
        }
        Ok(Sorted::Runs { scratch, runs, heads, last: None })
    }
}

/// The records in ascending order of their keys.
#[derive(Debug)]
pub(super) enum Sorted<K> {
    /// All of them are in memory.
    Memory { keys: std::vec::IntoIter<(K, usize)>, payloads: Vec<u8> },
    /// They are in sorted runs.
    Runs {
        scratch: Scratch,
        runs: Vec<Run>,
        /// The next key of every run that has one.
        heads: BinaryHeap<Reverse<(K, usize)>>,
        /// The run whose next key is not in `heads` yet.
        last: Option<usize>,
    },
}

impl<K: Key> Sorted<K> {
    /// The next record.
    pub(super) fn next(&mut self) -> Result<Option<(K, &[u8])>, OutputError> {
        match self {
            Self::Memory { keys, payloads } => {
                let next = keys.next();
                Ok(next.map(|(key, at)| (key, &payloads[at..at + key.payload_len()])))
            }
            Self::Runs { scratch, runs, heads, last } => {
                if let Some(index) = last.take() {
                    heads.extend(runs[index].key(scratch)?.map(|key| Reverse((key, index))));
                }
                let Some(Reverse((key, index))) = heads.pop() else { return Ok(None) };
                *last = Some(index);
                let payload = runs[index].take(scratch, key.payload_len())?;
                Ok(Some((key, payload)))
            }
        }
    }
}

/// A sorted run that is being read.
#[derive(Debug)]
pub(super) struct Run {
    /// What is not in the buffer yet.
    rest: Range<u64>,
    piece: usize,
    buffer: Vec<u8>,
    at: usize,
}

impl Run {
    /// The next key, or `None` at the end of the run.
    fn key<K: Key>(&mut self, scratch: &Scratch) -> Result<Option<K>, OutputError> {
        if self.at == self.buffer.len() && self.rest.is_empty() {
            return Ok(None);
        }
        self.take(scratch, size_of::<K>()).map(|bytes| Some(bytemuck::pod_read_unaligned(bytes)))
    }

    /// The next `len` bytes, which this process wrote.
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
mod tests {
    use bytemuck::Zeroable;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
    #[repr(C)]
    struct Sized {
        order: u32,
        len: u32,
    }

    impl Key for Sized {
        fn payload_len(&self) -> usize {
            self.len as usize
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
            while let Some((key, payload)) = sorted.next().unwrap() {
                got.push((key.order, payload.to_vec()));
            }
            prop_assert!(got.is_sorted_by_key(|(order, payload)| (*order, payload.len())));
            let (mut got, mut expected) = (got, records);
            got.sort();
            expected.sort();
            prop_assert_eq!(got, expected);
        }
    }
}
