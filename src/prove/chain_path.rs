//! The last part of a proof alone: from the leaf of a chain to a root of the settlement layer. Nodes of chains ask a
//! node of the settlement layer for it, and put the part below before it.

use super::{Error, ExtractError, Trees, resolved::no_root};
use crate::{
    forest::{ChainTree, Forest},
    primitives::{ChainId, Hash, SlBatch, SlBlock},
    proof::Target,
};

/// The siblings of a chain's leaf, bottom first, and on which side each of them is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPath {
    /// The siblings.
    pub siblings: Vec<Hash>,
    /// The leaf index of the chain. To the root of an SL batch the next higher bit is set too.
    pub mask: u128,
}

impl Trees {
    /// The path of a chain to the interop root of a block.
    ///
    /// # Errors
    /// [`Error`] if the chain is not registered by then, or the contents of the root are not known.
    pub fn chain_path_to_block(&self, chain: ChainId, block: SlBlock) -> Result<ChainPath, Error> {
        let (_, tree) = self.chain_tree(chain, Target::Block(block))?;
        let timeline = self.history()?;
        let at = timeline.at(block).ok_or_else(|| no_root(&timeline.history().blocks, block))?;
        let found = timeline.chain(tree.index(), at);
        let found = found.ok_or(ExtractError::ChainAfterTarget { chain, block })?;
        Ok(ChainPath { siblings: found.shared_path, mask: tree.index().into() })
    }

    /// The path of a chain to the root of an SL batch. Its last sibling is the root of the SL batch's own logs.
    ///
    /// # Errors
    /// [`Error`] if the chain is not registered by then, or the SL batch is not known.
    pub fn chain_path_to_batch(&self, chain: ChainId, batch: SlBatch) -> Result<ChainPath, Error> {
        let target = Target::SlBatch(batch);
        let (forest, tree) = self.chain_tree(chain, target)?;
        let timeline = self.history_at_sl_batches(forest, target)?;
        let batch = self.sl_batch_trees(forest, timeline, target)?.tree(batch)?;
        let block = batch.last_block();
        let found = batch.chain_path(tree.index());
        let mut siblings = found.ok_or(ExtractError::ChainAfterTarget { chain, block })?;
        let mask = u128::from(tree.index()) | 1 << siblings.len();
        siblings.push(batch.local_root());
        Ok(ChainPath { siblings, mask })
    }

    fn chain_tree(&self, chain: ChainId, target: Target) -> Result<(&Forest, &ChainTree), Error> {
        let forest = self.forest().ok_or(Error::NoTrees(target))?;
        let tree = forest.chain(chain).ok_or(ExtractError::UnknownChain(chain))?;
        Ok((forest, tree))
    }
}
