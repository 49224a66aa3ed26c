//! Which blocks are in which batch of a chain.

use std::collections::BTreeMap;

use super::SourceError;
use crate::primitives::BatchNumber;

/// The most ranges kept, of 24 bytes each plus those of the map.
pub(super) const MOST_RANGES: usize = 1 << 23;

/// The batches of one chain by their blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchBlocks {
    /// The last block and the batch, by the first block. Ranges do not overlap. A batch may have several.
    ranges: BTreeMap<u64, (u64, Option<BatchNumber>)>,
}

/// The batch of a block, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockIn {
    Batch(BatchNumber),
    /// The block was in no batch yet when the source was written.
    NoBatchYet,
    Unknown,
}

/// The batches of blocks, for rows that do not name their batch.
#[derive(Clone, Copy)]
pub(super) struct KnownBlocks<'b> {
    /// The ranges given in addition to the sources.
    pub(super) given: &'b BatchBlocks,
    /// The ranges found in the sources. They have priority.
    pub(super) found: &'b BatchBlocks,
}

impl KnownBlocks<'_> {
    /// The batch of a block, if its row states the batch `stated`.
    pub(super) fn batch_of(&self, block: u64, stated: Option<BatchNumber>) -> BlockIn {
        match (stated, self.found.batch_of(block)) {
            (Some(batch), _) => BlockIn::Batch(batch),
            (None, BlockIn::Unknown) => self.given.batch_of(block),
            (None, found) => found,
        }
    }
}

impl BatchBlocks {
    /// Adds the blocks that an event reports. The earlier events about them were reverted.
    pub(super) fn replace(
        &mut self,
        first: u64,
        last: u64,
        batch: BatchNumber,
    ) -> Result<(), SourceError> {
        while let Some((&start, &(end, _))) = self.ranges.range(..=last).next_back()
            && end >= first
        {
            self.ranges.remove(&start);
        }
        self.insert(first, last, Some(batch))
    }

    /// Adds the blocks from `first` to `last`, which are in `batch`, or in no batch yet.
    pub(super) fn insert(
        &mut self,
        first: u64,
        last: u64,
        batch: Option<BatchNumber>,
    ) -> Result<(), SourceError> {
        if first > last {
            let reason = format!("end with {last}, before their first block {first}");
            return Err(SourceError::Bad { what: "the batch's blocks".into(), reason });
        }
        let before = self.ranges.range(..=last).next_back();
        if let Some((&start, &(end, of))) = before
            && end >= first
        {
            if of == batch && start <= first && end >= last {
                return Ok(());
            }
            if of == batch {
                let reason = format!(
                    "occur twice, as {start} to {end} and as {first} to {last}; give each block once"
                );
                return Err(SourceError::Bad { what: "the batch's blocks".into(), reason });
            }
            let block = first.max(start);
            return Err(SourceError::TwoBatches { block, one: of, other: batch });
        }
        // Ranges of one batch that touch are merged.
        let (mut start, mut end) = (first, last);
        if let Some((&before, &(its_end, of))) = before
            && of == batch
            && its_end.checked_add(1) == Some(first)
        {
            start = before;
        }
        if let Some(next) = last.checked_add(1)
            && let Some(&(its_end, of)) = self.ranges.get(&next)
            && of == batch
        {
            self.ranges.remove(&next);
            end = its_end;
        }
        self.ranges.insert(start, (end, batch));
        if self.ranges.len() > MOST_RANGES {
            return Err(SourceError::TooManyRuns { limit: MOST_RANGES });
        }
        Ok(())
    }

    /// The batch of a block.
    pub(super) fn batch_of(&self, block: u64) -> BlockIn {
        match self.ranges.range(..=block).next_back() {
            Some((_, (last, batch))) if block <= *last => {
                batch.map_or(BlockIn::NoBatchYet, BlockIn::Batch)
            }
            _ => BlockIn::Unknown,
        }
    }

    /// The number of ranges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are no ranges.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn single_blocks_are_merged_into_ranges(
            lens in prop::collection::vec(1u64..5, 1..20),
            seed in any::<u64>(),
        ) {
            let mut rows = Vec::new();
            for (batch, len) in lens.iter().enumerate() {
                (0..*len).for_each(|_| rows.push((rows.len() as u64, BatchNumber(batch as u64))));
            }
            let mut shuffled = rows.clone();
            let mut state = seed | 1;
            shuffled.sort_by_cached_key(|_| { state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15); state >> 7 });
            let mut blocks = BatchBlocks::default();
            for (block, batch) in shuffled.iter().chain(&rows) {
                blocks.insert(*block, *block, Some(*batch)).unwrap();
            }
            prop_assert_eq!(blocks.len(), lens.len());
            for (block, batch) in &rows {
                prop_assert_eq!(blocks.batch_of(*block), BlockIn::Batch(*batch));
            }
        }
    }
}
