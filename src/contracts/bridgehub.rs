//! Bridgehub: which chains there are, and where the diamond of each stands.
//!
//! `zkChainMap`, an EnumerableMap from chain id to diamond proxy, at slot 208: the keys are an array at
//! 208, their positions a mapping at 209, the values a mapping at 210. `messageRoot` is slot 211. Source: era-contracts
//! `Bridgehub.sol` (v26 to v30) and `BridgehubBase.sol` (v31), OpenZeppelin `EnumerableMap`.

use super::Storage;
use crate::{
    primitives::{Address, ChainId},
    state::{StateError, StorageReader, slots::mapping_value},
};

const ZK_CHAIN_MAP_VALUES: u64 = 210;
const MESSAGE_ROOT: u64 = 211;

/// Bridgehub at an address.
pub struct Bridgehub<'s, S: ?Sized>(Storage<'s, S>);

impl<'s, S: StorageReader + ?Sized> Bridgehub<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// The diamond proxy of a chain; `None` where Bridgehub knows none, as for the settlement layer
    /// itself.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn zk_chain(&self, chain: ChainId) -> Result<Option<Address>, StateError> {
        let value = self.0.word(mapping_value(chain.to_word(), ZK_CHAIN_MAP_VALUES.into()))?;
        Ok((!value.is_zero()).then(|| Address::from_word(value)))
    }

    /// `messageRoot`: where MessageRoot stands; `None` where Bridgehub does not know.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn message_root(&self) -> Result<Option<Address>, StateError> {
        let value = self.0.word(MESSAGE_ROOT.into())?;
        Ok((!value.is_zero()).then(|| Address::from_word(value)))
    }
}
