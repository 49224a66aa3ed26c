//! A settlement layer step by step, as the contracts keep it in storage: the slow, obvious way.
//!
//! MessageRoot of v26, v29 and v31, with Bridgehub's map and the diamonds of the chains. The chain trees
//! are the contract's own push trees; the shared tree is hashed anew after every change.

use std::collections::BTreeMap;

use slproof::{
    contracts::Layout,
    forest::{EMPTY_ENTRY, batch_leaf, chain_id_leaf},
    merkle::PushTree,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word},
    state::{
        MemoryState, MemoryStateBuilder, StorageSink,
        keys::{AccountKey, SlotForm},
        slots::{array_start, mapping_value},
    },
};

use super::naive;

const BRIDGEHUB: Address = Address::system(0x10002);
const MESSAGE_ROOT: Address = Address::system(0x10005);

pub struct Layer {
    layout: Layout,
    pub block: u64,
    pub chains: Vec<(ChainId, PushTree)>,
    pub storage: BTreeMap<(Address, Word), Word>,
}

impl Layer {
    /// A settlement layer that has registered itself.
    pub fn new(layout: Layout, own: ChainId) -> Self {
        let mut layer = Self { layout, block: 1, chains: vec![], storage: BTreeMap::new() };
        layer.add_chain(own);
        layer
    }

    pub fn set(&mut self, contract: Address, slot: Word, value: impl Into<Word>) {
        self.storage.insert((contract, slot), value.into());
    }

    fn set_array(&mut self, slot: Word, values: &[Hash]) {
        self.set(MESSAGE_ROOT, slot, values.len() as u64);
        for (i, value) in (0..).zip(values) {
            self.set(MESSAGE_ROOT, array_start(slot).wrapping_add(i), *value);
        }
    }

    pub fn diamond(chain: ChainId) -> Address {
        Address::system(0x2_0000_0000 ^ chain.0)
    }

    pub fn add_chain(&mut self, chain: ChainId) {
        let index = self.chains.len() as u64;
        self.chains.push((chain, PushTree::new(EMPTY_ENTRY)));
        self.set(MESSAGE_ROOT, 1.into(), index + 1);
        self.set(MESSAGE_ROOT, mapping_value(chain.to_word(), 2.into()), index);
        self.set(MESSAGE_ROOT, mapping_value(index.into(), 3.into()), chain.to_word());
        if index > 0 {
            let diamond = Self::diamond(chain).to_word();
            self.set(BRIDGEHUB, mapping_value(chain.to_word(), 210.into()), diamond);
        }
        self.write_chain(index as usize);
        self.write_shared();
        if self.layout == Layout::V31 {
            self.emit_root();
        }
    }

    /// Executes a batch of the chain at `index`.
    pub fn append(&mut self, index: usize, batch: BatchNumber, root: Hash) {
        let chain = self.chains[index].0;
        self.chains[index].1.push(batch_leaf(root, batch));
        let diamond = Self::diamond(chain);
        self.set(diamond, 11.into(), batch.to_word());
        self.set(diamond, mapping_value(batch.to_word(), 15.into()), root);
        if self.layout == Layout::V31 {
            let roots = mapping_value(chain.to_word(), 12.into());
            self.set(MESSAGE_ROOT, mapping_value(chain.to_word(), 11.into()), batch.to_word());
            self.set(MESSAGE_ROOT, mapping_value(batch.to_word(), roots), root);
        }
        self.write_chain(index);
        self.write_shared();
        self.emit_root();
    }

    /// The public `updateFullTree()`: a root by block without any batch.
    pub fn update_full_tree(&mut self) {
        self.emit_root();
    }

    pub fn next_block(&mut self) {
        self.block += 1;
    }

    pub fn leaves(&self) -> Vec<Hash> {
        self.chains.iter().map(|(id, tree)| chain_id_leaf(tree.root(), *id)).collect()
    }

    pub fn root(&self) -> Hash {
        let leaves = self.leaves();
        naive::root(&leaves, slproof::merkle::height(leaves.len() as u64), EMPTY_ENTRY)
    }

    fn write_chain(&mut self, index: usize) {
        let (chain, tree) = self.chains[index].clone();
        let at = mapping_value(chain.to_word(), 8.into());
        self.set(MESSAGE_ROOT, at, tree.leaves());
        self.set_array(at.wrapping_add(1), tree.sides());
        self.set_array(at.wrapping_add(2), tree.zeros());
    }

    fn write_shared(&mut self) {
        let mut level = self.leaves();
        let mut zero = EMPTY_ENTRY;
        let mut zeros = vec![zero];
        self.set(MESSAGE_ROOT, 5.into(), level.len() as u64);
        for height in 0u64.. {
            self.set_array(array_start(6.into()).wrapping_add(height), &level);
            self.set(MESSAGE_ROOT, 6.into(), height + 1);
            if level.len() == 1 {
                self.set(MESSAGE_ROOT, 4.into(), height);
                break;
            }
            level = level
                .chunks(2)
                .map(|pair| naive::node(pair[0], pair.get(1).copied().unwrap_or(zero)))
                .collect();
            zero = naive::node(zero, zero);
            zeros.push(zero);
        }
        self.set_array(7.into(), &zeros);
    }

    fn emit_root(&mut self) {
        let root = self.root();
        if self.layout >= Layout::V29 {
            self.set(MESSAGE_ROOT, mapping_value(self.block.into(), 9.into()), root);
        }
        if self.layout == Layout::V31 {
            self.set(MESSAGE_ROOT, 13.into(), self.block);
            self.set(MESSAGE_ROOT, 14.into(), self.block);
        }
    }

    /// What a dump of this moment holds.
    pub fn state(&self) -> MemoryState {
        let mut builder = MemoryStateBuilder::default();
        for ((contract, slot), value) in &self.storage {
            builder.slots(AccountKey::Address(*contract), &[(*slot, *value)]).unwrap();
        }
        builder.finish(SlotForm::Plain, Some(SlBlock(self.block))).unwrap()
    }
}
