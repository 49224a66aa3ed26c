//! Memory-mapping of files.
//!
//! A mapping is accessible only as bytes. The types that these bytes are read as have no invalid values, and
//! every offset and length is checked against the length of the mapping. If another process writes to the
//! file, reads return wrong values, which the tree hashes detect. If another process truncates it, the access
//! raises SIGBUS; [`sigbus`] turns this into an error that names the file.
#![allow(unsafe_code, reason = "mapping a file is unsafe; this module is the only one that does")]

use std::{
    fs::File,
    io,
    ops::{Deref, Range},
    path::Path,
};

use memmap2::{Mmap, MmapMut, MmapOptions};

use super::sigbus::{self, Registered};

/// How a native file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Maps the file: a page is read at the first access, and uses no heap memory.
    #[default]
    Map,
    /// Reads the whole file into memory.
    Read,
}

/// The bytes of a file, mapped or read.
#[derive(Debug)]
pub(super) enum FileBytes {
    /// The fields are dropped in this order: the mapping leaves the table of [`sigbus`] before it ends.
    Mapped {
        _registered: Registered,
        bytes: Mmap,
    },
    Read(Vec<u8>),
}

impl FileBytes {
    /// Maps or reads a file. `path` is the name in the error message if the file is truncated later.
    pub(super) fn of(file: &File, path: &Path, access: Access) -> io::Result<Self> {
        match access {
            Access::Map => {
                // SAFETY: the mapping is visible to the callers of this module only as `&[u8]`, which has no
                // invalid values. Another process that changes the file changes the bytes under a shared
                // reference. No code here relies on two reads of a byte being equal: offsets and lengths are
                // copied out and checked once, and slices of the mapping are bounded by its length.
                // Truncation raises SIGBUS, which ends the process without corrupting memory.
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

/// A mapped range of a file that is being written.
#[derive(Debug)]
pub(super) struct MapMut {
    _registered: Registered,
    bytes: MmapMut,
}

impl MapMut {
    /// Maps a range whose disk space is already allocated: a full disk cannot be reported for a write to a
    /// mapping.
    pub(super) fn of(file: &File, path: &Path, range: Range<u64>) -> io::Result<Self> {
        let len = usize::try_from(range.end - range.start)
            .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        // SAFETY: this process created the file under a temporary name. No other code in this process reads
        // or writes it while the mapping lives: the caller holds the only handle to it for that time. Its
        // bytes have no invalid values, and truncation raises SIGBUS, as above.
        let bytes = unsafe { MmapOptions::new().offset(range.start).len(len).map_mut(file)? };
        // In large pages of the file, whoever maps it later finds scattered places with a fraction of the page faults. A
        // system without them goes on as before.
        #[cfg(target_os = "linux")]
        let _ = bytes.advise(memmap2::Advice::HugePage);
        let registered = sigbus::register(&bytes, path);
        Ok(Self { _registered: registered, bytes })
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
