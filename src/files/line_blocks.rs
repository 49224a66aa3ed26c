use std::{
    io::{self, Read},
    mem,
    ops::{Deref, Range},
    sync::Arc,
};

use memchr::memchr;

/// The number of bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// A text in a block of texts that were read together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlockText {
    block: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Deref for BlockText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.block[self.range.clone()]
    }
}

impl From<Vec<u8>> for BlockText {
    fn from(text: Vec<u8>) -> Self {
        let range = 0..text.len();
        Self { block: Arc::new(text), range }
    }
}

/// The lines of a text, read in large blocks and not copied. A line over the limit is an error.
#[derive(Debug)]
pub(crate) struct LineBlocks<R> {
    data: R,
    longest: usize,
    /// Whole lines that were read, and the place of the next one.
    block: Arc<Vec<u8>>,
    at: usize,
    /// The number of the last line.
    number: u64,
    /// The beginning of the line after the block.
    rest: Vec<u8>,
    is_end: bool,
}

impl<R: Read> LineBlocks<R> {
    /// Reads the lines of `data`, each of at most `longest` bytes.
    pub(crate) fn new(data: R, longest: usize) -> Self {
        let (block, rest) = (Arc::default(), Vec::new());
        Self { data, longest, block, at: 0, number: 0, rest, is_end: false }
    }

    /// The next line that is not empty, with its number, from 1, without leading and trailing white space; `None` after
    /// the last line. Empty lines count.
    ///
    /// # Errors
    /// When the data cannot be read. The inner error is the number of a line that is too long; those after it are not
    /// read correctly.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Result<(u64, BlockText), u64>>> {
        loop {
            let left = &self.block[self.at..];
            if left.is_empty() {
                if !self.next_block()? {
                    return Ok(None);
                }
                continue;
            }
            let len = memchr(b'\n', left).unwrap_or(left.len());
            let line = &left[..len];
            let text = line.trim_ascii();
            let start = self.at + (line.len() - line.trim_ascii_start().len());
            let range = start..start + text.len();
            self.at += left.len().min(len + 1);
            self.number += 1;
            if len > self.longest {
                return Ok(Some(Err(self.number)));
            }
            if !range.is_empty() {
                return Ok(Some(Ok((self.number, BlockText { block: Arc::clone(&self.block), range }))));
            }
        }
    }

    /// Reads the next block; returns whether there is one. It ends with a line, unless that line is too long.
    fn next_block(&mut self) -> io::Result<bool> {
        let mut block = mem::take(&mut self.rest);
        self.at = 0;
        while !self.is_end {
            let read = block.len();
            block.reserve(BLOCK);
            self.is_end = self.data.by_ref().take(BLOCK as u64).read_to_end(&mut block)? < BLOCK;
            let end = block[read..].iter().rposition(|byte| *byte == b'\n');
            if let Some(end) = end {
                self.rest = block.split_off(read + end + 1);
                break;
            }
            if block.len() > self.longest {
                break;
            }
        }
        self.block = Arc::new(block);
        Ok(!self.block.is_empty())
    }
}
