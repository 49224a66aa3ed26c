//! The container of the native files: snapshots (`*.slsnap`), tree files (`*.sltree`) and message
//! archives (`*.slmsg`).
//!
//! A container is a sequence of named sections, followed by the table that says where each is, a
//! header that says what they mean together, and a trailer that is written last. It is written from
//! front to back, once, and never changed. What is in the sections is its kind's business, and
//! described where the kind is implemented.
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
//! | magic | `89 53 4C 50 0D 0A 1A 0A`: `SLP` between a byte that is no text and line ends that a transfer as text would change |
//! | magic of the end | `53 4C 50 45 4E 44 0A 89` (`SLPEND`, a line end, `89`) |
//! | container version | 1 |
//! | kind | `snap`, `tree` or `mesg` |
//! | name of a section | 1 to 8 printable ASCII characters, each name once |
//! | section | begins at a multiple of 64, right after the one before it (the first at 64) and its zeros; 0 bytes is a valid length |
//! | header | a record of the kind's own; the encoding is described in the module `header` of this folder's parent: its fields in order, integers of fixed width |
//!
//! # What is checked when
//!
//! [`Container::open`] reads preamble and footer only: magic, versions, every offset and length
//! against the length of the file, and the checksum over all of it. [`Container::check`] reads every
//! byte: the sections against their checksums, and the filling, which has to be zero. No byte of a file
//! is outside both, so any change of one is found by `check`, and one outside the sections and their
//! filling by `open` already.
//!
//! The checksums find damage, not malice: whoever can write the file can write them. What the file
//! says is proven by the hashes of the trees, not by these.
//!
//! # Version history
//!
//! | container version | what changed |
//! | --- | --- |
//! | 1 | first |
//!
//! A reader refuses versions that it does not know. A kind's own version counts changes of its
//! sections and its header alone.
//!
//! # What is assumed of the medium
//!
//! That a rename within a folder is atomic, that fsync of a file and of its folder put both on disk,
//! and that nobody changes a file after it was renamed into place; a process that maps a file which is
//! changed all the same gets an error or wrong values, never undefined offsets (see `map` and
//! `lost_pages`).

mod error;
mod reader;
mod writer;

pub use error::ContainerError;
pub use reader::{Container, SectionBytes};
pub use writer::ContainerWriter;

const MAGIC: [u8; 8] = *b"\x89SLP\r\n\x1a\n";
const END_MAGIC: [u8; 8] = *b"SLPEND\n\x89";
const VERSION: u32 = 1;

/// Sections, table and header begin at multiples of this.
const ALIGN: u64 = 64;
const PREAMBLE_LEN: usize = 64;
const ROW_LEN: usize = 64;
const TRAILER_LEN: usize = 64;
/// The part of the trailer that its checksum covers.
const TRAILER_HASHED: usize = 32;
/// More sections than any kind has.
const MOST_SECTIONS: u32 = 64;

/// What a container holds: four letters in the file, and the version of its sections and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The letters.
    pub tag: [u8; 4],
    /// The version that is written, and the only one that is read.
    pub version: u32,
    /// What to call it in messages, with its article.
    pub name: &'static str,
}

/// The name of a section: 1 to 8 ASCII characters, zeros after them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SectionName([u8; 8]);

impl SectionName {
    /// The name `text`.
    ///
    /// # Panics
    /// When it is empty or longer than 8 bytes, or not of printable ASCII: at compile time, where it
    /// is used for constants.
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

    /// The name in a table, if it is one.
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

/// Where a section lies and what it hashes to.
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

/// Whether a file that begins so is a container.
#[must_use]
pub fn is_container(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

fn preamble(kind: Kind) -> [u8; PREAMBLE_LEN] {
    let mut bytes = [0; PREAMBLE_LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&kind.tag);
    bytes[16..20].copy_from_slice(&kind.version.to_le_bytes());
    bytes
}

/// How many zeros follow what ends at `offset`.
fn filling(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGN) - offset
}

#[cfg(test)]
mod tests;
