use std::{
    io::{self, Write},
    ops::Range,
    path::Path,
};

use serde::Serialize;

use super::{
    Container, END_MAGIC, Kind, PREAMBLE_LEN, ROW_LEN, Section, SectionBytes, SectionName,
    TRAILER_LEN, blocks::BlockHasher, filling, preamble,
};
use crate::files::{Output, OutputError, header};

/// How many bytes are buffered before they are hashed and written.
const BUFFER_LEN: usize = 1 << 20;
/// From this size on, hashing and writing in parallel is faster.
const WORTH_TWO_THREADS: usize = 1 << 18;

/// Writes a native file from start to end.
///
/// [`ContainerWriter::begin`] starts a section, which ends where the next section starts. Its length need not
/// be known before. Checksums are computed while writing.
pub struct ContainerWriter<W> {
    out: W,
    name: String,
    kind: Kind,
    /// Bytes that are not hashed and written yet.
    pending: Vec<u8>,
    /// The number of bytes written.
    at: u64,
    sections: Vec<Section>,
    /// The checksums of blocks that are not written yet.
    block_sums: Vec<u8>,
    open: Option<OpenSection>,
}

struct OpenSection {
    name: SectionName,
    offset: u64,
    hasher: blake3::Hasher,
    blocks: Option<BlockHasher>,
}

impl OpenSection {
    fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(blocks) = &mut self.blocks {
            blocks.update(bytes);
        }
    }

    /// As [`OpenSection::update`], on all threads of the current pool.
    fn update_in_parallel(&mut self, bytes: &[u8]) {
        let Self { hasher, blocks, .. } = self;
        rayon::join(
            || {
                hasher.update_rayon(bytes);
            },
            || blocks.iter_mut().for_each(|blocks| blocks.update(bytes)),
        );
    }
}

impl ContainerWriter<Output> {
    /// Starts a file. [`ContainerWriter::commit`] moves it to `path`.
    ///
    /// # Errors
    /// [`OutputError`] when the directory cannot be written to, or the path is `-`: native files are mapped,
    /// and standard output cannot be mapped.
    pub fn create(path: &Path, kind: Kind) -> Result<Self, OutputError> {
        if path == Path::new("-") {
            let source = io::Error::new(
                io::ErrorKind::InvalidInput,
                "a native file needs a path, because it is mapped and a pipe cannot be mapped",
            );
            return Err(OutputError { name: "standard output".into(), source });
        }
        let mut out = Output::create(path)?;
        out.put(&preamble(kind))?;
        let name = out.name();
        Ok(Self::after_preamble(out, name, kind))
    }

    /// Writes a section of `len` bytes in place: `fill` gets the mapped bytes, which are zero. The space is
    /// allocated on disk first, so that a full disk is an error of this call and not a SIGBUS in `fill`.
    ///
    /// # Errors
    /// [`OutputError`] when the space cannot be allocated or mapped.
    pub fn fill<T>(
        &mut self,
        name: SectionName,
        len: u64,
        fill: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, OutputError> {
        self.begin(name)?;
        self.flush()?;
        let result = match len {
            0 => fill(&mut []),
            _ => {
                let range = self.at..self.at + len;
                let mut map = self.out.map_range(range.clone())?;
                let result = fill(map.bytes());
                if let Some(open) = &mut self.open {
                    open.update_in_parallel(map.bytes());
                }
                drop(map);
                self.out.skip_to(range.end)?;
                self.at = range.end;
                result
            }
        };
        self.end()?;
        Ok(result)
    }

    /// Maps a finished section for reading while the rest of the file is written.
    ///
    /// # Errors
    /// [`OutputError`] when it cannot be mapped, or is not finished.
    pub fn written(&mut self, name: SectionName) -> Result<SectionBytes, OutputError> {
        let section = self.sections.iter().find(|section| section.name == name);
        let range = section.map(|section| section.offset..section.offset + section.len);
        let range = range.ok_or_else(|| OutputError {
            name: self.name.clone(),
            source: io::Error::from(io::ErrorKind::NotFound),
        })?;
        let bytes = self.out.map_written()?;
        Ok(SectionBytes::new(bytes, range.start as usize..range.end as usize))
    }

    /// Finishes the file, syncs it to disk and moves it to its path.
    ///
    /// # Errors
    /// [`OutputError`]; an existing file at the path is then unchanged.
    pub fn commit(self, header: &impl Serialize) -> Result<(), OutputError> {
        self.finish(header)?.finish()
    }
}

impl ContainerWriter<Vec<u8>> {
    /// Starts a file in memory, for small inputs.
    #[must_use]
    pub fn in_memory(name: &str, kind: Kind) -> Self {
        Self::after_preamble(preamble(kind).to_vec(), name.into(), kind)
    }

    /// Ends the file and opens it where it is. Nothing of it is parsed or checked again.
    ///
    /// # Errors
    /// [`OutputError`] when the header has no encoding.
    pub fn into_container(mut self, header: &impl Serialize) -> Result<Container, OutputError> {
        let header = self.tail(header)?;
        Ok(Container::written(self.name, self.out, self.sections, header))
    }
}

impl<W: Write + Send> ContainerWriter<W> {
    fn after_preamble(out: W, name: String, kind: Kind) -> Self {
        Self {
            out,
            name,
            kind,
            pending: Vec::new(),
            at: PREAMBLE_LEN as u64,
            sections: Vec::new(),
            block_sums: Vec::new(),
            open: None,
        }
    }

    /// Ends the current section, if there is one, and starts the next one.
    ///
    /// # Errors
    /// [`OutputError`] when writing fails.
    pub fn begin(&mut self, name: SectionName) -> Result<(), OutputError> {
        self.open(name, None)
    }

    /// As [`ContainerWriter::begin`]. The section also gets checksums of its blocks, which
    /// [`ContainerWriter::put_block_sums`] writes.
    ///
    /// # Errors
    /// As [`ContainerWriter::begin`].
    pub fn begin_in_blocks(&mut self, name: SectionName) -> Result<(), OutputError> {
        self.open(name, Some(BlockHasher::default()))
    }

    fn open(&mut self, name: SectionName, blocks: Option<BlockHasher>) -> Result<(), OutputError> {
        self.end()?;
        let hasher = blake3::Hasher::new();
        self.open = Some(OpenSection { name, offset: self.at, hasher, blocks });
        Ok(())
    }

    /// Writes a section with the checksums of the blocks of all sections so far that have them.
    ///
    /// # Errors
    /// As [`ContainerWriter::begin`].
    pub fn put_block_sums(&mut self, name: SectionName) -> Result<(), OutputError> {
        self.begin(name)?;
        let sums = std::mem::take(&mut self.block_sums);
        self.put(&sums)
    }

    /// Appends to the current section.
    ///
    /// # Errors
    /// [`OutputError`] when writing fails.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        debug_assert!(self.open.is_some(), "a section has to be begun first");
        if bytes.len() >= WORTH_TWO_THREADS {
            self.flush()?;
            return self.write(bytes);
        }
        if self.pending.len() + bytes.len() > BUFFER_LEN {
            self.flush()?;
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        let mut pending = std::mem::take(&mut self.pending);
        self.write(&pending)?;
        pending.clear();
        self.pending = pending;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let Self { out, open, .. } = self;
        let written = match open {
            Some(open) if bytes.len() >= WORTH_TWO_THREADS => {
                rayon::join(|| open.update_in_parallel(bytes), || out.write_all(bytes)).1
            }
            Some(open) => {
                open.update(bytes);
                out.write_all(bytes)
            }
            None => out.write_all(bytes),
        };
        written.map_err(|source| OutputError { name: self.name.clone(), source })?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<(), OutputError> {
        self.flush()?;
        let Some(OpenSection { name, offset, hasher, blocks }) = self.open.take() else {
            return Ok(());
        };
        self.block_sums.extend(blocks.map(BlockHasher::finish).unwrap_or_default());
        let hash = *hasher.finalize().as_bytes();
        self.sections.push(Section { name, offset, len: self.at - offset, hash });
        self.write_filling()
    }

    fn write_filling(&mut self) -> Result<(), OutputError> {
        let zeros = [0; ROW_LEN];
        self.write(&zeros[..filling(self.at) as usize])
    }

    /// Ends the last section and writes table, header and trailer.
    ///
    /// # Errors
    /// [`OutputError`] when writing fails or the header cannot be encoded.
    pub fn finish(mut self, header: &impl Serialize) -> Result<W, OutputError> {
        self.tail(header)?;
        Ok(self.out)
    }

    /// Writes all that follows the sections; the range of the file that the header has.
    fn tail(&mut self, header: &impl Serialize) -> Result<Range<usize>, OutputError> {
        self.end()?;
        let name = self.name.clone();
        let no_header = |reason| OutputError { name, source: io::Error::other(reason) };
        let header = header::encode(header).map_err(no_header)?;
        let footer = self.at;
        let mut tail: Vec<u8> = self.sections.iter().flat_map(Section::row).collect();
        let header_at = footer as usize + tail.len();
        tail.extend_from_slice(&header);
        tail.resize(tail.len() + filling(tail.len() as u64) as usize, 0);
        let file_len = footer + (tail.len() + TRAILER_LEN) as u64;
        tail.extend_from_slice(&footer.to_le_bytes());
        tail.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        tail.extend_from_slice(&(header.len() as u32).to_le_bytes());
        tail.extend_from_slice(&file_len.to_le_bytes());
        tail.extend_from_slice(&END_MAGIC);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&preamble(self.kind));
        hasher.update(&tail);
        tail.extend_from_slice(hasher.finalize().as_bytes());
        self.write(&tail)?;
        Ok(header_at..header_at + header.len())
    }
}
