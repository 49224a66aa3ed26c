use std::io::{self, Chain, Cursor, Read};

use memchr::memchr2_iter;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use crate::{
    files::{BlockText, Input, InputError, LineBlocks},
    proof::reader::bundled,
    records::json_array::Elements,
};

/// The maximum size of a record in bytes: a message of about 30 MiB, far more than a chain accepts.
const LONGEST_RECORD: usize = 64 << 20;

/// The texts of the records of an input, with the numbers of the lines in which they begin. The input has one record per
/// line, or is a record in several lines or such records one after another, or is an array of records, which are counted,
/// or a page with such an array.
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
    /// How far damaged values were parsed. Nothing before is parsed again, so that the work is bounded.
    parsed: usize,
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
        let read_error = |source| InputError::Read { name: name.clone(), source };
        let source = match (head.first(), bundled(input.head())) {
            (_, Some(start)) => {
                io::copy(&mut input.by_ref().take(start as u64), &mut io::sink())
                    .map_err(read_error)?;
                Source::Array(Elements::within(input, LONGEST_RECORD))
            }
            (Some(b'['), _) => Source::Array(Elements::new(input, LONGEST_RECORD)),
            (Some(b'{'), _) if !is_line() => {
                let mut text = Vec::new();
                let most = LONGEST_RECORD as u64 + 1;
                input.by_ref().take(most).read_to_end(&mut text).map_err(read_error)?;
                let rest = text.trim_ascii_start().split(|byte| *byte == b'\n').skip(1);
                let second = rest.clone().next().map(<[u8]>::trim_ascii_start).unwrap_or_default();
                let is_object = |line: &[u8]| {
                    line.first() == Some(&b'{')
                        && serde_json::from_slice::<IgnoredAny>(line).is_ok()
                };
                if value_len(&text).is_err()
                    && (second.first() == Some(&b'{') || rest.into_iter().any(is_object))
                {
                    lines(text, input)
                } else if text.len() > LONGEST_RECORD {
                    return Err(read_error(too_long("the JSON document")));
                } else {
                    Source::Values(Values { text, at: 0, line: 1, parsed: 0 })
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
        let (start, value) = (self.at + white, &rest[white..]);
        let whole = if start < self.parsed { Err(0) } else { value_len(value) };
        let len = whole.unwrap_or_else(|parsed| {
            self.parsed = self.parsed.max(start + parsed);
            next_object(value).unwrap_or(value.len())
        });
        let newlines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count() as u64;
        let line = self.line + newlines(&rest[..white]);
        (self.at, self.line) = (start + len, line + newlines(&value[..len]));
        (len > 0).then(|| (line, &self.text[self.at - len..self.at]))
    }
}

/// The length of the JSON value with which a text begins, or how much of the text was parsed if there is none, or if it is
/// followed by something else than another value in the same line.
fn value_len(text: &[u8]) -> Result<usize, usize> {
    let mut values = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => {
            let len = values.byte_offset();
            let after = text[len..].iter().find(|byte| !b" \t\r".contains(byte));
            if matches!(after, None | Some(b'\n' | b'{')) { Ok(len) } else { Err(len) }
        }
        Some(Err(error)) => {
            let lines =
                text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
            Err(lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1))
        }
        None => Err(0),
    }
}

/// Where the next line begins with an object, after the first one.
fn next_object(text: &[u8]) -> Option<usize> {
    memchr2_iter(b'\n', b'\r', text).find_map(|end| {
        let line = &text[end + 1..];
        let blank = line.iter().take_while(|byte| b" \t".contains(byte)).count();
        (line.get(blank) == Some(&b'{')).then_some(end + 1 + blank)
    })
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
        // Records between others, which were cut from a list, or have the line ends of an old Mac.
        assert_eq!(
            texts("{\n \"a\":1\n}\n  {\n \"b\":,\n },\n  {\n \"c\":3\n }\n{\"d\":4}"),
            expect(&[
                (1, "{\n \"a\":1\n}"),
                (4, "{\n \"b\":,\n },"),
                (7, "{\n \"c\":3\n }"),
                (10, "{\"d\":4}")
            ])
        );
        assert_eq!(
            texts("{\"a\":1}\r{\"b\":\"2}\r{\"c\":3}\r"),
            expect(&[(1, "{\"a\":1}"), (1, "{\"b\":\"2}"), (1, "{\"c\":3}")])
        );
        // A record without its last line, and what it would swallow as the value of a member.
        assert_eq!(
            texts("{\n \"a\":1\n}\n{\n \"b\":\n{\n \"c\":3\n}\n{\n \"d\":4\n}\n"),
            expect(&[
                (1, "{\n \"a\":1\n}"),
                (4, "{\n \"b\":"),
                (6, "{\n \"c\":3\n}"),
                (9, "{\n \"d\":4\n}")
            ])
        );
        assert_eq!(texts("garbage\n{}"), expect(&[(1, "garbage"), (2, "{}")]));
    }

    /// Values of which none ends: each is parsed up to the end of the text only once, or this takes hours.
    #[test]
    fn damaged_values_are_not_parsed_again_and_again() {
        let count = 200_000;
        let text = format!("{{\n\"a\":1}}\n{}", "{\"a\":\n".repeat(count));
        assert_eq!(texts(&text).len(), 1 + count);
    }

    #[test]
    fn the_records_in_a_page_are_those_of_its_list() {
        let page = |records: &str| {
            format!(
                "<!doctype html>\n<p>[1]</p>\n<script type=\"application/json\" id=\"bundle\">{records}\
                 </script><script>f([2])</script>\n"
            )
        };
        let expect = |items: &[(u64, &str)]| -> Vec<(u64, String)> {
            items.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
        };
        let found = texts(&page("[{\"a\":1},\n{\"b\":2}]"));
        assert_eq!(found, expect(&[(1, "{\"a\":1}"), (2, "{\"b\":2}")]));
        assert_eq!(texts(&page("[]")), []);
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
