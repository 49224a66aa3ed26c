//! The leaves of the chains of a gap, for long lists of candidates.
//!
//! A leaf depends only on its chain and the number of batches. So both walks of a gap share them, and they need not be
//! hashed again when a chain has moved. They are hashed in blocks, when one is first needed.

use std::{ops::RangeInclusive, sync::OnceLock};

use rayon::prelude::*;

use super::{candidates::STORED_LEAVES, position::Position};
use crate::{forest::Forest, primitives::Hash};

/// Leaves that are hashed at once.
const BLOCK: u64 = 1 << 10;

/// The leaves of each chain after every number of batches between the ends of a gap.
pub(super) struct GapLeaves<'f> {
    forest: &'f Forest,
    /// By chain: the fewest and the most batches.
    counts: Vec<RangeInclusive<u64>>,
    /// By chain. Empty if the chain has no long lists.
    blocks: Vec<Vec<OnceLock<Vec<Hash>>>>,
}

impl<'f> GapLeaves<'f> {
    pub(super) fn new(forest: &'f Forest, low: &Position, high: &Position) -> Self {
        let counts = low.batches.iter().zip(&high.batches).map(|(low, high)| *low..=*high);
        let counts: Vec<RangeInclusive<u64>> = counts.collect();
        let blocks = |counts: &RangeInclusive<u64>| {
            let batches = counts.end().saturating_sub(*counts.start());
            let blocks = if batches > STORED_LEAVES { batches / BLOCK + 1 } else { 0 };
            (0..blocks).map(|_| OnceLock::new()).collect()
        };
        Self { forest, blocks: counts.iter().map(blocks).collect(), counts }
    }

    /// The leaves of a chain after each number of batches in a range that makes a long list.
    pub(super) fn of(&self, chain: usize, counts: RangeInclusive<u64>) -> Vec<Hash> {
        let start = self.counts[chain].start();
        let (first, last) = (counts.start() - start, counts.end() - start);
        let blocks = first / BLOCK..=last / BLOCK;
        let is_missing = |block: u64| self.blocks[chain][block as usize].get().is_none();
        if blocks.clone().any(is_missing) {
            blocks.clone().into_par_iter().for_each(|block| _ = self.block(chain, block));
        }
        let mut leaves = Vec::with_capacity((last - first + 1) as usize);
        for block in blocks {
            let start = block * BLOCK;
            let from = first.max(start) - start;
            let to = (last + 1).min(start + BLOCK) - start;
            leaves.extend_from_slice(&self.block(chain, block)[from as usize..to as usize]);
        }
        leaves
    }

    fn block(&self, chain: usize, block: u64) -> &[Hash] {
        let cell = &self.blocks[chain][block as usize];
        if let Some(leaves) = cell.get() {
            return leaves;
        }
        let (start, end) = self.counts[chain].clone().into_inner();
        let start = start + block * BLOCK;
        let counts: Vec<u64> = (start..=end.min(start + BLOCK - 1)).collect();
        // Hashing may run other work of the search on this thread, so the cell must not be locked meanwhile. If the
        // other walk hashes the same leaves, one of the two equal results is kept.
        let leaves = self.forest.chains()[chain].leaves_after(&counts);
        cell.get_or_init(|| leaves)
    }
}
