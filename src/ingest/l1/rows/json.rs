//! Transactions and receipts in JSON: answers of nodes, blocks with full transactions, pages of block explorers, and
//! rows as objects.
//!
//! An object that holds others in one of [`CONTAINERS`] is an envelope or a block. One with topics is a log. Any other
//! with the hash of a transaction, and calldata, a status or logs, is a row.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    BatchEvent, Events, Found, Row,
    fields::{Cells, FIELDS, Field, position_of},
    record::{Fault, FaultKind},
};
use crate::{
    ingest::{
        event_logs::{Cell, Decoder, normalize},
        json::each_element,
    },
    primitives::{Address, Hash, Word, spelled::Member},
};

/// The members of envelopes and blocks that hold rows or other envelopes, normalized.
const CONTAINERS: [&str; 8] =
    ["result", "transactions", "txs", "receipts", "items", "data", "rows", "records"];
/// The deepest nesting of envelopes.
const DEEPEST: usize = 8;

/// Finds every row in a JSON value.
pub(in crate::ingest::l1) fn rows_in(text: &[u8], found: &mut Vec<Found>) {
    let read = std::str::from_utf8(text).map_err(|_| value("the text", "is not UTF-8"));
    if let Err(fault) = read.and_then(|text| walk(text.trim_ascii(), &Cell::Absent, 0, found)) {
        found.push(Err(fault));
    }
}

/// Whether JSON with this text or beginning has receipts of a ZKsync chain.
pub(in crate::ingest) fn is_of_l2(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).contains("\"l2ToL1Logs\"")
}

fn value(what: &'static str, reason: impl Into<String>) -> Fault {
    FaultKind::Value { what, reason: reason.into() }.into()
}

fn not_json(error: serde_json::Error) -> Fault {
    FaultKind::Json(error).into()
}

/// Finds the rows in a value. `block` is the number of the block around it.
fn walk(text: &str, block: &Cell<'_>, depth: usize, found: &mut Vec<Found>) -> Result<(), Fault> {
    if depth > DEEPEST {
        return Err(value("the value", format!("is nested deeper than {DEEPEST} envelopes")));
    }
    match text.as_bytes().first() {
        Some(b'[') => {
            each_element(text, |element: &RawValue| walk(element.get(), block, depth + 1, found))
                .map_err(not_json)?
        }
        Some(b'{') => {
            let object: Object<'_> = serde_json::from_str(text).map_err(not_json)?;
            object.read(block, depth, found)
        }
        Some(b'n') => Err(FaultKind::Null.into()),
        Some(b'"') if depth > 0 => Err(FaultKind::OnlyHashes.into()),
        _ => match serde_json::from_str::<de::IgnoredAny>(text) {
            Ok(_) => Err(value("the value", "is not a transaction")),
            Err(error) => Err(not_json(error)),
        },
    }
}

/// The members of an object that matter.
#[derive(Default)]
struct Object<'t> {
    fields: [Option<(usize, &'t RawValue)>; FIELDS],
    containers: Vec<&'t RawValue>,
    logs: Option<&'t RawValue>,
    topics: Option<&'t RawValue>,
    address: Option<&'t RawValue>,
    removed: Option<&'t RawValue>,
    /// The number of a block, or the object with it.
    number: Option<&'t RawValue>,
    header: Option<&'t RawValue>,
    error: Option<&'t RawValue>,
    has_l2_logs: bool,
}

impl<'t> Object<'t> {
    fn read(self, block: &Cell<'_>, depth: usize, found: &mut Vec<Found>) -> Result<(), Fault> {
        if let Some(error) = self.error.filter(|error| error.get().starts_with('{')) {
            let text = error.get().chars().take(200).collect();
            return Err(FaultKind::NodeError(text).into());
        }
        if !self.containers.is_empty() {
            let header = self.header.map(|header| serde_json::from_str::<Header<'_>>(header.get()));
            let header = header.transpose().map_err(not_json)?.and_then(|header| header.number);
            let number = self.number.or(header).map(cell).transpose()?;
            let block = number.as_ref().unwrap_or(block);
            for container in self.containers {
                if let Err(fault) = walk(container.get(), block, depth + 1, found) {
                    found.push(Err(fault));
                }
            }
            return Ok(());
        }
        if self.topics.is_some() {
            return self.log(found);
        }
        let (mut cells, decoder) = (Cells::default(), &mut Decoder::default());
        for (at, member) in self.fields.iter().enumerate() {
            if let (Some((_, member)), Some(field)) = (member, Field::ALL.get(at)) {
                cells.set(*field, cell(member)?);
            }
        }
        if !cells.has(Field::Hash) {
            return Err(value("the object", "is not a transaction: it has no hash"));
        }
        if !cells.has(Field::Block) {
            cells.set(Field::Block, block.clone());
        }
        let mut row = cells.row(decoder)?;
        if let Some(logs) = self.logs.filter(|logs| logs.get().starts_with('[')) {
            row.events = Events { list: events_in(logs)?, are_all: true };
        }
        row.is_of_l2 = self.has_l2_logs;
        found.push(Ok(row));
        Ok(())
    }

    /// A log outside of a receipt.
    fn log(self, found: &mut Vec<Found>) -> Result<(), Fault> {
        let member = |field: Field| {
            let (rank, member) = self.fields[field as usize]?;
            field.is_of_transaction(rank).then_some(member)
        };
        let Some(hash) = member(Field::Hash) else { return Ok(()) };
        let hash = serde_json::from_str::<Hash>(hash.get()).map_err(not_json)?;
        let read = |raw: Option<&'t RawValue>| raw.map_or("null", RawValue::get);
        let log = Log {
            address: serde_json::from_str(read(self.address)).map_err(not_json)?,
            topics: serde_json::from_str(read(self.topics)).map_err(not_json)?,
            data: serde_json::from_str(read(member(Field::Calldata))).map_err(not_json)?,
            removed: serde_json::from_str(read(self.removed)).map_err(not_json)?,
        };
        if let Some(event) = log.event() {
            let events = Events { list: [event].into(), are_all: false };
            let cell = |field| member(field).map_or(Ok(Cell::Absent), cell);
            let position = position_of(&cell(Field::Block)?, &cell(Field::Index)?);
            found.push(Ok(Row { events, position, ..Row::of(hash) }));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Header<'t> {
    #[serde(borrow)]
    number: Option<&'t RawValue>,
}

/// A log of a receipt. Only those of diamonds matter, so an error in another one is none.
#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    address: Member<Address>,
    #[serde(default)]
    topics: Topics,
    #[serde(default)]
    data: Member<Vec<u8>>,
    /// Whether it was removed together with its block.
    #[serde(default)]
    removed: Member<bool>,
}

/// The topics of a log, as far as they can be read.
#[derive(Default)]
struct Topics(Vec<Word>);

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Topics;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of topics")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Topics, E> {
                Ok(Topics::default())
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Topics, A::Error> {
                let mut topics = Vec::new();
                while let Some(topic) = list.next_element::<Member<Word>>()? {
                    // More than four are no log.
                    if topics.len() < 5 {
                        topics.extend(topic.known());
                    }
                }
                Ok(Topics(topics))
            }
        }

        deserializer.deserialize_any(List)
    }
}

impl Log {
    fn event(&self) -> Option<BatchEvent> {
        if self.removed.known() == Some(&true) {
            return None;
        }
        let data = self.data.known().map(Vec::as_slice).unwrap_or_default();
        BatchEvent::of(*self.address.known()?, &self.topics.0, data)
    }
}

fn events_in(logs: &RawValue) -> Result<BTreeSet<BatchEvent>, Fault> {
    let mut events = BTreeSet::new();
    let Ok(()) = each_element(logs.get(), |log: Log| {
        events.extend(log.event());
        Ok::<_, std::convert::Infallible>(())
    })
    .map_err(not_json)?;
    Ok(events)
}

/// A scalar, also in an object that wraps it or describes it.
fn cell(raw: &RawValue) -> Result<Cell<'_>, Fault> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<&str>(text) {
            Ok(text) => Cell::text(text),
            Err(_) => Cell::text(serde_json::from_str::<String>(text).map_err(not_json)?),
        },
        Some(b'n') => Cell::Null,
        Some(b't') => Cell::Flag(true),
        Some(b'f') => Cell::Flag(false),
        Some(b'{') => {
            let wrapped: Wrapped<'_> = serde_json::from_str(text).map_err(not_json)?;
            match wrapped.value.filter(|inner| !inner.get().starts_with(['{', '['])) {
                Some(inner) => cell(inner)?,
                None => return Err(value("a value", "is an object")),
            }
        }
        Some(b'[') => return Err(value("a value", "is a list")),
        _ => Cell::text(text),
    })
}

/// An object around a value: a number of a library, or the description of an address.
#[derive(Deserialize)]
struct Wrapped<'t> {
    #[serde(borrow, alias = "hash", alias = "hex", alias = "_hex", alias = "$numberLong")]
    value: Option<&'t RawValue>,
}

impl<'de: 't, 't> Deserialize<'de> for Object<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    let mut normalized = name.into_owned();
                    normalize(&mut normalized);
                    let member: &'de RawValue = map.next_value()?;
                    let is_nested = member.get().starts_with(['[', '{']);
                    let is_answer = normalized == "result";
                    match normalized.as_str() {
                        name if CONTAINERS.contains(&name) && (is_nested || is_answer) => {
                            // No envelope has more.
                            if object.containers.len() < CONTAINERS.len() {
                                object.containers.push(member);
                            }
                        }
                        "logs" => object.logs = Some(member),
                        "l2tol1logs" => object.has_l2_logs = true,
                        "topics" => object.topics = Some(member),
                        "address" => object.address = Some(member),
                        "removed" => object.removed = Some(member),
                        "number" => object.number = Some(member),
                        "header" if is_nested => object.header = Some(member),
                        "error" => object.error = Some(member),
                        name => {
                            let Some((field, rank)) = Field::of(name) else { continue };
                            let known = &mut object.fields[field as usize];
                            if known.is_none_or(|(before, _)| rank < before) {
                                *known = Some((rank, member));
                            }
                        }
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Members)
    }
}
