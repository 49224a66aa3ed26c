//! The container of the native files: snapshots (`*.slsnap`), tree files (`*.sltree`) and message
//! archives (`*.slmsg`).
//!
//! A container is a sequence of named sections, followed by the section table with their positions, a header,
//! and a trailer, which is written last. It is written once from start to end and never changed. The contents
//! of sections and header depend on the kind; the module of each kind documents them.
//!
//! All integers are little-endian and of fixed width; offsets count bytes from the start of the file.
//!
//! ```text
//! offset
//! 0            ┌───────────────────────────────────────┐
//!              │ preamble                     64 bytes │
//! 64           ├───────────────────────────────────────┤
//!              │ section 0                             │
//!              │ zeros up to a multiple of 64          │
//!              ├───────────────────────────────────────┤
//!              │ section 1, zeros, …                   │
//! footer       ├───────────────────────────────────────┤
//!              │ section table    64 bytes per section │
//!              │ header                 `header` bytes │
//!              │ zeros up to a multiple of 64          │
//! length − 64  ├───────────────────────────────────────┤
//!              │ trailer                      64 bytes │
//! length       └───────────────────────────────────────┘
//!
//! preamble                                section table, a row
//!  0  magic                8 bytes         0  name, zeros after it  8 bytes
//!  8  container version    u32             8  offset                u64
//! 12  kind                 4 bytes        16  length                u64
//! 16  kind's version       u32            24  zeros                 8 bytes
//! 20  zeros                44 bytes       32  BLAKE3 of the section 32 bytes
//!
//! trailer
//!  0  offset of the section table    u64
//!  8  number of sections             u32
//! 12  length of the header           u32
//! 16  length of the file             u64
//! 24  magic of the end               8 bytes
//! 32  BLAKE3 of preamble ‖ everything from the section table to here   32 bytes
//! ```
//!
//! | field | value |
//! | --- | --- |
//! | magic | `89 53 4C 50 0D 0A 1A 0A`: `SLP` between a byte that is not ASCII and line ends that a text-mode transfer changes |
//! | magic of the end | `53 4C 50 45 4E 44 0A 89` (`SLPEND`, a line end, `89`) |
//! | container version | 1 |
//! | kind | `snap`, `tree` or `mesg` |
//! | name of a section | 1 to 8 printable ASCII characters, each name once |
//! | section | starts at a multiple of 64, directly after the previous section and its zeros (the first section at 64); 0 bytes is a valid length |
//! | header | defined by the kind; encoded as documented in the module `header` of [`crate::files`]: the fields in order, integers of fixed width |
//!
//! # When the file is checked
//!
//! [`Container::open`] reads only the preamble and the footer. It checks magic, versions, all offsets and
//! lengths against the length of the file, and the checksum over preamble and footer. [`Container::check`]
//! reads every byte: it compares the sections with their checksums and requires the padding to be zero.
//! Together they cover every byte of the file. So `check` finds a change of any byte, and `open` finds a
//! change of any byte outside the sections and their padding.
//!
//! A section can also have a checksum for each block of 65,536 bytes, of which the last may be shorter, in another
//! section that the kind names: BLAKE3, 32 bytes each. [`CheckedBlocks`] compares with them only what is read.
//!
//! The checksums detect damage, not manipulation: an attacker who can write the file can also write matching
//! checksums. The content is verified by the hashes of the trees, not by the checksums.
//!
//! # Version history
//!
//! | container version | what changed |
//! | --- | --- |
//! | 1 | first |
//!
//! A reader refuses unknown versions. The version of a kind counts only changes of its sections and its
//! header.
//!
//! # Assumptions about the file system
//!
//! A rename within a directory is atomic. fsync of a file and of its directory puts both on disk. Nobody
//! changes a file after it was renamed into place. If a mapped file is changed nevertheless, the process gets
//! an error or wrong values, never unchecked offsets (see the modules `map` and `sigbus`).

mod blocks;
mod error;
mod native_file;
mod reader;
mod writer;

use std::path::Path;

pub use blocks::CheckedBlocks;
pub use error::ContainerError;
pub use native_file::NativeFile;
pub use reader::{Container, SectionBytes};
pub use writer::ContainerWriter;

use super::InputError;

const MAGIC: [u8; 8] = *b"\x89SLP\r\n\x1a\n";
const END_MAGIC: [u8; 8] = *b"SLPEND\n\x89";
const VERSION: u32 = 1;

/// The alignment of sections, table and header.
const ALIGN: u64 = 64;
const PREAMBLE_LEN: usize = 64;
/// The bytes of the kind's tag.
const KIND_AT: std::ops::Range<usize> = 12..16;
const ROW_LEN: usize = 64;
const TRAILER_LEN: usize = 64;
/// The length of the part of the trailer that its checksum covers.
const TRAILER_HASHED: usize = 32;
/// The largest number of sections. No kind has as many.
const MOST_SECTIONS: u32 = 64;

/// A kind of container: its tag in the file, and the version of its sections and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The tag.
    pub tag: [u8; 4],
    /// The version that is written and read. Message archives also have earlier versions, and tree files later ones;
    /// see [`archive`](crate::archive) and [`tree_file`](crate::forest::tree_file).
    pub version: u32,
    /// Its name in messages, with an article.
    pub name: &'static str,
}

impl Kind {
    /// State snapshots, `*.slsnap`.
    pub const SNAPSHOT: Self = Self { tag: *b"snap", version: 1, name: "a state snapshot" };
    /// Tree files, `*.sltree`.
    pub const TREE_FILE: Self = Self { tag: *b"tree", version: 1, name: "a tree file" };
    /// Message archives, `*.slmsg`.
    pub const MESSAGE_ARCHIVE: Self = Self { tag: *b"mesg", version: 3, name: "a message archive" };

    /// The kind with this tag.
    #[must_use]
    pub fn of(tag: &[u8]) -> Option<Self> {
        let kinds = [Self::SNAPSHOT, Self::TREE_FILE, Self::MESSAGE_ARCHIVE];
        kinds.into_iter().find(|kind| kind.tag == tag)
    }

    /// The kind of the container in a regular file. `None` if it is another file.
    ///
    /// # Errors
    /// [`InputError`] if the disk fails, or a regular file cannot be read.
    pub fn at(path: &Path) -> Result<Option<Self>, InputError> {
        Ok(NativeFile::at(path)?.map(|file| file.kind()))
    }

    /// The kind of the container that starts with `head`.
    pub(crate) fn of_head(head: &[u8]) -> Option<Self> {
        head.get(KIND_AT).filter(|_| is_container(head)).and_then(Self::of)
    }
}

/// The name of a section: 1 to 8 printable ASCII characters, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SectionName([u8; 8]);

impl SectionName {
    /// The name `text`.
    ///
    /// # Panics
    /// When `text` is empty, longer than 8 bytes, or not printable ASCII. For constants this is an error at
    /// compile time.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        let text = text.as_bytes();
        assert!(!text.is_empty() && text.len() <= 8, "a name has 1 to 8 characters");
        let mut bytes = [0; 8];
        let mut i = 0;
        while i < text.len() {
            assert!(text[i].is_ascii_graphic(), "a name is of printable ASCII");
            bytes[i] = text[i];
            i += 1;
        }
        Self(bytes)
    }

    /// The name in a row of the table; `None` when the bytes are not a valid name.
    fn parse(bytes: [u8; 8]) -> Option<Self> {
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(8);
        let (text, zeros) = bytes.split_at(len);
        let valid =
            len > 0 && text.iter().all(u8::is_ascii_graphic) && zeros.iter().all(|byte| *byte == 0);
        valid.then_some(Self(bytes))
    }
}

impl std::fmt::Display for SectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(String::from_utf8_lossy(&self.0).trim_end_matches('\0'))
    }
}

impl std::fmt::Debug for SectionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The position and the checksum of a section.
#[derive(Clone, Copy, Debug)]
struct Section {
    name: SectionName,
    offset: u64,
    len: u64,
    hash: [u8; 32],
}

impl Section {
    fn row(&self) -> [u8; ROW_LEN] {
        let mut row = [0; ROW_LEN];
        row[..8].copy_from_slice(&self.name.0);
        row[8..16].copy_from_slice(&self.offset.to_le_bytes());
        row[16..24].copy_from_slice(&self.len.to_le_bytes());
        row[32..].copy_from_slice(&self.hash);
        row
    }
}

/// Whether a file that starts with `head` is a container.
#[must_use]
pub fn is_container(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

fn preamble(kind: Kind) -> [u8; PREAMBLE_LEN] {
    let mut bytes = [0; PREAMBLE_LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[KIND_AT].copy_from_slice(&kind.tag);
    bytes[16..20].copy_from_slice(&kind.version.to_le_bytes());
    bytes
}

/// The number of padding bytes after data that end at `offset`.
fn filling(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGN) - offset
}

#[cfg(test)]
mod tests;
