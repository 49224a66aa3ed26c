//! Plain tables: the way in for everything else that can list storage, such as databases.
//!
//! ```text
//! CSV       address,slot,value            or      hashedKey,value
//!           0x…,0x…,0x…                           0x…,0x…
//! NDJSON    {"address":"0x…","slot":"0x…","value":"0x…"}
//!           {"hashedKey":"0x…","value":"0x…"}
//! ```
//!
//! Slots and values are hexadecimal with `0x`, as quantities or as full words; addresses and hashed
//! keys are of full length. A hashed key is blake2s256(0^12 ‖ address ‖ slot), as zksync-era and ZKsync
//! OS keep it. The first row of a CSV table may name the columns, which may then stand in any order with
//! others between them; without names they are as above. Rows come in any order.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use csv::ByteRecord;
use serde::Deserialize;

use super::{Facts, ImportError, collect::Collector, record::Record};
use crate::{
    files::{Input, InputError, Line, Lines},
    primitives::{
        Address, Hash, Word,
        hex::{self, HexError},
    },
    state::entries::Entry,
};

/// How many rows are handed on at once.
const PIECE: usize = 1 << 12;
/// A row has about two hundred bytes.
const LONGEST_LINE: usize = 1 << 16;

pub(super) fn read(input: Input, sink: &mut Collector) -> Result<Facts, ImportError> {
    let name = input.name().to_owned();
    let is_json = input.head().trim_ascii_start().first() == Some(&b'{');
    let mut rows = Rows { sink, name, plain: Vec::with_capacity(PIECE), hashed: Vec::new() };
    if is_json {
        rows.json(input)?;
    } else {
        rows.csv(LineLimit { data: input, run: 0 })?;
    }
    rows.hand_on()?;
    Ok(Facts { block: None })
}

/// Whether a text that begins so is a CSV table.
pub(super) fn is_csv(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
    let mut record = ByteRecord::new();
    line.len() < LONGEST_LINE
        && reader.read_byte_record(&mut record).is_ok()
        && (Columns::named(&record).is_some() || Columns::counted(&record).is_some())
}

/// Where the fields of a row stand.
#[derive(Clone, Copy, Debug)]
enum Columns {
    Plain { address: usize, slot: usize, value: usize },
    Hashed { key: usize, value: usize },
}

impl Columns {
    /// From a row that names the columns.
    fn named(row: &ByteRecord) -> Option<Self> {
        let find = |name: &str| {
            row.iter().position(|field| field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        };
        let value = find("value")?;
        match (find("address"), find("slot"), find("hashedKey").or_else(|| find("hashed_key"))) {
            (Some(address), Some(slot), None) => Some(Self::Plain { address, slot, value }),
            (None, None, Some(key)) => Some(Self::Hashed { key, value }),
            _ => None,
        }
    }

    /// From the first row of a table without names.
    fn counted(row: &ByteRecord) -> Option<Self> {
        let is_hex = row.iter().all(|field| field.trim_ascii().starts_with(b"0x"));
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
        while let Some(Line { number: line, text, is_too_long }) =
            lines.next_line().map_err(|source| self.unreadable(source))?
        {
            if is_too_long {
                let reason = format!("longer than {LONGEST_LINE} bytes; no row is");
                return Err(self.bad(line, reason));
            }
            let row: JsonRow<'_> =
                serde_json::from_slice(text).map_err(|e| self.bad(line, e.to_string()))?;
            let hashed_key = row.hashed_key.as_deref();
            match (row.address.as_deref(), row.slot.as_deref(), hashed_key) {
                (Some(address), Some(slot), None) => {
                    self.plain_row(line, address, slot, &row.value)?;
                }
                (None, None, Some(key)) => self.hashed_row(line, key, &row.value)?,
                _ => {
                    let reason = "a row has address and slot, or hashedKey";
                    return Err(self.bad(line, reason.into()));
                }
            }
        }
        Ok(())
    }

    fn csv(&mut self, data: impl Read) -> Result<(), ImportError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .buffer_capacity(LONGEST_LINE)
            .from_reader(data);
        let mut row = ByteRecord::new();
        let mut columns = None;
        loop {
            let more = reader.read_byte_record(&mut row);
            let line = row.position().map_or(1, csv::Position::line);
            match more {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(error) => {
                    let reason = error.to_string();
                    return Err(match error.into_kind() {
                        csv::ErrorKind::Io(source) => self.unreadable(source),
                        _ => self.bad(line, reason),
                    });
                }
            }
            let Some(columns) = columns else {
                columns = Columns::named(&row);
                if columns.is_some() {
                    continue;
                }
                columns = Columns::counted(&row);
                if columns.is_none() {
                    return Err(self.bad(
                        line,
                        "a table has the columns address,slot,value or hashedKey,value".into(),
                    ));
                }
                self.csv_row(line, &row, columns)?;
                continue;
            };
            self.csv_row(line, &row, Some(columns))?;
        }
    }

    fn csv_row(
        &mut self,
        line: u64,
        row: &ByteRecord,
        columns: Option<Columns>,
    ) -> Result<(), ImportError> {
        let field = |at: usize| std::str::from_utf8(row.get(at).unwrap_or_default()).unwrap_or("");
        match columns {
            Some(Columns::Plain { address, slot, value }) => {
                self.plain_row(line, field(address), field(slot), field(value))
            }
            Some(Columns::Hashed { key, value }) => self.hashed_row(line, field(key), field(value)),
            None => Ok(()),
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
        if self.plain.len() == PIECE { self.hand_on() } else { Ok(()) }
    }

    fn hashed_row(&mut self, line: u64, key: &str, value: &str) -> Result<(), ImportError> {
        let key = self.parse(line, "the hashed key", hex::fixed(key).map(Hash::new))?;
        let value = self.parse(line, "the value", Word::from_hex(value))?;
        self.hashed.push(Record { entry: Entry { key, value }, ..Record::default() });
        if self.hashed.len() == PIECE { self.hand_on() } else { Ok(()) }
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

    fn unreadable(&self, source: io::Error) -> ImportError {
        InputError::Read { name: self.name.clone(), source }.into()
    }
}

/// Refuses texts with a line that no table has, before it is kept in memory.
struct LineLimit<R> {
    data: R,
    /// Bytes since the last line end.
    run: usize,
}

impl<R: Read> Read for LineLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.data.read(buffer)?;
        self.run = match buffer[..len].iter().rposition(|byte| *byte == b'\n') {
            Some(last) => len - last,
            None => self.run + len,
        };
        if self.run > 4 * LONGEST_LINE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a line is longer than any row of a table",
            ));
        }
        Ok(len)
    }
}
