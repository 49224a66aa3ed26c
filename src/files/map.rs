//! The one place where files are mapped into memory.
//!
//! A mapping is only ever seen as bytes: whatever they are read as has no invalid values, and every
//! offset and length in them is checked against the length that was mapped. So a file that somebody
//! writes to meanwhile gives wrong values, which the hash chains catch, and a file that somebody
//! truncates gives a SIGBUS, which [`sigbus`] turns into an error that names it.
#![allow(unsafe_code, reason = "mapping a file is unsafe; this module is the only one that does")]

use std::{
    fs::File,
    io,
    ops::{Deref, Range},
    path::Path,
};

use memmap2::{Mmap, MmapMut, MmapOptions};

use super::sigbus::{self, Registered};

/// How the bytes of a native file are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// By a mapping: pages are read when they are first touched, and belong to nobody's heap.
    #[default]
    Map,
    /// By reading the whole file into memory at once.
    Read,
}

/// The bytes of a file, mapped or read.
#[derive(Debug)]
pub(super) enum FileBytes {
    /// The fields are dropped in this order: the table forgets the mapping first.
    Mapped {
        _registered: Registered,
        bytes: Mmap,
    },
    Read(Vec<u8>),
}

impl FileBytes {
    /// Makes the bytes of a file accessible. `path` names it should it be truncated meanwhile.
    pub(super) fn of(file: &File, path: &Path, access: Access) -> io::Result<Self> {
        match access {
            Access::Map => {
                // SAFETY: the mapping is private to this module's callers as `&[u8]`, which has no
                // invalid values. Another process that changes the file changes the bytes under a
                // shared reference; nothing here relies on two reads of a byte agreeing: offsets and
                // lengths are copied out and checked once, and slices of the mapping are bounded by
                // its length. Truncation raises SIGBUS, which ends the process and does not corrupt.
                let bytes = unsafe { Mmap::map(file)? };
                let registered = sigbus::register(&bytes, path);
                Ok(Self::Mapped { _registered: registered, bytes })
            }
            Access::Read => {
                let mut bytes = Vec::new();
                let mut file = file;
                io::Read::read_to_end(&mut file, &mut bytes)?;
                Ok(Self::Read(bytes))
            }
        }
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped { bytes, .. } => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

/// A range of a file that is being written, filled in place.
#[derive(Debug)]
pub(super) struct MapMut {
    _registered: Registered,
    bytes: MmapMut,
}

impl MapMut {
    /// Maps a range that the file has space for on disk already: a write to a mapping that finds the
    /// disk full cannot be reported.
    pub(super) fn of(file: &File, path: &Path, range: Range<u64>) -> io::Result<Self> {
        let len = usize::try_from(range.end - range.start)
            .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        // SAFETY: the file is a temporary one that this process created under a name that nobody was
        // told, and nothing else in this process reads or writes it while the mapping lives: the
        // caller holds the only handle of it for that long. Its bytes have no invalid values, and
        // truncation raises SIGBUS, as above.
        let bytes = unsafe { MmapOptions::new().offset(range.start).len(len).map_mut(file)? };
        let registered = sigbus::register(&bytes, path);
        Ok(Self { _registered: registered, bytes })
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
