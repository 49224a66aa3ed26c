use std::io::{self, Read};

use serde::de::IgnoredAny;

use crate::{
    files::{BlockText, Input, InputError, LineBlocks},
    records::json_array::Elements,
};

/// The maximum size of a record in bytes: a message of about 30 MiB, far more than a chain accepts.
const LONGEST_RECORD: usize = 64 << 20;

/// The texts of the records of an input, with their line numbers. The input has one record per line, or is
/// one JSON document, which is a record or an array of records.
pub struct Records {
    name: String,
    source: Source,
}

enum Source {
    Lines(LineBlocks<Input>),
    Array(Elements<Input>),
    Document(Option<Vec<u8>>),
}

impl Records {
    /// Opens an input. If its first line is not a complete record, the input is read as one document.
    ///
    /// # Errors
    /// [`InputError`] when the input cannot be read, or is one document that is too long.
    pub fn open(mut input: Input) -> Result<Self, InputError> {
        let name = input.name().to_owned();
        let head = input.head().trim_ascii_start();
        let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_line =
            || serde_json::from_slice::<IgnoredAny>(first).is_ok() || first.len() == head.len();
        let source = match head.first() {
            Some(b'[') => Source::Array(Elements::new(input, LONGEST_RECORD)),
            Some(b'{') if !is_line() => {
                let mut text = Vec::new();
                let read_error = |source| InputError::Read { name: name.clone(), source };
                let most = LONGEST_RECORD as u64 + 1;
                input.by_ref().take(most).read_to_end(&mut text).map_err(read_error)?;
                if text.len() > LONGEST_RECORD {
                    return Err(read_error(too_long("the JSON document")));
                }
                Source::Document(Some(text))
            }
            _ => Source::Lines(LineBlocks::new(input, LONGEST_RECORD)),
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
            Source::Document(text) => Ok(text.take().map(|text| (1, text.into()))),
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
        assert_eq!(texts("garbage\n{}"), expect(&[(1, "garbage"), (2, "{}")]));
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
