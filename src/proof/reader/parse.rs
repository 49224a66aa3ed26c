use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

#[cfg(feature = "calldata")]
use super::calldata::from_calldata;
use super::{Defaults, Fields, Item, LogFields, RecordError};
#[cfg(feature = "calldata")]
use crate::proof::calldata::Call;
use crate::{
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash, Number, hex},
    proof::TargetRecord,
};

/// The number of characters of a node's error that are quoted.
const QUOTED: usize = 400;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming<'a> {
    chain_id: Option<ChainId>,
    batch_number: Option<BatchNumber>,
    #[serde(default, deserialize_with = "Number::read_option")]
    id: Option<u64>,
    root: Option<Hash>,
    proof: Option<Vec<Hash>>,
    target: Option<TargetRecord>,
    log: Option<L2ToL1Log>,
    message: Option<String>,
    sender: Option<Address>,
    #[serde(default, deserialize_with = "Number::read_option")]
    tx_number_in_batch: Option<u64>,
    message_hash: Option<Hash>,
    #[cfg(feature = "calldata")]
    call: Option<Call>,
    #[cfg(not(feature = "calldata"))]
    call: Option<IgnoredAny>,
    data: Option<String>,
    /// Whether the field is present. A request may have any value, also null.
    #[serde(default, deserialize_with = "present")]
    request: bool,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    jsonrpc: Option<IgnoredAny>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(field: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(field).map(|_| true)
}

/// The fields that say something about a proof, or replace one.
const TELLING: [&str; 12] = [
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
    "call",
    "data",
];

impl Incoming<'_> {
    /// The first of these fields that is present.
    fn first_of(&self, fields: &[&'static str]) -> Option<&'static str> {
        let is_there = |field: &str| match field {
            "chainId" => self.chain_id.is_some(),
            "batchNumber" => self.batch_number.is_some(),
            "root" => self.root.is_some(),
            "proof" => self.proof.is_some(),
            "target" => self.target.is_some(),
            "log" => self.log.is_some(),
            "message" => self.message.is_some(),
            "sender" => self.sender.is_some(),
            "txNumberInBatch" => self.tx_number_in_batch.is_some(),
            "messageHash" => self.message_hash.is_some(),
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
    fn only(&self, one: &'static str, others: &[&'static str]) -> Result<(), RecordError> {
        match self.first_of(others) {
            Some(other) => Err(RecordError::Both { one, other }),
            None => Ok(()),
        }
    }

    fn fields(self, words: Vec<Hash>) -> Result<Fields, RecordError> {
        let (sender, tx_number) = (self.sender, self.tx_number_in_batch);
        Ok(Fields {
            chain: self.chain_id,
            batch: self.batch_number,
            id: self.id,
            root: self.root,
            words,
            target: self.target,
            log: self.log,
            message: self.message.map(|message| hex::bytes(&message)).transpose()?,
            log_fields: LogFields { sender, tx_number, message_hash: self.message_hash },
        })
    }
}

/// Parses one record. Every field of a proof record is judged or refused, except `to` (the contract that a
/// call is for), `txHash` and `checkedBy`, which a proof cannot confirm. Other fields are ignored.
///
/// # Errors
/// [`RecordError`] if the text is not a record, lacks a field that `defaults` does not have either, or has
/// fields that cannot be judged together.
pub fn parse(text: &[u8], defaults: &Defaults) -> Result<Item, RecordError> {
    let record: Option<Incoming<'_>> = serde_json::from_slice(text)?;
    let mut record = record.ok_or(RecordError::Null)?;
    if record.jsonrpc.is_some() {
        record.only("jsonrpc", &TELLING)?;
        record.only("jsonrpc", &["request"])?;
        let answer = match (record.result, record.error) {
            (Some(answer), None) => answer,
            (None, None) => return Err(RecordError::Null),
            (None, Some(error)) => return Err(RecordError::Node(words_of(error))),
            (Some(_), Some(_)) => {
                return Err(RecordError::Both { one: "result", other: "error" });
            }
        };
        record = serde_json::from_str(answer.get())?;
    }
    if let Some(proof) = record.first_of(&["proof", "data"]) {
        record.only(proof, &["request", "error", "result"])?;
    } else if record.request && record.error.is_some() {
        record.only("request", &["root", "log", "message", "target", "call", "result"])?;
        return Ok(Item::Failure);
    }
    if let Some(words) = record.proof.take() {
        record.only("proof", &["data", "call"])?;
        return record.fields(words)?.complete(defaults);
    }
    match record.data.take() {
        None => Err(RecordError::NoProof),
        #[cfg(feature = "calldata")]
        Some(data) => from_calldata(&data, record.call, record.fields(Vec::new())?, defaults),
        #[cfg(not(feature = "calldata"))]
        Some(_) => Err(RecordError::CalldataUnsupported),
    }
}

/// The text of a node's error: its message and code, or the whole error if it has none.
fn words_of(error: &RawValue) -> String {
    #[derive(Deserialize)]
    struct NodeError {
        code: i64,
        message: String,
    }

    match serde_json::from_str(error.get()) {
        Ok(NodeError { code, message }) => {
            let message: String = message.chars().take(QUOTED).collect();
            format!("{message:?}, code {code}")
        }
        Err(_) => error.get().chars().take(QUOTED).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_a_node_leaves_out_are_named() {
        let hash = Hash::ZERO;
        let bare =
            format!("{{\"proof\":[\"{hash}\"],\"id\":0,\"root\":\"{hash}\",\"batchNumber\":5}}");
        let log = Some(L2ToL1Log::new([1; 88]));
        let chain = Some(ChainId(324));
        let all = Defaults { chain, batch: None, log };
        assert!(matches!(parse(bare.as_bytes(), &all), Ok(Item::Proof(..))));
        let enveloped = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{bare}}}");
        assert!(matches!(parse(enveloped.as_bytes(), &all), Ok(Item::Proof(..))));
        let null = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}";
        assert!(matches!(parse(null, &all), Err(RecordError::Null)));
        let without_log = Defaults { chain, ..Defaults::default() };
        let error = parse(bare.as_bytes(), &without_log).unwrap_err();
        assert!(matches!(error, RecordError::Missing { field: "log" }), "{error}");
        let other = Defaults { batch: Some(BatchNumber(6)), ..all };
        let error = parse(bare.as_bytes(), &other).unwrap_err();
        assert!(matches!(error, RecordError::Contradiction { field: "batchNumber", .. }));
        assert!(matches!(parse(b"{\"request\":{},\"error\":{}}", &all), Ok(Item::Failure)));
        let deep = "{\"jsonrpc\":\"2.0\",\"result\":".repeat(100_000);
        assert!(parse(deep.as_bytes(), &all).is_err());
        for damaged in ["", "[]", "{\"id\":", "{\"proof\":[\"0x00\"]}", "{\"chainId\":-5}"] {
            assert!(parse(damaged.as_bytes(), &all).is_err(), "{damaged}");
        }
    }
}
