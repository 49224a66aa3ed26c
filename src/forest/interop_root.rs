//! Roots by block: found by trying blocks, since their slots are filed under hashes.

use rayon::prelude::*;

use super::{BatchNumbers, RebuildError};
use crate::{
    contracts::{Layout, MessageRoot},
    merkle::Tree,
    primitives::{ChainId, Hash, SlBlock},
    state::{StateError, StorageReader},
};

/// How many blocks are probed at once.
const WINDOW: u64 = 1 << 18;
const CHUNK: u64 = 1 << 12;

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
    None(SlBlock),
}

/// Finds the newest `historicalRoot`. v31 says which block it is of. Before, blocks have to be tried,
/// because slots are filed under hashes: down from the last block where it is known, otherwise up from
/// 0 until as many roots are found as the contract's storage can hold.
///
/// Who searches upwards comes by all roots: `take` gets them, window by window. Otherwise it gets none.
pub(super) fn newest<S: StorageReader + ?Sized, E: From<RebuildError>>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
    last_block: Option<SlBlock>,
    mut take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
) -> Result<Newest, E> {
    let state = |error| E::from(RebuildError::State(error));
    let last_emit = message_root.last_emit_block().map_err(state)?;
    if last_emit != SlBlock(0) {
        let root = message_root.historical_root(last_emit).map_err(state)?;
        if root.is_zero() {
            return Err(RebuildError::LostRoot(last_emit).into());
        }
        return Ok(Newest::Found(last_emit, root));
    }
    let mut newest = None;
    let searched_to = match last_block {
        Some(last) => {
            descend::<_, StateError>(message_root, last, 1, |window| {
                newest = window.last().copied();
                Ok(())
            })
            .map_err(state)?;
            last
        }
        None => {
            let enough = message_root.most_historical_roots(chains).map_err(state)?;
            let (mut end, mut found) = (0, 0);
            while found < enough.unwrap_or(u64::MAX) && end < MOST_BLOCKS {
                let window = probe(message_root, end, end + WINDOW).map_err(state)?;
                take(&window)?;
                newest = window.last().copied().or(newest);
                found += window.len() as u64;
                end += WINDOW;
            }
            SlBlock(end)
        }
    };
    Ok(newest.map_or(Newest::None(searched_to), |(block, root)| Newest::Found(block, root)))
}

/// The roots by block up to the newest one, in ascending order: all that the contract's storage holds,
/// where its slots can be counted, otherwise all of the blocks that are tried.
pub(super) fn all<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
    newest: SlBlock,
) -> Result<(Vec<SlBlock>, Vec<Hash>), StateError> {
    let mut windows = Vec::new();
    all_from(message_root, chains, newest, |window| {
        windows.push(window.to_vec());
        Ok::<_, StateError>(())
    })?;
    Ok(windows.into_iter().rev().flatten().unzip())
}

/// As [`all`], for whoever cannot hold them together: window by window, the newest first, the roots of
/// each in ascending order.
pub(super) fn all_from<S: StorageReader + ?Sized, E: From<StateError>>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
    newest: SlBlock,
    take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
) -> Result<(), E> {
    let expected = message_root.most_historical_roots(chains)?.unwrap_or(u64::MAX);
    descend(message_root, newest, expected, take)
}

/// The lowest block that is tried when the search goes down from one.
pub(super) fn lowest_tried(last: SlBlock) -> SlBlock {
    SlBlock(last.0.saturating_sub(MOST_BLOCKS))
}

/// Tries blocks down from `last` until enough roots are found or none is left to try.
fn descend<S: StorageReader + ?Sized, E: From<StateError>>(
    message_root: &MessageRoot<'_, S>,
    last: SlBlock,
    enough: u64,
    mut take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
) -> Result<(), E> {
    let lowest = lowest_tried(last).0;
    let (mut end, mut found) = (last.0.saturating_add(1), 0);
    while end > lowest && found < enough {
        let start = end.saturating_sub(WINDOW).max(lowest);
        let window = probe(message_root, start, end)?;
        found += window.len() as u64;
        take(&window)?;
        end = start;
    }
    Ok(())
}

/// The roots filed under blocks `start` to `end`, in ascending order.
fn probe<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    start: u64,
    end: u64,
) -> Result<Vec<(SlBlock, Hash)>, StateError> {
    let pieces: Vec<u64> = (start..end).step_by(CHUNK as usize).collect();
    let found: Vec<_> = pieces
        .into_par_iter()
        .map(|piece| message_root.historical_roots(piece..end.min(piece + CHUNK)))
        .collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Finds over how many of the chains, with these batches, the shared tree has the root that was filed. Every batch files the
/// new root, and in v31 every registration does too; so only chains without batches may be missing from
/// the newest one, and in v31 none.
pub(super) fn identify(
    layout: Layout,
    shared: &Tree<'_>,
    batches: &[BatchNumbers],
    (block, root): (SlBlock, Hash),
) -> Result<InteropRoot, RebuildError> {
    let fewest = match layout {
        Layout::V31 => batches.len(),
        Layout::V26 | Layout::V29 => {
            batches.iter().rposition(|batches| !batches.is_empty()).map_or(1, |last| last + 1)
        }
    };
    (fewest as u64..=shared.leaves())
        .rev()
        .find(|count| shared.prefix(*count).is_some_and(|prefix| prefix.root() == root))
        .map(|chains| InteropRoot { block, root, chains })
        .ok_or(RebuildError::InteropRoot { block, stored: root, rebuilt: shared.root() })
}
