//! The values of a text in pieces that any thread can parse.

use std::io;

use memchr::memchr;

use super::values::{JsonValues, LONGEST_VALUE, ValueChunk, is_spread};
use crate::{
    archive::Place,
    files::{Input, InputError, TextBlock, TextPiece, TextPieces},
    ingest::IndexError,
};

/// The bytes of a piece of values that are not lines.
const PIECE: usize = 1 << 20;

/// The values of a text: one per line, or, if the first value is an array or takes several lines, as brackets delimit
/// them.
pub(in crate::ingest) struct JsonPieces {
    name: String,
    form: Form,
}

enum Form {
    Lines(TextPieces),
    Values(JsonValues),
}

/// Some values of a text, which the thread that parses them may have to read.
pub(in crate::ingest) enum UnreadPiece {
    Lines(TextPiece),
    Values(ValueChunk),
}

/// Some values of a text.
pub(in crate::ingest) enum JsonPiece {
    /// Lines.
    Lines(TextBlock),
    /// Other values, with their places.
    Values(ValueChunk),
}

impl JsonPieces {
    /// Begins to read an input.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(in crate::ingest) fn new(input: Input) -> Result<Self, InputError> {
        let name = input.name().to_owned();
        let form = match is_spread(input.head()) {
            true => Form::Values(JsonValues::new(input)),
            false => match TextPieces::new(input, LONGEST_VALUE) {
                Ok(pieces) => Form::Lines(pieces),
                Err(source) => return Err(InputError::Read { name, source }),
            },
        };
        Ok(Self { name, form })
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`IndexError`] when the input cannot be read, or the brackets of a value are not closed.
    pub(in crate::ingest) fn next(&mut self) -> Result<Option<UnreadPiece>, IndexError> {
        match &mut self.form {
            Form::Lines(pieces) => match pieces.next_piece() {
                Ok(piece) => Ok(piece.map(UnreadPiece::Lines)),
                Err(source) => Err(InputError::Read { name: self.name.clone(), source }.into()),
            },
            Form::Values(values) => {
                let mut chunk = ValueChunk::default();
                values.read_up_to(PIECE, &mut chunk)?;
                Ok((!chunk.is_empty()).then_some(UnreadPiece::Values(chunk)))
            }
        }
    }
}

impl UnreadPiece {
    /// Reads the piece, if it was not read.
    ///
    /// # Errors
    /// When the file cannot be read, or has become shorter.
    pub(in crate::ingest) fn read(self) -> io::Result<JsonPiece> {
        Ok(match self {
            Self::Lines(piece) => JsonPiece::Lines(piece.read()?),
            Self::Values(chunk) => JsonPiece::Values(chunk),
        })
    }
}

impl JsonPiece {
    /// How many bytes of text it has.
    pub(in crate::ingest) fn len(&self) -> usize {
        match self {
            Self::Lines(block) => block.len(),
            Self::Values(chunk) => chunk.text_len(),
        }
    }

    /// Passes the values to `take`, until it returns `false`, each with its place. Lines have their ends; they are counted
    /// from the beginning of the piece, and those that are empty are left out. Returns the number of lines up to the last
    /// one that was passed over; if that one is too long, as an error.
    pub(in crate::ingest) fn each(
        &self,
        mut take: impl FnMut(&[u8], Place) -> bool,
    ) -> Result<u64, u64> {
        match self {
            Self::Lines(block) => {
                each_line(block, LONGEST_VALUE, |line, number| take(line, Place::Line(number)))
            }
            Self::Values(chunk) => {
                let mut values = (0..chunk.len()).map(|index| chunk.value(index));
                values.all(|(text, place)| take(text, place));
                Ok(0)
            }
        }
    }
}

fn each_line(
    text: &[u8],
    longest: usize,
    mut take: impl FnMut(&[u8], u64) -> bool,
) -> Result<u64, u64> {
    let (mut rest, mut number) = (text, 0);
    while !rest.is_empty() {
        let len = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(rest.len().min(len + 1));
        rest = after;
        number += 1;
        if len > longest {
            return Err(number);
        }
        if !line.trim_ascii().is_empty() && !take(line, number) {
            break;
        }
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_up_to_the_last_one_that_is_wanted_or_too_long() {
        let lines = |text: &str, end: &str| {
            let mut found = Vec::new();
            let count = each_line(text.as_bytes(), 3, |line, number| {
                found.push((number, String::from_utf8_lossy(line).trim().to_owned()));
                line.trim_ascii() != end.as_bytes()
            });
            let found = found.iter().map(|(number, line)| format!("{number}{line}"));
            (found.collect::<Vec<_>>().join(" "), count)
        };
        assert_eq!(lines("a\n\n \r\nb\n", ""), ("1a 4b".into(), Ok(4)));
        assert_eq!(lines("a\nb\nabc", "b"), ("1a 2b".into(), Ok(2)));
        assert_eq!(lines("a\nb\nabc", ""), ("1a 2b 3abc".into(), Ok(3)));
        assert_eq!(lines("a\nabcd\nb", ""), ("1a".into(), Err(2)));
        assert_eq!(lines("", ""), (String::new(), Ok(0)));
    }
}
