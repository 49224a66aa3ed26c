//! The native token vault on L1: which token an asset is.
//!
//! | slot | variable |
//! | --- | --- |
//! | 201 | `originChainId`: asset id → the chain where the token comes from |
//! | 202 | `tokenAddress`: asset id → token on this chain |
//! | 203 | `assetId`: token on this chain → asset id |
//!
//! Source: era-contracts `NativeTokenVault.sol` (v26 to v30) and `NativeTokenVaultBase.sol` (v31).

use super::Storage;
use crate::{
    keccak::keccak256,
    primitives::{Address, ChainId, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const ORIGIN_CHAIN_ID: u64 = 201;
const TOKEN_ADDRESS: u64 = 202;
const ASSET_ID: u64 = 203;

/// L2NativeTokenVault, which is part of every asset id of a vault's token.
const L2_NATIVE_TOKEN_VAULT: Address = Address::system(0x1_0004);

/// The native token vault at an address.
pub struct NativeTokenVault<'s, S: ?Sized>(Storage<'s, S>);

impl<'s, S: StorageReader + ?Sized> NativeTokenVault<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// `originChainId`: the chain where the token of an asset comes from; `None` when the vault does not know the
    /// asset, or the id is no number of 64 bits.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn origin_chain(&self, asset_id: Hash) -> Result<Option<ChainId>, StateError> {
        let chain = self.0.word(mapping_value(asset_id.into(), ORIGIN_CHAIN_ID.into()))?;
        Ok(ChainId::try_from(chain).ok().filter(|_| !chain.is_zero()))
    }

    /// `tokenAddress`: the token of an asset; `None` when the vault does not know the asset.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn token(&self, asset_id: Hash) -> Result<Option<Address>, StateError> {
        self.0.address(mapping_value(asset_id.into(), TOKEN_ADDRESS.into()))
    }

    /// `assetId`: the asset id of a token; `None` when the token is not registered.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn asset_id(&self, token: Address) -> Result<Option<Hash>, StateError> {
        let value = self.0.word(mapping_value(token.to_word(), ASSET_ID.into()))?;
        Ok((!value.is_zero()).then(|| value.to_hash()))
    }
}

/// The asset id of a token that comes from this chain: `keccak256(abi.encode(chain, 0x…10004, token))`.
/// Source: `DataEncoding.encodeNTVAssetId`.
#[must_use]
pub fn vault_asset_id(origin: ChainId, token: Address) -> Hash {
    let words: [Word; 3] = [origin.to_word(), L2_NATIVE_TOKEN_VAULT.to_word(), token.to_word()];
    keccak256(words.map(|word| *word.as_bytes()).as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The asset id of ether on mainnet, as era-contracts publishes it in `v29.2-ecosystem.toml`.
    #[test]
    fn the_asset_id_of_ether_is_the_published_one() {
        let ether = vault_asset_id(ChainId(1), Address::system(1));
        let published = "0x05e1c3ae4b9732444ae25217ac7666e46fa365fee1768de00c9fcb65532b7609";
        assert_eq!(ether.to_string(), published);
    }
}
