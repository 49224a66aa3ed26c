//! Whether files were replaced, told without reading them.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
};

use crate::files::{FileStamp, InputError, entries_of, metadata_of};

/// The most files that are looked at; further ones in a directory are not.
const MOST_FILES: usize = 1 << 16;

/// What identifies the content of some files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(PathBuf, Option<FileStamp>)>);

impl Stamp {
    /// The stamp of files, and of all files in directories.
    pub(super) fn of<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<Self, InputError> {
        let mut files = Vec::new();
        for path in paths {
            add(path, &mut files)?;
        }
        files.sort();
        files.dedup();
        Ok(Self(files))
    }
}

fn add(path: &Path, files: &mut Vec<(PathBuf, Option<FileStamp>)>) -> Result<(), InputError> {
    if files.len() >= MOST_FILES {
        return Ok(());
    }
    let found = metadata_of(path)?;
    if found.as_ref().is_some_and(Metadata::is_dir) {
        for entry in entries_of(path)? {
            // Links to directories are passed over, as they are when the directory is read.
            let entry = entry.path();
            if !(entry.is_symlink() && entry.is_dir()) {
                add(&entry, files)?;
            }
        }
        return Ok(());
    }
    files.push((path.to_owned(), found.as_ref().map(FileStamp::from)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_replaced_file_has_another_stamp_and_an_untouched_one_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = (folder.path().join("one"), folder.path().join(".new"));
        fs::write(&file, "1").unwrap();
        let stamp = || Stamp::of([folder.path(), Path::new("no/such/file")].into_iter()).unwrap();
        let before = stamp();
        assert_eq!(before, stamp());
        fs::write(&new, "2").unwrap();
        fs::rename(&new, &file).unwrap();
        assert_ne!(before, stamp());
        let before = stamp();
        fs::remove_file(&file).unwrap();
        assert_ne!(before, stamp());
    }
}
