use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use super::{StateError, StorageReader};
use crate::primitives::{Address, SlBlock, Word};

/// Slots whose values at one block are proven. Every other slot is unknown: reading it is
/// [`StateError::NotProven`], and never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvenSlots {
    block: Option<SlBlock>,
    slots: BTreeMap<(Address, Word), Word>,
    /// Accounts without storage: all their slots are zero.
    empty: BTreeSet<Address>,
}

impl ProvenSlots {
    /// No slot is proven. `block` is the block of the proofs.
    #[must_use]
    pub fn new(block: Option<SlBlock>) -> Self {
        Self { block, ..Self::default() }
    }

    /// Adds a slot, which may be zero.
    pub fn insert(&mut self, contract: Address, slot: Word, value: Word) {
        self.slots.insert((contract, slot), value);
    }

    /// Adds an account that does not exist or has no storage.
    pub fn insert_empty(&mut self, contract: Address) {
        self.empty.insert(contract);
    }

    /// The number of proven slots, without those of accounts that have no storage.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is proven.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.empty.is_empty()
    }

    /// The proven slots with their values, in ascending order of contract and slot.
    pub fn iter(&self) -> impl Iterator<Item = (Address, Word, Word)> + '_ {
        self.slots.iter().map(|((contract, slot), value)| (*contract, *slot, *value))
    }

    /// The accounts that are proven to have no storage.
    pub fn empty_accounts(&self) -> impl Iterator<Item = Address> + '_ {
        self.empty.iter().copied()
    }

    fn known(&self, contract: Address, slot: Word) -> Option<Word> {
        let zero = || self.empty.contains(&contract).then_some(Word::ZERO);
        self.slots.get(&(contract, slot)).copied().or_else(zero)
    }
}

impl StorageReader for ProvenSlots {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        self.known(contract, slot).ok_or(StateError::NotProven { contract, slot })
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        self.empty.contains(&contract).then_some(0)
    }

    fn slots(&self) -> u64 {
        self.slots.values().filter(|value| !value.is_zero()).count() as u64
    }

    fn block(&self) -> Option<SlBlock> {
        self.block
    }
}

/// Proven slots, and a record of every other slot that is read. These slots read as zero, so that a reader
/// goes on and asks for more of them; what it concludes is meaningless.
#[derive(Debug)]
pub struct RecordedReads {
    proven: ProvenSlots,
    missing: Mutex<BTreeSet<(Address, Word)>>,
}

impl RecordedReads {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(proven: ProvenSlots) -> Self {
        Self { proven, missing: Mutex::default() }
    }

    /// The slots that were read and are not proven.
    #[must_use]
    pub fn missing(&self) -> BTreeSet<(Address, Word)> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl StorageReader for RecordedReads {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        Ok(self.proven.known(contract, slot).unwrap_or_else(|| {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            missing.insert((contract, slot));
            Word::ZERO
        }))
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        self.proven.slot_count(contract)
    }

    fn slots(&self) -> u64 {
        self.proven.slots()
    }

    fn block(&self) -> Option<SlBlock> {
        self.proven.block()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: Address = Address::new([1; 20]);
    const EMPTY: Address = Address::new([2; 20]);

    fn proven() -> ProvenSlots {
        let mut proven = ProvenSlots::new(Some(SlBlock(9)));
        proven.insert(CONTRACT, Word::from(1), Word::from(7));
        proven.insert(CONTRACT, Word::from(2), Word::ZERO);
        proven.insert_empty(EMPTY);
        proven
    }

    #[test]
    fn a_slot_that_is_not_proven_is_unknown_and_never_zero() {
        let (proven, slot) = (proven(), Word::from(3));
        assert_eq!(proven.read(CONTRACT, Word::from(1)), Ok(Word::from(7)));
        assert_eq!(proven.read(CONTRACT, Word::from(2)), Ok(Word::ZERO));
        let unknown = |contract| Err(StateError::NotProven { contract, slot });
        assert_eq!(proven.read(CONTRACT, slot), unknown(CONTRACT));
        let other = Address::new([3; 20]);
        assert_eq!(proven.read(other, slot), unknown(other));
        assert_eq!(proven.read(EMPTY, slot), Ok(Word::ZERO));
        let counts = [CONTRACT, EMPTY, other].map(|contract| proven.slot_count(contract));
        assert_eq!(counts, [None, Some(0), None]);
        assert_eq!((proven.slots(), proven.block()), (1, Some(SlBlock(9))));
    }

    #[test]
    fn reads_of_other_slots_are_recorded() {
        let reads = RecordedReads::new(proven());
        let slots = [2, 5, 4, 5].map(Word::from);
        assert_eq!(reads.read_many(CONTRACT, &slots).unwrap(), [Word::ZERO; 4]);
        assert_eq!(reads.read(EMPTY, Word::from(5)), Ok(Word::ZERO));
        let missing = [4, 5].map(|slot| (CONTRACT, Word::from(slot)));
        assert!(reads.missing().into_iter().eq(missing));
    }
}
