use thiserror::Error;

use crate::primitives::{SlBatch, Word};

/// Why calldata are not those of a commit, an execution or a revert.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}, at byte {offset} of the calldata, {problem}")]
pub struct CalldataError {
    /// The byte of the transaction's input at which the part begins.
    pub offset: usize,
    /// The part.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: CalldataProblem,
}

/// What is wrong with a part of calldata.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CalldataProblem {
    /// The part ends behind the calldata.
    #[error("is cut off: the calldata have {len} bytes")]
    Cut {
        /// The length of the calldata.
        len: usize,
    },
    /// A number is wider than its type.
    #[error("is {word}, which does not fit {bits} bits")]
    TooLarge {
        /// The number.
        word: Word,
        /// The width of its type.
        bits: u32,
    },
    /// The version byte is unknown.
    #[error("is {0}: this encoding is not known")]
    Version(u8),
    /// A commit has another number of batches than one.
    #[error("has {0} batches; a commit has one")]
    NotOneBatch(u64),
    /// The batches of a call differ from those in its arguments.
    #[error("is {found}; the arguments of the call name batch {named}")]
    OtherBatch {
        /// The number in the data.
        found: SlBatch,
        /// The number in the arguments.
        named: SlBatch,
    },
    /// A list has another number of elements than there are batches.
    #[error("has {found} elements for {batches} batches")]
    OtherCount {
        /// The number of elements.
        found: u64,
        /// The number of batches.
        batches: usize,
    },
    /// The lists have more bytes than the calldata: they share some.
    #[error("has bytes that belong to several lists")]
    Repeated,
    /// The previous batch is not the one before the committed batch.
    #[error("is {previous}, but the committed batch is {batch}")]
    NotPrevious {
        /// The number of the previous batch.
        previous: SlBatch,
        /// The number of the committed batch.
        batch: SlBatch,
    },
    /// The system logs are no sequence of logs.
    #[error("has {0} bytes, which are no logs of 88 bytes")]
    Logs(usize),
    /// A system log is missing.
    #[error("has no log with the key {0}")]
    NoLog(u64),
    /// A system log is there twice.
    #[error("has two logs with the key {0}")]
    LogTwice(u64),
}
