use std::{io, ops::Range};

use thiserror::Error;

/// Why a native file could not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The system refused to open or read it.
    #[error("cannot read {name}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// It does not begin like a native file.
    #[error("{name} is no file of slproof: {reason}")]
    NotNative {
        /// The file.
        name: String,
        /// What it begins with instead.
        reason: &'static str,
    },
    /// It was written by a newer release, or is damaged.
    #[error("{name} is of {what} version {found}; this release of slproof knows version {known}")]
    Version {
        /// The file.
        name: String,
        /// Whose version: the container's or the kind's.
        what: &'static str,
        /// The version in the file.
        found: u32,
        /// The version that this release reads.
        known: u32,
    },
    /// It is a native file of another kind.
    #[error("{name} is {found}, not {expected}")]
    Kind {
        /// The file.
        name: String,
        /// What it has to be.
        expected: &'static str,
        /// What it says that it is.
        found: String,
    },
    /// Its end is missing, or something was appended.
    #[error("{name} is cut short or was never finished: {reason}; it has to be made again")]
    CutShort {
        /// The file.
        name: String,
        /// What is missing.
        reason: String,
    },
    /// Its table or its trailer cannot be right.
    #[error("{name} is damaged at bytes {} to {}: {reason}; it has to be made again", range.start, range.end)]
    Damaged {
        /// The file.
        name: String,
        /// The bytes at fault.
        range: Range<u64>,
        /// What is wrong with them.
        reason: String,
    },
    /// A section differs from its checksum.
    #[error("{name}, section {section:?}, bytes {} to {}: the content differs from its checksum; the file has to be made again", range.start, range.end)]
    SectionDamaged {
        /// The file.
        name: String,
        /// The section.
        section: String,
        /// Its bytes.
        range: Range<u64>,
    },
    /// A section or a header is not what its kind demands.
    #[error("{name}, {part}: {reason}; the file has to be made again")]
    Content {
        /// The file.
        name: String,
        /// The section, or the header.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ContainerError {
    /// Whether the system refused to read, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Read { .. })
    }
}
