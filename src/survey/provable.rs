//! What can be proven against each kind of target.

use std::sync::Arc;

use serde::Serialize;

use super::{Counts, Problem};
use crate::{
    forest::{BridgedLeaf, BridgedTrees, ChainTree, Timeline},
    primitives::SlBatch,
    prove::{SlBatchTree, Trees},
};

/// The number of the settlement layer's own batches that are tried, from the last one back. Batches after the
/// end of the state cannot be rebuilt.
const MOST_SL_BATCHES: usize = 64;

/// A kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// An interop root, such as the newest.
    Block,
    /// The interop root of the block in which the batch was executed.
    First,
    /// The root of one of the settlement layer's own batches, as L1 stores it.
    SlBatch,
    /// The batch root.
    BatchRoot,
}

/// What can be proven against a kind of target.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provable {
    /// The kind of target.
    pub target: TargetKind,
    /// What can be proven. The logs are those that a job makes proofs of.
    #[serde(flatten)]
    pub counts: Counts,
    /// The number of past interop roots that can be targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<u64>,
    /// The newest of the settlement layer's own batches against which all of this can be proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sl_batch: Option<SlBatch>,
}

/// A kind of target that exists, with what shows which batches can be proven against it.
pub(super) enum Reach<'t> {
    All(TargetKind),
    First(&'t Timeline),
    SlBatch(&'t Timeline, Arc<SlBatchTree>),
}

impl Reach<'_> {
    /// Whether a batch of the trees can be proven.
    pub(super) fn has(&self, chain: &ChainTree, leaf: u64) -> bool {
        match self {
            Self::All(_) => true,
            Self::First(timeline) => timeline.first(chain, leaf).is_some(),
            Self::SlBatch(timeline, batch) => {
                timeline.batches(chain.index(), batch.at()).is_some_and(|batches| leaf < batches)
            }
        }
    }

    /// Whether a batch can be proven that is known after missing batches of the settlement layer.
    pub(super) fn has_bridged(&self, trees: &BridgedTrees, leaf: &BridgedLeaf) -> bool {
        match self {
            Self::All(TargetKind::Block) => {
                trees.last(leaf, |end| end.last_block().is_some()).is_some()
            }
            Self::All(_) => true,
            Self::First(_) => trees
                .first_root(leaf)
                .is_some_and(|(end, root)| trees.path_to(leaf, end, root).is_some()),
            // Its target is before them.
            Self::SlBatch(..) => false,
        }
    }

    /// The report for what was counted.
    pub(super) fn report(&self, counts: Counts, explained: Option<u64>) -> Provable {
        let (target, roots, sl_batch) = match self {
            Self::All(TargetKind::Block) => (TargetKind::Block, explained, None),
            Self::All(kind) => (*kind, None, None),
            Self::First(_) => (TargetKind::First, None, None),
            Self::SlBatch(_, batch) => (TargetKind::SlBatch, None, Some(batch.batch())),
        };
        Provable { target, counts, roots, sl_batch }
    }
}

/// The kinds of targets that exist for these trees.
pub(super) struct Reaches<'t> {
    pub(super) kinds: Vec<Reach<'t>>,
    /// The number of past interop roots whose contents are known.
    pub(super) explained: Option<u64>,
}

/// Finds the kinds of targets that exist.
pub(super) fn kinds<'t>(trees: Option<&'t Trees>, problems: &mut Vec<Problem>) -> Reaches<'t> {
    let mut reaches = Reaches { kinds: Vec::new(), explained: None };
    let Some((trees, forest)) = trees.and_then(|trees| Some((trees, trees.forest()?))) else {
        return reaches;
    };
    if forest.latest().is_some() {
        reaches.kinds.push(Reach::All(TargetKind::Block));
        match trees.history() {
            Ok(timeline) => {
                let history = timeline.history();
                let known = history.len() - history.unexplained().count();
                reaches.explained = Some(known as u64);
                reaches.kinds.push(Reach::First(timeline));
                match trees.newest_sl_batch(MOST_SL_BATCHES) {
                    Ok(Some(batch)) => reaches.kinds.push(Reach::SlBatch(timeline, batch)),
                    Ok(None) => {}
                    // They may be later than the state.
                    Err(error) if error.is_of_target() => {}
                    Err(error) => {
                        let files = trees.options().sl_batches.clone();
                        problems.push(Problem { files, error });
                    }
                }
            }
            Err(error) => problems.push(Problem { files: Vec::new(), error }),
        }
    }
    reaches.kinds.push(Reach::All(TargetKind::BatchRoot));
    reaches
}
