use thiserror::Error;

use crate::{
    files::OutputError,
    forest::{EventsError, HistoryError, RebuildError},
    state::StateError,
};

/// Why a tree file could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TreeFileError {
    /// The trees could not be rebuilt.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// The content of the interop roots could not be determined.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Writing failed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl TreeFileError {
    /// Whether the events that were given beside a state are newer than the state.
    #[must_use]
    pub fn is_after_state(&self) -> bool {
        matches!(self, Self::Rebuild(RebuildError::Events(EventsError::AfterState { .. })))
    }
}
