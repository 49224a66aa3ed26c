//! Tells the files of a snapshot from others in a directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::find::{BUCKET, CHUNK_ENDING, files_of, is_header_at};
use crate::files::{InputError, entries_of};

/// Whether a file is a chunk of a snapshot, by its name.
pub(in crate::ingest) fn is_chunk(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(CHUNK_ENDING.as_bytes())
}

/// The directory of the snapshot to which a chunk belongs.
pub(in crate::ingest) fn snapshot_of(chunk: &Path) -> PathBuf {
    let folder = chunk.parent().unwrap_or(chunk);
    match folder.parent() {
        Some(above) if folder.file_name().is_some_and(|name| name == BUCKET) => above.into(),
        _ => folder.into(),
    }
}

/// Whether a directory holds one snapshot and nothing else.
pub(in crate::ingest) fn is_snapshot_directory(path: &Path) -> Result<bool, InputError> {
    let files = files_of(path)?;
    let mut is_snapshot = files.iter().any(|file| is_chunk(file));
    for file in &files {
        is_snapshot = is_snapshot || is_header_at(file)?;
    }
    let is_part = |path: &PathBuf| files.contains(path) || path.ends_with(BUCKET);
    Ok(is_snapshot && entries_of(path)?.iter().map(fs::DirEntry::path).all(|path| is_part(&path)))
}
