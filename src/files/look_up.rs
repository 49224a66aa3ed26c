//! What is at a path. [`Path::is_file`] and its like return `false` when the disk fails, and a file would be
//! passed over without a word. These functions return the error.

use std::{
    fs::{self, DirEntry, Metadata},
    io,
    path::Path,
};

use super::InputError;

/// The metadata of what a path leads to. `None` if that is nothing: there is no such name, or it is a link
/// that leads nowhere.
///
/// # Errors
/// [`InputError::Open`] when the system cannot tell.
pub fn metadata_of(path: &Path) -> Result<Option<Metadata>, InputError> {
    absent_is_none(path.metadata()).map_err(|source| InputError::Open { path: path.into(), source })
}

/// Whether a path leads to a regular file.
///
/// # Errors
/// As [`metadata_of`].
pub fn is_file(path: &Path) -> Result<bool, InputError> {
    Ok(metadata_of(path)?.is_some_and(|found| found.is_file()))
}

/// Whether a path leads to a directory.
///
/// # Errors
/// As [`metadata_of`].
pub fn is_directory(path: &Path) -> Result<bool, InputError> {
    Ok(metadata_of(path)?.is_some_and(|found| found.is_dir()))
}

/// The entries of a directory, in no order.
///
/// # Errors
/// [`InputError::Read`] when it cannot be read.
pub(crate) fn entries_of(folder: &Path) -> Result<Vec<DirEntry>, InputError> {
    // The standard library does not repeat this call after a signal, as it does others.
    let open = || loop {
        match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    };
    open()
        .and_then(|entries| entries.collect())
        .map_err(|source| InputError::Read { name: folder.display().to_string(), source })
}

/// `None` in place of the error for a path that leads to nothing.
pub(super) fn absent_is_none<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if is_absent(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether the error means that a path leads to nothing.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP))
}
