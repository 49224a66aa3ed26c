use std::{fmt, str::FromStr};

use thiserror::Error;

/// The releases of the contracts (era-contracts) whose storage layout and leaves are known.
///
/// The numbers 32 and 33 have two meanings. v32 and v33 of *ZKsync OS* are one release, atomic interop; v32 was its
/// name while it was developed. v32 and v33 of *Era* change nothing in these contracts, and are as v31. Only the
/// storage shows which of the two a state is of.
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
    /// Protocol v31: stores batch roots in MessageRoot. Also v32 and v33 of Era.
    V31,
    /// Protocol v32 or v33, of Era or of ZKsync OS.
    V33,
    /// Protocol v32 or v33 of ZKsync OS: batch leaves and roots by block have timestamps, and L1 is a settlement
    /// layer.
    AtomicInterop,
}

/// Every release with its names. The first one is the name in messages.
const NAMES: [(Release, &[&str]); 8] = [
    (Release::V26, &["v26"]),
    (Release::V27, &["v27"]),
    (Release::V28, &["v28"]),
    (Release::V29, &["v29"]),
    (Release::V30, &["v30"]),
    (Release::V31, &["v31", "era-v32", "era-v33"]),
    (Release::V33, &["v33", "v32"]),
    (Release::AtomicInterop, &["atomic-interop", "os-v32", "os-v33"]),
];

impl Release {
    /// The storage layout of the release: of v32 and v33 the one of ZKsync OS.
    #[must_use]
    pub fn layout(self) -> Layout {
        match self {
            Self::V26 | Self::V27 | Self::V28 => Layout::V26,
            Self::V29 | Self::V30 => Layout::V29,
            Self::V31 => Layout::V31,
            Self::V33 | Self::AtomicInterop => Layout::V33,
        }
    }

    /// Whether a state of the release may have this layout.
    #[must_use]
    pub fn may_have(self, layout: Layout) -> bool {
        layout == self.layout() || (self == Self::V33 && layout == Layout::V31)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = NAMES.iter().find(|(release, _)| release == self);
        f.write_str(of.map_or("", |(_, names)| names[0]))
    }
}

/// The release is not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "unknown release {0:?}: expected v26 to v33. The numbers v32 and v33 have two meanings: Era's (era-v32, era-v33), \
     which are as v31, and ZKsync OS' (os-v32, os-v33, atomic-interop), which have timestamps"
)]
pub struct UnknownRelease(String);

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        let lower = text.to_ascii_lowercase();
        let is_name = |name: &&str| *name == lower || name.strip_prefix('v') == Some(&lower);
        let found = NAMES.into_iter().find(|(_, names)| names.iter().any(&is_name));
        found.map(|(release, _)| release).ok_or_else(|| UnknownRelease(text.into()))
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
    /// v33 of ZKsync OS: also timestamps of batches and of roots by block.
    V33,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V26 => "v26 to v28",
            Self::V29 => "v29 or v30",
            Self::V31 => "v31",
            Self::V33 => "v33 of ZKsync OS (atomic interop)",
        })
    }
}

/// A layout of MessageRoot that is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForeignLayout {
    /// The draft of v33 that a preset of zksync-os-server for development has (`local-chains/v32.0`).
    #[error(
        "it is a draft of v33 that no public network has (preset local-chains/v32.0 of zksync-os-server), with \
         timestamps under slot 13 instead of 15"
    )]
    DraftOfV33,
    /// A release newer than this program knows.
    #[error(
        "it is newer than this program knows: slot {slot}, which no known release uses, is not zero"
    )]
    Newer {
        /// The first slot that no known release uses.
        slot: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_releases_are_refused() {
        assert_eq!("v29".parse(), Ok(Release::V29));
        assert_eq!("31".parse::<Release>().map(Release::layout), Ok(Layout::V31));
        for unknown in ["v34", "v25", "", "latest", "os-v31", "v"] {
            assert!(unknown.parse::<Release>().is_err(), "{unknown}");
        }
    }

    #[test]
    fn the_numbers_32_and_33_leave_the_layout_to_the_storage() {
        let layouts = |name: &str| {
            let release: Release = name.parse().unwrap();
            [Layout::V29, Layout::V31, Layout::V33].map(|layout| release.may_have(layout))
        };
        for name in ["v32", "33", "V33"] {
            assert_eq!(layouts(name), [false, true, true], "{name}");
        }
        for name in ["os-v32", "os-v33", "atomic-interop"] {
            assert_eq!(layouts(name), [false, false, true], "{name}");
        }
        for name in ["v31", "era-v32", "Era-v33"] {
            assert_eq!(layouts(name), [false, true, false], "{name}");
        }
        let names = [Layout::V26, Layout::V29, Layout::V31, Layout::V33].map(|at| at.to_string());
        assert_eq!(names, ["v26 to v28", "v29 or v30", "v31", "v33 of ZKsync OS (atomic interop)"]);
        let error = "v34".parse::<Release>().unwrap_err().to_string();
        assert!(error.contains("two meanings"), "{error}");
    }
}
