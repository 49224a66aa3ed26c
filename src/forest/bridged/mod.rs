//! What can still be proven after batches of the settlement layer that are missing on L1.
//!
//! A missing batch appended leaves that are not known. Later batches store nodes of the trees again: complete
//! subtrees of a chain's tree (`_sides`), and all nodes above a chain's leaf in the shared tree (`_nodes`). With these
//! the paths of many other leaves are known again. A path counts only if it leads to the shared root that the commit
//! of a later batch contains:
//!
//! ```text
//! batch root in the commit   keccak256(root of the batch's own logs ‖ root of the shared tree at its end)
//! ```

mod blocks;
mod chain;
mod path;
mod shared;

use std::{ops::RangeInclusive, sync::OnceLock};

pub use blocks::BridgedRoot;
use blocks::{Blocks, Moving};
pub(super) use chain::BridgedChain;
pub use path::{BridgedEnd, BridgedLeaf, BridgedPath};
pub(super) use shared::{NodeAt, SharedNodes};

use crate::{
    keccak::keccak256,
    primitives::{BatchNumber, ChainId, SlBatch, SlBlock},
};

/// The most batches of the settlement layer that are tried for one batch of a chain.
const MOST_ENDS: usize = 1 << 10;

/// The trees after batches of the settlement layer that are missing on L1, as far as they are known.
#[derive(Clone, Debug)]
pub struct BridgedTrees {
    /// By chain index.
    chains: Vec<BridgedChain>,
    shared: SharedNodes,
    /// The last batch of the settlement layer before the missing ones.
    before: SlBatch,
    /// The number of chains at its end.
    chains_before: u64,
    /// The batches of the settlement layer whose shared root is known, ascending.
    ends: Vec<BridgedEnd>,
    /// By end: what the blocks of the batch appended. Not set before it is needed.
    blocks: Vec<OnceLock<(Vec<Moving>, Vec<BridgedRoot>)>>,
}

/// Batches of a chain whose roots are lost with missing batches of the settlement layer. A chain that settled elsewhere
/// for a while did not execute all of these numbers here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostBatches {
    /// The chain.
    pub chain: ChainId,
    /// The batches.
    pub batches: RangeInclusive<BatchNumber>,
    /// The missing batches of the settlement layer of which one executed them.
    pub missing: RangeInclusive<SlBatch>,
}

impl BridgedTrees {
    /// The trees at the ends of batches. `before` is the last batch before the missing ones, with the number of chains
    /// at its end. `ends` are in ascending order.
    pub(super) fn new(
        chains: Vec<BridgedChain>,
        shared: SharedNodes,
        (before, chains_before): (SlBatch, u64),
        ends: Vec<BridgedEnd>,
    ) -> Self {
        let blocks = ends.iter().map(|_| OnceLock::new()).collect();
        Self { chains, shared, before, chains_before, ends, blocks }
    }

    /// A text that tells these trees from others that end at the same batch.
    pub(crate) fn identity(&self) -> String {
        let lost: u64 =
            self.lost().map(|lost| lost.batches.end().0 - lost.batches.start().0 + 1).sum();
        let roots: Vec<u8> = self.ends.iter().flat_map(|end| *end.root.as_bytes()).collect();
        format!("{} {lost} {}", self.leaves().count(), keccak256(&roots))
    }

    /// The last batch of the settlement layer before the missing ones.
    #[must_use]
    pub fn before(&self) -> SlBatch {
        self.before
    }

    /// The batches of the settlement layer whose roots can be targets, in ascending order.
    #[must_use]
    pub fn ends(&self) -> &[BridgedEnd] {
        &self.ends
    }

    pub(super) fn ends_mut(&mut self) -> impl Iterator<Item = &mut BridgedEnd> {
        self.ends.iter_mut()
    }

    /// One of these batches.
    #[must_use]
    pub fn end(&self, batch: SlBatch) -> Option<&BridgedEnd> {
        let at = self.ends.binary_search_by_key(&batch, |end| end.batch).ok()?;
        Some(&self.ends[at])
    }

    /// The batch with the interop root of a block.
    #[must_use]
    pub fn end_with(&self, block: SlBlock) -> Option<&BridgedEnd> {
        let has = |end: &&BridgedEnd| end.roots.binary_search_by_key(&block, |root| root.0).is_ok();
        self.ends.iter().find(has)
    }

    /// The interop roots of a batch whose trees are found, in their order. Trees are searched on the first call.
    #[must_use]
    pub fn roots(&self, end: &BridgedEnd) -> &[BridgedRoot] {
        self.blocks(end).map_or(&[], |(_, roots)| roots)
    }

    /// The trees during a batch, and its interop roots as in [`BridgedTrees::roots`].
    fn blocks(&self, end: &BridgedEnd) -> Option<(Blocks<'_>, &[BridgedRoot])> {
        let at = self.ends.binary_search_by_key(&end.batch, |end| end.batch).ok()?;
        let (chains, shared, end) = (&self.chains, &self.shared, &self.ends[at]);
        let (moving, roots) = self.blocks[at].get_or_init(|| {
            let before =
                at.checked_sub(1).map_or(self.chains_before, |before| self.ends[before].chains);
            let moving = Moving::of(chains, shared, end);
            let roots = Blocks { chains, shared, end, moving: &moving }.search(before);
            (moving, roots)
        });
        Some((Blocks { chains, shared, end, moving }, roots))
    }

    /// The interop root of a block, if its trees are found.
    #[must_use]
    pub fn root(&self, end: &BridgedEnd, block: SlBlock) -> Option<&BridgedRoot> {
        self.roots(end).iter().find(|root| root.block == block)
    }

    /// A batch of a chain whose root is known. It may have been executed before the missing batches.
    #[must_use]
    pub fn find(&self, chain: ChainId, batch: BatchNumber) -> Option<BridgedLeaf> {
        self.find_all(batch).find(|leaf| leaf.chain == chain)
    }

    /// The batches with this number whose roots are known, by chain index.
    pub fn find_all(&self, batch: BatchNumber) -> impl Iterator<Item = BridgedLeaf> {
        (0..).zip(&self.chains).filter_map(move |(index, known)| {
            let (leaf, root) = known.find(batch)?;
            Some(BridgedLeaf { chain: known.id?, index, batch, leaf, root })
        })
    }

    /// All batches of chains whose ids and roots are known, by chain index.
    pub fn leaves(&self) -> impl Iterator<Item = BridgedLeaf> {
        (0..).zip(&self.chains).flat_map(|(index, known)| {
            let leaves = (0..).zip(known.batches());
            leaves.filter_map(move |(leaf, (batch, root))| {
                Some(BridgedLeaf { chain: known.id?, index, batch, leaf, root: root? })
            })
        })
    }

    /// The batch of the settlement layer at whose end a batch of a chain was in the trees.
    #[must_use]
    pub fn since(&self, leaf: &BridgedLeaf) -> Option<SlBatch> {
        self.chains.get(leaf.index as usize)?.since(leaf.leaf)
    }

    /// The first interop root with a batch of a chain, and the batch of the settlement layer with this root. `None` if the
    /// trees of this root or of the one before it are not found.
    #[must_use]
    pub fn first_root(&self, leaf: &BridgedLeaf) -> Option<(&BridgedEnd, &BridgedRoot)> {
        let is_told = self.chains.get(leaf.index as usize)?.is_told(leaf.leaf);
        let end = self.end(self.since(leaf).filter(|_| !is_told)?)?;
        let roots = self.roots(end);
        let has = |root: &BridgedRoot| root.leaves(leaf.index) > Some(leaf.leaf);
        let at = roots.iter().position(has)?;
        let before = at.checked_sub(1).map(|before| &roots[before]);
        roots[at].is_next(before).then_some((end, &roots[at]))
    }

    /// The batches whose roots are lost, by chain index. Only those are named that a root of a later batch confirms.
    pub fn lost(&self) -> impl Iterator<Item = LostBatches> {
        self.chains.iter().filter_map(|known| Some((known.id?, known))).flat_map(
            |(chain, known)| {
                known.lost().map(move |(batches, missing)| {
                    let (batches, missing) = (batches.clone(), missing.clone());
                    LostBatches { chain, batches, missing }
                })
            },
        )
    }

    /// The indices of the chains whose ids are not known.
    pub fn unknown_chains(&self) -> impl Iterator<Item = u64> {
        (0..).zip(&self.chains).filter(|(_, known)| known.id.is_none()).map(|(index, _)| index)
    }

    /// The path from a batch of a chain to the shared root at the end of a batch of the settlement layer. `None` if a
    /// node of it is not known, or it does not lead to that root.
    #[must_use]
    pub fn path(&self, leaf: &BridgedLeaf, end: &BridgedEnd) -> Option<BridgedPath> {
        let batch_path = self.chains.get(leaf.index as usize)?.path(leaf.leaf, end.batch)?;
        let chain_path = self.shared.path(leaf.index, end.chains, end.batch)?;
        let path = BridgedPath { batch_path, chain_path };
        (path.root(leaf) == end.shared_root).then_some(path)
    }

    /// As [`BridgedTrees::path`], to an interop root of the batch.
    #[must_use]
    pub fn path_to(
        &self,
        leaf: &BridgedLeaf,
        end: &BridgedEnd,
        root: &BridgedRoot,
    ) -> Option<BridgedPath> {
        let path = self.blocks(end)?.0.path(leaf, root)?;
        (path.root(leaf) == root.root).then_some(path)
    }

    /// The batches of the settlement layer to whose roots a path may be known.
    fn ends_of(&self, leaf: &BridgedLeaf) -> &[BridgedEnd] {
        let known = self.chains.get(leaf.index as usize).zip(self.since(leaf));
        let Some((chain, since)) = known else { return &[] };
        let may_have_path = chain.may_have_path(leaf.leaf);
        let ends = &self.ends[self.ends.partition_point(|end| end.batch < since)..];
        &ends[..ends.partition_point(|end| may_have_path(end.batch))]
    }

    /// The first batch of the settlement layer to whose root a path is known, and for which `is_wanted` returns true. Only
    /// the first 1,024 batches are tried that may have a path.
    pub fn first(
        &self,
        leaf: &BridgedLeaf,
        is_wanted: impl Fn(&BridgedEnd) -> bool,
    ) -> Option<(&BridgedEnd, BridgedPath)> {
        let ends = self.ends_of(leaf).iter().take(MOST_ENDS);
        let mut paths = ends.filter_map(|end| Some((end, self.path(leaf, end)?)));
        paths.find(|(end, _)| is_wanted(end))
    }

    /// As [`BridgedTrees::first`], from the last batch on.
    pub fn last(
        &self,
        leaf: &BridgedLeaf,
        is_wanted: impl Fn(&BridgedEnd) -> bool,
    ) -> Option<(&BridgedEnd, BridgedPath)> {
        let ends = self.ends_of(leaf).iter().rev().filter(|end| is_wanted(end)).take(MOST_ENDS);
        ends.filter_map(|end| Some((end, self.path(leaf, end)?))).next()
    }
}

#[cfg(test)]
mod tests;
