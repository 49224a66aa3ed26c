use std::{fmt, path::Path};

use super::{
    Archive, ArchiveError, ArchiveWriter,
    archive::{Collector, Origin, in_memory},
    jsonl,
};
use crate::files::{Access, Input, container::is_container};

/// What a raw archive may take in memory: once as it was read and once as it is searched, each in a
/// buffer that doubles as it grows.
const LIMIT: usize = 192 << 20;

/// A form in which logs come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceFormat {
    /// The archive file, `*.slmsg`.
    Native,
    /// One JSON object a line.
    Jsonl,
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "message archive",
            Self::Jsonl => "raw archive of logs",
        })
    }
}

impl SourceFormat {
    /// Tells the form by the first bytes.
    ///
    /// # Errors
    /// [`ArchiveError::Unknown`].
    pub fn detect(input: &Input) -> Result<Self, ArchiveError> {
        let head = input.head();
        if is_container(head) {
            Ok(Self::Native)
        } else if matches!(head.trim_ascii_start(), [b'{', ..] | []) {
            Ok(Self::Jsonl)
        } else {
            Err(ArchiveError::Unknown { name: input.name().into() })
        }
    }
}

/// Opens an archive of any form (`-` for standard input): an archive file is mapped, or read as
/// `access` says; a raw archive is read into memory.
///
/// # Errors
/// [`ArchiveError`] naming the file, and the line where it has lines: when it is damaged, a message is
/// not its log's, or two lines contradict each other.
pub fn read_archive(path: &Path, access: Access) -> Result<Archive, ArchiveError> {
    read_archive_input(Input::open(path)?, access)
}

/// Opens an archive of which the first bytes were read already.
///
/// # Errors
/// As [`read_archive`].
pub fn read_archive_input(input: Input, access: Access) -> Result<Archive, ArchiveError> {
    match SourceFormat::detect(&input)? {
        SourceFormat::Native => open_native(&input, access),
        SourceFormat::Jsonl => {
            let name = input.name().to_owned();
            let mut collector = Collector::in_memory(LIMIT);
            jsonl::read(input, &mut collector)?;
            in_memory(collector, &name)
        }
    }
}

fn open_native(input: &Input, access: Access) -> Result<Archive, ArchiveError> {
    let path = input.path().ok_or_else(|| ArchiveError::Piped { name: input.name().into() })?;
    Archive::open(path, access)
}

impl ArchiveWriter {
    /// Adds all batches of an input, in the form that it has or that is given.
    ///
    /// # Errors
    /// As [`read_archive`]; an archive file is checked first, so that damage in it does not become
    /// part of a new one.
    pub fn read(
        &mut self,
        input: Input,
        format: Option<SourceFormat>,
        access: Access,
    ) -> Result<SourceFormat, ArchiveError> {
        let format = format.map_or_else(|| SourceFormat::detect(&input), Ok)?;
        match format {
            SourceFormat::Jsonl => jsonl::read(input, &mut self.collector)?,
            SourceFormat::Native => {
                let archive = open_native(&input, access)?;
                archive.check()?;
                let source = self.source(archive.name());
                for batch in archive.batches() {
                    self.add(batch?, Origin { source, line: None })?;
                }
            }
        }
        Ok(format)
    }
}
