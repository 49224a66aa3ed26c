use std::fmt;

use thiserror::Error;

use crate::primitives::{Address, SlBatch, SlBlock, Word};

/// Why a slot could not be read, or has a value that its type does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// A slot has a value that its variable cannot have.
    #[error("{contract} slot {slot} ({variable}) holds {value}: {reason}")]
    Implausible {
        /// The contract.
        contract: Address,
        /// The slot.
        slot: Word,
        /// The variable in the contract's source.
        variable: String,
        /// The value.
        value: Word,
        /// Why the value is not possible.
        reason: String,
    },
    /// A state with two kinds of keys stores this slot twice, with two different values.
    #[error(
        "{contract} slot {slot} is stored twice in the dump, with different values: \
         {by_address} under the contract's address, {by_hash} under the hash of the address"
    )]
    TwoValues {
        /// The contract.
        contract: Address,
        /// The slot.
        slot: Word,
        /// The value stored under the address.
        by_address: Word,
        /// The value stored under the hash of the address.
        by_hash: Word,
    },
    /// The state consists of proofs of single slots, and there is none of this slot.
    #[error("slot {slot} of {contract} is not proven; eth_getProof answers it for the same block")]
    NotProven {
        /// The contract.
        contract: Address,
        /// The slot.
        slot: Word,
    },
}

/// The storage of a settlement layer, or of any EVM chain, at one block.
///
/// In a dump an absent slot is zero, as on chain: a slot that was never written looks like a slot that is
/// missing in the dump. Therefore everything read is checked against the trees. A state of proven slots returns
/// an error for a slot that is not proven.
pub trait StorageReader: fmt::Debug + Send + Sync {
    /// The word at a slot of a contract.
    ///
    /// # Errors
    /// [`StateError`], from sources that can fail.
    fn read(&self, contract: Address, slot: Word) -> Result<Word, StateError>;

    /// The words at many slots of a contract, in their order. The result is that of [`StorageReader::read`]
    /// for each slot, but a reader that hashes keys hashes them together.
    ///
    /// # Errors
    /// As [`StorageReader::read`].
    fn read_many(&self, contract: Address, slots: &[Word]) -> Result<Vec<Word>, StateError> {
        slots.iter().map(|slot| self.read(contract, *slot)).collect()
    }

    /// Announces that about `slots` slots will be read, so that a reader can prepare for it.
    fn expect_reads(&self, _slots: u64) {}

    /// The batch of this chain in which each slot of a contract was first written, `None` for a slot where it
    /// is not known. `None` for all of them when the source does not record it.
    fn first_writes(&self, _contract: Address, _slots: &[Word]) -> Option<Vec<Option<SlBatch>>> {
        None
    }

    /// As [`StorageReader::first_writes`], the block.
    fn first_blocks(&self, _contract: Address, _slots: &[Word]) -> Option<Vec<Option<SlBlock>>> {
        None
    }

    /// How many slots of the contract are not zero; `None` when the source cannot tell, because it stores the
    /// slots of all contracts together under their hashes.
    fn slot_count(&self, contract: Address) -> Option<u64>;

    /// How many slots of all contracts are not zero.
    fn slots(&self) -> u64;

    /// The block of this state, when the source records it.
    fn block(&self) -> Option<SlBlock>;
}

/// Implements the reader for references and shared pointers.
macro_rules! forward_reader {
    ($($pointer:ty)*) => {$(
        impl<S: StorageReader + ?Sized> StorageReader for $pointer {
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

            fn first_blocks(&self, contract: Address, slots: &[Word]) -> Option<Vec<Option<SlBlock>>> {
                (**self).first_blocks(contract, slots)
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
