//! Pages of `debug_storageRangeAt` (geth, Erigon and compatible nodes): the storage of one account.
//!
//! ```text
//! { "storage": { "0x<keccak256(slot)>": { "key": "0x<slot>" or null, "value": "0x…" }, … } or null,
//!   "nextKey": "0x<keccak256(slot)>" or null }
//! ```
//!
//! A file holds one or more pages, one after the other or in an array, each bare or in a JSON-RPC answer. A
//! page does not name its account. `nextKey` is the first key of the next page; only the last page has none,
//! so a page missing in the middle or at the end is detected. A missing first page cannot be detected. For
//! this check, three keys of every page are kept, so the number of pages is limited. Nodes return some hundred
//! slots per page by default, and as many as requested.
//!
//! geth lists slots in the order of their hashes, and `nextKey` is a hash. Erigon knows every slot, lists them
//! in their own order, and its `nextKey` is a slot; the keys of `storage` are hashes there too. Source:
//! `StorageRangeAt` in both.

use std::collections::BTreeSet;

use struson::reader::ValueType;

use super::{DumpMeta, ImportError, slot_collector::Collector};
use crate::{
    files::Input,
    ingest::json::Json,
    primitives::{Address, Hash, Word},
    state::keys::{AccountKey, SlotForm, trie_key},
};

/// Slots passed on at once.
const CHUNK: usize = 1 << 12;
/// The most pages: their keys take about 192 MiB.
const MOST_PAGES: usize = 1 << 20;

const LAST_SLOT: Word = Word::new([0xff; 32]);

/// The links between the pages so far.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// The first keys of pages.
    begins: BTreeSet<Hash>,
    /// The first slots of pages that have every slot of their keys.
    begins_plain: BTreeSet<Word>,
    /// The `nextKey`s of pages.
    next: BTreeSet<Hash>,
    name: Option<String>,
    has_last: bool,
}

impl Pages {
    /// Checks that every page named by a `nextKey` was read.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        let Some(name) = &self.name else { return Ok(()) };
        let missing = |missing| Err(ImportError::Pages { name: name.clone(), missing });
        let is_known =
            |key: &Hash| self.begins.contains(key) || self.begins_plain.contains(&Word::from(*key));
        match self.next.iter().find(|key| !is_known(key)) {
            Some(key) => {
                missing(format!("no page begins with {key}, which is the nextKey of a page"))
            }
            None if !self.has_last => missing("the last one, which has no nextKey".into()),
            None => Ok(()),
        }
    }
}

pub(super) fn read(
    input: Input,
    account: Option<Address>,
    sink: &mut Collector,
    pages: &mut Pages,
) -> Result<DumpMeta, ImportError> {
    let name = input.name().to_owned();
    let Some(account) = account else { return Err(ImportError::NoAccount { name }) };
    pages.name = Some(name);
    let mut reader = Reader {
        json: Json::of(input),
        account,
        sink,
        pages,
        plain: Vec::with_capacity(CHUNK),
        hashed: Vec::new(),
    };
    while reader.json.has_next()? {
        reader.value()?;
    }
    reader.json.finish()?;
    Ok(DumpMeta { block: None })
}

struct Reader<'s> {
    json: Json<Input>,
    account: Address,
    sink: &'s mut Collector,
    pages: &'s mut Pages,
    plain: Vec<(Word, Word)>,
    hashed: Vec<(Word, Word)>,
}

impl Reader<'_> {
    /// Reads a page, an answer with a page, or an array of either.
    fn value(&mut self) -> Result<(), ImportError> {
        if self.json.peek()? == ValueType::Array {
            self.json.begin_array()?;
            while self.json.has_next()? {
                self.object()?;
            }
            return self.json.end_array();
        }
        self.object()
    }

    fn object(&mut self) -> Result<(), ImportError> {
        let (mut is_page, mut next): (bool, Option<Hash>) = (false, None);
        self.json.begin_object()?;
        while self.json.has_next()? {
            match (self.json.member()?.as_str(), self.json.peek()?) {
                ("result", ValueType::Object) => self.object()?,
                ("storage", ValueType::Object) => {
                    is_page = true;
                    self.storage()?;
                }
                ("storage", ValueType::Null) => {
                    is_page = true;
                    self.json.skip()?;
                }
                ("nextKey", ValueType::String) => {
                    let key = self.json.string_as(str::parse)?;
                    next = Some(key.map_err(|e| self.json.bad("\"nextKey\":", e))?);
                }
                _ => self.json.skip()?,
            }
        }
        self.json.end_object()?;
        if is_page {
            self.check_memory(&self.pages.next)?;
            self.pages.has_last |= next.is_none();
            self.pages.next.extend(next);
        }
        Ok(())
    }

    fn storage(&mut self) -> Result<(), ImportError> {
        let mut first: Option<Hash> = None;
        // `None` if a slot is unknown.
        let mut first_plain: Option<Word> = Some(LAST_SLOT);
        self.json.begin_object()?;
        while self.json.has_next()? {
            let name = self.json.member()?;
            let hash: Hash =
                name.parse().map_err(|e| self.json.bad(format!("the slot {name:?}:"), e))?;
            first = Some(first.map_or(hash, |first| first.min(hash)));
            let plain = self.slot(hash)?;
            first_plain = first_plain.zip(plain).map(|(first, plain)| first.min(plain));
            if self.plain.len().max(self.hashed.len()) == CHUNK {
                self.hand_on()?;
            }
        }
        self.json.end_object()?;
        self.check_memory(&self.pages.begins)?;
        self.pages.begins.extend(first);
        self.pages.begins_plain.extend(first_plain.filter(|_| first.is_some()));
        self.hand_on()
    }

    /// Returns an error if `keys` is full.
    fn check_memory(&self, keys: &BTreeSet<Hash>) -> Result<(), ImportError> {
        if keys.len() < MOST_PAGES {
            return Ok(());
        }
        let reason = format!(
            "are more than the limit of {MOST_PAGES}; ask debug_storageRangeAt for \
             more slots at once"
        );
        Err(self.json.bad("the pages", reason))
    }

    /// Reads a slot. Returns its number, if it is known.
    fn slot(&mut self, hash: Hash) -> Result<Option<Word>, ImportError> {
        let (mut plain, mut value) = (None, None);
        self.json.begin_object()?;
        while self.json.has_next()? {
            match (self.json.member()?.as_str(), self.json.peek()?) {
                ("key", ValueType::String) => plain = Some(self.json.string_as(Word::from_hex)?),
                ("value", ValueType::String) => value = Some(self.json.string_as(Word::from_hex)?),
                _ => self.json.skip()?,
            }
        }
        self.json.end_object()?;
        let bad = |e| self.json.bad(format!("slot {hash}:"), e);
        let value = value.transpose().map_err(bad)?;
        let value = value.ok_or_else(|| self.json.bad(format!("slot {hash}"), "has no value"))?;
        match plain.transpose().map_err(bad)? {
            Some(slot) if trie_key(slot.as_bytes()) != hash => {
                Err(self.json.bad(format!("slot {hash}"), "is not keccak256 of its \"key\""))
            }
            Some(slot) => {
                self.plain.push((slot, value));
                Ok(Some(slot))
            }
            None => {
                self.hashed.push((hash.into(), value));
                Ok(None)
            }
        }
    }

    fn hand_on(&mut self) -> Result<(), ImportError> {
        let account = AccountKey::Address(self.account);
        self.sink.slots(account, SlotForm::Plain, &self.plain)?;
        self.sink.slots(account, SlotForm::Keccak, &self.hashed)?;
        self.plain.clear();
        self.hashed.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::ingest::state::space::Space;

    #[test]
    fn pages_are_refused_when_their_keys_would_take_too_much_memory() {
        let keys = |from: u64| {
            (from..from + MOST_PAGES as u64 - 1).map(|i| Hash::new(*Word::from(i).as_bytes()))
        };
        let page = |begin: u64, next: u64| {
            let [begin, next] = [begin, next].map(Word::from);
            format!("{{\"storage\":{{\"{begin}\":{{\"value\":\"0x1\"}}}},\"nextKey\":\"{next}\"}}")
        };
        let far = 2 * MOST_PAGES as u64;
        let mut pages =
            Pages { begins: keys(0).collect(), next: keys(1).collect(), ..Pages::default() };
        let mut add = |text: String| {
            let mut sink = Collector::new(Space::memory(1 << 10), false, None);
            sink.begin("pages");
            let input = Input::from_reader("pages", Cursor::new(text)).unwrap();
            read(input, Some(Address::system(1)), &mut sink, &mut pages).map(|_| ())
        };
        add(page(far, far + 1)).unwrap();
        let error = add(page(far + 1, far + 2)).unwrap_err().to_string();
        assert!(
            error.starts_with("pages, byte ") && error.contains("more slots at once"),
            "{error}"
        );
    }
}
