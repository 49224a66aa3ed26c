//! The members of a record, under the names of every program that keeps proofs.
//!
//! | program | names |
//! | --- | --- |
//! | slproof, and nodes | `chainId`, `batchNumber`, `id`, `proof`, `sender`, `txNumberInBatch`, `message` |
//! | `FinalizeL1DepositParams` of the contracts, zksync-ethers and zksync-js | `l2BatchNumber`, `l2MessageIndex`, `merkleProof`, `l2Sender`, `l2TxNumberInBatch` |
//! | `FinalizeWithdrawalParams` of zksync-ethers | `l1BatchNumber`, `l2MessageIndex`, `l2TxNumberInBlock` |
//! | arguments of `proveL2MessageInclusionShared` and `proveL2LogInclusionShared` | `message` and `log` as objects |
//!
//! Each may also be in the form `batch_number`. Two names of one fact must have one value.

use std::fmt::Display;

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{Fields, LogFields, RecordError};
#[cfg(feature = "calldata")]
use crate::proof::calldata::Call;
use crate::{
    message::L2ToL1Log,
    primitives::{
        Address, BatchNumber, ChainId, Hash, Timestamp,
        spelled::{Member, Spelled},
    },
    proof::TargetRecord,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Incoming<'a> {
    #[serde(alias = "chain_id")]
    pub(super) chain_id: Member<ChainId>,
    #[serde(alias = "batch_number")]
    batch_number: Member<BatchNumber>,
    #[serde(alias = "l2_batch_number")]
    l2_batch_number: Member<BatchNumber>,
    #[serde(alias = "l1_batch_number")]
    l1_batch_number: Member<BatchNumber>,
    id: Member<u64>,
    #[serde(alias = "l2_message_index")]
    l2_message_index: Member<u64>,
    pub(super) index: Member<u64>,
    pub(super) root: Member<Hash>,
    #[serde(alias = "merkleProof", alias = "merkle_proof")]
    pub(super) proof: Option<Vec<Hash>>,
    pub(super) target: Option<TargetRecord>,
    #[serde(borrow)]
    log: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    sender: Member<Address>,
    #[serde(alias = "l2_sender")]
    l2_sender: Member<Address>,
    #[serde(alias = "tx_number_in_batch")]
    tx_number_in_batch: Member<u64>,
    #[serde(alias = "l2_tx_number_in_batch")]
    l2_tx_number_in_batch: Member<u64>,
    #[serde(alias = "l2_tx_number_in_block")]
    l2_tx_number_in_block: Member<u64>,
    #[serde(alias = "message_hash")]
    message_hash: Member<Hash>,
    #[serde(alias = "l1_timestamp")]
    pub(super) l1_timestamp: Member<Timestamp>,
    #[serde(borrow)]
    pub(super) leaf: Option<&'a RawValue>,
    #[serde(alias = "leaf_index")]
    pub(super) leaf_index: Member<u64>,
    pub(super) value: Member<Hash>,
    #[cfg(feature = "calldata")]
    pub(super) call: Option<Call>,
    #[cfg(not(feature = "calldata"))]
    call: Option<IgnoredAny>,
    pub(super) data: Option<String>,
    /// Whether the field is present. A request may have any value, also null.
    #[serde(deserialize_with = "present")]
    pub(super) request: bool,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    pub(super) jsonrpc: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(field: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(field).map(|_| true)
}

/// The message in the arguments of `proveL2MessageInclusionShared`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MessageArgument {
    #[serde(alias = "tx_number_in_batch")]
    tx_number_in_batch: Member<u64>,
    sender: Member<Address>,
    data: Member<Vec<u8>>,
}

/// The log in the arguments of `proveL2LogInclusionShared`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogArgument {
    #[serde(alias = "l2_shard_id", alias = "shardId", alias = "shard_id")]
    l2_shard_id: Member<u64>,
    #[serde(alias = "is_service")]
    is_service: Member<bool>,
    #[serde(alias = "tx_number_in_batch", alias = "txIndexInL1Batch")]
    tx_number_in_batch: Member<u64>,
    sender: Member<Address>,
    key: Member<Hash>,
    value: Member<Hash>,
}

/// The fields that say something about a proof, or replace one.
pub(super) const TELLING: [&str; 13] = [
    "chainId",
    "batchNumber",
    "root",
    "proof",
    "target",
    "log",
    "message",
    "sender",
    "txNumberInBatch",
    "messageHash",
    "l1Timestamp",
    "call",
    "data",
];

impl Incoming<'_> {
    /// The first of these fields that is present, under any of its names.
    pub(super) fn first_of(&self, fields: &[&'static str]) -> Option<&'static str> {
        let is_there = |field: &str| match field {
            "chainId" => self.chain_id.is_present(),
            "batchNumber" => self.batches().iter().any(|(_, member)| member.is_present()),
            "root" => self.root.is_present(),
            "proof" => self.proof.is_some(),
            "target" => self.target.is_some(),
            "log" => self.log.is_some(),
            "message" => self.message.is_some(),
            "sender" => self.senders().iter().any(|(_, member)| member.is_present()),
            "txNumberInBatch" => self.tx_numbers().iter().any(|(_, member)| member.is_present()),
            "messageHash" => self.message_hash.is_present(),
            "l1Timestamp" => self.l1_timestamp.is_present(),
            "call" => self.call.is_some(),
            "data" => self.data.is_some(),
            "request" => self.request,
            "error" => self.error.is_some(),
            "result" => self.result.is_some(),
            _ => false,
        };
        fields.iter().copied().find(|field| is_there(field))
    }

    /// Refuses the record if it has one of the fields `others` together with `one`.
    pub(super) fn only(
        &self,
        one: &'static str,
        others: &[&'static str],
    ) -> Result<(), RecordError> {
        match self.first_of(others) {
            Some(other) => Err(RecordError::Both { one, other }),
            None => Ok(()),
        }
    }

    pub(super) fn batches(&self) -> [(&'static str, &Member<BatchNumber>); 3] {
        [
            ("batchNumber", &self.batch_number),
            ("l2BatchNumber", &self.l2_batch_number),
            ("l1BatchNumber", &self.l1_batch_number),
        ]
    }

    fn senders(&self) -> [(&'static str, &Member<Address>); 2] {
        [("sender", &self.sender), ("l2Sender", &self.l2_sender)]
    }

    fn tx_numbers(&self) -> [(&'static str, &Member<u64>); 3] {
        [
            ("txNumberInBatch", &self.tx_number_in_batch),
            ("l2TxNumberInBatch", &self.l2_tx_number_in_batch),
            ("l2TxNumberInBlock", &self.l2_tx_number_in_block),
        ]
    }

    /// Whether the record is of a leaf of a batch root: it names one, and nothing of a log.
    pub(super) fn is_of_leaf(&self) -> bool {
        let of_log = ["log", "message", "sender", "txNumberInBatch", "messageHash"];
        self.leaf.is_some()
            && !self.id.is_present()
            && !self.l2_message_index.is_present()
            && self.first_of(&of_log).is_none()
    }

    /// The leaf index. Programs keep an `id` of their own beside `l2MessageIndex`, and an `index` of their own
    /// beside both.
    fn leaf_index(&self) -> Result<Option<u64>, RecordError> {
        match (&self.id, &self.l2_message_index) {
            (Member::Absent, Member::Absent) => one_of(&[("index", &self.index)]),
            (Member::Unreadable(_), index @ Member::Read(_)) => {
                one_of(&[("l2MessageIndex", index)])
            }
            (id, index) => one_of(&[("id", id), ("l2MessageIndex", index)]),
        }
    }

    /// The fields of a proof with these words.
    pub(super) fn fields(self, words: Vec<Hash>) -> Result<Fields, RecordError> {
        let argument = match self.message {
            Some(text) if text.get().starts_with('{') => serde_json::from_str(text.get())?,
            Some(text) => {
                MessageArgument { data: serde_json::from_str(text.get())?, ..Default::default() }
            }
            None => MessageArgument::default(),
        };
        let [one, two, three] = self.tx_numbers();
        let tx_numbers = [one, two, three, ("txNumberInBatch", &argument.tx_number_in_batch)];
        let [one, two] = self.senders();
        let log_fields = LogFields {
            sender: one_of(&[one, two, ("sender", &argument.sender)])?,
            tx_number: one_of(&tx_numbers)?,
            message_hash: one_of(&[("messageHash", &self.message_hash)])?,
        };
        Ok(Fields {
            chain: one_of(&[("chainId", &self.chain_id)])?,
            batch: one_of(&self.batches())?,
            id: self.leaf_index()?,
            root: one_of(&[("root", &self.root)])?,
            words,
            log: self.log.map(log).transpose()?,
            message: needed("message", &argument.data)?.cloned(),
            target: self.target,
            log_fields,
            l1_timestamp: one_of(&[("l1Timestamp", &self.l1_timestamp)])?,
        })
    }
}

fn log(text: &RawValue) -> Result<L2ToL1Log, RecordError> {
    if !text.get().starts_with('{') {
        return Ok(serde_json::from_str(text.get())?);
    }
    let log: LogArgument = serde_json::from_str(text.get())?;
    let number = required("txNumberInBatch", &log.tx_number_in_batch)?;
    let number = u16::try_from(number).map_err(|_| RecordError::TxNumber(number))?;
    let shard = required("l2ShardId", &log.l2_shard_id)?;
    let mut bytes = [0; L2ToL1Log::LEN];
    bytes[0] = u8::try_from(shard).map_err(|_| RecordError::Shard(shard))?;
    bytes[1] = required("isService", &log.is_service)?.into();
    bytes[2..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..24].copy_from_slice(required("sender", &log.sender)?.as_bytes());
    bytes[24..56].copy_from_slice(required("key", &log.key)?.as_bytes());
    bytes[56..].copy_from_slice(required("value", &log.value)?.as_bytes());
    Ok(L2ToL1Log::new(bytes))
}

fn needed<'m, T>(field: &'static str, member: &'m Member<T>) -> Result<Option<&'m T>, RecordError> {
    member.needed().map_err(|error| RecordError::Field { field, error })
}

fn required<T: Copy>(field: &'static str, member: &Member<T>) -> Result<T, RecordError> {
    needed(field, member)?.copied().ok_or(RecordError::Log { field })
}

/// The value of a fact that has several names. All that are present must have the same value.
pub(super) fn one_of<T: Spelled + Copy + PartialEq + Display>(
    names: &[(&'static str, &Member<T>)],
) -> Result<Option<T>, RecordError> {
    let mut found: Option<(&'static str, T)> = None;
    for (name, member) in names {
        let Some(&value) = needed(name, member)? else { continue };
        match found {
            Some((first, known)) if known != value => {
                return Err(RecordError::TwoValues {
                    fields: [first, name],
                    values: [known.to_string(), value.to_string()],
                });
            }
            Some(_) => {}
            None => found = Some((name, value)),
        }
    }
    Ok(found.map(|(_, value)| value))
}
