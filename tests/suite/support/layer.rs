//! The settlement layer of `examples/synthesize`, with its storage in a map that tests can alter.

#[allow(dead_code, reason = "the example uses more of it")]
#[path = "../../../examples/synthesize/layer.rs"]
mod rules;

use std::collections::BTreeMap;

use slproof::{
    contracts::Layout,
    files::Input,
    ingest::state::Import,
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp, Word},
    snapshot::Snapshot,
};

pub(crate) use rules::{BRIDGEHUB, MESSAGE_ROOT};

pub type Storage = BTreeMap<(Address, Word), Word>;

/// A settlement layer and the slots that it wrote.
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
        Self { rules: rules::Layer::new(layout, own), written: Storage::new() }
    }

    pub fn diamond(chain: ChainId) -> Address {
        Address::system(0x2_0000_0000 ^ chain.0)
    }

    pub fn add_chain(&mut self, chain: ChainId) {
        self.rules.add_chain(chain, Self::diamond(chain));
    }

    pub fn append(&mut self, index: usize, batch: BatchNumber, root: Hash) {
        self.rules.append(index, &[(batch, root)], &mut Map(&mut self.written));
    }

    /// The chain at an index records a batch without a leaf, as executors before v33 do on L1.
    pub fn record(&mut self, index: usize, batch: BatchNumber, root: Hash) {
        self.rules.record(index, (batch, root), &mut Map(&mut self.written));
    }

    /// Batch 0 becomes the first leaf of the chain at an index (v33).
    pub fn seed_genesis(&mut self, index: usize) {
        self.rules.seed_genesis(index, &mut Map(&mut self.written));
    }

    pub fn upgrade_to_v33(&mut self) {
        self.rules.upgrade_to_v33();
    }

    pub fn timestamp(&self) -> Timestamp {
        self.rules.timestamp()
    }

    pub fn update_full_tree(&mut self) {
        self.rules.file_root();
    }

    pub fn set_block(&mut self, block: u64) {
        self.rules.set_block(block, &mut Map(&mut self.written));
    }

    pub fn chain(&self, index: usize) -> ChainId {
        self.rules.chains()[index].id
    }

    pub fn root(&self) -> Hash {
        self.rules.root()
    }

    pub fn chain_root(&self, index: usize) -> Hash {
        self.rules.chains()[index].tree.root()
    }

    /// The current values of all slots.
    pub fn storage(&self) -> Storage {
        let mut storage = self.written.clone();
        self.rules.present(&mut Map(&mut storage));
        storage
    }

    /// The current state, as from a dump.
    pub fn state(&self) -> Snapshot {
        self.state_of(&self.storage())
    }

    /// The current state with other storage, as from a dump.
    pub fn state_of(&self, storage: &Storage) -> Snapshot {
        let dump = std::io::Cursor::new(dump_of(storage, Some(self.rules.block())).to_string());
        let input = Input::from_reader("layer", dump).unwrap();
        Import::default().read_input(input).unwrap().state
    }
}

/// Storage as a dump of anvil, which names its block or not.
pub fn dump_of(storage: &Storage, block: Option<u64>) -> serde_json::Value {
    let mut accounts = BTreeMap::<Address, BTreeMap<String, String>>::new();
    for ((contract, slot), value) in storage {
        accounts.entry(*contract).or_default().insert(slot.to_string(), value.to_string());
    }
    let account = |(contract, storage): (Address, _)| {
        (contract.to_string(), serde_json::json!({ "storage": storage }))
    };
    let accounts: BTreeMap<String, serde_json::Value> = accounts.into_iter().map(account).collect();
    serde_json::json!({ "best_block_number": block, "accounts": accounts })
}
