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
//!
//! The highest number is a number in the state, so the numbers without a root that are tried are limited: for each
//! chain by [`RebuildOptions::max_gap`](crate::forest::RebuildOptions::max_gap), and for all chains together by the
//! size of the state.

use rayon::prelude::*;

use crate::{
    contracts::{Layout, MessageRoot, ZkChain},
    forest::{
        RebuildError,
        evidence::{RecordedChain, batch_sources::BatchSources},
        numbers::{BatchNumbers, Run},
    },
    primitives::{Address, BatchNumber, ChainId, Hash, ordered::try_map},
    state::StorageReader,
};

/// Batch numbers tried per window. A window fits in a core's second-level cache until its roots are copied.
const WINDOW: u64 = 1 << 15;
/// Batch numbers tried in the smallest window, for chains with few batches.
const FEWEST: u64 = 1 << 10;
/// Numbers without a root that are tried for each slot of the state, in all chains together, so that the work is
/// bounded by the size of the input and not by numbers in it.
const NUMBERS_PER_SLOT: u64 = 1 << 10;

/// Where the batch roots of all chains are.
pub(super) struct Places<'p, 's, S: ?Sized> {
    pub(super) state: &'s S,
    pub(super) layout: Layout,
    pub(super) message_root: &'p MessageRoot<'s, S>,
    pub(super) bridgehub: Address,
}

impl<'s, S: StorageReader + ?Sized> Places<'_, 's, S> {
    /// Finds the batches of every chain tree, and writes their roots to `roots` in the order of their numbers.
    /// Each element of `roots` has the length of the chain's tree.
    ///
    /// Stops with an error after `max_gap` numbers of a chain without a root, or when those of all chains are as many
    /// as are tried in a state of this size.
    pub(super) fn collect(
        &self,
        chains: &[RecordedChain],
        max_gap: u64,
        roots: Vec<&mut [Hash]>,
    ) -> Result<Vec<BatchNumbers>, RebuildError> {
        let searches = try_map(chains.par_iter().zip(roots), |(chain, roots)| {
            let mut search = self.search(chain.id, roots)?;
            // This little is bounded by the number of chains.
            search.go_down(max_gap.min(FEWEST))?;
            Ok::<_, RebuildError>(search)
        })?;
        // The chains with larger gaps follow one after the other. So the chain with which the limit is reached is the
        // same for any number of threads.
        let mut rest = most_without_root(self.state.slots(), max_gap);
        let numbers = searches.into_iter().map(|mut search| {
            search.go_down(max_gap.min(rest))?;
            rest = rest.saturating_sub(search.without_root());
            search.finish()
        });
        numbers.collect()
    }

    /// Begins the search for the batches of a chain.
    fn search<'r>(
        &self,
        chain: ChainId,
        roots: &'r mut [Hash],
    ) -> Result<Search<'s, 'r, S>, RebuildError> {
        let &Self { state, layout, message_root, bridgehub } = self;
        let leaves = roots.len() as u64;
        let sources = BatchSources::of(state, layout, message_root, bridgehub, chain)?;
        let mut highest = BatchNumber(0);
        if layout >= Layout::V31 {
            highest = message_root.current_batch(chain)?;
        }
        match sources.diamond {
            Some(diamond) => highest = highest.max(ZkChain::at(state, diamond).batches_executed()?),
            None if layout >= Layout::V31 || leaves == 0 => {}
            None => return Err(RebuildError::NoDiamond { chain, bridgehub, leaves }),
        }
        let end = highest.0.saturating_add(1);
        Ok(Search { chain, sources, roots, highest, left: leaves, end, runs: Vec::new() })
    }
}

/// The search for the batches of a chain, down from the highest number.
struct Search<'s, 'r, S: ?Sized> {
    chain: ChainId,
    sources: BatchSources<'s, S>,
    roots: &'r mut [Hash],
    /// The number of the last executed batch.
    highest: BatchNumber,
    /// The number of leaves that are not found yet.
    left: u64,
    /// All numbers from this one on were searched.
    end: u64,
    /// The last run first.
    runs: Vec<Run>,
}

impl<S: StorageReader + ?Sized> Search<'_, '_, S> {
    /// How many of the numbers that were searched have no root.
    fn without_root(&self) -> u64 {
        let top = self.highest.0.saturating_add(1);
        top - self.end - (self.roots.len() as u64 - self.left)
    }

    /// Searches until all leaves are found, or at least `most` numbers have no root. The limit is for all gaps
    /// together. With a limit for each gap, the search in a dump with many gaps would take too long.
    fn go_down(&mut self, most: u64) -> Result<(), RebuildError> {
        if self.left == 0 {
            return Ok(());
        }
        let mut buffer = vec![Hash::ZERO; self.left.clamp(FEWEST, WINDOW) as usize];
        while self.left > 0 && self.end > 0 && self.without_root() < most {
            let start = self.end.saturating_sub(self.left.clamp(FEWEST, WINDOW));
            let window = &mut buffer[..(self.end - start) as usize];
            self.sources.read(start, window)?;
            let tried = (start..self.end).rev().zip(window.iter().rev());
            let found = tried.filter(|(_, root)| !root.is_zero());
            for (number, root) in found.take(self.left as usize) {
                self.left -= 1;
                self.roots[self.left as usize] = *root;
                let (leaf, first) = (self.left, BatchNumber(number));
                match self.runs.last_mut() {
                    Some(run) if run.first.0 - 1 == number => *run = Run { leaf, first },
                    _ => self.runs.push(Run { leaf, first }),
                }
            }
            self.end = start;
        }
        Ok(())
    }

    /// The numbers of the batches.
    fn finish(mut self) -> Result<BatchNumbers, RebuildError> {
        let leaves = self.roots.len() as u64;
        if self.left > 0 {
            return Err(RebuildError::Incomplete {
                chain: self.chain,
                expected: leaves,
                found: leaves - self.left,
                highest: self.highest,
                searched_down_to: BatchNumber(self.end),
            });
        }
        self.runs.reverse();
        BatchNumbers::in_runs(self.runs, leaves).map_or_else(|| unreachable!("numbers go down"), Ok)
    }
}

/// How many numbers without a root are tried in a state with this number of slots: as many as in one chain, or
/// [`NUMBERS_PER_SLOT`] for each slot if these are more.
fn most_without_root(slots: u64, max_gap: u64) -> u64 {
    slots.saturating_mul(NUMBERS_PER_SLOT).max(max_gap)
}
