//! Sequences of JSON values: one per line, the elements of arrays, or separated by anything. A value is
//! delimited by its brackets alone, or by its line, so an error inside one value affects no other value.

use std::{
    io::{BufRead, BufReader, Read},
    mem,
};

use super::first_object::first_object;
use crate::{
    archive::Place,
    files::{Input, InputError, JsonNesting},
    ingest::{IndexError, logs::SourceError},
};

/// A node's answer with the events of thousands of blocks takes tens of megabytes. 16384 logs of a batch take
/// 3 MB; the rest is for messages.
pub(in crate::ingest) const LONGEST_VALUE: usize = 128 << 20;
/// Bytes of text parsed at once, on all threads, while the next bytes are read.
const CHUNK: usize = 8 << 20;
/// The most values parsed at once: the error for a short damaged value takes many times its length.
const MOST_VALUES: usize = 1 << 16;
const CUT: &str = "is cut off: the file ends before its last bracket";

/// The values of a text.
pub(in crate::ingest) struct JsonValues {
    name: String,
    data: BufReader<Input>,
    offset: u64,
    /// The offset of the array that contains the values.
    array: Option<u64>,
    /// The number of lines read, if each line is a value.
    lines: Option<u64>,
}

/// Some values of a text.
#[derive(Default)]
pub(in crate::ingest) struct ValueChunk {
    text: Vec<u8>,
    /// The end of each value in `text`, and its place in the input.
    values: Vec<(usize, Place)>,
}

impl ValueChunk {
    pub(in crate::ingest) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(in crate::ingest) fn len(&self) -> usize {
        self.values.len()
    }

    /// The number of bytes of all values.
    pub(super) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// A value, and its place in the input.
    pub(in crate::ingest) fn value(&self, index: usize) -> (&[u8], Place) {
        let start = index.checked_sub(1).map_or(0, |previous| self.values[previous].0);
        let (end, place) = self.values[index];
        (&self.text[start..end], place)
    }
}

/// The scanner's position relative to a value.
#[derive(Clone, Copy)]
enum At {
    Between,
    /// In brackets, or in a string.
    Within(JsonNesting),
    /// In a number or a literal outside of brackets.
    Word,
}

impl JsonValues {
    /// Values that end with their brackets.
    pub(in crate::ingest) fn new(input: Input) -> Self {
        let name = input.name().to_owned();
        let data = BufReader::with_capacity(1 << 17, input);
        Self { name, data, offset: 0, array: None, lines: None }
    }

    /// One value per line, unless the first value is an array or takes several lines.
    pub(in crate::ingest) fn of_lines(input: Input) -> Self {
        let lines = (!is_spread(input.head())).then_some(0);
        Self { lines, ..Self::new(input) }
    }

    /// Passes all values to `take`, a chunk at a time, while the next chunk is read.
    pub(in crate::ingest) fn each_chunk(
        mut self,
        mut take: impl FnMut(&ValueChunk) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let (mut piece, mut next) = (ValueChunk::default(), ValueChunk::default());
        self.read(&mut piece)?;
        while !piece.is_empty() {
            let mut read = Ok(());
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| read = self.read(&mut next));
                take(&piece)
            })?;
            read?;
            mem::swap(&mut piece, &mut next);
        }
        Ok(())
    }

    /// Reads whole values until the chunk is full or the input ends.
    pub(in crate::ingest) fn read(&mut self, piece: &mut ValueChunk) -> Result<(), IndexError> {
        self.read_up_to(CHUNK, piece)
    }

    /// As [`JsonValues::read`], for a chunk of about so many bytes.
    pub(super) fn read_up_to(
        &mut self,
        bytes: usize,
        piece: &mut ValueChunk,
    ) -> Result<(), IndexError> {
        piece.text.clear();
        piece.values.clear();
        while piece.text.len() < bytes
            && piece.len() < MOST_VALUES
            && match self.lines {
                Some(before) => self.line(piece, before)?,
                None => self.value(piece)?,
            }
        {}
        Ok(())
    }

    /// Reads the next line that is not empty; `before` lines were read. Returns `false` at the end of the input.
    fn line(&mut self, piece: &mut ValueChunk, before: u64) -> Result<bool, IndexError> {
        let (start, mut line) = (piece.text.len(), before);
        while piece.text[start..].trim_ascii().is_empty() {
            piece.text.truncate(start);
            let read = self
                .data
                .by_ref()
                .take(LONGEST_VALUE as u64)
                .read_until(b'\n', &mut piece.text)
                .map_err(|source| InputError::Read { name: self.name.clone(), source })?;
            if read == 0 {
                return Ok(false);
            }
            line += 1;
            if read == LONGEST_VALUE {
                let (name, limit) = (self.name.clone(), LONGEST_VALUE);
                return Err(IndexError::LongLine { name, line, limit });
            }
        }
        self.lines = Some(line);
        piece.values.push((piece.text.len(), Place::Line(line)));
        Ok(true)
    }

    /// Reads one value. Returns `false` at the end of the input.
    fn value(&mut self, piece: &mut ValueChunk) -> Result<bool, IndexError> {
        let (mut at, mut begin, start) = (At::Between, 0, piece.text.len());
        loop {
            let chunk = self
                .data
                .fill_buf()
                .map_err(|source| InputError::Read { name: self.name.clone(), source })?;
            if chunk.is_empty() {
                return match at {
                    At::Between => match self.array {
                        Some(start) => Err(self.bad(start, CUT)),
                        None => Ok(false),
                    },
                    At::Word => {
                        piece.values.push((piece.text.len(), Place::Byte(begin)));
                        Ok(true)
                    }
                    _ => Err(self.bad(begin, CUT)),
                };
            }
            let (mut taken, mut from, mut ended) = (0, 0, false);
            for byte in chunk {
                let next = match (at, byte) {
                    (At::Between, b' ' | b'\t' | b'\r' | b'\n' | b',') => At::Between,
                    (At::Between, b'[') if self.array.is_none() => {
                        self.array = Some(self.offset + taken as u64);
                        At::Between
                    }
                    (At::Between, b']') if self.array.is_some() => {
                        self.array = None;
                        At::Between
                    }
                    (At::Between, _) => {
                        (begin, from) = (self.offset + taken as u64, taken);
                        let mut nesting = JsonNesting::default();
                        nesting.pass(*byte);
                        if nesting.is_outside() { At::Word } else { At::Within(nesting) }
                    }
                    (At::Within(mut nesting), byte) => {
                        nesting.pass(*byte);
                        ended = nesting.is_outside();
                        At::Within(nesting)
                    }
                    (At::Word, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']') => {
                        ended = true;
                        break;
                    }
                    (same, _) => same,
                };
                at = next;
                taken += 1;
                if ended {
                    break;
                }
            }
            if !matches!(at, At::Between) {
                piece.text.extend_from_slice(&chunk[from..taken]);
            }
            self.data.consume(taken);
            self.offset += taken as u64;
            if ended {
                piece.values.push((piece.text.len(), Place::Byte(begin)));
                return Ok(true);
            }
            if piece.text.len() - start > LONGEST_VALUE {
                return Err(
                    self.bad(begin, "is longer than 128 MiB, the limit for an answer of a node")
                );
            }
        }
    }

    fn bad(&self, offset: u64, reason: &str) -> IndexError {
        IndexError::Source {
            name: self.name.clone(),
            place: Place::Byte(offset),
            what: "not JSON".into(),
            source: SourceError::Bad {
                what: "the value at this byte".into(),
                reason: reason.into(),
            },
        }
    }
}

/// Whether a text is an array, or the value by which it is recognized takes several lines.
pub(super) fn is_spread(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    if text.starts_with(b"[") {
        return true;
    }
    let text = first_object(head).unwrap_or(text);
    let mut nesting = JsonNesting::default();
    for byte in text {
        if *byte == b'\n' && !nesting.is_in_string() {
            return true;
        }
        nesting.pass(*byte);
        if nesting.is_outside() {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Result<Vec<(String, u64)>, IndexError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
        let (mut values, mut piece) = (JsonValues::new(input), ValueChunk::default());
        values.read(&mut piece)?;
        let value = |index| {
            let (text, Place::Byte(offset)) = piece.value(index) else { panic!("not a byte") };
            (String::from_utf8(text.to_vec()).unwrap(), offset)
        };
        Ok((0..piece.len()).map(value).collect())
    }

    #[test]
    fn values_are_found_in_lines_and_in_arrays() {
        let found =
            values(" {\"a\":[1,\"]}\\\"\"]}\n[{\"b\":{}},null,[[2]] ,3]\r\n\"x,\" {}").unwrap();
        let expected = [
            ("{\"a\":[1,\"]}\\\"\"]}", 1),
            ("{\"b\":{}}", 19),
            ("null", 28),
            ("[[2]]", 33),
            ("3", 40),
            ("\"x,\"", 44),
            ("{}", 49),
        ];
        assert_eq!(found, expected.map(|(text, offset)| (text.to_owned(), offset)));
        assert!(values("[]").unwrap().is_empty());
    }

    #[test]
    fn objects_over_several_lines_are_no_lines() {
        let places = |text: &str| {
            let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
            let (mut values, mut piece) = (JsonValues::of_lines(input), ValueChunk::default());
            values.read(&mut piece).unwrap();
            (0..piece.len()).map(|index| piece.value(index).1).collect::<Vec<_>>()
        };
        let lines = [2, 4, 5].map(Place::Line);
        assert_eq!(places("\n{\"a\":1}\n\n {\"a\":[2\n3"), lines);
        // A line that is cut off does not join the next one.
        assert_eq!(places("{\"a\":\"0x\n{}\n"), [1, 2].map(Place::Line));
        assert_eq!(places("{\"a\":[1,\n{\"b\":1}\n{}\n"), [1, 2, 3].map(Place::Line));
        assert_eq!(places("{\n\"a\":1}\n{}"), [0, 9].map(Place::Byte));
        assert_eq!(places(" [{},\n{}]"), [2, 6].map(Place::Byte));
        assert_eq!(places("{} {}"), [Place::Line(1)]);
    }

    #[test]
    fn the_error_for_a_cut_value_has_its_offset() {
        for cut in ["[{}, {\"a\":1", "[{}, {\"a\":\"}", "[{}, \"abc"] {
            let error = values(cut).unwrap_err();
            assert!(error.to_string().contains("byte 5"), "{cut}: {error}");
        }
        for cut in ["[{},", "[", "[{}\n", "[1"] {
            let error = values(cut).unwrap_err();
            assert!(error.to_string().contains("byte 0"), "{cut}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_array_is_split_into_its_elements(
            texts in prop::collection::vec("[ -~]{0,20}", 0..20),
            pretty in any::<bool>(),
            lines in any::<bool>(),
        ) {
            let elements: Vec<serde_json::Value> = texts
                .iter()
                .map(|text| serde_json::json!({ "a": [text, { text: 1 }], "b": null }))
                .collect();
            let write = |value: &serde_json::Value| if pretty {
                serde_json::to_string_pretty(value).unwrap()
            } else {
                value.to_string()
            };
            let text = if lines {
                elements.iter().map(|element| write(element) + "\n").collect::<String>() + " "
            } else {
                write(&serde_json::Value::Array(elements.clone()))
            };
            let found = values(&text).unwrap();
            prop_assert_eq!(found.len(), elements.len());
            for ((found, offset), expected) in found.iter().zip(&elements) {
                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(found).unwrap(), expected);
                prop_assert!(text[*offset as usize..].starts_with(&found[..]));
            }
        }
    }
}
