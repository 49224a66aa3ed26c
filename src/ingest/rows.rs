//! Rows of tables, as databases write them: a text dump of `pg_dump`, whose tables are preceded by their
//! names; the output of `COPY … TO` with its `HEADER`; and CSV with any of the usual separators.
//!
//! ```text
//! COPY public.l2_to_l1_logs (miniblock_number, …) FROM stdin;        column TAB column …
//! 17 TAB 0 TAB …
//! \.
//! ```

use std::io::{BufRead, BufReader, Read};

use super::{
    csv::{CsvLine, CsvRow},
    record::Record,
};
use crate::files::{Input, InputError};

/// The separators of CSV. A tab is also the separator of `COPY`.
const SEPARATORS: [u8; 4] = *b"\t,;|";

/// The table of slots in the database of a zksync-era node.
pub(super) const STORAGE_LOGS: &str = "storage_logs";

/// The lines of a dump before its first statement that are searched for what `pg_dump` writes.
const LINES_BEFORE: usize = 50;

/// The text of `\.`, which ends the rows of a table, with a line end.
const LONGEST_END: usize = 4;

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

/// How rows are separated and escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A text dump of `pg_dump`.
    Dump,
    /// The output of `COPY`, with a header.
    Copied,
    /// CSV with this separator.
    Csv(u8),
}

impl Form {
    /// The form of a text with this beginning. `is_first` says whether the columns of its first line begin a
    /// table that the caller reads.
    pub(super) fn detect(head: &[u8], is_first: impl Fn(&[String]) -> bool) -> Option<Self> {
        let is_dump = |line: &[u8]| {
            line.starts_with(b"-- PostgreSQL database dump")
                || line.starts_with(b"\\restrict ")
                || line.starts_with(b"COPY ")
        };
        let mut by = SEPARATORS.into_iter();
        let lines = || head.trim_ascii_start().split(|byte| *byte == b'\n');
        // Its columns are separated by commas, too.
        if lines().next().is_some_and(|line| copy_statement(line).is_some()) {
            return Some(Self::Dump);
        }
        if let Some(separator) = by.find(|by| is_first(&first_columns(head, *by))) {
            // COPY writes two backslashes, CSV one.
            let has_csv_hex = |line: &[u8]| {
                line.split(|byte| *byte == b'\t').any(|column| column.starts_with(b"\\x"))
            };
            let is_csv = separator != b'\t' || lines().take(2).any(has_csv_hex);
            return Some(if is_csv { Self::Csv(separator) } else { Self::Copied });
        }
        lines().take(LINES_BEFORE).any(is_dump).then_some(Self::Dump)
    }

    /// CSV with the separator that makes the most columns of the first line.
    pub(super) fn most_likely_csv(head: &[u8]) -> Self {
        let columns = |by: &u8| first_columns(head, *by).len();
        Self::Csv(SEPARATORS.into_iter().max_by_key(columns).unwrap_or(b','))
    }

    /// What separates columns. `None` for a dump, whose first line is no row.
    pub(super) fn separator(self) -> Option<u8> {
        match self {
            Self::Dump => None,
            Self::Copied => Some(b'\t'),
            Self::Csv(separator) => Some(separator),
        }
    }
}

/// The tables of a dump whose rows begin in this part of it, each with its columns.
pub(super) fn tables_in(head: &[u8]) -> impl Iterator<Item = (String, Vec<String>)> {
    head.split(|byte| *byte == b'\n').filter_map(copy_statement)
}

/// The columns of the first line of a text, which may be the header.
pub(super) fn first_columns(head: &[u8], separator: u8) -> Vec<String> {
    let first = head.trim_ascii_start().split(|byte| *byte == b'\n').next();
    columns(first.unwrap_or_default(), separator)
}

/// The columns of a line, without quotation marks around them.
fn columns(line: &[u8], separator: u8) -> Vec<String> {
    let text = String::from_utf8_lossy(line);
    let columns = text.split(char::from(separator));
    columns.map(|name| name.trim().trim_matches('"').to_owned()).collect()
}

/// The table whose rows follow this line, and its columns.
pub(super) fn copy_statement(line: &[u8]) -> Option<(String, Vec<String>)> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("COPY ")?;
    let (name, rest) = text.split_once('(')?;
    let (columns, end) = rest.rsplit_once(')')?;
    if !end.trim().eq_ignore_ascii_case("from stdin;") {
        return None;
    }
    let name = name.trim().rsplit('.').next().unwrap_or(name).trim_matches('"');
    Some((name.to_owned(), self::columns(columns.as_bytes(), b',')))
}

/// Why rows cannot be read.
#[derive(Debug)]
pub(super) enum RowsError {
    Input(InputError),
    /// A line is longer than the limit.
    LongLine {
        line: u64,
        limit: usize,
    },
    /// A row, or the rows of a table in a dump, cannot be read.
    Bad {
        line: u64,
        what: &'static str,
        reason: &'static str,
    },
}

impl RowsError {
    fn not_csv(line: u64, reason: &'static str) -> Self {
        Self::Bad { line, what: "the row", reason }
    }

    /// The error for a table without an end. `line` is the number of the line that is missing.
    pub(super) fn cut(line: u64) -> Self {
        let reason = "end without \\.: the dump is cut off, so anything may be missing";
        Self::Bad { line, what: "the rows of a table", reason }
    }
}

impl From<InputError> for RowsError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

/// What comes next in a file of rows.
#[derive(Debug)]
pub(super) enum Item<'r> {
    /// A table begins. Only dumps have names.
    Table { line: u64, name: Option<String>, columns: Vec<String> },
    /// A row of the table.
    Row { line: u64, record: &'r Record },
}

/// Reads rows of CSV that are lines.
pub(super) struct LineRow {
    csv: CsvRow,
    record: Record,
}

impl LineRow {
    /// The columns are separated by this byte.
    pub(super) fn new(separator: u8) -> Self {
        Self { csv: CsvRow::new(separator), record: Record::default() }
    }

    /// Reads a line without its line end. The error says what is wrong.
    pub(super) fn read(&mut self, line: &[u8]) -> Result<&Record, String> {
        self.csv.clear();
        self.record.clear();
        let reason = match self.csv.push_line(line) {
            CsvLine::Complete => {
                self.csv.iter().for_each(|column| self.record.push_csv(column));
                return Ok(&self.record);
            }
            CsvLine::Open => OPEN,
            CsvLine::CarriageReturn => CARRIAGE_RETURN,
        };
        Err(format!("the row {reason}"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before the header.
    Start,
    /// Before the rows of a table in a dump.
    BetweenTables,
    Rows,
    End,
}

/// Reads tables and their rows.
pub(super) struct RowReader {
    name: String,
    data: BufReader<Input>,
    form: Form,
    /// The longest row, in bytes.
    longest: usize,
    position: Position,
    /// The last line, and its number from 1.
    text: Vec<u8>,
    number: u64,
    csv: CsvRow,
    record: Record,
}

impl RowReader {
    /// Reads rows in this form, each of at most `longest` bytes. Without a header, rows begin at once. A row of CSV may
    /// have line ends in quoted columns.
    pub(super) fn new(input: Input, form: Form, has_header: bool, longest: usize) -> Self {
        let separator = form.separator().unwrap_or(b'\t');
        Self {
            name: input.name().to_owned(),
            data: BufReader::with_capacity(1 << 17, input),
            form,
            longest,
            position: match form {
                Form::Dump => Position::BetweenTables,
                _ if has_header => Position::Start,
                _ => Position::Rows,
            },
            text: Vec::new(),
            number: 0,
            csv: CsvRow::new(separator),
            record: Record::default(),
        }
    }

    /// The next table or row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Item<'_>>, RowsError> {
        match self.position {
            Position::Start => {
                let columns = match self.form {
                    Form::Csv(_) => {
                        self.csv_row()?;
                        let names = self.csv.iter().map(|name| name.trim_ascii());
                        names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
                    }
                    _ => {
                        self.line(true)?;
                        columns(&self.text, b'\t')
                    }
                };
                self.position = Position::Rows;
                Ok(Some(Item::Table { line: self.number, name: None, columns }))
            }
            Position::BetweenTables => {
                while self.read_line(self.longest)?.is_some() {
                    if let Some((name, columns)) = copy_statement(&self.text) {
                        self.position = Position::Rows;
                        return Ok(Some(Item::Table {
                            line: self.number,
                            name: Some(name),
                            columns,
                        }));
                    }
                }
                self.position = Position::End;
                Ok(None)
            }
            Position::Rows => self.row(),
            Position::End => Ok(None),
        }
    }

    /// Skips the rows of the table that began last, however long they are.
    pub(super) fn skip_table(&mut self) -> Result<(), RowsError> {
        loop {
            match (self.read_line(LONGEST_END)?, self.form) {
                (Some(_), _) if self.text == b"\\." => break,
                (Some(_), _) => {}
                (None, Form::Dump) => return Err(RowsError::cut(self.number)),
                (None, _) => break,
            }
        }
        self.end_table();
        Ok(())
    }

    fn row(&mut self) -> Result<Option<Item<'_>>, RowsError> {
        self.record.clear();
        if let Form::Csv(_) = self.form {
            let Some(line) = self.csv_row()? else { return Ok(None) };
            self.csv.iter().for_each(|column| self.record.push_csv(column));
            return Ok(Some(Item::Row { line, record: &self.record }));
        }
        if !self.line(true)? {
            return match self.form {
                Form::Dump => Err(RowsError::cut(self.number)),
                _ => Ok(None),
            };
        }
        if self.text == b"\\." {
            self.end_table();
            return self.next();
        }
        self.record.push_copied(&self.text);
        Ok(Some(Item::Row { line: self.number, record: &self.record }))
    }

    fn end_table(&mut self) {
        self.position =
            if self.form == Form::Dump { Position::BetweenTables } else { Position::End };
    }

    /// Reads a row of CSV. Returns its first line, or `None` at the end.
    fn csv_row(&mut self) -> Result<Option<u64>, RowsError> {
        self.csv.clear();
        let (mut first, mut len) = (None, 0);
        let bad = |line, reason| Err(RowsError::not_csv(line, reason));
        while self.line(first.is_none())? {
            let line = *first.get_or_insert(self.number);
            len += self.text.len();
            if len > self.longest {
                return bad(line, "is too long: a quotation mark has no closing mark");
            }
            match self.csv.push_line(&self.text) {
                CsvLine::Complete => return Ok(Some(line)),
                CsvLine::Open => {}
                CsvLine::CarriageReturn => return bad(line, CARRIAGE_RETURN),
            }
        }
        first.map_or(Ok(None), |line| bad(line, OPEN))
    }

    /// Reads a line, without those before it that are empty if these are to be skipped. Returns `false` at the
    /// end.
    fn line(&mut self, skip_empty: bool) -> Result<bool, RowsError> {
        loop {
            match self.read_line(self.longest)? {
                None => return Ok(false),
                Some(false) => {
                    let (line, limit) = (self.number, self.longest);
                    return Err(RowsError::LongLine { line, limit });
                }
                Some(true) if skip_empty && self.text.trim_ascii().is_empty() => {}
                Some(true) => return Ok(true),
            }
        }
    }

    /// Reads a line, and keeps at most so many bytes of it. Returns whether these are all; `None` at the end.
    /// White space is kept, since columns may be empty.
    fn read_line(&mut self, most: usize) -> Result<Option<bool>, InputError> {
        self.text.clear();
        self.number += 1;
        let failed = |source| InputError::Read { name: self.name.clone(), source };
        // One more byte for the line end.
        let mut line = self.data.by_ref().take(most as u64 + 1);
        if line.read_until(b'\n', &mut self.text).map_err(failed)? == 0 {
            return Ok(None);
        }
        let is_whole = self.text.pop_if(|byte| *byte == b'\n').is_some() || self.text.len() <= most;
        if !is_whole {
            self.data.skip_until(b'\n').map_err(failed)?;
        }
        self.text.pop_if(|byte| *byte == b'\r');
        Ok(Some(is_whole))
    }
}

const OPEN: &str = "has a quotation mark without a closing mark";
const CARRIAGE_RETURN: &str = "has a carriage return within";

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const LONGEST: usize = 64;

    /// The tables of a text, and their rows, each column in brackets.
    fn read(text: &str, form: Form) -> Result<String, RowsError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned()))?;
        let mut rows = RowReader::new(input, form, true, LONGEST);
        let mut found = String::new();
        while let Some(item) = rows.next()? {
            match item {
                Item::Table { name, columns, .. } => {
                    found += &format!("{}:{}", name.unwrap_or_default(), columns.join("|"));
                    if found.ends_with("skipped") {
                        rows.skip_table()?;
                    }
                }
                Item::Row { line, record } => {
                    let column = |at| match record.get(at) {
                        Some(column) => format!("[{}]", String::from_utf8_lossy(column)),
                        None => "[NULL]".into(),
                    };
                    let columns: String = (0..record.len()).map(column).collect();
                    found += &format!(" {line}{columns}");
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn statements_of_dumps_are_parsed() {
        for name in ["miniblocks", "public.miniblocks", "\"public\".\"miniblocks\""] {
            let statement = format!("COPY {name} (number, \"l1_batch_number\") FROM stdin;");
            let columns = vec!["number".to_owned(), "l1_batch_number".to_owned()];
            assert_eq!(copy_statement(statement.as_bytes()), Some(("miniblocks".into(), columns)));
        }
        for other in ["COPY", "COPY x FROM stdin;", "COPY x (y) TO stdout;", "INSERT INTO x (y)"] {
            assert!(copy_statement(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn the_form_is_detected_by_the_first_lines() {
        let is_first =
            |columns: &[String]| columns.len() > 1 && columns.iter().any(|name| name == "a");
        for (text, form) in [
            ("a,b\n", Some(Form::Csv(b','))),
            ("\"a\";\"b\"\r\n", Some(Form::Csv(b';'))),
            ("\na|b\n", Some(Form::Csv(b'|'))),
            ("a\tb\n1\t\\\\x12\n", Some(Form::Copied)),
            ("a\tb\n1\t\\x12\n", Some(Form::Csv(b'\t'))),
            ("a\t\\x12\n", Some(Form::Csv(b'\t'))),
            ("--\n-- PostgreSQL database dump\n", Some(Form::Dump)),
            ("COPY x (y) FROM stdin;\n", Some(Form::Dump)),
            ("COPY x (y, a, z) FROM stdin;\n", Some(Form::Dump)),
            ("a b\n", None),
            ("", None),
        ] {
            assert_eq!(Form::detect(text.as_bytes(), is_first), form, "{text}");
        }
    }

    #[test]
    fn rows_are_read_in_every_form() {
        let long = "x".repeat(100);
        let dump = format!(
            "--{long}\nCOPY public.o (skipped) FROM stdin;\n{long}\n\\.\n\
             COPY a (b, c) FROM stdin;\n1\t\\N\n\n2\t\\\\x\r\n\\.\nCOPY e (f) FROM stdin;\n\\.\n"
        );
        assert_eq!(read(&dump, Form::Dump).unwrap(), "o:skippeda:b|c 6[1][NULL] 8[2][\\x]e:f");
        let cut = read("COPY a (b) FROM stdin;\n1\n", Form::Dump);
        assert!(matches!(cut, Err(RowsError::Bad { what: "the rows of a table", .. })), "{cut:?}");
        let cut = read("COPY a (skipped) FROM stdin;\n1\n", Form::Dump);
        assert!(matches!(cut, Err(RowsError::Bad { what: "the rows of a table", .. })), "{cut:?}");
        let copied = read("b\tc\n1\t\n\\.\nx", Form::Copied).unwrap();
        assert_eq!(copied, ":b|c 2[1][]");
        let csv = read("\"b\";c\r\n\r\n1;\\x\r\n\"2\n\n;\"\"\";\r\n", Form::Csv(b';')).unwrap();
        assert_eq!(csv, ":b|c 3[1][\\x] 4[2\n\n;\"][NULL]");
        for (text, form) in [(&*format!("a\n{long}"), Form::Copied), (&long, Form::Csv(b','))] {
            let error = read(text, form);
            assert!(matches!(error, Err(RowsError::LongLine { limit: 64, .. })), "{error:?}");
        }
        for text in ["a\n\"b", format!("a\n\"b{}", "\nb".repeat(40)).as_str(), "a\nb\rc"] {
            let error = read(text, Form::Csv(b','));
            assert!(matches!(error, Err(RowsError::Bad { line: 2, .. })), "{text:?} {error:?}");
        }
    }
}
