use std::{io, path::PathBuf};

use thiserror::Error;

use crate::files::InputError;

/// Why a snapshot of a zksync-era node could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EraError {
    /// The folder or a chunk could not be opened or read, or its gzip is damaged.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder or the chunk.
        path: PathBuf,
        /// What the system says, or what is wrong with the gzip.
        source: io::Error,
    },
    /// A header could not be opened or read, is empty, or its compression is damaged.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The header cannot be right.
    #[error("{}: {reason}", path.display())]
    Header {
        /// The header.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder does not hold one snapshot.
    #[error("{}: {reason}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Chunks are not there.
    #[error(
        "the snapshot of batch {batch} is incomplete: {missing}; put all chunks into one directory"
    )]
    MissingChunk {
        /// The SL batch of the snapshot.
        batch: u32,
        /// Which chunks are missing, by file or id; the first of them if there are many.
        missing: String,
    },
    /// A chunk is not the protobuf message that it should be.
    #[error("{}, byte {offset} after inflating: {reason}", path.display())]
    Chunk {
        /// The chunk.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// An enumeration index cannot be right.
    #[error("{}, record {record}: {reason}", path.display())]
    Index {
        /// The chunk.
        path: PathBuf,
        /// Which of its records, from 1.
        record: u64,
        /// What is wrong with the index.
        reason: String,
    },
}

impl EraError {
    /// Whether the system refused to read, and not the content.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Read { source, .. } => !crate::files::is_damage(source),
            Self::Input(error) => !error.is_damage(),
            _ => false,
        }
    }
}
