use thiserror::Error;

use super::{KnownRoots, Lacking, state_error_code};
use crate::{
    contracts::system,
    proof::FailureCode,
    state::{StateError, StorageReader},
};

/// Why a state decides nothing about L1.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotOfL1 {
    /// The address of Bridgehub on L1 is not known.
    #[error("no Bridgehub of L1 is known in the state; give its address")]
    NoBridgehub,
    /// A contract that every answer needs is not in the state.
    #[error("the state does not show what L1 accepts: {0}")]
    Lacking(Lacking),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl NotOfL1 {
    /// The stable code of the error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoBridgehub => FailureCode::AnchorLacksBridgehub,
            Self::Lacking(lacking) => lacking.code(),
            Self::State(error) => state_error_code(error),
        }
    }
}

impl<S: StorageReader> KnownRoots<S> {
    /// Checks that the state can decide about L1. On L1, no contract has a system address.
    ///
    /// # Errors
    /// [`NotOfL1`] if the address of Bridgehub is not known, or a contract that every answer needs is not in the
    /// state.
    pub fn require_l1(&self) -> Result<(), NotOfL1> {
        if self.addresses().bridgehub == system::BRIDGEHUB {
            return Err(NotOfL1::NoBridgehub);
        }
        self.lacking()?.map_or(Ok(()), |lacking| Err(NotOfL1::Lacking(lacking)))
    }
}
