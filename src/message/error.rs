use thiserror::Error;

use crate::primitives::Hash;

/// Why logs and messages do not form a batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogsError {
    /// More logs than the tree of a batch has leaves.
    #[error("{got} logs, but the tree of a batch holds at most 16384")]
    TooManyLogs {
        /// The number of logs.
        got: usize,
    },
    /// There are messages, but not one for each log [of a message](crate::message::L2ToL1Log::is_message).
    #[error(
        "{got} messages for {expected} logs of messages (sender 0x8008, shard 0, service flag 1, \
         12 zero bytes before the address in the key): expected one for each of these logs in their order, \
         or none"
    )]
    MessageCount {
        /// The number of logs of messages.
        expected: usize,
        /// The number of messages.
        got: usize,
    },
    /// There are transaction hashes, but not one for each log.
    #[error("{got} transaction hashes for {expected} logs: expected one for each log, or none")]
    TransactionCount {
        /// The number of logs.
        expected: usize,
        /// The number of hashes.
        got: usize,
    },
    /// The roots of the interop commitment tree contradict each other, or only one of them is given.
    #[error(
        "imtBegin, imtEnd and imtNode do not fit each other: expected both roots, or the node above them, or the node \
         keccak256(imtBegin ‖ imtEnd) beside both"
    )]
    ImtRoots,
    /// A message does not match its log.
    #[error("the message of log {index} has the hash {got}, but its log says {expected}")]
    Message {
        /// The log's leaf index.
        index: usize,
        /// The log's value.
        expected: Hash,
        /// The message's hash.
        got: Hash,
    },
}
