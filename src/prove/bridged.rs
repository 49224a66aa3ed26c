//! The ends of proofs after batches of the settlement layer that are missing on L1.

use std::cell::RefCell;

use super::{
    ExtractError, SlBatchError,
    bridged_target::BridgedTarget,
    l1_form::SlBatchTrees,
    resolved::{Placed, Resolved},
};
use crate::{
    anchor::SettlementCheck,
    forest::{BridgedEnd, BridgedLeaf, BridgedPath, BridgedRoot, BridgedTrees, Forest},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Word},
    proof::{ProofEnd, SettlementHop, TargetKind, TargetRecord},
};

/// A batch of the settlement layer, the block and interop root in it unless the target is the root of the batch itself,
/// and the path.
type End<'f> = (&'f BridgedEnd, Option<(SlBlock, Hash)>, BridgedPath);

/// A batch of a chain that is proven by what is known after missing batches.
pub(super) struct Bridged<'f> {
    forest: &'f Forest,
    trees: &'f BridgedTrees,
    leaf: BridgedLeaf,
}

impl<'f> Bridged<'f> {
    /// The batch, if the target or the batch is after the missing ones.
    pub(super) fn find(
        forest: &'f Forest,
        target: &Resolved<'_>,
        (chain, batch): (ChainId, BatchNumber),
    ) -> Option<Self> {
        let trees = forest.bridged()?;
        let is_before = forest.chain(chain).is_some_and(|tree| tree.find(batch).is_some());
        let is_wanted = !is_before || matches!(target, Resolved::Bridged(_));
        let leaf = is_wanted.then(|| trees.find(chain, batch)).flatten()?;
        Some(Self { forest, trees, leaf })
    }

    /// The batch.
    pub(super) fn leaf(&self) -> &BridgedLeaf {
        &self.leaf
    }

    /// The root to which proofs of the batch fold, and their end.
    pub(super) fn place<'p>(
        &self,
        target: &Resolved<'_>,
    ) -> Result<(Placed<'p>, Option<ProofEnd>), ExtractError> {
        let BridgedLeaf { chain, batch, root, .. } = self.leaf;
        let after = |block| ExtractError::BatchAfterTarget { chain, batch, block, first: None };
        let has_root = |end: &BridgedEnd| end.last_block().is_some();
        let (end, interop_root, path) = match target {
            // The root may be known from a message only, which anyone can send.
            Resolved::BatchRoot(rules) => {
                self.trees.first(&self.leaf, |_| true).ok_or_else(|| self.lost())?;
                return Ok((Placed::at_batch_root(root, (chain, batch), rules.as_ref())?, None));
            }
            Resolved::Block(timeline, at) => return Err(after(timeline.root(*at).block)),
            Resolved::SlBatch(_, tree, _) => return Err(after(tree.last_block())),
            Resolved::Latest(..) | Resolved::Bridged(BridgedTarget::Latest) => {
                let (end, path) =
                    self.trees.last(&self.leaf, has_root).ok_or_else(|| self.lost())?;
                (end, end.roots.last().copied(), path)
            }
            Resolved::First(_) => {
                let first = self.trees.first_root(&self.leaf);
                let (end, root) = first.ok_or_else(|| self.first_unknown())?;
                self.at_root(end, root)?
            }
            Resolved::FirstSlBatch(trees) => {
                let (end, path) = self.first_accepted(trees)?;
                (end, None, path)
            }
            Resolved::Bridged(BridgedTarget::Block(end, root)) => self.at_root(end, root)?,
            Resolved::Bridged(BridgedTarget::SlBatch(end, l1)) => {
                if let Some(error) = l1.and_then(|l1| self.objection(end, l1)) {
                    return Err(error);
                }
                (*end, None, self.path(end)?)
            }
        };
        Ok(self.at(end, interop_root, path))
    }

    fn at<'p>(
        &self,
        end: &BridgedEnd,
        interop_root: Option<(SlBlock, Hash)>,
        BridgedPath { batch_path, mut chain_path }: BridgedPath,
    ) -> (Placed<'p>, Option<ProofEnd>) {
        let sl_chain = self.forest.sl_chain();
        let mut chain_mask = u128::from(self.leaf.index);
        let (kind, number, root) = match interop_root {
            Some((block, root)) => (TargetKind::Block, block.0, root),
            None => {
                chain_mask |= 1 << chain_path.len();
                chain_path.push(end.local_root);
                (TargetKind::SlBatch, end.batch.0, end.root)
            }
        };
        let hop = SettlementHop {
            l1_timestamp: None,
            batch_mask: Word::from(self.leaf.leaf),
            batch_path,
            sl_number: number.into(),
            chain_mask,
            sl_chain: sl_chain.to_word(),
            chain_path,
        };
        let (sl_chain_id, number) = (Some(sl_chain), Some(number));
        let target = TargetRecord { kind, sl_chain_id, number, root, timestamp: None };
        let sl_block = interop_root.map(|(block, _)| block);
        let placed = Placed { position: None, target, sl_block };
        (placed, Some(ProofEnd::SettlementLayer(hop)))
    }

    fn path(&self, end: &BridgedEnd) -> Result<BridgedPath, ExtractError> {
        let BridgedLeaf { chain, batch, .. } = self.leaf;
        self.trees.path(&self.leaf, end).ok_or_else(|| match self.trees.since(&self.leaf) {
            Some(since) if since > end.batch => {
                ExtractError::BatchAfterSlBatch { chain, batch, sl_batch: end.batch }
            }
            _ => self.lost(),
        })
    }

    /// An interop root of a batch of the settlement layer, with the path to it.
    fn at_root(&self, end: &'f BridgedEnd, root: &BridgedRoot) -> Result<End<'f>, ExtractError> {
        let BridgedLeaf { chain, batch, .. } = self.leaf;
        let Some(path) = self.trees.path_to(&self.leaf, end, root) else {
            let is_after = root.leaves(self.leaf.index).is_some_and(|all| all <= self.leaf.leaf)
                || self.trees.since(&self.leaf) > Some(end.batch);
            if !is_after {
                return Err(self.lost());
            }
            let (block, first) = (root.block, self.trees.first_root(&self.leaf));
            let first = first.map(|(_, first)| first.block);
            return Err(ExtractError::BatchAfterTarget { chain, batch, block, first });
        };
        Ok((end, Some((root.block, root.root)), path))
    }

    /// The first batch of the settlement layer to whose root a path is known, and that L1 accepts.
    fn first_accepted(
        &self,
        trees: &SlBatchTrees<'_>,
    ) -> Result<(&'f BridgedEnd, BridgedPath), ExtractError> {
        let BridgedLeaf { chain, batch, .. } = self.leaf;
        let refused = RefCell::new(None);
        let is_accepted = |end: &BridgedEnd| {
            let reason = match trees.compare_bridged(end) {
                Ok(()) => trees.l1().and_then(|l1| self.objection(end, l1)),
                Err(reason) => {
                    Some(ExtractError::SlBatchAfterGap { chain, batch, reason: reason.into() })
                }
            };
            let is_accepted = reason.is_none();
            let mut refused = refused.borrow_mut();
            *refused = refused.take().or(reason);
            is_accepted
        };
        let found = self.trees.first(&self.leaf, is_accepted);
        found.ok_or_else(|| refused.into_inner().unwrap_or_else(|| self.lost()))
    }

    /// Why L1 accepts no proof of the batch through a batch of the settlement layer.
    fn objection(&self, end: &BridgedEnd, l1: &dyn SettlementCheck) -> Option<ExtractError> {
        let of = (self.leaf.chain, self.leaf.batch);
        match l1.objection(of, (self.forest.sl_chain(), end.batch.0), false) {
            Ok(answer) => answer.map(|answer| ExtractError::not_accepted(of, end.batch, answer)),
            Err(error) => Some(error.into()),
        }
    }

    /// Why the first interop root with the batch is not known.
    fn first_unknown(&self) -> ExtractError {
        let BridgedLeaf { chain, batch, .. } = self.leaf;
        let end = self.trees.since(&self.leaf).and_then(|since| self.trees.end(since));
        match end.and_then(BridgedEnd::last_block) {
            Some(block) => ExtractError::FirstRootAfterGap { chain, batch, block },
            None => self.lost(),
        }
    }

    fn lost(&self) -> ExtractError {
        ExtractError::PathLost { chain: self.leaf.chain, batch: self.leaf.batch }
    }
}

impl SlBatchTrees<'_> {
    /// Compares a root from L1's commits with the one that L1 stores, if its state was given.
    pub(super) fn compare_bridged(&self, end: &BridgedEnd) -> Result<(), SlBatchError> {
        let (batch, archived) = (end.batch, end.root);
        match self.stored_root(batch)? {
            Some(stored) if stored != archived => {
                Err(SlBatchError::OtherRoot { batch, stored, archived })
            }
            None if end.executed == Some(false) => Err(SlBatchError::NotExecuted(batch)),
            _ => Ok(()),
        }
    }
}
