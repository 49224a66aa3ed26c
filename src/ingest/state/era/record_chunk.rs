//! Consecutive slots of a snapshot chunk, passed from the workers to the thread that takes them.

use crate::{
    primitives::Hash,
    state::entries::{Entry, out_of_order},
};

/// Slots passed on at once: a mebibyte of entries, which is written as it is.
pub(super) const CHUNK: usize = 1 << 14;
/// The most slots that are dropped before the others are passed on.
const MOST_LEFT_OUT: usize = 4 * CHUNK;

/// Consecutive slots of a chunk, as columns.
#[derive(Debug, Default)]
pub(in crate::ingest::state) struct RecordChunk {
    pub(in crate::ingest::state) entries: Vec<Entry>,
    pub(in crate::ingest::state) batches: Vec<[u8; 4]>,
    pub(in crate::ingest::state) indexes: Vec<[u8; 8]>,
    /// The indexes of dropped slots, each with its position.
    pub(super) left_out: Vec<(u32, [u8; 8])>,
    /// The number of slots of the chunk before these.
    before: u64,
    /// Whether the keys ascend strictly, including those of dropped slots.
    pub(in crate::ingest::state) ascending: bool,
    /// The first and the last key, including those of dropped slots.
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

    /// The same memory without slots, for those after the first `before` of a chunk.
    pub(super) fn emptied(mut self, before: u64) -> Self {
        let Self { entries, batches, indexes, left_out, ascending, range, .. } = &mut self;
        entries.clear();
        batches.clear();
        indexes.clear();
        left_out.clear();
        (*ascending, *range) = (true, None);
        Self { before, ..self }
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= CHUNK || self.left_out.len() >= MOST_LEFT_OUT
    }

    /// The number of slots of the chunk up to the end of these.
    pub(super) fn end(&self) -> u64 {
        self.before + (self.entries.len() + self.left_out.len()) as u64
    }

    /// Extends the range by the slots from the place `start` on, and compares their keys.
    pub(super) fn extend_range(&mut self, start: usize) {
        let entries = &self.entries[start..];
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        let follows = self.range.is_none_or(|(_, before)| before < first.key);
        self.ascending &= follows && out_of_order(entries).is_none();
        self.range = Some((self.range.map_or(first.key, |(first, _)| first), last.key));
    }

    /// Drops slots with the value zero from the place `start` on, but not their indexes.
    pub(super) fn drop_zeros(&mut self, start: usize) {
        let zero = |entry: &Entry| entry.value.is_zero();
        let Some(first) = self.entries[start..].iter().position(zero) else { return };
        let (first, before) = (start + first, self.left_out.len());
        let mut kept = first;
        for at in first..self.entries.len() {
            if zero(&self.entries[at]) {
                // A piece has far fewer slots than 2^32.
                self.left_out.push(((before + at) as u32, self.indexes[at]));
            } else {
                self.entries[kept] = self.entries[at];
                self.batches[kept] = self.batches[at];
                self.indexes[kept] = self.indexes[at];
                kept += 1;
            }
        }
        self.entries.truncate(kept);
        self.batches.truncate(kept);
        self.indexes.truncate(kept);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::primitives::Word;

    fn slot(key: u8, value: u8) -> Entry {
        Entry { key: Hash::new([key; 32]), value: Word::from(u64::from(value)) }
    }

    fn push(piece: &mut RecordChunk, entry: Entry, number: usize) {
        piece.entries.push(entry);
        piece.batches.push((number as u32).to_le_bytes());
        piece.indexes.push((number as u64).to_le_bytes());
    }

    proptest! {
        /// Keys that mostly ascend and values that are often zero, in blocks of any lengths.
        #[test]
        fn blocks_give_the_same_as_all_slots_at_once(
            steps in prop::collection::vec((0..20u8, 0..3u8), 0..60),
            ends in prop::collection::vec(any::<bool>(), 60),
            before in 0..9u64,
        ) {
            let mut key = 0u8;
            let slots: Vec<Entry> = steps
                .iter()
                .map(|(step, value)| {
                    key = key.wrapping_add(*step);
                    slot(key, *value)
                })
                .collect();
            let (mut piece, mut start) = (RecordChunk::default().emptied(before), 0);
            for (number, entry) in slots.iter().enumerate() {
                push(&mut piece, *entry, number);
                if ends[number] || number + 1 == slots.len() {
                    piece.extend_range(start);
                    piece.drop_zeros(start);
                    start = piece.entries.len();
                }
            }
            prop_assert_eq!(piece.end(), before + slots.len() as u64);
            prop_assert_eq!(piece.ascending, slots.windows(2).all(|pair| pair[0].key < pair[1].key));
            let range = slots.first().zip(slots.last()).map(|(first, last)| (first.key, last.key));
            prop_assert_eq!(piece.range, range);
            let (zeros, kept): (Vec<_>, Vec<_>) =
                (0..slots.len()).partition(|number| slots[*number].value.is_zero());
            prop_assert_eq!(piece.entries.len(), kept.len());
            for (at, number) in kept.iter().copied().enumerate() {
                prop_assert_eq!(piece.entries[at], slots[number]);
                prop_assert_eq!(piece.batches[at], (number as u32).to_le_bytes());
                prop_assert_eq!(piece.indexes[at], (number as u64).to_le_bytes());
                prop_assert_eq!(piece.place(at), number);
                prop_assert_eq!(piece.record(piece.place(at)), before + number as u64 + 1);
            }
            let left_out = zeros.iter().map(|at| (*at as u32, (*at as u64).to_le_bytes()));
            prop_assert!(piece.left_out.iter().copied().eq(left_out));
        }
    }

    #[test]
    fn a_piece_is_full_of_slots_or_of_dropped_ones() {
        for (value, most) in [(1, CHUNK), (0, MOST_LEFT_OUT)] {
            let mut piece = RecordChunk::with_capacity().emptied(0);
            for number in 0..most {
                assert!(!piece.is_full());
                let start = piece.entries.len();
                push(&mut piece, slot(0, value), number);
                piece.drop_zeros(start);
            }
            assert!(piece.is_full());
        }
    }
}
