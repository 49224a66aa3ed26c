//! The settlement layer's own batches, as L1 has them.

use super::{LayerRecord, SlBatchOnL1};
use crate::{
    contracts::MessageRoot,
    ingest::{
        IndexError,
        sl_batches::{SlBatchFound, SlBatches},
    },
    primitives::{Address, SlBatch, SlBlock},
    snapshot::Snapshot,
    state::StorageReader,
};

impl LayerRecord {
    /// Adds the batches on L1 to `files`, in which batches may be given already. `blocks` are all blocks with interop
    /// roots; which of them belong to a batch is known from the batch in which their roots were written. Batches
    /// whose pubdata is missing are left out.
    ///
    /// L1 does not show where a batch begins and ends. So its blocks are those with interop roots; where it has
    /// none, the one block before them, since its trees are those after that block.
    ///
    /// # Errors
    /// [`IndexError::SlBatch`] if the commit of a batch of `files` has another root.
    pub fn sl_batches(
        &self,
        files: SlBatches,
        message_root: Address,
        blocks: &[SlBlock],
    ) -> Result<SlBatches, IndexError> {
        let slots = MessageRoot::<Snapshot>::historical_root_slots(blocks);
        let since = self.first_values.first_writes(message_root, &slots).unwrap_or_default();
        // Blocks whose roots were written in missing batches are in none.
        let mut known: Vec<(SlBatch, SlBlock)> = since
            .into_iter()
            .zip(blocks)
            .filter_map(|(since, block)| Some((since?, *block)))
            .collect();
        known.sort_unstable();
        files.with(self.batches.iter().map(|one| {
            let end = known.partition_point(|(since, _)| *since <= one.batch);
            let start =
                known.partition_point(|(since, _)| *since < one.batch).min(end.saturating_sub(1));
            let block = |at: usize| known.get(at).map_or(SlBlock(0), |(_, block)| *block);
            let last = end.checked_sub(1).map_or(SlBlock(0), block);
            let first = if end == 0 { last } else { block(start) };
            let SlBatchOnL1 { batch, root, local_root, executed: is_executed, .. } = *one;
            let blocks = one.has_diffs.then_some(first..=last);
            SlBatchFound { batch, blocks, root, local_root, is_executed }
        }))
    }
}
