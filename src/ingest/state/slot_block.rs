//! Slots that were read together, apart from those before and after them, so that all threads can read some.

use std::{collections::HashMap, mem};

use super::{slot_record::Record, snapshot_builder::reversed, versions::Version};
use crate::{
    files::Bucketed,
    primitives::{Address, Hash, Word},
    state::{
        entries::Entry,
        keys::{AccountKey, era_keys},
    },
};

/// Where slots are from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin {
    /// The number of the input, little-endian.
    pub(super) input: [u8; 4],
    /// Whether keys that the source has hashed have their bytes reversed.
    pub(super) is_reversed: bool,
}

impl Origin {
    /// The key of a slot, from one that the source has hashed.
    pub(super) fn key(self, hashed: Hash) -> Hash {
        if self.is_reversed { reversed(hashed) } else { hashed }
    }
}

/// Slots with their keys, as the collector takes them.
pub(super) struct SlotBlock {
    pub(super) slots: Bucketed<Record>,
    /// The number of non-zero slots of each account that is known, by keccak256(address).
    pub(super) accounts: Vec<(Hash, u64)>,
    pub(super) versions: Vec<Version>,
    /// Whether the source has hashed the key of a slot, and of a version.
    pub(super) has_hashed_slots: bool,
    pub(super) has_hashed_versions: bool,
    /// The first line that states another key than that of its slot.
    pub(super) wrong: Option<u64>,
}

/// Slots that are being read. Its memory is used for one block after the other.
pub(super) struct SlotBuffer {
    origin: Origin,
    /// The slots whose address is known, without their keys.
    pub(super) plain: Vec<(Address, Word)>,
    /// Their values.
    pub(super) values: Vec<Word>,
    /// Their keys, when they are computed.
    keys: Vec<Hash>,
    /// The number of non-zero slots of accounts: of one for each last byte, and of the others.
    recent_accounts: [(Address, u64); 256],
    accounts: HashMap<Address, u64>,
    /// Slots of which only the key is known.
    hashed: Vec<Record>,
    versions: Vec<Version>,
    has_hashed_versions: bool,
    /// The numbers of the versions whose address is known, without their keys.
    written: Vec<(usize, (Address, Word))>,
    /// The keys that are stated beside the address and the slot, in the order of the slots.
    stated: Vec<StatedKey>,
}

/// A key that is stated beside the address and the slot.
struct StatedKey {
    /// The line that states it.
    line: u64,
    of: KeyOf,
    key: Hash,
}

/// What has the key: a slot or a version, by its number.
enum KeyOf {
    Slot(usize),
    Version(usize),
}

impl SlotBuffer {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            plain: Vec::new(),
            values: Vec::new(),
            keys: Vec::new(),
            recent_accounts: [<(Address, u64)>::default(); 256],
            accounts: HashMap::new(),
            hashed: Vec::new(),
            versions: Vec::new(),
            has_hashed_versions: false,
            written: Vec::new(),
            stated: Vec::new(),
        }
    }

    /// Adds a slot of an account, and its value.
    #[inline]
    pub(super) fn add(&mut self, (address, slot, value): (Address, Word, Word)) {
        if !value.is_zero() {
            let [.., last] = *address.as_bytes();
            let (account, slots) = &mut self.recent_accounts[usize::from(last)];
            if *account != address {
                count(&mut self.accounts, (*account, *slots));
                (*account, *slots) = (address, 0);
            }
            *slots += 1;
        }
        self.plain.push((address, slot));
        self.values.push(value);
    }

    /// Adds a slot whose key the source has hashed.
    pub(super) fn add_hashed(&mut self, key: Hash, value: Word) {
        let entry = Entry { key: self.origin.key(key), value };
        self.hashed.push(Record { entry, input: self.origin.input, ..Record::default() });
    }

    /// Adds a version, of an account and a slot.
    pub(super) fn add_version(&mut self, version: Version, slot: (Address, Word)) {
        self.written.push((self.versions.len(), slot));
        self.versions.push(Version { input: u32::from_le_bytes(self.origin.input), ..version });
    }

    /// Adds a version whose key the source has hashed.
    pub(super) fn add_hashed_version(&mut self, mut version: Version) {
        version.entry.key = self.origin.key(version.entry.key);
        version.input = u32::from_le_bytes(self.origin.input);
        self.has_hashed_versions = true;
        self.versions.push(version);
    }

    /// Notes that a line states the key of the slot that is added next.
    pub(super) fn state_key_of_slot(&mut self, line: u64, key: Hash) {
        self.stated.push(StatedKey { line, of: KeyOf::Slot(self.plain.len()), key });
    }

    /// Notes that a line states the key of the version that is added next.
    pub(super) fn state_key_of_version(&mut self, line: u64, key: Hash) {
        self.stated.push(StatedKey { line, of: KeyOf::Version(self.versions.len()), key });
    }

    /// Takes the slots, with their keys.
    pub(super) fn take(&mut self) -> SlotBlock {
        self.keys.clear();
        era_keys(self.plain.iter().copied(), &mut self.keys);
        let mut keys = Vec::with_capacity(self.written.len());
        era_keys(self.written.iter().map(|(_, slot)| *slot), &mut keys);
        for ((version, _), key) in self.written.drain(..).zip(keys) {
            self.versions[version].entry.key = key;
        }
        let is_wrong = |stated: &&StatedKey| {
            stated.key
                != match stated.of {
                    KeyOf::Slot(slot) => self.keys[slot],
                    KeyOf::Version(version) => self.versions[version].entry.key,
                }
        };
        let wrong = self.stated.iter().find(is_wrong).map(|stated| stated.line);
        for (account, slots) in &mut self.recent_accounts {
            count(&mut self.accounts, (*account, mem::take(slots)));
        }
        let hashed = |(account, slots)| (AccountKey::Address(account).hash(), slots);
        let (keys, values, input) = (&self.keys, &self.values, self.origin.input);
        let slot = |at: usize| match at.checked_sub(keys.len()) {
            None => {
                let entry = Entry { key: keys[at], value: values[at] };
                Record { entry, input, ..Record::default() }
            }
            Some(at) => self.hashed[at],
        };
        let block = SlotBlock {
            slots: Bucketed::of((0..keys.len() + self.hashed.len()).map(slot)),
            accounts: self.accounts.drain().map(hashed).collect(),
            versions: mem::take(&mut self.versions),
            has_hashed_slots: !self.hashed.is_empty(),
            has_hashed_versions: mem::take(&mut self.has_hashed_versions),
            wrong,
        };
        self.plain.clear();
        self.values.clear();
        self.hashed.clear();
        self.stated.clear();
        block
    }
}

/// Adds slots to those of an account.
fn count(accounts: &mut HashMap<Address, u64>, (account, slots): (Address, u64)) {
    if slots > 0 {
        *accounts.entry(account).or_default() += slots;
    }
}
