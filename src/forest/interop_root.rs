//! The newest root by block: what `--target latest` proves against.

use rayon::prelude::*;

use super::RebuildError;
use crate::{
    contracts::MessageRoot,
    merkle::Tree,
    primitives::{ChainId, Hash, SlBlock},
    state::{StateError, StorageReader},
};

/// How many blocks are probed at once.
const WINDOW: u64 = 1 << 18;
const PIECE: u64 = 1 << 12;

/// How many blocks to try at most: at a block a second, those of two years.
const MOST_BLOCKS: u64 = 1 << 26;

/// A root of the shared tree that the contract filed under a block of the settlement layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InteropRoot {
    /// The block.
    pub block: SlBlock,
    /// The root at the end of that block.
    pub root: Hash,
    /// How many chains the tree had: v26 to v30 register a chain without filing the new root, so this
    /// may be fewer than at the end of the block.
    pub chains: u64,
}

/// What the search for the newest root found.
pub(super) enum Newest {
    Found(SlBlock, Hash),
    /// None in the blocks up to this one.
    None {
        searched_to: SlBlock,
        /// Whether the contract's storage has slots that can only be roots by block.
        kept: bool,
    },
}

/// Finds the newest `historicalRoot`. Slots are filed under hashes, so blocks have to be tried: down
/// from the last block where it is known, otherwise up from 0 until as many roots are found as the
/// contract's storage holds.
pub(super) fn newest<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
    last_block: Option<SlBlock>,
) -> Result<Newest, StateError> {
    let last_emit = message_root.last_emit_block()?;
    let root = message_root.historical_root(last_emit)?;
    if last_emit != SlBlock(0) && !root.is_zero() {
        return Ok(Newest::Found(last_emit, root));
    }
    let expected = message_root.historical_root_count(chains)?;
    let kept = expected.is_some_and(|count| count > 0);
    if let Some(last) = last_block {
        let mut end = last.0.saturating_add(1);
        let lowest = end.saturating_sub(MOST_BLOCKS);
        while end > lowest {
            let start = end.saturating_sub(WINDOW);
            if let Some((block, root)) = probe(message_root, start, end)?.pop() {
                return Ok(Newest::Found(block, root));
            }
            end = start;
        }
        return Ok(Newest::None { searched_to: last, kept });
    }
    let expected = expected.unwrap_or(u64::MAX);
    let mut found = Vec::new();
    let mut start = 0;
    while (found.len() as u64) < expected && start < MOST_BLOCKS {
        found.append(&mut probe(message_root, start, start + WINDOW)?);
        start += WINDOW;
    }
    Ok(match found.pop() {
        Some((block, root)) => Newest::Found(block, root),
        None => Newest::None { searched_to: SlBlock(start), kept },
    })
}

/// The roots filed under blocks `start` to `end`, in ascending order.
fn probe<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    start: u64,
    end: u64,
) -> Result<Vec<(SlBlock, Hash)>, StateError> {
    let pieces: Vec<u64> = (start..end).step_by(PIECE as usize).collect();
    let found: Vec<_> = pieces
        .into_par_iter()
        .map(|piece| message_root.historical_roots(piece..end.min(piece + PIECE)))
        .collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Finds over how many of the chains the shared tree has the root that was filed.
pub(super) fn identify(
    shared: &Tree<'_>,
    block: SlBlock,
    root: Hash,
) -> Result<InteropRoot, RebuildError> {
    (1..=shared.leaves())
        .rev()
        .find(|chains| shared.prefix(*chains).is_some_and(|prefix| prefix.root() == root))
        .map(|chains| InteropRoot { block, root, chains })
        .ok_or(RebuildError::InteropRoot { block, stored: root, rebuilt: shared.root() })
}
