use std::{fmt, str::FromStr};

use thiserror::Error;

/// The releases of the contracts (era-contracts) whose storage layout and leaves are known.
///
/// A later release is refused: v32 is announced to change both the batch root and the batch leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Protocol v26: the first with a shared tree.
    V26,
    /// Protocol v27.
    V27,
    /// Protocol v28.
    V28,
    /// Protocol v29: adds roots by block.
    V29,
    /// Protocol v30.
    V30,
    /// Protocol v31: stores batch roots in MessageRoot.
    V31,
}

impl Release {
    /// The storage layout of the release.
    #[must_use]
    pub fn layout(self) -> Layout {
        match self {
            Self::V26 | Self::V27 | Self::V28 => Layout::V26,
            Self::V29 | Self::V30 => Layout::V29,
            Self::V31 => Layout::V31,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V26 => "v26",
            Self::V27 => "v27",
            Self::V28 => "v28",
            Self::V29 => "v29",
            Self::V30 => "v30",
            Self::V31 => "v31",
        })
    }
}

/// The release is not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown release {0:?}: expected v26, v27, v28, v29, v30 or v31")]
pub struct UnknownRelease(String);

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        Ok(match text.trim_start_matches(['v', 'V']) {
            "26" => Self::V26,
            "27" => Self::V27,
            "28" => Self::V28,
            "29" => Self::V29,
            "30" => Self::V30,
            "31" => Self::V31,
            _ => return Err(UnknownRelease(text.into())),
        })
    }
}

/// The storage layout of MessageRoot, named after the first release that has it. Releases with the same
/// layout cannot be distinguished by their storage, and need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// v26 to v28: the trees, no roots by block.
    V26,
    /// v29 and v30: also `historicalRoot` by block, written with every batch.
    V29,
    /// v31: also `chainBatchRoots`; `historicalRoot` is also written when a chain is added.
    V31,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V26 => "v26 to v28",
            Self::V29 => "v29 or v30",
            Self::V31 => "v31",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_releases_are_refused() {
        assert_eq!("v29".parse(), Ok(Release::V29));
        assert_eq!("31".parse::<Release>().map(Release::layout), Ok(Layout::V31));
        for unknown in ["v32", "v25", "", "latest"] {
            assert!(unknown.parse::<Release>().is_err());
        }
    }
}
