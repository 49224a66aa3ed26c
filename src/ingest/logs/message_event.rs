//! The events of L1Messenger: `L2ToL1LogSent((uint8,bool,uint16,address,bytes32,bytes32))` with the fields of a
//! log, and `L1MessageSent(address indexed, bytes32 indexed, bytes)` with a message.
//!
//! On Era chains every log has its event. L1Messenger of ZKsync OS chains emits only the second one.
//! Source: era-contracts `L1Messenger.sol`, `IL1Messenger.sol`, v26 to v31.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

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
    contracts::abi::{L1MessageSent, L2ToL1LogSent},
    ingest::json::at_most,
    keccak::keccak256,
    message::{L2ToL1Log, LOG_TREE_HEIGHT, MESSENGER},
    primitives::{Address, Hash, Word, spelled::Member},
};

/// The most topics of an event, which LOG4 has.
pub(super) const MOST_TOPICS: usize = 4;
/// The most logs of a receipt.
const MOST_LOGS: usize = 1 << LOG_TREE_HEIGHT;
/// The error text for an event with more.
pub(super) const TOO_MANY_TOPICS: &str = "an event with more than 4 topics";

const MESSAGE_SENT: Hash = Hash::new(L1MessageSent::SIGNATURE_HASH.0);
const LOG_SENT: Hash = Hash::new(L2ToL1LogSent::SIGNATURE_HASH.0);

/// The first topics of the events.
pub(in crate::ingest) const MESSENGER_SIGNATURES: [Hash; 2] = [LOG_SENT, MESSAGE_SENT];

/// An event of L1Messenger.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MessengerEvent {
    /// A message, with its hash.
    Message(Hash, Vec<u8>),
    /// A log.
    Log(L2ToL1Log),
}

/// The topics of an event. Those of other events may be anything.
#[derive(Debug, Default)]
pub(super) struct Topics(Vec<Member<Hash>>);

impl Topics {
    /// Whether they are those of `L2ToL1LogSent`.
    pub(super) fn are_of_log(&self) -> bool {
        self.0.first().and_then(Member::known) == Some(&LOG_SENT)
    }
}

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
        match messenger_event(
            &event.address,
            event.topics.as_ref().unwrap_or(&Topics::default()),
            event.data,
        )? {
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

/// The event, if it is one of L1Messenger with a log or a message.
pub(super) fn messenger_event(
    address: &Member<Address>,
    topics: &Topics,
    data: Option<&RawValue>,
) -> Result<Option<MessengerEvent>, SourceError> {
    let event = || "the event".to_owned();
    let expected = match (topics.0.first().and_then(Member::known), &topics.0[..]) {
        (Some(&LOG_SENT), _) => None,
        (Some(&MESSAGE_SENT), [_, _, hash, ..]) => Some(hash),
        _ => return Ok(None),
    };
    if needed(address, "address", event)? != Some(MESSENGER) {
        return Ok(None);
    }
    let expected = expected.map(|hash| required(hash, "topics[2]", event)).transpose()?;
    let data = data.map(|data| serde_json::from_str::<Member<Vec<u8>>>(data.get())).transpose()?;
    let data = match data.unwrap_or_default() {
        Member::Read(data) => data,
        Member::Absent => return Err(SourceError::Missing { what: event(), field: "data" }),
        Member::Unreadable(error) => {
            return Err(SourceError::Member { name: "data", of: event(), error });
        }
    };
    event_of(expected, &data).map(Some)
}

/// As [`messenger_event`], of a log of L1Messenger in another form than nodes answer.
pub(super) fn exported_event(
    topics: &[Word],
    data: Option<&[u8]>,
) -> Result<Option<MessengerEvent>, SourceError> {
    let expected = match topics {
        topics if is_of_log(topics) => None,
        [signature, _, hash, ..] if is(signature, &MESSAGE_SENT) => {
            Some(Hash::new(*hash.as_bytes()))
        }
        _ => return Ok(None),
    };
    let data =
        data.ok_or_else(|| SourceError::Missing { what: "the event".into(), field: "data" })?;
    event_of(expected, data).map(Some)
}

/// Whether topics are those of `L2ToL1LogSent`.
pub(super) fn is_of_log(topics: &[Word]) -> bool {
    topics.first().is_some_and(|signature| is(signature, &LOG_SENT))
}

fn is(signature: &Word, hash: &Hash) -> bool {
    signature.as_bytes() == hash.as_bytes()
}

/// The event in the data: a message, of which the topics have the hash, or a log.
fn event_of(expected: Option<Hash>, data: &[u8]) -> Result<MessengerEvent, SourceError> {
    match expected {
        None => log(data).map(MessengerEvent::Log),
        Some(expected) => message(expected, data),
    }
}

/// The message in the data of `L1MessageSent`.
fn message(expected: Hash, data: &[u8]) -> Result<MessengerEvent, SourceError> {
    let (message,) = L1MessageSent::abi_decode_data(data).map_err(bad_data)?;
    let got = keccak256(&message);
    if got != expected {
        return Err(SourceError::MessageHash { expected, got });
    }
    Ok(MessengerEvent::Message(expected, message.to_vec()))
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
