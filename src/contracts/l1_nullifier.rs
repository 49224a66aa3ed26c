//! L1Nullifier: which withdrawals were paid out, and which deposits can be recovered.
//!
//! | slot | variable |
//! | --- | --- |
//! | 151 | `_paused` |
//! | 201 | `eraPostDiamondUpgradeFirstBatch` |
//! | 202 | `eraPostLegacyBridgeUpgradeFirstBatch` |
//! | 203 | `eraLegacyBridgeLastDepositBatch` |
//! | 205 | `legacyBridge`: the address of L1ERC20Bridge |
//! | 206 | `__DEPRECATED_l2BridgeAddress`: chain id → the bridge that the chain had before the asset router |
//! | 207 | `depositHappened`: chain id → hash of the L2 transaction → hash of the deposit |
//! | 208 | `isWithdrawalFinalized`: chain id → batch → leaf index of the log → bool |
//! | 213, 214 | `l1AssetRouter`, `l1NativeTokenVault` |
//! | 215 | `l1InteropHandler` (since v33) |
//!
//! v33 keeps the slots, reads none of 201 to 206 and 208, and has no `finalizeDeposit`: a withdrawal is a bundle of
//! InteropCenter, which L1InteropHandler executes. The upgrade sets slot 215 in the same step.
//!
//! Source: era-contracts `L1Nullifier.sol`, v26 to v31 and v33; OpenZeppelin `PausableUpgradeable.sol`.

use super::Storage;
use crate::{
    primitives::{Address, BatchNumber, ChainId, Hash, Word},
    state::{
        StateError, StorageReader,
        slots::{mapping_value, mapping_values},
    },
};

const PAUSED: u64 = 151;
const ERA_POST_DIAMOND_UPGRADE_FIRST_BATCH: u64 = 201;
const ERA_POST_LEGACY_BRIDGE_UPGRADE_FIRST_BATCH: u64 = 202;
const ERA_LEGACY_BRIDGE_LAST_DEPOSIT_BATCH: u64 = 203;
const LEGACY_BRIDGE: u64 = 205;
const L2_BRIDGE_ADDRESS: u64 = 206;
const DEPOSIT_HAPPENED: u64 = 207;
const IS_WITHDRAWAL_FINALIZED: u64 = 208;
const L1_ASSET_ROUTER: u64 = 213;
const L1_NATIVE_TOKEN_VAULT: u64 = 214;
const L1_INTEROP_HANDLER: u64 = 215;

/// L1Nullifier at an address.
pub struct L1Nullifier<'s, S: ?Sized>(Storage<'s, S>);

/// The batches of Era from which on withdrawals were paid out by L1Nullifier alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstBatches {
    /// Withdrawals of earlier batches may be marked as paid out in Era's diamond. Zero if not set.
    pub after_diamond: Word,
    /// Withdrawals of earlier batches may be marked as paid out in L1ERC20Bridge. Zero if not set.
    pub after_legacy_bridge: Word,
}

impl<'s, S: StorageReader + ?Sized> L1Nullifier<'s, S> {
    /// The contract at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// Whether the state holds the contract.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_set_up(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[L1_ASSET_ROUTER, L1_NATIVE_TOKEN_VAULT])
    }

    /// Whether the contract is paused: it then refuses every claim.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_paused(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[PAUSED])
    }

    /// Whether L1InteropHandler is set (since v33): the contract then pays out no withdrawals.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn has_interop_handler(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[L1_INTEROP_HANDLER])
    }

    /// `isWithdrawalFinalized` of logs of one batch, by their leaf indexes.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn are_finalized(
        &self,
        chain: ChainId,
        batch: BatchNumber,
        indexes: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<bool>, StateError> {
        let of_chain = mapping_value(chain.to_word(), IS_WITHDRAWAL_FINALIZED.into());
        let of_batch = mapping_value(batch.to_word(), of_chain);
        let slots = mapping_values(indexes.into_iter().map(Word::from), of_batch);
        let words = self.0.words_at(&slots)?;
        Ok(words.into_iter().map(|word| !word.is_zero()).collect())
    }

    /// `depositHappened`: the hash of a deposit that was neither claimed nor confirmed; zero if there is none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn deposit(&self, chain: ChainId, l2_tx: Hash) -> Result<Hash, StateError> {
        let of_chain = mapping_value(chain.to_word(), DEPOSIT_HAPPENED.into());
        self.0.word(mapping_value(l2_tx.into(), of_chain)).map(Word::to_hash)
    }

    /// The bridge that a chain had before the asset router; `None` if it had none.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn old_bridge(&self, chain: ChainId) -> Result<Option<Address>, StateError> {
        self.0.address(mapping_value(chain.to_word(), L2_BRIDGE_ADDRESS.into()))
    }

    /// The batches from which on L1Nullifier alone decides whether a withdrawal of Era was paid out.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn first_batches(&self) -> Result<FirstBatches, StateError> {
        Ok(FirstBatches {
            after_diamond: self.0.word(ERA_POST_DIAMOND_UPGRADE_FIRST_BATCH.into())?,
            after_legacy_bridge: self.0.word(ERA_POST_LEGACY_BRIDGE_UPGRADE_FIRST_BATCH.into())?,
        })
    }

    /// Whether `eraLegacyBridgeLastDepositBatch` is set. If not, the contract refuses to recover deposits of
    /// Era.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn has_last_legacy_deposit(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[ERA_LEGACY_BRIDGE_LAST_DEPOSIT_BATCH])
    }

    /// `legacyBridge`: the address of L1ERC20Bridge; `None` when it is not set.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn legacy_bridge(&self) -> Result<Option<Address>, StateError> {
        self.0.address(LEGACY_BRIDGE.into())
    }

    /// `l1NativeTokenVault`: the address of the native token vault; `None` when it is not set.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn native_token_vault(&self) -> Result<Option<Address>, StateError> {
        self.0.address(L1_NATIVE_TOKEN_VAULT.into())
    }
}
