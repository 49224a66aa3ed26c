use std::mem;

use rayon::prelude::*;

use super::{
    BatchLeaves, BatchNumbers, BridgedTrees, DifferingRoot, Forest, History, HistoryError,
    InteropRoot, ListedRoots, RebuildError, RebuildOptions, RootOfBlock, chain_id_leaf,
    chain_tree::chain_root,
    entry_zeros,
    evidence::{EventEvidence, EventGap, Evidence, L1Evidence, L1Gap, StateEvidence},
    interop_root::PresentRoots,
    leaf::{LEAF_LEN, TIMED_LEAF_LEN},
    trees::ForestShape,
};
use crate::{
    contracts::{Layout, Release},
    ingest::{events::EventList, l1::LayerRecord},
    merkle::{NodeBuffer, Tree, TreeJob, build_all_into, build_on},
    primitives::{Hash, SlBlock, ordered::try_map},
    state::StorageReader,
};

/// Rebuilds every chain tree and the shared tree from the state of a settlement layer, and compares them
/// with every node that the contract stored.
///
/// # Errors
/// [`RebuildError`] if the state is not of a settlement layer, is incomplete, or leads to other trees than
/// the contract's; the error names the chain, level and index. Also if the trees have more hashes than
/// [`RebuildOptions::most_in_memory`]; [`rebuild_to_file`](super::rebuild_to_file) has no such limit.
pub fn rebuild<S: StorageReader + ?Sized>(
    state: &S,
    options: &RebuildOptions,
) -> Result<Forest, RebuildError> {
    rebuild_in_memory(&StateEvidence::read(state, options)?, options)
}

/// Trees that were rebuilt from events.
#[derive(Debug)]
pub struct RebuiltFromEvents {
    /// The trees.
    pub forest: Forest,
    /// Every interop root and its content, according to the events. A root that is missing in the events is
    /// unexplained.
    pub history: History,
    /// Events that are missing although later roots confirm the trees.
    pub gaps: Vec<EventGap>,
}

/// Rebuilds every chain tree and the shared tree from the events of MessageRoot, and compares them with every
/// root in the events. `events` are all events from the first registration on.
///
/// Events do not show that they are complete: the last ones may be missing. The trees are those of the last
/// interop root in the events. `past` are trees of an earlier time from another source, which these trees must
/// continue.
///
/// # Errors
/// [`RebuildError::Events`] with the place where an event is missing, wrong or out of order.
pub fn rebuild_from_events(
    events: &EventList,
    past: Option<&Forest>,
    options: &RebuildOptions,
) -> Result<RebuiltFromEvents, RebuildError> {
    let evidence = EventEvidence::read(events, options)?;
    let forest = rebuild_in_memory(&evidence, options)?;
    evidence.compare_forest(&forest)?;
    past.map_or(Ok(()), |past| forest.continues(past))?;
    Ok(RebuiltFromEvents { forest, history: evidence.history(), gaps: evidence.gaps().to_vec() })
}

/// Trees that were rebuilt from the settlement layer's batches on L1.
#[derive(Debug)]
pub struct RebuiltFromL1 {
    /// The trees.
    pub forest: Forest,
    /// Every interop root, with the content of those that are the last ones of a batch of the settlement layer.
    /// [`explain_further`](super::explain_further) searches for the others.
    pub history: History,
    /// The batches of the settlement layer whose pubdata is missing.
    pub gaps: Vec<L1Gap>,
}

impl RebuiltFromL1 {
    /// Every root by block, also those after missing batches.
    #[must_use]
    pub fn roots_by_block(&self) -> Vec<(SlBlock, RootOfBlock)> {
        let listed = ListedRoots::of(&self.history, &self.forest, None);
        let after = self.forest.bridged().into_iter().flat_map(BridgedTrees::ends);
        let after = after.flat_map(|end| &end.roots).map(|(block, root)| {
            // Releases whose batches are on L1 have no timestamps.
            (*block, RootOfBlock { root: *root, timestamp: None })
        });
        listed.iter().chain(after).collect()
    }

    /// The last block up to which [`RebuiltFromL1::roots_by_block`] has every root that there is. `None` if batches are
    /// missing.
    #[must_use]
    pub fn end(&self) -> Option<SlBlock> {
        self.forest.latest().filter(|_| self.gaps.is_empty()).map(|latest| latest.block)
    }

    /// The first of these roots of other evidence, in the order of their blocks, whose block has none on L1.
    #[must_use]
    pub fn first_without_root(
        &self,
        others: impl IntoIterator<Item = (SlBlock, RootOfBlock)>,
    ) -> Option<DifferingRoot> {
        let end = self.end()?;
        let known = self.roots_by_block();
        let mut others = others.into_iter().take_while(|(block, _)| *block <= end);
        let is_extra = |(block, _): &(SlBlock, _)| {
            known.binary_search_by_key(block, |(block, _)| *block).is_err()
        };
        others.find(is_extra).map(|(block, own)| {
            let other = RootOfBlock { root: Hash::ZERO, timestamp: None };
            DifferingRoot { block, own, other }
        })
    }
}

/// Rebuilds every chain tree and the shared tree from the batches of a settlement layer on L1, and compares them
/// with the root of each of these batches. `beside` are trees of other evidence, which may have what batches appended
/// that are missing on L1.
///
/// # Errors
/// [`HistoryError::Evidence`] if the batches are incomplete, contradict each other, or lead to other trees.
pub fn rebuild_from_l1(
    record: &LayerRecord,
    beside: Option<&Forest>,
    options: &RebuildOptions,
) -> Result<RebuiltFromL1, HistoryError> {
    let evidence = L1Evidence::read(record, beside, options)?;
    let mut forest = rebuild_in_memory(&evidence, options)?;
    forest.bridged = evidence.bridged().cloned();
    let history = evidence.history(&forest)?;
    Ok(RebuiltFromL1 { forest, history, gaps: evidence.gaps() })
}

/// Rebuilds the trees from evidence, and compares them with everything that it recorded.
fn rebuild_in_memory<V: Evidence>(
    evidence: &V,
    options: &RebuildOptions,
) -> Result<Forest, RebuildError> {
    let plan = Plan { evidence, release: options.release };
    let (hashes, limit) = (plan.hashes(), options.most_in_memory);
    if hashes > limit {
        return Err(RebuildError::TooLargeForMemory { hashes, limit });
    }
    let mut nodes = NodeBuffer::zeroed(hashes);
    let shape = plan.build(&mut nodes, |_| Ok::<_, RebuildError>(()))?;
    Ok(shape.forest(nodes.into()))
}

/// The trees to build from evidence.
pub(super) struct Plan<'e, V> {
    pub(super) evidence: &'e V,
    /// The release of the contracts, if given.
    pub(super) release: Option<Release>,
}

impl<V: Evidence> Plan<'_, V> {
    /// The number of hashes in the trees.
    pub(super) fn hashes(&self) -> usize {
        let chains = self.evidence.chains();
        let trees = chains.iter().map(|chain| chain.batches + Tree::above_count(chain.batches));
        (trees.sum::<u64>() + Tree::node_count(chains.len() as u64)) as usize
    }

    /// Builds the trees in `hashes`, whose length is [`Plan::hashes`], and compares them with what the
    /// evidence recorded. `take` receives all interop roots if the search for the newest one reads them all.
    pub(super) fn build<E: From<RebuildError>>(
        &self,
        hashes: &mut [Hash],
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<ForestShape, E> {
        let (evidence, zeros) = (self.evidence, entry_zeros());
        let chains = evidence.chains();
        let leaves = || chains.iter().map(|chain| chain.batches as usize);
        let above = || leaves().map(|leaves| Tree::above_count(leaves as u64) as usize);
        let (roots, rest) = hashes.split_at_mut(leaves().sum());
        let (levels, shared) = rest.split_at_mut(above().sum());

        let batches = evidence.batch_roots(cut(roots, leaves()).collect())?;

        let timestamps = match evidence.layout() {
            Layout::V33 => {
                let chains = batches.par_iter().enumerate();
                try_map(chains, |(chain, batches)| evidence.timestamps(chain, batches))?
            }
            _ => vec![Vec::new(); batches.len()],
        };

        let mut rest = &*roots;
        let leaves: Vec<BatchLeaves<'_>> = batches
            .iter()
            .zip(&timestamps)
            .map(|(batches, timestamps)| {
                let (own, others) = rest.split_at(batches.len() as usize);
                rest = others;
                BatchLeaves::with_timestamps(own, batches, timestamps)
            })
            .collect();
        let jobs = leaves.iter().zip(cut(levels, above()));
        let jobs = jobs.map(|(leaves, above)| TreeJob { leaves: *leaves, bottom: None, above });
        match evidence.layout() {
            Layout::V33 => build_all_into::<TIMED_LEAF_LEN, _>(jobs.collect(), zeros),
            _ => build_all_into::<LEAF_LEN, _>(jobs.collect(), zeros),
        }

        let trees = batches.iter().zip(leaves.iter().zip(cut(levels, above())));
        for ((chain, leaf), (batches, (leaves, above))) in shared.iter_mut().enumerate().zip(trees)
        {
            let tree = Tree::over(leaves, above, zeros);
            let tree = tree.unwrap_or_else(|| unreachable!("built to this size"));
            evidence.compare_chain(chain, batches, &tree)?;
            *leaf = chain_id_leaf(chain_root(&tree), chains[chain].id);
        }
        build_on(shared, chains.len(), zeros);
        let shared = Tree::new(shared, chains.len() as u64, zeros);
        let shared = shared.unwrap_or_else(|| unreachable!("built to this size"));
        evidence.compare_shared(&shared)?;

        let (latest, layout) = self.latest(&shared, &batches, take)?;
        let chains = chains.iter().map(|chain| chain.id).zip(batches).collect();
        let timestamps = timestamps.concat().into();
        Ok(ForestShape { layout, chains, timestamps, latest, checked_by: evidence.kind() })
    }

    /// The newest interop root, and the effective layout.
    fn latest<E: From<RebuildError>>(
        &self,
        shared: &Tree<'_>,
        batches: &[BatchNumbers],
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<(Option<InteropRoot>, Layout), E> {
        let present = PresentRoots::of(self.evidence.layout(), shared, batches);
        let newest = self.evidence.newest_root(|root| present.has(root), take)?;
        let mut latest = newest.map(|newest| present.identify(newest)).transpose()?;
        if let (Some(latest), Layout::V33) = (&mut latest, self.evidence.layout()) {
            let timestamps = self.evidence.root_timestamps(&[latest.block])?;
            latest.timestamp = timestamps.first().copied().filter(|timestamp| timestamp.0 != 0);
        }
        let found = match (latest, self.evidence.layout()) {
            // Without a root by block, the layout is that of a release before v29.
            (None, Layout::V29) => Layout::V26,
            (_, layout) => layout,
        };
        let has_batches = batches.iter().any(|batches| !batches.is_empty());
        Ok((latest, accept(self.release, found, has_batches)?))
    }
}

/// Splits `nodes` into slices of these lengths.
fn cut(
    nodes: &mut [Hash],
    lengths: impl Iterator<Item = usize>,
) -> impl Iterator<Item = &mut [Hash]> {
    let mut rest = nodes;
    lengths.map(move |len| {
        let (slice, others) = mem::take(&mut rest).split_at_mut(len);
        rest = others;
        slice
    })
}

/// The effective layout: the detected one, unless another one was given and the evidence does not
/// contradict it. A later release may not yet have written the slots that distinguish it from an earlier one.
fn accept(
    given: Option<Release>,
    found: Layout,
    has_batches: bool,
) -> Result<Layout, RebuildError> {
    match given {
        Some(given) if given.may_have(found) => Ok(found),
        Some(given) if given.layout() > found && !has_batches => Ok(given.layout()),
        Some(given) => Err(RebuildError::OtherRelease { given, found }),
        None => Ok(found),
    }
}
