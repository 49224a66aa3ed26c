use thiserror::Error;

use crate::{
    files::{ContainerError, OutputError},
    forest::{HistoryError, RebuildError},
    state::StateError,
};

/// Why a tree file could not be written or opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TreeFileError {
    /// The file is none, is damaged, or its parts do not fit together.
    #[error(transparent)]
    File(#[from] ContainerError),
    /// The trees could not be rebuilt.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// What the roots by block contain could not be found out.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Writing failed.
    #[error(transparent)]
    Output(#[from] OutputError),
}
