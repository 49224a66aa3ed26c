//! Whether there is a file or a directory at a path. [`Path::is_file`] and similar methods return `false` when
//! the disk fails, and the caller would ignore the file. These functions return the error.

use std::{
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{InputError, show_path::ShowPath};

/// The metadata of the file or directory at a path. `None` if there is none, or only a link to nothing.
///
/// # Errors
/// [`InputError::Open`] when the disk fails.
pub fn metadata_of(path: &Path) -> Result<Option<Metadata>, InputError> {
    absent_is_none(path.metadata()).map_err(|source| InputError::Open { path: path.into(), source })
}

/// What identifies the content of a file without reading it: its inode, size and time of change. A file that is replaced
/// by renaming has another inode. The time of change, unlike that of modification, cannot be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileStamp([u64; 5]);

impl From<&Metadata> for FileStamp {
    fn from(found: &Metadata) -> Self {
        let (seconds, nanoseconds) = (found.ctime(), found.ctime_nsec());
        let (seconds, nanoseconds) = (seconds.cast_unsigned(), nanoseconds.cast_unsigned());
        Self([found.dev(), found.ino(), found.size(), seconds, nanoseconds])
    }
}

/// Whether there is a regular file at a path.
///
/// # Errors
/// As [`metadata_of`].
pub fn is_file(path: &Path) -> Result<bool, InputError> {
    Ok(metadata_of(path)?.is_some_and(|found| found.is_file()))
}

/// Whether there is a directory at a path.
///
/// # Errors
/// As [`metadata_of`].
pub fn is_directory(path: &Path) -> Result<bool, InputError> {
    Ok(metadata_of(path)?.is_some_and(|found| found.is_dir()))
}

/// The entries of a directory, in no particular order.
///
/// # Errors
/// [`InputError::Read`] when it cannot be read.
pub(crate) fn entries_of(directory: &Path) -> Result<Vec<DirEntry>, InputError> {
    // Unlike other calls, the standard library does not repeat this one after a signal.
    let open = || loop {
        match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    };
    open()
        .and_then(|entries| entries.collect())
        .map_err(|source| InputError::Read { name: directory.shown().to_string(), source })
}

/// Replaces the error for a path at which there is nothing by `None`.
pub(super) fn absent_is_none<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if is_absent(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether the error means that there is nothing at a path.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP))
}

/// The names of files in messages.
pub(crate) fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.shown().to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::{thread::sleep, time::Duration};

    use super::*;

    #[test]
    fn a_file_that_was_overwritten_has_another_stamp_even_if_its_time_is_set_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "one").unwrap();
        let before = metadata_of(file.path()).unwrap().unwrap();
        assert_eq!(FileStamp::from(&before), FileStamp::from(&file.as_file().metadata().unwrap()));
        // Longer than a tick of the clock of file systems.
        sleep(Duration::from_millis(50));
        fs::write(&file, "two").unwrap();
        file.as_file().set_modified(before.modified().unwrap()).unwrap();
        let after = metadata_of(file.path()).unwrap().unwrap();
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
        assert_ne!(FileStamp::from(&before), FileStamp::from(&after));
    }
}
