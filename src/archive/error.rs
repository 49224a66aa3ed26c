use thiserror::Error;

use crate::{
    files::{ContainerError, OutputError},
    message::BatchPart,
    primitives::{BatchNumber, ChainId},
};

/// Why a message archive cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Two sources have different contents for one batch.
    #[error("{first} and {second} give chain {chain}, batch {batch} different {part}")]
    Conflict {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The part that differs.
        part: BatchPart,
        /// The first source: its file, and the line if it has lines.
        first: String,
        /// The second source.
        second: String,
    },
    /// The archive does not fit into memory.
    #[error(
        "{name} has more than {limit} bytes of logs and messages, too many for memory; \
         convert it to an archive file first"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// An archive file cannot be read.
    #[error(transparent)]
    Native(#[from] ContainerError),
    /// An archive file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ArchiveError {
    /// Whether the cause is an I/O error, not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Native(error) => error.is_io(),
            Self::Output(_) => true,
            Self::Conflict { .. } | Self::TooLarge { .. } => false,
        }
    }
}
