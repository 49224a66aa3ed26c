use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use crate::ingest::FileKind;

/// Files of L1, each of a known kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L1Files {
    /// The files with transactions, or with receipts of them.
    pub transactions: Vec<PathBuf>,
    /// The files with receipts that may be of these transactions, or of a ZKsync chain.
    pub receipts: Vec<PathBuf>,
    /// The files with blobs.
    pub blobs: Vec<PathBuf>,
}

impl L1Files {
    /// Adds a file of this kind. One that is not recognized is read as transactions, whose reader says what is wrong.
    pub fn add(&mut self, path: PathBuf, kind: Option<FileKind>) {
        match kind {
            Some(FileKind::Blobs) => self.blobs.push(path),
            Some(kind) if kind.may_be_of_l1() => self.receipts.push(path),
            _ => self.transactions.push(path),
        }
    }

    /// Adds files that are not there yet.
    pub fn join(&mut self, others: Self) {
        let known: HashSet<PathBuf> = self.paths().map(Path::to_owned).collect();
        let is_new = |path: &PathBuf| !known.contains(path);
        self.transactions.extend(others.transactions.into_iter().filter(is_new));
        self.receipts.extend(others.receipts.into_iter().filter(is_new));
        self.blobs.extend(others.blobs.into_iter().filter(is_new));
    }

    /// The number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transactions.len() + self.receipts.len() + self.blobs.len()
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All files: those with transactions, those with receipts, then those with blobs.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.transactions.iter().chain(&self.receipts).chain(&self.blobs).map(PathBuf::as_path)
    }

    /// Whether these are the same files as others, in any order.
    #[must_use]
    pub fn are(&self, others: &Self) -> bool {
        let known: HashSet<&Path> = self.paths().collect();
        self.len() == others.len() && others.paths().all(|path| known.contains(path))
    }
}
