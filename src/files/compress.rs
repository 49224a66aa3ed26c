//! Compressing an output on all threads, into the same bytes whatever their number.

use std::{
    io::{self, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use rayon::prelude::*;

/// How much text becomes one gzip member or zstd frame. Both formats say that a file of several is the
/// text of all of them, one after the other.
const BLOCK_LEN: usize = 1 << 20;
/// How many blocks are compressed side by side.
const BLOCKS_AT_ONCE: usize = 32;

/// zlib's levels 1 and 2 shrink proofs half as well, those above 4 take longer and gain nothing.
const GZIP_LEVEL: u32 = 3;
const ZSTD_LEVEL: i32 = 1;

/// How an output is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Zstd,
}

impl Codec {
    /// The one that a file's name asks for: `.gz` or `.zst`.
    pub(super) fn of_name(target: &Path) -> Option<Self> {
        let ends_with = |wanted| target.extension().is_some_and(|e| e.eq_ignore_ascii_case(wanted));
        match () {
            () if ends_with("gz") => Some(Self::Gzip),
            () if ends_with("zst") => Some(Self::Zstd),
            () => None,
        }
    }

    fn compress(self, text: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut member = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
                member.write_all(text)?;
                member.finish()
            }
            Self::Zstd => {
                let mut frame = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                frame.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
                frame.compress(text)
            }
        }
    }
}

/// Text on its way through a codec, cut into blocks at fixed places.
pub(super) struct Blocks {
    codec: Codec,
    text: Vec<u8>,
    begun: bool,
}

impl Blocks {
    pub(super) fn new(codec: Codec) -> Self {
        Self { codec, text: Vec::new(), begun: false }
    }

    /// Takes text, and writes what is full.
    pub(super) fn push(&mut self, mut text: &[u8], out: &mut impl Write) -> io::Result<()> {
        const LEN: usize = BLOCK_LEN * BLOCKS_AT_ONCE;
        while self.text.len() + text.len() >= LEN {
            let (now, later) = text.split_at(LEN - self.text.len());
            self.text.extend_from_slice(now);
            self.write(out)?;
            text = later;
        }
        self.text.extend_from_slice(text);
        Ok(())
    }

    /// Writes the rest. No text at all is one empty block, for an empty file is no gzip.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if !self.text.is_empty() {
            return self.write(out);
        }
        if self.begun { Ok(()) } else { out.write_all(&self.codec.compress(&[])?) }
    }

    fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.begun = true;
        let blocks = self.text.par_chunks(BLOCK_LEN).map(|block| self.codec.compress(block));
        for block in blocks.collect::<Vec<_>>() {
            out.write_all(&block?)?;
        }
        self.text.clear();
        Ok(())
    }
}
