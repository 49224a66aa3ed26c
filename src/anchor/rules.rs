//! Which contracts decide whether a root is accepted, according to a state.

use std::sync::LazyLock;

use super::Lacking;
use crate::{
    contracts::{Bridgehub, L1ChainAssetHandler, MessageRoot, system},
    forest::Addresses,
    keccak::keccak256,
    primitives::Word,
    state::{StateError, StorageReader},
};

/// `V31_UPGRADE_CHAIN_BATCH_NUMBER_PLACEHOLDER_VALUE`: the chain existed before v31 and is not upgraded yet.
pub(super) static NOT_UPGRADED: LazyLock<Word> =
    LazyLock::new(|| keccak256(b"V31_UPGRADE_CHAIN_BATCH_NUMBER_PLACEHOLDER_VALUE").into());

/// The contracts that decide whether a root is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// v26 to v30: the diamonds of the chains.
    Diamonds,
    /// v31: MessageRoot on L1.
    L1MessageRoot,
    /// v31: MessageRoot on a settlement layer.
    L2MessageRoot,
    /// v31 according to Bridgehub, but MessageRoot is not in the state.
    NoMessageRoot,
    /// A release whose rules are not known, by the layout of MessageRoot.
    Unknown(Lacking),
}

impl Rules {
    pub(super) fn of<S: StorageReader>(
        state: &S,
        addresses: &Addresses,
    ) -> Result<Self, StateError> {
        let message_root = MessageRoot::at(state, addresses.message_root);
        if let Some(layout) = message_root.foreign_layout()? {
            return Ok(Self::Unknown(Lacking::Layout(layout)));
        }
        // Right after an in-place upgrade only the batch numbers of the chains show it.
        Ok(if message_root.has_v31_variables()? || message_root.has_v31_batch_numbers()? {
            // System addresses exist only on ZKsync chains.
            match addresses.message_root == system::MESSAGE_ROOT {
                true => Self::L2MessageRoot,
                false => Self::L1MessageRoot,
            }
        } else if is_v31_without_message_root(state, addresses)? {
            Self::NoMessageRoot
        } else {
            Self::Diamonds
        })
    }
}

/// Whether contracts beside MessageRoot show that the state is of v31: then MessageRoot is missing.
fn is_v31_without_message_root<S: StorageReader>(
    state: &S,
    addresses: &Addresses,
) -> Result<bool, StateError> {
    let bridgehub = Bridgehub::at(state, addresses.bridgehub);
    if bridgehub.is_v31()? {
        return Ok(true);
    }
    match bridgehub.chain_asset_handler()? {
        Some(handler) => L1ChainAssetHandler::at(state, handler).is_set_up(),
        None => Ok(false),
    }
}
