//! The columns of tables of slots, and their values.

use crate::{
    ingest::record::Record,
    primitives::{
        Address, Hash, Word,
        hex::{self, HexError},
    },
};

/// The names of each column, in lower case.
const ADDRESS: &[&str] = &["address", "account"];
const SLOT: &[&str] = &["slot", "key"];
const HASHED_KEY: &[&str] = &["hashedkey", "hashed_key"];
const VALUE: &[&str] = &["value"];
const BLOCK: &[&str] =
    &["block", "blocknumber", "block_number", "miniblock_number", "l2_block_number"];
const OPERATION: &[&str] = &["operation_number"];

/// The positions of the fields in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Columns {
    address: Option<usize>,
    slot: Option<usize>,
    hashed_key: Option<usize>,
    value: usize,
    block: Option<usize>,
    operation: Option<usize>,
    /// The number of all columns.
    len: usize,
}

impl Columns {
    /// From the names in a header. `None` if the columns do not show a slot and its value.
    pub(super) fn named(names: &[impl AsRef<str>]) -> Option<Self> {
        let find = |known: &[&str]| {
            let is_known = |name: &str| known.iter().any(|known| name.eq_ignore_ascii_case(known));
            names.iter().position(|name| is_known(name.as_ref()))
        };
        let columns = Self {
            address: find(ADDRESS),
            slot: find(SLOT),
            hashed_key: find(HASHED_KEY),
            value: find(VALUE)?,
            block: find(BLOCK),
            operation: find(OPERATION),
            len: names.len(),
        };
        let names_slot = columns.slot.is_some_and(|at| names[at].as_ref() != SLOT[1]);
        let is_known = match (columns.address, columns.hashed_key) {
            (Some(_), None) => columns.slot.is_some(),
            // "key" and "value" are columns of tables of many kinds.
            (None, None) => names_slot,
            (_, Some(_)) => true,
        };
        is_known.then_some(columns)
    }

    /// From the first row of a table without a header. With the `account` of all rows given, two columns are
    /// a slot and its value.
    pub(super) fn counted(row: &[impl AsRef<str>], account: Option<Address>) -> Option<Self> {
        let is_hex = row.iter().all(|field| digits(field.as_ref()).is_ok());
        let len = row.len();
        match (len, account) {
            (3, _) if is_hex => {
                Some(Self { address: Some(0), slot: Some(1), value: 2, len, ..Self::default() })
            }
            (2, None) if is_hex => {
                Some(Self { hashed_key: Some(0), value: 1, len, ..Self::default() })
            }
            (2, Some(_)) if is_hex => {
                Some(Self { slot: Some(0), value: 1, len, ..Self::default() })
            }
            _ => None,
        }
    }

    /// The positions of the address, the slot and the value, if a row has these and nothing else.
    pub(super) fn of_slots(&self) -> Option<[usize; 3]> {
        let is_whole = self.len == 3 && self.hashed_key.is_none() && self.block.is_none();
        let (address, slot) = self.address.zip(self.slot).filter(|_| is_whole)?;
        Some([address, slot, self.value])
    }

    /// Whether the account has to be given, because the rows do not name it.
    pub(super) fn needs_account(&self) -> bool {
        self.address.is_none() && self.hashed_key.is_none()
    }

    /// Reads a row.
    pub(super) fn row<'r>(&self, record: &'r Record) -> Result<Row<'r>, String> {
        if record.len() != self.len {
            return Err(format!(
                "it has {} columns, but the first row has {}",
                record.len(),
                self.len
            ));
        }
        let get = |at: Option<usize>| {
            let field = record.get(at?).map(<[u8]>::trim_ascii)?;
            // Text that is not UTF-8 is no value of any column.
            Some(std::str::from_utf8(field).unwrap_or("\u{fffd}"))
        };
        let block = self.block.map(|at| number(get(Some(at)), "the block")).transpose()?;
        let operation =
            self.operation.map(|at| number(get(Some(at)), "the operation number")).transpose()?;
        Ok(Row {
            address: get(self.address),
            slot: get(self.slot),
            hashed_key: get(self.hashed_key),
            value: get(Some(self.value)).unwrap_or(""),
            block,
            operation,
        })
    }
}

fn number<N: std::str::FromStr>(text: Option<&str>, what: &str) -> Result<N, String> {
    let text = text.unwrap_or("");
    text.parse().map_err(|_| format!("{what}: {text:?} is not a number within its limits"))
}

/// The fields of a row. Absent and NULL fields are `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'r> {
    pub(super) address: Option<&'r str>,
    pub(super) slot: Option<&'r str>,
    pub(super) hashed_key: Option<&'r str>,
    pub(super) value: &'r str,
    pub(super) block: Option<u64>,
    pub(super) operation: Option<u32>,
}

/// What is wrong with a row whose hashed key is another one.
pub(super) const OTHER_KEY: &str = "the hashed key is not that of the address and the slot";

/// How a row identifies its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotKey {
    /// By an account and its slot. A row may also have the hash of both, which is compared when many are hashed.
    Plain { address: Address, slot: Word, hashed: Option<Hash> },
    /// By the hash of both.
    Hashed(Hash),
}

impl Row<'_> {
    /// The slot and its value. A row without an address is of the given account.
    pub(super) fn slot(&self, account: Option<Address>) -> Result<(SlotKey, Word), String> {
        let address = self
            .address
            .map(|text| parse("the address", text, hex::fixed_bare).map(Address::new))
            .transpose()?;
        let slot = self
            .slot
            .map(|text| parse("the slot", text, hex::right_aligned).map(Word::new))
            .transpose()?;
        let hashed_key = self
            .hashed_key
            .map(|text| parse("the hashed key", text, hex::fixed_bare).map(Hash::new))
            .transpose()?;
        let key = match (address.or(account), slot, hashed_key) {
            (Some(address), Some(slot), hashed) => SlotKey::Plain { address, slot, hashed },
            (_, _, Some(hashed)) => SlotKey::Hashed(hashed),
            _ => return Err("a row must have either address and slot, or hashedKey".into()),
        };
        Ok((key, parse("the value", self.value, hex::right_aligned).map(Word::new)?))
    }
}

/// Parses a hexadecimal value.
fn parse<T>(
    what: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, HexError>,
) -> Result<T, String> {
    digits(text).and_then(parse).map_err(|reason| format!("{what}: {reason}"))
}

/// The digits of a hexadecimal value: `0x12`; `\x12` as Postgres writes bytea, or `\\x12` if the backslash was
/// doubled for `COPY`; `X'12'` as in SQL.
fn digits(text: &str) -> Result<&str, HexError> {
    let bytea = text.strip_prefix("\\\\x").or_else(|| text.strip_prefix("\\x"));
    let literal = || {
        let quoted = text.strip_prefix("x'").or_else(|| text.strip_prefix("X'"))?;
        quoted.strip_suffix('\'')
    };
    bytea.or_else(literal).map_or_else(|| hex::strip_prefix(text), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_by_number() {
        let known = |names: &str| Columns::named(&names.split(',').collect::<Vec<_>>()).is_some();
        for names in [
            "address,slot,value",
            "VALUE,x,Account,key",
            "hashedKey,value",
            "hashed_key,address,key,value,operation_number,tx_hash,miniblock_number",
            "slot,value",
        ] {
            assert!(known(names), "{names}");
        }
        // Tables of logs and others have keys and values, too.
        for names in ["key,value", "sender,key,value", "address,value", "address,slot", "value"] {
            assert!(!known(names), "{names}");
        }
        let counted =
            |row: &[&str], account| Columns::counted(row, account).map(|it| it.needs_account());
        assert_eq!(counted(&["0x1", "\\x02", "0x3"], None), Some(false));
        assert_eq!(counted(&["0x1", "0x2"], None), Some(false));
        assert_eq!(counted(&["0x1", "0x2"], Some(Address::system(1))), Some(true));
        assert_eq!(counted(&["0x1", "2"], None), None);
        assert_eq!(counted(&["0x1"], None), None);
    }

    #[test]
    fn every_notation_of_bytes_is_read() {
        for text in ["0x0A", "\\x0A", "\\\\x0A", "x'0A'", "X'0A'"] {
            assert_eq!(digits(text), Ok("0A"), "{text}");
        }
        for text in ["0A", "", "x'0A", "\\\\\\x0A", "\\0x0A", "'0A'"] {
            assert!(digits(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_row_names_its_slot_by_the_address_and_the_slot_or_by_the_hash_of_both() {
        let address = Address::system(0x10005);
        let (text, hashed) = (address.to_string(), Hash::new([7; 32]));
        let hashed_text = hashed.to_string();
        let row = |slot, hashed_key| Row {
            address: Some(&text),
            slot: Some(slot),
            hashed_key,
            value: "0x2",
            block: None,
            operation: None,
        };
        let plain =
            |hashed| Ok((SlotKey::Plain { address, slot: Word::from(1), hashed }, Word::from(2)));
        assert_eq!(row("0x1", Some(&*hashed_text)).slot(None), plain(Some(hashed)));
        assert_eq!(row("0x1", None).slot(Some(Address::system(1))), plain(None));
        let of_given = Row { address: None, ..row("0x1", None) };
        assert_eq!(of_given.slot(Some(address)), plain(None));
        let unnamed = Row { address: None, slot: None, ..row("", Some(&*hashed_text)) };
        assert_eq!(unnamed.slot(Some(address)), Ok((SlotKey::Hashed(hashed), Word::from(2))));
        assert!(Row { hashed_key: None, ..unnamed }.slot(None).is_err());
    }
}
