//! The batches of each chain that were executed on the settlement layer, with the batch that executed them.
//!
//! Their roots are written once. The numbers are not in the state diffs: those in the messages of the chain's
//! diamond are tried, the number up to which the chain was executed before it came, and the numbers around what
//! is found.

use rayon::prelude::*;

use super::{first_values::FirstValues, registry::Registered};
use crate::{
    contracts::{Layout, MessageRoot, ZkChain},
    forest::{
        BatchNumbers, ChainTree, L1Error, RebuildError, RebuildOptions,
        evidence::{batch_sources::BatchSources, first_writes::first_writes},
    },
    ingest::l1::{CommittedOnSl, LayerRecord},
    primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, Word, ordered::try_map},
    state::slots::mapping_values,
};

/// Numbers that are tried at once, at first and at most.
const FEWEST: u64 = 1 << 6;
const MOST: u64 = 1 << 15;

/// The executed batches of a chain, in columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Executed {
    /// The chain's diamond on the settlement layer.
    pub(super) diamond: Option<Address>,
    /// The last batch that was executed before the chain came; 0 if none was, or it is not known.
    pub(super) before: BatchNumber,
    pub(super) numbers: BatchNumbers,
    pub(super) roots: Vec<Hash>,
    /// The batch of the settlement layer that executed each; ascending.
    pub(super) since: Vec<SlBatch>,
    /// The leaf indices of the batches that are known from messages only.
    pub(super) filled: Vec<usize>,
    /// What the diamond's messages say about committed batches, by batch number; then what other evidence has.
    pub(super) committed: Vec<CommittedOnSl>,
}

impl Executed {
    pub(super) fn push(&mut self, number: BatchNumber, root: Hash, since: SlBatch) {
        if self.numbers.push(number) {
            self.roots.push(root);
            self.since.push(since);
        }
    }

    /// Adds the batches in trees of other evidence to those that missing batches of the settlement layer may have executed.
    pub(super) fn learn(&mut self, tree: &ChainTree) {
        let (sender, sl_batch) = (Address::default(), SlBatch(0));
        let batches = tree.batches().iter().zip(tree.batch_roots());
        let known =
            batches.map(|(batch, root)| CommittedOnSl { sender, batch, sl_batch, root: *root });
        self.committed.extend(known);
    }
}

/// The executed batches of all chains, by chain index.
pub(super) fn of_chains(
    record: &LayerRecord,
    values: &FirstValues<'_>,
    layout: Layout,
    chains: &[Registered],
    options: &RebuildOptions,
) -> Result<Vec<Executed>, RebuildError> {
    let message_root = MessageRoot::at(values, options.addresses.message_root);
    let bridgehub = options.addresses.bridgehub;
    try_map(chains.par_iter(), |chain| {
        let sources = BatchSources::of(values, layout, &message_root, bridgehub, chain.id)?;
        of_chain(record, values, chain.id, &sources)
    })
}

/// The executed batches of a chain with these sources.
pub(super) fn of_chain(
    record: &LayerRecord,
    values: &FirstValues<'_>,
    chain: ChainId,
    sources: &BatchSources<'_, FirstValues<'_>>,
) -> Result<Executed, RebuildError> {
    let committed = sources.diamond.map_or(&[][..], |diamond| record.committed_by(diamond));
    let mut seeds: Vec<u64> = committed.iter().map(|one| one.batch.0).collect();
    let mut before = BatchNumber(0);
    if let Some(diamond) = sources.diamond {
        before = ZkChain::at(values, diamond).batches_executed()?;
        seeds.push(before.0.saturating_add(1));
    }
    seeds.push(1);
    seeds.sort_unstable();
    seeds.dedup();
    let found = search(&seeds, |first, roots| sources.read(first, roots))?;
    let since = of_numbers(values, sources, &found)?;
    let (diamond, committed) = (sources.diamond, committed.to_vec());
    let mut executed = Executed { diamond, before, committed, ..Executed::default() };
    for ((number, root), since) in found.into_iter().zip(since) {
        let batch = BatchNumber(number);
        if executed.since.last().is_some_and(|last| *last > since) {
            return Err(L1Error::Order { chain, batch, executed: since }.into());
        }
        executed.push(batch, root, since);
    }
    Ok(executed)
}

/// The batches with a root, in ascending order: those at the `seeds`, and those around them as long as any are
/// found. `read` returns the roots from a number on.
fn search<E>(
    seeds: &[u64],
    read: impl Fn(u64, &mut [Hash]) -> Result<(), E>,
) -> Result<Vec<(u64, Hash)>, E> {
    let mut found: Vec<(u64, Hash)> = Vec::new();
    let mut roots = Vec::new();
    // All numbers below are tried, as far as they are tried at all.
    let mut done = 0;
    for &seed in seeds.iter().filter(|seed| **seed > 0) {
        if seed < done {
            continue;
        }
        let mut below = Vec::new();
        let (mut end, mut window) = (seed, FEWEST);
        while end > done {
            let start = end.saturating_sub(window).max(done);
            let count = collect(start, end, &mut roots, &mut below, &read)?;
            if count == 0 {
                break;
            }
            (end, window) = (start, (window * 2).min(MOST));
        }
        below.sort_unstable_by_key(|(number, _)| *number);
        found.append(&mut below);
        let (mut start, mut window) = (seed, FEWEST);
        loop {
            let end = start.saturating_add(window);
            let count = collect(start, end, &mut roots, &mut found, &read)?;
            (start, window) = (end, (window * 2).min(MOST));
            if count == 0 || start == u64::MAX {
                break;
            }
        }
        done = start;
    }
    Ok(found)
}

/// Adds the batches of a range that have a root to `found`, and returns how many there are.
fn collect<E>(
    start: u64,
    end: u64,
    roots: &mut Vec<Hash>,
    found: &mut Vec<(u64, Hash)>,
    read: impl Fn(u64, &mut [Hash]) -> Result<(), E>,
) -> Result<usize, E> {
    roots.clear();
    roots.resize((end - start) as usize, Hash::ZERO);
    read(start, roots)?;
    let before = found.len();
    found.extend((start..end).zip(roots.iter().copied()).filter(|(_, root)| !root.is_zero()));
    Ok(found.len() - before)
}

/// The batch of the settlement layer that executed each of these batches of a chain.
fn of_numbers(
    values: &FirstValues<'_>,
    sources: &BatchSources<'_, FirstValues<'_>>,
    found: &[(u64, Hash)],
) -> Result<Vec<SlBatch>, RebuildError> {
    let since = first_writes(values, found.len(), |range| {
        let slots = |(contract, mapping): &(Address, Word)| {
            let numbers = found[range.clone()].iter().map(|(number, _)| Word::from(*number));
            (*contract, mapping_values(numbers, *mapping))
        };
        sources.mappings.iter().map(slots).collect()
    });
    Ok(since.unwrap_or_else(|| unreachable!("first values have the batch that wrote them")))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::keccak::keccak256;

    /// The root of each batch in these tests.
    pub(crate) fn root(number: u64) -> Hash {
        keccak256(&number.to_be_bytes())
    }

    /// Batches by number, each with the batch of the settlement layer that executed it.
    pub(crate) fn executed(batches: &[(u64, u64)]) -> Executed {
        let mut executed = Executed::default();
        for (number, since) in batches {
            executed.push(BatchNumber(*number), root(*number), SlBatch(*since));
        }
        executed
    }

    fn found(present: &[std::ops::RangeInclusive<u64>], seeds: &[u64]) -> Vec<u64> {
        let read = |first: u64, roots: &mut [Hash]| {
            for (at, root) in roots.iter_mut().enumerate() {
                let number = first + at as u64;
                let is_present = present.iter().any(|range| range.contains(&number));
                *root = if is_present { Hash::new([1; 32]) } else { Hash::ZERO };
            }
            Ok::<_, ()>(())
        };
        search(seeds, read).unwrap().into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn batches_around_the_seeds_are_found_once_and_in_order() {
        let expected: Vec<u64> = (5..=900).chain(10_000..=10_001).collect();
        for seeds in [&[400, 10_000][..], &[1, 900, 10_001], &[5, 6, 7, 10_000, 10_001]] {
            assert_eq!(found(&[5..=900, 10_000..=10_001], seeds), expected, "{seeds:?}");
        }
        assert!(found(&[5..=900], &[5000]).is_empty());
        assert_eq!(found(&[u64::MAX - 3..=u64::MAX - 1], &[u64::MAX - 2]).len(), 3);
    }
}
