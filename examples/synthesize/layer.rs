//! Simulates a settlement layer step by step, by the rules of its contracts (era-contracts, v26 to v31).
//!
//! The contracts are MessageRoot, Bridgehub with its map of chains, and the diamonds of the chains. Slots
//! that are written only once (batch roots, roots by block) are output at once, so that a history of any
//! length can be streamed. The few slots that change are output at the end.

use slproof::{
    contracts::Layout,
    forest::{EMPTY_ENTRY, batch_leaf, chain_id_leaf},
    keccak::hash_node,
    merkle::PushTree,
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
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
            roots: 0,
        };
        layer.add_chain(own, Address::default());
        layer
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
            slots.set(MESSAGE_ROOT, mapping_value(block.into(), 9.into()), root.into());
        }
    }

    /// `addNewChain`: only v31 stores the new root.
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
        if self.layout == Layout::V31 {
            self.file_root();
        }
    }

    /// `addChainBatchRoot` for batches of the chain at `index`, in order and in the current block.
    pub(crate) fn append(
        &mut self,
        index: usize,
        batches: &[(BatchNumber, Hash)],
        slots: &mut dyn Slots,
    ) {
        let chain = &mut self.chains[index];
        let leaves: Vec<Hash> =
            batches.iter().map(|(number, root)| batch_leaf(*root, *number)).collect();
        chain.tree.extend(&leaves);
        chain.last = batches.last().map(|(number, _)| *number).or(chain.last);
        let roots = mapping_value(chain.id.to_word(), 12.into());
        for (number, root) in batches {
            slots.set(chain.diamond, mapping_value(number.to_word(), 15.into()), (*root).into());
            if self.layout == Layout::V31 {
                slots.set(MESSAGE_ROOT, mapping_value(number.to_word(), roots), (*root).into());
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
                if self.layout == Layout::V31 {
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
        if let (Layout::V31, Some((block, _))) = (self.layout, self.last_root) {
            slots.set(MESSAGE_ROOT, 13.into(), self.roots.into());
            slots.set(MESSAGE_ROOT, 14.into(), block.into());
        }
    }
}

fn set_array(slots: &mut dyn Slots, slot: Word, values: &[Hash]) {
    slots.set(MESSAGE_ROOT, slot, (values.len() as u64).into());
    for (i, value) in (0..).zip(values) {
        slots.set(MESSAGE_ROOT, array_start(slot).wrapping_add(i), (*value).into());
    }
}
