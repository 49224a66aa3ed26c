//! Plain tables of slots, for databases and every other source that can list storage.
//!
//! ```text
//! CSV       address,slot,value            or      hashedKey,value
//!           0x…,0x…,0x…                           0x…,0x…
//! NDJSON    {"address":"0x…","slot":"0x…","value":"0x…"}
//!           {"hashedKey":"0x…","value":"0x…"}
//! ```
//!
//! Slots and values are hexadecimal with `0x`, as quantities or full words; addresses and hashed keys have
//! full length. A hashed key is blake2s256(0^12 ‖ address ‖ slot), as zksync-era and ZKsync OS store it. The
//! first row of a CSV table may name the columns; they may then be in any order, with other columns between
//! them. Without names they are as above. Rows come in any order. A row is one line, in CSV too: a line end
//! within quotation marks is refused, since a missing closing mark would merge all following rows into one.

use std::{borrow::Cow, io::Read};

use serde::Deserialize;

use super::{DumpMeta, ImportError, slot_collector::Collector, slot_record::Record};
use crate::{
    files::{Input, InputError, Line, Lines},
    ingest::csv::{CsvLine, CsvRow},
    primitives::{
        Address, Hash, Word,
        hex::{self, HexError},
    },
    state::entries::Entry,
};

/// Rows passed on at once.
const CHUNK: usize = 1 << 12;
/// The longest row, in bytes. A usual row has about two hundred.
const LONGEST_LINE: usize = 1 << 16;

pub(super) fn read(input: Input, sink: &mut Collector) -> Result<DumpMeta, ImportError> {
    let name = input.name().to_owned();
    let is_json = input.head().trim_ascii_start().first() == Some(&b'{');
    let mut rows = Rows { sink, name, plain: Vec::with_capacity(CHUNK), hashed: Vec::new() };
    if is_json {
        rows.json(input)?;
    } else {
        rows.csv(input)?;
    }
    rows.hand_on()?;
    Ok(DumpMeta { block: None })
}

/// Whether a text with this beginning is a CSV table.
pub(super) fn is_csv(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut row = CsvRow::new(b',');
    line.len() < LONGEST_LINE
        && row.push_line(line.trim_ascii()) == CsvLine::Complete
        && (Columns::named(&row).is_some() || Columns::counted(&row).is_some())
}

/// The positions of the fields in a row.
#[derive(Clone, Copy, Debug)]
enum Columns {
    Plain { address: usize, slot: usize, value: usize },
    Hashed { key: usize, value: usize },
}

impl Columns {
    /// From a header row.
    fn named(row: &CsvRow) -> Option<Self> {
        let is =
            |field: &[u8], name: &str| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        let find = |name: &str| row.iter().position(|field| is(field, name));
        let value = find("value")?;
        match (find("address"), find("slot"), find("hashedKey").or_else(|| find("hashed_key"))) {
            (Some(address), Some(slot), None) => Some(Self::Plain { address, slot, value }),
            (None, None, Some(key)) => Some(Self::Hashed { key, value }),
            _ => None,
        }
    }

    /// From the first row of a table without a header.
    fn counted(row: &CsvRow) -> Option<Self> {
        let is_hex = row.iter().all(|field| field.trim_ascii_start().starts_with(b"0x"));
        match row.len() {
            3 if is_hex => Some(Self::Plain { address: 0, slot: 1, value: 2 }),
            2 if is_hex => Some(Self::Hashed { key: 0, value: 1 }),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct JsonRow<'r> {
    #[serde(borrow)]
    address: Option<Cow<'r, str>>,
    #[serde(borrow)]
    slot: Option<Cow<'r, str>>,
    #[serde(borrow, rename = "hashedKey", alias = "hashed_key")]
    hashed_key: Option<Cow<'r, str>>,
    #[serde(borrow)]
    value: Cow<'r, str>,
}

struct Rows<'s> {
    sink: &'s mut Collector,
    name: String,
    plain: Vec<(Address, Word, Word)>,
    hashed: Vec<Record>,
}

impl Rows<'_> {
    fn json(&mut self, data: impl Read) -> Result<(), ImportError> {
        let mut lines = Lines::new(data, LONGEST_LINE);
        while let Some((line, text)) = self.next_line(&mut lines)? {
            let row: JsonRow<'_> =
                serde_json::from_slice(text).map_err(|e| self.bad(line, e.to_string()))?;
            let hashed_key = row.hashed_key.as_deref();
            match (row.address.as_deref(), row.slot.as_deref(), hashed_key) {
                (Some(address), Some(slot), None) => {
                    self.plain_row(line, address, slot, &row.value)?;
                }
                (None, None, Some(key)) => self.hashed_row(line, key, &row.value)?,
                _ => {
                    let reason = "a row must have either address and slot, or hashedKey";
                    return Err(self.bad(line, reason.into()));
                }
            }
        }
        Ok(())
    }

    fn csv(&mut self, data: impl Read) -> Result<(), ImportError> {
        let mut lines = Lines::new(data, LONGEST_LINE);
        let mut row = CsvRow::new(b',');
        let mut table = None;
        while let Some((line, text)) = self.next_line(&mut lines)? {
            row.clear();
            let reason = match row.push_line(text) {
                CsvLine::Complete => None,
                CsvLine::Open => Some("a quotation mark has no closing mark in the line"),
                CsvLine::CarriageReturn => Some("a carriage return is within the row"),
            };
            if let Some(reason) = reason {
                return Err(self.bad(line, reason.into()));
            }
            let columns = match table {
                Some((columns, len)) if len == row.len() => columns,
                Some((_, len)) => {
                    let reason =
                        format!("it has {} columns, but the first row has {len}", row.len());
                    return Err(self.bad(line, reason));
                }
                None => {
                    let named = Columns::named(&row);
                    let columns = named.or_else(|| Columns::counted(&row)).ok_or_else(|| {
                        let known =
                            "a table must have the columns address,slot,value or hashedKey,value";
                        self.bad(line, known.into())
                    })?;
                    table = Some((columns, row.len()));
                    if named.is_some() {
                        continue;
                    }
                    columns
                }
            };
            let field = |at: usize| std::str::from_utf8(row.get(at).trim_ascii()).unwrap_or("");
            match columns {
                Columns::Plain { address, slot, value } => {
                    self.plain_row(line, field(address), field(slot), field(value))?;
                }
                Columns::Hashed { key, value } => {
                    self.hashed_row(line, field(key), field(value))?;
                }
            }
        }
        Ok(())
    }

    /// The next non-empty line, and its number.
    fn next_line<'l>(
        &self,
        lines: &'l mut Lines<impl Read>,
    ) -> Result<Option<(u64, &'l [u8])>, ImportError> {
        match lines.next_line() {
            Ok(Some(Line { number, is_too_long: true, .. })) => {
                Err(self
                    .bad(number, format!("longer than {LONGEST_LINE} bytes, the limit for a row")))
            }
            Ok(line) => Ok(line.map(|line| (line.number, line.text))),
            Err(source) => Err(InputError::Read { name: self.name.clone(), source }.into()),
        }
    }

    fn plain_row(
        &mut self,
        line: u64,
        address: &str,
        slot: &str,
        value: &str,
    ) -> Result<(), ImportError> {
        let row = (
            self.parse(line, "the address", address.parse())?,
            self.parse(line, "the slot", Word::from_hex(slot))?,
            self.parse(line, "the value", Word::from_hex(value))?,
        );
        self.plain.push(row);
        if self.plain.len() == CHUNK { self.hand_on() } else { Ok(()) }
    }

    fn hashed_row(&mut self, line: u64, key: &str, value: &str) -> Result<(), ImportError> {
        let key = self.parse(line, "the hashed key", hex::fixed(key).map(Hash::new))?;
        let value = self.parse(line, "the value", Word::from_hex(value))?;
        self.hashed.push(Record { entry: Entry { key, value }, ..Record::default() });
        if self.hashed.len() == CHUNK { self.hand_on() } else { Ok(()) }
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

    fn parse<T>(
        &self,
        line: u64,
        what: &str,
        result: Result<T, HexError>,
    ) -> Result<T, ImportError> {
        result.map_err(|reason| ImportError::row(&self.name, line, what, reason))
    }

    fn bad(&self, line: u64, reason: String) -> ImportError {
        ImportError::Row { name: self.name.clone(), line, reason }
    }
}
