//! L1ERC20Bridge, the bridge of Era before the shared bridge.
//!
//! | slot | variable |
//! | --- | --- |
//! | 0 | `isWithdrawalFinalized`: batch → leaf index of the log → bool |
//!
//! Source: era-contracts `L1ERC20Bridge.sol`, v26 to v31.

use super::Storage;
use crate::{
    primitives::{Address, BatchNumber, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const IS_WITHDRAWAL_FINALIZED: u64 = 0;

/// L1ERC20Bridge at an address.
pub struct L1Erc20Bridge<'s, S: ?Sized>(Storage<'s, S>);

impl<'s, S: StorageReader + ?Sized> L1Erc20Bridge<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// `isWithdrawalFinalized`: whether a withdrawal of Era was paid out here.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_finalized(&self, batch: BatchNumber, index: u64) -> Result<bool, StateError> {
        let of_batch = mapping_value(batch.to_word(), IS_WITHDRAWAL_FINALIZED.into());
        Ok(!self.0.word(mapping_value(Word::from(index), of_batch))?.is_zero())
    }
}
