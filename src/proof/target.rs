//! The root that proofs fold to.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    primitives::{SlBatch, SlBlock},
    proof::FailureCode,
};

/// The root that proofs shall fold to.
///
/// ```
/// use slproof::{Target, primitives::SlBlock};
///
/// assert_eq!("block:0xf2".parse(), Ok(Target::Block(SlBlock(242))));
/// assert_eq!(Target::BatchRoot.to_string(), "batch-root");
/// assert!("242".parse::<Target>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// The interop root of the newest settlement layer block that has one in the state.
    Latest,
    /// The first interop root that contains the batch, which is that of the block in which it was executed.
    First,
    /// The interop root of a settlement layer's block.
    Block(SlBlock),
    /// The root of a settlement layer's own batch, as L1 stores it.
    SlBatch(SlBatch),
    /// The root of the settlement layer's own batch in which the batch was executed, which is what nodes
    /// answer by default. If L1's state is known and L1 does not accept that one for the batch (v31), the
    /// last SL batch that L1 accepts for it.
    FirstSlBatch,
    /// The chain's own batch root.
    BatchRoot,
}

/// Why a text does not name a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetParseError {
    /// The text is not the name of a target.
    #[error(
        "unknown target {0:?}; the targets are \"latest\", \"first\", \"block:N\", \"sl-batch:N\", \
         \"sl-batch:first\" and \"batch-root\""
    )]
    Unknown(String),
    /// The number in the text is invalid.
    #[error("{text:?} does not name a block or batch: invalid number")]
    Number {
        /// The text.
        text: String,
        /// Why the number is invalid.
        source: ParseIntError,
    },
}

impl TargetParseError {
    /// The stable code of this error.
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
            ("sl-batch:first", _) => Ok(Self::FirstSlBatch),
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
            Self::FirstSlBatch => f.write_str("sl-batch:first"),
            Self::BatchRoot => f.write_str("batch-root"),
        }
    }
}

impl Target {
    /// Whether the target needs the history of the roots.
    #[must_use]
    pub fn needs_history(self) -> bool {
        matches!(self, Self::First | Self::Block(_) | Self::SlBatch(_) | Self::FirstSlBatch)
    }

    /// The kind of root that proofs against the target fold to.
    #[must_use]
    pub fn kind(self) -> TargetKind {
        match self {
            Self::Latest | Self::First | Self::Block(_) => TargetKind::Block,
            Self::SlBatch(_) | Self::FirstSlBatch => TargetKind::SlBatch,
            Self::BatchRoot => TargetKind::BatchRoot,
        }
    }
}

/// The kinds of roots that proofs fold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// The interop root of a settlement layer's block.
    Block,
    /// The root of a settlement layer's batch, as L1 stores it.
    SlBatch,
    /// The batch root of the chain itself.
    BatchRoot,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_a_text_and_some_need_the_history() {
        for (text, target, needs_history) in [
            ("latest", Target::Latest, false),
            ("first", Target::First, true),
            ("block:214", Target::Block(SlBlock(214)), true),
            ("sl-batch:31", Target::SlBatch(SlBatch(31)), true),
            ("sl-batch:first", Target::FirstSlBatch, true),
            ("batch-root", Target::BatchRoot, false),
        ] {
            assert_eq!(text.parse(), Ok(target));
            assert_eq!(target.to_string(), text);
            assert_eq!(target.needs_history(), needs_history, "{text}");
        }
        for text in ["block:", "block:x", "sl-batch:-1", "block", "latest:1", "newest", ""] {
            let error = text.parse::<Target>().unwrap_err();
            assert_eq!(error.code(), FailureCode::UnknownTarget);
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
