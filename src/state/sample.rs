//! A state of a few slots, for unit tests of what reads states.

use std::collections::BTreeMap;

use super::{StateError, StorageReader};
use crate::primitives::{Address, SlBlock, Word};

/// The slots that are not zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(BTreeMap<(Address, Word), Word>);

impl Slots {
    /// With this value in a slot. Zero is the value of an absent slot.
    pub(crate) fn with(mut self, contract: Address, slot: Word, value: impl Into<Word>) -> Self {
        let value = value.into();
        if !value.is_zero() {
            self.0.insert((contract, slot), value);
        }
        self
    }
}

impl StorageReader for Slots {
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
        Ok(self.0.get(&(contract, slot)).copied().unwrap_or_default())
    }

    fn slot_count(&self, contract: Address) -> Option<u64> {
        Some(self.0.keys().filter(|(holder, _)| *holder == contract).count() as u64)
    }

    fn slots(&self) -> u64 {
        self.0.len() as u64
    }

    fn block(&self) -> Option<SlBlock> {
        None
    }
}
