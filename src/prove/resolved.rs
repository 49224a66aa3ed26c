//! The part of a proof that leads from a batch root to the target.

use std::sync::Arc;

use crate::{
    anchor::SettlementCheck,
    forest::{ChainAt, ChainTree, Forest, InteropRoot, RootIndex, Timeline},
    merkle::Prefix,
    primitives::{BatchNumber, Hash, SlBlock, Word},
    proof::{ProofEnd, SettlementHop, Target, TargetKind, TargetRecord},
    prove::{ExtractError, SlBatchTree, TargetError},
};

/// A target that exists, with the trees as they were at its block.
#[derive(Clone, Debug)]
pub(super) enum Resolved<'f> {
    /// The newest interop root, and the shared tree at that time.
    Latest(InteropRoot, Prefix<'f>),
    First(&'f Timeline),
    Block(&'f Timeline, RootIndex),
    SlBatch(&'f Timeline, Arc<SlBatchTree>, Option<&'f dyn SettlementCheck>),
    BatchRoot,
}

impl<'f> Resolved<'f> {
    pub(super) fn new(forest: &'f Forest, target: Target) -> Result<Self, TargetError> {
        match target {
            Target::BatchRoot => Ok(Self::BatchRoot),
            Target::Latest => {
                let no_root = || TargetError::NoInteropRoot(forest.layout());
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
                None => Err(no_root(timeline, block)),
            },
            _ => Self::new(forest, target),
        }
    }

    /// Returns the position of a batch in the trees at the target, and the root to which its proofs fold. The
    /// position is `None` where proofs end at the batch root.
    pub(super) fn place(
        &self,
        forest: &'f Forest,
        tree: &'f ChainTree,
        leaf: u64,
    ) -> Result<(Option<TreePosition<'f>>, TargetRecord), ExtractError> {
        let sl_chain = forest.sl_chain().to_word();
        let place = |leaves, sl_number: u64, chain_path| TreePosition {
            tree,
            leaf,
            leaves,
            sl_number,
            sl_chain,
            chain_path,
            sl_local_root: None,
        };
        let (timeline, at) = match self {
            Self::BatchRoot => {
                let root = tree.batch_roots()[leaf as usize];
                return Ok((None, TargetRecord::batch_root(root)));
            }
            Self::Latest(latest, shared) => {
                let after = |_| after_target(tree, latest.block);
                let chain_path = shared.path(tree.index()).map_err(after)?;
                let leaves = tree.batches().len();
                let place = place(leaves, latest.block.0, chain_path);
                return Ok((Some(place), block_record(forest, latest.block, latest.root)));
            }
            Self::SlBatch(timeline, batch, l1) => {
                let leaves = chain_at(tree, leaf, timeline, batch.at())?.batches;
                let chain_path = batch.chain_path(tree.index());
                let chain_path =
                    chain_path.ok_or_else(|| after_target(tree, batch.last_block()))?;
                if let Some(l1) = l1 {
                    let of = (tree.chain(), number(tree, leaf));
                    let through = (forest.sl_chain(), batch.batch().0);
                    if let Some(answer) = l1.objection(of, through)? {
                        let sl_batch = batch.batch();
                        return Err(ExtractError::not_accepted(of, sl_batch, answer));
                    }
                }
                let place = place(leaves, batch.batch().0, chain_path);
                let record = TargetRecord {
                    kind: TargetKind::SlBatch,
                    sl_chain_id: Some(forest.sl_chain()),
                    number: Some(batch.batch().0),
                    root: batch.root(),
                };
                return Ok((
                    Some(TreePosition { sl_local_root: Some(batch.local_root()), ..place }),
                    record,
                ));
            }
            Self::First(timeline) => {
                let first = timeline.first(tree.index(), leaf);
                let explained = timeline.first_explained(tree.index(), leaf);
                if let (None, Some(at)) = (first, explained) {
                    let block = timeline.root(at).block;
                    let (chain, batch) = (tree.chain(), number(tree, leaf));
                    return Err(ExtractError::FirstRootUnknown { chain, batch, block });
                }
                (timeline, first.ok_or_else(|| not_in_any_root(tree, leaf))?)
            }
            Self::Block(timeline, at) => (timeline, *at),
        };
        let root = timeline.root(at);
        let chain = chain_at(tree, leaf, timeline, at)?;
        let place = place(chain.batches, root.block.0, chain.shared_path);
        Ok((Some(place), block_record(forest, root.block, root.root)))
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
    /// Completes the proof with the siblings in the chain tree.
    pub(super) fn end(self, batch_path: Vec<Hash>) -> ProofEnd {
        let (mut chain_mask, mut chain_path) = (u128::from(self.tree.index()), self.chain_path);
        if let Some(root) = self.sl_local_root {
            chain_mask |= 1 << chain_path.len();
            chain_path.push(root);
        }
        ProofEnd::SettlementLayer(SettlementHop {
            batch_mask: Word::from(self.leaf),
            batch_path,
            sl_number: self.sl_number.into(),
            chain_mask,
            sl_chain: self.sl_chain,
            chain_path,
        })
    }
}

/// Returns the error for a block without a usable root.
pub(super) fn no_root(timeline: &Timeline, block: SlBlock) -> TargetError {
    let blocks = &timeline.history().blocks;
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
            first: timeline.first(tree.index(), leaf).map(|first| timeline.root(first).block),
        }),
    }
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

fn block_record(forest: &Forest, block: SlBlock, root: Hash) -> TargetRecord {
    TargetRecord {
        kind: TargetKind::Block,
        sl_chain_id: Some(forest.sl_chain()),
        number: Some(block.0),
        root,
    }
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
