//! The event of L1Messenger with a message: `L1MessageSent(address indexed, bytes32 indexed, bytes)`.

use std::{collections::HashMap, fmt};

use alloy_sol_types::SolEvent;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    SourceError,
    needed_members::{needed, required},
};
use crate::{
    contracts::abi::L1MessageSent,
    ingest::json::at_most,
    keccak::keccak256,
    message::MESSENGER,
    primitives::{Address, Hash, spelled::Member},
};

/// The most topics of an event, which LOG4 has.
pub(super) const MOST_TOPICS: usize = 4;
/// The error text for an event with more.
pub(super) const TOO_MANY_TOPICS: &str = "an event with more than 4 topics";

const MESSAGE_SENT: Hash = Hash::new(L1MessageSent::SIGNATURE_HASH.0);

/// The topics of an event. Those of other events may be anything.
#[derive(Debug, Default)]
pub(super) struct Topics(Vec<Member<Hash>>);

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        at_most(deserializer, MOST_TOPICS, TOO_MANY_TOPICS).map(Self)
    }
}

/// An event of a receipt.
#[derive(Deserialize)]
struct Event<'t> {
    #[serde(default)]
    address: Member<Address>,
    topics: Option<Topics>,
    #[serde(borrow)]
    data: Option<&'t RawValue>,
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
                    match message(&address, &topics.unwrap_or_default(), data) {
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
    address: &Member<Address>,
    topics: &Topics,
    data: Option<&RawValue>,
) -> Result<Option<(Hash, Vec<u8>)>, SourceError> {
    let [signature, _, hash, ..] = &topics.0[..] else { return Ok(None) };
    let event = || "the event".to_owned();
    if signature.known() != Some(&MESSAGE_SENT)
        || needed(address, "address", event)? != Some(MESSENGER)
    {
        return Ok(None);
    }
    let expected = required(hash, "topics[2]", event)?;
    let data = data.map(|data| serde_json::from_str::<Member<Vec<u8>>>(data.get())).transpose()?;
    let data = match data.unwrap_or_default() {
        Member::Read(data) => data,
        Member::Absent => return Err(SourceError::Missing { what: event(), field: "data" }),
        Member::Unreadable(error) => {
            return Err(SourceError::Member { name: "data", of: event(), error });
        }
    };
    let (message,) = L1MessageSent::abi_decode_data(&data).map_err(|error| SourceError::Bad {
        what: "the event's data:".into(),
        reason: error.to_string(),
    })?;
    let got = keccak256(&message);
    if got != expected {
        return Err(SourceError::MessageHash { expected, got });
    }
    Ok(Some((expected, message.to_vec())))
}
