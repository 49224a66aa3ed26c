use std::io::{self, Chain, Cursor, Read};

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use crate::{
    files::{BlockText, Input, InputError, LineBlocks},
    records::json_array::Elements,
};

/// The maximum size of a record in bytes: a message of about 30 MiB, far more than a chain accepts.
const LONGEST_RECORD: usize = 64 << 20;

/// The texts of the records of an input, with the numbers of the lines in which they begin. The input has one record per
/// line, or is a record in several lines or such records one after another, or is an array of records, which are counted.
pub struct Records {
    name: String,
    source: Source,
}

enum Source {
    Lines(LineBlocks<Chain<Cursor<Vec<u8>>, Input>>),
    Array(Elements<Input>),
    Values(Values),
}

/// JSON values one after another.
struct Values {
    text: Vec<u8>,
    /// The place of the next value.
    at: usize,
    /// The number of the line there.
    line: u64,
}

impl Records {
    /// Opens an input. Its first lines may be damaged: then it is one record per line if its second line begins like a
    /// record, or any line is one.
    ///
    /// # Errors
    /// [`InputError`] when the input cannot be read, or is too long and does not have one record per line.
    pub fn open(mut input: Input) -> Result<Self, InputError> {
        let name = input.name().to_owned();
        let head = input.head().trim_ascii_start();
        let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_line = || {
            let is_all = first.len() == head.len() && !first.contains(&b'\r');
            is_all || serde_json::from_slice::<IgnoredAny>(first).is_ok()
        };
        let lines = |text, input: Input| {
            Source::Lines(LineBlocks::new(Cursor::new(text).chain(input), LONGEST_RECORD))
        };
        let source = match head.first() {
            Some(b'[') => Source::Array(Elements::new(input, LONGEST_RECORD)),
            Some(b'{') if !is_line() => {
                let mut text = Vec::new();
                let read_error = |source| InputError::Read { name: name.clone(), source };
                let most = LONGEST_RECORD as u64 + 1;
                input.by_ref().take(most).read_to_end(&mut text).map_err(read_error)?;
                let rest = text.trim_ascii_start().split(|byte| *byte == b'\n').skip(1);
                let second = rest.clone().next().map(<[u8]>::trim_ascii_start).unwrap_or_default();
                let is_object = |line: &[u8]| {
                    line.first() == Some(&b'{')
                        && serde_json::from_slice::<IgnoredAny>(line).is_ok()
                };
                if value_len(&text).is_none()
                    && (second.first() == Some(&b'{') || rest.into_iter().any(is_object))
                {
                    lines(text, input)
                } else if text.len() > LONGEST_RECORD {
                    return Err(read_error(too_long("the JSON document")));
                } else {
                    Source::Values(Values { text, at: 0, line: 1 })
                }
            }
            _ => lines(Vec::new(), input),
        };
        Ok(Self { name, source })
    }

    /// The name of the input, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Iterator for Records {
    type Item = Result<(u64, BlockText), InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match &mut self.source {
            Source::Values(values) => {
                Ok(values.next().map(|(line, text)| (line, text.to_owned().into())))
            }
            Source::Array(elements) => elements
                .next_element()
                .map(|found| found.map(|(number, text)| (number, text.into()))),
            Source::Lines(lines) => match lines.next_line() {
                Ok(Some(Err(number))) => Err(too_long(&format!("line {number}"))),
                Ok(Some(Ok(line))) => Ok(Some(line)),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
        };
        let read_error = |source| InputError::Read { name: self.name.clone(), source };
        record.map_err(read_error).transpose()
    }
}

impl Values {
    /// The next value. A damaged one ends where a line begins with a bracket.
    fn next(&mut self) -> Option<(u64, &[u8])> {
        let rest = &self.text[self.at..];
        let white = rest.len() - rest.trim_ascii_start().len();
        let value = &rest[white..];
        let next_line = || value.windows(2).position(|pair| pair == b"\n{").map(|at| at + 1);
        let len = value_len(value).or_else(next_line).unwrap_or(value.len());
        let newlines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count() as u64;
        let line = self.line + newlines(&rest[..white]);
        (self.at, self.line) = (self.at + white + len, line + newlines(&value[..len]));
        (len > 0).then(|| (line, &self.text[self.at - len..self.at]))
    }
}

/// The length of the JSON value with which a text begins. `None` if there is none, or if it is followed by something else
/// than another value in the same line.
fn value_len(text: &[u8]) -> Option<usize> {
    let mut values = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let len = values.byte_offset();
    let after = text[len..].iter().find(|byte| !b" \t\r".contains(byte));
    matches!(after, None | Some(b'\n' | b'{')).then_some(len)
}

fn too_long(what: &str) -> io::Error {
    let text = format!("{what} is longer than {LONGEST_RECORD} bytes, the maximum for a record");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn texts(input: &str) -> Vec<(u64, String)> {
        let input = Input::from_reader("test", Cursor::new(input.to_owned())).unwrap();
        let records = Records::open(input).unwrap();
        records
            .map(|r| r.map(|(n, t)| (n, str::from_utf8(&t).unwrap().trim().to_owned())).unwrap())
            .collect()
    }

    #[test]
    fn lines_arrays_and_documents_are_distinguished() {
        let expect = |items: &[(u64, &str)]| -> Vec<(u64, String)> {
            items.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
        };
        assert_eq!(
            texts("{\"a\":1}\n\n{\"b\":2}\n"),
            expect(&[(1, "{\"a\":1}"), (3, "{\"b\":2}")])
        );
        assert_eq!(texts("[{\"a\":1},\n{\"b\":2}]"), expect(&[(1, "{\"a\":1}"), (2, "{\"b\":2}")]));
        assert_eq!(texts("{\n\"a\":1\n}"), expect(&[(1, "{\n\"a\":1\n}")]));
        // As `jq .` writes records, with one that is damaged; with the line ends of an old Mac; a record of two lines.
        assert_eq!(
            texts("\n{\n \"a\":1\n}\n\n{\n \"b\":2\n}\n{\n \"c\n"),
            expect(&[(2, "{\n \"a\":1\n}"), (6, "{\n \"b\":2\n}"), (9, "{\n \"c")])
        );
        assert_eq!(texts("{\"a\":1}\r{\"b\":2}\r"), expect(&[(1, "{\"a\":1}"), (1, "{\"b\":2}")]));
        assert_eq!(texts("{\"a\":\n{\"b\":2}}"), expect(&[(1, "{\"a\":\n{\"b\":2}}")]));
        // The first line is damaged.
        for first in ["{\"a\":\"0", "{\"a\":[1,", "{\"a\":1},", "{\"a\":1} x"] {
            assert_eq!(
                texts(&format!("{first}\n{{\"b\":2}}\n{{\"c\":3}}\n")),
                expect(&[(1, first), (2, "{\"b\":2}"), (3, "{\"c\":3}")])
            );
        }
        // The first two lines are.
        for second in ["garbage", "\"b\":2}", "]"] {
            assert_eq!(
                texts(&format!("{{\"a\":\"0\n{second}\n{{\"c\":3}}\n{{\"d\":4}}\n")),
                expect(&[(1, "{\"a\":\"0"), (2, second), (3, "{\"c\":3}"), (4, "{\"d\":4}")])
            );
        }
        // The first record of several lines, and one between others.
        assert_eq!(
            texts("{\n \"a\":\n}\n{\n \"b\":2\n}\n{\n \"c\n}\n{\n \"d\":4\n}\n"),
            expect(&[
                (1, "{\n \"a\":\n}"),
                (4, "{\n \"b\":2\n}"),
                (7, "{\n \"c\n}"),
                (10, "{\n \"d\":4\n}")
            ])
        );
        assert_eq!(texts("garbage\n{}"), expect(&[(1, "garbage"), (2, "{}")]));
    }

    /// Only a record has a longest length, not their list, whatever its first line is.
    #[test]
    fn long_lists_may_begin_with_damage() {
        let line = format!("{{\"a\":\"{}\"}}\n", "0".repeat(1 << 20));
        let list = format!("{{\"a\n{}", line.repeat(66));
        assert!(list.len() > LONGEST_RECORD);
        let records = Records::open(Input::from_reader("test", Cursor::new(list)).unwrap());
        let lens: Vec<usize> = records.unwrap().map(|record| record.unwrap().1.len()).collect();
        assert_eq!(lens, [&[3][..], &[line.len() - 1; 66]].concat());
    }

    #[test]
    fn a_document_has_at_most_the_longest_length() {
        for (len, is_refused) in [(LONGEST_RECORD, false), (LONGEST_RECORD + 1, true)] {
            let document = Cursor::new("{\n").chain(std::io::repeat(b' ')).take(len as u64);
            let records = Records::open(Input::from_reader("test", document).unwrap());
            assert_eq!(records.is_err(), is_refused, "{len}");
        }
    }
}
