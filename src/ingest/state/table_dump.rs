//! A dump of a database as blocks of lines, so that the rows of its tables can be parsed apart.

use std::{
    io::{self, Read},
    mem,
};

use memchr::{memchr, memchr_iter, memmem};

use crate::files::{TextBlock, TextBlocks};

/// The end of the rows of a table.
const END: &[u8] = b"\\.";

/// The lines of a dump, and blocks of the rows of its tables.
pub(super) struct DumpText<R> {
    blocks: TextBlocks<R>,
    longest: usize,
    /// The last block, of which the part from `at` on is left.
    block: TextBlock,
    at: usize,
    /// The number of lines before that part.
    pub(super) lines: u64,
    /// Whether the last block ended within a line, which is too long.
    is_in_line: bool,
    /// Whether the end of the table was found.
    is_table_over: bool,
}

impl<R: Read> DumpText<R> {
    /// Reads the text of `data`. Rows have at most `longest` bytes.
    pub(super) fn new(data: R, longest: usize) -> Self {
        let blocks = TextBlocks::new(data, longest);
        let (block, is_in_line, is_table_over) = (TextBlock::default(), false, false);
        Self { blocks, longest, block, at: 0, lines: 0, is_in_line, is_table_over }
    }

    /// The next line without its end; `None` after the last one. Of a line that is too long, the beginning.
    pub(super) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.has_more()? {
            return Ok(None);
        }
        self.lines += 1;
        let left = &self.block[self.at..];
        let len = memchr(b'\n', left).unwrap_or(left.len());
        let line = left[..len].to_vec();
        self.at = self.block.len().min(self.at + len + 1);
        // A block without a line end is a part of a line that is too long, or the last line.
        while self.at == self.block.len()
            && line.len() > self.longest
            && self.block.last() != Some(&b'\n')
        {
            if !self.has_more()? {
                break;
            }
            self.at = memchr(b'\n', &self.block).map_or(self.block.len(), |end| end + 1);
        }
        Ok(Some(line))
    }

    /// Begins the rows of a table with the next line.
    pub(super) fn begin_table(&mut self) {
        (self.is_in_line, self.is_table_over) = (false, false);
    }

    /// The next rows of the table; `None` after the last ones. The lines of rows are not counted.
    pub(super) fn rows(&mut self) -> io::Result<Option<TextBlock>> {
        if self.is_table_over || !self.has_more()? {
            return Ok(None);
        }
        let left = &self.block[self.at..];
        if let Some(end) = end_of_rows(left, !self.is_in_line) {
            // The rest stays where it is, since a block may hold very many tables.
            let (rows, after) = left.split_at(end);
            let rows = rows.to_vec();
            self.at += end + memchr(b'\n', after).map_or(after.len(), |end| end + 1);
            self.is_table_over = true;
            return Ok(Some(rows.into()));
        }
        self.is_in_line = left.last() != Some(&b'\n');
        let mut rows = mem::take(&mut self.block);
        rows.advance(mem::take(&mut self.at));
        Ok(Some(rows))
    }

    /// Passes over the rows of the table.
    pub(super) fn skip_table(&mut self) -> io::Result<()> {
        self.begin_table();
        let mut is_whole = true;
        while let Some(rows) = self.rows()? {
            self.lines += memchr_iter(b'\n', &rows).count() as u64;
            is_whole = rows.last().map_or(is_whole, |last| *last == b'\n');
        }
        self.lines += u64::from(!is_whole);
        Ok(())
    }

    /// Goes past the end of the table. Returns `false` if it is missing.
    pub(super) fn end_table(&mut self) -> bool {
        self.lines += 1;
        self.is_table_over
    }

    /// Whether text is left. Reads the next block if it is needed.
    fn has_more(&mut self) -> io::Result<bool> {
        if self.at == self.block.len() {
            (self.block, self.at) = (self.blocks.next_block()?.unwrap_or_default(), 0);
        }
        Ok(self.at < self.block.len())
    }
}

/// Where the line that ends a table begins. `is_line_start` says whether the text begins with a line.
fn end_of_rows(text: &[u8], is_line_start: bool) -> Option<usize> {
    memmem::find_iter(text, END).find(|&at| {
        let is_start = at.checked_sub(1).map_or(is_line_start, |before| text[before] == b'\n');
        is_start
            && matches!(&text[at + END.len()..], [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 1 << 16;

    /// The tables `wanted` of a dump as they are read: the numbers of the lines before and after their rows, and the
    /// rows; and the number of all lines.
    fn read(text: &str) -> (Vec<(u64, u64, String)>, u64) {
        let (mut dump, mut found) = (DumpText::new(text.as_bytes(), LONGEST), Vec::new());
        while let Some(line) = dump.line().unwrap() {
            match &line[..] {
                b"wanted" => {
                    dump.begin_table();
                    let (before, mut rows) = (dump.lines, Vec::new());
                    while let Some(more) = dump.rows().unwrap() {
                        rows.extend_from_slice(&more);
                    }
                    dump.lines += rows.iter().filter(|byte| **byte == b'\n').count() as u64;
                    found.push((before, dump.lines, String::from_utf8(rows).unwrap()));
                }
                b"other" => dump.skip_table().unwrap(),
                _ => continue,
            }
            assert_eq!(dump.end_table(), text.contains("\\."));
        }
        (found, dump.lines)
    }

    #[test]
    fn tables_of_many_blocks_end_where_their_end_is_a_line() {
        // The text of an end, in lines that are read in parts: no line of its own.
        let long = "\\.".repeat(1 << 20);
        let rows = "1\t\\\\x\n\n2\t\\.\n\\.3\r\n".repeat(200_000);
        let count = 4 * 200_000;
        for end in ["\\.\n", "\\.\r\n"] {
            let text = format!(
                "--{long}\nother\n{rows}{long}\n{end}{long}\nwanted\n{rows}{end}text\nwanted\n{end}"
            );
            let first = 2 + count + 3 + 1;
            let second = first + count + 3;
            let expected =
                vec![(first, first + count, rows.clone()), (second, second, String::new())];
            assert_eq!(read(&text), (expected, second + 1));
        }
    }

    #[test]
    fn a_block_may_hold_many_tables() {
        let text = "wanted\n1\n\\.\nother\n\\.\n".repeat(100_000);
        let (tables, lines) = read(&text);
        let expected = (0..100_000).map(|at| (5 * at + 1, 5 * at + 2, "1\n".to_owned()));
        assert!(tables.into_iter().eq(expected));
        assert_eq!(lines, 500_000);
    }

    #[test]
    fn the_end_of_a_table_may_be_the_end_of_the_text() {
        for end in ["\\.", "\\.\r"] {
            assert_eq!(read(&format!("wanted\n1\n{end}")), (vec![(1, 2, "1\n".into())], 3));
        }
        // One that is missing is the line after the last one.
        assert_eq!(read("wanted\n1\n"), (vec![(1, 2, "1\n".into())], 3));
        assert_eq!(read("other\n1"), (vec![], 3));
    }
}
