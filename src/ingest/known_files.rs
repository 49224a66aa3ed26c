//! The kinds of files that were found before.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::FileKind;
use crate::files::{FileStamp, ReadProgressHandle};

/// The kinds of files that were found before, so that a file is not read again to find its kind. Cheap to clone: clones
/// share what they know.
///
/// What is known of a file is used while the file has the same inode, size and time of change. It only tells how the file
/// is read; every reader checks the content.
#[derive(Clone, Debug, Default)]
pub struct KnownFiles {
    files: Arc<Mutex<HashMap<PathBuf, Remembered>>>,
    watcher: ReadProgressHandle,
}

/// What is known of a file on the disk, or of a file in an archive.
#[derive(Debug)]
struct Remembered {
    /// That of the file on the disk.
    stamp: FileStamp,
    files: Vec<KnownFile>,
}

/// A file whose kind is known.
#[derive(Clone, Debug)]
pub(super) struct KnownFile {
    pub(super) path: PathBuf,
    /// The archive that holds it, if that has several files.
    pub(super) archive: Option<PathBuf>,
    pub(super) kind: Option<FileKind>,
    pub(super) columns: Vec<String>,
}

impl KnownFiles {
    /// Nothing is known yet. The bytes that are read to find kinds are reported to `watcher`, and those of the files of
    /// L1 when they are read as evidence.
    #[must_use]
    pub fn watched(watcher: ReadProgressHandle) -> Self {
        Self { watcher, ..Self::default() }
    }

    /// The receiver of the bytes that are read.
    #[must_use]
    pub fn watcher(&self) -> &ReadProgressHandle {
        &self.watcher
    }

    /// The file at a path, or the files of the archive there. `None` if nothing is known, or the file on the disk has
    /// changed.
    pub(super) fn at(&self, path: &Path, stamp: FileStamp) -> Option<Vec<KnownFile>> {
        let files = self.files();
        let known = files.get(path).filter(|known| known.stamp == stamp)?;
        Some(known.files.clone())
    }

    /// Notes what is at a path. If these are not all files of an archive there, only they are known, and not the archive.
    pub(super) fn remember(
        &self,
        path: &Path,
        stamp: FileStamp,
        found: Vec<KnownFile>,
        are_all: bool,
    ) {
        let mut files = self.files();
        for file in found.iter().filter(|file| file.archive.is_some()) {
            files.insert(file.path.clone(), Remembered { stamp, files: vec![file.clone()] });
        }
        if are_all {
            files.insert(path.to_owned(), Remembered { stamp, files: found });
        }
    }

    fn files(&self) -> MutexGuard<'_, HashMap<PathBuf, Remembered>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
