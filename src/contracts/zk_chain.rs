//! The diamond proxy of a ZK chain on its settlement layer.
//!
//! | slot | variable |
//! | --- | --- |
//! | 11 | `totalBatchesExecuted` |
//! | 15 | `l2LogsRootHashes`: batch number → batch root |
//! | 29 | `isEthWithdrawalFinalized`: batch → leaf index of the log → bool |
//! | 40 | `chainId` |
//! | 50 | `settlementLayer`: the address of the layer's diamond, if the chain settles on another layer |
//!
//! `l2LogsRootHashes` is written when a batch is executed on this layer. It is zero for a batch that was
//! executed on another layer, or is only committed. Source: era-contracts `ZKChainStorage.sol`, v26 to v31.

use super::Storage;
use crate::{
    primitives::{Address, BatchNumber, Hash, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const TOTAL_BATCHES_EXECUTED: u64 = 11;
const L2_LOGS_ROOT_HASHES: u64 = 15;
const IS_ETH_WITHDRAWAL_FINALIZED: u64 = 29;
const CHAIN_ID: u64 = 40;
const SETTLEMENT_LAYER: u64 = 50;

/// The diamond proxy of a chain.
pub struct ZkChain<'s, S: ?Sized>(Storage<'s, S>);

impl<'s, S: StorageReader + ?Sized> ZkChain<'s, S> {
    /// The diamond proxy at `address`.
    #[must_use]
    pub fn at(state: &'s S, address: Address) -> Self {
        Self(Storage::new(state, address))
    }

    /// `totalBatchesExecuted`: the number of the last executed batch, on any layer.
    ///
    /// # Errors
    /// [`StateError`] when the number is wider than 64 bits.
    pub fn batches_executed(&self) -> Result<BatchNumber, StateError> {
        self.0
            .number(TOTAL_BATCHES_EXECUTED.into(), "totalBatchesExecuted", u64::MAX)
            .map(BatchNumber)
    }

    /// Whether the state holds the diamond proxy: its `chainId` is not zero.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_set_up(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[CHAIN_ID])
    }

    /// `l2LogsRootHashes` of one batch; zero unless the batch was executed on this layer.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn batch_root(&self, batch: BatchNumber) -> Result<Hash, StateError> {
        self.0.word(mapping_value(batch.to_word(), Self::batch_roots())).map(Word::to_hash)
    }

    /// `isEthWithdrawalFinalized`: whether the diamond paid out a withdrawal of ether, before the shared bridge.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn is_eth_withdrawal_finalized(
        &self,
        batch: BatchNumber,
        index: u64,
    ) -> Result<bool, StateError> {
        let of_batch = mapping_value(batch.to_word(), IS_ETH_WITHDRAWAL_FINALIZED.into());
        Ok(!self.0.word(mapping_value(Word::from(index), of_batch))?.is_zero())
    }

    /// Whether the chain settles on another layer now.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn settles_elsewhere(&self) -> Result<bool, StateError> {
        self.0.is_any_set(&[SETTLEMENT_LAYER])
    }

    /// The slot of `l2LogsRootHashes`: batch number → batch root.
    #[must_use]
    pub fn batch_roots() -> Word {
        L2_LOGS_ROOT_HASHES.into()
    }
}
