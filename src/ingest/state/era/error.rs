use std::{io, path::PathBuf};

use thiserror::Error;

use crate::files::{InputError, ShowPath};

/// Why a snapshot of a zksync-era node could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EraError {
    /// The directory or a chunk could not be opened or read, or its gzip is damaged.
    #[error("cannot read {}", path.shown())]
    Read {
        /// The directory or the chunk.
        path: PathBuf,
        /// The error of the system, or of the decompression.
        source: io::Error,
    },
    /// A header could not be opened or read, is empty, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The header is invalid.
    #[error("{}: {reason}", path.shown())]
    Header {
        /// The header.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory does not hold exactly one snapshot.
    #[error("{}: {reason}", folder.shown())]
    Folder {
        /// The directory.
        folder: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Chunks are missing.
    #[error(
        "the snapshot of batch {batch} is incomplete: {missing}; put all chunks into one directory"
    )]
    MissingChunk {
        /// The SL batch of the snapshot.
        batch: u32,
        /// Which chunks are missing, by file or id; the first of them if there are many.
        missing: String,
    },
    /// A chunk is not a valid protobuf message.
    #[error("{}, byte {offset} after inflating: {reason}", path.shown())]
    Chunk {
        /// The chunk.
        path: PathBuf,
        /// The offset of the record.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// An enumeration index is invalid.
    #[error("{}, record {record}: {reason}", path.shown())]
    Index {
        /// The chunk.
        path: PathBuf,
        /// The number of the record, from 1.
        record: u64,
        /// What is wrong with the index.
        reason: String,
    },
}

impl EraError {
    /// Whether reading failed, rather than the content being invalid.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Read { source, .. } => !crate::files::is_damage(source),
            Self::Input(error) => !error.is_damage(),
            _ => false,
        }
    }
}
