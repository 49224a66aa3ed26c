//! Bridgehub: the registered chains, and the address of each chain's diamond proxy.
//!
//! | slot | variable | since |
//! | --- | --- | --- |
//! | 201 | `assetRouter` | v26 |
//! | 208, 209, 210 | `zkChainMap`, an EnumerableMap from chain id to diamond proxy: keys (an array), their positions, values | v26 |
//! | 211 | `messageRoot` | v26 |
//! | 212 | `baseTokenAssetId`: chain id → asset id | v26 |
//! | 216 | `settlementLayer`: chain id → id of the chain where it settles | v26 |
//! | 217 | `whitelistedSettlementLayers`: chain id → bool | v26 |
//! | 219 | byte 0: a flag; bytes 1 to 20: `chainAssetHandler` | v29 |
//! | 220 | `chainRegistrationSender` | v31 |
//!
//! Source: era-contracts `Bridgehub.sol` (v26 to v30) and `BridgehubBase.sol` (v31), OpenZeppelin
//! `EnumerableMap`.

use super::Storage;
use crate::{
    primitives::{Address, ChainId, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const ASSET_ROUTER: u64 = 201;
const ZK_CHAIN_MAP_KEYS: u64 = 208;
const ZK_CHAIN_MAP_VALUES: u64 = 210;
const MESSAGE_ROOT: u64 = 211;
const BASE_TOKEN_ASSET_ID: u64 = 212;
const SETTLEMENT_LAYER: u64 = 216;
const WHITELISTED_SETTLEMENT_LAYERS: u64 = 217;
const CHAIN_ASSET_HANDLER: u64 = 219;
const CHAIN_REGISTRATION_SENDER: u64 = 220;

/// Bridgehub at an address.
pub struct Bridgehub<'s, S: ?Sized>(Storage<'s, S>);

impl<'s, S: StorageReader + ?Sized> Bridgehub<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// The diamond proxy of a chain; `None` for a chain that is not in Bridgehub, such as the settlement
    /// layer itself.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn zk_chain(&self, chain: ChainId) -> Result<Option<Address>, StateError> {
        self.0.address(mapping_value(chain.to_word(), ZK_CHAIN_MAP_VALUES.into()))
    }

    /// `messageRoot`: the address of MessageRoot; `None` when it is not set.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn message_root(&self) -> Result<Option<Address>, StateError> {
        self.0.address(MESSAGE_ROOT.into())
    }

    /// `baseTokenAssetId`: the asset id of a chain's base token; zero for a chain that is not registered.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn base_token_asset_id(&self, chain: ChainId) -> Result<Hash, StateError> {
        self.0.word(mapping_value(chain.to_word(), BASE_TOKEN_ASSET_ID.into())).map(Word::to_hash)
    }

    /// `settlementLayer`: the chain where a chain settles now; `None` when it is not set, or no number of 64
    /// bits.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn settlement_layer(&self, chain: ChainId) -> Result<Option<ChainId>, StateError> {
        let layer = self.0.word(mapping_value(chain.to_word(), SETTLEMENT_LAYER.into()))?;
        Ok(ChainId::try_from(layer).ok().filter(|_| !layer.is_zero()))
    }

    /// Whether the state holds the contract.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_set_up(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[ASSET_ROUTER, ZK_CHAIN_MAP_KEYS, MESSAGE_ROOT])
    }

    /// Whether the contract is from v31 or later.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_v31(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[CHAIN_REGISTRATION_SENDER])
    }

    /// `whitelistedSettlementLayers`: whether other chains may settle on this one.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_settlement_layer(&self, chain: Word) -> Result<bool, StateError> {
        let listed = self.0.word(mapping_value(chain, WHITELISTED_SETTLEMENT_LAYERS.into()))?;
        Ok(!listed.is_zero())
    }

    /// `chainAssetHandler`: the address of ChainAssetHandler; `None` when it is not set.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn chain_asset_handler(&self) -> Result<Option<Address>, StateError> {
        // A flag in the lowest byte of the word precedes the address.
        let value = self.0.word(CHAIN_ASSET_HANDLER.into())?;
        let mut shifted = [0; 32];
        shifted[1..].copy_from_slice(&value.as_bytes()[..31]);
        let value = Word::new(shifted);
        Ok((!value.is_zero()).then(|| Address::from_word(value)))
    }
}
