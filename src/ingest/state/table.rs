//! Tables of slots, for databases and every other source that can list storage.
//!
//! ```text
//! CSV       address,slot,value            or      hashedKey,value
//!           0x…,0x…,0x…                           0x…,0x…
//! NDJSON    {"address":"0x…","slot":"0x…","value":"0x…"}
//!           {"hashedKey":"0x…","value":"0x…"}
//! Postgres  storage_logs of a zksync-era node, by pg_dump or COPY:
//!           hashed_key, address, key, value, operation_number, miniblock_number
//! ```
//!
//! Slots and values are hexadecimal, as quantities or full words; addresses and hashed keys have full length.
//! A hashed key is blake2s256(0^12 ‖ address ‖ slot), as zksync-era and ZKsync OS store it. CSV has commas,
//! semicolons, tabs or `|` between its fields. The first row of a table may name the columns; they may then be
//! in any order, with other columns between them. Without names they are as above. Rows come in any order. A
//! row is one line, in CSV too: a line end within quotation marks is refused, since a missing closing mark
//! would merge all following rows into one.
//!
//! **Blocks.** With a column of blocks, rows are writes, and the state is that of the wanted block: the newest
//! write of each slot up to there, by block and then by operation number. Without a wanted block it is that
//! of the newest row. Source: migrations of zksync-era's `core/lib/dal`; the primary key of `storage_logs` is
//! (`hashed_key`, `miniblock_number`, `operation_number`). Nodes that were restored from a snapshot with
//! hashed keys have no `address` and no `key` in their rows.

use std::{io, ops::ControlFlow};

use memchr::memchr;

use super::{
    DumpMeta, ImportError,
    slot_collector::Collector,
    table_columns::Columns,
    table_dump::DumpText,
    table_rows::{ParsedRows, RowForm, RowParser, too_long},
};
use crate::{
    files::{Input, InputError, TextBlock, TextPiece, TextPieces, in_turn},
    ingest::rows::{self, Form, LineRow, RowsError, STORAGE_LOGS},
    primitives::Address,
};

/// The longest row, in bytes. A usual row has a few hundred.
const LONGEST_ROW: usize = 1 << 16;

/// The number of hexadecimal digits of a word.
const DIGITS: usize = 64;
/// What is wrong with a last row whose value seems to be cut off. It would be read as another value.
const CUT: &str = "it has no line end, and its last value is shorter than that of the row before it: the file seems to be cut; if \
                   it is whole, add the line end";

/// Reads a table. Rows that do not name their account are of `account`.
pub(super) fn read(
    input: Input,
    account: Option<Address>,
    sink: &mut Collector,
) -> Result<DumpMeta, ImportError> {
    let name = input.name().to_owned();
    let is_json = input.head().trim_ascii_start().first() == Some(&b'{');
    let mut table = Table { sink, name, account };
    if is_json {
        let mut pieces = table.pieces(input)?;
        table.lines(|| pieces.next_piece(), 0, None, RowForm::Json)?;
    } else {
        table.separated(input)?;
    }
    Ok(DumpMeta { block: None })
}

/// Whether a text with this beginning is a table of slots, but not a dump of a database.
pub(super) fn is_csv(head: &[u8]) -> bool {
    form(head, None).is_some_and(|(form, _)| form != Form::Dump)
}

/// Whether a text with this beginning is a dump of a database, in whatever tables.
pub(super) fn is_database(head: &[u8]) -> bool {
    matches!(form(head, None), Some((Form::Dump, _)))
}

/// Whether a text with this beginning is a dump of a database that has a table of slots.
pub(super) fn is_storage_logs(head: &[u8]) -> bool {
    is_database(head) && rows::tables_in(head).any(|(name, _)| name == STORAGE_LOGS)
}

/// The form of a table, and its columns if the first row does not name them.
fn form(head: &[u8], account: Option<Address>) -> Option<(Form, Option<Columns>)> {
    let counted = |first: &[String]| Columns::counted(first, account);
    let form =
        Form::detect(head, |first| Columns::named(first).is_some() || counted(first).is_some())?;
    let first = form.separator().and_then(|by| counted(&rows::first_columns(head, by)));
    Some((form, first))
}

struct Table<'s> {
    sink: &'s mut Collector,
    name: String,
    account: Option<Address>,
}

impl Table<'_> {
    fn separated(&mut self, input: Input) -> Result<(), ImportError> {
        let Some((form, columns)) = form(input.head(), self.account) else {
            return self.unknown("its first line does not name the columns of slots");
        };
        match form {
            Form::Csv(by) => self.csv(input, by, columns),
            Form::Copied | Form::Dump => self.dump(input, form, columns),
        }
    }

    fn unknown(&self, found: &str) -> Result<(), ImportError> {
        Err(ImportError::Unknown { name: self.name.clone(), found: found.into() })
    }

    /// Reads CSV. Without `columns`, the first line that is not empty names them.
    fn csv(&mut self, input: Input, by: u8, columns: Option<Columns>) -> Result<(), ImportError> {
        let mut pieces = self.pieces(input)?;
        let (mut line, mut rest, mut at) = (0, TextBlock::default(), 0);
        let columns = match columns {
            Some(columns) => columns,
            None => loop {
                if at == rest.len() {
                    let piece = pieces
                        .next_piece()
                        .and_then(|piece| piece.map(TextPiece::read).transpose());
                    let Some(piece) = piece.map_err(|source| self.failed(source))? else {
                        return self.unknown("its first line does not name the columns of slots");
                    };
                    (rest, at) = (piece, 0);
                    continue;
                }
                let header = &rest[at..];
                let len = memchr(b'\n', header).map_or(header.len(), |end| end + 1);
                let header = &header[..len];
                (line, at) = (line + 1, at + len);
                if !header.trim_ascii().is_empty() {
                    break self.header(line, header.trim_ascii_end(), by)?;
                }
            },
        };
        rest.advance(at);
        self.check_account(Some(columns))?;
        let form = RowForm::Csv { by, columns };
        self.lines(|| pieces.next_piece(), line, Some(TextPiece::Block(rest)), form)?;
        Ok(())
    }

    /// The lines of a text, which all threads read.
    fn pieces(&self, input: Input) -> Result<TextPieces, ImportError> {
        TextPieces::new(input, LONGEST_ROW).map_err(|source| self.failed(source))
    }

    fn header(&self, line: u64, text: &[u8], by: u8) -> Result<Columns, ImportError> {
        let mut row = LineRow::new(by);
        let record = row.read(text).map_err(|reason| self.bad(line, reason))?;
        let names = (0..record.len()).map(|at| record.get(at).unwrap_or_default().trim_ascii());
        let names: Vec<_> = names.map(String::from_utf8_lossy).collect();
        Columns::named(&names).ok_or_else(|| self.bad(line, NO_COLUMNS.into()))
    }

    /// Reads rows that are lines, on all threads, in the pieces that `next` returns. `line` is the number of lines before
    /// them, and `rest` their beginning. Returns the number of the last line.
    fn lines(
        &mut self,
        mut next: impl FnMut() -> io::Result<Option<TextPiece>> + Send,
        mut line: u64,
        mut rest: Option<TextPiece>,
        form: RowForm,
    ) -> Result<u64, ImportError> {
        let (account, origin) = (self.account, self.sink.origin());
        let (mut are_all, mut last_value) = (false, 0);
        while !are_all {
            let (mut taken, mut is_cut) = (Ok(()), false);
            are_all = in_turn(
                || {
                    let text = match rest.take() {
                        Some(rest) => Some(Ok(rest)),
                        // Nothing can be read after an error.
                        None if is_cut => None,
                        None => next().transpose(),
                    };
                    is_cut = matches!(text, Some(Err(_)));
                    text
                },
                || {
                    let mut parser = RowParser::new(form, account, origin);
                    move |piece: io::Result<TextPiece>| {
                        piece?.read().map(|text| parser.lines(&text, LONGEST_ROW))
                    }
                },
                |rows| {
                    if taken.is_ok() {
                        taken = self.take(rows, &mut line, &mut last_value);
                    }
                    match taken.is_err() || self.sink.is_full() {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                },
            );
            taken?;
            self.sink.make_room()?;
        }
        Ok(line)
    }

    /// Takes the slots of a block of rows. `line` counts the lines.
    /// `last_value` is the length of the last value before them.
    fn take(
        &mut self,
        rows: io::Result<ParsedRows>,
        line: &mut u64,
        last_value: &mut usize,
    ) -> Result<(), ImportError> {
        let rows = rows.map_err(|source| self.failed(source))?;
        let (before, value_before) = (*line, *last_value);
        *line += rows.lines;
        *last_value = rows.last_value.unwrap_or(value_before);
        self.sink.take(rows.slots)?;
        let seems_cut = !rows.ends && value_before >= DIGITS && *last_value < value_before;
        let cut = seems_cut.then(|| (rows.lines, CUT.into()));
        match cut.or(rows.error) {
            Some((at, reason)) => Err(self.bad(before + at, reason)),
            None => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> ImportError {
        InputError::Read { name: self.name.clone(), source }.into()
    }

    /// Reads a dump of a database, or what COPY wrote.
    fn dump(
        &mut self,
        input: Input,
        form: Form,
        columns: Option<Columns>,
    ) -> Result<(), ImportError> {
        let mut text = DumpText::new(input, LONGEST_ROW);
        if form == Form::Copied {
            let columns = match columns {
                Some(columns) => columns,
                None => self.copied_header(&mut text)?,
            };
            return self.rows(&mut text, columns);
        }
        let mut is_found = false;
        while let Some(line) = text.line().map_err(|source| self.failed(source))? {
            let Some((name, names)) = rows::copy_statement(line.trim_ascii_end()) else { continue };
            if name == STORAGE_LOGS {
                let columns = Columns::named(&names);
                let columns = columns.ok_or_else(|| self.bad(text.lines, NO_COLUMNS.into()))?;
                self.rows(&mut text, columns)?;
                is_found = true;
            } else {
                text.skip_table().map_err(|source| self.failed(source))?;
            }
            if !text.end_table() {
                return Err(self.refused(RowsError::cut(text.lines)));
            }
        }
        match is_found {
            true => Ok(()),
            false => self.unknown("it is a dump of a database without the table storage_logs"),
        }
    }

    /// Reads the columns in the first line that is not empty.
    fn copied_header(&self, text: &mut DumpText<Input>) -> Result<Columns, ImportError> {
        while let Some(line) = text.line().map_err(|source| self.failed(source))? {
            if line.len() > LONGEST_ROW {
                return Err(self.bad(text.lines, too_long(LONGEST_ROW)));
            }
            if !line.trim_ascii().is_empty() {
                let names = rows::first_columns(&line, b'\t');
                return Columns::named(&names)
                    .ok_or_else(|| self.bad(text.lines, NO_COLUMNS.into()));
            }
        }
        Err(self.bad(text.lines, NO_COLUMNS.into()))
    }

    /// Reads the rows of a table in a dump.
    fn rows(&mut self, text: &mut DumpText<Input>, columns: Columns) -> Result<(), ImportError> {
        self.check_account(Some(columns))?;
        text.begin_table();
        let line = text.lines;
        let next = || Ok(text.rows()?.map(TextPiece::Block));
        text.lines = self.lines(next, line, None, RowForm::Copied { columns })?;
        Ok(())
    }

    /// Returns an error if the account has to be given, but was not.
    fn check_account(&self, columns: Option<Columns>) -> Result<(), ImportError> {
        match self.account {
            None if columns.is_some_and(|columns| columns.needs_account()) => {
                Err(ImportError::NoAccount { name: self.name.clone() })
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, error: RowsError) -> ImportError {
        match error {
            RowsError::Input(error) => error.into(),
            RowsError::LongLine { line, limit } => self.bad(line, too_long(limit)),
            RowsError::Bad { line, what, reason } => self.bad(line, format!("{what} {reason}")),
        }
    }

    fn bad(&self, line: u64, reason: String) -> ImportError {
        ImportError::Row { name: self.name.clone(), line, reason }
    }
}

const NO_COLUMNS: &str = "a table must have the columns address,slot,value or hashedKey,value";
