//! Collects the slots that the parsers of dumps read.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{
    ImportError,
    slot_record::Record,
    snapshot_builder::reversed,
    space::Space,
    stated_roots::StatedRoots,
    table_rows::BlockRows,
    versions::{SortedSlots, Version, Versions},
};
use crate::{
    files::ExternalSort,
    primitives::{Address, Hash, SlBlock, Word},
    snapshot::MOST_ACCOUNTS,
    state::{
        entries::Entry,
        keys::{AccountKey, SlotForm, era_keys, trie_slot_keys},
    },
};

/// The slots whose keys a thread hashes at once.
const HASHED_AT_ONCE: usize = 1 << 10;

/// Computes the keys of slots in any form, and collects them for the sort.
pub(super) struct Collector {
    sort: ExternalSort<Record>,
    /// Slots of tables that say when each value was written.
    pub(super) versions: Versions,
    /// The number of collected slots.
    collected: u64,
    pub(super) space: Space,
    /// The names of the inputs so far. The last one is being read.
    pub(super) inputs: Vec<String>,
    /// The number of non-zero slots of each account, by keccak256(address).
    pub(super) accounts: Option<HashMap<Hash, u64>>,
    /// The storage roots in the inputs, if there are several inputs.
    pub(super) stated: Option<StatedRoots>,
    pub(super) era_keys: bool,
    pub(super) trie_keys: bool,
    /// Whether hashed keys have their bytes reversed.
    reversed: bool,
    /// Whether hashed keys occurred.
    pub(super) hashed: bool,
    /// Reused memory.
    keys: Vec<Hash>,
}

impl Collector {
    /// A collector; of slots with several versions, those up to block `last` count.
    pub(super) fn new(space: Space, reversed: bool, last: Option<SlBlock>) -> Self {
        Self {
            sort: space.sort(),
            versions: Versions::new(&space, last),
            collected: 0,
            space,
            inputs: Vec::new(),
            accounts: Some(HashMap::new()),
            stated: None,
            era_keys: false,
            trie_keys: false,
            reversed,
            hashed: false,
            keys: Vec::new(),
        }
    }

    /// Begins the input with this name.
    pub(super) fn begin(&mut self, name: &str) {
        self.inputs.push(name.into());
    }

    /// Adds slots of an account. They may come in several parts, in any order. Zero values equal absent
    /// ones.
    pub(super) fn slots(
        &mut self,
        account: AccountKey,
        form: SlotForm,
        slots: &[(Word, Word)],
    ) -> Result<(), ImportError> {
        self.count(account, slots.iter().filter(|(_, value)| !value.is_zero()).count() as u64);
        let are_plain = matches!((account, form), (AccountKey::Address(_), SlotForm::Plain));
        self.era_keys |= are_plain && !slots.is_empty();
        self.trie_keys |= !are_plain && !slots.is_empty();
        self.keys.clear();
        if slots.len() <= HASHED_AT_ONCE {
            keys_of(account, form, slots, &mut self.keys);
        } else {
            self.keys.par_extend(slots.par_chunks(HASHED_AT_ONCE).flat_map_iter(|slots| {
                let mut keys = Vec::with_capacity(slots.len());
                keys_of(account, form, slots, &mut keys);
                keys
            }));
        }
        self.push(slots.iter().map(|(_, value)| *value))
    }

    /// Adds slots of any accounts.
    pub(super) fn rows(&mut self, rows: &[(Address, Word, Word)]) -> Result<(), ImportError> {
        for of_account in rows.chunk_by(|a, b| a.0 == b.0) {
            let slots = of_account.iter().filter(|row| !row.2.is_zero()).count() as u64;
            self.count(AccountKey::Address(of_account[0].0), slots);
        }
        self.keys.clear();
        self.era_keys |= !rows.is_empty();
        era_keys(rows.iter().map(|(address, slot, _)| (*address, *slot)), &mut self.keys);
        self.push(rows.iter().map(|(_, _, value)| *value))
    }

    /// Adds the slots of rows of a table.
    pub(super) fn block(&mut self, rows: BlockRows) -> Result<(), ImportError> {
        for (account, slots) in rows.accounts {
            self.count(AccountKey::Address(account), slots);
        }
        self.era_keys |= !rows.keys.is_empty();
        self.keys = rows.keys;
        self.push(rows.values.into_iter())?;
        if !rows.hashed.is_empty() {
            self.hashed(&rows.hashed)?;
        }
        rows.versions
            .into_iter()
            .try_for_each(|(version, is_hashed)| self.version(version, is_hashed))
    }

    /// Adds slots whose keys the source has hashed by the Era scheme.
    pub(super) fn hashed(&mut self, slots: &[Record]) -> Result<(), ImportError> {
        self.accounts = None;
        self.hashed = true;
        self.era_keys |= !slots.is_empty();
        let input = self.input();
        for record in slots {
            let mut record = Record { input, ..*record };
            if self.reversed {
                record.entry.key = reversed(record.entry.key);
            }
            self.put(record)?;
        }
        Ok(())
    }

    /// Adds a version of a slot. Whether an account has slots is not known from these.
    pub(super) fn version(
        &mut self,
        mut version: Version,
        is_hashed: bool,
    ) -> Result<(), ImportError> {
        self.accounts = None;
        self.era_keys = true;
        self.hashed |= is_hashed;
        if self.reversed && is_hashed {
            version.entry.key = reversed(version.entry.key);
        }
        version.input = u32::from_le_bytes(self.input());
        self.versions.push(version, self.inputs.last().map_or("", String::as_str))
    }

    /// Adds a slot with its final key.
    pub(super) fn put(&mut self, record: Record) -> Result<(), ImportError> {
        self.collected += 1;
        let input = self.inputs.get(u32::from_le_bytes(record.input) as usize);
        self.space.check(self.collected, input.map_or("", String::as_str))?;
        Ok(self.sort.push(record, &[])?)
    }

    /// Adds the storage root of an account in the input, which its slots have too.
    pub(super) fn stated_root(
        &mut self,
        account: AccountKey,
        root: Hash,
    ) -> Result<(), ImportError> {
        let input = self.input();
        let Some(stated) = &mut self.stated else { return Ok(()) };
        stated.add(account, root, u32::from_le_bytes(input))
    }

    /// Returns an error if there is no memory for `more` slots besides those collected.
    pub(super) fn check_memory(&self, more: u64) -> Result<(), ImportError> {
        self.space.check(self.collected + more, self.inputs.last().map_or("", String::as_str))
    }

    /// Whether it is known of every slot when it was first written.
    pub(super) fn are_dated(&self) -> bool {
        self.collected == 0 && self.versions.newest().is_some()
    }

    /// Takes the collected slots, sorted.
    pub(super) fn take_sorted(&mut self) -> Result<SortedSlots, ImportError> {
        self.collected = 0;
        let sort = std::mem::replace(&mut self.sort, ExternalSort::in_memory());
        let none = Versions::new(&self.space, None);
        let versions = std::mem::replace(&mut self.versions, none);
        let last = self.inputs.last().map_or("", String::as_str);
        SortedSlots::of(sort.finish()?, versions.finish(last)?)
    }

    fn count(&mut self, account: AccountKey, slots: u64) {
        let Some(accounts) = &mut self.accounts else { return };
        if slots > 0 {
            *accounts.entry(account.hash()).or_default() += slots;
        }
        if accounts.len() > MOST_ACCOUNTS {
            self.accounts = None;
        }
    }

    fn input(&self) -> [u8; 4] {
        (self.inputs.len().saturating_sub(1) as u32).to_le_bytes()
    }

    fn push(&mut self, values: impl Iterator<Item = Word>) -> Result<(), ImportError> {
        let input = self.input();
        let keys = std::mem::take(&mut self.keys);
        for (key, value) in keys.iter().zip(values) {
            let entry = Entry { key: *key, value };
            self.put(Record { entry, input, ..Record::default() })?;
        }
        self.keys = keys;
        Ok(())
    }
}

/// Appends the keys of slots of an account to `keys`.
fn keys_of(account: AccountKey, form: SlotForm, slots: &[(Word, Word)], keys: &mut Vec<Hash>) {
    let slots = slots.iter().map(|(slot, _)| *slot);
    match (account, form) {
        (AccountKey::Address(address), SlotForm::Plain) => {
            era_keys(slots.map(|slot| (address, slot)), keys);
        }
        _ => trie_slot_keys(account, form, slots, keys),
    }
}
