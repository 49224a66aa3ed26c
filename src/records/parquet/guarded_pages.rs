//! Pages of an untrusted file. The header of a page is parsed here first. A page that would take more memory
//! than any page of a real writer is refused before the `parquet` crate allocates memory for it. Values that
//! the crate's decoders do not check, and on which they would panic, are checked here too.

use std::{fs::File, os::unix::fs::FileExt, sync::Arc};

use parquet::{
    basic::{Encoding, Type},
    column::page::{Page, PageMetadata, PageReader},
    errors::ParquetError,
    file::{metadata::ColumnChunkMetaData, reader::SerializedPageReader},
    schema::types::ColumnDescPtr,
};

use super::{levels::count_of, page_header::PageHeader};

/// The maximum length of a page. DuckDB writes pages of up to 100 MB, other writers of about 1 MB.
const LONGEST_PAGE: u64 = 128 << 20;
/// The maximum number of values in a page. A list of 2^32 equal words takes only a few bytes.
const MOST_VALUES_IN_PAGE: u64 = 8 << 20;
/// The maximum number of values that were read for one group of rows before another page is read for it.
const MOST_VALUES_BEFORE_PAGE: u64 = 1 << 20;
/// The number of bytes in which a header is searched. Writers truncate statistics long before.
const LONGEST_HEADER: u64 = 64 << 10;

pub(super) struct GuardedPages {
    file: Arc<File>,
    pages: SerializedPageReader<File>,
    /// The offset of the next header.
    at: u64,
    end: u64,
    /// The next header and its length, if it was read.
    next: Option<PageHeader>,
    /// The number of values in the pages that were read for the current group of rows.
    values: Arc<Budget>,
    column: ColumnDescPtr,
    has_dictionary: bool,
}

/// Counts the values that were read, and limits them to [`MOST_VALUES_BEFORE_PAGE`].
#[derive(Default)]
pub(super) struct Budget(std::sync::atomic::AtomicU64);

impl Budget {
    /// Resets the budget for another group of rows.
    pub(super) fn renew(&self) {
        self.0.store(0, std::sync::atomic::Ordering::Relaxed);
    }

    fn take(&self, values: u64) -> Result<(), ParquetError> {
        let before = self.0.fetch_add(values, std::sync::atomic::Ordering::Relaxed);
        if before <= MOST_VALUES_BEFORE_PAGE {
            return Ok(());
        }
        Err(ParquetError::General(format!("a few rows have more than {before} words")))
    }
}

impl GuardedPages {
    pub(super) fn new(
        file: &Arc<File>,
        chunk: &ColumnChunkMetaData,
        rows: usize,
        values: &Arc<Budget>,
    ) -> Result<Self, ParquetError> {
        let start = match chunk.dictionary_page_offset() {
            // Some writers use 0 for an absent dictionary.
            Some(offset) if offset > 0 => offset.min(chunk.data_page_offset()),
            _ => chunk.data_page_offset(),
        };
        let (start, len) = (u64::try_from(start)?, u64::try_from(chunk.compressed_size())?);
        let file_len = file.metadata()?.len();
        let end = start.checked_add(len).filter(|end| *end <= file_len).ok_or_else(|| {
            ParquetError::EOF(format!(
                "pages at {start} with {len} bytes in a file of {file_len} bytes"
            ))
        })?;
        if chunk.dictionary_page_offset().is_some_and(|offset| offset < 0) {
            return Err(ParquetError::General("the dictionary has a negative offset".into()));
        }
        let pages = SerializedPageReader::new(Arc::clone(file), chunk, rows, None)?;
        Ok(Self {
            file: Arc::clone(file),
            pages,
            at: start,
            end,
            next: None,
            values: Arc::clone(values),
            column: chunk.column_descr_ptr(),
            has_dictionary: false,
        })
    }

    /// Reads the next header, unless it was already read.
    fn check(&mut self) -> Result<(), ParquetError> {
        if self.next.is_some() || self.at == self.end {
            return Ok(());
        }
        let len = (self.end - self.at).min(LONGEST_HEADER);
        let mut bytes = vec![0; usize::try_from(len)?];
        self.file.read_exact_at(&mut bytes, self.at)?;
        let header = PageHeader::parse(&bytes).ok_or_else(|| self.refuse("has no header"))?;
        if header.raw_len > LONGEST_PAGE {
            return Err(self.refuse(&format!("inflates to {} bytes", header.raw_len)));
        }
        if header.values > MOST_VALUES_IN_PAGE {
            return Err(self.refuse(&format!("has {} values", header.values)));
        }
        if header.header_len + header.len > self.end - self.at {
            return Err(self.refuse("does not end before its column does"));
        }
        self.next = Some(header);
        Ok(())
    }

    fn advance(&mut self) -> u64 {
        let Some(header) = self.next.take() else { return 0 };
        self.at += header.header_len + header.len;
        header.values
    }

    /// Checks what a page's decoder does not check: the number of values must match the levels, lengths must
    /// end at the end of the values, and dictionary indexes need a dictionary.
    fn check_values(&mut self, page: &Page) -> Result<(), ParquetError> {
        let (levels, values) = match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                self.has_dictionary = true;
                return self.check_plain(buf, u64::from(*num_values));
            }
            Page::DataPage { buf, def_level_encoding, rep_level_encoding, .. } => {
                if [def_level_encoding, rep_level_encoding].iter().any(|e| **e != Encoding::RLE) {
                    return Err(self.refuse("has levels in an old encoding"));
                }
                let mut rest = &buf[..];
                let mut section = |is_there| match is_there {
                    true => split_length(&mut rest).ok_or_else(|| self.refuse("is cut")),
                    false => Ok(&[][..]),
                };
                section(self.column.max_rep_level() > 0)?;
                (section(self.column.max_def_level() > 0)?, rest)
            }
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let lens = [*rep_levels_byte_len, *def_levels_byte_len];
                let [repetition, definition] = lens.map(|len| len as usize);
                let rest = buf.get(repetition..).ok_or_else(|| self.refuse("is cut"))?;
                rest.split_at_checked(definition).ok_or_else(|| self.refuse("is cut"))?
            }
        };
        let all = u64::from(page.num_values());
        let deepest = u8::try_from(self.column.max_def_level())?;
        let there = match deepest {
            0 => all,
            _ => {
                let width = u8::BITS - deepest.leading_zeros();
                let there = count_of(deepest, width, all, levels);
                there.ok_or_else(|| self.refuse("has fewer levels than values"))?
            }
        };
        match page.encoding() {
            Encoding::PLAIN => self.check_plain(values, there),
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY if self.has_dictionary => {
                // The bit width of the indexes is a separate byte.
                match values.first() {
                    Some(0..=32) => Ok(()),
                    None if there == 0 => Ok(()),
                    _ => Err(self.refuse("has no indexes")),
                }
            }
            other => Err(self.refuse(&format!("has values in the encoding {other}"))),
        }
    }

    fn check_plain(&self, mut values: &[u8], there: u64) -> Result<(), ParquetError> {
        let len = match self.column.physical_type() {
            Type::BYTE_ARRAY => {
                for _ in 0..there {
                    split_length(&mut values).ok_or_else(|| self.refuse("is cut"))?;
                }
                return Ok(());
            }
            Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(self.column.type_length())?,
            _ => 8,
        };
        match there.checked_mul(len) {
            Some(needed) if needed <= values.len() as u64 => Ok(()),
            _ => Err(self.refuse("is cut")),
        }
    }

    fn refuse(&self, what: &str) -> ParquetError {
        ParquetError::General(format!("the page at {} {what}", self.at))
    }
}

/// Removes a length and the bytes that follow it from the front of `bytes`.
fn split_length<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (taken, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    *bytes = rest;
    Some(taken)
}

impl PageReader for GuardedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        self.check()?;
        let values = self.advance();
        self.values.take(values)?;
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            self.check_values(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        self.check()?;
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.check()?;
        self.advance();
        self.pages.skip_next_page()
    }
}

impl Iterator for GuardedPages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
