//! The leaves of a chain tree, found where the settlement layer keeps the roots of executed batches.
//!
//! | release | batch roots | highest number |
//! | --- | --- | --- |
//! | v26 to v30 | the chain's diamond, `l2LogsRootHashes` | `totalBatchesExecuted` |
//! | v31 | MessageRoot, `chainBatchRoots` | `currentChainBatchNumber` |
//!
//! A settlement layer that was upgraded to v31 has its older batches only in the diamonds, so v31 asks
//! both. Non-zero roots in the order of their numbers are the leaves, and `_nextLeafIndex` says how many
//! there are. Numbers may begin anywhere, so the search goes down from the highest.

use rayon::prelude::*;

use super::{
    RebuildError,
    numbers::{BatchNumbers, Run},
};
use crate::{
    contracts::{Bridgehub, Layout, MessageRoot, ZkChain},
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_values},
};

/// How many batch numbers are looked up at once. A state is fastest to search when many slots are looked
/// up together.
const WINDOW: u64 = 1 << 19;
/// How many at least, where there are few batches.
const FEWEST: u64 = 1 << 10;
const PIECE: usize = 1 << 18;

/// Where the batch roots of one chain may stand: contracts and their mappings.
struct Sources<'s, S: ?Sized> {
    state: &'s S,
    chain: ChainId,
    mappings: Vec<(Address, Word)>,
}

/// Finds the batches of a chain whose tree has as many leaves as `roots` has places, and puts their
/// roots there in the order of their numbers.
///
/// Gives up after `max_gap` numbers without a root.
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

    let mut runs: Vec<Run> = Vec::new();
    // How many leaves are still to be found, and from which number on none was found.
    let (mut left, top) = (leaves, highest.0.saturating_add(1));
    let mut end = top;
    // In all, and not from one root to the next: a dump with roots far apart would lead on for ever.
    while left > 0 && end > 0 && top - end - (leaves - left) < max_gap {
        let start = end.saturating_sub(left.clamp(FEWEST, WINDOW));
        for (number, root) in sources.window(start..end)?.into_iter().rev().take(left as usize) {
            left -= 1;
            roots[left as usize] = root;
            match runs.last_mut() {
                Some(run) if run.first.0 - 1 == number.0 => {
                    *run = Run { leaf: left, first: number }
                }
                _ => runs.push(Run { leaf: left, first: number }),
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
    /// The non-zero roots of a range of batch numbers, in ascending order.
    fn window(
        &self,
        numbers: std::ops::Range<u64>,
    ) -> Result<Vec<(BatchNumber, Hash)>, RebuildError> {
        let keys: Vec<Word> = numbers.clone().map(Word::from).collect();
        let mut roots = vec![Hash::ZERO; keys.len()];
        for (contract, mapping) in &self.mappings {
            let here = self.read(*contract, &mapping_values(&keys, *mapping))?;
            for ((number, root), here) in numbers.clone().zip(&mut roots).zip(here) {
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
        Ok(numbers
            .zip(roots)
            .filter(|(_, root)| !root.is_zero())
            .map(|(number, root)| (BatchNumber(number), root))
            .collect())
    }

    fn read(&self, contract: Address, slots: &[Word]) -> Result<Vec<Hash>, StateError> {
        let pieces: Vec<Vec<Word>> = slots
            .par_chunks(PIECE)
            .map(|slots| self.state.read_many(contract, slots))
            .collect::<Result<_, _>>()?;
        Ok(pieces.into_iter().flatten().map(Word::to_hash).collect())
    }
}
