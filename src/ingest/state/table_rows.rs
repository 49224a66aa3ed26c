//! Rows of tables of slots, parsed apart from the order of the table, so that all threads can parse some.

use std::{borrow::Cow, collections::HashMap};

use memchr::{memchr, memchr_iter};
use serde::Deserialize;

use super::{
    slot_record::Record as SlotRecord,
    table::too_long,
    table_columns::{Columns, Row, SlotKey},
    versions::Version,
};
use crate::{
    ingest::{record::Record, rows::LineRow},
    primitives::{
        Address, Hash, Word,
        spelled::{Member, SpellingError},
    },
    state::{
        entries::Entry,
        keys::{era_key, era_keys},
    },
};

/// What is wrong with an operation number of more than 32 bits.
const TOO_LARGE: &str = "the operation number is not within its limits";

/// The form of rows that are lines.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowForm {
    /// An object of JSON.
    Json,
    /// CSV with this separator.
    Csv { by: u8, columns: Columns },
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

/// The slots of some rows.
#[derive(Default)]
pub(super) struct BlockRows {
    /// The number of lines.
    pub(super) lines: u64,
    /// The slots whose address is known, without their keys.
    plain: Vec<(Address, Word)>,
    /// Their values.
    pub(super) values: Vec<Word>,
    /// Their keys.
    pub(super) keys: Vec<Hash>,
    /// The accounts of slots that are not zero, and how many of them follow each other.
    runs: Vec<(Address, u64)>,
    /// The number of non-zero slots of each account.
    pub(super) accounts: HashMap<Address, u64>,
    /// Slots of which only the key is known.
    pub(super) hashed: Vec<SlotRecord>,
    /// Writes, and whether the source has hashed their keys.
    pub(super) versions: Vec<(Version, bool)>,
}

impl BlockRows {
    /// Computes the keys of the slots, and the sums of the accounts.
    pub(super) fn hashed_keys(mut self) -> Self {
        for (account, slots) in self.runs.drain(..) {
            *self.accounts.entry(account).or_default() += slots;
        }
        era_keys(self.plain.drain(..), &mut self.keys);
        self
    }
}

/// Parses rows of one table.
pub(super) struct RowParser {
    form: RowForm,
    account: Option<Address>,
    row: LineRow,
}

impl RowParser {
    /// A parser of rows that are of `account` if they do not name theirs.
    pub(super) fn new(form: RowForm, account: Option<Address>) -> Self {
        let by = if let RowForm::Csv { by, .. } = form { by } else { b',' };
        Self { form, account, row: LineRow::new(by) }
    }

    /// Parses the lines of a block, each of at most `longest` bytes. The second part is the number of the first line
    /// that cannot be read, from 1, and what is wrong with it; the rows are then those before it.
    pub(super) fn block(
        &mut self,
        text: &[u8],
        longest: usize,
    ) -> (BlockRows, Option<(u64, String)>) {
        let mut rows = BlockRows::default();
        let ends =
            memchr_iter(b'\n', text).chain((text.last() != Some(&b'\n')).then_some(text.len()));
        let (mut start, mut error) = (0, None);
        for end in ends {
            let line = &text[start..end];
            start = end + 1;
            if end == text.len() && line.is_empty() {
                break;
            }
            rows.lines += 1;
            if let Err(reason) = self.line(line, longest, &mut rows) {
                error = Some((rows.lines, reason));
                break;
            }
        }
        (rows.hashed_keys(), error)
    }

    fn line(&mut self, line: &[u8], longest: usize, rows: &mut BlockRows) -> Result<(), String> {
        if line.len() > longest {
            return Err(too_long(longest));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.form {
            RowForm::Csv { by, columns } => {
                if let Some(slot) = usual(line, by, &columns) {
                    add(slot, rows);
                    return Ok(());
                }
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
                let record = self.row.read(line)?;
                let row = columns.row(record)?;
                add_row(row, self.account, rows)
            }
            RowForm::Json => add_json(line.trim_ascii(), self.account, rows),
        }
    }

    /// Adds a row whose columns are read.
    pub(super) fn record(&self, record: &Record, rows: &mut BlockRows) -> Result<(), String> {
        match self.form {
            RowForm::Csv { columns, .. } => add_row(columns.row(record)?, self.account, rows),
            RowForm::Json => Ok(()),
        }
    }
}

fn add_json(text: &[u8], account: Option<Address>, rows: &mut BlockRows) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let row: JsonRow<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let misspelled = |error: SpellingError| error.to_string();
    let operation = row.operation_number.needed().map_err(misspelled)?;
    let operation = operation.map(|number| u32::try_from(*number)).transpose();
    let row = Row {
        address: row.address.as_deref(),
        slot: row.slot.as_deref(),
        hashed_key: row.hashed_key.as_deref(),
        value: &row.value,
        block: row.block.needed().map_err(misspelled)?.copied(),
        operation: operation.map_err(|_| TOO_LARGE)?,
    };
    add_row(row, account, rows)
}

fn add_row(row: Row<'_>, account: Option<Address>, rows: &mut BlockRows) -> Result<(), String> {
    let (key, value) = row.slot(account)?;
    if let Some(block) = row.block {
        let (key, is_hashed) = match key {
            SlotKey::Plain(address, slot) => (era_key(address, slot), false),
            SlotKey::Hashed(key) => (key, true),
        };
        let operation = row.operation.unwrap_or_default();
        let entry = Entry { key, value };
        let version = Version { entry, block, operation, ..Version::default() };
        rows.versions.push((version, is_hashed));
        return Ok(());
    }
    match key {
        SlotKey::Plain(address, slot) => add((address, slot, value), rows),
        SlotKey::Hashed(key) => {
            let entry = Entry { key, value };
            rows.hashed.push(SlotRecord { entry, ..SlotRecord::default() });
        }
    }
    Ok(())
}

fn add((address, slot, value): (Address, Word, Word), rows: &mut BlockRows) {
    match rows.runs.last_mut() {
        _ if value.is_zero() => {}
        Some((account, slots)) if *account == address => *slots += 1,
        _ => rows.runs.push((address, 1)),
    }
    rows.plain.push((address, slot));
    rows.values.push(value);
}

/// The slot of a row in the usual form: an address, a slot and a value, all in full length after `0x`.
fn usual(line: &[u8], by: u8, columns: &Columns) -> Option<(Address, Word, Word)> {
    let places = columns.of_slots()?;
    let (first, rest) = line.split_at_checked(memchr(by, line)?)?;
    let rest = &rest[1..];
    let (second, third) = rest.split_at_checked(memchr(by, rest)?)?;
    let fields = [first, second, &third[1..]];
    let [address, slot, value] = places.map(|at| fields[at]);
    Some((Address::new(digits(address)?), Word::new(digits(slot)?), Word::new(digits(value)?)))
}

fn digits<const N: usize>(field: &[u8]) -> Option<[u8; N]> {
    let digits = field.strip_prefix(b"0x").filter(|digits| digits.len() == 2 * N)?;
    let mut bytes = [0; N];
    const_hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}
