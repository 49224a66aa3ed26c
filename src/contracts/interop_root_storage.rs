//! L2InteropRootStorage: roots that a chain imported from settlement layers.
//!
//! | slot | variable | since |
//! | --- | --- | --- |
//! | 0 | `interopRoots`: chain id → block or batch number → +0 root, +1 timestamp of the block | v29; timestamp v33 |
//! | 1 | `latestInteropRootTimestamp`: chain id → the newest of these timestamps | v33 |
//!
//! Source: era-contracts `L2InteropRootStorage.sol`, v29 to v31 and v33.

use super::Storage;
use crate::{
    primitives::{Address, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const INTEROP_ROOTS: u64 = 0;
const LATEST_TIMESTAMP: u64 = 1;

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
        self.0.word(root_slot(chain, block_or_batch)).map(Word::to_hash)
    }

    /// The timestamp imported together with a root (since v33); zero if there is none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn timestamp(&self, chain: Word, block_or_batch: Word) -> Result<Word, StateError> {
        self.0.word(root_slot(chain, block_or_batch).wrapping_add(1))
    }

    /// `latestInteropRootTimestamp` (since v33): the newest timestamp imported of a chain; zero if there is none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn latest_timestamp(&self, chain: Word) -> Result<Word, StateError> {
        self.0.word(mapping_value(chain, LATEST_TIMESTAMP.into()))
    }
}

fn root_slot(chain: Word, block_or_batch: Word) -> Word {
    mapping_value(block_or_batch, mapping_value(chain, INTEROP_ROOTS.into()))
}
