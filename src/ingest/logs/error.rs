use thiserror::Error;

use crate::{
    message::LogsError,
    primitives::{BatchNumber, ChainId, Hash},
};

/// Why a part of a source cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It is no JSON of the form that is expected.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The logs and messages do not make up a batch.
    #[error(transparent)]
    Logs(#[from] LogsError),
    /// A node answered with an error.
    #[error("the node answered with an error instead: {0}")]
    NodeError(String),
    /// A node had no answer.
    #[error("the node's answer is null: it does not know, or no longer has, what it was asked for")]
    NullAnswer,
    /// Something that has to be there is not.
    #[error("{what} has no {field:?}")]
    Missing {
        /// What it is missing from.
        what: String,
        /// Its name.
        field: &'static str,
    },
    /// Something is not what it should be.
    #[error("{what} {reason}")]
    Bad {
        /// What it is about.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The logs of a receipt do not stand in their order.
    #[error(
        "log {at} of the receipt says that it is the {got}. of its transaction, counted from 0: the logs \
         are out of order, or one is missing"
    )]
    LogOrder {
        /// The log's place in the receipt.
        at: u64,
        /// The place that it states.
        got: u64,
    },
    /// A log says that it is in another batch than the receipt that it stands in.
    #[error(
        "log {at} of transaction {transaction} is said to be in batch {stated}, its receipt in batch \
         {batch}; both batches are left out"
    )]
    LogOfOtherBatch {
        /// The transaction.
        transaction: Hash,
        /// The log's place in the receipt.
        at: u64,
        /// The batch of the receipt.
        batch: BatchNumber,
        /// The batch that the log states.
        stated: BatchNumber,
    },
    /// A block's logs are not all there, or one is there twice.
    #[error(
        "block {block} has log {expected} in none of the receipts, but log {got}: a receipt of the block \
         is missing, or there are two of one transaction"
    )]
    MissingLog {
        /// The block.
        block: u64,
        /// The log that should come next.
        expected: u64,
        /// The log that comes next.
        got: u64,
    },
    /// Two sources say different things of one log.
    #[error(
        "log {index} of transaction {transaction} in block {block} is given twice, differently"
    )]
    TwoLogs {
        /// The block.
        block: u64,
        /// The transaction's index in the block.
        transaction: u64,
        /// The log's index in the transaction, or in the block where the source counts so.
        index: u64,
    },
    /// Nothing says in which batch a block is.
    #[error(
        "nothing says in which batch block {block} is: there is no batch number beside it, and it is in none \
         of the blocks that batches are said to have"
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
        /// The one; `None` where it is said to be in none yet.
        one: Option<BatchNumber>,
        /// The other.
        other: Option<BatchNumber>,
    },
    /// A message is not what its event, log or list says.
    #[error("the message hashes to {got}, not to {expected}")]
    MessageHash {
        /// What it should hash to.
        expected: Hash,
        /// What it hashes to.
        got: Hash,
    },
    /// Bytes end before what they announce.
    #[error("ends at byte {end} where {what} should be, which {needed} more bytes take")]
    Short {
        /// What should stand there.
        what: &'static str,
        /// The length of the bytes.
        end: u64,
        /// How many bytes are missing.
        needed: u64,
    },
    /// A number in bytes makes no sense.
    #[error("{what} at byte {offset} is {got}; {reason}")]
    Number {
        /// What the number is.
        what: &'static str,
        /// Where it stands.
        offset: u64,
        /// The number.
        got: u64,
        /// What it should be.
        reason: &'static str,
    },
    /// Bytes follow where there should be none.
    #[error("{len} bytes follow from byte {offset} on, behind the end of the pubdata")]
    Trailing {
        /// Where they begin.
        offset: u64,
        /// How many there are.
        len: u64,
    },
    /// A version that is not read.
    #[error("{0}")]
    Version(String),
    /// Nothing says whose pubdata it is.
    #[error(
        "nothing says for certain of which chain and batch it is: name the file CHAIN-BATCH, as in \
         324-501234.bin, chainCHAIN-batchBATCH, or BATCH where the chain is given, with no other number in the name; \
         or list it in a file of lines \
         {{\"chainId\":…,\"batchNumber\":…,\"file\":\"…\"}}"
    )]
    Nameless,
    /// It is of another chain than was asked for.
    #[error("it is of chain {got}, not of {expected} as given")]
    OtherChain {
        /// The chain that was given.
        expected: ChainId,
        /// What the source says.
        got: ChainId,
    },
    /// A row of a table is not as it is expected.
    #[error("column {column}: {reason}")]
    Column {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A table has a column twice, and nothing says which of the two counts.
    #[error("the table has two columns {0}")]
    TwoColumns(&'static str),
    /// A row has too many or too few columns.
    #[error("the row has {got} columns, its table has {expected}; {hint}")]
    Columns {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
        /// What may have happened.
        hint: &'static str,
    },
    /// More batches have damaged parts than are kept.
    #[error(
        "more than {limit} batches have damaged parts; give the sources of fewer batches at a time"
    )]
    TooManyBatches {
        /// The bound.
        limit: usize,
    },
    /// The blocks of batches are in more pieces than are kept in mind.
    #[error(
        "more than {limit} runs of blocks of one batch; give the blocks of fewer batches at a time"
    )]
    TooManyRuns {
        /// The bound.
        limit: usize,
    },
    /// A batch has more than fits into memory.
    #[error("{what} are more than the {limit} that a batch can have")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}

fn batch(batch: Option<BatchNumber>) -> String {
    batch.map_or_else(|| "no batch yet".into(), |batch| format!("batch {batch}"))
}
