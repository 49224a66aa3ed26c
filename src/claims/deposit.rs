//! The deposit of a failed L1→L2 transaction, which L1Nullifier stores only as a hash.
//!
//! ```text
//! new encoding     keccak256(0x01 ‖ abi.encode(address depositor, bytes32 assetId, bytes assetData))
//! before v26       keccak256(abi.encode(address depositor, address token, uint256 amount))
//! ```
//!
//! Source: era-contracts `DataEncoding.encodeTxDataHash` and `L1Nullifier._isLegacyTxDataHash`, v26 to v31; `_verifyAndClearTransfer`, v33.

use alloy_primitives::{B256, Bytes};
use alloy_sol_types::SolValue;

use crate::{
    claims::l1::L1,
    contracts::vault_asset_id,
    keccak::keccak256,
    primitives::{Address, Hash},
    proof::calldata::abi::encodable,
    state::{StateError, StorageReader},
};

const NEW_ENCODING_VERSION: u8 = 1;

/// What a user knows of a deposit. Its hash on L1 shows whether it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Who made the deposit on L1.
    pub sender: Address,
    /// The asset.
    pub asset_id: Hash,
    /// The transfer data: for the native token vault `abi.encode(uint256 amount, address receiver, address
    /// token)`.
    pub asset_data: Vec<u8>,
}

impl Deposit {
    /// Whether L1Nullifier takes this deposit for the stored hash. v33 knows only the new encoding.
    pub(super) fn has_hash<S: StorageReader + std::fmt::Debug>(
        &self,
        stored: Hash,
        l1: &L1<'_, S>,
    ) -> Result<bool, StateError> {
        let is_legacy = || Ok(l1.has_finalize_deposit()? && self.legacy_hash(l1)? == Some(stored));
        if self.hash() == stored { Ok(true) } else { is_legacy() }
    }

    fn hash(&self) -> Hash {
        let asset_id = B256::new(*self.asset_id.as_bytes());
        let data = Bytes::copy_from_slice(&self.asset_data);
        let encoded = (encodable(self.sender), asset_id, data).abi_encode_params();
        keccak256(&[&[NEW_ENCODING_VERSION], &encoded[..]].concat())
    }

    /// The hash of a deposit from before v26. `None` if the asset is no token of L1 that the vault knows, or the
    /// data are not those of the vault.
    fn legacy_hash<S: StorageReader + std::fmt::Debug>(
        &self,
        l1: &L1<'_, S>,
    ) -> Result<Option<Hash>, StateError> {
        let (Some(vault), Some(l1_chain)) = (l1.vault()?, l1.chain()?) else { return Ok(None) };
        let token = vault.token(self.asset_id)?;
        let Some(token) = token.filter(|token| vault_asset_id(l1_chain, *token) == self.asset_id)
        else {
            return Ok(None);
        };
        let Ok(amount) = <[u8; 96]>::try_from(&self.asset_data[..]) else { return Ok(None) };
        let words = [self.sender.to_word(), token.to_word()].map(|word| *word.as_bytes());
        Ok(Some(keccak256(&[words.as_flattened(), &amount[..32]].concat())))
    }
}
