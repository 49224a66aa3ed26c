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

use std::io;

use memchr::memchr;
use rayon::prelude::*;

use super::{
    DumpMeta, ImportError,
    slot_collector::Collector,
    table_columns::Columns,
    table_dump::DumpText,
    table_rows::{BlockRows, RowForm, RowParser, too_long},
};
use crate::{
    files::{Input, InputError, TextBlock, TextBlocks},
    ingest::rows::{self, Form, LineRow, RowsError, STORAGE_LOGS},
    primitives::Address,
};

/// The longest row, in bytes. A usual row has a few hundred.
const LONGEST_ROW: usize = 1 << 16;
/// The blocks of text for each thread that are parsed while as many are read.
const BLOCKS_PER_THREAD: usize = 2;

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
        let mut blocks = TextBlocks::new(input, LONGEST_ROW);
        table.lines(|| blocks.next_block(), 0, TextBlock::default(), RowForm::Json)?;
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

/// The rows of a block, with the first line that cannot be read and what is wrong with it.
type ParsedBlock = (BlockRows, Option<(u64, String)>);

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
        let mut blocks = TextBlocks::new(input, LONGEST_ROW);
        let (mut line, mut rest, mut at) = (0, TextBlock::default(), 0);
        let columns = match columns {
            Some(columns) => columns,
            None => loop {
                if at == rest.len() {
                    let block = blocks.next_block().map_err(|source| self.failed(source))?;
                    let Some(block) = block else {
                        return self.unknown("its first line does not name the columns of slots");
                    };
                    (rest, at) = (block, 0);
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
        self.lines(|| blocks.next_block(), line, rest, RowForm::Csv { by, columns })?;
        Ok(())
    }

    fn header(&self, line: u64, text: &[u8], by: u8) -> Result<Columns, ImportError> {
        let mut row = LineRow::new(by);
        let record = row.read(text).map_err(|reason| self.bad(line, reason))?;
        let names = (0..record.len()).map(|at| record.get(at).unwrap_or_default().trim_ascii());
        let names: Vec<_> = names.map(String::from_utf8_lossy).collect();
        Columns::named(&names).ok_or_else(|| self.bad(line, NO_COLUMNS.into()))
    }

    /// Reads rows that are lines, on all threads, in the blocks that `next` returns. While some are parsed, the next are
    /// read and those before are collected. `line` is the number of lines before them, and `rest` their beginning.
    /// Returns the number of the last line.
    fn lines(
        &mut self,
        mut next: impl FnMut() -> io::Result<Option<TextBlock>> + Send,
        mut line: u64,
        rest: TextBlock,
        form: RowForm,
    ) -> Result<u64, ImportError> {
        let at_once = BLOCKS_PER_THREAD * rayon::current_num_threads();
        let account = self.account;
        let (mut texts, mut parsed) = (vec![rest], Vec::new());
        while !texts.is_empty() {
            let parse = || -> Vec<ParsedBlock> {
                let parser = || RowParser::new(form, account);
                texts
                    .par_iter()
                    .map_init(parser, |parser, text| parser.block(text, LONGEST_ROW))
                    .collect()
            };
            let read = || (0..at_once).map_while(|_| next().transpose()).collect();
            let (collected, (newly_parsed, read)): (_, (_, io::Result<Vec<TextBlock>>)) =
                rayon::join(|| self.collect(parsed, &mut line), || rayon::join(parse, read));
            collected?;
            parsed = newly_parsed;
            texts = match read {
                Ok(texts) => texts,
                Err(source) => {
                    // What is wrong with the rows before comes first.
                    self.collect(parsed, &mut line)?;
                    return Err(self.failed(source));
                }
            };
        }
        self.collect(parsed, &mut line)?;
        Ok(line)
    }

    /// Collects the slots of blocks of rows. `line` counts the lines.
    fn collect(&mut self, blocks: Vec<ParsedBlock>, line: &mut u64) -> Result<(), ImportError> {
        for (rows, error) in blocks {
            let before = *line;
            *line += rows.lines;
            self.sink.block(rows)?;
            if let Some((at, reason)) = error {
                return Err(self.bad(before + at, reason));
            }
        }
        Ok(())
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
        text.lines =
            self.lines(|| text.rows(), line, TextBlock::default(), RowForm::Copied { columns })?;
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
