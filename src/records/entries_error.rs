use thiserror::Error;

use crate::{files::InputError, proof::FailureCode};

/// An error from reading the records of an input.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EntriesError {
    /// The input could not be read, or a record is too long.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The Parquet file could not be read.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] super::parquet::ReadError),
    /// The input is a Parquet file, and the build lacks the feature `parquet`.
    #[error("{0}: it is a Parquet file, and this build has no Parquet: its feature parquet is off")]
    NoParquet(String),
    /// The input is of another kind.
    #[error("{name}: it is {what}, not proofs")]
    NotProofs {
        /// The input.
        name: String,
        /// The kind of the input.
        what: &'static str,
    },
    /// The input contains no record of a proof.
    #[error("{0}: it contains no proofs, neither records nor calldata nor answers of a node")]
    NoProofs(String),
}

impl EntriesError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Input(error) if error.is_damage() => FailureCode::InputDamaged,
            Self::Input(_) => FailureCode::ReadFailed,
            #[cfg(feature = "parquet")]
            Self::Parquet(error) if error.is_io() => FailureCode::ReadFailed,
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => FailureCode::InputDamaged,
            Self::NoParquet(_) => FailureCode::FormatUnsupported,
            Self::NotProofs { .. } | Self::NoProofs(_) => FailureCode::UnknownInput,
        }
    }
}
