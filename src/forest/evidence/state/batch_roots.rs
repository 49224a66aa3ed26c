//! The leaves of a chain tree, read from where the settlement layer stores the roots of executed batches.
//!
//! | release | batch roots | highest number |
//! | --- | --- | --- |
//! | v26 to v30 | the chain's diamond, `l2LogsRootHashes` | `totalBatchesExecuted` |
//! | v31 | MessageRoot, `chainBatchRoots` | `currentChainBatchNumber` |
//!
//! A settlement layer that was upgraded to v31 stores its older batches only in the diamonds, so for v31
//! both are read. The non-zero roots in the order of their batch numbers are the leaves; `_nextLeafIndex` is
//! their number. The first batch number is not known, so the search goes down from the highest.

use rayon::prelude::*;

use crate::{
    contracts::{Bridgehub, Layout, MessageRoot, ZkChain},
    forest::{
        RebuildError,
        numbers::{BatchNumbers, Run},
    },
    primitives::{Address, BatchNumber, ChainId, Hash, Word, ordered::try_map},
    state::{StorageReader, slots::mapping_values},
};

/// Batch numbers tried per window. A window fits in a core's second-level cache until its roots are copied.
const WINDOW: u64 = 1 << 15;
/// Batch numbers tried in the smallest window, for chains with few batches.
const FEWEST: u64 = 1 << 10;
/// Batch numbers that a thread reads at once.
const CHUNK: usize = 1 << 10;

/// Where the batch roots of one chain may be stored: contracts and their mappings.
struct Sources<'s, S: ?Sized> {
    state: &'s S,
    chain: ChainId,
    mappings: Vec<(Address, Word)>,
}

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
    let mut mappings = Vec::new();
    let mut highest = BatchNumber(0);
    if layout == Layout::V31 {
        mappings.push((message_root.address(), message_root.batch_roots(chain)));
        highest = message_root.current_batch(chain)?;
    }
    if let Some(diamond) = Bridgehub::at(state, bridgehub).zk_chain(chain)? {
        mappings.push((diamond, ZkChain::<S>::batch_roots()));
        highest = highest.max(ZkChain::at(state, diamond).batches_executed()?);
    } else if mappings.is_empty() {
        return Err(RebuildError::NoDiamond { chain, bridgehub, leaves });
    }
    let sources = Sources { state, chain, mappings };

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

impl<S: StorageReader + ?Sized> Sources<'_, S> {
    /// The roots of the batches from number `first` on; zero where no root is stored.
    fn read(&self, first: u64, roots: &mut [Hash]) -> Result<(), RebuildError> {
        let chunks = roots.par_chunks_mut(CHUNK).enumerate();
        let read = |(i, roots): (usize, _)| self.read_chunk(first + (i * CHUNK) as u64, roots);
        try_map(chunks, read).map(drop)
    }

    fn read_chunk(&self, first: u64, roots: &mut [Hash]) -> Result<(), RebuildError> {
        let numbers = first..first + roots.len() as u64;
        roots.fill(Hash::ZERO);
        for (contract, mapping) in &self.mappings {
            let slots = mapping_values(numbers.clone().map(Word::from), *mapping);
            let here = self.state.read_many(*contract, &slots)?;
            for ((number, root), here) in numbers.clone().zip(&mut *roots).zip(here) {
                let here = here.to_hash();
                match (root.is_zero(), here.is_zero()) {
                    (true, _) => *root = here,
                    (false, false) if *root != here => {
                        return Err(RebuildError::TwoRoots {
                            chain: self.chain,
                            batch: BatchNumber(number),
                            message_root: *root,
                            diamond: here,
                        });
                    }
                    (false, _) => {}
                }
            }
        }
        Ok(())
    }
}
