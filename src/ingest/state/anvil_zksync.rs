//! `anvil-zksync --dump-state` (v0.6): one JSON object.
//!
//! ```text
//! { "version": 1, "blocks": [ { "number": "0x…", … }, … ], "transactions": […],
//!   "storage": { "0x<address ‖ slot, 52 bytes>": "0x<value>", … },
//!   "factory_deps": {…}, "historical_states": […] }
//! ```
//!
//! Keys are plain. The storage is that of the last block. A forked node dumps only slots that it touched; the
//! rebuild of the trees detects this. Source: `VersionedState` of matter-labs/anvil-zksync.

use struson::reader::ValueType;

use super::{DumpMeta, ImportError, slot_block::SlotBuffer, slot_collector::Collector};
use crate::{
    files::Input,
    ingest::json::{LargeJson, string_members},
    primitives::{
        Address, SlBlock, Word,
        hex::{self, HexError},
    },
};

/// Slots passed on at once.
const CHUNK: usize = 1 << 12;

pub(super) fn read(input: Input, sink: &mut Collector) -> Result<DumpMeta, ImportError> {
    let mut json = LargeJson::of(input);
    let (mut block, mut has_storage) = (None, false);
    json.begin_object()?;
    while json.has_next()? {
        match (json.member()?.as_str(), json.peek()?) {
            ("version", _) => {
                let version = json.number_text()?;
                if version != "1" {
                    return Err(json.bad("the dump's version", format!("is {version}, not 1")));
                }
            }
            ("blocks", ValueType::Array) => block = last_block(&mut json)?,
            ("storage", ValueType::Object) => {
                has_storage = true;
                storage(&mut json, sink)?;
            }
            _ => json.skip()?,
        }
    }
    json.end_object()?;
    if !has_storage {
        return Err(json.bad("the dump", "has no \"storage\""));
    }
    json.finish()?;
    Ok(DumpMeta { block })
}

fn last_block(json: &mut LargeJson) -> Result<Option<SlBlock>, ImportError> {
    let mut last = None;
    json.begin_array()?;
    while json.has_next()? {
        json.begin_object()?;
        while json.has_next()? {
            match json.member()?.as_str() {
                "number" => last = last.max(json.block_number()?),
                _ => json.skip()?,
            }
        }
        json.end_object()?;
    }
    json.end_array()?;
    Ok(last)
}

fn storage(json: &mut LargeJson, sink: &mut Collector) -> Result<(), ImportError> {
    json.begin_object()?;
    let origin = sink.origin();
    let parse = |text: &[u8]| {
        let mut slots = SlotBuffer::new(origin);
        let len = string_members(text, |name, value| {
            let (address, slot) = slot_of(name).ok()?;
            slots.add((address, slot, Word::from_hex(value).ok()?));
            Some(())
        });
        (slots.take(), len)
    };
    json.members(parse, |slots| sink.block(slots))?;
    let mut rows = Vec::new();
    while json.has_next()? {
        let name = json.member()?;
        let (address, slot) =
            slot_of(&name).map_err(|e| json.bad(format!("the key {name:?}:"), e))?;
        let value = json
            .string_as(Word::from_hex)?
            .map_err(|e| json.bad(format!("the value of the key {name}:"), e))?;
        rows.push((address, slot, value));
        if rows.len() == CHUNK {
            sink.rows(&rows)?;
            rows.clear();
        }
    }
    json.end_object()?;
    sink.rows(&rows)
}

/// The account and the slot in a key.
fn slot_of(name: &str) -> Result<(Address, Word), HexError> {
    let key: [u8; 52] = hex::fixed(name)?;
    let (mut address, mut slot) = ([0; 20], [0; 32]);
    address.copy_from_slice(&key[..20]);
    slot.copy_from_slice(&key[20..]);
    Ok((Address::new(address), Word::new(slot)))
}
