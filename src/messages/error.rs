use thiserror::Error;

use super::{BatchPart, SourceError, SourceFormat, archive::Place};
use crate::{
    files::{ContainerError, InputError, OutputError},
    primitives::{BatchNumber, ChainId, Hash, SlBatch},
};

/// Why logs and messages do not make up a batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogsError {
    /// More logs than the tree of a batch has leaves.
    #[error("{got} logs; the tree of a batch holds 16384")]
    TooManyLogs {
        /// How many there are.
        got: usize,
    },
    /// Some messages, but not one for each log that [stands for one](crate::messages::L2ToL1Log::is_message).
    #[error(
        "{got} messages for {expected} logs that stand for one (sender 0x8008, shard 0, service flag 1, \
         12 zero bytes before the address in the key); give the messages of all of them in their order, \
         or none"
    )]
    MessageCount {
        /// The logs that stand for messages.
        expected: usize,
        /// The messages given.
        got: usize,
    },
    /// Some hashes of transactions, but not one for each log.
    #[error("{got} transaction hashes for {expected} logs; give one for each log, or none")]
    TransactionCount {
        /// The logs.
        expected: usize,
        /// The hashes given.
        got: usize,
    },
    /// A message that is not the one its log stands for.
    #[error("the message of log {index} hashes to {got}, its log says {expected}")]
    Message {
        /// The log's leaf index.
        index: usize,
        /// The log's value.
        expected: Hash,
        /// The message's hash.
        got: Hash,
    },
}

/// Why an archive of logs could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file could not be opened or read, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
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
    /// Nothing says what kind of archive it is.
    #[error(
        "{name} is no archive of a known kind: neither a message archive (*.slmsg) nor JSON, pubdata or \
         rows of a node's tables"
    )]
    Unknown {
        /// The file.
        name: String,
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
    #[error("{name} brings a message archive (*.slmsg), which is mapped; give its file's name")]
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
            Self::Input(error) => !error.is_damage(),
            Self::Native(error) => error.is_io(),
            Self::Output(_) => true,
            _ => false,
        }
    }
}
