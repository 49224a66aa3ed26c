use std::{io, ops::Range};

use thiserror::Error;

/// Why a native file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The system could not open or read the file.
    #[error("cannot read {name}")]
    Read {
        /// The file.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not a native file.
    #[error("{name} is not a native file of slproof: {reason}")]
    NotNative {
        /// The file.
        name: String,
        /// What is wrong with its first bytes.
        reason: &'static str,
    },
    /// The file was written by a newer release, or is damaged.
    #[error("{name} has {what} version {found}; this release of slproof reads version {known}")]
    Version {
        /// The file.
        name: String,
        /// What has this version: the container or the kind.
        what: &'static str,
        /// The version in the file.
        found: u32,
        /// The version that this release reads.
        known: u32,
    },
    /// The file is a native file of another kind.
    #[error("{name} is {found}, not {expected}")]
    Kind {
        /// The file.
        name: String,
        /// The expected kind.
        expected: &'static str,
        /// The kind of the file.
        found: String,
    },
    /// The end of the file is missing, or bytes were appended.
    #[error("{name} is cut short or was never finished: {reason}; create it again")]
    CutShort {
        /// The file.
        name: String,
        /// The missing part.
        reason: String,
    },
    /// The section table or the trailer is damaged.
    #[error("{name} is damaged at bytes {} to {}: {reason}; create it again", range.start, range.end)]
    Damaged {
        /// The file.
        name: String,
        /// The bytes at fault.
        range: Range<u64>,
        /// What is wrong with them.
        reason: String,
    },
    /// The checksum of a section differs.
    #[error("{name}, section {section:?}, bytes {} to {}: the content differs from its checksum; create the file again", range.start, range.end)]
    SectionDamaged {
        /// The file.
        name: String,
        /// The section.
        section: String,
        /// Its bytes.
        range: Range<u64>,
    },
    /// A section or the header is not valid for its kind.
    #[error("{name}, {part}: {reason}; create the file again")]
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
    /// Whether the cause is an I/O error, not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        matches!(self, Self::Read { .. })
    }
}
