//! Nodes of the trees that batches of the settlement layer stored again.
//!
//! The state diffs name a slot that is written again by its enumeration index only. The index is known from the
//! batch that wrote the slot first. A node is a hash, so its new value is published whole.
//!
//! Source: zksync-era `compress_state_diffs`.

use std::{collections::BTreeMap, ops::Range};

use super::{Commits, L1Batch, L1Batches, LayerRecord, NodeSlot, StoredNode, blobs::Blobs};
use crate::{
    contracts::MessageRoot,
    files::OutputError,
    ingest::logs::Change,
    merkle::height,
    primitives::{Address, ChainId, SlBatch, Word},
    snapshot::Snapshot,
    state::StorageReader,
};

/// The most chains whose nodes are read. Bridgehub admits 100 chains.
const MOST_CHAINS: u64 = 128;
/// The highest level of a chain's tree whose nodes are read.
const HIGHEST_SIDE: u32 = 40;
/// The most values of slots whose keys are lost.
const MOST_UNPLACED: usize = 1 << 16;

/// Whether one of these ranges contains an index. They ascend.
fn is_within(ranges: &[Range<u64>], index: u64) -> bool {
    let at = ranges.partition_point(|range| range.end <= index);
    ranges.get(at).is_some_and(|range| range.contains(&index))
}

impl LayerRecord {
    /// Reads the nodes that the batches after the first missing one stored; nothing if none is missing.
    pub(super) fn read_stored_nodes(
        &mut self,
        (commits, blobs): (&Commits, &Blobs),
        message_root: Address,
    ) -> Result<(), OutputError> {
        let is_missing = |at: &usize| !self.batches[*at].has_diffs;
        let Some(first) = (0..self.batches.len()).find(is_missing) else { return Ok(()) };
        let start = self.batches[first.saturating_sub(1)].batch;
        let (mut nodes, mut places) = (Vec::new(), BTreeMap::new());
        for (slot, at) in self.node_slots(message_root) {
            let Some(write) = self.first_values.first_write(message_root, at) else { continue };
            places.insert(write.index, slot);
            if let NodeSlot::Shared(level, index) = slot {
                self.shared_slots.insert((level, index));
            }
            let node = self.first_values.read(message_root, at).unwrap_or_default().to_hash();
            if write.batch >= start {
                nodes.push(StoredNode { batch: write.batch, slot, node });
            }
        }
        let (mut next, mut lost): (Option<u64>, Vec<Range<u64>>) = (None, Vec::new());
        let mut unplaced = 0;
        for batch in L1Batches::from(commits, blobs, start) {
            let L1Batch { committed, pubdata } = batch?;
            let diffs = match pubdata {
                Ok(pubdata) => Some(pubdata.diffs),
                Err(lost) => lost.left.and_then(|left| left.diffs),
            };
            let diffs = diffs.filter(|_| self.has_diffs(committed.batch));
            let Some(diffs) = diffs else { continue };
            let first = committed.previous.next_index;
            lost.extend(next.filter(|next| *next < first).map(|next| next..first));
            next = Some(committed.info.next_index);
            for (index, change) in diffs.repeated {
                let Change::Set(value) = change else { continue };
                let (batch, node) = (committed.batch, value.to_hash());
                if let Some(slot) = places.get(&index) {
                    nodes.push(StoredNode { batch, slot: *slot, node });
                } else if unplaced < MOST_UNPLACED
                    && node.as_bytes()[..4] != [0; 4]
                    && is_within(&lost, index)
                {
                    unplaced += 1;
                    nodes.push(StoredNode { batch, slot: NodeSlot::Lost, node });
                }
            }
        }
        nodes.sort_by_key(|node| (node.batch, node.slot));
        self.stored_nodes = nodes;
        Ok(())
    }

    /// The slots that may hold nodes: those of the shared tree, and of the chains whose ids are known.
    fn node_slots(&self, message_root: Address) -> Vec<(NodeSlot, Word)> {
        let contract = MessageRoot::at(&self.first_values, message_root);
        let mut slots = Vec::new();
        for level in 0..=height(MOST_CHAINS) {
            slots.extend((0..MOST_CHAINS >> level).map(|index| {
                let slot = MessageRoot::<Snapshot>::shared_node_slot(level, index);
                (NodeSlot::Shared(level, index), slot)
            }));
        }
        let mut chains: Vec<ChainId> =
            (0..MOST_CHAINS).filter_map(|index| contract.chain_at(index).ok()).collect();
        chains.extend(self.relaying.iter().map(|(_, chain)| *chain));
        chains.sort_unstable();
        chains.dedup();
        for chain in chains {
            slots.extend((0..=HIGHEST_SIDE).map(|level| {
                let slot = MessageRoot::<Snapshot>::side_slot(chain, level);
                (NodeSlot::Side(chain, level), slot)
            }));
        }
        slots
    }

    /// The nodes that a batch stored, by their slots.
    pub(crate) fn nodes_of(&self, batch: SlBatch) -> &[StoredNode] {
        let start = self.stored_nodes.partition_point(|node| node.batch < batch);
        let len = self.stored_nodes[start..].partition_point(|node| node.batch == batch);
        &self.stored_nodes[start..][..len]
    }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn an_index_is_within_one_of_the_ranges_or_none() {
        let ranges = [2..4, 7..8, 8..10];
        let found: Vec<u64> = (0..12).filter(|index| is_within(&ranges, *index)).collect();
        assert_eq!(found, [2, 3, 7, 8, 9]);
        assert!(!is_within(&[], 0));
    }
}
