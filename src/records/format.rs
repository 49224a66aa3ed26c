use std::io;

use thiserror::Error;

use crate::proof::FailureCode;

/// The formats of proofs. Every build knows all of them, but refuses to write a format whose feature is off.
///
/// ```
/// use slproof::{Messages, ProofFormat, ProofOutput, Prover, Selection, Trees};
/// use slproof::{primitives::{BatchNumber, ChainId}, proof::RpcAnswer};
///
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("answer.json");
/// let one = Selection::log(ChainId(324), BatchNumber(501_234), 0);
/// let output = ProofOutput::create(&path)?.format(ProofFormat::Rpc);
/// Prover::new(trees, messages).job(one).write(output)?;
///
/// let answer: RpcAnswer = serde_json::from_slice(&std::fs::read(path)?)?;
/// assert_eq!(answer.id, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofFormat {
    /// One JSON object, or an array of them.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// An array of JSON objects in a page that shows them and checks them in the browser: evidence in one file.
    Bundle,
    /// One object per line, with the fields of a node's answer.
    Rpc,
    /// One object per line, with the ABI-encoded call that takes the proof. Needs the feature `calldata`.
    Calldata,
    /// Rows of a Parquet file. Needs the feature `parquet`.
    Parquet,
}

impl ProofFormat {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Json, Self::Ndjson, Self::Rpc, Self::Calldata, Self::Parquet, Self::Bundle];

    /// Refuses a format that this build does not support.
    pub(crate) fn check(self) -> Result<(), EncoderError> {
        let feature = match self {
            Self::Calldata if !cfg!(feature = "calldata") => "calldata",
            Self::Parquet if !cfg!(feature = "parquet") => "parquet",
            _ => return Ok(()),
        };
        Err(EncoderError::NoFormat { format: self, feature })
    }
}

/// An error from encoding records.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The format cannot hold a value.
    #[cfg(feature = "parquet")]
    #[error(transparent)]
    Parquet(#[from] super::parquet::EncodeError),
    /// The build does not support the format.
    #[error("this build has no {format:?}: its feature {feature} is off")]
    NoFormat {
        /// The format.
        format: ProofFormat,
        /// The feature that the format needs.
        feature: &'static str,
    },
    /// The compressor failed.
    #[error("cannot compress")]
    Compress(#[source] io::Error),
}

impl EncoderError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoFormat { .. } => FailureCode::FormatUnsupported,
            _ => FailureCode::WriteFailed,
        }
    }
}
