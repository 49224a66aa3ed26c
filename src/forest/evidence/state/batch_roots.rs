//! The leaves of a chain tree, read from where the settlement layer stores the roots of executed batches.
//!
//! | release | batch roots | highest number |
//! | --- | --- | --- |
//! | v26 to v30 | the chain's diamond, `l2LogsRootHashes` | `totalBatchesExecuted` |
//! | since v31 | MessageRoot, `chainBatchRoots` | `currentChainBatchNumber` |
//!
//! A settlement layer that was upgraded to v31 stores its older batches only in the diamonds, so since v31
//! both are read. In v33 the leaves are the batches with a timestamp: a chain's batches from before its upgrade,
//! and all batches of Era chains, have only a root, and `_nextLeafIndex` does not count them. The non-zero roots in the order of their batch numbers are the leaves; `_nextLeafIndex` is
//! their number. The first batch number is not known, so the search goes down from the highest.

use crate::{
    contracts::{Layout, MessageRoot, ZkChain},
    forest::{
        RebuildError,
        evidence::batch_sources::BatchSources,
        numbers::{BatchNumbers, Run},
    },
    primitives::{Address, BatchNumber, ChainId, Hash},
    state::StorageReader,
};

/// Batch numbers tried per window. A window fits in a core's second-level cache until its roots are copied.
const WINDOW: u64 = 1 << 15;
/// Batch numbers tried in the smallest window, for chains with few batches.
const FEWEST: u64 = 1 << 10;
/// Finds the batches of a chain tree with `roots.len()` leaves, and writes their roots to `roots` in the
/// order of their numbers.
///
/// Stops with an error after `max_gap` numbers without a root.
pub(super) fn collect<S: StorageReader + ?Sized>(
    state: &S,
    layout: Layout,
    message_root: &MessageRoot<'_, S>,
    bridgehub: Address,
    (chain, max_gap): (ChainId, u64),
    roots: &mut [Hash],
) -> Result<BatchNumbers, RebuildError> {
    let leaves = roots.len() as u64;
    if leaves == 0 {
        return Ok(BatchNumbers::default());
    }
    let sources = BatchSources::of(state, layout, message_root, bridgehub, chain)?;
    let mut highest = BatchNumber(0);
    if layout >= Layout::V31 {
        highest = message_root.current_batch(chain)?;
    }
    match sources.diamond {
        Some(diamond) => highest = highest.max(ZkChain::at(state, diamond).batches_executed()?),
        None if layout >= Layout::V31 => {}
        None => return Err(RebuildError::NoDiamond { chain, bridgehub, leaves }),
    }

    let mut buffer = vec![Hash::ZERO; leaves.clamp(FEWEST, WINDOW) as usize];
    let mut runs: Vec<Run> = Vec::new();
    // `left` leaves are not found yet; all numbers from `end` on were searched.
    let (mut left, top) = (leaves, highest.0.saturating_add(1));
    let mut end = top;
    // The limit is for all gaps together. With a limit for each gap, the search in a dump with many gaps
    // would take too long.
    while left > 0 && end > 0 && top - end - (leaves - left) < max_gap {
        let start = end.saturating_sub(left.clamp(FEWEST, WINDOW));
        let window = &mut buffer[..(end - start) as usize];
        sources.read(start, window)?;
        let tried = (start..end).rev().zip(window.iter().rev());
        let found = tried.filter(|(_, root)| !root.is_zero());
        for (number, root) in found.take(left as usize) {
            left -= 1;
            roots[left as usize] = *root;
            let first = BatchNumber(number);
            match runs.last_mut() {
                Some(run) if run.first.0 - 1 == number => *run = Run { leaf: left, first },
                _ => runs.push(Run { leaf: left, first }),
            }
        }
        end = start;
    }
    if left > 0 {
        return Err(RebuildError::Incomplete {
            chain,
            expected: leaves,
            found: leaves - left,
            highest,
            searched_down_to: BatchNumber(end),
        });
    }
    runs.reverse();
    BatchNumbers::in_runs(runs, leaves).map_or_else(|| unreachable!("numbers go down"), Ok)
}
