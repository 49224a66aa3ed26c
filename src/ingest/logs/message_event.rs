//! The events of L1Messenger: `L2ToL1LogSent((uint8,bool,uint16,address,bytes32,bytes32))` with the fields of a
//! log, and `L1MessageSent(address indexed, bytes32 indexed, bytes)` with a message.
//!
//! On Era chains every log has its event. L1Messenger of ZKsync OS chains emits only the second one.
//! Source: era-contracts `L1Messenger.sol`, `IL1Messenger.sol`, v26 to v31.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
};

use alloy_sol_types::SolEvent;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::SourceError;
use crate::{
    contracts::abi::{L1MessageSent, L2ToL1LogSent},
    ingest::json::at_most,
    keccak::keccak256,
    message::{L2ToL1Log, LOG_TREE_HEIGHT, MESSENGER},
    primitives::{Address, Hash, hex},
};

/// The most topics of an event, which LOG4 has.
pub(super) const MOST_TOPICS: usize = 4;
/// The most logs of a receipt.
const MOST_LOGS: usize = 1 << LOG_TREE_HEIGHT;
/// The error text for an event with more.
pub(super) const TOO_MANY_TOPICS: &str = "an event with more than 4 topics";

const MESSAGE_SENT: Hash = Hash::new(L1MessageSent::SIGNATURE_HASH.0);
const LOG_SENT: Hash = Hash::new(L2ToL1LogSent::SIGNATURE_HASH.0);
const SIGNATURES: [Hash; 2] = [MESSAGE_SENT, LOG_SENT];

/// An event of L1Messenger.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MessengerEvent {
    /// A message, with its hash.
    Message(Hash, Vec<u8>),
    /// A log.
    Log(L2ToL1Log),
}

/// The topics of an event, as text.
#[derive(Debug, Default)]
pub(super) struct Topics<'t>(Vec<Cow<'t, str>>);

impl Topics<'_> {
    /// Whether they are those of `L2ToL1LogSent`.
    pub(super) fn are_of_log(&self) -> bool {
        self.signature() == Some(LOG_SENT)
    }

    fn signature(&self) -> Option<Hash> {
        self.0.first()?.parse().ok()
    }
}

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

/// The events of L1Messenger in a receipt.
#[derive(Debug, Default)]
pub(super) struct ReceiptEvents {
    /// The messages by their hashes.
    pub(super) messages: HashMap<Hash, Vec<u8>>,
    /// The logs, in order.
    pub(super) logs: Vec<L2ToL1Log>,
}

impl ReceiptEvents {
    /// The message of a log, if it is the log of a message.
    pub(super) fn message_of(&self, log: &L2ToL1Log) -> Option<Vec<u8>> {
        if log.is_message() { self.messages.get(&log.value()).cloned() } else { None }
    }

    /// Whether every message has the event of its log. On ZKsync OS chains it has not.
    pub(super) fn have_logs_of_messages(&self) -> bool {
        let hashes: HashSet<_> = self.logs.iter().map(L2ToL1Log::value).collect();
        self.messages.keys().all(|hash| hashes.contains(hash))
    }

    fn add(&mut self, event: &Event<'_>) -> Result<(), SourceError> {
        match event_of_text(event.address, &event.topics, event.data.as_deref())? {
            Some(MessengerEvent::Message(hash, message)) => {
                drop(self.messages.insert(hash, message))
            }
            Some(MessengerEvent::Log(_)) if self.logs.len() == MOST_LOGS => {
                let what = "the events L2ToL1LogSent of the receipt";
                return Err(SourceError::TooMany { what, limit: MOST_LOGS });
            }
            Some(MessengerEvent::Log(log)) => self.logs.push(log),
            None => {}
        }
        Ok(())
    }
}

/// The events of L1Messenger in a receipt, or the error in one of them. Other events are dropped as soon as
/// they are read.
#[derive(Debug)]
pub(super) struct MessengerEvents(pub(super) Result<ReceiptEvents, SourceError>);

impl<'de> Deserialize<'de> for MessengerEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Events;

        impl<'de> Visitor<'de> for Events {
            type Value = MessengerEvents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut events: A,
            ) -> Result<MessengerEvents, A::Error> {
                let mut found = Ok(ReceiptEvents::default());
                while let Some(event) = events.next_element::<Event<'_>>()? {
                    let Ok(known) = &mut found else { continue };
                    if let Err(error) = known.add(&event) {
                        found = Err(error);
                    }
                }
                Ok(MessengerEvents(found))
            }
        }

        deserializer.deserialize_seq(Events)
    }
}

/// The event, if it is one of L1Messenger with a log or a message. Topics and data are text.
pub(super) fn event_of_text(
    address: Option<Address>,
    topics: &Topics<'_>,
    data: Option<&str>,
) -> Result<Option<MessengerEvent>, SourceError> {
    let is_known = topics.signature().is_some_and(|topic| SIGNATURES.contains(&topic));
    if address != Some(MESSENGER) || !is_known {
        return Ok(None);
    }
    let bad = |what: &str, error: hex::HexError| SourceError::Bad {
        what: what.into(),
        reason: error.to_string(),
    };
    let topics: Result<Vec<Hash>, _> = topics.0.iter().map(|topic| topic.parse()).collect();
    let topics = topics.map_err(|error| bad("the event's topics:", error))?;
    let data = data.map(hex::bytes).transpose();
    let data = data.map_err(|error| bad("the event's data:", error))?;
    messenger_event(address, &topics, data.as_deref())
}

/// The event, if it is one of L1Messenger with a log or a message.
pub(super) fn messenger_event(
    address: Option<Address>,
    topics: &[Hash],
    data: Option<&[u8]>,
) -> Result<Option<MessengerEvent>, SourceError> {
    if address != Some(MESSENGER) {
        return Ok(None);
    }
    let missing = SourceError::Missing { what: "the event".into(), field: "data" };
    match topics {
        [LOG_SENT, ..] => Ok(Some(MessengerEvent::Log(log(data.ok_or(missing)?)?))),
        [MESSAGE_SENT, _, expected, ..] => {
            let (message,) =
                L1MessageSent::abi_decode_data(data.ok_or(missing)?).map_err(bad_data)?;
            let (expected, got) = (*expected, keccak256(&message));
            if got != expected {
                return Err(SourceError::MessageHash { expected, got });
            }
            Ok(Some(MessengerEvent::Message(expected, message.to_vec())))
        }
        _ => Ok(None),
    }
}

/// The log in the data of `L2ToL1LogSent`: six words.
fn log(data: &[u8]) -> Result<L2ToL1Log, SourceError> {
    let (log,) = L2ToL1LogSent::abi_decode_data_validate(data).map_err(bad_data)?;
    let mut bytes = [0; L2ToL1Log::LEN];
    bytes[0] = log.l2ShardId;
    bytes[1] = log.isService.into();
    bytes[2..4].copy_from_slice(&log.txNumberInBatch.to_be_bytes());
    bytes[4..24].copy_from_slice(log.sender.as_slice());
    bytes[24..56].copy_from_slice(log.key.as_slice());
    bytes[56..].copy_from_slice(log.value.as_slice());
    Ok(L2ToL1Log::new(bytes))
}

fn bad_data(error: alloy_sol_types::Error) -> SourceError {
    SourceError::Bad { what: "the event's data:".into(), reason: error.to_string() }
}
