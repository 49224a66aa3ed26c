use thiserror::Error;

use super::{BLOB_LEN, BlobError};
use crate::{
    archive::Place, files::InputError, ingest::state::ImportError, primitives::hex::HexError,
};

/// A blob, or a file of blobs, that could not be used.
#[derive(Debug, Error)]
#[error("{name}{place}")]
pub struct BlobFault {
    /// The file.
    pub name: String,
    /// The place in it.
    pub place: Place,
    /// What is wrong.
    pub source: BlobFaultKind,
}

/// What is wrong with a blob.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BlobFaultKind {
    /// It holds no pubdata of an Era chain. In the files of a beacon node this is usual: they have the blobs of
    /// everybody.
    #[error("the blob is none of an Era chain")]
    Foreign(#[from] BlobError),
    /// It has another length than a blob.
    #[error("a blob has {BLOB_LEN} bytes, this one has {0}; the file is damaged or cut off")]
    Length(usize),
    /// Its digits are damaged.
    #[error("the digits of the blob are damaged")]
    Digits(#[source] HexError),
    /// The entry only says where the blob is.
    #[error("has no blob, but says where it is stored; download it from there")]
    Elsewhere,
    /// The compression of the file is damaged, or it is empty.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The JSON is damaged or cut short.
    #[error(transparent)]
    Json(#[from] ImportError),
}

impl BlobFaultKind {
    /// Whether the blob is one of somebody else, and nothing is wrong.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(BlobError::Coefficient { .. }))
    }
}
