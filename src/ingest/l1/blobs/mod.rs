//! Blobs of L1, and the pubdata in them.
//!
//! | form | content |
//! | --- | --- |
//! | bytes | one blob or several, back to back; also SSZ sidecars of a beacon node |
//! | digits | the same as hexadecimal text |
//! | JSON | strings of digits, anywhere: objects of Blobscan, `blob_sidecars` and `blobs` of a beacon node, objects of blob-archiver |
//!
//! Which blob is which is found by content: the keccak256 of its pubdata, which is a linear hash in the commit of a
//! batch. So names, versioned hashes and the order of files do not matter, and blobs of others are told apart.

mod decode;
mod error;
mod field;
mod form;
mod reader;
mod store;

pub use decode::{BLOB_LEN, BLOB_PUBDATA_LEN, BlobDecoder, BlobError};
pub use error::{BlobFault, BlobFaultKind};
pub use store::{BlobCounts, Blobs};

/// Whether a file that begins with `head` holds blobs.
pub(in crate::ingest) fn are_blobs(head: &[u8]) -> bool {
    form::Form::of(head).is_some()
}
