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

use std::{borrow::Cow, io::Read};

use serde::Deserialize;

use super::{
    DumpMeta, ImportError,
    slot_collector::Collector,
    slot_record::Record,
    table_columns::{Columns, Row, SlotKey},
    versions::Version,
};
use crate::{
    files::{Input, InputError, Line, Lines},
    ingest::rows::{self, Form, Item, Limits, RowReader, RowsError, STORAGE_LOGS},
    primitives::{
        Address, Word,
        spelled::{Member, SpellingError},
    },
    state::{entries::Entry, keys::era_key},
};

/// Rows passed on at once.
const CHUNK: usize = 1 << 12;
/// The longest row, in bytes. A usual row has a few hundred.
const LONGEST_ROW: usize = 1 << 16;
/// What is wrong with an operation number of more than 32 bits.
const TOO_LARGE: &str = "the operation number is not within its limits";
const LIMITS: Limits = Limits { longest: LONGEST_ROW, spans_lines: false };

/// Reads a table. Rows that do not name their account are of `account`.
pub(super) fn read(
    input: Input,
    account: Option<Address>,
    sink: &mut Collector,
) -> Result<DumpMeta, ImportError> {
    let name = input.name().to_owned();
    let is_json = input.head().trim_ascii_start().first() == Some(&b'{');
    let mut rows = Rows { sink, name, account, plain: Vec::with_capacity(CHUNK), hashed: vec![] };
    if is_json {
        rows.json(input)?;
    } else {
        rows.separated(input)?;
    }
    rows.hand_on()?;
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

#[derive(Deserialize)]
struct JsonRow<'r> {
    #[serde(borrow, alias = "account")]
    address: Option<Cow<'r, str>>,
    #[serde(borrow, alias = "key")]
    slot: Option<Cow<'r, str>>,
    #[serde(borrow, rename = "hashedKey", alias = "hashed_key")]
    hashed_key: Option<Cow<'r, str>>,
    #[serde(borrow)]
    value: Cow<'r, str>,
    #[serde(default, alias = "blockNumber", alias = "block_number")]
    #[serde(alias = "miniblock_number", alias = "l2_block_number")]
    block: Member<u64>,
    #[serde(default)]
    operation_number: Member<u64>,
}

struct Rows<'s> {
    sink: &'s mut Collector,
    name: String,
    account: Option<Address>,
    plain: Vec<(Address, Word, Word)>,
    hashed: Vec<Record>,
}

impl Rows<'_> {
    fn json(&mut self, data: impl Read) -> Result<(), ImportError> {
        let mut lines = Lines::new(data, LIMITS.longest);
        while let Some((line, text)) = self.next_line(&mut lines)? {
            let row: JsonRow<'_> =
                serde_json::from_slice(text).map_err(|e| self.bad(line, e.to_string()))?;
            let misspelled = |error: SpellingError| self.bad(line, error.to_string());
            let operation = row.operation_number.needed().map_err(misspelled)?;
            let operation = operation.map(|number| u32::try_from(*number)).transpose();
            let row = Row {
                address: row.address.as_deref(),
                slot: row.slot.as_deref(),
                hashed_key: row.hashed_key.as_deref(),
                value: &row.value,
                block: row.block.needed().map_err(misspelled)?.copied(),
                operation: operation.map_err(|_| self.bad(line, TOO_LARGE.into()))?,
            };
            self.row(line, row)?;
        }
        Ok(())
    }

    fn separated(&mut self, input: Input) -> Result<(), ImportError> {
        let unknown = |name: &str, found: &str| {
            Err(ImportError::Unknown { name: name.into(), found: found.into() })
        };
        let Some((form, mut columns)) = form(input.head(), self.account) else {
            return unknown(&self.name, "its first line does not name the columns of slots");
        };
        let mut rows = RowReader::new(input, form, columns.is_none(), LIMITS);
        self.check_account(columns)?;
        while let Some(item) = rows.next().map_err(|error| self.refused(error))? {
            match item {
                Item::Row { line, record } => {
                    let Some(columns) = &columns else { continue };
                    match columns.row(record) {
                        Ok(row) => self.row(line, row)?,
                        Err(reason) => return Err(self.bad(line, reason)),
                    }
                }
                Item::Table { line, name, columns: names } => {
                    let found = Columns::named(&names);
                    if name.is_some_and(|name| name != STORAGE_LOGS) {
                        rows.skip_table().map_err(|error| self.refused(error))?;
                    } else if let Some(found) = found {
                        self.check_account(Some(found))?;
                        columns = Some(found);
                    } else {
                        let reason = "a table must have the columns address,slot,value or \
                                      hashedKey,value";
                        return Err(self.bad(line, reason.into()));
                    }
                }
            }
        }
        match columns {
            Some(_) => Ok(()),
            None => {
                unknown(&self.name, "it is a dump of a database without the table storage_logs")
            }
        }
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

    /// The next non-empty line, and its number.
    fn next_line<'l>(
        &self,
        lines: &'l mut Lines<impl Read>,
    ) -> Result<Option<(u64, &'l [u8])>, ImportError> {
        match lines.next_line() {
            Ok(Some(Line { number, is_too_long: true, .. })) => {
                Err(self.refused(RowsError::LongLine { line: number, limit: LIMITS.longest }))
            }
            Ok(line) => Ok(line.map(|line| (line.number, line.text))),
            Err(source) => Err(InputError::Read { name: self.name.clone(), source }.into()),
        }
    }

    fn row(&mut self, line: u64, row: Row<'_>) -> Result<(), ImportError> {
        let (key, value) = row.slot(self.account).map_err(|reason| self.bad(line, reason))?;
        if let Some(block) = row.block {
            let (key, is_hashed) = match key {
                SlotKey::Plain(address, slot) => (era_key(address, slot), false),
                SlotKey::Hashed(key) => (key, true),
            };
            let operation = row.operation.unwrap_or_default();
            let entry = Entry { key, value };
            let version = Version { entry, block, operation, ..Version::default() };
            return self.sink.version(version, is_hashed);
        }
        match key {
            SlotKey::Plain(address, slot) => self.plain.push((address, slot, value)),
            SlotKey::Hashed(key) => {
                let entry = Entry { key, value };
                self.hashed.push(Record { entry, ..Record::default() });
            }
        }
        if self.plain.len().max(self.hashed.len()) == CHUNK { self.hand_on() } else { Ok(()) }
    }

    fn hand_on(&mut self) -> Result<(), ImportError> {
        self.sink.rows(&self.plain)?;
        if !self.hashed.is_empty() {
            self.sink.hashed(&self.hashed)?;
        }
        self.plain.clear();
        self.hashed.clear();
        Ok(())
    }

    fn refused(&self, error: RowsError) -> ImportError {
        match error {
            RowsError::Input(error) => error.into(),
            RowsError::LongLine { line, limit } => {
                self.bad(line, format!("longer than {limit} bytes, the limit for a row"))
            }
            RowsError::Bad { line, what, reason } => self.bad(line, format!("{what} {reason}")),
        }
    }

    fn bad(&self, line: u64, reason: String) -> ImportError {
        ImportError::Row { name: self.name.clone(), line, reason }
    }
}
