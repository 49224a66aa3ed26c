//! A streaming JSON reader that names the file and the place in every error and holds no more than
//! one token of the text.

use std::io::{self, Read};

use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

use crate::{
    files::Input,
    ingest::state::ImportError,
    primitives::{
        SlBlock, Word,
        hex::{self, HexError},
    },
};

/// The longest run of bytes without a quotation mark. The longest token that a dump really has is
/// the bytecode or the input of one transaction, a few mebibytes.
const LONGEST_TOKEN: usize = 64 << 20;
/// Dumps nest eight deep at most.
const DEEPEST: u32 = 64;

/// A JSON text that is being read.
pub(in crate::ingest) struct Json<R: Read> {
    name: String,
    reader: JsonStreamReader<TokenLimit<R>>,
    /// Whether the first top-level value was begun: the reader may not be asked for a next one before.
    begun: bool,
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
        Self { name, reader, begun: false }
    }

    /// The byte of the inflated text that is read next.
    pub(in crate::ingest) fn offset(&self) -> u64 {
        self.reader.current_position(false).data_pos.unwrap_or(0)
    }

    fn at<T>(&self, result: Result<T, ReaderError>) -> Result<T, ImportError> {
        result.map_err(|source| ImportError::Json { name: self.name.clone(), source })
    }

    /// An error about a value that was just read.
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

    /// Whether another element, member or top-level value follows. The first value is always
    /// expected; that there is none shows when it is begun.
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

    /// The next number as it is written.
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
            Err(source) => Err(ImportError::Json { name: self.name.clone(), source }),
        }
    }

    pub(in crate::ingest) fn string(&mut self) -> Result<String, ImportError> {
        let result = self.reader.next_string();
        self.at(result)
    }

    /// The next string, decoded by `decode` where it lies.
    pub(in crate::ingest) fn string_as<T>(
        &mut self,
        decode: impl FnOnce(&str) -> Result<T, HexError>,
    ) -> Result<Result<T, HexError>, ImportError> {
        match self.reader.next_str() {
            Ok(text) => Ok(decode(text)),
            Err(source) => Err(ImportError::Json { name: self.name.clone(), source }),
        }
    }

    /// A block number: a JSON number, a hexadecimal quantity, or nothing for null.
    pub(in crate::ingest) fn block_number(&mut self) -> Result<Option<SlBlock>, ImportError> {
        Ok(self.number("the block number")?.map(SlBlock))
    }

    /// `what`, written as a JSON number or as a hexadecimal quantity; nothing for null.
    pub(in crate::ingest) fn number(&mut self, what: &str) -> Result<Option<u64>, ImportError> {
        match self.peek()? {
            ValueType::Null => self.skip().map(|()| None),
            ValueType::Number => {
                let text = self.number_text()?;
                text.parse().map(Some).map_err(|e| self.bad(what, e))
            }
            _ => {
                let text = self.string()?;
                let number = hex::strip_prefix(&text)
                    .and_then(hex::right_aligned)
                    .map_err(|e| self.bad(what, e))?;
                Word::new(number).to_u64().map(Some).map_err(|e| self.bad(what, e))
            }
        }
    }

    /// Makes sure that nothing follows.
    pub(in crate::ingest) fn finish(self) -> Result<(), ImportError> {
        let name = self.name;
        self.reader
            .consume_trailing_whitespace()
            .map_err(|source| ImportError::Json { name, source })
    }
}

/// Refuses texts with a token that no dump has, before the JSON reader keeps it in memory.
struct TokenLimit<R> {
    data: R,
    /// Bytes since the last quotation mark that ends or begins a string.
    run: usize,
    /// Whether a backslash stands before the next byte.
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
                format!("{LONGEST_TOKEN} bytes without the end of a string; no dump has that"),
            ));
        }
        Ok(len)
    }
}
