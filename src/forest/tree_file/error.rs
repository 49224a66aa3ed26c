use thiserror::Error;

use crate::{
    files::OutputError,
    forest::{HistoryError, RebuildError},
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
