//! The objects in nodes' answers: receipts, events, and their envelopes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::message_event::{MessengerEvents, Topics};
use crate::{
    ingest::json::at_most,
    message::LOG_TREE_HEIGHT,
    primitives::{Address, Hash, Word},
};

/// A number as nodes write it: a hexadecimal quantity, or a JSON number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quantity(pub(super) u64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl de::Visitor<'_> for Number {
            type Value = Quantity;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or \"0x\" and hexadecimal digits")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                let word = Word::from_hex(text).map_err(E::custom)?;
                word.to_u64().map(Quantity).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Number)
    }
}

/// Any object in a node's answer, with the members used here. The members show what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<'t> {
    pub(super) jsonrpc: Option<de::IgnoredAny>,
    #[serde(borrow)]
    pub(super) result: Option<&'t RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'t RawValue>,

    pub(super) transaction_hash: Option<Hash>,
    pub(super) transaction_index: Option<Quantity>,
    pub(super) block_number: Option<Quantity>,
    pub(super) l1_batch_number: Option<Quantity>,
    pub(super) l1_batch_tx_index: Option<Quantity>,
    pub(super) l2_to_l1_logs: Option<RpcLogs>,
    pub(super) logs: Option<MessengerEvents>,
    pub(super) cumulative_gas_used: Option<de::IgnoredAny>,

    pub(super) address: Option<Address>,
    #[serde(borrow)]
    pub(super) topics: Option<Topics<'t>>,
    #[serde(borrow)]
    pub(super) data: Option<Cow<'t, str>>,
    pub(super) log_index: Option<Quantity>,
    pub(super) removed: Option<bool>,
}

/// The position of a damaged receipt, as far as it can be read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartialReceipt<'t> {
    #[serde(borrow)]
    pub(super) block_number: Option<&'t RawValue>,
    #[serde(borrow)]
    pub(super) l1_batch_number: Option<&'t RawValue>,
}

impl PartialReceipt<'_> {
    pub(super) fn number(raw: Option<&RawValue>) -> Option<u64> {
        serde_json::from_str::<Quantity>(raw?.get()).ok().map(|number| number.0)
    }
}

/// The logs of a receipt, at most as many as a batch can have.
#[derive(Debug)]
pub(super) struct RpcLogs(pub(super) Vec<RpcLog>);

impl<'de> Deserialize<'de> for RpcLogs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let too_many =
            "a receipt with more than 16384 logs in l2ToL1Logs; the tree of a batch holds 16384";
        at_most(deserializer, 1 << LOG_TREE_HEIGHT, too_many).map(Self)
    }
}

/// A log of `l2ToL1Logs`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RpcLog {
    pub(super) log_index: Option<Quantity>,
    pub(super) l1_batch_number: Option<Quantity>,
    pub(super) transaction_hash: Option<Hash>,
    pub(super) transaction_log_index: Option<Quantity>,
    pub(super) tx_index_in_l1_batch: Option<Quantity>,
    pub(super) shard_id: Option<Quantity>,
    pub(super) is_service: Option<bool>,
    pub(super) sender: Option<Address>,
    pub(super) key: Option<Hash>,
    pub(super) value: Option<Hash>,
}
