//! Computes steps from the blocks or batches in which slots were first written. Like those from events, these steps
//! are used only if they lead to the stored roots.
//!
//! A batch root and an interop root are written once. A table of writes says in which block: the root of this block
//! contains exactly the batches whose roots were first written in it or before. A zksync-era snapshot records in
//! which batch of the settlement layer each slot was first written. So the last root of a settlement layer batch
//! contains exactly the batches whose roots were first written in it or before. The changes between two such
//! roots are found by search; these gaps are small enough for it.

use std::ops::Range;

use crate::{
    contracts::{Bridgehub, MessageRoot, ZkChain},
    forest::{Addresses, ChainTree, Forest, step::Step},
    primitives::{Address, SlBatch, SlBlock, Word},
    state::{StateError, StorageReader, slots::mapping_values},
};

/// Slots read at once.
const CHUNK: usize = 1 << 18;

/// The step up to each root whose block or settlement layer batch has no later one, by first writes. `None` if the
/// state does not record first writes, or not for all slots that are needed.
pub(super) fn steps<S: StorageReader + ?Sized>(
    state: &S,
    addresses: Addresses,
    forest: &Forest,
    blocks: &[SlBlock],
) -> Result<Option<Vec<Option<Step>>>, StateError> {
    let contracts = (state, addresses);
    // Since v31 a registration stores a root, which therefore contains the chains that its block registered.
    let by_block = Recorded {
        of: |contract, slots: &[Word]| state.first_blocks(contract, slots),
        is_registered: SlBlock::le,
    };
    if let Some(steps) = steps_by(contracts, &by_block, forest, blocks)? {
        return Ok(Some(steps));
    }
    // A chain that was registered in a batch may have been registered after its last root, so it is not counted
    // unless it has batches.
    let by_batch = Recorded {
        of: |contract, slots: &[Word]| state.first_writes(contract, slots),
        is_registered: SlBatch::lt,
    };
    steps_by(contracts, &by_batch, forest, blocks)
}

/// What a state records of first writes: by block or by batch.
struct Recorded<F, T> {
    /// Returns when each slot of a contract was first written.
    of: F,
    /// Whether a chain that was registered at the first time counts at a root of the second.
    is_registered: fn(&T, &T) -> bool,
}

fn steps_by<S: StorageReader + ?Sized, T: Copy + Ord>(
    (state, addresses): (&S, Addresses),
    recorded: &Recorded<impl Fn(Address, &[Word]) -> Option<Vec<Option<T>>>, T>,
    forest: &Forest,
    blocks: &[SlBlock],
) -> Result<Option<Vec<Option<Step>>>, StateError> {
    let message_root = MessageRoot::at(state, addresses.message_root);
    let root_slots = |range: Range<usize>| {
        vec![(addresses.message_root, MessageRoot::<S>::historical_root_slots(&blocks[range]))]
    };
    let Some(roots) = first_times(&recorded.of, blocks.len(), root_slots) else {
        return Ok(None);
    };
    let chain_slots = |range: Range<usize>| {
        let indices = range.start as u64..range.end as u64;
        vec![(addresses.message_root, indices.map(MessageRoot::<S>::chain_at_slot).collect())]
    };
    let Some(registered) = first_times(&recorded.of, forest.chains().len(), chain_slots) else {
        return Ok(None);
    };
    let bridgehub = Bridgehub::at(state, addresses.bridgehub);
    let mut appended = Vec::with_capacity(forest.chains().len());
    for tree in forest.chains() {
        let mut places = vec![(addresses.message_root, message_root.batch_roots(tree.chain()))];
        let diamond = bridgehub.zk_chain(tree.chain())?;
        places.extend(diamond.map(|diamond| (diamond, ZkChain::<S>::batch_roots())));
        let Some(first) = of_batches(&recorded.of, tree, &places) else { return Ok(None) };
        appended.push(first);
    }

    // The number of chains, and the number of batches of each.
    let mut now = (1, vec![0; appended.len()]);
    let ends = roots.iter().zip(roots.iter().skip(1).map(Some).chain([None]));
    let steps = ends.map(|(time, next)| {
        if Some(time) == next {
            return None;
        }
        // If the number of chains is wrong, the search corrects the step.
        let is_registered = |first: &&T| (recorded.is_registered)(first, time);
        let chains = registered.iter().take_while(is_registered).count();
        let batches: Vec<u64> = appended
            .iter()
            .map(|first| first.partition_point(|first| first <= time) as u64)
            .collect();
        let advances = (0..).zip(batches.iter().zip(&now.1));
        let advances = advances.filter_map(|(chain, (batches, before))| {
            batches.checked_sub(*before).filter(|new| *new > 0).map(|new| (chain, new))
        });
        let advances: Vec<(u32, u64)> = advances.collect();
        let advanced = advances.last().map_or(0, |(chain, _)| chain + 1);
        let step = Step { chains: now.0.max(chains as u32).max(advanced), advances };
        now = (step.chains, batches);
        Some(step)
    });
    Ok(Some(steps.collect()))
}

/// The batches of the settlement layer in which `len` slots were first written: for each slot the batch in the
/// first of the contracts that hold it. `None` if it is not known for one slot. `slots` returns the
/// slots of a range, per contract.
pub(super) fn first_writes<S: StorageReader + ?Sized>(
    state: &S,
    len: usize,
    slots: impl Fn(Range<usize>) -> Vec<(Address, Vec<Word>)>,
) -> Option<Vec<SlBatch>> {
    first_times(&|contract, slots: &[Word]| state.first_writes(contract, slots), len, slots)
}

/// As [`first_writes`], by what `recorded` returns of slots of a contract.
fn first_times<T: Copy>(
    recorded: &impl Fn(Address, &[Word]) -> Option<Vec<Option<T>>>,
    len: usize,
    slots: impl Fn(Range<usize>) -> Vec<(Address, Vec<Word>)>,
) -> Option<Vec<T>> {
    let mut all = Vec::with_capacity(len);
    for start in (0..len).step_by(CHUNK) {
        let range = start..len.min(start + CHUNK);
        let mut found: Vec<Option<T>> = vec![None; range.len()];
        for (contract, slots) in slots(range) {
            let here = recorded(contract, &slots)?;
            found.iter_mut().zip(here).for_each(|(found, here)| *found = found.or(here));
        }
        for first in found {
            all.push(first?);
        }
    }
    Some(all)
}

/// As [`first_times`], for a chain's batches by leaf index. They were executed in this order, so the first
/// writes must ascend.
fn of_batches<T: Copy + Ord>(
    recorded: &impl Fn(Address, &[Word]) -> Option<Vec<Option<T>>>,
    tree: &ChainTree,
    mappings: &[(Address, Word)],
) -> Option<Vec<T>> {
    let slots = |range: Range<usize>| {
        let runs = tree.batches().runs(range.start as u64..range.end as u64);
        let slots = |(contract, mapping): &(Address, Word)| {
            let numbers = runs.iter().flat_map(|run| run.start().0..=run.end().0);
            (*contract, mapping_values(numbers.map(Word::from), *mapping))
        };
        mappings.iter().map(slots).collect()
    };
    let first = first_times(recorded, tree.batches().len() as usize, slots)?;
    first.is_sorted().then_some(first)
}
