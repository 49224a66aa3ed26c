//! Encodes one column of a row group as `PLAIN` pages.
//!
//! Most of a file consists of the words of proofs. The column writers of the `parquet` crate take them as
//! single reference-counted values, with a level for each. Here the words of a proof take two copies and two
//! runs of levels, which is about four times faster, compression included. The crate still writes the rest of
//! the file: headers, column chunks and the footer.
//!
//! Pages are data pages of version 1 of parquet-format, which every reader supports:
//!
//! ```text
//! length u32 ‖ runs of repetition levels   for a list only
//! length u32 ‖ runs of definition levels
//! values                                   numbers and fixed lengths as they are, others after their
//!                                          length as u32
//! ```
//!
//! Everything is little-endian, and the page is compressed as a whole.
//!
//! The words of a proof are bytes of any length to Parquet, because pandas cannot read lists of bytes of a fixed length.

use std::mem;

use bytes::Bytes;
use parquet::{
    basic::Encoding,
    column::page::{CompressedPage, Page, PageWriter},
    errors::ParquetError,
    file::writer::{SerializedPageWriter, TrackedWrite},
};
use serde::{Deserialize, Serialize};
use zstd::{bulk::Compressor, zstd_safe::compress_bound};

use super::{
    levels::Levels,
    page_list::{PageFacts, PageList},
};
use crate::primitives::Hash;

/// A page is closed at this size in bytes, which fits into the cache of a core.
const PAGE_LEN: usize = 256 << 10;
/// The maximum size of a buffer that is kept for the next pages, in bytes. A page with a very long message needs larger
/// ones.
const LARGEST_BUFFER: usize = 4 * PAGE_LEN;
/// The length of a word of a proof in bytes.
const WORD_LEN: u32 = 32;

/// The footer's facts about a column's part of a row group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    /// The length of the pages with their headers, in bytes.
    pub(super) len: u64,
    /// The length before compression.
    pub(super) raw_len: u64,
    /// The number of values, including absent values and entries of lists.
    pub(super) values: u64,
    /// The number of rows without a value.
    pub(super) nulls: u64,
    /// The smallest and the largest number.
    pub(super) bounds: Option<(u64, u64)>,
    pub(super) pages: PageList,
}

impl Chunk {
    /// Appends the facts about the pages that follow in the same column.
    pub(super) fn append(&mut self, other: &Self) {
        self.len += other.len;
        self.raw_len += other.raw_len;
        self.values += other.values;
        self.nulls += other.nulls;
        self.bounds = both(self.bounds, other.bounds);
        self.pages.append(&other.pages);
    }

    /// Adds the facts about a page.
    fn add(&mut self, page: &PageFacts, raw_len: u64, values: u64) {
        self.len += page.len;
        self.raw_len += raw_len;
        self.values += values;
        self.nulls += page.nulls;
        self.bounds = both(self.bounds, page.bounds);
        self.pages.push(page);
    }
}

/// The bounds of two sets of numbers.
fn both(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

/// Compresses pages, with buffers that are used again.
pub(super) struct Packer {
    zstd: Compressor<'static>,
    page: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    /// A packer of a compression level.
    pub(super) fn new(level: i32) -> Result<Self, ParquetError> {
        Ok(Self { zstd: Compressor::new(level)?, page: Vec::new(), packed: Vec::new() })
    }
}

/// A column that is being written.
pub(super) struct Pages {
    is_list: bool,
    repetition: Levels,
    definition: Levels,
    /// The values of the current page.
    values: Vec<u8>,
    /// The facts about the current page, without its length.
    page: PageFacts,
    written: TrackedWrite<Vec<u8>>,
    chunk: Chunk,
}

impl Pages {
    pub(super) fn new(is_list: bool) -> Self {
        Self {
            is_list,
            repetition: Levels::default(),
            definition: Levels::default(),
            values: Vec::new(),
            page: PageFacts::default(),
            written: TrackedWrite::new(Vec::new()),
            chunk: Chunk::default(),
        }
    }

    pub(super) fn null(&mut self) {
        self.level(0);
        self.page.nulls += 1;
    }

    pub(super) fn number(&mut self, value: u64) {
        self.level(1);
        self.values.extend_from_slice(&value.to_le_bytes());
        let bounds = self.page.bounds.get_or_insert((value, value));
        *bounds = (bounds.0.min(value), bounds.1.max(value));
    }

    pub(super) fn fixed(&mut self, value: &[u8]) {
        self.level(1);
        self.values.extend_from_slice(value);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> Result<(), ParquetError> {
        self.level(1);
        self.values.extend_from_slice(&u32::try_from(value.len())?.to_le_bytes());
        self.values.extend_from_slice(value);
        Ok(())
    }

    /// Appends a list of hashes, given in two parts.
    pub(super) fn list(&mut self, head: &[Hash], tail: &[Hash]) {
        let len = head.len() + tail.len();
        if len == 0 {
            return self.level(1);
        }
        self.repetition.push(0, 1);
        self.repetition.push(1, len - 1);
        self.definition.push(2, len);
        self.page.rows += 1;
        for word in head.iter().chain(tail) {
            self.values.extend_from_slice(&WORD_LEN.to_le_bytes());
            self.values.extend_from_slice(word.as_bytes());
        }
    }

    /// Appends the level of a value, an empty list or an absent value.
    fn level(&mut self, definition: u8) {
        if self.is_list {
            self.repetition.push(0, 1);
        }
        self.definition.push(definition, 1);
        self.page.rows += 1;
    }

    /// Closes the page if it is full.
    pub(super) fn flush_full(&mut self, packer: &mut Packer) -> Result<(), ParquetError> {
        if self.values.len() < PAGE_LEN { Ok(()) } else { self.flush(packer) }
    }

    /// Closes the page.
    pub(super) fn flush(&mut self, packer: &mut Packer) -> Result<(), ParquetError> {
        let levels = self.definition.len();
        if levels == 0 {
            return Ok(());
        }
        let Packer { zstd, page, packed } = packer;
        page.clear();
        if self.is_list {
            self.repetition.take_to(page)?;
        }
        self.definition.take_to(page)?;
        page.append(&mut self.values);
        packed.clear();
        packed.reserve(compress_bound(page.len()));
        zstd.compress_to_buffer(page, packed)?;
        let data = Page::DataPage {
            buf: Bytes::copy_from_slice(packed),
            num_values: u32::try_from(levels)?,
            encoding: Encoding::PLAIN,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let mut writer = SerializedPageWriter::new(&mut self.written);
        let written = writer.write_page(CompressedPage::new(data, page.len()))?;
        let page = PageFacts { len: written.compressed_size as u64, ..mem::take(&mut self.page) };
        self.chunk.add(&page, written.uncompressed_size as u64, levels as u64);
        Ok(())
    }

    /// Closes the last page, returns all pages, and resets the column.
    pub(super) fn finish(&mut self, packer: &mut Packer) -> Result<(Vec<u8>, Chunk), ParquetError> {
        self.flush(packer)?;
        for buffer in [&mut self.values, &mut packer.page, &mut packer.packed] {
            buffer.clear();
            buffer.shrink_to(LARGEST_BUFFER);
        }
        let written = mem::replace(&mut self.written, TrackedWrite::new(Vec::new()));
        Ok((written.into_inner()?, mem::take(&mut self.chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffers_of_a_long_message_are_not_kept() {
        let (mut pages, mut packer) = (Pages::new(false), Packer::new(1).unwrap());
        for len in [2 * LARGEST_BUFFER, 10] {
            pages.bytes(&vec![7; len]).unwrap();
            let (written, chunk) = pages.finish(&mut packer).unwrap();
            assert_eq!((chunk.len, chunk.values), (written.len() as u64, 1));
            let kept = [&pages.values, &packer.page, &packer.packed].map(Vec::capacity);
            assert!(kept.iter().all(|kept| (1..=LARGEST_BUFFER).contains(kept)), "{kept:?}");
        }
    }
}
