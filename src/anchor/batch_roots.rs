use std::fmt;

use super::KnownRoots;
use crate::{
    contracts::ZkChain,
    primitives::{BatchNumber, ChainId, Hash},
    state::{StateError, StorageReader},
};

/// The batch roots in a state, whether its contracts accept them or not.
pub trait BatchRoots: Send + Sync + fmt::Debug {
    /// The root of a chain's batch. `None` if it is not known.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError>;

    /// Whether batch roots may have eight leaves: the contracts are of v33 or later.
    ///
    /// # Errors
    /// [`StateError`] if the state cannot be read.
    fn is_since_v33(&self) -> Result<bool, StateError> {
        Ok(false)
    }
}

impl<T: BatchRoots + ?Sized> BatchRoots for &T {
    fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError> {
        (**self).batch_root(chain, batch)
    }

    fn is_since_v33(&self) -> Result<bool, StateError> {
        (**self).is_since_v33()
    }
}

impl<S: StorageReader> BatchRoots for KnownRoots<S> {
    fn batch_root(&self, chain: ChainId, batch: BatchNumber) -> Result<Option<Hash>, StateError> {
        if self.lacks_release().is_some() {
            return Ok(None);
        }
        let recorded = self.message_root().batch_root(chain, batch)?;
        if !recorded.is_zero() {
            return Ok(Some(recorded));
        }
        let stored = match self.bridgehub().zk_chain(chain)? {
            Some(diamond) => ZkChain::at(&self.state, diamond).batch_root(batch)?,
            None => Hash::ZERO,
        };
        if !stored.is_zero() {
            return Ok(Some(stored));
        }
        Ok(self.imported(chain.to_word(), batch.to_word())?.map(|known| known.root))
    }

    fn is_since_v33(&self) -> Result<bool, StateError> {
        Ok(self.has_timestamps()? == Some(true))
    }
}
