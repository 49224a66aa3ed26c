use thiserror::Error;

#[cfg(feature = "calldata")]
use crate::proof::calldata::CalldataError;
use crate::{
    primitives::hex,
    proof::{FailureCode, verify::VerifyError},
};

/// Why a text or a row is no record of a proof, or not a whole one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It is not JSON, or a field is of the wrong type.
    #[error("not a proof record: {0}")]
    Json(#[from] serde_json::Error),
    /// A field is missing, and it was not given either.
    #[error("the record has no {field}, and none was given")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// The words of the proof are missing.
    #[error("the record has no proof; give a record of slproof or a node's whole answer")]
    NoProof,
    /// The record contradicts what was given.
    #[error("the record's {field} is {got}, not {expected} as given")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// What was given.
        expected: String,
        /// What the record says.
        got: String,
    },
    /// A field repeats a part of the log, and says something else.
    #[error("the record's {field} is {said}, that of its log is {got}")]
    OtherThanLog {
        /// The field.
        field: &'static str,
        /// What the field says.
        said: String,
        /// What the log says.
        got: String,
    },
    /// The message is not hexadecimal.
    #[error("the record's message is damaged: {0}")]
    Message(#[from] hex::HexError),
    /// The calldata give no proof.
    #[cfg(feature = "calldata")]
    #[error(transparent)]
    Calldata(#[from] CalldataError),
    /// The proof is in calldata, which only the feature `calldata` can read.
    #[error(
        "the proof is in calldata, and this build cannot read them: its feature calldata is off"
    )]
    CalldataUnsupported,
    /// The proof is refused before any root is looked up.
    #[error(transparent)]
    Proof(#[from] VerifyError),
    /// A row of a Parquet file lacks a value.
    #[error("the row has no {column}")]
    Empty {
        /// The column.
        column: &'static str,
    },
    /// A value of a Parquet file has another length than all such values.
    #[error("the row's {column} has {got} bytes, not {expected}")]
    Length {
        /// The column.
        column: &'static str,
        /// The length that was expected, in bytes.
        expected: usize,
        /// The length that was found.
        got: usize,
    },
    /// A kind of root that is not known.
    #[error("the row's target_kind is not block, sl-batch or batch-root")]
    TargetKind,
    /// Two fields of which one would not be looked at.
    #[error("the record has {one:?} and {other:?}, of which only one can be judged; leave one out")]
    Both {
        /// The one field.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The node had no proof.
    #[error("the node answered null: it had no proof")]
    Null,
    /// The node answered with an error.
    #[error("the node answered with an error: {0}")]
    Node(String),
}

impl RecordError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Missing { field: "chainId" } => FailureCode::ChainMissing,
            Self::Missing { field: "batchNumber" } => FailureCode::BatchMissing,
            Self::Missing { field: "id" } => FailureCode::IdMissing,
            Self::Missing { .. } => FailureCode::LogMissing,
            Self::OtherThanLog { .. } => FailureCode::LogMismatch,
            Self::Proof(error) => error.code(),
            Self::CalldataUnsupported => FailureCode::CalldataUnsupported,
            Self::Null => FailureCode::NodeNull,
            Self::Node(_) => FailureCode::NodeError,
            _ => FailureCode::MalformedRecord,
        }
    }

    /// Whether something is missing that a proof is judged by, so that nothing can be said of it; else it
    /// is refused.
    #[must_use]
    pub fn is_lack(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::CalldataUnsupported | Self::Null | Self::Node(_)
        )
    }
}
