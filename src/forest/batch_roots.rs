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

use super::RebuildError;
use crate::{
    contracts::{Bridgehub, Layout, MessageRoot, ZkChain},
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_values},
};

/// How many batch numbers are looked up at once.
const WINDOW: u64 = 1 << 16;
const PIECE: usize = 1 << 10;

/// Where the batch roots of one chain may stand: contracts and their mappings.
struct Sources<'s, S: ?Sized> {
    state: &'s S,
    chain: ChainId,
    mappings: Vec<(Address, Word)>,
}

/// Finds the batches of a chain whose tree has `leaves` leaves, in the order of their numbers.
///
/// Gives up below a run of `max_gap` numbers without a root.
pub(super) fn collect<S: StorageReader + ?Sized>(
    state: &S,
    layout: Layout,
    message_root: &MessageRoot<'_, S>,
    bridgehub: Address,
    chain: ChainId,
    (leaves, max_gap): (u64, u64),
) -> Result<Vec<(BatchNumber, Hash)>, RebuildError> {
    if leaves == 0 {
        return Ok(Vec::new());
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

    let mut found = Vec::new();
    let mut end = highest.0.saturating_add(1);
    let mut lowest = end;
    while (found.len() as u64) < leaves && end > 0 && lowest - end < max_gap {
        let start = end.saturating_sub(WINDOW);
        let mut window = sources.window(start..end)?;
        window.reverse();
        found.append(&mut window);
        lowest = found.last().map_or(lowest, |(number, _)| number.0);
        end = start;
    }
    if (found.len() as u64) < leaves {
        return Err(RebuildError::Incomplete {
            chain,
            expected: leaves,
            found: found.len() as u64,
            highest,
            searched_down_to: BatchNumber(end),
        });
    }
    found.truncate(leaves as usize);
    found.reverse();
    Ok(found)
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
        slots
            .par_iter()
            .with_min_len(PIECE)
            .map(|slot| self.state.read(contract, *slot).map(Word::to_hash))
            .collect()
    }
}
