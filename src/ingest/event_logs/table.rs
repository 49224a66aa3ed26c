//! Logs as rows of text: CSV and other separated columns with a header, and the rows of `COPY` in a dump of
//! Postgres.
//!
//! ```text
//! block_number,log_index,address,topics,data,…        COPY public.logs (data, index, …) FROM stdin;
//! 17,0,0x…,"[""0x…"",""0x…""]",0x…                     \\x… TAB 0 TAB …
//!                                                      \.
//! ```

use std::io::{BufRead, BufReader, Read};

use super::{
    cells::{Cell, Cells, Decoder},
    columns::{ColumnNames, Columns, ColumnsError},
    mapping::{Form, Mapping},
    record::{EventLog, LogPlace},
};
use crate::{
    archive::Place,
    files::{Input, InputError},
    ingest::{
        csv::{CsvLine, CsvRow},
        state::ImportError,
    },
};

/// The longest row. The data of a log are limited by the gas of a block to a few megabytes.
const LONGEST_ROW: usize = 64 << 20;
/// The separators between columns, the most frequent first.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Whether a text with this beginning has rows of logs.
pub(super) fn is_table(head: &[u8], names: &ColumnNames) -> bool {
    match copy_columns(head) {
        Some(columns) => names.columns(columns).is_ok(),
        None => header(head, names).is_ok(),
    }
}

/// Passes every log of a text to `take`, and returns which columns were read.
pub(super) fn read<E: From<ImportError>>(
    input: Input,
    names: &ColumnNames,
    take: impl FnMut(EventLog, LogPlace<'_>) -> Result<(), E>,
) -> Result<Mapping, E> {
    let copied = copy_columns(input.head()).is_some();
    let header = if copied { None } else { Some(header(input.head(), names)) };
    let mut rows = Rows { lines: RawLines::new(input), decoder: Decoder::default(), take };
    let mut mapping = match header {
        None => rows.read_dump(names)?,
        Some(Ok((separator, columns, len))) => rows.read_csv(separator, &columns, len)?,
        Some(Err(error)) => return Err(rows.lines.refuse(&error).into()),
    };
    mapping.spelling = rows.decoder.spelling();
    Ok(mapping)
}

/// The separator and the columns of a header, and the number of its columns.
fn header(head: &[u8], names: &ColumnNames) -> Result<(u8, Columns, usize), ColumnsError> {
    let first = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let first = first.unwrap_or_default().trim_ascii_end();
    let mut error = None;
    for separator in SEPARATORS {
        let mut row = CsvRow::new(separator);
        row.push_line(first);
        let cells: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
        match names.columns(cells.iter().map(AsRef::as_ref)) {
            Ok(columns) => return Ok((separator, columns, cells.len())),
            // The error for the separator that the text has is the useful one.
            Err(found) if error.is_none() || cells.len() > 1 => error = Some(found),
            Err(_) => {}
        }
    }
    Err(error.unwrap_or_else(|| unreachable!("there are several separators")))
}

/// The columns in the first statement of `COPY`, if the text begins like a dump.
fn copy_columns(head: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut lines = lines.skip_while(|line| line.is_empty()).peekable();
    let first = lines.peek()?;
    let is_dump =
        [&b"--"[..], b"\\restrict ", b"SET ", b"COPY "].iter().any(|s| first.starts_with(s));
    columns_of(lines.find(|line| line.starts_with(b"COPY "))?).filter(|_| is_dump)
}

/// The columns in a statement of `COPY`.
fn columns_of(line: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("COPY ")?;
    let (_, rest) = text.split_once('(')?;
    let (columns, end) = rest.rsplit_once(')')?;
    let is_start = end.trim().eq_ignore_ascii_case("from stdin;");
    is_start.then(|| columns.split(',').map(str::trim))
}

struct Rows<F> {
    lines: RawLines,
    decoder: Decoder,
    take: F,
}

impl<E: From<ImportError>, F: FnMut(EventLog, LogPlace<'_>) -> Result<(), E>> Rows<F> {
    /// Reads all rows of a text with a header.
    fn read_csv(&mut self, separator: u8, columns: &Columns, len: usize) -> Result<Mapping, E> {
        let mut row = CsvRow::new(separator);
        self.csv_row(&mut row)?;
        while let Some(line) = self.csv_row(&mut row)? {
            let found = row.iter().count();
            if found != len {
                let reason = format!("has {found} columns, but the header has {len}");
                return Err(self.lines.at(line).bad("the row", reason).into());
            }
            self.row(columns, line, |at| row.get(at))?;
        }
        Ok(Mapping::of(&self.lines.name, Form::Rows(char::from(separator)), columns))
    }

    /// Reads a row, which may span several lines. Returns its first line, or `None` at the end.
    fn csv_row(&mut self, row: &mut CsvRow) -> Result<Option<u64>, ImportError> {
        row.clear();
        let (mut first, mut len) = (None, 0);
        while self.lines.next()? {
            if first.is_none() && self.lines.text.is_empty() {
                continue;
            }
            let line = *first.get_or_insert(self.lines.number);
            len += self.lines.text.len();
            if len > LONGEST_ROW {
                return Err(self.lines.too_long(line));
            }
            match row.push_line(&self.lines.text) {
                CsvLine::Complete => return Ok(Some(line)),
                CsvLine::Open => {}
                CsvLine::CarriageReturn => {
                    let reason = "has a carriage return within";
                    return Err(self.lines.at(line).bad("the row", reason));
                }
            }
        }
        match first {
            None => Ok(None),
            Some(line) => {
                let reason = "has a quotation mark without a closing mark";
                Err(self.lines.at(line).bad("the row", reason))
            }
        }
    }

    /// Reads the rows of every table of logs in a dump. Other tables are passed over.
    fn read_dump(&mut self, names: &ColumnNames) -> Result<Mapping, E> {
        let mut mapping: Option<Mapping> = None;
        let mut refused = None;
        while self.lines.next()? {
            let text = std::mem::take(&mut self.lines.text);
            let Some(given) = columns_of(&text) else { continue };
            let given: Vec<_> = given.collect();
            let columns = match names.columns(given.iter().copied()) {
                Ok(columns) => Some(columns),
                Err(error) => {
                    refused.get_or_insert(error);
                    None
                }
            };
            loop {
                if !self.lines.next()? {
                    let reason = "end without \\.: the dump is cut off, so anything may be missing";
                    return Err(self.lines.here().bad("the rows of a table", reason).into());
                }
                if self.lines.text == b"\\." {
                    break;
                }
                if let Some(columns) = &columns {
                    self.copied_row(columns, given.len())?;
                }
            }
            if let Some(columns) = &columns {
                mapping.get_or_insert_with(|| Mapping::of(&self.lines.name, Form::Copy, columns));
            }
        }
        match (mapping, refused) {
            (Some(mapping), _) => Ok(mapping),
            (None, Some(error)) => Err(self.lines.refuse(&error).into()),
            (None, None) => Err(self.lines.here().bad("the dump", "has no table").into()),
        }
    }

    /// Reads a row of `COPY`. Nothing in a log needs its escapes but the backslash of `\x`, which may stand
    /// twice.
    fn copied_row(&mut self, columns: &Columns, len: usize) -> Result<(), E> {
        let text = std::mem::take(&mut self.lines.text);
        let cells: Vec<_> = text.split(|byte| *byte == b'\t').collect();
        let line = self.lines.number;
        if cells.len() != len {
            let reason = format!("has {} columns, but the table has {len}", cells.len());
            return Err(self.lines.at(line).bad("the row", reason).into());
        }
        self.row(columns, line, |at| cells[at])?;
        self.lines.text = text;
        Ok(())
    }

    fn row<'r>(
        &mut self,
        columns: &Columns,
        line: u64,
        get: impl Fn(usize) -> &'r [u8],
    ) -> Result<(), E> {
        let place = LogPlace { name: &self.lines.name, place: Place::Line(line) };
        let mut cells = Cells::default();
        for (field, at, name) in columns.iter() {
            let text = std::str::from_utf8(get(at))
                .map_err(|_| place.bad(format!("the column {name:?}"), "is not text in UTF-8"))?;
            cells.set(field, Cell::text(text));
        }
        let log = self.decoder.decode(cells);
        let log = log.map_err(|fault| place.bad(fault.what, fault.reason))?;
        (self.take)(log, place)
    }
}

/// The lines of a text, with all of their white space, since columns may be empty.
struct RawLines {
    name: String,
    data: BufReader<Input>,
    text: Vec<u8>,
    number: u64,
}

impl RawLines {
    fn new(input: Input) -> Self {
        let name = input.name().to_owned();
        let data = BufReader::with_capacity(1 << 17, input);
        Self { name, data, text: Vec::new(), number: 0 }
    }

    /// Reads a line, without its end. Returns `false` at the end.
    fn next(&mut self) -> Result<bool, ImportError> {
        self.text.clear();
        let mut data = self.data.by_ref().take(LONGEST_ROW as u64 + 1);
        let read = data.read_until(b'\n', &mut self.text);
        let read = read.map_err(|source| InputError::Read { name: self.name.clone(), source })?;
        self.number += 1;
        if read > LONGEST_ROW {
            return Err(self.too_long(self.number));
        }
        self.text.pop_if(|byte| *byte == b'\n');
        self.text.pop_if(|byte| *byte == b'\r');
        Ok(read > 0)
    }

    fn at(&self, line: u64) -> LogPlace<'_> {
        LogPlace { name: &self.name, place: Place::Line(line) }
    }

    fn here(&self) -> LogPlace<'_> {
        self.at(self.number)
    }

    fn too_long(&self, line: u64) -> ImportError {
        let reason = "is longer than 64 MiB; a quotation mark may have no closing mark";
        self.at(line).bad("the row", reason)
    }

    fn refuse(&self, error: &ColumnsError) -> ImportError {
        ImportError::LogColumns { name: self.name.clone(), reason: error.to_string() }
    }
}
