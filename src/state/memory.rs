use std::collections::HashMap;

use thiserror::Error;

use super::{
    StateError, StorageReader,
    keys::{AccountKey, SlotForm, trie_key},
};
use crate::primitives::{Address, SlBlock, Word};

/// A dump gives one slot two values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("account {account:?} gives slot {slot} two values, {first} and {second}")]
pub struct SlotConflict {
    /// The account.
    pub account: AccountKey,
    /// The slot, or its hash where the dump knows only that.
    pub slot: Word,
    /// One value.
    pub first: Word,
    /// The other.
    pub second: Word,
}

/// Where a parser of dumps puts what it reads.
pub trait StorageSink {
    /// Takes slots of an account; an account's slots may come in several pieces, in any order.
    /// Zero values mean the same as absent ones.
    ///
    /// # Errors
    /// [`TooManySlots`] when the sink has no room for them.
    fn slots(&mut self, account: AccountKey, slots: &[(Word, Word)]) -> Result<(), TooManySlots>;

    /// How many more slots there is room for.
    fn room(&self) -> usize;

    /// The error to give when there is no room.
    fn full(&self) -> TooManySlots;
}

/// A dump holds more slots than may be kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the dump holds more than {limit} storage slots, too many to be read into memory")]
pub struct TooManySlots {
    /// The bound.
    pub limit: usize,
}

/// Contract storage held in memory: what a dump of moderate size is read into.
#[derive(Debug, Default)]
pub struct MemoryState {
    accounts: HashMap<AccountKey, Vec<(Word, Word)>>,
    form: Option<SlotForm>,
    block: Option<SlBlock>,
}

impl MemoryState {
    fn account(&self, contract: Address) -> Option<&[(Word, Word)]> {
        self.accounts
            .get(&AccountKey::Address(contract))
            .or_else(|| self.accounts.get(&AccountKey::Hash(trie_key(contract.as_bytes()))))
            .map(Vec::as_slice)
    }

    /// How many accounts have storage.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// How many slots are not zero, over all accounts.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.accounts.values().map(Vec::len).sum()
    }
}

impl StorageReader for MemoryState {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        let key = self.form.unwrap_or(SlotForm::Plain).key(slot);
        Ok(self.account(contract).map_or(Word::ZERO, |slots| {
            slots.binary_search_by_key(&key, |(key, _)| *key).map_or(Word::ZERO, |i| slots[i].1)
        }))
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        Some(self.account(contract).map_or(0, |slots| slots.len() as u64))
    }

    fn block(&self) -> Option<SlBlock> {
        self.block
    }
}

/// Collects a [`MemoryState`].
#[derive(Debug)]
pub struct MemoryStateBuilder {
    accounts: HashMap<AccountKey, Vec<(Word, Word)>>,
    slots: usize,
    limit: usize,
}

impl MemoryStateBuilder {
    /// The most slots that a builder keeps by default: 64 bytes each, half a gibibyte in all.
    pub const DEFAULT_LIMIT: usize = 1 << 23;

    /// A builder that refuses to keep more than `limit` slots.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { accounts: HashMap::new(), slots: 0, limit }
    }

    /// Sorts what was collected. `form` says how the slots are filed, `block` whose state it is.
    ///
    /// # Errors
    /// [`SlotConflict`] when one slot was given two values.
    pub fn finish(
        self,
        form: SlotForm,
        block: Option<SlBlock>,
    ) -> Result<MemoryState, SlotConflict> {
        let mut accounts = self.accounts;
        for (account, slots) in &mut accounts {
            slots.sort_unstable();
            slots.dedup();
            if let Some(pair) = slots.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let ((slot, first), (_, second)) = (pair[0], pair[1]);
                return Err(SlotConflict { account: *account, slot, first, second });
            }
            slots.retain(|(_, value)| !value.is_zero());
            slots.shrink_to_fit();
        }
        accounts.retain(|_, slots| !slots.is_empty());
        Ok(MemoryState { accounts, form: Some(form), block })
    }
}

impl Default for MemoryStateBuilder {
    fn default() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }
}

impl StorageSink for MemoryStateBuilder {
    fn slots(&mut self, account: AccountKey, slots: &[(Word, Word)]) -> Result<(), TooManySlots> {
        self.slots += slots.len();
        if self.slots > self.limit {
            return Err(self.full());
        }
        if !slots.is_empty() {
            self.accounts.entry(account).or_default().extend_from_slice(slots);
        }
        Ok(())
    }

    fn room(&self) -> usize {
        self.limit - self.slots
    }

    fn full(&self) -> TooManySlots {
        TooManySlots { limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: Address = Address::system(0x10005);

    fn state(account: AccountKey, form: SlotForm, slots: &[(Word, Word)]) -> MemoryState {
        let mut builder = MemoryStateBuilder::default();
        builder.slots(account, slots).unwrap();
        builder.finish(form, None).unwrap()
    }

    #[test]
    fn the_same_slot_is_found_under_every_kind_of_key() {
        let (slot, value) = (Word::from(5), Word::from(17));
        let hashed = Word::from(trie_key(slot.as_bytes()));
        let by_hash = AccountKey::Hash(trie_key(CONTRACT.as_bytes()));
        for state in [
            state(AccountKey::Address(CONTRACT), SlotForm::Plain, &[(slot, value)]),
            state(by_hash, SlotForm::Plain, &[(slot, value)]),
            state(by_hash, SlotForm::Keccak, &[(hashed, value)]),
        ] {
            assert_eq!(state.read(CONTRACT, slot), Ok(value));
            assert_eq!(state.read(CONTRACT, Word::from(6)), Ok(Word::ZERO));
            assert_eq!(state.slot_count(CONTRACT), Some(1));
            assert_eq!(state.slot_count(Address::system(1)), Some(0));
        }
    }

    #[test]
    fn zeros_are_absent_and_conflicts_are_refused() {
        let account = AccountKey::Address(CONTRACT);
        let (a, b) = (Word::from(1), Word::from(2));
        assert_eq!(state(account, SlotForm::Plain, &[(a, Word::ZERO)]).slots(), 0);
        assert_eq!(state(account, SlotForm::Plain, &[(a, b), (a, b)]).slots(), 1);

        let mut builder = MemoryStateBuilder::default();
        builder.slots(account, &[(a, b)]).unwrap();
        builder.slots(account, &[(a, a)]).unwrap();
        let conflict = builder.finish(SlotForm::Plain, None).unwrap_err();
        assert_eq!((conflict.slot, conflict.first, conflict.second), (a, a, b));
    }

    #[test]
    fn the_limit_holds() {
        let mut builder = MemoryStateBuilder::with_limit(1);
        let slots = [(Word::from(1), Word::from(1)), (Word::from(2), Word::from(1))];
        let account = AccountKey::Address(CONTRACT);
        assert_eq!(builder.slots(account, &slots), Err(TooManySlots { limit: 1 }));
    }
}
