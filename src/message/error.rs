use thiserror::Error;

use crate::primitives::Hash;

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
    /// Some messages, but not one for each log that [stands for one](crate::message::L2ToL1Log::is_message).
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
