//! Which root proofs fold to, and the part of a proof that leads from a batch root there.

use std::{num::ParseIntError, str::FromStr};

use thiserror::Error;

use super::{
    extract::ExtractError,
    model::{ProofEnd, SettlementHop},
    record::{TargetKind, TargetRecord},
    sl_batch::SlBatchTree,
};
use crate::{
    contracts::Layout,
    forest::{At, ChainTree, Forest, InteropRoot, Timeline},
    merkle::Prefix,
    primitives::{BatchNumber, Hash, SlBatch, SlBlock, Word},
};

/// Which root proofs are to fold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The interop root of the newest settlement layer block that the state has one of.
    Latest,
    /// The first interop root that contains the batch: that of the block in which it was executed.
    First,
    /// The interop root of a settlement layer's block.
    Block(SlBlock),
    /// The root of a settlement layer's own batch, as L1 stores it.
    SlBatch(SlBatch),
    /// The chain's own batch root.
    BatchRoot,
}

/// A target that does not exist, or not in this state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text names no target.
    #[error(
        "{0:?} is no target; known are \"latest\", \"first\", \"block:N\", \"sl-batch:N\" and \
         \"batch-root\""
    )]
    Unknown(String),
    /// The number in the text is none.
    #[error("{text:?} names no block or batch")]
    Number {
        /// The text.
        text: String,
        /// What is wrong with the number.
        source: ParseIntError,
    },
    /// The settlement layer keeps no roots by block.
    #[error(
        "the state (release {0}) has no interop root to prove against: roots by block are kept since v29, \
         from the first batch on; use --target batch-root"
    )]
    NoInteropRoot(Layout),
    /// No root was filed in the block.
    #[error(
        "block {block} has no interop root: nothing was appended in it{}",
        neighbours(.before, .after)
    )]
    NoRootOfBlock {
        /// The block.
        block: SlBlock,
        /// The last block before it that has one.
        before: Option<SlBlock>,
        /// The first block after it that has one.
        after: Option<SlBlock>,
    },
    /// What the root contains is not known.
    #[error(
        "what the interop root of block {0} contains was not found out; give the events of MessageRoot \
         with --events, or try more with --search"
    )]
    Unexplained(SlBlock),
    /// The target is one that an extractor without a history cannot have.
    #[error("{0:?} needs what only the history of the roots tells")]
    NeedsHistory(Target),
}

fn neighbours(before: &Option<SlBlock>, after: &Option<SlBlock>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("; blocks {before} and {after} have one"),
        (Some(block), None) | (None, Some(block)) => format!("; block {block} has one"),
        (None, None) => String::new(),
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let bad = |source| TargetError::Number { text: text.into(), source };
        match (text, text.split_once(':')) {
            ("latest", _) => Ok(Self::Latest),
            ("first", _) => Ok(Self::First),
            ("batch-root", _) => Ok(Self::BatchRoot),
            (_, Some(("block", number))) => number.parse().map(Self::Block).map_err(bad),
            (_, Some(("sl-batch", number))) => number.parse().map(Self::SlBatch).map_err(bad),
            _ => Err(TargetError::Unknown(text.into())),
        }
    }
}

impl Target {
    /// Whether the history of the roots is needed.
    #[must_use]
    pub fn needs_history(self) -> bool {
        matches!(self, Self::First | Self::Block(_) | Self::SlBatch(_))
    }
}

/// A target that exists, with the trees of its time.
#[derive(Clone, Debug)]
pub(super) enum Resolved<'f> {
    /// The newest root by block, and the shared tree of that time.
    Latest(InteropRoot, Prefix<'f>),
    First(&'f Timeline),
    Block(&'f Timeline, At),
    SlBatch(&'f Timeline, &'f SlBatchTree),
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

    /// What follows the log path of a batch's proofs, and the root that they fold to.
    pub(super) fn end(
        &self,
        forest: &Forest,
        tree: &ChainTree,
        leaf: u64,
    ) -> Result<(ProofEnd, TargetRecord), ExtractError> {
        let (timeline, at) = match self {
            Self::BatchRoot => {
                let root = tree.batch_roots()[leaf as usize];
                return Ok((ProofEnd::BatchRoot, TargetRecord::batch_root(root)));
            }
            Self::Latest(latest, shared) => {
                let after = |_| after_target(tree, latest.block);
                let chain_path = shared.path(tree.index()).map_err(after)?;
                let leaves = tree.batches().len();
                let hop = hop(forest, tree, (leaf, leaves), latest.block.0, chain_path)?;
                return Ok((hop, block_record(forest, latest.block, latest.root)));
            }
            Self::SlBatch(timeline, batch) => {
                let leaves = leaves_at(tree, leaf, timeline, batch.at())?;
                let chain_path = batch.chain_path(tree.index());
                let chain_path =
                    chain_path.ok_or_else(|| after_target(tree, batch.last_block()))?;
                let ProofEnd::SettlementLayer(mut hop) =
                    hop(forest, tree, (leaf, leaves), batch.batch().0, chain_path)?
                else {
                    unreachable!("a hop leads through the settlement layer")
                };
                // The settlement layer's own logs are the left half of its batch root.
                hop.chain_mask |= 1 << hop.chain_path.len();
                hop.chain_path.push(batch.local_root());
                let record = TargetRecord {
                    kind: TargetKind::SlBatch,
                    sl_chain_id: Some(forest.sl_chain()),
                    number: Some(batch.batch().0),
                    root: batch.root(),
                };
                return Ok((ProofEnd::SettlementLayer(hop), record));
            }
            Self::First(timeline) => {
                let first = timeline.first(tree.index(), leaf);
                (timeline, first.ok_or_else(|| not_in_any_root(tree, leaf))?)
            }
            Self::Block(timeline, at) => (timeline, *at),
        };
        let root = timeline.root(at);
        let leaves = leaves_at(tree, leaf, timeline, at)?;
        let chain_path = timeline.shared_path(tree.index(), at);
        let chain_path = chain_path.ok_or_else(|| after_target(tree, root.block))?;
        let hop = hop(forest, tree, (leaf, leaves), root.block.0, chain_path)?;
        Ok((hop, block_record(forest, root.block, root.root)))
    }
}

/// Why a block is no target.
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

/// How many batches the chain had, of which the leaf is one.
fn leaves_at(
    tree: &ChainTree,
    leaf: u64,
    timeline: &Timeline,
    at: At,
) -> Result<u64, ExtractError> {
    let block = timeline.root(at).block;
    match timeline.batches(tree.index(), at) {
        None => Err(after_target(tree, block)),
        Some(leaves) if leaf < leaves => Ok(leaves),
        Some(_) => Err(ExtractError::BatchAfterTarget {
            chain: tree.chain(),
            batch: number(tree, leaf),
            block,
            first: timeline.first(tree.index(), leaf).map(|first| timeline.root(first).block),
        }),
    }
}

fn after_target(tree: &ChainTree, block: SlBlock) -> ExtractError {
    ExtractError::ChainAfterTarget { chain: tree.chain(), block: block.0 }
}

fn not_in_any_root(tree: &ChainTree, leaf: u64) -> ExtractError {
    ExtractError::NotInAnyRoot { chain: tree.chain(), batch: number(tree, leaf) }
}

/// The number of the batch at a leaf that was found in the tree.
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

/// The way through a chain tree of so many leaves and a shared tree.
fn hop(
    forest: &Forest,
    tree: &ChainTree,
    (leaf, leaves): (u64, u64),
    sl_number: u64,
    chain_path: Vec<Hash>,
) -> Result<ProofEnd, ExtractError> {
    let batch_path = tree.tree().prefix(leaves).and_then(|prefix| prefix.path(leaf).ok());
    let batch_path = batch_path.ok_or_else(|| not_in_any_root(tree, leaf))?;
    Ok(ProofEnd::SettlementLayer(SettlementHop {
        batch_mask: Word::from(leaf),
        batch_path,
        sl_number: sl_number.into(),
        chain_mask: tree.index().into(),
        sl_chain: forest.sl_chain().to_word(),
        chain_path,
    }))
}
