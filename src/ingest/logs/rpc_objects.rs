//! The objects in nodes' answers: receipts, events, and their envelopes, with the names and the spellings of the
//! programs that keep them. Rust and Python write `transaction_hash`; ethers 6 writes `hash` and `index`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::message_event::{EventMessages, Topics};
use crate::{
    ingest::json::list_at_most,
    message::LOG_TREE_HEIGHT,
    primitives::{Address, Hash, spelled::Member},
};

/// Any object in a node's answer, with the members used here. The members show what it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Object<'t> {
    pub(super) jsonrpc: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) result: Option<&'t RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'t RawValue>,

    #[serde(alias = "transaction_hash")]
    pub(super) transaction_hash: Member<Hash>,
    pub(super) hash: Member<Hash>,
    #[serde(alias = "transaction_index")]
    pub(super) transaction_index: Member<u64>,
    pub(super) index: Member<u64>,
    #[serde(alias = "block_number")]
    pub(super) block_number: Member<u64>,
    #[serde(alias = "l1_batch_number")]
    pub(super) l1_batch_number: Member<u64>,
    #[serde(alias = "l1_batch_tx_index")]
    pub(super) l1_batch_tx_index: Member<u64>,
    #[serde(alias = "l2_to_l1_logs")]
    pub(super) l2_to_l1_logs: LogList,
    pub(super) logs: Option<EventMessages>,
    #[serde(alias = "cumulative_gas_used")]
    pub(super) cumulative_gas_used: Option<IgnoredAny>,

    pub(super) address: Member<Address>,
    pub(super) topics: Option<Topics>,
    #[serde(borrow)]
    pub(super) data: Option<&'t RawValue>,
    pub(super) removed: Member<bool>,
}

/// The position of a damaged receipt, as far as it can be read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PartialReceipt {
    #[serde(alias = "block_number")]
    pub(super) block_number: Member<u64>,
    #[serde(alias = "l1_batch_number")]
    pub(super) l1_batch_number: Member<u64>,
}

/// The member `l2ToL1Logs` of a receipt.
#[derive(Debug, Default)]
pub(super) enum LogList {
    /// It is missing.
    #[default]
    Missing,
    /// It is null: the program that wrote it has no logs, or does not know them.
    Null,
    /// The logs, at most as many as a batch can have.
    Logs(Vec<RpcLog>),
}

impl<'de> Deserialize<'de> for LogList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = LogList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the list l2ToL1Logs")
            }

            fn visit_unit<E: de::Error>(self) -> Result<LogList, E> {
                Ok(LogList::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<LogList, A::Error> {
                let too_many = "a receipt with more than 16384 logs in l2ToL1Logs; the tree of a batch \
                                holds 16384";
                list_at_most(list, 1 << LOG_TREE_HEIGHT, too_many).map(LogList::Logs)
            }
        }

        deserializer.deserialize_any(List)
    }
}

/// A log of `l2ToL1Logs`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RpcLog {
    #[serde(alias = "log_index")]
    pub(super) log_index: Member<u64>,
    pub(super) index: Member<u64>,
    #[serde(alias = "l1_batch_number")]
    pub(super) l1_batch_number: Member<u64>,
    #[serde(alias = "transaction_hash")]
    pub(super) transaction_hash: Member<Hash>,
    #[serde(alias = "transaction_log_index")]
    pub(super) transaction_log_index: Member<u64>,
    #[serde(alias = "tx_index_in_l1_batch")]
    pub(super) tx_index_in_l1_batch: Member<u64>,
    /// The name in the types of nodes, which is not in their answers.
    #[serde(alias = "tx_number_in_block")]
    pub(super) tx_number_in_block: Member<u64>,
    #[serde(alias = "shard_id", alias = "l2ShardId", alias = "l2_shard_id")]
    pub(super) shard_id: Member<u64>,
    #[serde(alias = "is_service")]
    pub(super) is_service: Member<bool>,
    pub(super) sender: Member<Address>,
    pub(super) key: Member<Hash>,
    pub(super) value: Member<Hash>,
}
