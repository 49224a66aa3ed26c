use std::{
    fs::File,
    ops::{Deref, Range},
    path::Path,
    sync::Arc,
};

use serde::de::DeserializeOwned;

use super::{
    ALIGN, ContainerError, END_MAGIC, KIND_AT, Kind, MAGIC, MOST_SECTIONS, PREAMBLE_LEN, ROW_LEN,
    Section, SectionName, TRAILER_HASHED, TRAILER_LEN, VERSION, filling,
};
use crate::files::{
    ShowPath, header,
    map::{Access, FileBytes},
    wrapper::is_wrapped,
};

/// The bytes of a section. The file stays open as long as this value exists.
#[derive(Clone, Debug)]
pub struct SectionBytes {
    bytes: Arc<FileBytes>,
    range: Range<usize>,
}

impl SectionBytes {
    /// A range of a file.
    pub(super) fn new(bytes: FileBytes, range: Range<usize>) -> Self {
        Self { bytes: Arc::new(bytes), range }
    }
}

impl Deref for SectionBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}

/// An open native file.
#[derive(Debug)]
pub struct Container {
    name: String,
    bytes: Arc<FileBytes>,
    sections: Vec<Section>,
    header: Range<usize>,
}

impl Container {
    /// Opens a native file of any kind. This takes the same short time for any size: it checks magic,
    /// version, all offsets and lengths, and the checksum over them and the header, but does not read the
    /// sections.
    ///
    /// # Errors
    /// [`ContainerError`], which names the file and what is wrong with it.
    pub fn open(path: &Path, access: Access) -> Result<Self, ContainerError> {
        let file = File::open(path).map_err(|source| {
            let name = path.shown().to_string();
            ContainerError::Read { name, source }
        })?;
        Self::of_file(&file, path, access)
    }

    /// As [`Container::open`], of an open file.
    pub(super) fn of_file(
        file: &File,
        path: &Path,
        access: Access,
    ) -> Result<Self, ContainerError> {
        let name = path.shown().to_string();
        let read_error = |source| ContainerError::Read { name: name.clone(), source };
        if !file.metadata().map_err(read_error)?.is_file() {
            return Err(ContainerError::NotNative { name, reason: "it is not a regular file" });
        }
        let bytes = FileBytes::of(file, path, access).map_err(read_error)?;
        Self::parse(name, bytes)
    }

    /// Opens a native file in memory; error messages show `name`.
    ///
    /// # Errors
    /// As [`Container::open`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, ContainerError> {
        Self::parse(name.into(), FileBytes::Read(bytes))
    }

    /// Takes a file that was just written to memory, with its sections and where its header lies.
    pub(super) fn written(
        name: String,
        bytes: Vec<u8>,
        sections: Vec<Section>,
        header: Range<usize>,
    ) -> Self {
        Self { name, bytes: Arc::new(FileBytes::Read(bytes)), sections, header }
    }

    fn parse(name: String, bytes: FileBytes) -> Result<Self, ContainerError> {
        let (sections, header) = Parser { name: &name, bytes: &bytes }.parse()?;
        Ok(Self { name, bytes: Arc::new(bytes), sections, header })
    }

    /// Checks that the file is of a kind, in the version that this release reads.
    ///
    /// # Errors
    /// [`ContainerError::Kind`] or [`ContainerError::Version`].
    pub fn expect(self, kind: Kind) -> Result<Self, ContainerError> {
        let found = self.kind();
        if found != kind.tag {
            return Err(ContainerError::Kind {
                name: self.name,
                expected: kind.name,
                found: match &found {
                    b"snap" => "a state snapshot".into(),
                    b"tree" => "a tree file".into(),
                    b"mesg" => "a message archive".into(),
                    _ => format!(
                        "a native file of unknown kind {:?}",
                        String::from_utf8_lossy(&found)
                    ),
                },
            });
        }
        let version = self.version();
        if version != kind.version {
            return Err(ContainerError::Version {
                name: self.name,
                what: "format",
                found: version,
                known: kind.version,
            });
        }
        Ok(self)
    }

    /// The version of the file's kind.
    #[must_use]
    pub fn version(&self) -> u32 {
        u32_at(&self.bytes, 16)
    }

    /// The tag of the file's kind.
    #[must_use]
    pub fn kind(&self) -> [u8; 4] {
        array_at(&self.bytes, KIND_AT.start)
    }

    /// The name of the file in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A BLAKE3 digest of the checksums of all sections, the header and the section table, as stored in the
    /// trailer. Files with the same digest have the same content.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        array_at(&self.bytes, self.bytes.len() - TRAILER_LEN + TRAILER_HASHED)
    }

    /// The length of the file in bytes.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Decodes the header.
    ///
    /// # Errors
    /// [`ContainerError::Content`] when the bytes are not a valid header.
    pub fn header<H: DeserializeOwned>(&self) -> Result<H, ContainerError> {
        header::decode(&self.bytes[self.header.clone()])
            .map_err(|reason| self.bad("header", reason))
    }

    /// The names of the sections and their byte ranges in the file, in order.
    pub fn sections(&self) -> impl Iterator<Item = (SectionName, Range<u64>)> {
        self.sections.iter().map(|s| (s.name, s.offset..s.offset + s.len))
    }

    /// The bytes of a section; `None` when the file does not have it.
    #[must_use]
    pub fn find(&self, name: SectionName) -> Option<&[u8]> {
        self.sections.iter().find(|section| section.name == name).map(|s| self.bytes_of(s))
    }

    /// The bytes of a section that the kind requires.
    ///
    /// # Errors
    /// [`ContainerError::Content`] when it is missing.
    pub fn section(&self, name: SectionName) -> Result<&[u8], ContainerError> {
        self.find(name).ok_or_else(|| self.bad(&format!("section {name:?}"), "is missing"))
    }

    /// As [`Container::section`], but the result does not borrow the container.
    ///
    /// # Errors
    /// As [`Container::section`].
    pub fn share(&self, name: SectionName) -> Result<SectionBytes, ContainerError> {
        let section = self.row(name)?;
        let range = section.offset as usize..(section.offset + section.len) as usize;
        Ok(SectionBytes { bytes: Arc::clone(&self.bytes), range })
    }

    fn row(&self, name: SectionName) -> Result<&Section, ContainerError> {
        let row = self.sections.iter().find(|section| section.name == name);
        row.ok_or_else(|| self.bad(&format!("section {name:?}"), "is missing"))
    }

    fn bytes_of(&self, section: &Section) -> &[u8] {
        // `parse` checked that the sections end before the footer, so the offsets fit usize.
        &self.bytes[section.offset as usize..(section.offset + section.len) as usize]
    }

    /// Creates an error about a part of the content.
    pub fn bad(&self, part: &str, reason: impl ToString) -> ContainerError {
        ContainerError::Content {
            name: self.name.clone(),
            part: part.into(),
            reason: reason.to_string(),
        }
    }

    /// Reads every byte. Compares the sections with their checksums and checks that the padding is zero.
    ///
    /// # Errors
    /// [`ContainerError`], which names the first damaged section and its byte range.
    pub fn check(&self) -> Result<(), ContainerError> {
        for section in &self.sections {
            self.check_sum(section)?;
            self.check_filling(section.offset + section.len)?;
        }
        self.check_filling(self.header.end as u64)
    }

    /// Compares one section with its checksum. Needed for sections that no tree hash covers.
    ///
    /// # Errors
    /// [`ContainerError`] when the section is damaged or missing.
    pub fn check_section(&self, name: SectionName) -> Result<(), ContainerError> {
        self.check_sum(self.row(name)?)
    }

    fn check_sum(&self, section: &Section) -> Result<(), ContainerError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_rayon(self.bytes_of(section));
        if *hasher.finalize().as_bytes() == section.hash {
            return Ok(());
        }
        Err(self.damaged(section, 0..section.len))
    }

    /// Compares up to `len` bytes of a section from `start` on with their checksum.
    pub(super) fn check_block(
        &self,
        name: SectionName,
        start: usize,
        len: usize,
        sum: &[u8],
    ) -> Result<(), ContainerError> {
        let section = self.row(name)?;
        let bytes = self.bytes_of(section).get(start..).unwrap_or_default();
        let block = &bytes[..len.min(bytes.len())];
        if *blake3::hash(block).as_bytes() == *sum {
            return Ok(());
        }
        Err(self.damaged(section, start as u64..(start + block.len()) as u64))
    }

    /// The error for a range of a section that differs from its checksum.
    fn damaged(&self, section: &Section, range: Range<u64>) -> ContainerError {
        ContainerError::SectionDamaged {
            name: self.name.clone(),
            section: section.name.to_string(),
            range: section.offset + range.start..section.offset + range.end,
        }
    }

    fn check_filling(&self, start: u64) -> Result<(), ContainerError> {
        let range = start..start + filling(start);
        if self.bytes[range.start as usize..range.end as usize].iter().any(|byte| *byte != 0) {
            let reason = "the padding is not zero".into();
            return Err(ContainerError::Damaged { name: self.name.clone(), range, reason });
        }
        Ok(())
    }
}

struct Parser<'c> {
    name: &'c str,
    bytes: &'c [u8],
}

impl Parser<'_> {
    fn damaged(&self, range: Range<u64>, reason: impl ToString) -> ContainerError {
        ContainerError::Damaged { name: self.name.into(), range, reason: reason.to_string() }
    }

    fn cut(&self, reason: impl ToString) -> ContainerError {
        ContainerError::CutShort { name: self.name.into(), reason: reason.to_string() }
    }

    fn parse(&self) -> Result<(Vec<Section>, Range<usize>), ContainerError> {
        let bytes = self.bytes;
        let not_native = |reason| ContainerError::NotNative { name: self.name.into(), reason };
        if !bytes.starts_with(&MAGIC) {
            return Err(not_native(match bytes {
                [] => "it is empty",
                _ if is_wrapped(bytes) => {
                    "it is compressed or packed; unpack it first, because native files are mapped"
                }
                _ if bytes.get(1..4) == MAGIC.get(1..4) => "it was damaged by a text-mode transfer",
                _ => "it does not start with the magic bytes",
            }));
        }
        if bytes.len() < PREAMBLE_LEN + TRAILER_LEN {
            return Err(self.cut(format!("it has only {} bytes", bytes.len())));
        }
        let version = u32_at(bytes, 8);
        if version != VERSION {
            return Err(ContainerError::Version {
                name: self.name.into(),
                what: "container",
                found: version,
                known: VERSION,
            });
        }

        let trailer_at = bytes.len() - TRAILER_LEN;
        let trailer = &bytes[trailer_at..];
        let trailer_range = trailer_at as u64..bytes.len() as u64;
        if trailer[24..32] != END_MAGIC {
            return Err(self.cut("it does not end with a trailer"));
        }
        let file_len = u64_at(trailer, 16);
        if file_len != bytes.len() as u64 {
            return Err(
                self.cut(format!("it has {} bytes, and {file_len} were written", bytes.len()))
            );
        }
        let (footer, count, header_len) =
            (u64_at(trailer, 0), u32_at(trailer, 8), u32_at(trailer, 12));
        if count > MOST_SECTIONS {
            return Err(self.damaged(trailer_range, format!("it counts {count} sections")));
        }
        // Both are small here, so the sums cannot overflow.
        let table_len = count as usize * ROW_LEN;
        let used = table_len as u64 + u64::from(header_len);
        let end = footer.checked_add(used + filling(used));
        if footer % ALIGN != 0 || footer < PREAMBLE_LEN as u64 || end != Some(trailer_range.start) {
            let reason = format!(
                "the section table at {footer}, {count} sections and a header of {header_len} \
                 bytes do not fit a file of {file_len} bytes"
            );
            return Err(self.damaged(trailer_range, reason));
        }
        let footer_at = footer as usize;

        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..PREAMBLE_LEN]);
        hasher.update(&bytes[footer_at..trailer_at + TRAILER_HASHED]);
        if *hasher.finalize().as_bytes() != trailer[TRAILER_HASHED..] {
            let reason = "preamble, section table, header and trailer differ from their checksum";
            return Err(self.damaged(footer..file_len, reason));
        }
        let (rows, _) = bytes[footer_at..footer_at + table_len].as_chunks::<ROW_LEN>();
        let sections = self.sections(rows, footer)?;
        let header = footer_at + table_len..footer_at + table_len + header_len as usize;
        Ok((sections, header))
    }

    /// Decodes the section table. The sections must fill the file up to `footer` without gaps.
    fn sections(
        &self,
        rows: &[[u8; ROW_LEN]],
        footer: u64,
    ) -> Result<Vec<Section>, ContainerError> {
        let mut sections: Vec<Section> = Vec::with_capacity(rows.len());
        let mut free = PREAMBLE_LEN as u64;
        for (row, at) in rows.iter().zip((footer..).step_by(ROW_LEN)) {
            let range = at..at + ROW_LEN as u64;
            let (offset, len) = (u64_at(row, 8), u64_at(row, 16));
            let Some(name) = SectionName::parse(array_at(row, 0)) else {
                return Err(self.damaged(range, "a section name is not valid"));
            };
            if sections.iter().any(|section| section.name == name) {
                return Err(self.damaged(range, format!("section {name:?} appears twice")));
            }
            let end = offset.checked_add(len).filter(|end| offset == free && *end <= footer);
            let Some(end) = end else {
                let reason = format!(
                    "section {name:?} at offset {offset} with {len} bytes is not where it must be"
                );
                return Err(self.damaged(range, reason));
            };
            if row[24..32] != [0; 8] {
                return Err(self.damaged(range, "reserved bytes of the section table are not zero"));
            }
            free = end + filling(end);
            sections.push(Section { name, offset, len, hash: array_at(row, 32) });
        }
        if free != footer {
            let reason = format!("no section contains the bytes from {free} on");
            return Err(self.damaged(free..footer, reason));
        }
        Ok(sections)
    }
}

/// `N` bytes at an offset that was checked before.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
