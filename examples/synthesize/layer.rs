//! Simulates a settlement layer step by step, by the rules of its contracts (era-contracts, v26 to v31 and v33).
//!
//! The contracts are MessageRoot, Bridgehub with its map of chains, and the diamonds of the chains. Slots
//! that are written only once (batch roots, roots by block) are output at once, so that a history of any
//! length can be streamed. The few slots that change are output at the end.

use slproof::{
    contracts::Layout,
    forest::{EMPTY_ENTRY, batch_leaf, chain_id_leaf, timed_batch_leaf},
    keccak::hash_node,
    merkle::PushTree,
    message::EightLeaves,
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp, Word},
    state::slots::{array_start, mapping_value},
};

pub(crate) const BRIDGEHUB: Address = Address::system(0x10002);
pub(crate) const MESSAGE_ROOT: Address = Address::system(0x10005);

/// A consumer of storage slots.
pub(crate) trait Slots {
    fn set(&mut self, contract: Address, slot: Word, value: Word);
}

/// A settlement layer at one moment.
#[derive(Clone)]
pub(crate) struct Layer {
    layout: Layout,
    block: u64,
    chains: Vec<Chain>,
    /// All nodes of the shared tree, by level.
    nodes: Vec<Vec<Hash>>,
    zeros: Vec<Hash>,
    /// The last block with an interop root, and the root. It is output when the block ends, because a later
    /// root of the same block replaces it.
    last_root: Option<(u64, Hash)>,
    /// Whether the contract that stored it was of v33.
    last_is_timed: bool,
    /// The number of blocks with an interop root.
    roots: u64,
}

#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) id: ChainId,
    pub(crate) diamond: Address,
    pub(crate) tree: PushTree,
    pub(crate) last: Option<BatchNumber>,
}

impl Layer {
    /// A settlement layer that registered itself in block 1.
    pub(crate) fn new(layout: Layout, own: ChainId) -> Self {
        let mut layer = Self {
            layout,
            block: 1,
            chains: Vec::new(),
            nodes: Vec::new(),
            zeros: vec![EMPTY_ENTRY],
            last_root: None,
            last_is_timed: false,
            roots: 0,
        };
        layer.add_chain(own, Address::default());
        layer
    }

    /// Upgrades L1 from v31 to v33 in place. Nothing in the storage changes.
    pub(crate) fn upgrade_to_v33(&mut self) {
        self.layout = Layout::V33;
    }

    /// The timestamp of the current block.
    pub(crate) fn timestamp(&self) -> Timestamp {
        timestamp_of(self.block)
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    pub(crate) fn block(&self) -> u64 {
        self.block
    }

    /// Advances to a later block.
    pub(crate) fn set_block(&mut self, block: u64, slots: &mut dyn Slots) {
        assert!(block >= self.block, "blocks only increase");
        if block > self.block {
            self.write_root(slots);
        }
        self.block = block;
    }

    fn write_root(&self, slots: &mut dyn Slots) {
        if let Some((block, root)) = self.last_root {
            let slot = mapping_value(block.into(), 9.into());
            slots.set(MESSAGE_ROOT, slot, root.into());
            if self.last_is_timed {
                slots.set(MESSAGE_ROOT, slot.wrapping_add(1), timestamp_of(block).to_word());
            }
        }
    }

    /// `addNewChain`: the new root is stored since v31.
    pub(crate) fn add_chain(&mut self, id: ChainId, diamond: Address) {
        let tree = PushTree::new(EMPTY_ENTRY);
        self.chains.push(Chain { id, diamond, tree, last: None });
        // A full tree gets a new level.
        if self.chains.len() == 1 || self.chains.len() > 1 << (self.nodes.len() - 1) {
            if let Some(zero) = self.zeros.last().filter(|_| !self.nodes.is_empty()).copied() {
                self.zeros.push(hash_node(zero, zero));
            }
            self.nodes.push(Vec::new());
        }
        self.update_shared(self.chains.len() - 1);
        if self.layout >= Layout::V31 {
            self.file_root();
        }
    }

    /// `seedGenesisRoot` (v33), which `createNewChain` calls for a new ZKsync OS chain: batch 0 becomes leaf 0, and
    /// the chain's number of batches stays 0.
    pub(crate) fn seed_genesis(&mut self, index: usize, slots: &mut dyn Slots) {
        self.append(index, &[(BatchNumber(0), EightLeaves::GENESIS.root())], slots);
    }

    /// `addChainBatchRoot` on L1 by an executor before v33: the root is recorded, and the tree does not change.
    #[allow(dead_code, reason = "tests use it")]
    pub(crate) fn record(
        &mut self,
        index: usize,
        (number, root): (BatchNumber, Hash),
        slots: &mut dyn Slots,
    ) {
        let chain = &mut self.chains[index];
        chain.last = Some(number);
        let roots = mapping_value(chain.id.to_word(), 12.into());
        slots.set(chain.diamond, mapping_value(number.to_word(), 15.into()), root.into());
        slots.set(MESSAGE_ROOT, mapping_value(number.to_word(), roots), root.into());
    }

    /// `addChainBatchRoot` (v33: `addChainBatchRootV32`) for batches of the chain at `index`, in order and in the current block.
    pub(crate) fn append(
        &mut self,
        index: usize,
        batches: &[(BatchNumber, Hash)],
        slots: &mut dyn Slots,
    ) {
        let timestamp = (self.layout == Layout::V33).then(|| self.timestamp());
        let chain = &mut self.chains[index];
        let leaf = |(number, root): &(BatchNumber, Hash)| match timestamp {
            Some(timestamp) => timed_batch_leaf(*root, *number, timestamp),
            None => batch_leaf(*root, *number),
        };
        let leaves: Vec<Hash> = batches.iter().map(leaf).collect();
        chain.tree.extend(&leaves);
        let last = batches.last().map(|(number, _)| *number).filter(|number| number.0 > 0);
        chain.last = last.or(chain.last);
        let roots = mapping_value(chain.id.to_word(), 12.into());
        let times = mapping_value(chain.id.to_word(), 15.into());
        for (number, root) in batches {
            slots.set(chain.diamond, mapping_value(number.to_word(), 15.into()), (*root).into());
            if self.layout >= Layout::V31 {
                slots.set(MESSAGE_ROOT, mapping_value(number.to_word(), roots), (*root).into());
            }
            if let Some(timestamp) = timestamp {
                let slot = mapping_value(number.to_word(), times);
                slots.set(MESSAGE_ROOT, slot, timestamp.to_word());
            }
        }
        self.update_shared(index);
        self.file_root();
    }

    /// The public `updateFullTree()`: stores the current root.
    pub(crate) fn file_root(&mut self) {
        if self.layout >= Layout::V29 {
            self.roots += u64::from(self.last_root.is_none_or(|(block, _)| block != self.block));
            self.last_root = Some((self.block, self.root()));
            self.last_is_timed = self.layout == Layout::V33;
        }
    }

    /// The root of the shared tree.
    pub(crate) fn root(&self) -> Hash {
        self.nodes[self.nodes.len() - 1][0]
    }

    /// The number of blocks with an interop root, and the last such block.
    pub(crate) fn interop_roots(&self) -> (u64, Option<u64>) {
        (self.roots, self.last_root.map(|(block, _)| block))
    }

    fn update_shared(&mut self, index: usize) {
        let chain = &self.chains[index];
        let mut node = chain_id_leaf(chain.tree.root(), chain.id);
        let mut index = index;
        for level in 0..self.nodes.len() {
            match self.nodes[level].get_mut(index) {
                Some(old) => *old = node,
                None => self.nodes[level].push(node),
            }
            let sibling = self.nodes[level].get(index ^ 1).copied().unwrap_or(self.zeros[level]);
            node = if index & 1 == 0 { hash_node(node, sibling) } else { hash_node(sibling, node) };
            index >>= 1;
        }
    }

    /// Outputs the current values of the slots that change over time.
    pub(crate) fn present(&self, slots: &mut dyn Slots) {
        let count = self.chains.len() as u64;
        slots.set(MESSAGE_ROOT, 1.into(), count.into());
        for (index, chain) in (0u64..).zip(&self.chains) {
            let id = chain.id.to_word();
            slots.set(MESSAGE_ROOT, mapping_value(id, 2.into()), index.into());
            slots.set(MESSAGE_ROOT, mapping_value(index.into(), 3.into()), id);
            let tree = mapping_value(id, 8.into());
            slots.set(MESSAGE_ROOT, tree, chain.tree.leaves().into());
            set_array(slots, tree.wrapping_add(1), chain.tree.sides());
            set_array(slots, tree.wrapping_add(2), chain.tree.zeros());
            if index > 0 {
                slots.set(BRIDGEHUB, mapping_value(id, 210.into()), chain.diamond.to_word());
            }
            if let Some(last) = chain.last {
                slots.set(chain.diamond, 11.into(), last.to_word());
                if self.layout >= Layout::V31 {
                    slots.set(MESSAGE_ROOT, mapping_value(id, 11.into()), last.to_word());
                }
            }
        }
        slots.set(MESSAGE_ROOT, 4.into(), (self.nodes.len() as u64 - 1).into());
        slots.set(MESSAGE_ROOT, 5.into(), count.into());
        slots.set(MESSAGE_ROOT, 6.into(), (self.nodes.len() as u64).into());
        for (level, nodes) in (0..).zip(&self.nodes) {
            set_array(slots, array_start(6.into()).wrapping_add(level), nodes);
        }
        set_array(slots, 7.into(), &self.zeros);
        self.write_root(slots);
        if let (Layout::V31 | Layout::V33, Some((block, _))) = (self.layout, self.last_root) {
            slots.set(MESSAGE_ROOT, 13.into(), self.roots.into());
            slots.set(MESSAGE_ROOT, 14.into(), block.into());
        }
    }
}

fn timestamp_of(block: u64) -> Timestamp {
    Timestamp(1_700_000_000 + 12 * block)
}

fn set_array(slots: &mut dyn Slots, slot: Word, values: &[Hash]) {
    slots.set(MESSAGE_ROOT, slot, (values.len() as u64).into());
    for (i, value) in (0..).zip(values) {
        slots.set(MESSAGE_ROOT, array_start(slot).wrapping_add(i), (*value).into());
    }
}
