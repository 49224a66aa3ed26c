//! Temporary storage for data that do not fit into memory.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use tempfile::TempDir;

use super::{
    OutputError, Pool, create,
    output::{Unfinished, folder_of},
    put_ahead::put_ahead,
    show_path::ShowPath,
};

/// A temporary directory, which is removed with its files when it is dropped, or when a signal ends the process.
#[derive(Debug)]
pub(crate) struct TemporaryDirectory {
    directory: TempDir,
    _listed: Unfinished,
}

impl TemporaryDirectory {
    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Creates a temporary directory in that which `TMPDIR` names.
///
/// # Errors
/// [`OutputError`] when the directory cannot be written to.
pub(crate) fn temporary_directory() -> Result<TemporaryDirectory, OutputError> {
    let (directory, listed) = Unfinished::directory()
        .map_err(|source| OutputError { name: "a temporary directory".into(), source })?;
    Ok(TemporaryDirectory { directory, _listed: listed })
}

/// A temporary file without a name. The system removes it when the process ends in any way. It is in the
/// directory of an output, whose disk must have space for about as much data.
#[derive(Debug)]
pub struct Scratch {
    name: String,
    file: File,
    len: u64,
}

impl Scratch {
    /// The bytes that one thread reads at once.
    const PIECE: usize = 1 << 19;

    /// Creates a file beside the output `target`.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to.
    pub fn beside(target: &Path) -> Result<Self, OutputError> {
        let name = format!("a temporary file beside {}", target.shown());
        match create::nameless(folder_of(target)) {
            Ok(file) => Ok(Self { name, file, len: 0 }),
            Err(source) => Err(OutputError { name, source }),
        }
    }

    /// Creates a file in the directory that `TMPDIR` names.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to.
    pub fn temporary() -> Result<Self, OutputError> {
        let directory = std::env::temp_dir();
        let name = format!("a temporary file in {}", directory.shown());
        match create::nameless(&directory) {
            Ok(file) => Ok(Self { name, file, len: 0 }),
            Err(source) => Err(OutputError { name, source }),
        }
    }

    /// Appends bytes and returns their offset.
    ///
    /// # Errors
    /// [`OutputError`] when the disk is full or fails.
    pub fn append(&mut self, bytes: &[u8]) -> Result<u64, OutputError> {
        self.file.write_all(bytes).map_err(|source| self.error(source))?;
        let start = self.len;
        self.len += bytes.len() as u64;
        Ok(start)
    }

    /// Reads appended bytes, many of them on all threads.
    ///
    /// # Errors
    /// [`OutputError`] when the disk fails.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), OutputError> {
        let read = |(piece, buffer): (usize, &mut [u8])| {
            self.file.read_exact_at(buffer, offset + (piece * Self::PIECE) as u64)
        };
        let read = match buffer.len() <= Self::PIECE {
            true => read((0, buffer)),
            false => buffer.par_chunks_mut(Self::PIECE).enumerate().try_for_each(read),
        };
        read.map_err(|source| self.error(source))
    }

    /// The number of bytes appended.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.len
    }

    fn error(&self, source: io::Error) -> OutputError {
        OutputError { name: self.name.clone(), source }
    }
}

/// A queue of bytes of any length: in memory up to a limit, the rest in a [`Scratch`] file.
#[derive(Debug)]
pub struct Spool {
    target: PathBuf,
    limit: usize,
    memory: Vec<u8>,
    scratch: Option<Scratch>,
}

impl Spool {
    const CHUNK: usize = 1 << 20;
    /// When there is a file, fewer bytes than this wait in memory for others.
    const LEAST_APPENDED: usize = 1 << 16;

    /// An empty queue that keeps up to `limit` bytes in memory, and the rest in a file beside the output
    /// `target`.
    #[must_use]
    pub fn beside(target: &Path, limit: usize) -> Self {
        Self { target: target.into(), limit, memory: Vec::new(), scratch: None }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`OutputError`] when the disk is full or fails.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let most = if self.scratch.is_some() { Self::LEAST_APPENDED } else { self.limit };
        if !self.memory.is_empty() && self.memory.len() + bytes.len() > most {
            let scratch = match &mut self.scratch {
                Some(scratch) => scratch,
                none => none.insert(Scratch::beside(&self.target)?),
            };
            scratch.append(&self.memory)?;
            self.memory = Vec::new();
        }
        match &mut self.scratch {
            Some(scratch) if bytes.len() >= Self::LEAST_APPENDED => {
                scratch.append(bytes)?;
            }
            _ => self.memory.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// Passes all bytes to `take`, in chunks, in the order in which they were appended. A chunk is read while `take` has the
    /// one before.
    ///
    /// # Errors
    /// The error of `take`, and [`OutputError`] when the disk fails.
    pub fn drain<E: From<OutputError> + Send>(
        self,
        mut take: impl FnMut(&[u8]) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let Self { memory, scratch, .. } = self;
        if let Some(scratch) = &scratch {
            let (free, mut at) = (Pool::<Vec<u8>>::default(), 0);
            let next = || {
                let len = usize::try_from(scratch.written() - at)
                    .map_or(Self::CHUNK, |rest| rest.min(Self::CHUNK));
                let mut piece = free.take().unwrap_or_default();
                piece.resize(len, 0);
                scratch.read(at, &mut piece)?;
                at += len as u64;
                Ok((!piece.is_empty()).then_some(piece))
            };
            put_ahead::<_, E>(next, |piece| {
                take(&piece)?;
                // Its bytes are kept, so that they are not cleared before others are read.
                free.put(piece);
                Ok(())
            })?;
        }
        // In chunks: for one large write, some systems try to allocate cache pages as large as the write.
        let rest = || memory.chunks(Self::CHUNK).try_for_each(take);
        // The system takes long to remove the file.
        rayon::join(rest, || drop(scratch)).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_returns_its_bytes_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        for limit in [0, 10, 100, 1 << 20] {
            let mut spool = Spool::beside(&target, limit);
            let mut expected = Vec::new();
            for i in 0..100u8 {
                let len = if i % 10 == 3 { 70_000 } else { usize::from(i) % 7 };
                let bytes = vec![i; len];
                spool.put(&bytes).unwrap();
                expected.extend_from_slice(&bytes);
            }
            let mut all = Vec::new();
            spool
                .drain(|piece| {
                    all.extend_from_slice(piece);
                    Ok::<_, OutputError>(())
                })
                .unwrap();
            assert_eq!(all, expected, "{limit}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing left over");
    }
}
