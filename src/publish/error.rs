use std::path::PathBuf;

use thiserror::Error;

use crate::{
    archive::ArchiveError,
    files::{OutputError, ShowPath},
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
    proof::FailureCode,
    prove::Error,
};

/// Why a directory cannot be written or does not hold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The trees or the archive cannot be read.
    #[error(transparent)]
    Proving(#[from] Error),
    /// A file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file of the directory cannot be read or written.
    #[error("{}", path.shown())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the directory is not what its place says.
    #[error("{}: {reason}", path.shown())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The directory has parts of a batch that the archive lacks. They would be lost.
    #[error(
        "the directory has {what} of batch {batch} of chain {chain}, which the archive lacks; publish all archives \
         together"
    )]
    LackingPart {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What it lacks.
        what: &'static str,
    },
    /// The directory has a batch that the archive lacks. Its index would be lost.
    #[error("the directory has batch {batch} of chain {chain}, which the archive lacks")]
    Lacking {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The directory has proofs to another root of a block than the trees have.
    #[error(
        "the proofs of batch {batch} of chain {chain} in the directory lead to the root {published} of block {block}, but \
         the trees have {given} there: they are of another history; publish them into another directory"
    )]
    OtherHistory {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The block.
        block: SlBlock,
        /// The root to which the proofs lead.
        published: Hash,
        /// The root that the trees have.
        given: Hash,
    },
}

impl From<ArchiveError> for PublishError {
    fn from(error: ArchiveError) -> Self {
        Self::Proving(error.into())
    }
}

impl PublishError {
    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Proving(error) => error.code(),
            Self::Output(_) => FailureCode::WriteFailed,
            Self::File { .. } => FailureCode::ReadFailed,
            Self::Damaged { .. } => FailureCode::InputDamaged,
            Self::OtherHistory { .. } => FailureCode::TreeDiffers,
            Self::Lacking { .. } | Self::LackingPart { .. } => FailureCode::BatchNotArchived,
        }
    }
}
