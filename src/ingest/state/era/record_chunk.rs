//! Consecutive slots of a snapshot chunk, passed from the workers to the thread that takes them.

use crate::{primitives::Hash, state::entries::Entry};

/// Slots passed on at once: a mebibyte of entries, which is written as it is.
pub(super) const CHUNK: usize = 1 << 14;

/// Consecutive slots of a chunk, as columns.
#[derive(Debug, Default)]
pub(in crate::ingest::state) struct RecordChunk {
    pub(in crate::ingest::state) entries: Vec<Entry>,
    pub(in crate::ingest::state) batches: Vec<[u8; 4]>,
    pub(in crate::ingest::state) indexes: Vec<[u8; 8]>,
    /// The indexes of dropped slots, each with its position.
    pub(super) left_out: Vec<(u32, [u8; 8])>,
    /// The number of slots of the chunk before these.
    pub(super) before: u64,
    /// Whether the keys ascend strictly. Only set with `Order::Ascending`.
    pub(in crate::ingest::state) ascending: bool,
    /// The first and the last key, including those of zero values.
    pub(in crate::ingest::state) range: Option<(Hash, Hash)>,
}

impl RecordChunk {
    pub(super) fn with_capacity() -> Self {
        Self {
            entries: Vec::with_capacity(CHUNK),
            batches: Vec::with_capacity(CHUNK),
            indexes: Vec::with_capacity(CHUNK),
            ..Self::default()
        }
    }

    pub(super) fn emptied(mut self) -> Self {
        let Self { entries, batches, indexes, left_out, before, ascending, range } = &mut self;
        entries.clear();
        batches.clear();
        indexes.clear();
        left_out.clear();
        (*before, *ascending, *range) = (0, false, None);
        self
    }

    /// The number of the slot's record in the chunk, from 1. Dropped slots count.
    pub(super) fn record(&self, place: usize) -> u64 {
        self.before + place as u64 + 1
    }

    /// The position that a slot had before others were dropped.
    pub(super) fn place(&self, kept: usize) -> usize {
        let behind =
            |place, (left_out, _): &(u32, _)| place + usize::from(*left_out as usize <= place);
        self.left_out.iter().fold(kept, behind)
    }
}
