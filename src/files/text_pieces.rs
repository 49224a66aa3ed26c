//! The whole lines of a text in pieces, each of which the thread that works on it reads from the file.

use std::{io, ops::Range, os::unix::fs::FileExt, sync::Arc};

use memchr::{memchr, memrchr};

use super::{
    Input, TextBlocks,
    plain_text::PlainText,
    text_block::{FreeBlocks, TextBlock},
};

/// The number of bytes in which the lines of a piece begin.
const PIECE: usize = 1 << 20;
/// The number of bytes that are read first to find the end of its last line.
const MORE: u64 = 1 << 12;

/// The whole lines of a text, in pieces.
pub(crate) struct TextPieces(Form);

enum Form {
    /// One thread at a time reads.
    Stream(TextBlocks<Input>),
    Ranges(Ranges),
}

/// A piece of a text.
#[derive(Debug)]
pub(crate) enum TextPiece {
    /// It was read.
    Block(TextBlock),
    /// It is in a file.
    Unread(Unread),
}

impl TextPieces {
    /// Reads the lines of `input`, each of at most `longest` bytes.
    ///
    /// # Errors
    /// When the data cannot be read.
    pub(crate) fn new(input: Input, longest: usize) -> io::Result<Self> {
        Ok(Self(match input.plain_text()? {
            Some(text) => Form::Ranges(Ranges::new(text, longest, PIECE)),
            None => Form::Stream(TextBlocks::new(input, longest)),
        }))
    }

    /// The next piece; `None` at the end. It ends with the end of a line, unless that line is the last one or too long.
    ///
    /// # Errors
    /// When the data cannot be read.
    pub(crate) fn next_piece(&mut self) -> io::Result<Option<TextPiece>> {
        match &mut self.0 {
            Form::Stream(blocks) => Ok(blocks.next_block()?.map(TextPiece::Block)),
            Form::Ranges(ranges) => Ok(ranges.next().map(TextPiece::Unread)),
        }
    }
}

impl TextPiece {
    /// Reads the piece, if it was not read.
    ///
    /// # Errors
    /// When the file cannot be read, or has become shorter.
    pub(crate) fn read(self) -> io::Result<TextBlock> {
        match self {
            Self::Block(block) => Ok(block),
            Self::Unread(piece) => piece.read(),
        }
    }
}

/// The lines of a file, by the ranges in which they begin.
#[derive(Debug)]
struct Ranges {
    text: Arc<PlainText>,
    longest: usize,
    piece: usize,
    /// Where the next range begins.
    at: u64,
    free: FreeBlocks,
}

impl Ranges {
    fn new(text: PlainText, longest: usize, piece: usize) -> Self {
        let at = text.range.start;
        Self { text: Arc::new(text), longest, piece, at, free: FreeBlocks::default() }
    }
}

impl Iterator for Ranges {
    type Item = Unread;

    fn next(&mut self) -> Option<Unread> {
        let start = self.at;
        let end = self.text.range.end.min(start + self.piece as u64);
        self.at = end;
        let (text, free) = (Arc::clone(&self.text), Arc::clone(&self.free));
        (start < end).then_some(Unread { text, range: start..end, longest: self.longest, free })
    }
}

/// The lines that begin in a range of a file.
#[derive(Debug)]
pub(crate) struct Unread {
    text: Arc<PlainText>,
    range: Range<u64>,
    longest: usize,
    free: FreeBlocks,
}

impl Unread {
    fn read(self) -> io::Result<TextBlock> {
        let Self { text, range, longest, free } = self;
        let counted = range.end.max(text.reported) - range.start.max(text.reported);
        // The byte before shows whether a line begins with the range.
        let before = u64::from(range.start > text.range.start);
        let mut bytes =
            Bytes { buffer: free.take().unwrap_or_default(), len: 0, next: range.start - before };
        bytes.read(&text, range.end)?;
        text.watcher.read(counted);
        let start = match before {
            0 => 0,
            _ => memchr(b'\n', bytes.get()).map_or(bytes.len, |end| end + 1),
        };
        // The last line that begins in the range may end after it.
        let mut last = memrchr(b'\n', bytes.get()).map_or(0, |end| end + 1);
        let mut more = MORE;
        while start < bytes.len && last < bytes.len && bytes.len - last <= longest {
            let read = bytes.len;
            let end = text.range.end.min(bytes.next + more);
            if bytes.next == end {
                break;
            }
            bytes.read(&text, end)?;
            if let Some(end) = memchr(b'\n', &bytes.get()[read..]) {
                bytes.len = read + end + 1;
                last = bytes.len;
            }
            more = (2 * more).min(PIECE as u64);
        }
        let Bytes { buffer, len, .. } = bytes;
        let mut block = TextBlock::new(buffer, len, &free);
        block.advance(start);
        Ok(block)
    }
}

/// What was read of a file. The memory after it, which was used before, is not cleared.
struct Bytes {
    buffer: Vec<u8>,
    len: usize,
    /// Where the bytes after them are in the file.
    next: u64,
}

impl Bytes {
    fn get(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Reads the bytes up to this place in the file.
    fn read(&mut self, text: &PlainText, end: u64) -> io::Result<()> {
        // A range is not longer than memory.
        let after = self.len + (end - self.next) as usize;
        if self.buffer.len() < after {
            self.buffer.resize(after, 0);
        }
        text.file.read_exact_at(&mut self.buffer[self.len..after], self.next)?;
        (self.len, self.next) = (after, end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::files::{ReadProgress, ReadProgressHandle};

    /// The pieces of a file that begins with `mark`, as long as its lines are not too long.
    fn pieces(mark: &[u8], text: &[u8], piece: usize, longest: usize) -> Vec<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[mark, text].concat()).unwrap();
        let start = mark.len() as u64;
        let range = start..start + text.len() as u64;
        let (reported, watcher) = (0, ReadProgressHandle::default());
        let text = PlainText { file, range, reported, watcher };
        Ranges::new(text, longest, piece).map(|piece| piece.read().unwrap().to_vec()).collect()
    }

    proptest! {
        #[test]
        fn the_pieces_are_whole_lines(text in "[ab\n]{0,60}", piece in 1..20usize) {
            let found = pieces(b"mark", text.as_bytes(), piece, usize::MAX);
            prop_assert_eq!(found.concat(), text.as_bytes());
            prop_assert_eq!(found.len(), text.len().div_ceil(piece));
            let mut begins = 0;
            for (at, piece_of) in found.iter().enumerate() {
                let is_last = begins + piece_of.len() == text.len();
                prop_assert!(piece_of.is_empty() || is_last || piece_of.ends_with(b"\n"));
                // Every line begins in the range of its piece.
                let lines = piece_of.split_inclusive(|byte| *byte == b'\n');
                for line in lines {
                    prop_assert_eq!(begins / piece, at);
                    begins += line.len();
                }
            }
        }

        #[test]
        fn a_line_that_is_too_long_is_not_read_to_its_end(len in 5000..50_000usize, longest in 1..3000usize) {
            let text = format!("ab\n{}\ncd", "x".repeat(len));
            let found = pieces(b"", text.as_bytes(), 10, longest);
            prop_assert!(found[0].starts_with(b"ab\nx"));
            let read = found[0].len() - 3;
            prop_assert!(read > longest && read <= longest.max(7) + 4096, "{} {}", read, longest);
        }
    }

    #[test]
    fn bytes_are_reported_once_and_a_shorter_file_is_an_error() {
        #[derive(Debug, Default)]
        struct Sum(Mutex<u64>);

        impl ReadProgress for Sum {
            fn expect(&self, _: u64) {}
            fn read(&self, bytes: u64) {
                *self.0.lock().unwrap() += bytes;
            }
            fn all_read(&self) {}
        }

        let sum = Arc::new(Sum::default());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all("line\n".repeat(100).as_bytes()).unwrap();
        let same = file.try_clone().unwrap();
        let watcher = ReadProgressHandle::new(sum.clone());
        let text = PlainText { file, range: 0..500, reported: 120, watcher };
        let mut ranges = Ranges::new(text, 100, 50);
        (0..9).for_each(|_| drop(ranges.next().unwrap().read().unwrap()));
        assert_eq!(*sum.0.lock().unwrap(), 450 - 120);
        same.set_len(460).unwrap();
        let error = ranges.next().unwrap().read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
