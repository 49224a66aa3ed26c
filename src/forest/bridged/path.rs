use crate::{
    forest::{batch_leaf, chain_id_leaf, fold},
    primitives::{BatchNumber, ChainId, Hash, SlBatch, SlBlock},
};

/// A batch of the settlement layer after missing ones, whose commit confirms the root of the shared tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgedEnd {
    /// The batch.
    pub batch: SlBatch,
    /// The number of chains at its end.
    pub chains: u64,
    /// The root of the shared tree at its end.
    pub shared_root: Hash,
    /// The root of its own logs.
    pub local_root: Hash,
    /// Its root, as its commit has it.
    pub root: Hash,
    /// Whether L1 executed it. `None` if that is not known.
    pub executed: Option<bool>,
    /// The interop roots in it with their blocks, if the last one is the shared root at its end. Otherwise none.
    pub roots: Vec<(SlBlock, Hash)>,
}

impl BridgedEnd {
    /// The block of the last interop root.
    #[must_use]
    pub fn last_block(&self) -> Option<SlBlock> {
        self.roots.last().map(|(block, _)| *block)
    }
}

/// A batch of a chain in these trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BridgedLeaf {
    /// The chain.
    pub chain: ChainId,
    /// The chain's index in the shared tree.
    pub index: u64,
    /// The batch.
    pub batch: BatchNumber,
    /// Its leaf index in the chain's tree.
    pub leaf: u64,
    /// Its root.
    pub root: Hash,
}

/// The way from a batch root to the root of the shared tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgedPath {
    /// The siblings in the chain's tree, bottom first.
    pub batch_path: Vec<Hash>,
    /// The siblings in the shared tree, bottom first.
    pub chain_path: Vec<Hash>,
}

impl BridgedPath {
    /// The root to which the path leads from a batch.
    pub(super) fn root(&self, leaf: &BridgedLeaf) -> Hash {
        let chain_root =
            fold(batch_leaf(leaf.root, leaf.batch), leaf.leaf.into(), &self.batch_path);
        fold(chain_id_leaf(chain_root, leaf.chain), leaf.index.into(), &self.chain_path)
    }
}
