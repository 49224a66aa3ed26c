//! geth's dumps (go-ethereum v1.10 to v1.17).
//!
//! ```text
//! geth dump, debug_dumpBlock, whole     { "root": "…", "accounts": { "0x<address>": ACCOUNT, … } }
//! geth dump as JSON lines               { "root": "0x…" } then an ACCOUNT a line
//! geth snapshot dump                    the same lines, hashed
//! ACCOUNT   { "balance", "nonce", "root", "codeHash", "code", "storage": { "0x<slot>": "<value>" },
//!             "address": "0x…", "key": "0x<keccak256(address)>" }
//! ```
//!
//! A dump has plain slots, and values without leading zero bytes and without `0x`. A snapshot dump has `key`
//! without `address`, keccak256(slot), and the RLP of the value. An account whose address geth does not know
//! is named `pre(0x<hash>)` in the whole form (the zero address before v1.13), and has no `address` in lines.
//! Slots whose preimage geth does not know are silently missing (before v1.16 they are all written as slot
//! 0). So the storage root of every account is computed and compared with the root in the dump.

use bytemuck::cast_slice;
use struson::reader::ValueType;

use super::{DumpMeta, ImportError, slot_collector::Collector, storage_root::StorageRoot};
use crate::{
    files::{Input, Spool},
    ingest::json::{LargeJson, string_members},
    primitives::{
        Address, Hash, Word,
        hex::{self, HexError},
    },
    state::keys::{AccountKey, SlotForm, trie_key},
};

/// Slots passed on at once.
const CHUNK: usize = 1 << 14;

pub(super) fn read(
    input: Input,
    sink: &mut Collector,
    form: SlotForm,
) -> Result<DumpMeta, ImportError> {
    let mut reader = Reader { json: LargeJson::of(input), sink, form, held: 0, seen: false };
    while reader.json.has_next()? {
        let account = reader.object(Name::default())?;
        reader.hand_on(account)?;
    }
    if !reader.seen {
        let reason = "holds no account: geth leaves out accounts whose preimages it does not know; make the \
                      dump on a node that records preimages";
        return Err(reader.json.bad("the dump", reason));
    }
    reader.json.finish()?;
    Ok(DumpMeta { block: None })
}

struct Reader<'s> {
    json: LargeJson,
    sink: &'s mut Collector,
    form: SlotForm,
    /// The number of slots that are held for accounts being read.
    held: u64,
    seen: bool,
}

/// The known parts of an account's name.
#[derive(Debug, Default)]
struct Name {
    address: Option<Address>,
    hash: Option<Hash>,
}

struct Account {
    name: Name,
    /// The storage root in the dump.
    root: Option<String>,
    /// Slots and values in turn, held until the name and the root are known.
    slots: Spool,
    count: u64,
}

impl Reader<'_> {
    /// Reads an account, a whole dump, or the line with the root. They begin alike, and each may be wrapped
    /// in a JSON-RPC answer.
    fn object(&mut self, name: Name) -> Result<Account, ImportError> {
        let slots = self.sink.space.spool_of_account();
        let mut account = Account { name, root: None, slots, count: 0 };
        self.json.begin_object()?;
        while self.json.has_next()? {
            match (self.json.member()?.as_str(), self.json.peek()?) {
                ("accounts", ValueType::Object) => self.accounts()?,
                ("result", ValueType::Object) => {
                    let inner = self.object(Name::default())?;
                    self.hand_on(inner)?;
                }
                ("storage", ValueType::Object) => self.storage(&mut account)?,
                ("root", _) => {
                    let root = self.json.string()?;
                    if account.root.as_ref().is_some_and(|other| *other != root) {
                        return Err(self.json.bad("\"root\":", "it is given twice"));
                    }
                    account.root = Some(root);
                }
                ("address", ValueType::String) => {
                    let address = self.json.string_as(str::parse)?;
                    account.name.address =
                        Some(address.map_err(|e| self.json.bad("\"address\":", e))?);
                }
                ("key", ValueType::String) => {
                    let hash = self.json.string_as(str::parse)?;
                    account.name.hash = Some(hash.map_err(|e| self.json.bad("\"key\":", e))?);
                }
                _ => self.json.skip()?,
            }
        }
        self.json.end_object()?;
        Ok(account)
    }

    fn accounts(&mut self) -> Result<(), ImportError> {
        self.json.begin_object()?;
        while self.json.has_next()? {
            let member = self.json.member()?;
            let name = account_name(&member)
                .map_err(|e| self.json.bad(format!("account {member:?}:"), e))?;
            let account = self.object(name)?;
            self.hand_on(account)?;
        }
        self.json.end_object()
    }

    fn storage(&mut self, account: &mut Account) -> Result<(), ImportError> {
        let decode = match self.form {
            SlotForm::Plain => trimmed,
            SlotForm::Keccak => rlp_word,
        };
        self.json.begin_object()?;
        let parse = |text: &[u8]| {
            let mut slots: Vec<[Word; 2]> = Vec::new();
            let len = string_members(text, |slot, value| {
                slots.push([Word::from_hex(slot).ok()?, decode(value).ok()?]);
                Some(())
            });
            (slots, len)
        };
        self.json.members(parse, |slots| {
            self.held += slots.len() as u64;
            self.sink.check_memory(self.held)?;
            account.count += slots.len() as u64;
            Ok(account.slots.put(cast_slice(&slots))?)
        })?;
        while self.json.has_next()? {
            let slot = self.json.word_name()?.map_err(|e| self.json.bad("a slot:", e))?;
            let value = self
                .json
                .string_as(decode)?
                .map_err(|e| self.json.bad(format!("the value of slot {slot}:"), e))?;
            self.held += 1;
            self.sink.check_memory(self.held)?;
            account.count += 1;
            account.slots.put([*slot.as_bytes(), *value.as_bytes()].as_flattened())?;
        }
        self.json.end_object()
    }

    fn hand_on(&mut self, account: Account) -> Result<(), ImportError> {
        let Name { address, hash } = account.name;
        let key = match (address, hash) {
            (Some(address), Some(hash)) if trie_key(address.as_bytes()) != hash => {
                if address != Address::default() {
                    return Err(self.json.bad(
                        format!("account {address}:"),
                        format!("its key should be keccak256 of the address, not {hash}"),
                    ));
                }
                AccountKey::Hash(hash)
            }
            (Some(address), _) => AccountKey::Address(address),
            (None, Some(hash)) => AccountKey::Hash(hash),
            (None, None) if account.count == 0 => return Ok(()),
            (None, None) => {
                return Err(self.json.bad("an account", "has neither \"address\" nor \"key\""));
            }
        };
        self.seen = true;
        self.held -= account.count;
        let stated = account.root.as_deref().map(root).transpose();
        let stated = stated.map_err(|e| self.json.bad("\"root\":", e))?;
        let mut check =
            stated.map(|_| StorageRoot::new(self.form, self.sink.space.sort_of_account()));
        let mut slots = Vec::with_capacity(CHUNK.min(account.count as usize));
        account.slots.drain(|bytes| {
            for piece in cast_slice::<u8, [Word; 2]>(bytes).chunks(CHUNK) {
                slots.clear();
                slots.extend(piece.iter().map(|[slot, value]| (*slot, *value)));
                if let Some(check) = &mut check {
                    check.add(&slots)?;
                }
                self.sink.slots(key, self.form, &slots)?;
            }
            Ok::<_, ImportError>(())
        })?;
        let computed = check.map(StorageRoot::finish).transpose()?;
        match stated.zip(computed) {
            Some((stated, computed)) if stated != computed => Err(ImportError::StorageRoot {
                name: self.json.name().into(),
                account: key,
                slots: account.count,
                stated,
                computed,
            }),
            Some((stated, _)) => self.sink.stated_root(key, stated),
            None => Ok(()),
        }
    }
}

/// Parses a root. The oldest dumps write it without `0x`.
fn root(text: &str) -> Result<Hash, HexError> {
    match text.strip_prefix("0x") {
        Some(digits) => hex::fixed_bare(digits).map(Hash::new),
        None => hex::fixed_bare(text).map(Hash::new),
    }
}

/// Parses an account's name in the whole form: an address, or `pre(0x<hash>)`.
fn account_name(member: &str) -> Result<Name, HexError> {
    match member.strip_prefix("pre(").and_then(|rest| rest.strip_suffix(')')) {
        Some(hash) => Ok(Name { address: None, hash: Some(hash.parse()?) }),
        None => Ok(Name { address: Some(member.parse()?), hash: None }),
    }
}

/// Parses a value of `geth dump`: whole bytes without leading zeros, without `0x`.
fn trimmed(digits: &str) -> Result<Word, HexError> {
    if !digits.len().is_multiple_of(2) {
        return Err(HexError::Length { expected: "an even number of".into(), got: digits.len() });
    }
    hex::right_aligned(digits).map(Word::new)
}

/// Parses a value of `geth snapshot dump`: the RLP string of its bytes without leading zeros. One byte below
/// 0x80 encodes itself; otherwise a byte 0x80 plus the length precedes the bytes.
fn rlp_word(digits: &str) -> Result<Word, HexError> {
    let bad = |reason: &str| HexError::Digit(format!("{reason} in the RLP string {digits:?}"));
    if digits.len() > 66 {
        return Err(bad("over 32 bytes"));
    }
    let bytes = const_hex::decode(digits).map_err(|e| HexError::Digit(e.to_string()))?;
    let payload = match bytes[..] {
        [byte] if byte < 0x80 => &bytes[..],
        [length @ 0x80..=0xa0, ref rest @ ..] if usize::from(length - 0x80) == rest.len() => rest,
        _ => return Err(bad("a wrong length")),
    };
    let mut word = [0; 32];
    word[32 - payload.len()..].copy_from_slice(payload);
    Ok(Word::new(word))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use alloy_primitives::{B256, U256};
    use alloy_trie::root::storage_root_unhashed;

    use super::*;
    use crate::{
        files::Numbered,
        ingest::state::{slot_record::Record, space::Space},
        keccak::keccak256,
    };

    /// An account in the form of lines, with its name after its slots and the root from alloy-trie.
    fn account(slots: &[(Word, u64)]) -> String {
        let root = storage_root_unhashed(
            slots.iter().map(|(slot, value)| (B256::new(*slot.as_bytes()), U256::from(*value))),
        );
        let slots: Vec<String> =
            slots.iter().map(|(slot, value)| format!("\"{slot}\":\"{value:016x}\"")).collect();
        let address = Address::system(7);
        format!(
            "{{\"root\":\"{root}\",\"storage\":{{{}}},\"address\":\"{address}\"}}\n",
            slots.join(",")
        )
    }

    /// The number of slots collected from a dump with `in_memory` bytes of memory, in order.
    fn read_within(in_memory: usize, text: String) -> Result<u64, ImportError> {
        let folder = tempfile::tempdir().unwrap();
        let space = Space { in_memory, ..Space::beside(&folder.path().join("out")) };
        let mut sink = Collector::new(space, false, None);
        let input = Input::from_reader("dump", Cursor::new(text.into_bytes()))?;
        read(input, &mut sink, SlotForm::Plain)?;
        let (mut count, mut last) = (0, Hash::ZERO);
        let keys = |group: &[Numbered<'_, Record>]| -> Vec<Hash> {
            group.iter().map(|(_, record)| record.entry.key).collect()
        };
        sink.take_all()?.0.in_order(keys, |keys| {
            for key in keys {
                assert!(last < key);
                (count, last) = (count + 1, key);
            }
            Ok::<_, ImportError>(())
        })?;
        Ok(count)
    }

    #[test]
    fn accounts_beyond_the_memory_are_checked_and_a_damaged_slot_is_refused() {
        let slots: Vec<(Word, u64)> =
            (1..=3000u64).map(|i| (keccak256(&i.to_le_bytes()).into(), i * i)).collect();
        let whole = account(&slots);
        let damaged = whole.replacen(&format!("{:016x}", 1234 * 1234), &format!("{:016x}", 7), 1);
        let lacking =
            whole.replacen(&format!("\"{}\":\"{:016x}\",", slots[1000].0, 1001 * 1001), "", 1);
        assert!(damaged != whole && lacking.len() < whole.len());
        for in_memory in [0, 1000, 50_000, 1 << 30] {
            assert_eq!(read_within(in_memory, whole.clone()).unwrap(), 3000, "{in_memory}");
            for (text, count) in [(&damaged, 3000), (&lacking, 2999)] {
                let error = read_within(in_memory, text.clone()).unwrap_err();
                let ImportError::StorageRoot { slots, .. } = error else { panic!("{error}") };
                assert_eq!(slots, count);
            }
        }
    }

    /// Nested accounts, which no node writes, share the memory for one account.
    #[test]
    fn without_a_disk_the_limit_is_for_all_accounts() {
        let folder = |slots: &str| format!("{{\"storage\":{{{slots}}}");
        let slots = "\"0x1\":\"01\",\"0x2\":\"01\"";
        let text = format!("{},\"result\":{}}}}}", folder(slots), folder(slots));
        let mut sink = Collector::new(Space::memory(3), false, None);
        sink.begin("dump");
        let input = Input::from_reader("dump", Cursor::new(text.into_bytes())).unwrap();
        let error = read(input, &mut sink, SlotForm::Plain).err().unwrap();
        assert!(matches!(error, ImportError::TooManySlots { limit: 3, .. }), "{error}");
    }

    #[test]
    fn trimmed_values_are_left_padded() {
        assert_eq!(trimmed("04"), Ok(Word::from(4)));
        assert_eq!(trimmed("1234"), Ok(Word::from(0x1234)));
        assert!(trimmed("123").is_err());
        assert!(trimmed("0x04").is_err());
    }

    #[test]
    fn rlp_values_are_decoded_strictly() {
        assert_eq!(rlp_word("04"), Ok(Word::from(4)));
        assert_eq!(rlp_word("821234"), Ok(Word::from(0x1234)));
        assert_eq!(
            rlp_word(&format!("a0{}", "ff".repeat(32))),
            Ok(Word::join(u128::MAX, u128::MAX))
        );
        for damaged in ["", "8212", "831234", "1234", "b8011234", &format!("a1{}", "ff".repeat(33))]
        {
            assert!(rlp_word(damaged).is_err(), "{damaged}");
        }
    }
}
