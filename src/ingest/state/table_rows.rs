//! Rows of tables of slots, parsed apart from the order of the table, so that all threads can parse some.

use std::{borrow::Cow, iter};

use memchr::memchr;
use serde::Deserialize;

use super::{
    slot_block::{Origin, SlotBlock, SlotBuffer},
    table_columns::{Columns, OTHER_KEY, Row, SlotKey},
    versions::Version,
};
use crate::{
    ingest::{record::Record, rows::LineRow},
    primitives::{
        Address, Hash, Word,
        spelled::{Member, SpellingError},
    },
    state::entries::Entry,
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

impl RowForm {
    /// The number of characters of the last value in a text of rows, if its rows have separated values.
    fn last_value(self, text: &[u8]) -> Option<usize> {
        let by = match self {
            Self::Json => return None,
            Self::Csv { by, .. } => by,
            Self::Copied { .. } => b'\t',
        };
        let end = text.iter().rposition(|byte| !b" \r\n".contains(byte))?;
        text[..=end].rsplit(|byte| [b'\n', by].contains(byte)).next().map(<[u8]>::len)
    }
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

/// The rows of some lines.
pub(super) struct ParsedRows {
    /// The number of lines.
    pub(super) lines: u64,
    /// Their slots.
    pub(super) slots: SlotBlock,
    /// The number of the first line that cannot be read, from 1, and what is wrong with it. The lines after it are left
    /// out.
    pub(super) error: Option<(u64, String)>,
    /// The number of characters of the last value, if the rows have separated values.
    pub(super) last_value: Option<usize>,
    /// Whether the last line has an end.
    pub(super) ends: bool,
}

/// What is wrong with a row of more than `limit` bytes.
pub(super) fn too_long(limit: usize) -> String {
    format!("longer than {limit} bytes, the limit for a row")
}

/// Parses rows of one table.
pub(super) struct RowParser {
    form: RowForm,
    account: Option<Address>,
    usual: Option<UsualRow>,
    row: LineRow,
    copied: Record,
    /// The slots of the lines so far.
    slots: SlotBuffer,
}

impl RowParser {
    /// A parser of rows that are of `account` if they do not name theirs.
    pub(super) fn new(form: RowForm, account: Option<Address>, origin: Origin) -> Self {
        let (by, usual) = match form {
            RowForm::Csv { by, columns } => (by, UsualRow::of(by, &columns)),
            _ => (b',', None),
        };
        let (row, copied) = (LineRow::new(by), Record::default());
        Self { form, account, usual, row, copied, slots: SlotBuffer::new(origin) }
    }

    /// Parses lines, each of at most `longest` bytes.
    pub(super) fn lines(&mut self, text: &[u8], longest: usize) -> ParsedRows {
        let (mut rest, mut lines, mut error) = (text, 0, None);
        while !rest.is_empty() {
            lines += 1;
            // In a usual row, the line ends where its last digit is.
            if let Some(usual) = &self.usual
                && rest.get(UsualRow::LEN) == Some(&b'\n')
                && let Some(slot) = usual.slot(&rest[..UsualRow::LEN])
            {
                self.slots.add(slot);
                rest = &rest[UsualRow::LEN + 1..];
                continue;
            }
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            if let Err(reason) = self.line(&rest[..len], lines, longest) {
                error = Some((lines, reason));
                break;
            }
            rest = rest.get(len + 1..).unwrap_or_default();
        }
        let slots = self.slots.take();
        if let Some(line) = slots.wrong {
            (lines, error) = (line, Some((line, OTHER_KEY.into())));
        }
        let (last_value, ends) = (self.form.last_value(text), text.ends_with(b"\n"));
        ParsedRows { lines, slots, error, last_value, ends }
    }

    /// Parses the line with this number.
    fn line(&mut self, line: &[u8], number: u64, longest: usize) -> Result<(), String> {
        if line.len() > longest {
            return Err(too_long(longest));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Self { form, account, usual, row, copied, slots } = self;
        match form {
            RowForm::Csv { columns, .. } => {
                if let Some(slot) = usual.and_then(|usual| usual.slot(line)) {
                    slots.add(slot);
                    return Ok(());
                }
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
                add_row(columns.row(row.read(line)?)?, number, *account, slots)
            }
            RowForm::Copied { columns } => {
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
                copied.clear();
                copied.push_copied(line);
                add_row(columns.row(copied)?, number, *account, slots)
            }
            RowForm::Json => match usual_json(line) {
                Some(slot) => {
                    slots.add(slot);
                    Ok(())
                }
                None => add_json(line.trim_ascii(), number, *account, slots),
            },
        }
    }
}

fn add_json(
    text: &[u8],
    line: u64,
    account: Option<Address>,
    slots: &mut SlotBuffer,
) -> Result<(), String> {
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
    add_row(row, line, account, slots)
}

/// Adds the slot of a row, which is in this line.
fn add_row(
    row: Row<'_>,
    line: u64,
    account: Option<Address>,
    slots: &mut SlotBuffer,
) -> Result<(), String> {
    let (key, value) = row.slot(account)?;
    let Some(block) = row.block else {
        match key {
            SlotKey::Plain { address, slot, hashed } => {
                hashed.iter().for_each(|key| slots.state_key_of_slot(line, *key));
                slots.add((address, slot, value));
            }
            SlotKey::Hashed(key) => slots.add_hashed(key, value),
        }
        return Ok(());
    };
    let operation = row.operation.unwrap_or_default();
    // The slot has no entry before its first value.
    let first = if value.is_zero() { u64::MAX } else { block };
    let version = |key| {
        let entry = Entry { key, value };
        Version { entry, block, first, operation, ..Version::default() }
    };
    match key {
        SlotKey::Plain { address, slot, hashed } => {
            hashed.iter().for_each(|key| slots.state_key_of_version(line, *key));
            slots.add_version(version(Hash::ZERO), (address, slot));
        }
        SlotKey::Hashed(key) => slots.add_hashed_version(version(key)),
    }
    Ok(())
}

/// CSV rows in the usual form: an address, a slot and a value, all in full length after `0x`.
#[derive(Clone, Copy, Debug)]
struct UsualRow {
    separator: u8,
    /// The places of the separators.
    separators: [usize; 2],
    /// The places of the address, the slot and the value.
    fields: [usize; 3],
}

impl UsualRow {
    /// The number of characters of the address, the slot and the value.
    const WIDTHS: [usize; 3] = [42, 66, 66];
    /// The number of characters of a row.
    const LEN: usize = 42 + 1 + 66 + 1 + 66;

    /// `None` if rows have other columns.
    fn of(separator: u8, columns: &Columns) -> Option<Self> {
        let order = columns.of_slots()?;
        let mut widths = [0; 3];
        iter::zip(order, Self::WIDTHS).for_each(|(at, width)| widths[at] = width);
        let separators = [widths[0], widths[0] + 1 + widths[1]];
        let starts = [0, separators[0] + 1, separators[1] + 1];
        Some(Self { separator, separators, fields: order.map(|at| starts[at]) })
    }

    /// The slot of a row.
    fn slot(&self, line: &[u8]) -> Option<(Address, Word, Word)> {
        let line: &[u8; Self::LEN] = line.try_into().ok()?;
        if self.separators.iter().any(|at| line[*at] != self.separator) {
            return None;
        }
        let [address, slot, value] = self.fields.map(|at| &line[at..]);
        Some((
            Address::new(digits(address.get(..Self::WIDTHS[0])?)?),
            Word::new(digits(slot.get(..Self::WIDTHS[1])?)?),
            Word::new(digits(value.get(..Self::WIDTHS[2])?)?),
        ))
    }
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
    use crate::{
        files::{BucketSort, Bucketed, Numbered, OutputError},
        ingest::state::slot_record::Record as SlotRecord,
        state::keys::{AccountKey, era_key},
    };

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
            let usual = UsualRow::of(by, &columns).unwrap();
            if let Some((address, slot, value)) = usual.slot(line.as_bytes()) {
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
                let (mut usual, mut general) = (SlotBuffer::new(Origin::default()), SlotBuffer::new(Origin::default()));
                usual.add(slot);
                add_json(line.as_bytes(), 1, None, &mut general).unwrap();
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
                let mut parser = RowParser::new(form, None, Origin::default());
                let rows = parser.lines(text[..2].join("\n").as_bytes(), 1000);
                let slots = rows.slots;
                let versions = slots.versions.iter().map(|version| version.entry.key);
                let mut keys = keys(slots.slots).into_iter().chain(versions).collect::<Vec<_>>();
                let mut expected = [1, 2].map(|slot| era_key(address, Word::from(slot)));
                keys.sort_unstable();
                expected.sort_unstable();
                assert_eq!((keys, rows.error), (expected.to_vec(), None));
                let rows = parser.lines(text.join("\n").as_bytes(), 1000);
                assert_eq!((rows.lines, rows.error), (3, Some((3, OTHER_KEY.into()))));
            }
        }
    }

    #[test]
    fn lines_are_counted_up_to_the_first_that_cannot_be_read() {
        let columns = Columns::named(&["address", "slot", "value"]).unwrap();
        let mut parser =
            RowParser::new(RowForm::Csv { by: b',', columns }, None, Origin::default());
        let address = format!("0x{:040x}", 7);
        let text = format!("{address},0x1,0x2\n\r\n{address},0x2,0x0\r\n\n{address},0x3\nx");
        let rows = parser.lines(text.as_bytes(), 100);
        let slots = rows.slots;
        assert_eq!((rows.lines, slots.slots.len()), (5, 2));
        assert!(keys(slots.slots).contains(&era_key(Address::system(7), Word::from(1))));
        assert_eq!(slots.accounts, [(AccountKey::Address(Address::system(7)).hash(), 1)]);
        assert_eq!(rows.error, Some((5, "it has 2 columns, but the first row has 3".into())));
        let rows = parser.lines(text.as_bytes(), 40);
        assert_eq!((rows.lines, rows.error), (1, Some((1, too_long(40)))));
        let rows = parser.lines(b"\n\n", 40);
        assert_eq!((rows.lines, rows.error), (2, None));
        assert_eq!(rows.slots.slots.len(), 0);
    }

    /// The keys of slots, in ascending order.
    fn keys(slots: Bucketed<SlotRecord>) -> Vec<Hash> {
        let (mut sort, mut keys) = (BucketSort::in_memory(), Vec::new());
        sort.add(slots);
        let all = |group: &[Numbered<'_, SlotRecord>]| -> Vec<Hash> {
            group.iter().map(|(_, record)| record.entry.key).collect()
        };
        let keep = |group| {
            keys.extend::<Vec<Hash>>(group);
            Ok::<_, OutputError>(())
        };
        sort.in_order(all, keep).unwrap();
        keys
    }
}
