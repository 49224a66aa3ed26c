use thiserror::Error;

use crate::primitives::{Address, SlBatch, SlBlock, Word};

/// Why a slot could not be read, or does not hold what its type allows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// A slot holds a value that its variable cannot have.
    #[error("{contract} slot {slot} ({variable}) holds {value}: {reason}")]
    Implausible {
        /// The contract.
        contract: Address,
        /// The slot.
        slot: Word,
        /// The variable in the contract's source.
        variable: String,
        /// What it holds.
        value: Word,
        /// Why that cannot be.
        reason: String,
    },
    /// A state that files slots under two kinds of keys holds this one twice, with two values.
    #[error(
        "{contract} slot {slot} holds {by_address} under the contract's address and {by_hash} under \
         the hash of it: the dump contradicts itself"
    )]
    TwoValues {
        /// The contract.
        contract: Address,
        /// The slot.
        slot: Word,
        /// What is filed under the address.
        by_address: Word,
        /// What is filed under its hash.
        by_hash: Word,
    },
}

/// Storage of a settlement layer, or of any EVM chain, at one moment.
///
/// A slot that is absent holds zero, as on chain: a reader cannot tell a slot that was never written
/// from one that the dump lost. That is why everything read is checked against the trees.
pub trait StorageReader: Sync {
    /// The word at a slot of a contract.
    ///
    /// # Errors
    /// [`StateError`], of sources that can fail.
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError>;

    /// The words at many slots of a contract, in their order: the same as [`StorageReader::read`] of
    /// each, but readers that hash what they look up do it side by side.
    ///
    /// # Errors
    /// As [`StorageReader::read`].
    fn read_many(&self, contract: Address, slots: &[Word]) -> Result<Vec<Word>, StateError> {
        slots.iter().map(|slot| self.read(contract, *slot)).collect()
    }

    /// Says that so many slots are going to be looked up, for readers that can prepare for it.
    fn expect_reads(&self, _slots: u64) {}

    /// The batches of this chain in which slots of a contract were first written, `None` for a slot of
    /// which that is not known; `None` in all when the source does not tell.
    fn first_writes(&self, _contract: Address, _slots: &[Word]) -> Option<Vec<Option<SlBatch>>> {
        None
    }

    /// How many slots of the contract are not zero; `None` when the source cannot tell, because it
    /// files the slots of all contracts together under their hashes.
    fn slot_count(&self, contract: Address) -> Option<u64>;

    /// How many slots of all contracts are not zero.
    fn slots(&self) -> u64;

    /// The block whose state this is, when the source says so.
    fn block(&self) -> Option<SlBlock>;
}

/// A reader behind a reference or a shared pointer reads the same.
macro_rules! forward_reader {
    ($($pointer:ty)*) => {$(
        impl<S: StorageReader + Send + ?Sized> StorageReader for $pointer {
            fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError> {
                (**self).read(contract, slot)
            }

            fn read_many(&self, contract: Address, slots: &[Word]) -> Result<Vec<Word>, StateError> {
                (**self).read_many(contract, slots)
            }

            fn expect_reads(&self, slots: u64) {
                (**self).expect_reads(slots);
            }

            fn first_writes(&self, contract: Address, slots: &[Word]) -> Option<Vec<Option<SlBatch>>> {
                (**self).first_writes(contract, slots)
            }

            fn slot_count(&self, contract: Address) -> Option<u64> {
                (**self).slot_count(contract)
            }

            fn slots(&self) -> u64 {
                (**self).slots()
            }

            fn block(&self) -> Option<SlBlock> {
                (**self).block()
            }
        }
    )*};
}

forward_reader!(&S std::sync::Arc<S>);
