//! A streaming JSON reader. It names the file and the position in every error, and holds at most one token of
//! the text.

use std::io::{self, Read};

use memchr::{memchr_iter, memrchr};
use struson::reader::{
    JsonReader, JsonReaderPosition, JsonStreamReader, JsonSyntaxError, ReaderError, ReaderSettings,
    ValueType,
};

use crate::{
    files::Input,
    ingest::state::ImportError,
    primitives::{
        SlBlock, Word,
        hex::HexError,
        spelled::{self, Scalar, Spelled},
    },
};

/// The longest run of bytes without a quotation mark. The longest token in real dumps is the bytecode or the
/// input of one transaction, a few mebibytes.
const LONGEST_TOKEN: usize = 64 << 20;
/// The deepest nesting. Dumps nest at most eight deep.
const DEEPEST: u32 = 64;

/// A reader of a JSON text.
pub(in crate::ingest) struct Json<R: Read> {
    name: String,
    reader: JsonStreamReader<TokenLimit<R>>,
    /// Whether the first top-level value was begun. The reader must not be asked for the next value before.
    begun: bool,
    passed: PassedBy,
}

/// Text that was taken out before the reader saw it.
#[derive(Default)]
struct PassedBy {
    bytes: u64,
    lines: u64,
    /// The line, as the reader counts, in which the last text was taken out, and what is to be added to its columns there.
    line: u64,
    columns: i64,
}

impl PassedBy {
    /// The position in the whole text.
    fn correct(&self, position: &mut JsonReaderPosition) {
        position.data_pos = position.data_pos.map(|at| at + self.bytes);
        if let Some(at) = &mut position.line_pos {
            if at.line == self.line {
                at.column = at.column.saturating_add_signed(self.columns);
            }
            at.line += self.lines;
        }
    }

    /// The error at its position in the whole text.
    fn error(&self, name: &str, mut source: ReaderError) -> ImportError {
        match &mut source {
            ReaderError::SyntaxError(JsonSyntaxError { location, .. })
            | ReaderError::UnexpectedValueType { location, .. }
            | ReaderError::UnexpectedStructure { location, .. }
            | ReaderError::MaxNestingDepthExceeded { location, .. }
            | ReaderError::UnsupportedNumberValue { location, .. }
            | ReaderError::IoError { location, .. } => self.correct(location),
            _ => {}
        }
        ImportError::Json { name: name.into(), source }
    }
}

impl Json<Input> {
    /// Reads a whole input.
    pub(in crate::ingest) fn of(input: Input) -> Self {
        Self::new(input.name().to_owned(), input)
    }
}

impl<R: Read> Json<R> {
    pub(in crate::ingest) fn new(name: String, data: R) -> Self {
        let settings = ReaderSettings {
            allow_multiple_top_level: true,
            max_nesting_depth: Some(DEEPEST),
            track_path: false,
            ..ReaderSettings::default()
        };
        let reader =
            JsonStreamReader::new_custom(TokenLimit { data, run: 0, escaped: false }, settings);
        Self { name, reader, begun: false, passed: PassedBy::default() }
    }

    /// The position in the inflated text, in bytes.
    pub(in crate::ingest) fn offset(&self) -> u64 {
        self.reader.current_position(false).data_pos.unwrap_or(0) + self.passed.bytes
    }

    /// Counts a text in ASCII that was taken out at the position of the reader.
    pub(super) fn pass_by(&mut self, text: &[u8]) {
        let Some(at) = self.reader.current_position(false).line_pos else { return };
        let passed = &mut self.passed;
        let columns = match memrchr(b'\n', text) {
            None if passed.line == at.line => {
                passed.columns.saturating_add_unsigned(text.len() as u64)
            }
            None => text.len() as i64,
            Some(end) => ((text.len() - end - 1) as i64).saturating_sub_unsigned(at.column),
        };
        passed.bytes += text.len() as u64;
        passed.lines += memchr_iter(b'\n', text).count() as u64;
        (passed.line, passed.columns) = (at.line, columns);
    }

    fn at<T>(&self, result: Result<T, ReaderError>) -> Result<T, ImportError> {
        result.map_err(|source| self.error(source))
    }

    fn error(&self, source: ReaderError) -> ImportError {
        self.passed.error(&self.name, source)
    }

    /// An error about the value that was just read.
    pub(in crate::ingest) fn bad(
        &self,
        what: impl Into<String>,
        reason: impl ToString,
    ) -> ImportError {
        ImportError::Value {
            name: self.name.clone(),
            offset: self.offset(),
            what: what.into(),
            reason: reason.to_string(),
        }
    }

    /// The name of the text.
    pub(in crate::ingest) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::ingest) fn peek(&mut self) -> Result<ValueType, ImportError> {
        let result = self.reader.peek();
        self.at(result)
    }

    /// Whether another element, member or top-level value follows. `true` before the first value: a missing
    /// first value is an error when it is begun.
    pub(in crate::ingest) fn has_next(&mut self) -> Result<bool, ImportError> {
        if !self.begun {
            return Ok(true);
        }
        let result = self.reader.has_next();
        self.at(result)
    }

    pub(in crate::ingest) fn begin_object(&mut self) -> Result<(), ImportError> {
        self.begun = true;
        let result = self.reader.begin_object();
        self.at(result)
    }

    pub(in crate::ingest) fn end_object(&mut self) -> Result<(), ImportError> {
        let result = self.reader.end_object();
        self.at(result)
    }

    pub(in crate::ingest) fn begin_array(&mut self) -> Result<(), ImportError> {
        self.begun = true;
        let result = self.reader.begin_array();
        self.at(result)
    }

    pub(in crate::ingest) fn end_array(&mut self) -> Result<(), ImportError> {
        let result = self.reader.end_array();
        self.at(result)
    }

    /// The text of the next number.
    pub(in crate::ingest) fn number_text(&mut self) -> Result<String, ImportError> {
        let result = self.reader.next_number_as_string();
        self.at(result)
    }

    pub(in crate::ingest) fn boolean(&mut self) -> Result<bool, ImportError> {
        let result = self.reader.next_bool();
        self.at(result)
    }

    pub(in crate::ingest) fn skip(&mut self) -> Result<(), ImportError> {
        let result = self.reader.skip_value();
        self.at(result)
    }

    /// The name of the next member of an object.
    pub(in crate::ingest) fn member(&mut self) -> Result<String, ImportError> {
        let result = self.reader.next_name_owned();
        self.at(result)
    }

    /// The next member's name as a word.
    pub(in crate::ingest) fn word_name(&mut self) -> Result<Result<Word, HexError>, ImportError> {
        match self.reader.next_name() {
            Ok(text) => Ok(Word::from_hex(text)),
            Err(source) => Err(self.error(source)),
        }
    }

    pub(in crate::ingest) fn string(&mut self) -> Result<String, ImportError> {
        let result = self.reader.next_string();
        self.at(result)
    }

    /// The next string, decoded by `decode` without a copy.
    pub(in crate::ingest) fn string_as<T>(
        &mut self,
        decode: impl FnOnce(&str) -> Result<T, HexError>,
    ) -> Result<Result<T, HexError>, ImportError> {
        self.begun = true;
        match self.reader.next_str() {
            Ok(text) => Ok(decode(text)),
            Err(source) => Err(self.error(source)),
        }
    }

    /// A block number; `None` for null.
    pub(in crate::ingest) fn block_number(&mut self) -> Result<Option<SlBlock>, ImportError> {
        self.spelled("the block number")
    }

    /// `what` as a number; `None` for null.
    pub(in crate::ingest) fn number(&mut self, what: &str) -> Result<Option<u64>, ImportError> {
        self.spelled(what)
    }

    /// `what` in any of its [spellings](spelled); `None` for null.
    pub(in crate::ingest) fn spelled<T: Spelled>(
        &mut self,
        what: &str,
    ) -> Result<Option<T>, ImportError> {
        let read = match self.peek()? {
            ValueType::Null => return self.skip().map(|()| None),
            ValueType::Number => spelled::number(&self.number_text()?),
            ValueType::Boolean => T::read(Scalar::Flag(self.boolean()?)),
            ValueType::Object => return self.wrapped(what),
            ValueType::String | ValueType::Array => match self.reader.next_str() {
                Ok(text) => T::read(Scalar::Text(text)),
                Err(source) => return Err(self.error(source)),
            },
        };
        read.map(Some).map_err(|e| self.bad(what, e))
    }

    /// `what` in an object that wraps it.
    fn wrapped<T: Spelled>(&mut self, what: &str) -> Result<Option<T>, ImportError> {
        let mut found = None;
        self.begin_object()?;
        while self.has_next()? {
            if spelled::wraps(&self.member()?) {
                found = found.or(self.spelled(what)?);
            } else {
                self.skip()?;
            }
        }
        self.end_object()?;
        match found {
            Some(value) => Ok(Some(value)),
            None => Err(self.bad(what, format!("expected {}, got an object", T::EXPECTED))),
        }
    }

    /// Checks that nothing follows.
    pub(in crate::ingest) fn finish(self) -> Result<(), ImportError> {
        let Self { name, reader, passed, .. } = self;
        reader.consume_trailing_whitespace().map_err(|source| passed.error(&name, source))
    }
}

/// Refuses a text with a token that is too long, before the JSON reader holds the token in memory.
struct TokenLimit<R> {
    data: R,
    /// Bytes since the last quotation mark that begins or ends a string.
    run: usize,
    /// Whether the previous byte is an escaping backslash.
    escaped: bool,
}

impl<R: Read> Read for TokenLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.data.read(buffer)?;
        for byte in &buffer[..len] {
            let quotes = *byte == b'"' && !self.escaped;
            self.run = if quotes { 0 } else { self.run + 1 };
            self.escaped = *byte == b'\\' && !self.escaped;
        }
        if self.run > LONGEST_TOKEN {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a string or other token is longer than {LONGEST_TOKEN} bytes"),
            ));
        }
        Ok(len)
    }
}
