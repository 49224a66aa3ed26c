//! Computes steps from the batches in which slots were first written. Like those from events, these steps are
//! used only if they lead to the stored roots.
//!
//! A zksync-era snapshot records in which batch of the settlement layer each slot was first written. A
//! batch root and an interop root are written once. So the last root of a settlement layer batch contains
//! exactly the batches whose roots were first written in it or before. The changes between two such roots
//! are found by search; these gaps are small enough for it.

use std::ops::Range;

use crate::{
    contracts::{Bridgehub, MessageRoot, ZkChain},
    forest::{Addresses, ChainTree, Forest, step::Step},
    primitives::{Address, SlBatch, SlBlock, Word},
    state::{StateError, StorageReader, slots::mapping_values},
};

/// Slots read at once.
const CHUNK: usize = 1 << 18;

/// The step up to the last root of each settlement layer batch, by first writes. `None` if the state does
/// not record first writes, or not for all slots that are needed.
pub(super) fn steps<S: StorageReader + ?Sized>(
    state: &S,
    addresses: Addresses,
    forest: &Forest,
    blocks: &[SlBlock],
) -> Result<Option<Vec<Option<Step>>>, StateError> {
    let message_root = MessageRoot::at(state, addresses.message_root);
    let root_slots = |range: Range<usize>| {
        vec![(addresses.message_root, MessageRoot::<S>::historical_root_slots(&blocks[range]))]
    };
    let Some(roots) = first_writes(state, blocks.len(), root_slots) else { return Ok(None) };
    let chain_slots = |range: Range<usize>| {
        let indices = range.start as u64..range.end as u64;
        vec![(addresses.message_root, indices.map(MessageRoot::<S>::chain_at_slot).collect())]
    };
    let Some(registered) = first_writes(state, forest.chains().len(), chain_slots) else {
        return Ok(None);
    };
    let bridgehub = Bridgehub::at(state, addresses.bridgehub);
    let mut appended = Vec::with_capacity(forest.chains().len());
    for tree in forest.chains() {
        let mut places = vec![(addresses.message_root, message_root.batch_roots(tree.chain()))];
        let diamond = bridgehub.zk_chain(tree.chain())?;
        places.extend(diamond.map(|diamond| (diamond, ZkChain::<S>::batch_roots())));
        let Some(first) = of_batches(state, tree, &places) else { return Ok(None) };
        appended.push(first);
    }

    // The number of chains, and the number of batches of each.
    let mut now = (1, vec![0; appended.len()]);
    let ends = roots.iter().zip(roots.iter().skip(1).map(Some).chain([None]));
    let steps = ends.map(|(batch, next)| {
        if Some(batch) == next {
            return None;
        }
        // A chain that was registered in this batch may have been registered after the root, so it is not
        // counted unless it has batches. If the step is wrong for that reason, the search corrects it.
        let chains = registered.iter().take_while(|first| *first < batch).count();
        let batches: Vec<u64> = appended
            .iter()
            .map(|first| first.partition_point(|first| first <= batch) as u64)
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
    let mut all = Vec::with_capacity(len);
    for start in (0..len).step_by(CHUNK) {
        let range = start..len.min(start + CHUNK);
        let mut found: Vec<Option<SlBatch>> = vec![None; range.len()];
        for (contract, slots) in slots(range) {
            let here = state.first_writes(contract, &slots)?;
            found.iter_mut().zip(here).for_each(|(found, here)| *found = found.or(here));
        }
        for first in found {
            all.push(first?);
        }
    }
    Some(all)
}

/// As [`first_writes`], for a chain's batches by leaf index. They were executed in this order, so the first
/// writes must ascend.
fn of_batches<S: StorageReader + ?Sized>(
    state: &S,
    tree: &ChainTree,
    mappings: &[(Address, Word)],
) -> Option<Vec<SlBatch>> {
    let slots = |range: Range<usize>| {
        let runs = tree.batches().runs(range.start as u64..range.end as u64);
        let slots = |(contract, mapping): &(Address, Word)| {
            let numbers = runs.iter().flat_map(|run| run.start().0..=run.end().0);
            (*contract, mapping_values(numbers.map(Word::from), *mapping))
        };
        mappings.iter().map(slots).collect()
    };
    let first = first_writes(state, tree.batches().len() as usize, slots)?;
    first.is_sorted().then_some(first)
}
