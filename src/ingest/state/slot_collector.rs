//! Collects the slots that the parsers of dumps read.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{
    ImportError,
    slot_block::{Origin, SlotBlock},
    slot_record::Record,
    space::Space,
    stated_roots::StatedRoots,
    versions::{Newest, Versions},
};
use crate::{
    files::{BucketSort, Bucketed},
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
    sort: BucketSort<Record>,
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
        let count = slots.iter().filter(|(_, value)| !value.is_zero()).count() as u64;
        self.count(|| account.hash(), count);
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
            self.count(|| AccountKey::Address(of_account[0].0).hash(), slots);
        }
        self.keys.clear();
        self.era_keys |= !rows.is_empty();
        era_keys(rows.iter().map(|(address, slot, _)| (*address, *slot)), &mut self.keys);
        self.push(rows.iter().map(|(_, _, value)| *value))
    }

    /// Adds a block of slots. [`Collector::make_room`] has to follow if the collector [is full](Collector::is_full) then.
    pub(super) fn take(&mut self, block: SlotBlock) -> Result<(), ImportError> {
        for (account, slots) in block.accounts {
            self.count(|| account, slots);
        }
        let is_any_version = !block.versions.is_empty();
        if block.has_hashed_slots || is_any_version {
            // Whether an account has slots is not known from these.
            self.accounts = None;
        }
        self.hashed |= block.has_hashed_slots || block.has_hashed_versions;
        self.era_keys |= block.slots.len() > 0 || is_any_version;
        self.collected += block.slots.len() as u64;
        self.space.check(self.collected, self.last_input())?;
        self.sort.add(block.slots);
        block.versions.into_iter().for_each(|version| self.versions.push(version));
        Ok(())
    }

    /// Adds a block of slots, and makes room for more.
    pub(super) fn block(&mut self, block: SlotBlock) -> Result<(), ImportError> {
        self.take(block)?;
        self.make_room()
    }

    /// Whether no more slots may be in memory.
    pub(super) fn is_full(&self) -> bool {
        self.sort.is_full() || self.versions.are_full()
    }

    /// Makes room for more slots if there is none, on all threads.
    pub(super) fn make_room(&mut self) -> Result<(), ImportError> {
        if self.sort.is_full() {
            self.sort.spill()?;
        }
        if self.versions.are_full() {
            self.versions.drop_older(self.inputs.last().map_or("", String::as_str))?;
        }
        Ok(())
    }

    /// Adds slots with their final keys, in any number at once.
    pub(super) fn records(
        &mut self,
        records: impl ExactSizeIterator<Item = Record> + Clone,
    ) -> Result<(), ImportError> {
        let mut more = records.clone();
        self.collected += records.len() as u64;
        let input = more.next().map(|record| u32::from_le_bytes(record.input) as usize);
        let name = input.and_then(|input| self.inputs.get(input));
        self.space.check(self.collected, name.map_or("", String::as_str))?;
        self.sort.add(Bucketed::of(records));
        self.make_room()
    }

    /// Adds the storage root of an account in the input, which its slots have too.
    pub(super) fn stated_root(
        &mut self,
        account: AccountKey,
        root: Hash,
    ) -> Result<(), ImportError> {
        let input = self.origin().input;
        let Some(stated) = &mut self.stated else { return Ok(()) };
        stated.add(account, root, u32::from_le_bytes(input))
    }

    /// Returns an error if there is no memory for `more` slots besides those collected.
    pub(super) fn check_memory(&self, more: u64) -> Result<(), ImportError> {
        self.space.check(self.collected + more, self.last_input())
    }

    /// Whether it is known of every slot when it was first written.
    pub(super) fn are_dated(&self) -> bool {
        self.collected == 0 && self.versions.newest().is_some()
    }

    /// Takes the collected slots: those with one version, to be sorted, and the newest versions of the others.
    pub(super) fn take_all(&mut self) -> Result<(BucketSort<Record>, Newest), ImportError> {
        self.collected = 0;
        let sort = std::mem::replace(&mut self.sort, BucketSort::in_memory());
        let none = Versions::new(&self.space, None);
        let versions = std::mem::replace(&mut self.versions, none);
        Ok((sort, versions.finish(self.last_input())?))
    }

    /// Adds slots to those of an account, whose hash is needed only sometimes.
    fn count(&mut self, account: impl FnOnce() -> Hash, slots: u64) {
        let Some(accounts) = &mut self.accounts else { return };
        if slots > 0 {
            *accounts.entry(account()).or_default() += slots;
        }
        if accounts.len() > MOST_ACCOUNTS {
            self.accounts = None;
        }
    }

    /// Where the slots of the current input are from.
    pub(super) fn origin(&self) -> Origin {
        let input = (self.inputs.len().saturating_sub(1) as u32).to_le_bytes();
        Origin { input, is_reversed: self.reversed }
    }

    fn last_input(&self) -> &str {
        self.inputs.last().map_or("", String::as_str)
    }

    fn push(&mut self, values: impl Iterator<Item = Word>) -> Result<(), ImportError> {
        let input = self.origin().input;
        self.collected += self.keys.len() as u64;
        self.space.check(self.collected, self.last_input())?;
        for (key, value) in self.keys.iter().zip(values) {
            let entry = Entry { key: *key, value };
            self.sort.push(Record { entry, input, ..Record::default() });
        }
        self.make_room()
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
