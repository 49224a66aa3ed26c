use std::{io, path::PathBuf};

use thiserror::Error;

use super::show_path::ShowPath;

/// Why an input could not be opened or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputError {
    /// The system could not open the file.
    #[error("cannot open {}", path.shown())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is that of a directory, not a file.
    #[error("{} is a directory, not a file", path.shown())]
    IsFolder {
        /// The directory.
        path: PathBuf,
    },
    /// Reading failed: an I/O error, damaged compression, or a tar archive of several files.
    #[error("cannot read {name}")]
    Read {
        /// The file, or "standard input".
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The input is empty.
    #[error("{name} is empty")]
    Empty {
        /// The file, or "standard input".
        name: String,
    },
    /// The input is compressed or packed in a way that is not read.
    #[error("{name} is {what}, which slproof does not read; unpack it first, with {command}")]
    Packed {
        /// The file, or "standard input".
        name: String,
        /// What it is, such as "a zip archive".
        what: &'static str,
        /// A command that unpacks it.
        command: &'static str,
    },
    /// The input is compressed or packed too many times.
    #[error(
        "{name} is compressed or packed more than {limit} times, one around the other; unpack it first"
    )]
    Nested {
        /// The file, or "standard input".
        name: String,
        /// The limit.
        limit: usize,
    },
    /// An input must be read twice, but is a pipe.
    #[error(
        "{name} has to be read twice, and a pipe can be read only once; write it to a file first"
    )]
    OneWay {
        /// The input.
        name: String,
    },
    /// An input that consists of files, or is mapped, comes from a pipe.
    #[error(
        "{name} is a pipe, which cannot be mapped or read twice; give the name of the file or directory"
    )]
    NoFile {
        /// The input.
        name: String,
    },
}

impl InputError {
    /// Whether the input itself is at fault (damaged compression, an empty file, a pipe), not the disk or the path.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Open { .. } => false,
            Self::IsFolder { .. }
            | Self::Empty { .. }
            | Self::Packed { .. }
            | Self::Nested { .. }
            | Self::OneWay { .. }
            | Self::NoFile { .. } => true,
            Self::Read { source, .. } => is_damage(source),
        }
    }
}

/// Whether a read error is caused by the data: damaged or truncated compression, or a decompression bomb.
#[must_use]
pub(crate) fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}
