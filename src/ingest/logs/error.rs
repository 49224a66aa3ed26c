use thiserror::Error;

use crate::{
    ingest::l1::CalldataError,
    message::LogsError,
    primitives::{BatchNumber, ChainId, Hash, spelled::SpellingError},
};

/// Why a part of a source cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The JSON does not have the expected form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The logs and messages are not a valid batch.
    #[error(transparent)]
    Logs(#[from] LogsError),
    /// The calldata of a transaction are damaged.
    #[error(transparent)]
    Calldata(#[from] CalldataError),
    /// The aggregated root of a batch is that of no known chain.
    #[error("its aggregated root {aggregated_root} is that of no chain in the trees")]
    UnknownChain {
        /// The aggregated root.
        aggregated_root: Hash,
    },
    /// The logs of a batch do not fold to the root that stands beside them.
    #[error("its logs fold to {got}, but the root beside them is {expected}")]
    OtherBatchRoot {
        /// The root beside the logs.
        expected: Hash,
        /// The root that they fold to.
        got: Hash,
    },
    /// A node answered with an error.
    #[error("the node answered with an error: {0}")]
    NodeError(String),
    /// A node answered null.
    #[error("the node's answer is null: the node does not have the requested data")]
    NullAnswer,
    /// A required field is missing.
    #[error("{what} has no {field:?}")]
    Missing {
        /// The object without the field.
        what: String,
        /// The field.
        field: &'static str,
    },
    /// A receipt has null instead of its logs, and nothing tells whether the transaction has logs.
    #[error(
        "\"l2ToL1Logs\" is null, so that the transaction may have logs; only the root of its batch can tell"
    )]
    NullLogs,
    /// A field that is needed cannot be read.
    #[error("the field {name:?} of {of}: {error}")]
    Member {
        /// The field.
        name: &'static str,
        /// The object with the field.
        of: String,
        /// What is wrong with its value.
        error: SpellingError,
    },
    /// A value is invalid.
    #[error("{what} {reason}")]
    Bad {
        /// The value.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The logs of a receipt are out of order.
    #[error(
        "log {at} of the receipt has the index {got} in its transaction: the logs are out of order, or one \
         is missing"
    )]
    LogOrder {
        /// The log's position in the receipt, from 0.
        at: u64,
        /// The index in the log, from 0.
        got: u64,
    },
    /// A log names another batch than its receipt.
    #[error(
        "log {at} of transaction {transaction} is said to be in batch {stated}, its receipt in batch \
         {batch}; both batches are left out"
    )]
    LogOfOtherBatch {
        /// The transaction.
        transaction: Hash,
        /// The log's position in the receipt.
        at: u64,
        /// The batch of the receipt.
        batch: BatchNumber,
        /// The batch that the log names.
        stated: BatchNumber,
    },
    /// A log of a block is missing, or occurs twice.
    #[error(
        "block {block} has log {expected} in none of the receipts, the next one is log {got}: a receipt of \
         the block is missing, or there are two of one transaction"
    )]
    MissingLog {
        /// The block.
        block: u64,
        /// The next log expected.
        expected: u64,
        /// The next log found.
        got: u64,
    },
    /// Two sources differ about one log.
    #[error(
        "log {index} of transaction {transaction} in block {block} is given twice, differently"
    )]
    TwoLogs {
        /// The block.
        block: u64,
        /// The transaction's index in the block.
        transaction: u64,
        /// The log's index in the transaction, or in the block if the source counts so.
        index: u64,
    },
    /// Two sources differ about one event.
    #[error("event {index} of block {block} is given twice, differently")]
    TwoEvents {
        /// The block.
        block: u64,
        /// The event's index in the block.
        index: u64,
    },
    /// `l2ToL1Logs` and the events of a transaction differ.
    #[error(
        "l2ToL1Logs and the events L2ToL1LogSent of transaction {transaction} differ in log {index}"
    )]
    EventDiffers {
        /// The transaction.
        transaction: Hash,
        /// The log's index among the events of the transaction, from 0.
        index: u64,
    },
    /// Logs lead to no batch root.
    #[error(
        "the logs of {} lead to no batch root of the chain (logs: {logs}, transactions: {transactions}, the \
         first one {transaction}): {reason}",
        blocks(*.first_block, *.last_block)
    )]
    NoRoot {
        /// The block of the first log.
        first_block: u64,
        /// The block of the last log.
        last_block: u64,
        /// The transaction of the first log.
        transaction: Hash,
        /// The number of transactions.
        transactions: u64,
        /// The number of logs.
        logs: u64,
        /// The nearest explanation.
        reason: String,
    },
    /// The batch of a block is unknown.
    #[error(
        "the batch of block {block} is unknown: its entry has no batch number, and no batch with known \
         blocks contains it"
    )]
    NoBatch {
        /// The block.
        block: u64,
    },
    /// Two sources put a block in different batches.
    #[error("block {block} is said to be in {} and in {}", batch(*.one), batch(*.other))]
    TwoBatches {
        /// The block.
        block: u64,
        /// One batch; `None` means in no batch yet.
        one: Option<BatchNumber>,
        /// The other batch.
        other: Option<BatchNumber>,
    },
    /// A message does not match the hash in its event, log or list.
    #[error("the message hashes to {got}, but should hash to {expected}")]
    MessageHash {
        /// The expected hash.
        expected: Hash,
        /// The hash of the message.
        got: Hash,
    },
    /// There are fewer bytes than needed.
    #[error("ends at byte {end}, but {what} needs {needed} more bytes")]
    Short {
        /// The value at the end.
        what: &'static str,
        /// The length of the bytes.
        end: u64,
        /// The number of missing bytes.
        needed: u64,
    },
    /// A number is invalid.
    #[error("{what} at byte {offset} is {got}; {reason}")]
    Number {
        /// The meaning of the number.
        what: &'static str,
        /// The offset of the number.
        offset: u64,
        /// The number.
        got: u64,
        /// The rule that the number breaks.
        reason: &'static str,
    },
    /// There are bytes after the end.
    #[error("{len} bytes follow from byte {offset} on, after the end of the pubdata")]
    Trailing {
        /// The offset of the first one.
        offset: u64,
        /// The number of bytes.
        len: u64,
    },
    /// The form is known but not supported.
    #[error("{0}")]
    Version(String),
    /// The chain and batch of the pubdata are unknown.
    #[error(
        "the chain and batch of the pubdata are not known for certain: name the file CHAIN-BATCH, as in \
         324-501234.bin, chainCHAIN-batchBATCH, or BATCH where the chain is given, with no other number in the name; \
         or list it in a file of lines \
         {{\"chainId\":…,\"batchNumber\":…,\"file\":\"…\"}}"
    )]
    Nameless,
    /// The source is of another chain than the given one.
    #[error("it is of chain {got}, but {expected} was given")]
    OtherChain {
        /// The given chain.
        expected: ChainId,
        /// The chain of the source.
        got: ChainId,
    },
    /// A column of a table has an invalid value.
    #[error("column {column}: {reason}")]
    Column {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A table has a column twice, so it is ambiguous.
    #[error("the table has two columns {0}")]
    TwoColumns(&'static str),
    /// A row has another number of columns than its table.
    #[error("the row has {got} columns, but its table has {expected}; {hint}")]
    Columns {
        /// The number of columns of the table.
        expected: usize,
        /// The number of columns of the row.
        got: usize,
        /// The likely cause.
        hint: &'static str,
    },
    /// More batches have damaged parts than the limit.
    #[error(
        "more than {limit} batches have damaged parts; give the sources of fewer batches at a time"
    )]
    TooManyBatches {
        /// The limit.
        limit: usize,
    },
    /// The ranges of blocks exceed the limit.
    #[error(
        "more than {limit} runs of blocks of one batch; give the blocks of fewer batches at a time"
    )]
    TooManyRuns {
        /// The limit.
        limit: usize,
    },
    /// A batch has more than the limit of some items.
    #[error("{what} exceed the limit of {limit} per batch")]
    TooMany {
        /// The items.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

fn blocks(first: u64, last: u64) -> String {
    if first == last { format!("block {first}") } else { format!("blocks {first} to {last}") }
}

fn batch(batch: Option<BatchNumber>) -> String {
    batch.map_or_else(|| "no batch yet".into(), |batch| format!("batch {batch}"))
}
