//! Rows of a node's tables, as Postgres writes them: a plain-text dump of `pg_dump`, in which other tables
//! are skipped; the output of `COPY … TO` with its `HEADER`; and CSV with a header.
//!
//! ```text
//! COPY public.l2_to_l1_logs (miniblock_number, …) FROM stdin;        column TAB column …
//! 17 TAB 0 TAB …
//! \.
//! ```

use std::io::{BufRead, BufReader};

use super::{
    SourceError,
    batch_sink::BatchSink,
    node_tables::{NodeTables, Table},
    postgres_text::Record,
};
use crate::{
    archive::{Origin, Place},
    files::{Input, InputError},
    ingest::{
        IndexError,
        csv::{CsvLine, CsvRow},
    },
};

/// The longest row. A batch's pubdata and messages in hexadecimal take a few megabytes.
const LONGEST_ROW: usize = 128 << 20;

/// Why a Postgres file in this form cannot be read. `None` for other files.
pub(super) fn refusal(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"PGDMP") {
        Some("it is a dump in pg_dump's own format; convert it to text with pg_restore -f FILE.sql")
    } else if head.starts_with(b"PGCOPY\n\xff\r\n\0") {
        Some("it is the binary form of COPY; export with FORMAT csv and HEADER")
    } else {
        None
    }
}

/// How rows are separated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Dump,
    Copied,
    Csv,
}

/// Whether a file with this beginning has rows of a node's tables.
pub(super) fn is_rows(head: &[u8]) -> bool {
    form(head).is_some()
}

fn form(head: &[u8]) -> Option<Form> {
    let is_dump = |line: &[u8]| {
        line.starts_with(b"-- PostgreSQL database dump")
            || line.starts_with(b"\\restrict ")
            || line.starts_with(b"COPY ")
    };
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.next()?;
    let is_header = |separator| Table::with_columns(&columns(first, separator)).is_some();
    if is_header('\t') {
        Some(Form::Copied)
    } else if is_header(',') {
        Some(Form::Csv)
    } else if is_dump(first) || lines.take(50).any(is_dump) {
        Some(Form::Dump)
    } else {
        None
    }
}

/// The column names in a header.
fn columns(line: &[u8], separator: char) -> Vec<String> {
    let text = String::from_utf8_lossy(line);
    text.split(separator).map(|name| name.trim().trim_matches('"').to_owned()).collect()
}

/// Reads a file of rows.
pub(super) fn read(
    input: Input,
    tables: &mut NodeTables,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let source = intake.source(&name);
    let form = form(input.head()).ok_or_else(|| IndexError::Refused {
        name: name.clone(),
        reason:
            "its first line does not name the columns of l2_to_l1_logs, miniblocks or l1_batches; \
                 export with HEADER, or use pg_dump"
                .into(),
    })?;
    match form {
        Form::Csv => {
            let (mut lines, mut row) = (Lines::new(input), CsvRow::new(b','));
            lines.csv_row(&mut row, source, intake)?;
            let columns: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
            let table = Table::with_columns(&columns).transpose();
            match table.map_err(|error| lines.error(source, error, intake))? {
                Some(table) => lines.csv_rows(&table, &mut row, source, tables, intake),
                None => Ok(()),
            }
        }
        Form::Copied => {
            let mut lines = Lines::new(input);
            lines.next(true)?;
            let table = Table::with_columns(&columns(&lines.text, '\t')).transpose();
            match table.map_err(|error| lines.error(source, error, intake))? {
                Some(table) => lines.rows(&table, source, tables, intake).map(drop),
                None => Ok(()),
            }
        }
        Form::Dump => {
            let (mut lines, mut found) = (Lines::new(input), false);
            while lines.next(true)? {
                let Some(table) = copy_statement(&lines.text) else { continue };
                match table.transpose().map_err(|error| lines.error(source, error, intake))? {
                    Some(table) => {
                        found = true;
                        if !lines.rows(&table, source, tables, intake)? {
                            return Err(lines.cut(source, intake));
                        }
                    }
                    None => loop {
                        if !lines.next(false)? {
                            return Err(lines.cut(source, intake));
                        }
                        if lines.text == b"\\." {
                            break;
                        }
                    },
                }
            }
            let reason =
                "it has no rows of l2_to_l1_logs, miniblocks or l1_batches in the form of COPY";
            if found { Ok(()) } else { Err(IndexError::Refused { name, reason: reason.into() }) }
        }
    }
}

/// The table whose rows follow this line. `Some(None)` for the rows of another table.
#[expect(clippy::option_option, reason = "no statement, and a statement about another table")]
fn copy_statement(line: &[u8]) -> Option<Option<Result<Table, SourceError>>> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("COPY ")?;
    let (name, rest) = text.split_once('(')?;
    let (columns, end) = rest.rsplit_once(')')?;
    if !end.trim().eq_ignore_ascii_case("from stdin;") {
        return None;
    }
    let name = name.trim().rsplit('.').next().unwrap_or(name).trim_matches('"');
    Some(Table::named(name, &self::columns(columns.as_bytes(), ',')))
}

/// The lines of a text, with all of their white space, since columns may be empty. Lines of other tables are
/// not kept, however long they are.
struct Lines {
    name: String,
    data: BufReader<Input>,
    text: Vec<u8>,
    number: u64,
}

impl Lines {
    fn new(input: Input) -> Self {
        let name = input.name().to_owned();
        let data = BufReader::with_capacity(1 << 17, input);
        Self { name, data, text: Vec::new(), number: 0 }
    }

    /// Reads a line, or only its beginning. Returns `false` at the end.
    fn next(&mut self, whole: bool) -> Result<bool, IndexError> {
        self.text.clear();
        self.number += 1;
        let mut any = false;
        loop {
            let chunk = self
                .data
                .fill_buf()
                .map_err(|source| InputError::Read { name: self.name.clone(), source })?;
            if chunk.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let line = &chunk[..end.unwrap_or(chunk.len())];
            let kept = if whole { line.len() } else { line.len().min(4 - self.text.len().min(4)) };
            if self.text.len() + kept > LONGEST_ROW {
                let (name, line, limit) = (self.name.clone(), self.number, LONGEST_ROW);
                return Err(IndexError::LongLine { name, line, limit });
            }
            self.text.extend_from_slice(&line[..kept]);
            let taken = line.len() + usize::from(end.is_some());
            self.data.consume(taken);
            if end.is_some() {
                if self.text.last() == Some(&b'\r') {
                    self.text.pop();
                }
                return Ok(true);
            }
        }
    }

    /// Reads the rows up to `\.` or to the end. Returns whether it was `\.`.
    fn rows(
        &mut self,
        table: &Table,
        source: u32,
        tables: &mut NodeTables,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<bool, IndexError> {
        tables.begin(table);
        let mut record = Record::default();
        while self.next(true)? {
            if self.text == b"\\." {
                return Ok(true);
            }
            record.clear();
            record.push_copied(&self.text);
            let origin = Origin { source, place: Place::Line(self.number) };
            tables.row(table, &record, origin, intake)?;
        }
        Ok(false)
    }

    /// Reads the rows of CSV up to the end.
    fn csv_rows(
        &mut self,
        table: &Table,
        row: &mut CsvRow,
        source: u32,
        tables: &mut NodeTables,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        tables.begin(table);
        let mut record = Record::default();
        while let Some(line) = self.csv_row(row, source, intake)? {
            record.clear();
            row.iter().for_each(|column| record.push_csv(column));
            let origin = Origin { source, place: Place::Line(line) };
            tables.row(table, &record, origin, intake)?;
        }
        Ok(())
    }

    /// Reads a row of CSV, which may span several lines. Returns its first line, or `None` at the end.
    fn csv_row(
        &mut self,
        row: &mut CsvRow,
        source: u32,
        intake: &BatchSink<'_, '_>,
    ) -> Result<Option<u64>, IndexError> {
        row.clear();
        let (mut first, mut len) = (None, 0);
        let bad = |line: u64, reason: &str| {
            let origin = Origin { source, place: Place::Line(line) };
            let error = SourceError::Bad { what: "the row".into(), reason: reason.into() };
            Err(intake.error(origin, "not CSV", error))
        };
        while self.next(true)? {
            if first.is_none() && self.text.is_empty() {
                continue;
            }
            let line = *first.get_or_insert(self.number);
            len += self.text.len();
            if len > LONGEST_ROW {
                return bad(line, "is longer than 128 MiB: a quotation mark has no closing mark");
            }
            match row.push_line(&self.text) {
                CsvLine::Complete => return Ok(Some(line)),
                CsvLine::Open => {}
                CsvLine::CarriageReturn => return bad(line, "has a carriage return within"),
            }
        }
        match first {
            Some(line) => bad(line, "has a quotation mark without a closing mark"),
            None => Ok(None),
        }
    }

    fn cut(&self, source: u32, intake: &BatchSink<'_, '_>) -> IndexError {
        let reason = "end without \\.: the dump is cut off, so anything may be missing";
        let error = SourceError::Bad { what: "the rows of a table".into(), reason: reason.into() };
        self.error(source, error, intake)
    }

    fn error(&self, source: u32, error: SourceError, intake: &BatchSink<'_, '_>) -> IndexError {
        let origin = Origin { source, place: Place::Line(self.number) };
        intake.error(origin, "not a table of a zksync-era node", error)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        archive::Collector,
        files::Spill,
        ingest::logs::{BatchBlocks, batch_sink::BatchSinkState},
        primitives::ChainId,
    };

    /// Reads a text, and assembles its batches.
    fn read_all(text: Vec<u8>) -> Result<(), IndexError> {
        let mut collector = Collector::new(&Spill::Memory, 1 << 20);
        let mut state = BatchSinkState { goes_on: true, ..BatchSinkState::default() };
        let intake = &mut BatchSink { collector: &mut collector, state: &mut state };
        let mut tables = NodeTables::new(ChainId(9), &Spill::Memory);
        read(Input::from_reader("test", Cursor::new(text))?, &mut tables, intake)?;
        tables.finish(&BatchBlocks::default(), intake)
    }

    #[test]
    fn statements_of_dumps_are_parsed() {
        let columns = "(number, l1_batch_number) FROM stdin;";
        for name in ["miniblocks", "public.miniblocks", "\"public\".\"miniblocks\""] {
            let found = copy_statement(format!("COPY {name} {columns}").as_bytes());
            assert!(matches!(found, Some(Some(Ok(_)))), "{name}");
        }
        assert!(matches!(copy_statement(b"COPY public.blocks (number) FROM stdin;"), Some(None)));
        for other in ["COPY", "COPY x FROM stdin;", "COPY x (y) TO stdout;", "INSERT INTO x (y)"] {
            assert!(copy_statement(other.as_bytes()).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn random_rows_do_not_panic(
            head in prop::sample::select(vec![
                "number,l1_batch_number\n",
                "number\tl2_to_l1_messages\taggregation_root\n",
                "miniblock_number\tlog_index_in_miniblock\ttx_hash\tshard_id\tis_service\t\
                 tx_index_in_l1_batch\tsender\tkey\tvalue\n",
                "COPY miniblocks (number, l1_batch_number) FROM stdin;\n",
                "COPY other (x) FROM stdin;\n",
            ]),
            rows in prop::collection::vec("[0-9\\\\xtfN{}\",\t]{0,30}", 0..10),
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = format!("{head}{}", rows.join("\n")).into_bytes();
            let _ = read_all([&text[..], &bytes].concat());
        }
    }
}
