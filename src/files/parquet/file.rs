use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use super::{
    Column, Damage, LONGEST_FOOTER, Leaf, MAGIC, MOST_MEMORY, ReadError,
    column::Memory,
    footer::{Footer, Group},
};
use crate::files::{Input, InputError, nameless};

/// An open Parquet file.
pub(crate) struct ParquetFile {
    name: String,
    file: Arc<File>,
    footer: Footer,
}

impl ParquetFile {
    /// Opens an input. The file is read from its end, so a pipe or a compressed file is first written to a
    /// temporary file.
    ///
    /// # Errors
    /// [`ReadError`] when the input cannot be read, or is not a Parquet file.
    pub(crate) fn open(mut input: Input) -> Result<Self, ReadError> {
        let name = input.name().to_owned();
        let read_error = |source| InputError::Read { name: name.clone(), source };
        let file = match input.path().map(plain).transpose().map_err(read_error)?.flatten() {
            Some(file) => file,
            None => {
                let mut file = nameless(&std::env::temp_dir()).map_err(read_error)?;
                io::copy(&mut input, &mut file).map_err(read_error)?;
                file
            }
        };
        let not_whole = |place| ReadError::NotWhole { name: name.clone(), place };
        let damaged = |source| ReadError::DamagedFooter { name: name.clone(), source };
        let file_len = file.metadata().map_err(read_error)?.len();
        let end = file_len.checked_sub(8).ok_or_else(|| not_whole("footer"))?;
        let mut tail = [0; 8];
        file.read_exact_at(&mut tail, end).map_err(read_error)?;
        let [a, b, c, d, magic @ ..] = tail;
        if magic != MAGIC {
            return Err(not_whole("\"PAR1\" at its end"));
        }
        let len = u32::from_le_bytes([a, b, c, d]).into();
        let start = end.checked_sub(len).ok_or_else(|| not_whole("footer"))?;
        if len > LONGEST_FOOTER {
            return Err(damaged(Damage::LongFooter(len)));
        }
        // The length is at most `LONGEST_FOOTER`.
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, start).map_err(read_error)?;
        let footer = Footer::parse(bytes).map_err(damaged)?;
        Ok(Self { name, file: Arc::new(file), footer })
    }

    /// The name of the file, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The columns, in the order of the file.
    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.footer.leaves
    }

    /// The number of row groups.
    pub(crate) fn groups(&self) -> usize {
        self.footer.groups()
    }

    /// Opens a row group.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when there is no such row group.
    pub(crate) fn group(&self, at: usize) -> Result<RowGroup<'_>, ReadError> {
        self.group_within(at, MOST_MEMORY)
    }

    /// As [`Self::group`]. The pages that are read together take at most `most` bytes.
    ///
    /// # Errors
    /// As [`Self::group`].
    pub(crate) fn group_within(&self, at: usize, most: u64) -> Result<RowGroup<'_>, ReadError> {
        let group = self.footer.group(at).map_err(|source| self.damaged(at, source))?;
        Ok(RowGroup { file: self, at, group, memory: Memory::new(most) })
    }

    fn damaged(&self, group: usize, source: Damage) -> ReadError {
        ReadError::Damaged { name: self.name.clone(), group, source }
    }
}

/// Opens the file if it is an uncompressed Parquet file.
fn plain(path: &Path) -> io::Result<Option<File>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        // The path is that of a file in an archive.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    Ok((magic == MAGIC).then_some(file))
}

/// A row group of a Parquet file.
pub(crate) struct RowGroup<'f> {
    file: &'f ParquetFile,
    at: usize,
    group: Group,
    memory: Memory,
}

impl RowGroup<'_> {
    /// The number of rows that the footer declares. A column may have fewer.
    pub(crate) fn rows(&self) -> u64 {
        self.group.rows
    }

    /// Starts to read a column, given by its position among the leaves.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when the column is not in the file.
    pub(crate) fn column(&self, leaf: usize) -> Result<Column, ReadError> {
        let ParquetFile { file, footer, .. } = self.file;
        let column = Column::new(file, self.group.chunks[leaf], &footer.leaves[leaf], &self.memory);
        column.map_err(|source| self.file.damaged(self.at, source))
    }
}
