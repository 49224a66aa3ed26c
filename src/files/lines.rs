use std::io::{self, BufRead, BufReader, Read};

/// The lines of a text. Of each line at most a given number of bytes is read.
#[derive(Debug)]
pub struct Lines<R> {
    data: BufReader<R>,
    longest: usize,
    number: u64,
    text: Vec<u8>,
}

/// A line that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// The line number, from 1. Empty lines count.
    pub number: u64,
    /// The text, without leading and trailing white space.
    pub text: &'t [u8],
    /// Whether the line is longer than the limit. `text` is then only its start.
    pub is_too_long: bool,
}

impl<R: Read> Lines<R> {
    /// Reads the lines of `data`, and at most `longest` bytes of each line.
    pub fn new(data: R, longest: usize) -> Self {
        Self { data: BufReader::with_capacity(1 << 17, data), longest, number: 0, text: Vec::new() }
    }

    /// The next line that is not empty; `None` after the last line. The rest of a line over the limit is
    /// skipped.
    ///
    /// # Errors
    /// When the data cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.text.clear();
            self.number += 1;
            // One more byte for the line end.
            let limit = self.longest as u64 + 1;
            let read = self.data.by_ref().take(limit).read_until(b'\n', &mut self.text)?;
            if read == 0 {
                return Ok(None);
            }
            let is_too_long = read > self.longest && self.text.pop_if(|b| *b != b'\n').is_some();
            if is_too_long {
                self.data.skip_until(b'\n')?;
            } else if self.text.trim_ascii().is_empty() {
                continue;
            }
            break Ok(Some(Line {
                number: self.number,
                text: self.text.trim_ascii(),
                is_too_long,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8], longest: usize) -> Vec<(u64, Vec<u8>, bool)> {
        let mut lines = Lines::new(text, longest);
        std::iter::from_fn(|| {
            let line = lines.next_line().unwrap()?;
            Some((line.number, line.text.to_vec(), line.is_too_long))
        })
        .collect()
    }

    #[test]
    fn empty_lines_are_counted_and_long_ones_are_skipped() {
        let text = b"one\n\n \r\n  four\r\nfive5\nfive55\nseven";
        let expected: [(u64, &[u8], bool); 5] = [
            (1, b"one", false),
            (4, b"four", false),
            (5, b"five5", false),
            (6, b"five5", true),
            (7, b"seven", false),
        ];
        let expected = expected.map(|(number, text, long)| (number, text.to_vec(), long));
        assert_eq!(all(text, 7)[..3], expected[..3]);
        assert_eq!(all(b"\n\n\n\nfive5\nfive55\nseven", 5), expected[2..]);
        assert_eq!(all(b"", 5), []);
    }

    proptest! {
        /// Compares the lines with those of the standard library for the whole text.
        #[test]
        fn lines_equal_those_of_the_standard_library(text in "[ab \n]{0,60}", longest in 1..9usize) {
            let expected: Vec<_> = (1..)
                .zip(text.split('\n'))
                .filter(|(_, line)| line.len() > longest || !line.trim_ascii().is_empty())
                .map(|(number, line)| {
                    let kept = &line.as_bytes()[..line.len().min(longest)];
                    (number, kept.trim_ascii().to_vec(), line.len() > longest)
                })
                .collect();
            prop_assert_eq!(all(text.as_bytes(), longest), expected);
        }
    }
}
