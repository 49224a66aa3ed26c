//! The event of L1Messenger with a message: `L1MessageSent(address indexed, bytes32 indexed, bytes)`.

use std::{borrow::Cow, collections::HashMap, fmt};

use alloy_sol_types::SolEvent;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::SourceError;
use crate::{
    contracts::abi::L1MessageSent,
    ingest::json::at_most,
    keccak::keccak256,
    message::MESSENGER,
    primitives::{Address, Hash, hex},
};

/// The most topics of an event, which LOG4 has.
pub(super) const MOST_TOPICS: usize = 4;
/// The error text for an event with more.
pub(super) const TOO_MANY_TOPICS: &str = "an event with more than 4 topics";

const MESSAGE_SENT: Hash = Hash::new(L1MessageSent::SIGNATURE_HASH.0);

/// The topics of an event, as text.
#[derive(Debug, Default)]
pub(super) struct Topics<'t>(Vec<Cow<'t, str>>);

impl<'de> Deserialize<'de> for Topics<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        at_most(deserializer, MOST_TOPICS, TOO_MANY_TOPICS).map(Self)
    }
}

/// An event of a receipt.
#[derive(Deserialize)]
struct Event<'t> {
    address: Option<Address>,
    #[serde(borrow, default)]
    topics: Topics<'t>,
    #[serde(borrow, default)]
    data: Option<Cow<'t, str>>,
}

/// The messages in the events of a receipt, by their hashes, or the error in one of them. Other events are
/// dropped as soon as they are read.
#[derive(Debug)]
pub(super) struct EventMessages(pub(super) Result<HashMap<Hash, Vec<u8>>, SourceError>);

impl<'de> Deserialize<'de> for EventMessages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Events;

        impl<'de> Visitor<'de> for Events {
            type Value = EventMessages;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut events: A,
            ) -> Result<EventMessages, A::Error> {
                let mut messages = Ok(HashMap::new());
                while let Some(Event { address, topics, data }) = events.next_element()? {
                    let Ok(known) = &mut messages else { continue };
                    match message(address, &topics, data.as_deref()) {
                        Ok(found) => known.extend(found),
                        Err(error) => messages = Err(error),
                    }
                }
                Ok(EventMessages(messages))
            }
        }

        deserializer.deserialize_seq(Events)
    }
}

/// The message in an event, with its hash. `None` for another event.
pub(super) fn message(
    address: Option<Address>,
    topics: &Topics<'_>,
    data: Option<&str>,
) -> Result<Option<(Hash, Vec<u8>)>, SourceError> {
    let [signature, _, hash, ..] = &topics.0[..] else { return Ok(None) };
    if address != Some(MESSENGER) || signature.parse() != Ok(MESSAGE_SENT) {
        return Ok(None);
    }
    let bad = |reason: String| SourceError::Bad { what: "the event's data:".into(), reason };
    let expected: Hash = hash.parse().map_err(|error: hex::HexError| SourceError::Bad {
        what: "the event's third topic".into(),
        reason: error.to_string(),
    })?;
    let data = data.ok_or(SourceError::Missing { what: "the event".into(), field: "data" })?;
    let data = hex::bytes(data).map_err(|error| bad(error.to_string()))?;
    let (message,) =
        L1MessageSent::abi_decode_data(&data).map_err(|error| bad(error.to_string()))?;
    let got = keccak256(&message);
    if got != expected {
        return Err(SourceError::MessageHash { expected, got });
    }
    Ok(Some((expected, message.to_vec())))
}
