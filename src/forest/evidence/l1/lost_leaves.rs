//! What the missing batches of the settlement layer appended: the blocks in which they did, and the roots of these
//! blocks, are not on L1.

use std::ops::RangeInclusive;

use super::{executed::Executed, gap::L1Gap};
use crate::{forest::LostLeaves, primitives::SlBatch};

/// The leaves that are known from messages only, by chain index and leaf index. `next_root` returns the index of the first
/// root after missing batches.
pub(super) fn of(
    executed: &[Executed],
    gaps: &[L1Gap],
    next_root: impl Fn(&RangeInclusive<SlBatch>) -> usize,
) -> Vec<LostLeaves> {
    let mut all: Vec<LostLeaves> = Vec::new();
    for (chain, executed) in (0..).zip(executed) {
        for &leaf in &executed.filled {
            let Some(since) = executed.since.get(leaf) else { continue };
            let after = gaps.partition_point(|gap| gap.missing().start() <= since);
            let Some(gap) = after.checked_sub(1).map(|before| &gaps[before]) else { continue };
            let (missing, leaf) = (gap.missing().clone(), leaf as u64);
            match all.last_mut() {
                Some(last) if last.chain == chain && last.missing == missing => {
                    last.leaves.end = leaf + 1;
                }
                _ => {
                    let next = next_root(&missing) as u64;
                    all.push(LostLeaves { chain, leaves: leaf..leaf + 1, missing, next });
                }
            }
        }
    }
    all
}
