use std::{mem, sync::Arc};

use crate::{
    anchor::{BatchRoots, SettlementCheck},
    archive::{Archive, ArchiveError},
    contracts::Layout,
    forest::{ChainTree, Forest, LostBatches, Timeline},
    message::{BatchView, LogTree},
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
    proof::{CheckedBy, ProofEnd, Target, TargetRecord},
    prove::{
        BatchProofs, ExtractError, MatchedBatch, SlBatchTree, TargetError,
        batch_proofs::CommonPart,
        batch_root_rules::BatchRootRules,
        bridged::Bridged,
        bridged_target::BridgedTarget,
        l1_form::SlBatchTrees,
        resolved::{Placed, Resolved, TreePosition, batch_paths},
        stored_ends::{StoredEnd, StoredEnds},
    },
};

/// Makes proofs from a forest against one target.
///
/// ```no_run
/// use std::path::Path;
/// use slproof::{files::Access, forest, ingest, primitives::*, proof::Target, prove::Extractor};
///
/// let dump = ingest::state::read_state(Path::new("gateway.json"), None)?;
/// let forest = forest::rebuild(&dump.state, &forest::RebuildOptions::default())?;
/// let archive = ingest::logs::read_archive(Path::new("logs.slmsg"), Access::Map)?;
///
/// let extractor = Extractor::new(&forest, Target::Latest)?;
/// let record = extractor.batch_of(&archive, ChainId(324), BatchNumber(501_234))?.prove(0)?;
/// println!("{}", serde_json::to_string(&record)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Extractor<'f>(Source<'f>);

#[derive(Clone, Debug)]
enum Source<'f> {
    Forest(&'f Forest, Resolved<'f>),
    /// The roots of batches, and the contracts that decide about them, if they are known.
    State(Arc<dyn BatchRoots + 'f>, Option<BatchRootRules<'f>>),
    Stored(StoredEnds<'f>),
}

impl<'f> Extractor<'f> {
    /// Makes proofs against a root that needs only the forest: [`Target::Latest`] or [`Target::BatchRoot`].
    ///
    /// # Errors
    /// [`TargetError`] when the state does not have the root, or when the target needs more than the forest.
    pub fn new(forest: &'f Forest, target: Target) -> Result<Self, TargetError> {
        Ok(Self(Source::Forest(forest, Resolved::new(forest, target)?)))
    }

    /// Makes proofs against any interop root, that is, any root by block.
    ///
    /// # Errors
    /// [`TargetError`] when the block has no root or the contents of its root are unknown, or when the target
    /// is a batch of the settlement layer ([`Extractor::to_sl_batch`]).
    pub fn in_history(
        forest: &'f Forest,
        timeline: &'f Timeline,
        target: Target,
    ) -> Result<Self, TargetError> {
        Ok(Self(Source::Forest(forest, Resolved::in_history(forest, timeline, target)?)))
    }

    /// Makes proofs in the L1 form, against the root of a batch of the settlement layer. If L1's state is
    /// given, batches that L1 does not accept through that batch are refused.
    #[must_use]
    pub fn to_sl_batch(
        forest: &'f Forest,
        timeline: &'f Timeline,
        batch: Arc<SlBatchTree>,
        l1: Option<&'f dyn SettlementCheck>,
    ) -> Self {
        Self(Source::Forest(forest, Resolved::SlBatch(timeline, batch, l1)))
    }

    /// Makes proofs in the L1 form, against the root of the settlement layer's batch that executed the batch.
    pub(super) fn to_first_sl_batch(forest: &'f Forest, trees: SlBatchTrees<'f>) -> Self {
        Self(Source::Forest(forest, Resolved::FirstSlBatch(trees)))
    }

    /// Makes proofs against a root after batches of the settlement layer that are missing on L1.
    pub(super) fn to_bridged(forest: &'f Forest, target: BridgedTarget<'f>) -> Self {
        Self(Source::Forest(forest, Resolved::Bridged(target)))
    }

    /// Makes proofs against the batch roots that a state stores. The chains may settle on any layer, and no
    /// tree is rebuilt. Batches from before v26 are proven by their plain log path.
    #[must_use]
    pub fn to_batch_roots(state: &'f dyn BatchRoots) -> Self {
        Self::of_batch_roots(Arc::new(state), None)
    }

    /// As [`Extractor::to_batch_roots`], of a state that is looked up in another way than the caller's. Batches that the
    /// contracts refuse are refused.
    pub(super) fn of_batch_roots(
        state: Arc<dyn BatchRoots + 'f>,
        rules: Option<BatchRootRules<'f>>,
    ) -> Self {
        Self(Source::State(state, rules))
    }

    /// As [`Extractor::of_batch_roots`], of the batch roots in trees.
    pub(super) fn to_leaves(forest: &'f Forest, rules: Option<BatchRootRules<'f>>) -> Self {
        Self(Source::Forest(forest, Resolved::BatchRoot(rules)))
    }

    /// Takes also the batches that the contracts refuse: their logs are compared with their roots, and not proven.
    pub(super) fn with_refused(mut self) -> Self {
        match &mut self.0 {
            Source::Forest(_, Resolved::BatchRoot(rules)) | Source::State(_, rules) => {
                *rules = None
            }
            Source::Forest(..) | Source::Stored(_) => {}
        }
        self
    }

    /// Makes proofs that end in the paths that a node stored.
    pub(super) fn to_stored(ends: StoredEnds<'f>) -> Self {
        Self(Source::Stored(ends))
    }

    /// Returns the logs of a batch that is to be proven.
    ///
    /// # Errors
    /// [`ExtractError`] naming the missing part of the proof. If the archive does not have the batch, the
    /// error also tells whether the settlement layer executed it.
    pub fn logs_of<'a>(
        &self,
        archive: &'a Archive,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<BatchView<'a>, ExtractError> {
        let damaged = |error: ArchiveError| ExtractError::ArchiveDamaged {
            chain,
            batch,
            reason: error.to_string(),
        };
        if let Some(logs) = archive.batch(chain, batch).map_err(damaged)? {
            return Ok(logs);
        }
        if let Source::Forest(forest, target) = &self.0
            && Bridged::find(forest, target, (chain, batch)).is_none()
        {
            find(forest, chain, batch)?;
        }
        Err(ExtractError::BatchNotArchived { chain, batch })
    }

    /// Prepares the proofs of a batch whose logs are in `archive`; see [`Extractor::batch`].
    ///
    /// # Errors
    /// [`ExtractError`] naming the missing part of the proof.
    pub fn batch_of<'a>(
        &self,
        archive: &'a Archive,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        self.batch(self.logs_of(archive, chain, batch)?)
    }

    /// Prepares the proofs of one batch: checks its logs against the batch root in the state, and computes
    /// the part of the proof that all its logs share.
    ///
    /// # Errors
    /// [`ExtractError`] naming the missing part of the proof.
    pub fn batch<'a>(
        &self,
        logs: impl Into<BatchView<'a>>,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        let mut prepared = prepare(&[(self, logs.into())]);
        prepared.pop().unwrap_or_else(|| unreachable!("one for each batch"))
    }

    /// Prepares the proofs of many batches as [`Extractor::batch`] does those of one; see [`prepare`].
    #[must_use]
    pub fn batches<'a>(
        &self,
        batches: &[BatchView<'a>],
    ) -> Vec<Result<BatchProofs<'a>, ExtractError>> {
        let wanted: Vec<_> = batches.iter().map(|logs| (self, *logs)).collect();
        prepare(&wanted)
    }
}

/// Prepares the proofs of many batches as [`Extractor::batch`] does, each against the target of its own
/// extractor. Log trees are hashed in parallel lanes, which is several times faster for batches with few
/// logs. The paths in the chain trees are hashed in the same way. The logs of a batch that occurs several
/// times are hashed once.
#[must_use]
pub fn prepare<'a>(
    wanted: &[(&Extractor<'_>, BatchView<'a>)],
) -> Vec<Result<BatchProofs<'a>, ExtractError>> {
    // The same batch may occur with different logs, so batches are compared by the address of their logs.
    let mut distinct: Vec<BatchView<'a>> = wanted.iter().map(|(_, logs)| *logs).collect();
    let identity = |logs: &BatchView<'a>| (logs.key(), logs.logs().as_ptr());
    distinct.sort_unstable_by_key(identity);
    distinct.dedup_by_key(|logs| identity(logs));
    let trees: Vec<Arc<LogTree>> = BatchView::trees(&distinct).into_iter().map(Arc::new).collect();
    // Sorted by chain and batch, since batches near each other in a tree share cache lines.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_unstable_by_key(|i| wanted[*i].1.key());
    let mut located: Vec<_> = order
        .into_iter()
        .map(|i| {
            let (extractor, logs) = wanted[i];
            let same = identity(&logs);
            let place = distinct.partition_point(|other| identity(other) < same);
            (i, extractor.match_root(logs, Arc::clone(&trees[place])))
        })
        .collect();
    located.sort_unstable_by_key(|(i, _)| *i);
    let located: Vec<_> = located.into_iter().map(|(_, located)| located).collect();

    let places = located.iter().map(|located| located.as_ref().ok()?.placed.position.as_ref());
    let mut batch_paths = batch_paths(&places.collect::<Vec<_>>());
    located
        .into_iter()
        .enumerate()
        .map(|(i, located)| {
            let LocatedBatch { batch, tree, placed, known_end, checked_by } = located?;
            let Placed { position, target, sl_block } = placed;
            let l1_timestamp = position.as_ref().and_then(TreePosition::l1_timestamp);
            let end = match (known_end, position) {
                (Some(end), _) => end,
                (None, Some(place)) => place.end(mem::take(&mut batch_paths[i])),
                (None, None) => ProofEnd::BatchRoot,
            };
            let metadata = end.metadata(batch.path_len());
            let tail = end.words();
            let common = CommonPart {
                settled: batch,
                metadata,
                tail,
                l1_timestamp,
                target,
                sl_block,
                checked_by,
            };
            Ok(BatchProofs { common: Arc::new(common), tree })
        })
        .collect()
}

/// A batch with verified logs, and its position in the trees.
struct LocatedBatch<'f, 'a> {
    batch: MatchedBatch<'a>,
    tree: Arc<LogTree>,
    placed: Placed<'f>,
    /// The end of its proofs, if no path has to be computed.
    known_end: Option<ProofEnd>,
    checked_by: Option<CheckedBy>,
}

impl<'f> Extractor<'f> {
    /// The root of a batch, and the place of the batch at the target.
    pub(super) fn place(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<(Hash, Placed<'f>), ExtractError> {
        match &self.0 {
            Source::Forest(forest, target) => {
                if let Some(found) = Bridged::find(forest, target, (chain, batch)) {
                    return Ok((found.leaf().root, found.place(target)?.0));
                }
                let (tree, leaf, root) = find(forest, chain, batch)?;
                Ok((root, target.place(forest, tree, leaf)?))
            }
            Source::State(state, rules) => {
                let root = state.batch_root(chain, batch)?;
                let root = root.ok_or(ExtractError::NoBatchRoot { chain, batch })?;
                Ok((root, Placed::at_batch_root(root, (chain, batch), rules.as_ref())?))
            }
            Source::Stored(ends) => {
                let stored = ends.batch(chain, batch)?;
                let StoredEnd { target, sl_block, .. } = ends.end((chain, batch), stored)?;
                Ok((stored.root, Placed { position: None, target, sl_block }))
            }
        }
    }

    /// The root to which proofs of a batch lead, and the block that a node's answer names beside them.
    pub(crate) fn target_of(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<(TargetRecord, Option<SlBlock>), ExtractError> {
        let (_, Placed { target, sl_block, .. }) = self.place(chain, batch)?;
        Ok((target, sl_block))
    }

    fn match_root<'a>(
        &self,
        logs: BatchView<'a>,
        tree: Arc<LogTree>,
    ) -> Result<LocatedBatch<'f, 'a>, ExtractError> {
        let (chain, batch) = (logs.chain(), logs.batch());
        match &self.0 {
            Source::Forest(forest, target) => {
                let checked_by = Some(forest.checked_by());
                if let Some(found) = Bridged::find(forest, target, (chain, batch)) {
                    // L1 is evidence of releases before v33 only.
                    let matched = MatchedBatch::match_root(logs, &tree, found.leaf().root, false);
                    let batch = matched.map_err(ExtractError::LogsDoNotFold)?;
                    let (placed, known_end) = found.place(target)?;
                    return Ok(LocatedBatch { batch, tree, placed, known_end, checked_by });
                }
                let (chain_tree, leaf, batch_root) = find(forest, chain, batch)?;
                let is_since_v33 = forest.layout() >= Layout::V33;
                let matched = MatchedBatch::match_root(logs, &tree, batch_root, is_since_v33);
                // A mapped tree file may be damaged; the logs are then not at fault.
                let is_intact = || chain_tree.tree().path_is_valid(leaf);
                let matched = matched.map_err(|error| match is_intact() {
                    true => ExtractError::LogsDoNotFold(error),
                    false => ExtractError::TreeDamaged { chain, batch },
                });
                let batch = matched?;
                let placed = target.place(forest, chain_tree, leaf)?;
                Ok(LocatedBatch { batch, tree, placed, known_end: None, checked_by })
            }
            Source::State(state, _) => {
                let (root, placed) = self.place(chain, batch)?;
                let is_since_v33 = state.is_since_v33()?;
                let batch = MatchedBatch::match_root(logs, &tree, root, is_since_v33)?;
                let known_end = batch.is_plain().then_some(ProofEnd::Plain);
                let checked_by = Some(CheckedBy::STATE);
                Ok(LocatedBatch { batch, tree, placed, known_end, checked_by })
            }
            Source::Stored(ends) => {
                let stored = ends.batch(chain, batch)?;
                // The columns are of nodes before v33.
                let matched = MatchedBatch::match_root(logs, &tree, stored.root, false);
                let matched = matched.map_err(ExtractError::LogsDoNotFoldToTable)?;
                let StoredEnd { end, target, sl_block, checked_by } =
                    ends.end((chain, batch), stored)?;
                let placed = Placed { position: None, target, sl_block };
                let known_end = Some(end);
                Ok(LocatedBatch { batch: matched, tree, placed, known_end, checked_by })
            }
        }
    }
}

/// Finds the tree, leaf index and root of a batch.
fn find(
    forest: &Forest,
    chain: ChainId,
    batch: BatchNumber,
) -> Result<(&ChainTree, u64, Hash), ExtractError> {
    if let (Some(trees), None) = (forest.bridged(), forest.chain(chain).and_then(|c| c.find(batch)))
    {
        let is_it = |lost: &LostBatches| lost.chain == chain && lost.batches.contains(&batch);
        return Err(match trees.lost().find(is_it) {
            Some(LostBatches { missing, .. }) => ExtractError::BatchLost { chain, batch, missing },
            None => ExtractError::MaybeLost { chain, batch },
        });
    }
    let tree = forest.chain(chain).ok_or(ExtractError::UnknownChain(chain))?;
    let (leaf_index, batch_root) = tree.find(batch).ok_or_else(|| {
        let batches = tree.batches();
        let executed = batches.first().zip(batches.last());
        let (before, after) = batches.around(batch);
        let between = before.zip(after);
        match forest.layout() {
            Layout::V33 => ExtractError::BatchHasNoLeaf { chain, batch, executed },
            _ => ExtractError::BatchNotInTree { chain, batch, executed, between },
        }
    })?;
    Ok((tree, leaf_index, batch_root))
}

#[cfg(test)]
mod tests;
