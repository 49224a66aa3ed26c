//! Rows of tables of slots, parsed apart from the order of the table, so that all threads can parse some.

use std::{borrow::Cow, collections::HashMap};

use memchr::{memchr, memchr_iter};
use serde::Deserialize;

use super::{
    slot_record::Record as SlotRecord,
    table_columns::{Columns, OTHER_KEY, Row, SlotKey},
    versions::Version,
};
use crate::{
    ingest::{record::Record, rows::LineRow},
    primitives::{
        Address, Hash, Word,
        spelled::{Member, SpellingError},
    },
    state::{entries::Entry, keys::era_keys},
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
    /// The output of `COPY`.
    Copied { columns: Columns },
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
    /// The numbers of the writes whose address is known, without their keys.
    written: Vec<(usize, (Address, Word))>,
    /// The keys that rows have beside the address and the slot, in the order of the rows.
    stated: Vec<StatedKey>,
    /// The first line whose key is not that of the address and the slot.
    wrong: Option<u64>,
}

/// A key that a row has beside the address and the slot.
struct StatedKey {
    /// The number of the line in the block, from 1.
    line: u64,
    of: KeyOf,
    key: Hash,
}

/// What has the key: a slot or a write, by its number.
enum KeyOf {
    Slot(usize),
    Write(usize),
}

impl BlockRows {
    /// Adds a slot of an account, and its value.
    pub(super) fn add(&mut self, (address, slot, value): (Address, Word, Word)) {
        match self.runs.last_mut() {
            _ if value.is_zero() => {}
            Some((account, slots)) if *account == address => *slots += 1,
            _ => self.runs.push((address, 1)),
        }
        self.plain.push((address, slot));
        self.values.push(value);
    }

    /// Computes the keys of the slots, and the sums of the accounts.
    pub(super) fn hashed_keys(mut self) -> Self {
        for (account, slots) in self.runs.drain(..) {
            *self.accounts.entry(account).or_default() += slots;
        }
        era_keys(self.plain.drain(..), &mut self.keys);
        let mut keys = Vec::with_capacity(self.written.len());
        era_keys(self.written.iter().map(|(_, slot)| *slot), &mut keys);
        for ((version, _), key) in self.written.drain(..).zip(keys) {
            self.versions[version].0.entry.key = key;
        }
        let is_wrong = |stated: &&StatedKey| {
            stated.key
                != match stated.of {
                    KeyOf::Slot(slot) => self.keys[slot],
                    KeyOf::Write(version) => self.versions[version].0.entry.key,
                }
        };
        self.wrong = self.stated.iter().find(is_wrong).map(|stated| stated.line);
        self
    }
}

/// What is wrong with a row of more than `limit` bytes.
pub(super) fn too_long(limit: usize) -> String {
    format!("longer than {limit} bytes, the limit for a row")
}

/// Parses rows of one table.
pub(super) struct RowParser {
    form: RowForm,
    account: Option<Address>,
    row: LineRow,
    copied: Record,
}

impl RowParser {
    /// A parser of rows that are of `account` if they do not name theirs.
    pub(super) fn new(form: RowForm, account: Option<Address>) -> Self {
        let by = if let RowForm::Csv { by, .. } = form { by } else { b',' };
        Self { form, account, row: LineRow::new(by), copied: Record::default() }
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
        let rows = rows.hashed_keys();
        match rows.wrong {
            // The rows before it are of no use either.
            Some(line) => {
                (BlockRows { lines: line, ..BlockRows::default() }, Some((line, OTHER_KEY.into())))
            }
            None => (rows, error),
        }
    }

    fn line(&mut self, line: &[u8], longest: usize, rows: &mut BlockRows) -> Result<(), String> {
        if line.len() > longest {
            return Err(too_long(longest));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.form {
            RowForm::Csv { by, columns } => {
                if let Some(slot) = usual(line, by, &columns) {
                    rows.add(slot);
                    return Ok(());
                }
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
                let record = self.row.read(line)?;
                let row = columns.row(record)?;
                add_row(row, self.account, rows)
            }
            RowForm::Copied { columns } => {
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
                self.copied.clear();
                self.copied.push_copied(line);
                add_row(columns.row(&self.copied)?, self.account, rows)
            }
            RowForm::Json => match usual_json(line) {
                Some(slot) => {
                    rows.add(slot);
                    Ok(())
                }
                None => add_json(line.trim_ascii(), self.account, rows),
            },
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
    if let SlotKey::Plain { hashed: Some(key), .. } = key {
        let of = match row.block {
            Some(_) => KeyOf::Write(rows.versions.len()),
            None => KeyOf::Slot(rows.values.len()),
        };
        rows.stated.push(StatedKey { line: rows.lines, of, key });
    }
    if let Some(block) = row.block {
        let (key, is_hashed) = match key {
            SlotKey::Plain { address, slot, .. } => {
                rows.written.push((rows.versions.len(), (address, slot)));
                (Hash::ZERO, false)
            }
            SlotKey::Hashed(key) => (key, true),
        };
        let operation = row.operation.unwrap_or_default();
        let entry = Entry { key, value };
        // The slot has no entry before its first value.
        let first = if value.is_zero() { u64::MAX } else { block };
        let version = Version { entry, block, first, operation, ..Version::default() };
        rows.versions.push((version, is_hashed));
        return Ok(());
    }
    match key {
        SlotKey::Plain { address, slot, .. } => rows.add((address, slot, value)),
        SlotKey::Hashed(key) => {
            let entry = Entry { key, value };
            rows.hashed.push(SlotRecord { entry, ..SlotRecord::default() });
        }
    }
    Ok(())
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

/// The slot of an object in the usual form: an address, a slot and a value, in any order, all in full length after `0x`.
fn usual_json(line: &[u8]) -> Option<(Address, Word, Word)> {
    let (mut address, mut slot, mut value) = (None, None, None);
    let mut rest = line.strip_prefix(b"{")?;
    for end in [b",", b",", b"}"] {
        let (name, after) = string(rest)?;
        let (text, after) = string(after.strip_prefix(b":")?)?;
        let is_first = match name {
            b"address" => address.replace(Address::new(digits(text)?)).is_none(),
            b"slot" => slot.replace(Word::new(digits(text)?)).is_none(),
            b"value" => value.replace(Word::new(digits(text)?)).is_none(),
            _ => false,
        };
        rest = after.strip_prefix(end).filter(|_| is_first)?;
    }
    rest.is_empty().then_some((address?, slot?, value?))
}

/// The string at the beginning of a text, and the text after it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start().strip_prefix(b"\"")?;
    let (string, rest) = text.split_at_checked(memchr(b'"', text)?)?;
    Some((string, &rest[1..]))
}

fn digits<const N: usize>(field: &[u8]) -> Option<[u8; N]> {
    let digits = field.strip_prefix(b"0x").filter(|digits| digits.len() == 2 * N)?;
    let mut bytes = [0; N];
    const_hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::keys::era_key;

    fn hex(digits: usize) -> impl Strategy<Value = String> {
        let usual =
            prop::collection::vec(prop::sample::select(b"0123456789abcdefABCDEF".to_vec()), digits);
        let text = |digits: Vec<u8>| format!("0x{}", String::from_utf8(digits).unwrap_or_default());
        prop_oneof![20 => usual.prop_map(text), 1 => "[0-9a-gx\"\\\\ ,]{0,70}", 1 => Just("0x1".into())]
    }

    proptest! {
        /// A row in the usual form is read as the general reader reads it.
        #[test]
        fn usual_rows_are_those_of_the_general_reader(
            fields in (hex(40), hex(64), hex(64)),
            order in Just([0, 1, 2]).prop_shuffle(),
            by in prop::sample::select(b",;\t|".to_vec()),
            more in prop_oneof![9 => Just(""), 1 => Just(","), 1 => Just(" ")],
        ) {
            let names = order.map(|at| ["address", "slot", "value"][at]);
            let columns = Columns::named(&names).unwrap();
            let fields = [fields.0, fields.1, fields.2];
            let mut line = order.map(|at| fields[at].clone()).join(&*char::from(by).to_string());
            line.push_str(more);
            if let Some((address, slot, value)) = usual(line.as_bytes(), by, &columns) {
                let mut general = LineRow::new(by);
                let row = columns.row(general.read(line.as_bytes()).unwrap()).unwrap();
                let expected = (SlotKey::Plain { address, slot, hashed: None }, value);
                prop_assert_eq!(row.slot(None), Ok(expected));
            } else {
                let is_usual = |(field, digits): (&String, usize)| {
                    let found = field.strip_prefix("0x").filter(|found| found.len() == digits);
                    found.is_some_and(|found| found.bytes().all(|byte| byte.is_ascii_hexdigit()))
                };
                let are_usual = fields.iter().zip([40, 64, 64]).all(is_usual);
                prop_assert!(!(are_usual && more.is_empty()));
            }
        }
    }

    proptest! {
        /// An object in the usual form is read as the general reader reads it.
        #[test]
        fn usual_objects_are_those_of_the_general_reader(
            fields in (hex(40), hex(64), hex(64)),
            order in Just([0, 1, 2]).prop_shuffle(),
            names in prop_oneof![
                5 => Just(["address", "slot", "value"]),
                1 => Just(["account", "key", "value"]),
                1 => Just(["address", "slot", "slot"]),
            ],
            blank in prop::sample::select(vec!["", " "]),
            more in prop::sample::select(vec!["", "", ",\"x\":1", ","]),
        ) {
            let fields = [fields.0, fields.1, fields.2].map(|field| field.replace(['"', '\\'], ""));
            let member = |at: usize| format!("\"{}\":{blank}\"{}\"", names[at], fields[at]);
            let line = format!("{{{}{more}}}", order.map(member).join(&format!(",{blank}")));
            if let Some(slot) = usual_json(line.as_bytes()) {
                let (mut usual, mut general) = (BlockRows::default(), BlockRows::default());
                usual.add(slot);
                add_json(line.as_bytes(), None, &mut general).unwrap();
                prop_assert_eq!((usual.plain, usual.values), (general.plain, general.values));
            } else {
                let is_usual = |(field, digits): (&String, usize)| {
                    let found = field.strip_prefix("0x").filter(|found| found.len() == digits);
                    found.is_some_and(|found| found.bytes().all(|byte| byte.is_ascii_hexdigit()))
                };
                let are_usual = fields.iter().zip([40, 64, 64]).all(is_usual);
                prop_assert!(!(are_usual && more.is_empty() && names == ["address", "slot", "value"]));
            }
        }
    }

    #[test]
    fn a_hashed_key_has_to_be_that_of_the_address_and_the_slot() {
        let (address, other) = (Address::system(7), era_key(Address::system(8), Word::from(1)));
        let row = |slot: u64, key: Hash| format!("{key}\t{address}\t{:#x}\t0x2", slot);
        let right = |slot| row(slot, era_key(address, Word::from(slot)));
        let text = [right(1), right(2), row(3, other), right(4), row(5, other), "x".into()];
        let writes = text.each_ref().map(|row| format!("{row}\t17\t0"));
        for (names, text) in [
            ("hashed_key,address,key,value", text.clone()),
            ("hashed_key,address,key,value,block,operation_number", writes),
        ] {
            let columns = Columns::named(&names.split(',').collect::<Vec<_>>()).unwrap();
            for form in [RowForm::Csv { by: b'\t', columns }, RowForm::Copied { columns }] {
                let mut parser = RowParser::new(form, None);
                let (rows, error) = parser.block(text[..2].join("\n").as_bytes(), 1000);
                let keys = rows.keys.iter().chain(rows.versions.iter().map(|(v, _)| &v.entry.key));
                let expected = [1, 2].map(|slot| era_key(address, Word::from(slot)));
                assert_eq!((keys.copied().collect::<Vec<_>>(), error), (expected.to_vec(), None));
                let (rows, error) = parser.block(text.join("\n").as_bytes(), 1000);
                assert_eq!((rows.lines, error), (3, Some((3, OTHER_KEY.into()))));
            }
        }
    }

    #[test]
    fn lines_are_counted_up_to_the_first_that_cannot_be_read() {
        let columns = Columns::named(&["address", "slot", "value"]).unwrap();
        let parser = || RowParser::new(RowForm::Csv { by: b',', columns }, None);
        let address = format!("0x{:040x}", 7);
        let text = format!("{address},0x1,0x2\n\r\n{address},0x2,0x0\r\n\n{address},0x3\nx");
        let (rows, error) = parser().block(text.as_bytes(), 100);
        assert_eq!((rows.lines, rows.values.len()), (5, 2));
        assert_eq!(rows.keys[0], era_key(Address::system(7), Word::from(1)));
        assert_eq!(rows.accounts, HashMap::from([(Address::system(7), 1)]));
        assert_eq!(error, Some((5, "it has 2 columns, but the first row has 3".into())));
        let (rows, error) = parser().block(text.as_bytes(), 40);
        assert_eq!((rows.lines, error), (1, Some((1, too_long(40)))));
        let (rows, error) = parser().block(b"\n\n", 40);
        assert_eq!((rows.lines, error), (2, None));
    }
}
