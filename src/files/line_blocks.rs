use std::{
    io::{self, Read},
    ops::{Deref, Range},
    sync::Arc,
};

use memchr::{memchr, memrchr};

use super::text_block::{FreeBlocks, TextBlock};

/// The number of bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// A text in a block of texts that were read together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BlockText {
    block: Arc<TextBlock>,
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
        Self { block: Arc::new(text.into()), range }
    }
}

/// The whole lines of a text, in large blocks.
#[derive(Debug)]
pub(crate) struct TextBlocks<R> {
    data: R,
    longest: usize,
    /// The beginning of the line after the last block.
    rest: Vec<u8>,
    is_end: bool,
    free: FreeBlocks,
}

impl<R: Read> TextBlocks<R> {
    /// Reads the lines of `data`, each of at most `longest` bytes.
    pub(crate) fn new(data: R, longest: usize) -> Self {
        Self { data, longest, rest: Vec::new(), is_end: false, free: FreeBlocks::default() }
    }

    /// The next block; `None` at the end. It ends with the end of a line, unless that line is the last one or too long.
    ///
    /// # Errors
    /// When the data cannot be read.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<TextBlock>> {
        // Memory that is used again is not cleared, since most of it is read into.
        let mut block = self.free.take().unwrap_or_default();
        let mut len = self.rest.len();
        if block.len() < len {
            block.resize(len, 0);
        }
        block[..len].copy_from_slice(&self.rest);
        self.rest.clear();
        while !self.is_end {
            let read = len;
            if block.len() < read + BLOCK {
                block.resize(read + BLOCK, 0);
            }
            len += self.fill(&mut block[read..read + BLOCK])?;
            if let Some(end) = memrchr(b'\n', &block[read..len]) {
                self.rest.extend_from_slice(&block[read + end + 1..len]);
                len = read + end + 1;
                break;
            }
            if len > self.longest {
                break;
            }
        }
        // The rest of the last block is a line without an end.
        Ok((len > 0).then(|| TextBlock::new(block, len, &self.free)))
    }

    /// Reads as much as there is place for, or up to the end.
    fn fill(&mut self, place: &mut [u8]) -> io::Result<usize> {
        let mut len = 0;
        while len < place.len() && !self.is_end {
            match self.data.read(&mut place[len..]) {
                Ok(read) => {
                    len += read;
                    self.is_end = read == 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(len)
    }
}

/// The lines of a text, read in large blocks and not copied. A line over the limit is an error.
#[derive(Debug)]
pub(crate) struct LineBlocks<R> {
    blocks: TextBlocks<R>,
    block: Arc<TextBlock>,
    /// The place of the next line in the block.
    at: usize,
    /// The number of the last line.
    number: u64,
}

impl<R: Read> LineBlocks<R> {
    /// Reads the lines of `data`, each of at most `longest` bytes.
    pub(crate) fn new(data: R, longest: usize) -> Self {
        Self { blocks: TextBlocks::new(data, longest), block: Arc::default(), at: 0, number: 0 }
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
                let Some(block) = self.blocks.next_block()? else { return Ok(None) };
                (self.block, self.at) = (Arc::new(block), 0);
                continue;
            }
            let len = memchr(b'\n', left).unwrap_or(left.len());
            let line = &left[..len];
            let start = self.at + (line.len() - line.trim_ascii_start().len());
            let range = start..start + line.trim_ascii().len();
            self.at += left.len().min(len + 1);
            self.number += 1;
            if len > self.blocks.longest {
                return Ok(Some(Err(self.number)));
            }
            if !range.is_empty() {
                let text = BlockText { block: Arc::clone(&self.block), range };
                return Ok(Some(Ok((self.number, text))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader that returns at most a given number of bytes per call.
    struct SmallReads<'t>(&'t [u8], usize);

    impl Read for SmallReads<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(out.len());
            self.0.read(&mut out[..most])
        }
    }

    /// The lines up to the first one that is too long, and its number.
    fn lines(text: &[u8], at_once: usize, longest: usize) -> (Vec<(u64, Vec<u8>)>, Option<u64>) {
        let mut lines = LineBlocks::new(SmallReads(text, at_once), longest);
        let mut found = Vec::new();
        loop {
            match lines.next_line().unwrap() {
                None => return (found, None),
                Some(Err(number)) => return (found, Some(number)),
                Some(Ok((number, text))) => found.push((number, text.to_vec())),
            }
        }
    }

    #[test]
    fn lines_cross_blocks() {
        let one = "x".repeat(BLOCK / 3);
        let text = [&one, "\n\n", &one, "\n", &one, &one, &one, &one, "\nend"].concat();
        let lens = |longest| {
            let (found, too_long) = lines(text.as_bytes(), usize::MAX, longest);
            let lens = found.into_iter().map(|(number, text)| (number, text.len()));
            (lens.collect::<Vec<_>>(), too_long)
        };
        let third = one.len();
        let all = vec![(1, third), (3, third), (4, 4 * third), (5, 3)];
        assert_eq!(lens(4 * third), (all.clone(), None));
        assert_eq!(lens(4 * third - 1), (all[..2].to_vec(), Some(4)));
        assert_eq!(lens(third - 1), (vec![], Some(1)));
    }

    proptest! {
        /// Compared with the lines of the standard library for the whole text.
        #[test]
        fn lines_equal_those_of_the_standard_library(
            text in "[ab \n]{0,60}", at_once in 1..9usize, longest in 1..9usize,
        ) {
            let all: Vec<_> = (1..).zip(text.split('\n')).collect();
            let end = all.iter().position(|(_, line)| line.len() > longest);
            let expected: Vec<_> = all[..end.unwrap_or(all.len())]
                .iter()
                .map(|(number, line)| (*number, line.trim_ascii().as_bytes().to_vec()))
                .filter(|(_, line)| !line.is_empty())
                .collect();
            let too_long = end.map(|at| all[at].0);
            prop_assert_eq!(lines(text.as_bytes(), at_once, longest), (expected, too_long));
        }
    }
}
