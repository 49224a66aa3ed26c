use serde::Deserialize;
use serde_json::value::RawValue;

#[cfg(feature = "calldata")]
use super::calldata::from_calldata;
use super::{
    Defaults, Fields, Item, RecordError,
    incoming::{Incoming, TELLING},
    kind::bare_calldata,
    object,
};
use crate::proof::LeafRecord;

/// The number of characters of a node's error that are quoted.
const QUOTED: usize = 400;

/// Parses one record: a JSON object under any of the names in use, or calldata alone. Every field of a proof record is judged or refused, except `to` (the contract that a
/// call is for), `txHash` and `checkedBy`, which a proof cannot confirm. Other fields are ignored.
///
/// # Errors
/// [`RecordError`] if the text is not a record, lacks a field that `defaults` does not have either, or has
/// fields that cannot be judged together.
pub fn parse(text: &[u8], defaults: &Defaults) -> Result<Item, RecordError> {
    match read(text, defaults)? {
        Read::Proof(fields) => fields.complete(defaults),
        Read::Leaf(record) => Ok(Item::Leaf(record)),
        Read::Failure => Ok(Item::Failure),
    }
}

/// As [`Item`], before the missing fields of a proof are filled in.
pub(crate) enum Read {
    Proof(Box<Fields>),
    Leaf(Box<LeafRecord>),
    Failure,
}

/// Reads one record. What it lacks is judged later.
///
/// # Errors
/// As [`parse`], but for fields of a proof that are missing or contradict each other.
pub(crate) fn read(text: &[u8], defaults: &Defaults) -> Result<Read, RecordError> {
    if let Some(data) = bare_calldata(text) {
        return of_calldata(data, Incoming::default(), defaults);
    }
    let mut record = record(text)?;
    if record.is_answer() {
        record.only("jsonrpc", &TELLING)?;
        record.only("jsonrpc", &["request"])?;
        let answer = match (record.result.0, record.error.0) {
            (Some(answer), None) => answer,
            (None, None) => return Err(RecordError::Null),
            (None, Some(error)) => return Err(RecordError::Node(words_of(error))),
            (Some(_), Some(_)) => {
                return Err(RecordError::Both { one: "result", other: "error" });
            }
        };
        record = self::record(answer.get().as_bytes())?;
    }
    if let Some(proof) = record.first_of(&["proof", "data"]) {
        record.only(proof, &["request", "error", "result"])?;
    } else if record.request.is_some() && record.error.0.is_some() {
        record.only("request", &["root", "log", "message", "target", "call", "result"])?;
        return Ok(Read::Failure);
    }
    if let Some(words) = record.proof.take() {
        record.only("proof", &["data", "call"])?;
        return Ok(match record.is_of_leaf() && defaults.log.is_none() {
            true => Read::Leaf(Box::new(record.leaf(words, defaults)?)),
            false => Read::Proof(Box::new(record.fields(Some(words))?)),
        });
    }
    match record.data.take() {
        None => Ok(Read::Proof(Box::new(record.fields(None)?))),
        Some(data) => of_calldata(&data, record, defaults),
    }
}

/// Reads an object, or the only one in a list.
fn record(text: &[u8]) -> Result<Incoming<'_>, RecordError> {
    match text.trim_ascii() {
        b"null" => Err(RecordError::Null),
        list @ [b'[', ..] => {
            let list: Vec<&RawValue> = serde_json::from_slice(list)?;
            match &list[..] {
                [one] if one.get() != "null" => Ok(object::read(one.get().as_bytes())?),
                _ => Err(RecordError::List(list.len())),
            }
        }
        text => Ok(object::read(text)?),
    }
}

#[cfg(feature = "calldata")]
fn of_calldata(data: &str, record: Incoming<'_>, defaults: &Defaults) -> Result<Read, RecordError> {
    let fields = from_calldata(data, record.call, record.fields(None)?, defaults)?;
    Ok(Read::Proof(Box::new(fields)))
}

#[cfg(not(feature = "calldata"))]
fn of_calldata(_: &str, _: Incoming<'_>, _: &Defaults) -> Result<Read, RecordError> {
    Err(RecordError::CalldataUnsupported)
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
    use crate::{
        message::L2ToL1Log,
        primitives::{BatchNumber, ChainId, Hash},
    };

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
        assert!(error.is_lack());
        let other = Defaults { batch: Some(BatchNumber(6)), ..all };
        let error = parse(bare.as_bytes(), &other).unwrap_err();
        assert!(matches!(error, RecordError::Contradiction { field: "batchNumber", .. }));
        assert!(!error.is_lack());
        assert!(matches!(parse(b"{\"request\":{},\"error\":{}}", &all), Ok(Item::Failure)));
        // Miri takes a thousand times longer for each byte.
        let depth = if cfg!(miri) { 200 } else { 100_000 };
        let deep = "{\"jsonrpc\":\"2.0\",\"result\":".repeat(depth);
        assert!(parse(deep.as_bytes(), &all).is_err());
        for damaged in ["", "[]", "{\"id\":", "{\"proof\":[\"0x00\"]}", "{\"chainId\":-5}"] {
            assert!(parse(damaged.as_bytes(), &all).is_err(), "{damaged}");
        }
    }

    /// Answers of nodes that lack the version of the protocol, and answers that are lists, as slproof itself gives them.
    #[test]
    fn an_answer_may_be_a_list_of_one() {
        let hash = Hash::ZERO;
        let record = format!(
            "{{\"chainId\":1,\"batchNumber\":5,\"id\":0,\"root\":\"{hash}\",\"proof\":[\"{hash}\"],\"log\":\"0x{}\"}}",
            "01".repeat(88)
        );
        let parsed = |text: &str| parse(text.as_bytes(), &Defaults::default());
        for text in [
            format!("{{\"id\":1,\"result\":{record}}}"),
            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{record}]}}"),
            format!("[{record}]"),
        ] {
            assert!(matches!(parsed(&text), Ok(Item::Proof(..))), "{text}");
        }
        for (text, code) in [
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}".to_owned(), "proof-missing"),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}".into(), "proof-missing"),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[null]}".into(), "proof-missing"),
            ("{\"id\":1,\"error\":{\"code\":1}}".into(), "proof-missing"),
            (format!("[{record},{record}]"), "proof-missing"),
            ("{}".into(), "proof-missing"),
            ("null".into(), "node-null"),
        ] {
            let error = parsed(&text).unwrap_err();
            assert!(error.is_lack() && error.code() == code, "{text}: {error}");
        }
        for text in ["[[]]", "[1]", "{\"result\":{\"proof\":1}}", "{\"target\":[\"block\",1]}"] {
            assert!(!parsed(text).unwrap_err().is_lack(), "{text}");
        }
    }

    /// As programs write objects that have a member for each column of a table.
    #[test]
    fn a_member_that_is_null_is_absent() {
        let hash = Hash::ZERO;
        let record = format!(
            "{{\"chainId\":1,\"batchNumber\":5,\"id\":0,\"root\":\"{hash}\",\"proof\":[\"{hash}\"],\"log\":\"0x{}\"}}",
            "01".repeat(88)
        );
        let parsed = |text: &str| parse(text.as_bytes(), &Defaults::default());
        for name in [
            "request",
            "error",
            "result",
            "jsonrpc",
            "call",
            "data",
            "to",
            "target",
            "message",
            "sender",
            "txNumberInBatch",
            "messageHash",
            "txHash",
            "l1Timestamp",
            "leaf",
            "leafIndex",
            "value",
            "index",
            "l2BatchNumber",
            "l2MessageIndex",
            "merkleProof",
            "checkedBy",
        ] {
            let null = format!("{{\"{name}\":null,");
            let text = record.replacen('{', &null, 1);
            assert!(matches!(parsed(&text), Ok(Item::Proof(..))), "{text}");
        }
        // A request may be null, and then fails.
        let failed = "{\"request\":null,\"error\":{\"code\":\"malformed-request\"}}";
        assert!(matches!(parsed(failed), Ok(Item::Failure)));
        let given = record.replacen('{', "{\"request\":1,\"request\":null,", 1);
        assert!(matches!(parsed(&given), Err(RecordError::Both { other: "request", .. })));
    }

    #[test]
    fn no_field_of_a_proof_stands_beside_an_answer() {
        let hash = Hash::ZERO;
        for field in TELLING.into_iter().chain(["request"]) {
            // The type of a field is judged before its place.
            let value = match field {
                "chainId" | "batchNumber" | "txNumberInBatch" | "l1Timestamp" => "1".to_owned(),
                "proof" => "[]".into(),
                "target" => format!("{{\"kind\":\"block\",\"root\":\"{hash}\"}}"),
                "data" => "\"0x\"".into(),
                "sender" => format!("\"0x{}\"", "11".repeat(20)),
                "call" => "\"proveL2LogInclusionShared\"".into(),
                _ => format!("\"{hash}\""),
            };
            let text = format!("{{\"jsonrpc\":\"2.0\",\"result\":null,\"{field}\":{value}}}");
            let error = parse(text.as_bytes(), &Defaults::default()).unwrap_err();
            let found =
                matches!(error, RecordError::Both { one: "jsonrpc", other } if other == field);
            assert!(found, "{field}: {error}");
        }
    }
}
