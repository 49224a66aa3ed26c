use std::{io, net::SocketAddr};

use thiserror::Error;

use super::{ConfigError, LimitError};
use crate::{proof::FailureCode, prove};

/// Why a server cannot start, or had to end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system refused threads or sockets.
    #[error("cannot start the threads of the server")]
    Threads(#[source] io::Error),
    /// The files cannot be opened, or do not fit each other.
    #[error(transparent)]
    Open(#[from] prove::Error),
    /// Of replaced files, more parts are left out of the archive than before.
    #[error("{now} parts of the archive would be left out, {before} before; the first: {first}")]
    LeftOut {
        /// How many parts would be left out.
        now: u64,
        /// How many are left out of the archive that is served.
        before: u64,
        /// Why the first one would be.
        first: String,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A limit is 0, or too large.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl ServeError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Listen { .. } | Self::Threads(_) => FailureCode::SystemFailed,
            Self::Open(error) => error.code(),
            Self::LeftOut { .. } => FailureCode::LeftOut,
            Self::Config(error) => error.code(),
            Self::Limit(_) => FailureCode::InvalidOptions,
        }
    }
}
