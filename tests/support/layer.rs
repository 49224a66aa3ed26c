//! The settlement layer of `examples/synthesize`, with its storage in a map to be altered.

#[path = "../../examples/synthesize/layer.rs"]
mod rules;

use std::collections::BTreeMap;

use slproof::{
    contracts::Layout,
    primitives::{Address, BatchNumber, ChainId, Hash, SlBlock, Word},
    state::{
        MemoryState, MemoryStateBuilder, StorageSink,
        keys::{AccountKey, SlotForm},
    },
};

pub(crate) use rules::{BRIDGEHUB, MESSAGE_ROOT};

pub type Storage = BTreeMap<(Address, Word), Word>;

/// A settlement layer and what it wrote.
pub struct Layer {
    rules: rules::Layer,
    written: Storage,
}

struct Map<'m>(&'m mut Storage);

impl rules::Slots for Map<'_> {
    fn set(&mut self, contract: Address, slot: Word, value: Word) {
        self.0.insert((contract, slot), value);
    }
}

impl Layer {
    pub fn new(layout: Layout, own: ChainId) -> Self {
        let mut written = Storage::new();
        Self { rules: rules::Layer::new(layout, own, &mut Map(&mut written)), written }
    }

    pub fn diamond(chain: ChainId) -> Address {
        Address::system(0x2_0000_0000 ^ chain.0)
    }

    pub fn add_chain(&mut self, chain: ChainId) {
        self.rules.add_chain(chain, Self::diamond(chain), &mut Map(&mut self.written));
    }

    pub fn append(&mut self, index: usize, batch: BatchNumber, root: Hash) {
        self.rules.append(index, &[(batch, root)], &mut Map(&mut self.written));
    }

    pub fn update_full_tree(&mut self) {
        self.rules.file_root(&mut Map(&mut self.written));
    }

    pub fn set_block(&mut self, block: u64) {
        self.rules.set_block(block);
    }

    pub fn chain(&self, index: usize) -> ChainId {
        self.rules.chains()[index].id
    }

    pub fn root(&self) -> Hash {
        self.rules.root()
    }

    /// Every slot as it is now.
    pub fn storage(&self) -> Storage {
        let mut storage = self.written.clone();
        self.rules.present(&mut Map(&mut storage));
        storage
    }

    /// What a dump of this moment holds.
    pub fn state(&self) -> MemoryState {
        self.state_of(&self.storage())
    }

    /// What a dump of this moment would hold if the storage were another.
    pub fn state_of(&self, storage: &Storage) -> MemoryState {
        let mut builder = MemoryStateBuilder::default();
        for ((contract, slot), value) in storage {
            builder.slots(AccountKey::Address(*contract), &[(*slot, *value)]).unwrap();
        }
        builder.finish(SlotForm::Plain, Some(SlBlock(self.rules.block()))).unwrap()
    }
}
