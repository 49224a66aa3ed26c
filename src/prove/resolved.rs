//! The part of a proof that leads from a batch root to the target.

use std::sync::Arc;

use crate::{
    anchor::{Refusal, SettlementCheck},
    contracts::SettledOn,
    forest::{ChainAt, ChainTree, Forest, InteropRoot, RootIndex, Timeline},
    merkle::Prefix,
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Timestamp, Word},
    proof::{CheckedBy, ProofEnd, SettlementHop, Target, TargetKind, TargetRecord},
    prove::{
        ExtractError, SlBatchTree, TargetError, batch_root_rules::BatchRootRules,
        bridged_target::BridgedTarget, l1_form::SlBatchTrees,
    },
};

/// A target that exists, with the trees as they were at its block.
#[derive(Clone, Debug)]
pub(super) enum Resolved<'f> {
    /// The newest interop root, and the shared tree at that time.
    Latest(InteropRoot, Prefix<'f>),
    First(&'f Timeline),
    Block(&'f Timeline, RootIndex),
    SlBatch(&'f Timeline, Arc<SlBatchTree>, Option<&'f dyn SettlementCheck>),
    FirstSlBatch(SlBatchTrees<'f>),
    /// A target after batches of the settlement layer that are missing on L1.
    Bridged(BridgedTarget<'f>),
    /// The root of each batch, and the contracts that decide about it, if they are known.
    BatchRoot(Option<BatchRootRules<'f>>),
}

/// A batch at a target.
#[derive(Clone, Debug)]
pub(super) struct Placed<'f> {
    /// The position of the batch in the trees; `None` where proofs end at the batch root.
    pub(super) position: Option<TreePosition<'f>>,
    /// The root to which the proofs of the batch fold.
    pub(super) target: TargetRecord,
    /// The block of the settlement layer that a node's answer names beside the proof: that of the root, or for
    /// a root on L1 the one that executed the batch. `None` if it is not known.
    pub(super) sl_block: Option<SlBlock>,
}

impl Placed<'_> {
    /// A batch whose proofs end at its own root. It is refused if the contracts that decide refuse it.
    pub(super) fn at_batch_root(
        root: Hash,
        of: (ChainId, BatchNumber),
        rules: Option<&BatchRootRules<'_>>,
    ) -> Result<Self, ExtractError> {
        rules.map_or(Ok(()), |rules| rules.check(of, root))?;
        Ok(Self { position: None, target: TargetRecord::batch_root(root), sl_block: None })
    }
}

impl<'f> Resolved<'f> {
    pub(super) fn new(forest: &'f Forest, target: Target) -> Result<Self, TargetError> {
        match target {
            Target::BatchRoot => Ok(Self::BatchRoot(None)),
            Target::Latest => {
                let no_root = || match forest.checked_by() {
                    CheckedBy::EVENTS => TargetError::NoInteropRootEvent,
                    _ => TargetError::NoInteropRoot(forest.layout()),
                };
                let latest = forest.latest().ok_or_else(no_root)?;
                let shared = forest.shared().prefix(latest.chains).ok_or_else(no_root)?;
                Ok(Self::Latest(latest, shared))
            }
            _ => Err(TargetError::NeedsHistory(target)),
        }
    }

    pub(super) fn in_history(
        forest: &'f Forest,
        timeline: &'f Timeline,
        target: Target,
    ) -> Result<Self, TargetError> {
        match target {
            Target::First => Ok(Self::First(timeline)),
            Target::Block(block) => match timeline.at(block) {
                Some(at) => Ok(Self::Block(timeline, at)),
                None => Err(no_root(&timeline.history().blocks, block)),
            },
            _ => Self::new(forest, target),
        }
    }

    /// Returns the position of a batch in the trees at the target, and the root to which its proofs fold.
    pub(super) fn place(
        &self,
        forest: &'f Forest,
        tree: &'f ChainTree,
        leaf: u64,
    ) -> Result<Placed<'f>, ExtractError> {
        let (timeline, at) = match self {
            Self::BatchRoot(rules) => {
                let (root, batch) = (tree.batch_roots()[leaf as usize], number(tree, leaf));
                return Placed::at_batch_root(root, (tree.chain(), batch), rules.as_ref());
            }
            Self::Latest(latest, shared) => {
                let after = |_| after_target(tree, latest.block);
                let chain_path = shared.path(tree.index()).map_err(after)?;
                let leaves = tree.batches().len();
                return Ok(at_block(forest, tree, (leaf, leaves), *latest, chain_path));
            }
            Self::SlBatch(timeline, batch, l1) => {
                return at_sl_batch(forest, tree, leaf, timeline, batch, *l1);
            }
            Self::FirstSlBatch(trees) => return at_first_sl_batch(forest, tree, leaf, trees),
            // All batches are found among those that are known after the missing ones.
            Self::Bridged(_) => return Err(not_in_any_root(tree, leaf)),
            Self::First(timeline) => (*timeline, first_root(timeline, tree, leaf)?),
            Self::Block(timeline, at) => (*timeline, *at),
        };
        let ChainAt { batches, shared_path } = chain_at(tree, leaf, timeline, at)?;
        Ok(at_block(forest, tree, (leaf, batches), timeline.root(at), shared_path))
    }
}

/// A batch at an interop root, where the chain has `leaves` batches.
fn at_block<'f>(
    forest: &Forest,
    tree: &'f ChainTree,
    (leaf, leaves): (u64, u64),
    InteropRoot { block, root, timestamp, .. }: InteropRoot,
    chain_path: Vec<Hash>,
) -> Placed<'f> {
    let (sl_number, sl_chain) = (block.0, forest.sl_chain().to_word());
    let position =
        TreePosition { tree, leaf, leaves, sl_number, sl_chain, chain_path, sl_local_root: None };
    let target = record(forest, TargetKind::Block, block.0, root);
    let target = TargetRecord { timestamp, ..target };
    Placed { position: Some(position), target, sl_block: Some(block) }
}

/// A batch at the root of a batch of the settlement layer. It is refused if L1 does not accept it there.
fn at_sl_batch<'f>(
    forest: &Forest,
    tree: &'f ChainTree,
    leaf: u64,
    timeline: &Timeline,
    batch: &SlBatchTree,
    l1: Option<&dyn SettlementCheck>,
) -> Result<Placed<'f>, ExtractError> {
    let leaves = chain_at(tree, leaf, timeline, batch.at())?.batches;
    let chain_path = batch.chain_path(tree.index());
    let chain_path = chain_path.ok_or_else(|| after_target(tree, batch.last_block()))?;
    let (sl_number, sl_chain) = (batch.batch().0, forest.sl_chain());
    if let Some(l1) = l1 {
        let of = (tree.chain(), number(tree, leaf));
        let is_timed = tree.timestamp(leaf).is_some();
        if let Some(answer) = l1.objection(of, (sl_chain, sl_number), is_timed)? {
            return Err(ExtractError::not_accepted(of, batch.batch(), answer));
        }
    }
    let sl_local_root = Some(batch.local_root());
    let sl_chain = sl_chain.to_word();
    let position =
        TreePosition { tree, leaf, leaves, sl_number, sl_chain, chain_path, sl_local_root };
    let target = record(forest, TargetKind::SlBatch, sl_number, batch.root());
    let sl_block = timeline.first(tree, leaf).map(|first| timeline.root(first).block);
    Ok(Placed { position: Some(position), target, sl_block })
}

/// A batch at the root of the settlement layer's batch in which it was executed. Which of the blocks of that batch
/// executed it need not be known. If L1 accepts other batches of this settlement layer instead, it is placed at
/// the last of them.
fn at_first_sl_batch<'f>(
    forest: &Forest,
    tree: &'f ChainTree,
    leaf: u64,
    trees: &SlBatchTrees<'_>,
) -> Result<Placed<'f>, ExtractError> {
    let timeline = trees.timeline();
    let blocks = match timeline.first(tree, leaf) {
        Some(at) => Some(timeline.root(at).block..=timeline.root(at).block),
        None => timeline.first_within(tree.index(), leaf),
    };
    let blocks = blocks.ok_or_else(|| not_in_any_root(tree, leaf))?;
    let (chain, batch, block) = (tree.chain(), number(tree, leaf), *blocks.end());
    let of_batch = |reason| ExtractError::SlBatch { chain, batch, block, reason };
    let at = |through: &SlBatchTree| at_sl_batch(forest, tree, leaf, timeline, through, trees.l1());
    if trees.are_in_several(&blocks) {
        return Err(ExtractError::FirstRootUnknown { chain, batch, block });
    }
    let covering = trees.covering(block).map_err(of_batch)?;
    if trees.lack_a_root_before(covering.batch()) {
        return Err(ExtractError::FirstRootUnknown { chain, batch, block });
    }
    let refused = match at(&covering) {
        Err(refused @ ExtractError::NotAcceptedByL1(_)) => refused,
        other => return other,
    };
    let ExtractError::NotAcceptedByL1(Refusal::InvalidSettlementLayer {
        settled_on: SettledOn::Layer { chain: layer, first, last },
        ..
    }) = &refused
    else {
        return Err(refused);
    };
    if *layer != forest.sl_chain().to_word() {
        return Err(refused);
    }
    match trees.last_within(*first, *last).map_err(of_batch)? {
        // Earlier ones do not contain the batch.
        Some(accepted) if accepted.batch() > covering.batch() => at(&accepted),
        _ => Err(refused),
    }
}

/// The position of a batch in the settlement layer's trees at a target.
#[derive(Clone, Debug)]
pub(super) struct TreePosition<'f> {
    pub(super) tree: &'f ChainTree,
    /// The batch's leaf index.
    pub(super) leaf: u64,
    /// The number of leaves of the chain tree at the target.
    pub(super) leaves: u64,
    sl_number: u64,
    sl_chain: Word,
    /// The siblings in the shared tree.
    chain_path: Vec<Hash>,
    /// The last sibling of the L1 form: the root of the settlement layer's own logs, the left half of its
    /// batch root.
    sl_local_root: Option<Hash>,
}

impl TreePosition<'_> {
    /// When the batch was executed (since v33).
    pub(super) fn l1_timestamp(&self) -> Option<Timestamp> {
        self.tree.timestamp(self.leaf)
    }

    /// Completes the proof with the siblings in the chain tree.
    pub(super) fn end(self, batch_path: Vec<Hash>) -> ProofEnd {
        let l1_timestamp = self.l1_timestamp().map(Timestamp::to_word);
        let (mut chain_mask, mut chain_path) = (u128::from(self.tree.index()), self.chain_path);
        if let Some(root) = self.sl_local_root {
            chain_mask |= 1 << chain_path.len();
            chain_path.push(root);
        }
        ProofEnd::SettlementLayer(SettlementHop {
            l1_timestamp,
            batch_mask: Word::from(self.leaf),
            batch_path,
            sl_number: self.sl_number.into(),
            chain_mask,
            sl_chain: self.sl_chain,
            chain_path,
        })
    }
}

/// Computes the siblings in the chain tree for each position, in parallel lanes. The result is empty where
/// there is no position.
pub(super) fn batch_paths(places: &[Option<&TreePosition<'_>>]) -> Vec<Vec<Hash>> {
    let mut paths = vec![Vec::new(); places.len()];
    let mut by_tree: Vec<(usize, &TreePosition<'_>)> =
        places.iter().enumerate().filter_map(|(i, place)| Some((i, (*place)?))).collect();
    by_tree.sort_by_key(|(_, place)| place.tree.index());
    for same in by_tree.chunk_by(|(_, a), (_, b)| a.tree.index() == b.tree.index()) {
        let leaves: Vec<_> = same.iter().map(|(_, place)| (place.leaf, place.leaves)).collect();
        let found = same[0].1.tree.tree().prefix_paths(&leaves);
        let found = found.unwrap_or_else(|_| unreachable!("a place is a leaf of its tree"));
        for ((i, _), path) in same.iter().zip(found) {
            paths[*i] = path;
        }
    }
    paths
}

/// Returns the error for a block without a usable root. `blocks` are those with a root.
pub(super) fn no_root(blocks: &[SlBlock], block: SlBlock) -> TargetError {
    match blocks.binary_search(&block) {
        Ok(_) => TargetError::Unexplained(block),
        Err(at) => TargetError::NoRootOfBlock {
            block,
            before: at.checked_sub(1).map(|before| blocks[before]),
            after: blocks.get(at).copied(),
        },
    }
}

/// Returns the chain as it was at a root that contains the leaf.
fn chain_at(
    tree: &ChainTree,
    leaf: u64,
    timeline: &Timeline,
    at: RootIndex,
) -> Result<ChainAt, ExtractError> {
    let block = timeline.root(at).block;
    match timeline.chain(tree.index(), at) {
        None => Err(after_target(tree, block)),
        Some(chain) if leaf < chain.batches => Ok(chain),
        Some(_) => Err(ExtractError::BatchAfterTarget {
            chain: tree.chain(),
            batch: number(tree, leaf),
            block,
            first: timeline.first(tree, leaf).map(|first| timeline.root(first).block),
        }),
    }
}

/// Returns the first root that contains the leaf.
fn first_root(timeline: &Timeline, tree: &ChainTree, leaf: u64) -> Result<RootIndex, ExtractError> {
    let first = timeline.first(tree, leaf);
    if let (None, Some(at)) = (first, timeline.first_explained(tree.index(), leaf)) {
        let block = timeline.root(at).block;
        let (chain, batch) = (tree.chain(), number(tree, leaf));
        return Err(ExtractError::FirstRootUnknown { chain, batch, block });
    }
    first.ok_or_else(|| not_in_any_root(tree, leaf))
}

fn after_target(tree: &ChainTree, block: SlBlock) -> ExtractError {
    ExtractError::ChainAfterTarget { chain: tree.chain(), block }
}

fn not_in_any_root(tree: &ChainTree, leaf: u64) -> ExtractError {
    ExtractError::NotInAnyRoot { chain: tree.chain(), batch: number(tree, leaf) }
}

/// Returns the number of the batch at a leaf of the tree.
fn number(tree: &ChainTree, leaf: u64) -> BatchNumber {
    tree.batches().get(leaf).unwrap_or_default()
}

fn record(forest: &Forest, kind: TargetKind, number: u64, root: Hash) -> TargetRecord {
    let (sl_chain_id, number) = (Some(forest.sl_chain()), Some(number));
    TargetRecord { kind, sl_chain_id, number, root, timestamp: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_block_without_a_root_names_its_neighbours() {
        let text = |before: Option<u64>, after: Option<u64>| {
            let (before, after) = (before.map(SlBlock), after.map(SlBlock));
            TargetError::NoRootOfBlock { block: SlBlock(20), before, after }.to_string()
        };
        let error = "block 20 has no interop root in this state: nothing was appended in it, or the \
                     dump lost its slot";
        assert_eq!(text(Some(19), Some(31)), format!("{error}; blocks 19 and 31 have one"));
        assert_eq!(text(Some(19), None), format!("{error}; block 19 has one"));
        assert_eq!(text(None, Some(31)), format!("{error}; block 31 has one"));
        assert_eq!(text(None, None), error);
    }
}
