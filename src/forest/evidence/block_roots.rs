//! The search for interop roots in a state. Their slots are keyed by hashes, so blocks are tried.

use std::ops::RangeInclusive;

use rayon::prelude::*;

use crate::{
    contracts::MessageRoot,
    forest::RebuildError,
    primitives::{ChainId, Hash, SlBlock, ordered::try_map},
    state::{StateError, StorageReader},
};

/// Blocks probed at once.
const WINDOW: u64 = 1 << 18;
const CHUNK: u64 = 1 << 12;

/// Blocks tried for each slot of the state, so that the work is bounded by the size of the input and not by a
/// number in it. A settlement layer with one root an hour and a block a second has 3,600 blocks for each root.
const BLOCKS_PER_SLOT: u64 = 1 << 12;
/// Blocks tried in a state of any size: seven weeks at a block a second.
const FEWEST_BLOCKS: u64 = 1 << 22;
/// The most blocks tried: two years at a block a second.
const MOST_BLOCKS: u64 = 1 << 26;

/// The result of the search for the newest root.
pub(super) enum Newest {
    Found(SlBlock, Hash),
    /// No root in the blocks up to this one.
    None(SlBlock),
}

/// Finds the newest `historicalRoot`. In v31 the contract stores its block. Before v31, blocks are tried: down
/// from the last block if it is known; if it is not known or is wrong, up from 0, until as many roots are found as the
/// contract's storage can hold, or, if its slots cannot be counted, until `is_present` returns true for a root.
///
/// `is_present` returns whether a root may be that of the present shared tree. No other root can follow it, only the same
/// one again.
///
/// A search upwards finds all roots: `take` receives them window by window. Otherwise it is not called.
pub(super) fn newest<S: StorageReader + ?Sized, E: From<RebuildError>>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
    last_block: Option<SlBlock>,
    is_present: impl Fn(&Hash) -> bool,
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
    let most = most_blocks(message_root.slots());
    let (mut newest, mut searched_to, mut limit) = (None, None, most);
    if let Some(last) = last_block {
        descend::<_, RebuildError>(message_root, last, 1, |window| {
            newest = window.last().copied();
            Ok(())
        })?;
        (searched_to, limit) = (Some(last), most.min(lowest_tried(last, most).0));
    }
    if newest.is_none() {
        let most = message_root.most_historical_roots(chains).map_err(state)?;
        let enough = most.unwrap_or(u64::MAX);
        // `updateFullTree` stores the present root again, at any time later.
        let is_last = |root: &Hash| most.is_none() && is_present(root);
        let end = ascend(message_root, limit, enough, is_last, |window| {
            newest = window.last().copied().or(newest);
            take(window)
        })?;
        searched_to = searched_to.or(Some(end));
    }
    let searched_to = searched_to.unwrap_or_default();
    Ok(newest.map_or(Newest::None(searched_to), |(block, root)| Newest::Found(block, root)))
}

/// Tries blocks up from 0, until `is_present` returns true for a root, enough roots are found, or `limit`
/// blocks are tried. Returns the end of the blocks that were tried.
fn ascend<S: StorageReader + ?Sized, E: From<RebuildError>>(
    message_root: &MessageRoot<'_, S>,
    limit: u64,
    enough: u64,
    is_present: impl Fn(&Hash) -> bool,
    mut take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
) -> Result<SlBlock, E> {
    let (mut end, mut found, mut is_last) = (0, 0, false);
    while !is_last && found < enough && end < limit {
        let start = end;
        end = limit.min(start + WINDOW);
        let window = probe(message_root, start, end).map_err(RebuildError::State)?;
        take(&window)?;
        is_last = window.last().is_some_and(|(_, root)| is_present(root));
        found += window.len() as u64;
    }
    Ok(SlBlock(end))
}

/// The roots of the first blocks, in ascending order, until `is_present` returns true for one of them. At most
/// those up to block `last` are tried, and as many as the number of slots allows.
pub(super) fn first_blocks<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    last: Option<SlBlock>,
    is_present: impl Fn(&Hash) -> bool,
) -> Result<Vec<(SlBlock, Hash)>, RebuildError> {
    let most = most_blocks(message_root.slots());
    let limit = last.map_or(most, |last| most.min(last.0.saturating_add(1)));
    let mut roots = Vec::new();
    ascend(message_root, limit, u64::MAX, is_present, |window| {
        roots.extend_from_slice(window);
        Ok::<_, RebuildError>(())
    })?;
    Ok(roots)
}

/// The maximum number of blocks tried in a state with this number of slots.
fn most_blocks(slots: u64) -> u64 {
    slots.saturating_mul(BLOCKS_PER_SLOT).clamp(FEWEST_BLOCKS, MOST_BLOCKS)
}

/// The roots by block up to the newest one: since v33 as many as L1 counts, before that all that the contract's
/// storage holds if its slots can be counted, otherwise all of the blocks that are tried. `take` receives them window by window, the newest
/// first, with the roots of each window in ascending order.
pub(super) fn all_from<S: StorageReader + ?Sized, E: From<RebuildError>>(
    message_root: &MessageRoot<'_, S>,
    chains: &[ChainId],
    newest: SlBlock,
    take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
) -> Result<(), E> {
    let state = |error| E::from(RebuildError::State(error));
    let expected = if message_root.has_timestamps().map_err(state)? {
        message_root.interop_root_log_id().map_err(state)?
    } else {
        message_root.most_historical_roots(chains).map_err(state)?.unwrap_or(u64::MAX)
    };
    descend(message_root, newest, expected, take)
}

/// The lowest block tried when a search goes down from `last` and tries at most `most` blocks.
fn lowest_tried(last: SlBlock, most: u64) -> SlBlock {
    SlBlock(last.0.saturating_sub(most))
}

/// The lowest block tried in this state when a search goes down from `last`.
pub(super) fn searched_from<S: StorageReader + ?Sized>(state: &S, last: SlBlock) -> SlBlock {
    lowest_tried(last, most_blocks(state.slots()))
}

/// Tries blocks down from `last` until enough roots are found or no block is left.
fn descend<S: StorageReader + ?Sized, E: From<RebuildError>>(
    message_root: &MessageRoot<'_, S>,
    last: SlBlock,
    enough: u64,
    mut take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
) -> Result<(), E> {
    let lowest = lowest_tried(last, most_blocks(message_root.slots())).0;
    let (mut end, mut found) = (last.0.saturating_add(1), 0);
    while end > lowest && found < enough {
        let start = end.saturating_sub(WINDOW).max(lowest);
        let window = probe(message_root, start, end).map_err(RebuildError::State)?;
        found += window.len() as u64;
        take(&window)?;
        end = start;
    }
    Ok(())
}

/// The newest root up to a block.
pub(in crate::forest) fn newest_up_to<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    last: SlBlock,
) -> Result<Option<(SlBlock, Hash)>, RebuildError> {
    let mut newest = None;
    descend::<_, RebuildError>(message_root, last, 1, |window| {
        newest = window.last().copied();
        Ok(())
    })?;
    Ok(newest)
}

/// The roots of these blocks, in ascending order. As many of the last blocks are tried as the number of slots allows.
pub(in crate::forest) fn upwards<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    blocks: RangeInclusive<SlBlock>,
) -> impl Iterator<Item = Result<(SlBlock, Hash), RebuildError>> {
    let end = blocks.end().0.saturating_add(1);
    let start = lowest_tried(*blocks.end(), most_blocks(message_root.slots())).max(*blocks.start());
    let windows = (start.0..end).step_by(WINDOW as usize);
    windows.flat_map(move |start| {
        let (found, error) = match probe(message_root, start, end.min(start.saturating_add(WINDOW)))
        {
            Ok(found) => (found, None),
            Err(error) => (Vec::new(), Some(Err(RebuildError::State(error)))),
        };
        found.into_iter().map(Ok).chain(error)
    })
}

/// The roots stored for the blocks from `start` to before `end`, in ascending order.
pub(in crate::forest) fn probe<S: StorageReader + ?Sized>(
    message_root: &MessageRoot<'_, S>,
    start: u64,
    end: u64,
) -> Result<Vec<(SlBlock, Hash)>, StateError> {
    let chunks: Vec<u64> = (start..end).step_by(CHUNK as usize).collect();
    let read = |first: u64| message_root.historical_roots(first..end.min(first + CHUNK));
    let found = try_map(chunks.into_par_iter(), read)?;
    Ok(found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{primitives::Address, state::sample::Slots};

    const HOLDER: Address = Address::new([0xaa; 20]);

    /// Two windows are blocks 10 to `last` and 0 to 9.
    #[test]
    fn a_search_downwards_ends_with_enough_roots_or_at_block_0() {
        let last = WINDOW + 9;
        let blocks = [1, 2, 10, last].map(SlBlock);
        let slots = MessageRoot::<Slots>::historical_root_slots(&blocks);
        let state = slots.iter().fold(Slots::default(), |state, slot| state.with(HOLDER, *slot, 7));
        let windows = |enough| {
            let mut windows = Vec::new();
            let searched: Result<(), RebuildError> =
                descend(&MessageRoot::at(&state, HOLDER), SlBlock(last), enough, |window| {
                    assert!(windows.len() < 2, "no block is left");
                    windows.push(window.iter().map(|(block, _)| *block).collect::<Vec<_>>());
                    Ok(())
                });
            searched.unwrap();
            windows
        };
        assert_eq!(windows(2), [&blocks[2..]]);
        assert_eq!(windows(u64::MAX), [&blocks[2..], &blocks[..2]]);
    }

    #[test]
    fn the_number_of_blocks_grows_with_the_state_up_to_a_limit() {
        for (slots, most) in
            [(0, 1 << 22), (1 << 10, 1 << 22), (1 << 12, 1 << 24), (u64::MAX, 1 << 26)]
        {
            assert_eq!(most_blocks(slots), most);
        }
        assert_eq!(lowest_tried(SlBlock(u64::MAX), 1 << 22), SlBlock(u64::MAX - (1 << 22)));
        assert_eq!(lowest_tried(SlBlock(9), 1 << 22), SlBlock(0));
        assert_eq!(searched_from(&Slots::default(), SlBlock(1 << 23)), SlBlock(1 << 22));
    }
}
