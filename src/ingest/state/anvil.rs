//! `anvil --dump-state` (foundry, all releases so far): one JSON object.
//!
//! ```text
//! { "block": { "number": "0x…" or 12, … }, "best_block_number": 12 or "0x…" or null,
//!   "accounts": { "0x<address>": { "nonce": …, "balance": …, "code": …,
//!                                  "storage": { "0x<slot>": "0x<value>", … } }, … },
//!   "blocks": […], "transactions": […], "historical_states": … }
//! ```
//!
//! Slots and values are quantities or full words, by release; slots are plain. Anvil keeps zero values; they
//! equal absent ones. The top-level storage is that of the last block. A forked anvil dumps only slots that
//! it touched; the rebuild of the trees detects this.

use struson::reader::ValueType;

use super::{DumpMeta, ImportError, slot_block::SlotBuffer, slot_collector::Collector};
use crate::{
    files::Input,
    ingest::json::{LargeJson, string_members},
    primitives::{Address, SlBlock, Word},
    state::keys::{AccountKey, SlotForm},
};

/// Slots passed on at once.
const CHUNK: usize = 1 << 12;

pub(super) fn read(input: Input, sink: &mut Collector) -> Result<DumpMeta, ImportError> {
    let mut json = LargeJson::of(input);
    let (mut pending, mut best) = (None, None);
    let mut has_accounts = false;
    json.begin_object()?;
    while json.has_next()? {
        match json.member()?.as_str() {
            "block" => pending = block_number(&mut json)?,
            "best_block_number" => best = json.block_number()?,
            "accounts" => {
                has_accounts = true;
                accounts(&mut json, sink)?;
            }
            _ => json.skip()?,
        }
    }
    json.end_object()?;
    if !has_accounts {
        return Err(json.bad("the dump", "has no \"accounts\""));
    }
    json.finish()?;
    // On forked chains, the block number of the pending environment may be ahead of the last block.
    Ok(DumpMeta { block: best.or(pending) })
}

fn block_number(json: &mut LargeJson) -> Result<Option<SlBlock>, ImportError> {
    if json.peek()? != ValueType::Object {
        json.skip()?;
        return Ok(None);
    }
    let mut number = None;
    json.begin_object()?;
    while json.has_next()? {
        match json.member()?.as_str() {
            "number" => number = json.block_number()?,
            _ => json.skip()?,
        }
    }
    json.end_object()?;
    Ok(number)
}

fn accounts(json: &mut LargeJson, sink: &mut Collector) -> Result<(), ImportError> {
    json.begin_object()?;
    while json.has_next()? {
        let name = json.member()?;
        let address: Address =
            name.parse().map_err(|e| json.bad(format!("account {name:?}:"), e))?;
        json.begin_object()?;
        while json.has_next()? {
            match (json.member()?.as_str(), json.peek()?) {
                ("storage", ValueType::Object) => storage(json, sink, address)?,
                _ => json.skip()?,
            }
        }
        json.end_object()?;
    }
    json.end_object()
}

fn storage(
    json: &mut LargeJson,
    sink: &mut Collector,
    address: Address,
) -> Result<(), ImportError> {
    let account = AccountKey::Address(address);
    json.begin_object()?;
    let origin = sink.origin();
    let parse = |text: &[u8]| {
        let mut slots = SlotBuffer::new(origin);
        let len = string_members(text, |slot, value| {
            slots.add((address, Word::from_hex(slot).ok()?, Word::from_hex(value).ok()?));
            Some(())
        });
        (slots.take(), len)
    };
    json.members(parse, |slots| sink.block(slots))?;
    let mut slots = Vec::new();
    while json.has_next()? {
        let slot =
            json.word_name()?.map_err(|e| json.bad(format!("a slot of account {address}:"), e))?;
        let value = json
            .string_as(Word::from_hex)?
            .map_err(|e| json.bad(format!("account {address}, the value of slot {slot}:"), e))?;
        slots.push((slot, value));
        if slots.len() == CHUNK {
            sink.slots(account, SlotForm::Plain, &slots)?;
            slots.clear();
        }
    }
    json.end_object()?;
    sink.slots(account, SlotForm::Plain, &slots)
}
