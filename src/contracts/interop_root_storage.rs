//! L2InteropRootStorage: roots that a chain imported from settlement layers.
//!
//! Slot 0: `interopRoots`: chain id → block or batch number → root. Source: era-contracts
//! `L2InteropRootStorage.sol`, v29 to v31.

use super::Storage;
use crate::{
    primitives::{Address, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const INTEROP_ROOTS: u64 = 0;

/// L2InteropRootStorage at an address.
pub struct InteropRootStorage<'s, S: ?Sized>(Storage<'s, S>);

impl<'s, S: StorageReader + ?Sized> InteropRootStorage<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// The root imported for a block or batch of a chain; zero when there is none. Both numbers come from
    /// proofs, so they are words.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn interop_root(&self, chain: Word, block_or_batch: Word) -> Result<Hash, StateError> {
        let of_chain = mapping_value(chain, INTEROP_ROOTS.into());
        self.0.word(mapping_value(block_or_batch, of_chain)).map(Word::to_hash)
    }
}
