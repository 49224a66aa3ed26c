//! Checks whether an archive has all logs of its batches, by the batch roots in the settlement layer's trees.

use super::{BatchProofs, BatchRootForm, Error, ExtractError, Extractor, TargetError, Trees};
use crate::{
    anchor::BatchRoots as StoredRoots,
    archive::{Archive, ArchiveError},
    contracts::Layout,
    forest::{ChainTree, Forest, chain_id_leaf},
    ingest::logs::{BatchCheck, BatchRoots, Verdict},
    message::BatchView,
    primitives::{BatchNumber, ChainId, Hash},
    proof::Target,
};

/// Compares the logs of batches with the batch roots in the trees, or in a state.
///
/// ```
/// use slproof::{Messages, MessagesOptions, Trees, primitives::ChainId, prove::TreeCheck};
///
/// let mut options = MessagesOptions::default();
/// options.source.chain = Some(ChainId(324));
/// let messages = Messages::open(&["fixtures/gateway-v29/receipts.json"], &options)?;
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
///
/// let forest = trees.forest().ok_or("trees were rebuilt")?;
/// let coverage = TreeCheck::new(forest)?.coverage(messages.archive())?;
/// assert_eq!((coverage.complete, coverage.missing[0].count), (1, 32));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TreeCheck<'f> {
    /// The trees of each settlement layer; `None` if there is only a state that stores batch roots.
    layers: Vec<(Option<&'f Forest>, Extractor<'f>)>,
}

/// Which batches of the trees an archive has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The number of batches of the trees that the archive has.
    pub complete: u64,
    /// The batches that the archive lacks, by chain. Chains without any batch in the archive are not listed.
    pub missing: Vec<MissingBatches>,
    /// The number of chains that have batches in the trees and none in the archive.
    pub absent_chains: u64,
}

/// The batches of one chain that an archive lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingBatches {
    /// The chain.
    pub chain: ChainId,
    /// The number of missing batches.
    pub count: u64,
    /// The first and last batch of each run of missing batches whose numbers follow each other.
    pub runs: Vec<(BatchNumber, BatchNumber)>,
}

impl<'f> TreeCheck<'f> {
    /// Creates a check against these trees.
    ///
    /// # Errors
    /// [`TargetError`] when the trees have no batch roots.
    pub fn new(forest: &'f Forest) -> Result<Self, TargetError> {
        Self::of_layers([forest])
    }

    /// Creates a check against the trees of several settlement layers. A batch is complete if its logs fold to its root in
    /// one of them.
    ///
    /// # Errors
    /// As [`TreeCheck::new`].
    pub fn of_layers(forests: impl IntoIterator<Item = &'f Forest>) -> Result<Self, TargetError> {
        let layer = |forest| {
            Ok::<_, TargetError>((Some(forest), Extractor::new(forest, Target::BatchRoot)?))
        };
        Ok(Self { layers: forests.into_iter().map(layer).collect::<Result<_, _>>()? })
    }

    /// Adds the batch roots that a state stores, for batches that are not in the trees.
    #[must_use]
    pub fn or_roots(mut self, roots: &'f dyn StoredRoots) -> Self {
        self.layers.push((None, Extractor::to_batch_roots(roots)));
        self
    }

    /// Creates a check against these trees, or against the batch roots in a state if no trees are rebuilt.
    ///
    /// # Errors
    /// [`Error`] when the trees have no batch roots.
    pub fn of(trees: &'f Trees) -> Result<Self, Error> {
        let extractor = trees.extractor(Target::BatchRoot)?.with_refused();
        Ok(Self { layers: vec![(trees.forest(), extractor)] })
    }

    fn forests(&self) -> impl Iterator<Item = &'f Forest> {
        self.layers.iter().filter_map(|(forest, _)| *forest)
    }

    /// Compares an archive with the batches in the trees.
    ///
    /// # Errors
    /// [`ArchiveError`] when the archive is damaged.
    pub fn coverage(&self, archive: &Archive) -> Result<Coverage, ArchiveError> {
        let archived: Vec<_> = archive.chains()?.into_iter().map(|summary| summary.chain).collect();
        let mut coverage = Coverage::default();
        for tree in self.forests().flat_map(Forest::chains) {
            let (chain, batches) = (tree.chain(), tree.batches());
            if !archived.contains(&chain) {
                coverage.absent_chains += u64::from(!batches.is_empty());
                continue;
            }
            let mut missing = MissingBatches { chain, count: 0, runs: Vec::new() };
            for batch in batches.iter() {
                if archive.contains(chain, batch)? {
                    coverage.complete += 1;
                    continue;
                }
                missing.count += 1;
                match missing.runs.last_mut() {
                    Some((_, last)) if batch.follows(*last) => *last = batch,
                    _ => missing.runs.push((batch, batch)),
                }
            }
            coverage.missing.extend((missing.count > 0).then_some(missing));
        }
        Ok(coverage)
    }
}

impl BatchCheck for TreeCheck<'_> {
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = batches.iter().map(|_| Verdict::Unknown).collect();
        for (_, extractor) in &self.layers {
            let is_open = |at: &usize| !matches!(verdicts[*at], Verdict::Complete { .. });
            let open: Vec<usize> = (0..batches.len()).filter(is_open).collect();
            let views: Vec<BatchView<'_>> = open.iter().map(|at| batches[*at]).collect();
            for (at, proofs) in open.into_iter().zip(extractor.batches(&views)) {
                let verdict = verdict(proofs);
                // That the logs do not fold says more than that another layer does not have the batch, and the first such
                // layer says it.
                if matches!(verdicts[at], Verdict::Unknown)
                    || matches!(verdict, Verdict::Complete { .. })
                {
                    verdicts[at] = verdict;
                }
            }
        }
        verdicts
    }

    fn batch_roots(&self, chain: ChainId) -> Option<BatchRoots> {
        let has_chain =
            |forest: &&Forest| forest.chain(chain).is_some_and(|tree| !tree.batches().is_empty());
        let forests: Vec<&Forest> = self.forests().filter(has_chain).collect();
        if forests.is_empty() {
            return None;
        }
        let trees = forests.iter().filter_map(|forest| forest.chain(chain));
        let batches =
            trees.flat_map(|tree| tree.batches().iter().zip(tree.batch_roots().iter().copied()));
        let may_have_eight_leaves = forests.iter().any(|forest| forest.layout() >= Layout::V33);
        // Those of chains that are not a settlement layer, as in `MatchedBatch::match_root`.
        let aggregated = vec![chain_id_leaf(Hash::ZERO, chain), Hash::ZERO];
        Some(BatchRoots::new(batches, aggregated, may_have_eight_leaves))
    }

    fn chain_of(&self, aggregated_root: Hash) -> Option<ChainId> {
        let mut chains = self.forests().flat_map(Forest::chains).map(ChainTree::chain);
        chains.find(|chain| chain_id_leaf(Hash::ZERO, *chain) == aggregated_root)
    }
}

/// What the trees of one layer say of a batch.
fn verdict(proofs: Result<BatchProofs<'_>, ExtractError>) -> Verdict {
    match proofs {
        Ok(proofs) => {
            let (aggregated, imt) = match proofs.settled().form() {
                BatchRootForm::Aggregated(root, _) => (Some(root), None),
                BatchRootForm::EightLeaves(leaves, _) => {
                    (Some(leaves.multichain_root), Some(leaves.imt))
                }
                BatchRootForm::Plain(_) => (None, None),
            };
            Verdict::Complete { aggregated, imt }
        }
        Err(
            ExtractError::UnknownChain(_)
            | ExtractError::BatchNotInTree { .. }
            | ExtractError::BatchHasNoLeaf { .. }
            | ExtractError::BatchLost { .. }
            | ExtractError::MaybeLost { .. }
            | ExtractError::PathLost { .. }
            | ExtractError::NoBatchRoot { .. }
            // Of slots with proofs, that of the root may be missing.
            | ExtractError::State(_),
        ) => Verdict::Unknown,
        Err(error) => Verdict::Incomplete(error.into()),
    }
}
