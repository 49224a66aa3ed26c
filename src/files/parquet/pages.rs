//! The pages of a column in a row group (source: parquet-format, `parquet.thrift`, `PageHeader`, and
//! `README.md`, "Data Pages").

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use zstd::bulk::Decompressor;

use super::{
    Damage, LONGEST_PAGE, Leaf, Problem,
    footer::Chunk,
    thrift::{Compact, Kind},
};

/// The number of bytes in which a header is searched. Writers truncate statistics long before.
const LONGEST_HEADER: u64 = 64 << 10;
/// The number of bytes in which it is searched first. Most headers are shorter.
const USUAL_HEADER: u64 = 256;

/// Reads pages in order.
pub(super) struct Pages {
    file: Arc<File>,
    /// The offset of the next page.
    at: u64,
    end: u64,
    codec: u64,
    /// The decoder of zstd, whose memory is used again for each page.
    zstd: Option<Decompressor<'static>>,
}

/// A decompressed page.
pub(super) struct Page {
    /// The offset in the file.
    pub(super) at: u64,
    /// The number of values, including absent ones.
    pub(super) values: u64,
    pub(super) encoding: u64,
    pub(super) kind: PageKind,
    pub(super) bytes: Bytes,
}

#[derive(Clone, Copy)]
pub(super) enum PageKind {
    Dictionary,
    /// The levels are at the front, each after its length. The fields are the encodings of the levels.
    Data {
        definition: u64,
        repetition: u64,
    },
    /// The levels are at the front and are not compressed. The fields are their lengths.
    DataV2 {
        definition: u64,
        repetition: u64,
    },
}

impl Pages {
    pub(super) fn new(file: &Arc<File>, chunk: Chunk, leaf: &Leaf) -> Result<Self, Damage> {
        let Chunk { start, len, codec } = chunk;
        let file_len = file.metadata()?.len();
        let end = start.checked_add(len).filter(|end| *end <= file_len);
        let end = end.ok_or_else(|| Damage::Place { column: leaf.name.to_string(), start, len })?;
        Ok(Self { file: Arc::clone(file), at: start, end, codec, zstd: None })
    }

    /// Reads the next page that is not an index; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Page>, Damage> {
        while self.at < self.end {
            let at = self.at;
            let damaged = |problem| Damage::Page { at, problem };
            let left = self.end - at;
            let mut header = Header::parse(&self.read(at, left.min(USUAL_HEADER))?);
            if header.is_none() {
                header = Header::parse(&self.read(at, left.min(LONGEST_HEADER))?);
            }
            let header = header.ok_or_else(|| damaged(Problem::Header))?;
            let start = at + header.header_len;
            if header.len > left - header.header_len {
                return Err(damaged(Problem::End));
            }
            self.at = start + header.len;
            let Some(kind) = header.kind else { continue };
            let longest = header.len.max(header.raw_len);
            if longest > LONGEST_PAGE {
                return Err(damaged(Problem::Long(longest)));
            }
            let bytes = self.read(start, header.len)?;
            let bytes = header.inflate(bytes, kind, self.codec, &mut self.zstd).map_err(damaged)?;
            let Header { values, encoding, .. } = header;
            return Ok(Some(Page { at, values, encoding, kind, bytes: bytes.into() }));
        }
        Ok(None)
    }

    fn read(&self, at: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }
}

struct Header {
    header_len: u64,
    /// The length in the file.
    len: u64,
    /// The length after decompression.
    raw_len: u64,
    /// `None` for an index.
    kind: Option<PageKind>,
    values: u64,
    encoding: u64,
    /// Whether the values of a page of version 2 are compressed.
    is_compressed: bool,
}

impl Header {
    /// Parses the header at the beginning of `bytes`.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut thrift = Compact::new(bytes);
        let (mut kind, mut len, mut raw_len, mut is_compressed) = (None, None, None, true);
        // The integers of the header of the kind of page. All kinds store values before encodings and lengths.
        let mut fields = [None; 7];
        thrift.fields(|thrift, id, field| {
            match (id, field) {
                (1, Kind::Integer) => kind = Some(thrift.number()?),
                (2, Kind::Integer) => raw_len = Some(thrift.number()?),
                (3, Kind::Integer) => len = Some(thrift.number()?),
                (5 | 7 | 8, Kind::Struct) => thrift.fields(|thrift, id, field| {
                    match (usize::try_from(id), field) {
                        (Ok(at @ 0..7), Kind::Integer) => fields[at] = Some(thrift.number()?),
                        (Ok(7), Kind::Boolean(is_true)) => is_compressed = is_true,
                        _ => thrift.skip(field)?,
                    }
                    Some(())
                })?,
                _ => thrift.skip(field)?,
            }
            Some(())
        })?;
        let [_, values, second, third, fourth, fifth, sixth] = fields;
        let (kind, encoding) = match kind? {
            0 => (Some(PageKind::Data { definition: third?, repetition: fourth? }), second?),
            1 => (None, 0),
            2 => (Some(PageKind::Dictionary), second?),
            3 => (Some(PageKind::DataV2 { definition: fifth?, repetition: sixth? }), fourth?),
            _ => return None,
        };
        let values = if kind.is_some() { values? } else { 0 };
        let header_len = (bytes.len() - thrift.rest().len()) as u64;
        let (len, raw_len) = (len?, raw_len?);
        Some(Self { header_len, len, raw_len, kind, values, encoding, is_compressed })
    }

    /// Decompresses a page to exactly the declared length.
    fn inflate(
        &self,
        bytes: Vec<u8>,
        kind: PageKind,
        codec: u64,
        zstd: &mut Option<Decompressor<'static>>,
    ) -> Result<Vec<u8>, Problem> {
        // The length is at most `LONGEST_PAGE`.
        let raw_len = self.raw_len as usize;
        let is_version_2 = matches!(kind, PageKind::DataV2 { .. });
        if codec == 0 || (is_version_2 && !self.is_compressed) {
            return if bytes.len() == raw_len { Ok(bytes) } else { Err(Problem::Compression) };
        }
        let plain_len = match kind {
            PageKind::DataV2 { definition, repetition } => definition.saturating_add(repetition),
            _ => 0,
        };
        let plain_len = usize::try_from(plain_len).map_err(|_| Problem::Levels)?;
        let (plain, packed) = bytes.split_at_checked(plain_len).ok_or(Problem::Levels)?;
        let len = raw_len.checked_sub(plain_len).ok_or(Problem::Compression)?;
        let inflated = match codec {
            _ if packed.is_empty() => Some(Vec::new()),
            // The decoder allocates the length that the compressed bytes declare.
            1 => Some(packed)
                .filter(|packed| snap::raw::decompress_len(packed).is_ok_and(|found| found == len))
                .and_then(|packed| snap::raw::Decoder::new().decompress_vec(packed).ok()),
            2 => {
                let mut inflated = Vec::new();
                let mut rest = MultiGzDecoder::new(packed).take(len as u64 + 1);
                rest.read_to_end(&mut inflated).ok().map(|_| inflated)
            }
            7 => lz4_flex::block::decompress(packed, len).ok(),
            6 => {
                if zstd.is_none() {
                    *zstd = Decompressor::new().ok();
                }
                zstd.as_mut().and_then(|zstd| zstd.decompress(packed, len).ok())
            }
            _ => return Err(Problem::Codec(codec)),
        };
        let inflated = inflated.filter(|inflated| inflated.len() == len);
        let inflated = inflated.ok_or(Problem::Compression)?;
        Ok(if plain.is_empty() { inflated } else { [plain, &inflated].concat() })
    }
}
