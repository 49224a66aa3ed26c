use thiserror::Error;

use super::{
    FileKind,
    logs::{SourceError, SourceFormat},
};
use crate::{
    archive::{ArchiveError, Place},
    files::{InputError, OutputError},
    message::LogsError,
    primitives::{BatchNumber, ChainId, SlBatch},
};

/// Why logs could not be read from where they are kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file could not be opened or read, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The archive that the logs are collected in.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What is read cannot be sorted on disk.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A line is no batch of logs.
    #[error("{name}, line {line} is no batch of logs")]
    Line {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line is longer than any batch can be.
    #[error("{name}, line {line} is longer than {limit} bytes; no batch is")]
    LongLine {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The bound.
        limit: usize,
    },
    /// The logs and messages of a batch do not fit each other.
    #[error("{name}{place}: chain {chain}, batch {batch}")]
    Batch {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What is wrong.
        source: LogsError,
    },
    /// A part of a source says nothing that could be used.
    #[error("{name}{place}: {what}")]
    Source {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// What stands there, as far as it could be told.
        what: String,
        /// What is wrong.
        source: SourceError,
    },
    /// The logs of a batch are not those that the settlement layer has the root of.
    #[error("{name}{place}: chain {chain}, batch {batch} is incomplete")]
    Incomplete {
        /// The file.
        name: String,
        /// The place in it.
        place: Place,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What the check says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing says what kind of archive it is.
    #[error(
        "{name} is no archive of a known kind: neither a message archive (*.slmsg) nor JSON, pubdata or \
         rows of a node's tables"
    )]
    Unknown {
        /// The file.
        name: String,
    },
    /// It is of another kind than logs.
    #[error("{name} has no logs: it is {kind}")]
    OtherKind {
        /// The file.
        name: String,
        /// What it is.
        kind: FileKind,
    },
    /// The format does not say whose logs these are.
    #[error("{name} holds {format}: nothing in it says of which chain")]
    NeedsChain {
        /// The file.
        name: String,
        /// What it holds.
        format: SourceFormat,
    },
    /// The format is known, and not read.
    #[error("{name} cannot be read: {reason}")]
    Refused {
        /// The file.
        name: String,
        /// What it is, and what to do instead.
        reason: String,
    },
    /// An archive file comes through a pipe.
    #[error(
        "{name} is a message archive (*.slmsg) from a pipe, which cannot be mapped; give the name of the file"
    )]
    Piped {
        /// What brings it.
        name: String,
    },
    /// A batch of the settlement layer makes no sense.
    #[error("{name}, line {line}: SL batch {batch} {reason}")]
    SlBatch {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The batch.
        batch: SlBatch,
        /// What is wrong.
        reason: String,
    },
    /// There are more batches of the settlement layer than are kept.
    #[error(
        "{name}, line {line}: more than {limit} SL batches, too many for memory; give the file without \
         those that no proof leads to"
    )]
    TooManySlBatches {
        /// The file.
        name: String,
        /// The line of the first one too many, from 1.
        line: u64,
        /// The bound.
        limit: usize,
    },
}

impl IndexError {
    /// Whether the system refused to read or write, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Input(error) => !error.is_damage(),
            Self::Archive(error) => error.is_io(),
            Self::Output(_) => true,
            _ => false,
        }
    }
}
