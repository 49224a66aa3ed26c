use thiserror::Error;

#[cfg(feature = "calldata")]
use crate::proof::calldata::CalldataError;
use crate::{
    message::BatchRootLeaf,
    primitives::spelled::SpellingError,
    proof::{FailureCode, TargetRecord, verify::VerifyError},
};

/// Why a text or a row is not a complete proof record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The text is not JSON, or a field has the wrong type.
    #[error("not a proof record: {0}")]
    Json(#[from] serde_json::Error),
    /// A field is missing, and no default was given.
    #[error("the record has no {field}, and none was given")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// The text is a list, and not of one record.
    #[error("this is a list of {0} values, and not the record of one proof")]
    List(usize),
    /// A number has more bits than are supported. The contracts store 256.
    #[error("the record's {field} is not supported: {error}")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// What is wrong with its value.
        error: SpellingError,
    },
    /// The record contradicts a value that was given.
    #[error("the record's {field} is {got}, but {expected} was given")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// The given value.
        expected: String,
        /// The value in the record.
        got: String,
    },
    /// A field that repeats a part of the log differs from it.
    #[error("the record's {field} is {given}, but its log has {got}")]
    OtherThanLog {
        /// The field.
        field: &'static str,
        /// The value of the field.
        given: String,
        /// The value in the log.
        got: String,
    },
    /// The target does not name what its kind of root needs, or names more.
    #[error("the target of the record, {0}, does not name exactly what its kind of root needs")]
    Target(TargetRecord),
    /// The target lacks a field.
    #[error("the record's target has no {field}")]
    NoTarget {
        /// The field.
        field: &'static str,
    },
    /// The number of the transaction has more than 16 bits.
    #[error("the record's txNumberInBatch is {0}, but logs have numbers of 16 bits")]
    TxNumber(u64),
    /// The shard has more than 8 bits.
    #[error("the record's log is of shard {0}, which does not fit 8 bits")]
    Shard(u64),
    /// The record of a leaf of a batch root lacks the leaf.
    #[error("the record of a leaf has no value, which is the leaf itself")]
    NoLeaf,
    /// The index of a leaf is not that of its name.
    #[error("the record's leafIndex is {got}, but its leaf {leaf} has the index {}", .leaf.index())]
    LeafIndex {
        /// The leaf.
        leaf: BatchRootLeaf,
        /// The index in the record.
        got: u64,
    },
    /// A log in the form of an object lacks a field.
    #[error("the record's log has no {field}")]
    Log {
        /// The field.
        field: &'static str,
    },
    /// A field cannot be read.
    #[error("the record's {field} is damaged: {error}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with its value.
        error: SpellingError,
    },
    /// Two names of one fact have different values.
    #[error(
        "the record's {} is {}, but its {} is {}; both are the same fact",
        fields[0], values[0], fields[1], values[1]
    )]
    TwoValues {
        /// The names.
        fields: [&'static str; 2],
        /// Their values.
        values: [String; 2],
    },
    /// The calldata are not a valid proof.
    #[cfg(feature = "calldata")]
    #[error(transparent)]
    Calldata(#[from] CalldataError),
    /// The proof is in calldata. Reading calldata needs the feature `calldata`.
    #[error("the proof is in calldata, which this build cannot read: its feature calldata is off")]
    CalldataUnsupported,
    /// The proof is refused before a root is looked up.
    #[error(transparent)]
    Proof(#[from] VerifyError),
    /// A row of a Parquet file has no value in a required column.
    #[error("the row has no {column}")]
    Empty {
        /// The column.
        column: &'static str,
    },
    /// A value of a Parquet file has the wrong length.
    #[error("the row's {column} has {got} bytes, not {expected}")]
    Length {
        /// The column.
        column: &'static str,
        /// The expected length, in bytes.
        expected: usize,
        /// The length found, in bytes.
        got: usize,
    },
    /// A decimal of a Parquet file is negative or has more bits than are supported.
    #[error("the row's {column} is not supported: it is not a whole number of at most 64 bits")]
    Decimal {
        /// The column.
        column: &'static str,
    },
    /// The kind of root is unknown.
    #[error("the row's target_kind is not block, sl-batch or batch-root")]
    TargetKind,
    /// Two fields exclude each other.
    #[error("the record has both {one:?} and {other:?}; only one of them can be judged")]
    Both {
        /// One field.
        one: &'static str,
        /// The other field.
        other: &'static str,
    },
    /// The node has no proof.
    #[error("the node answered null: it had no proof")]
    Null,
    /// The node answered with an error.
    #[error("the node answered with an error: {0}")]
    Node(String),
}

impl RecordError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Missing { field: "chainId" } => FailureCode::ChainMissing,
            Self::Missing { field: "batchNumber" } => FailureCode::BatchMissing,
            Self::Missing { field: "id" } => FailureCode::IdMissing,
            Self::Missing { field: "proof" } | Self::List(_) => FailureCode::ProofMissing,
            Self::Missing { .. } => FailureCode::LogMissing,
            Self::TooLarge { .. } | Self::Decimal { .. } => FailureCode::NumberNotSupported,
            #[cfg(feature = "calldata")]
            Self::Calldata(CalldataError::TooLarge { .. }) => FailureCode::NumberNotSupported,
            Self::NoLeaf => FailureCode::LeafMissing,
            Self::OtherThanLog { .. } | Self::TxNumber(_) => FailureCode::LogMismatch,
            Self::Target(_) => FailureCode::TargetMismatch,
            Self::Proof(error) => error.code(),
            Self::CalldataUnsupported => FailureCode::CalldataUnsupported,
            Self::Null => FailureCode::NodeNull,
            Self::Node(_) => FailureCode::NodeError,
            _ => FailureCode::MalformedRecord,
        }
    }

    /// Whether the record lacks something that a verdict needs, or has what is not supported. Otherwise the record is
    /// refused.
    #[must_use]
    pub fn is_lack(&self) -> bool {
        #[cfg(feature = "calldata")]
        if let Self::Calldata(CalldataError::TooLarge { .. }) = self {
            return true;
        }
        matches!(
            self,
            Self::Missing { .. }
                | Self::List(_)
                | Self::TooLarge { .. }
                | Self::Decimal { .. }
                | Self::NoLeaf
                | Self::CalldataUnsupported
                | Self::Null
                | Self::Node(_)
        )
    }
}
