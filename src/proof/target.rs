//! Which root proofs fold to.

use std::{fmt, num::ParseIntError, str::FromStr};

use thiserror::Error;

use crate::{
    primitives::{SlBatch, SlBlock},
    proof::FailureCode,
};

/// Which root proofs are to fold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// The interop root of the newest settlement layer block that the state has one of.
    Latest,
    /// The first interop root that contains the batch: that of the block in which it was executed.
    First,
    /// The interop root of a settlement layer's block.
    Block(SlBlock),
    /// The root of a settlement layer's own batch, as L1 stores it.
    SlBatch(SlBatch),
    /// The chain's own batch root.
    BatchRoot,
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetParseError {
    /// No target has this name.
    #[error(
        "{0:?} is no target; known are \"latest\", \"first\", \"block:N\", \"sl-batch:N\" and \
         \"batch-root\""
    )]
    Unknown(String),
    /// The number in the text is none.
    #[error("{text:?} names no block or batch")]
    Number {
        /// The text.
        text: String,
        /// What is wrong with the number.
        source: ParseIntError,
    },
}

impl TargetParseError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        FailureCode::UnknownTarget
    }
}

impl FromStr for Target {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let bad = |source| TargetParseError::Number { text: text.into(), source };
        match (text, text.split_once(':')) {
            ("latest", _) => Ok(Self::Latest),
            ("first", _) => Ok(Self::First),
            ("batch-root", _) => Ok(Self::BatchRoot),
            (_, Some(("block", number))) => number.parse().map(Self::Block).map_err(bad),
            (_, Some(("sl-batch", number))) => number.parse().map(Self::SlBatch).map_err(bad),
            _ => Err(TargetParseError::Unknown(text.into())),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::First => f.write_str("first"),
            Self::Block(block) => write!(f, "block:{block}"),
            Self::SlBatch(batch) => write!(f, "sl-batch:{batch}"),
            Self::BatchRoot => f.write_str("batch-root"),
        }
    }
}

impl Target {
    /// Whether the history of the roots is needed.
    #[must_use]
    pub fn needs_history(self) -> bool {
        matches!(self, Self::First | Self::Block(_) | Self::SlBatch(_))
    }
}
