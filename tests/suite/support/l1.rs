//! States of L1 whose slots tests set, by the storage layouts of the contracts.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use slproof::{
    primitives::{Address, Hash, SlBlock, Word},
    state::{StateError, StorageReader},
};

use super::naive;

pub const BRIDGEHUB: &str = "0x303a465b659cbb0ab36ee643ea362c509eeb5213";
pub const NULLIFIER: &str = "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";
pub const VAULT: Address = Address::new([0xa4; 20]);
pub const ASSET_ROUTER: Address = Address::new([0xa3; 20]);

pub fn bridgehub() -> Address {
    BRIDGEHUB.parse().unwrap()
}

pub fn nullifier() -> Address {
    NULLIFIER.parse().unwrap()
}

/// The slot of a value in nested mappings.
pub fn slot(mapping: u64, keys: &[Word]) -> Word {
    let next = |slot: Word, key: &Word| naive::node(key.to_hash(), slot.to_hash()).into();
    keys.iter().fold(Word::from(mapping), next)
}

/// The slots of all contracts; absent slots are zero.
#[derive(Clone, Debug, Default)]
pub struct L1State(BTreeMap<(Address, Word), Word>);

impl L1State {
    /// The slots of a state as anvil dumps it.
    pub fn of_fixture(file: &str) -> Self {
        let dump = super::json(file);
        let mut state = Self::default();
        for (address, account) in dump["accounts"].as_object().unwrap() {
            for (slot, value) in account["storage"].as_object().into_iter().flatten() {
                let word = |text: &str| Word::from_hex(text).unwrap();
                state.set(address.parse().unwrap(), word(slot), word(value.as_str().unwrap()));
            }
        }
        state
    }

    pub fn set(&mut self, contract: Address, slot: Word, value: impl Into<Word>) {
        self.0.insert((contract, slot), value.into());
    }

    pub fn with(mut self, contract: Address, slot: Word, value: impl Into<Word>) -> Self {
        self.set(contract, slot, value);
        self
    }

    /// Without a contract.
    pub fn without(mut self, contract: Address) -> Self {
        self.0.retain(|(holder, _), _| *holder != contract);
        self
    }

    pub fn word(&self, contract: Address, slot: Word) -> Word {
        self.0.get(&(contract, slot)).copied().unwrap_or_default()
    }

    /// L1Nullifier after its deployment, with the variables about Era's old bridges as scripts set them where there
    /// never were such bridges.
    pub fn with_nullifier(self) -> Self {
        let state = self.with(nullifier(), Word::from(213), ASSET_ROUTER.to_word()).with(
            nullifier(),
            Word::from(214),
            VAULT.to_word(),
        );
        (201..=203).fold(state, |state, variable| state.with(nullifier(), variable.into(), 1))
    }

    /// After an upgrade to v33: the newest `historicalRoot` has a timestamp in its second word.
    pub fn upgraded_to_v33(self, message_root: Address) -> Self {
        let block = 24_000_000_u64;
        let timestamp = slot(9, &[block.into()]).wrapping_add(1);
        self.with(message_root, Word::from(14), block).with(message_root, timestamp, 1_790_000_000)
    }

    /// Sets `isWithdrawalFinalized`, as `finalizeDeposit` does.
    pub fn pay(&mut self, chain: u64, batch: u64, index: u64) {
        let keys = [chain, batch, index].map(Word::from);
        self.set(nullifier(), slot(208, &keys), 1);
    }

    /// Writes the state as anvil dumps it.
    pub fn write(&self, file: &Path) {
        let mut accounts = BTreeMap::<String, BTreeMap<String, String>>::new();
        for ((contract, slot), value) in &self.0 {
            let storage = accounts.entry(contract.to_string()).or_default();
            storage.insert(slot.to_string(), value.to_string());
        }
        let accounts: BTreeMap<String, Value> = accounts
            .into_iter()
            .map(|(contract, storage)| {
                let account = json!({"nonce": 1, "balance": "0x0", "storage": storage});
                (contract, account)
            })
            .collect();
        let dump = json!({"best_block_number": 54, "accounts": accounts});
        fs::write(file, dump.to_string()).unwrap();
    }
}

impl StorageReader for L1State {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        Ok(self.word(contract, slot))
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        Some(self.0.keys().filter(|(holder, _)| *holder == contract).count() as u64)
    }

    fn slots(&self) -> u64 {
        self.0.len() as u64
    }

    fn block(&self) -> Option<SlBlock> {
        Some(SlBlock(54))
    }
}

/// The asset id of a token of a chain, computed anew.
pub fn asset_id(chain: u64, token: Address) -> Hash {
    let words = [Word::from(chain), Address::system(0x10004).to_word(), token.to_word()];
    naive::keccak(words.map(|word| *word.as_bytes()).as_flattened())
}
