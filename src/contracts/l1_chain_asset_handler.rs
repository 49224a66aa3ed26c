//! L1ChainAssetHandler (since v31): the settlement layer of each batch of a chain.
//!
//! | slot | variable |
//! | --- | --- |
//! | 207 | `migrationNumber`: chain id → number of migrations |
//! | 252 | `_migrationInterval`: chain id → index → six words, see below |
//! | 253, 254 | `messageRoot`, `assetRouter`: not zero once the contract is initialized |
//!
//! The words of an interval: `migrateToGWBatchNumber`, `migrateFromGWBatchNumber`,
//! `settlementLayerBatchLowerBound`, `settlementLayerBatchUpperBound`, `settlementLayerChainId`, `isActive`.
//! Source: era-contracts `L1ChainAssetHandler.sol` (v31).

use super::Storage;
use crate::{
    primitives::{Address, BatchNumber, ChainId, Word},
    state::{StateError, StorageReader, slots::mapping_value},
};

const MIGRATION_NUMBER: u64 = 207;
const MIGRATION_INTERVAL: u64 = 252;
const MESSAGE_ROOT: u64 = 253;
const ASSET_ROUTER: u64 = 254;

/// `MAX_ALLOWED_NUMBER_OF_MIGRATIONS`. For a chain with more migrations the contract accepts no batch.
const MOST_MIGRATIONS: u64 = 2;

/// L1ChainAssetHandler at an address.
pub struct L1ChainAssetHandler<'s, S: ?Sized>(Storage<'s, S>);

/// Where a batch was settled, according to the chain's migrations as L1 recorded them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettledOn {
    /// On L1 itself.
    L1,
    /// On this settlement layer, in a batch of the layer within these bounds.
    Layer {
        /// The layer's chain id.
        chain: Word,
        /// The first batch of the layer that may contain it.
        first: Word,
        /// The last batch of the layer that may contain it; `None` while the chain settles there.
        last: Option<Word>,
    },
    /// The chain has migrated more often than the contract allows. It accepts no settlement layer then.
    TooManyMigrations,
}

impl<'s, S: StorageReader + ?Sized> L1ChainAssetHandler<'s, S> {
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
        self.0.is_any_set(&[MESSAGE_ROOT, ASSET_ROUTER])
    }

    /// Where a batch was settled, by the rules of `isValidSettlementLayer`.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read.
    pub fn settled_on(&self, chain: ChainId, batch: BatchNumber) -> Result<SettledOn, StateError> {
        let number = self.0.word(mapping_value(chain.to_word(), MIGRATION_NUMBER.into()))?;
        let Some(migrations) = number.to_u64().ok().filter(|n| *n <= MOST_MIGRATIONS) else {
            return Ok(SettledOn::TooManyMigrations);
        };
        let of_chain = mapping_value(chain.to_word(), MIGRATION_INTERVAL.into());
        let batch = batch.to_word();
        // Index 0 is the interval on the Gateway before v31.
        for index in 0..=migrations {
            let start = mapping_value(index.into(), of_chain);
            let [from, to, first, last, layer, is_active] = self.0.words(start)?;
            if layer.is_zero() {
                continue;
            }
            if batch <= from {
                return Ok(SettledOn::L1);
            }
            let is_active = !is_active.is_zero();
            if is_active || batch <= to {
                let last = (!is_active).then_some(last);
                return Ok(SettledOn::Layer { chain: layer, first, last });
            }
        }
        Ok(SettledOn::L1)
    }
}
