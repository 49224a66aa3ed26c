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

use serde::de::{IgnoredAny, MapAccess};

use super::{
    Fields, LogFields, RecordError,
    object::{Object, Raw, put, read},
};
#[cfg(feature = "calldata")]
use crate::proof::calldata::Call;
use crate::{
    message::L2ToL1Log,
    primitives::{
        Address, BatchNumber, ChainId, Hash, Timestamp,
        spelled::{Member, Spelled},
    },
    proof::{TargetKind, TargetRecord},
};

#[derive(Default)]
pub(super) struct Incoming<'a> {
    pub(super) chain_id: Member<ChainId>,
    batch_number: Member<BatchNumber>,
    l2_batch_number: Member<BatchNumber>,
    l1_batch_number: Member<BatchNumber>,
    id: Member<u64>,
    l2_message_index: Member<u64>,
    pub(super) index: Member<u64>,
    pub(super) root: Member<Hash>,
    pub(super) proof: Option<Vec<Hash>>,
    target: Raw<'a>,
    log: Raw<'a>,
    message: Raw<'a>,
    sender: Member<Address>,
    l2_sender: Member<Address>,
    tx_number_in_batch: Member<u64>,
    l2_tx_number_in_batch: Member<u64>,
    l2_tx_number_in_block: Member<u64>,
    message_hash: Member<Hash>,
    pub(super) l1_timestamp: Member<Timestamp>,
    pub(super) leaf: Raw<'a>,
    pub(super) leaf_index: Member<u64>,
    pub(super) value: Member<Hash>,
    #[cfg(feature = "calldata")]
    pub(super) call: Option<Call>,
    #[cfg(not(feature = "calldata"))]
    call: Option<IgnoredAny>,
    pub(super) data: Option<String>,
    /// Of a failed request. Null is none here too, but a request that failed may have been null.
    pub(super) request: Option<Option<IgnoredAny>>,
    pub(super) error: Raw<'a>,
    pub(super) jsonrpc: Option<IgnoredAny>,
    pub(super) result: Raw<'a>,
}

impl<'de> Object<'de> for Incoming<'de> {
    fn member<M: MapAccess<'de>>(&mut self, name: &str, from: &mut M) -> Result<(), M::Error> {
        match name {
            "chainId" | "chain_id" => put(&mut self.chain_id, name, from),
            "batchNumber" | "batch_number" => put(&mut self.batch_number, name, from),
            "l2BatchNumber" | "l2_batch_number" => put(&mut self.l2_batch_number, name, from),
            "l1BatchNumber" | "l1_batch_number" => put(&mut self.l1_batch_number, name, from),
            "id" => put(&mut self.id, name, from),
            "l2MessageIndex" | "l2_message_index" => put(&mut self.l2_message_index, name, from),
            "index" => put(&mut self.index, name, from),
            "root" => put(&mut self.root, name, from),
            "proof" | "merkleProof" | "merkle_proof" => put(&mut self.proof, name, from),
            "target" => put(&mut self.target, name, from),
            "log" => put(&mut self.log, name, from),
            "message" => put(&mut self.message, name, from),
            "sender" => put(&mut self.sender, name, from),
            "l2Sender" | "l2_sender" => put(&mut self.l2_sender, name, from),
            "txNumberInBatch" | "tx_number_in_batch" => {
                put(&mut self.tx_number_in_batch, name, from)
            }
            "l2TxNumberInBatch" | "l2_tx_number_in_batch" => {
                put(&mut self.l2_tx_number_in_batch, name, from)
            }
            "l2TxNumberInBlock" | "l2_tx_number_in_block" => {
                put(&mut self.l2_tx_number_in_block, name, from)
            }
            "messageHash" | "message_hash" => put(&mut self.message_hash, name, from),
            "l1Timestamp" | "l1_timestamp" => put(&mut self.l1_timestamp, name, from),
            "leaf" => put(&mut self.leaf, name, from),
            "leafIndex" | "leaf_index" => put(&mut self.leaf_index, name, from),
            "value" => put(&mut self.value, name, from),
            "call" => put(&mut self.call, name, from),
            "data" => put(&mut self.data, name, from),
            "request" => {
                let value = from.next_value()?;
                self.request = Some(self.request.flatten().or(value));
                Ok(())
            }
            "error" => put(&mut self.error, name, from),
            "jsonrpc" => put(&mut self.jsonrpc, name, from),
            "result" => put(&mut self.result, name, from),
            _ => from.next_value::<IgnoredAny>().map(drop),
        }
    }
}

/// The message in the arguments of `proveL2MessageInclusionShared`.
#[derive(Default)]
struct MessageArgument {
    tx_number_in_batch: Member<u64>,
    sender: Member<Address>,
    data: Member<Vec<u8>>,
}

impl<'de> Object<'de> for MessageArgument {
    fn member<M: MapAccess<'de>>(&mut self, name: &str, from: &mut M) -> Result<(), M::Error> {
        match name {
            "txNumberInBatch" | "tx_number_in_batch" => {
                put(&mut self.tx_number_in_batch, name, from)
            }
            "sender" => put(&mut self.sender, name, from),
            "data" => put(&mut self.data, name, from),
            _ => from.next_value::<IgnoredAny>().map(drop),
        }
    }
}

/// The log in the arguments of `proveL2LogInclusionShared`.
#[derive(Default)]
struct LogArgument {
    l2_shard_id: Member<u64>,
    is_service: Member<bool>,
    tx_number_in_batch: Member<u64>,
    sender: Member<Address>,
    key: Member<Hash>,
    value: Member<Hash>,
}

impl<'de> Object<'de> for LogArgument {
    fn member<M: MapAccess<'de>>(&mut self, name: &str, from: &mut M) -> Result<(), M::Error> {
        match name {
            "l2ShardId" | "l2_shard_id" | "shardId" | "shard_id" => {
                put(&mut self.l2_shard_id, name, from)
            }
            "isService" | "is_service" => put(&mut self.is_service, name, from),
            "txNumberInBatch" | "tx_number_in_batch" | "txIndexInL1Batch" => {
                put(&mut self.tx_number_in_batch, name, from)
            }
            "sender" => put(&mut self.sender, name, from),
            "key" => put(&mut self.key, name, from),
            "value" => put(&mut self.value, name, from),
            _ => from.next_value::<IgnoredAny>().map(drop),
        }
    }
}

/// The target of a record.
#[derive(Default)]
struct Target {
    kind: Option<TargetKind>,
    sl_chain_id: Member<ChainId>,
    number: Member<u64>,
    root: Member<Hash>,
    timestamp: Member<Timestamp>,
}

impl<'de> Object<'de> for Target {
    fn member<M: MapAccess<'de>>(&mut self, name: &str, from: &mut M) -> Result<(), M::Error> {
        match name {
            "kind" => put(&mut self.kind, name, from),
            "slChainId" | "sl_chain_id" => put(&mut self.sl_chain_id, name, from),
            "number" => put(&mut self.number, name, from),
            "root" => put(&mut self.root, name, from),
            "timestamp" => put(&mut self.timestamp, name, from),
            _ => from.next_value::<IgnoredAny>().map(drop),
        }
    }
}

/// The numbers of which the contracts store more bits than are supported. The others have at most 64 bits there too.
const OF_256_BITS: &[&str] = &[
    "chainId",
    "batchNumber",
    "l2BatchNumber",
    "l1BatchNumber",
    "id",
    "l2MessageIndex",
    "index",
    "l1Timestamp",
    "target.slChainId",
    "target.number",
    "target.timestamp",
];

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
            "target" => self.target.0.is_some(),
            "log" => self.log.0.is_some(),
            "message" => self.message.0.is_some(),
            "sender" => self.senders().iter().any(|(_, member)| member.is_present()),
            "txNumberInBatch" => self.tx_numbers().iter().any(|(_, member)| member.is_present()),
            "messageHash" => self.message_hash.is_present(),
            "l1Timestamp" => self.l1_timestamp.is_present(),
            "call" => self.call.is_some(),
            "data" => self.data.is_some(),
            "request" => self.request.flatten().is_some(),
            "error" => self.error.0.is_some(),
            "result" => self.result.0.is_some(),
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

    /// Whether this is the answer of a node, which may lack the version of the protocol.
    pub(super) fn is_answer(&self) -> bool {
        let is_bare = || self.result.0.is_some() && self.first_of(&TELLING).is_none();
        self.jsonrpc.is_some() || is_bare()
    }

    /// Whether the record is of a leaf of a batch root: it names one, and nothing of a log.
    pub(super) fn is_of_leaf(&self) -> bool {
        let of_log = ["log", "message", "sender", "txNumberInBatch", "messageHash"];
        self.leaf.0.is_some()
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
    pub(super) fn fields(self, words: Option<Vec<Hash>>) -> Result<Fields, RecordError> {
        let argument = match self.message.0 {
            Some(text) if text.get().starts_with('{') => read(text.get().as_bytes())?,
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
        let (mut lack, timestamp) = (None, one_of(&[("l1Timestamp", &self.l1_timestamp)]));
        Ok(Fields {
            chain: noting(one_of(&[("chainId", &self.chain_id)]), None, &mut lack)?,
            batch: noting(one_of(&self.batches()), None, &mut lack)?,
            id: noting(self.leaf_index(), None, &mut lack)?,
            root: one_of(&[("root", &self.root)])?,
            words,
            log: self.log.0.map(|text| log(text.get())).transpose()?,
            message: needed("message", &argument.data)?.cloned(),
            target: self.target(&mut lack)?,
            log_fields,
            l1_timestamp: noting(timestamp, None, &mut lack)?,
            lack,
        })
    }

    /// The target. If one of its numbers is too large, which is noted, the largest one stands for it.
    pub(super) fn target(
        &self,
        lack: &mut Option<RecordError>,
    ) -> Result<Option<TargetRecord>, RecordError> {
        let Some(text) = self.target.0 else { return Ok(None) };
        let target: Target = read(text.get().as_bytes())?;
        let missing = |field| RecordError::NoTarget { field };
        let sl_chain_id = one_of(&[("target.slChainId", &target.sl_chain_id)]);
        let number = one_of(&[("target.number", &target.number)]);
        let timestamp = one_of(&[("target.timestamp", &target.timestamp)]);
        Ok(Some(TargetRecord {
            kind: target.kind.ok_or_else(|| missing("kind"))?,
            sl_chain_id: noting(sl_chain_id, Some(ChainId(u64::MAX)), lack)?,
            number: noting(number, Some(u64::MAX), lack)?,
            root: one_of(&[("target.root", &target.root)])?.ok_or_else(|| missing("root"))?,
            timestamp: noting(timestamp, Some(Timestamp(u64::MAX)), lack)?,
        }))
    }
}

fn log(text: &str) -> Result<L2ToL1Log, RecordError> {
    if !text.starts_with('{') {
        return Ok(serde_json::from_str(text)?);
    }
    let log: LogArgument = read(text.as_bytes())?;
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

/// A number, or `instead` if it is too large. That is noted: a record that contradicts itself is refused, whatever it lacks.
fn noting<T>(
    read: Result<Option<T>, RecordError>,
    instead: Option<T>,
    lack: &mut Option<RecordError>,
) -> Result<Option<T>, RecordError> {
    match read {
        Err(error @ RecordError::TooLarge { .. }) => {
            lack.get_or_insert(error);
            Ok(instead)
        }
        read => read,
    }
}

fn needed<'m, T>(field: &'static str, member: &'m Member<T>) -> Result<Option<&'m T>, RecordError> {
    member.needed().map_err(|error| match error.is_too_large() && OF_256_BITS.contains(&field) {
        true => RecordError::TooLarge { field, error },
        false => RecordError::Field { field, error },
    })
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
