use std::{fmt, str::FromStr};

use thiserror::Error;

/// The releases of the contracts (era-contracts) whose storage and leaves this program knows.
///
/// A later release is refused instead of guessed: v32 is announced to change both the batch root and
/// the batch leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// Protocol v26: the first with a shared tree.
    V26,
    /// Protocol v27.
    V27,
    /// Protocol v28.
    V28,
    /// Protocol v29: roots by block.
    V29,
    /// Protocol v30.
    V30,
    /// Protocol v31: batch roots in MessageRoot.
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

/// A release that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("release {0:?} is not known; known are v26, v27, v28, v29, v30 and v31")]
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

/// What MessageRoot keeps, named by the first release that keeps it. Releases of one layout cannot be
/// told apart by their storage, and need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// v26 to v28: the trees, and no root by block.
    V26,
    /// v29 and v30: `historicalRoot` by block as well, written with every batch.
    V29,
    /// v31: `chainBatchRoots` as well; `historicalRoot` is written with every chain too.
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
