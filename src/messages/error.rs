use thiserror::Error;

use crate::{
    files::InputError,
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
    /// Some messages, but not one for each log that stands for one.
    #[error(
        "{got} messages for {expected} logs of sender 0x8008; give the messages of all of them in \
         their order, or none"
    )]
    MessageCount {
        /// The logs that stand for messages.
        expected: usize,
        /// The messages given.
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
    /// The logs and messages of a line do not make up a batch.
    #[error("{name}, line {line}: chain {chain}, batch {batch}")]
    Batch {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What is wrong.
        source: LogsError,
    },
    /// Two lines give one batch different contents.
    #[error(
        "{name}, line {line}: chain {chain}, batch {batch} differs from what line {first} said"
    )]
    Conflict {
        /// The file.
        name: String,
        /// The later line.
        line: u64,
        /// The earlier line.
        first: u64,
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
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
    /// The archive does not fit into memory.
    #[error("{name} holds more than {limit} bytes of logs and messages, too many for memory")]
    TooLarge {
        /// The file.
        name: String,
        /// The bound.
        limit: usize,
    },
}

impl ArchiveError {
    /// Whether the system refused to read, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Input(error) if !error.is_damage())
    }
}
