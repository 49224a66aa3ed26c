//! The storage of the contracts on a settlement layer and on L1.
//!
//! Each contract has its own file, which starts with its slots and the releases that have them. A contract is
//! an address in a [`StorageReader`]. Its methods return typed values, or an error that names the slot whose
//! value is not valid for its variable.

pub(crate) mod abi;
mod bridgehub;
mod events;
mod interop_root_storage;
mod l1_chain_asset_handler;
mod l1_erc20_bridge;
mod l1_nullifier;
mod message_root;
mod native_token_vault;
mod network;
mod release;
mod timestamps;
mod zk_chain;

pub use bridgehub::Bridgehub;
pub use events::{EventError, EventKind, MessageRootEvent, NewInteropRootData};
pub use interop_root_storage::InteropRootStorage;
pub use l1_chain_asset_handler::{L1ChainAssetHandler, SettledOn};
pub use l1_erc20_bridge::L1Erc20Bridge;
pub use l1_nullifier::{FirstBatches, L1Nullifier};
pub use message_root::{ChainTreeStorage, MOST_CHAINS, MessageRoot};
pub use native_token_vault::{NativeTokenVault, vault_asset_id};
pub use network::{Deployment, Network};
pub use release::{ForeignLayout, Layout, Release, UnknownRelease};
pub use zk_chain::ZkChain;

use crate::{
    primitives::{Address, Word},
    state::{StateError, StorageReader},
};

/// Addresses of the system contracts on a ZKsync chain. On L1 the contracts are behind proxies at other
/// addresses, so the caller has to name them.
pub mod system {
    use crate::primitives::Address;

    /// Bridgehub.
    pub const BRIDGEHUB: Address = Address::system(0x10002);
    /// MessageRoot.
    pub const MESSAGE_ROOT: Address = Address::system(0x10005);
    /// L2InteropRootStorage.
    pub const INTEROP_ROOT_STORAGE: Address = Address::system(0x10008);
}

/// The storage of one contract.
pub(crate) struct Storage<'s, S: ?Sized> {
    state: &'s S,
    address: Address,
}

impl<S: ?Sized> Clone for Storage<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for Storage<'_, S> {}

impl<'s, S: StorageReader + ?Sized> Storage<'s, S> {
    pub(crate) fn new(state: &'s S, address: Address) -> Self {
        Self { state, address }
    }

    pub(crate) fn word(&self, slot: Word) -> Result<Word, StateError> {
        self.state.read(self.address, slot)
    }

    pub(crate) fn words_at(&self, slots: &[Word]) -> Result<Vec<Word>, StateError> {
        self.state.read_many(self.address, slots)
    }

    /// An address; `None` for zero.
    pub(crate) fn address(&self, slot: Word) -> Result<Option<Address>, StateError> {
        let value = self.word(slot)?;
        Ok((!value.is_zero()).then(|| Address::from_word(value)))
    }

    /// The words of a struct that begins at a slot.
    pub(crate) fn words<const N: usize>(&self, start: Word) -> Result<[Word; N], StateError> {
        let slots: [Word; N] = std::array::from_fn(|field| start.wrapping_add(field as u64));
        let words = self.words_at(&slots)?;
        Ok(std::array::from_fn(|field| words.get(field).copied().unwrap_or_default()))
    }

    /// A number that is at most `most`.
    pub(crate) fn number(&self, slot: Word, variable: &str, most: u64) -> Result<u64, StateError> {
        let value = self.word(slot)?;
        match value.to_u64() {
            Ok(number) if number <= most => Ok(number),
            _ => Err(self.implausible(slot, variable, value, &format!("expected at most {most}"))),
        }
    }

    /// Whether any of these slots is not zero.
    pub(crate) fn is_any_set(&self, slots: &[u64]) -> Result<bool, StateError> {
        for slot in slots {
            if !self.word((*slot).into())?.is_zero() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn implausible(
        &self,
        slot: Word,
        variable: &str,
        value: Word,
        reason: &str,
    ) -> StateError {
        StateError::Implausible {
            contract: self.address,
            slot,
            variable: variable.into(),
            value,
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests;
