use thiserror::Error;

use crate::{
    files::{ContainerError, OutputError},
    message::BatchPart,
    primitives::{BatchNumber, ChainId},
};

/// Why a message archive cannot be made or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Two sources give one batch different contents.
    #[error("{first} and {second} give chain {chain}, batch {batch} different {part}")]
    Conflict {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What differs.
        part: BatchPart,
        /// The one file, and its line where it has lines.
        first: String,
        /// The other.
        second: String,
    },
    /// The archive does not fit into memory.
    #[error(
        "{name} holds more than {limit} bytes of logs and messages, too many for memory; make an \
         archive file of it with `slproof index` first"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// An archive file cannot be used.
    #[error(transparent)]
    Native(#[from] ContainerError),
    /// An archive file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ArchiveError {
    /// Whether the system refused to read or write, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Native(error) => error.is_io(),
            Self::Output(_) => true,
            Self::Conflict { .. } | Self::TooLarge { .. } => false,
        }
    }
}
