//! Records of proofs as they come in: what `prove` wrote, calldata, or bare answers of a node.

use std::{
    fmt::Display,
    io::{self, Read},
};

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;
use thiserror::Error;

use super::{
    calldata::{self, Call, CalldataError, Decoded, Subject},
    json_array::Elements,
    record::{ProofRecord, TargetRecord},
};
use crate::{
    files::{Input, InputError, Line, Lines},
    keccak::keccak256,
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId, Hash, hex},
};

/// The longest record: a message of some thirty mebibytes, far more than a chain takes.
const LONGEST_RECORD: usize = 64 << 20;

/// What a bare answer of a node leaves out. A record that says something else is refused: whoever gives
/// these means them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// The chain.
    pub chain: Option<ChainId>,
    /// The batch, which older nodes leave out.
    pub batch: Option<BatchNumber>,
    /// The log.
    pub log: Option<L2ToL1Log>,
}

impl Defaults {
    /// Whether a record with everything in it says what was given.
    ///
    /// # Errors
    /// [`RecordError::Contradiction`] when it says something else.
    pub fn agree(&self, record: &ProofRecord, log: &L2ToL1Log) -> Result<(), RecordError> {
        agreed("chainId", Some(record.chain_id), self.chain)?;
        agreed("batchNumber", Some(record.batch_number), self.batch)?;
        agreed("log", Some(*log), self.log)?;
        Ok(())
    }
}

/// Why a text is no record of a proof.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It is not JSON, or a field is of the wrong type.
    #[error("not a proof record: {0}")]
    Json(#[from] serde_json::Error),
    /// A field is missing that nodes leave out, and it was not given either.
    #[error("the record has no {field}, and none was given")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is missing that nothing else gives.
    #[error("the record has no {field}; give a record of slproof or a node's whole answer")]
    NotWhole {
        /// The field.
        field: &'static str,
    },
    /// The record contradicts what was given.
    #[error("the record's {field} is {got}, not {expected} as given")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// What was given.
        expected: String,
        /// What the record says.
        got: String,
    },
    /// The message is not hexadecimal.
    #[error("the record's message is damaged: {0}")]
    Message(#[from] hex::HexError),
    /// The calldata give no proof.
    #[error(transparent)]
    Calldata(#[from] CalldataError),
    /// A row of a Parquet file lacks a value.
    #[error("the row has no {column}")]
    Empty {
        /// The column.
        column: &'static str,
    },
    /// A value of a Parquet file has another length than all such values.
    #[error("the row's {column} has {got} bytes, not {expected}")]
    Length {
        /// The column.
        column: &'static str,
        /// The length that was expected, in bytes.
        expected: usize,
        /// The length that was found.
        got: usize,
    },
    /// A kind of root that is not known.
    #[error("the row's target_kind is not block, sl-batch or batch-root")]
    TargetKind,
    /// Two fields of which one would not be looked at.
    #[error("the record has {one:?} and {other:?}, of which only one can be judged; leave one out")]
    Both {
        /// The one field.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The id is no leaf index.
    #[error("the record's id is no whole number of at most 64 bits")]
    Id,
    /// The node had no proof.
    #[error("the node answered null: it had no proof")]
    Null,
}

/// One record of an input.
#[derive(Debug)]
pub enum Item {
    /// A proof and the log that it is for.
    Proof(Box<ProofRecord>, L2ToL1Log),
    /// A request that `prove` could not fulfil; nothing to verify.
    Failure,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming<'a> {
    chain_id: Option<ChainId>,
    batch_number: Option<BatchNumber>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    root: Option<Hash>,
    proof: Option<Vec<Hash>>,
    target: Option<TargetRecord>,
    log: Option<L2ToL1Log>,
    message: Option<String>,
    call: Option<Call>,
    data: Option<String>,
    /// Whether it is there; a request may be anything, also null.
    #[serde(default, deserialize_with = "present")]
    request: bool,
    error: Option<IgnoredAny>,
    jsonrpc: Option<IgnoredAny>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(field: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(field).map(|_| true)
}

impl Incoming<'_> {
    /// The first of these fields that is there.
    fn first_of(&self, fields: &[&'static str]) -> Option<&'static str> {
        let is_there = |field: &str| match field {
            "chainId" => self.chain_id.is_some(),
            "batchNumber" => self.batch_number.is_some(),
            "root" => self.root.is_some(),
            "proof" => self.proof.is_some(),
            "target" => self.target.is_some(),
            "log" => self.log.is_some(),
            "message" => self.message.is_some(),
            "call" => self.call.is_some(),
            "data" => self.data.is_some(),
            "request" => self.request,
            "error" => self.error.is_some(),
            "result" => self.result.is_some(),
            _ => false,
        };
        fields.iter().copied().find(|field| is_there(field))
    }

    /// Refuses the record if it has one of these fields beside `one`.
    fn only(&self, one: &'static str, others: &[&'static str]) -> Result<(), RecordError> {
        match self.first_of(others) {
            Some(other) => Err(RecordError::Both { one, other }),
            None => Ok(()),
        }
    }

    fn id(&self) -> Result<Option<u64>, RecordError> {
        let number = |id: &RawValue| serde_json::from_str(id.get()).map_err(|_| RecordError::Id);
        self.id.map(number).transpose()
    }
}

/// The fields that a node's answer, in its envelope, has inside.
const ANSWERED: [&str; 11] = [
    "chainId",
    "batchNumber",
    "root",
    "proof",
    "target",
    "log",
    "message",
    "call",
    "data",
    "request",
    "error",
];

/// Parses one record. Every field that is listed above is judged or refused, except `to`: which contract
/// a call is for is nothing that a proof could tell. Other fields are passed over.
///
/// # Errors
/// [`RecordError`] when it is none, lacks what `defaults` do not give, or says more than can be judged.
pub fn parse(text: &[u8], defaults: &Defaults) -> Result<Item, RecordError> {
    let mut record: Incoming<'_> = serde_json::from_slice(text)?;
    if record.jsonrpc.is_some() {
        let answer = record.result.ok_or(RecordError::Null)?;
        record.only("result", &ANSWERED)?;
        record = serde_json::from_str(answer.get())?;
    }
    if let Some(proof) = record.first_of(&["proof", "data"]) {
        record.only(proof, &["request", "error", "result"])?;
    } else if record.request && record.error.is_some() {
        record.only("request", &["root", "log", "message", "target", "call", "result"])?;
        return Ok(Item::Failure);
    }
    if record.proof.is_some() {
        record.only("proof", &["data", "call"])?;
    } else if let Some(data) = &record.data {
        let decoded = calldata::decode(data, record.call)?;
        return of_calldata(decoded, &record, defaults);
    }
    let not_whole = |field| RecordError::NotWhole { field };
    let id = record.id()?.ok_or(not_whole("id"))?;
    let words = record.proof.ok_or(not_whole("proof"))?;
    let log = agreed("log", record.log, defaults.log)?;
    let proof = ProofRecord {
        chain_id: agreed("chainId", record.chain_id, defaults.chain)?,
        batch_number: agreed("batchNumber", record.batch_number, defaults.batch)?,
        id,
        root: record.root.ok_or(not_whole("root"))?,
        proof: words,
        target: record.target,
        log: Some(log),
        message: record.message.map(|message| hex::bytes(&message)).transpose()?,
    };
    Ok(Item::Proof(Box::new(proof), log))
}

/// What calldata say and what stands beside them, which have to agree.
fn of_calldata(
    decoded: Decoded,
    record: &Incoming<'_>,
    defaults: &Defaults,
) -> Result<Item, RecordError> {
    let Decoded { chain, batch, id, subject, words } = decoded;
    same("chainId", &chain, record.chain_id.as_ref())?;
    same("batchNumber", &batch, record.batch_number.as_ref())?;
    same("id", &id, record.id()?.as_ref())?;
    let log = subject.log(record.log.or(defaults.log))?;
    let log = log.ok_or(RecordError::Missing { field: "log" })?;
    same("log", &log, record.log.as_ref())?;
    let said = record.message.as_deref().map(hex::bytes).transpose()?;
    let message = match subject {
        Subject::Message(_, message) => {
            let said = said.map(|said| keccak256(&said));
            same("hash of the message", &keccak256(&message), said.as_ref())?;
            Some(message)
        }
        // It has to be that of the log then.
        Subject::Log(_) | Subject::Leaf(_) => said,
    };
    let root = record.root.ok_or(RecordError::NotWhole { field: "root" })?;
    let proof = ProofRecord {
        chain_id: agreed("chainId", Some(chain), defaults.chain)?,
        batch_number: agreed("batchNumber", Some(batch), defaults.batch)?,
        id,
        root,
        proof: words,
        target: record.target,
        log: Some(agreed("log", Some(log), defaults.log)?),
        message,
    };
    Ok(Item::Proof(Box::new(proof), log))
}

fn same<T: PartialEq + Display>(
    field: &'static str,
    got: &T,
    said: Option<&T>,
) -> Result<(), CalldataError> {
    match said.filter(|said| *said != got) {
        None => Ok(()),
        Some(said) => {
            let (got, said) = (got.to_string(), said.to_string());
            Err(CalldataError::Contradiction { field, got, said })
        }
    }
}

/// The value of a field: the record's, or the one that was given for records without. Both have to be
/// the same.
fn agreed<T: PartialEq + Display>(
    field: &'static str,
    record: Option<T>,
    given: Option<T>,
) -> Result<T, RecordError> {
    match (record, given) {
        (Some(got), Some(expected)) if got != expected => Err(RecordError::Contradiction {
            field,
            expected: expected.to_string(),
            got: got.to_string(),
        }),
        (record, given) => record.or(given).ok_or(RecordError::Missing { field }),
    }
}

/// The texts of the records of an input, with their lines: one record a line, or one JSON document,
/// which is a record or an array of them.
pub struct Records {
    name: String,
    source: Source,
}

enum Source {
    Lines(Lines<Input>),
    Array(Elements<Input>),
    Document(Option<Vec<u8>>),
}

impl Records {
    /// Opens an input. One whose first line is not a record of its own is read as one document.
    ///
    /// # Errors
    /// [`InputError`] when it cannot be read, or is one record that is too long.
    pub fn open(mut input: Input) -> Result<Self, InputError> {
        let name = input.name().to_owned();
        let head = input.head().trim_ascii_start();
        let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_line =
            || serde_json::from_slice::<IgnoredAny>(first).is_ok() || first.len() == head.len();
        let source = match head.first() {
            Some(b'[') => Source::Array(Elements::new(input, LONGEST_RECORD)),
            Some(b'{') if !is_line() => {
                let mut text = Vec::new();
                let read_error = |source| InputError::Read { name: name.clone(), source };
                let most = LONGEST_RECORD as u64 + 1;
                input.by_ref().take(most).read_to_end(&mut text).map_err(read_error)?;
                if text.len() > LONGEST_RECORD {
                    return Err(read_error(too_long("the JSON document")));
                }
                Source::Document(Some(text))
            }
            _ => Source::Lines(Lines::new(input, LONGEST_RECORD)),
        };
        Ok(Self { name, source })
    }

    /// What to call the input in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Iterator for Records {
    type Item = Result<(u64, Vec<u8>), InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match &mut self.source {
            Source::Document(text) => Ok(text.take().map(|text| (1, text))),
            Source::Array(elements) => elements.next_element(),
            Source::Lines(lines) => match lines.next_line() {
                Ok(Some(Line { number, is_too_long: true, .. })) => {
                    Err(too_long(&format!("line {number}")))
                }
                Ok(line) => Ok(line.map(|line| (line.number, line.text.to_vec()))),
                Err(error) => Err(error),
            },
        };
        let read_error = |source| InputError::Read { name: self.name.clone(), source };
        record.map_err(read_error).transpose()
    }
}

fn too_long(what: &str) -> io::Error {
    let text = format!("{what} is longer than {LONGEST_RECORD} bytes; no record is");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn texts(input: &str) -> Vec<(u64, String)> {
        let input = Input::from_reader("test", Cursor::new(input.to_owned())).unwrap();
        let records = Records::open(input).unwrap();
        records
            .map(|r| r.map(|(n, t)| (n, String::from_utf8(t).unwrap().trim().to_owned())).unwrap())
            .collect()
    }

    #[test]
    fn lines_arrays_and_documents_are_told_apart() {
        let expect = |items: &[(u64, &str)]| -> Vec<(u64, String)> {
            items.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
        };
        assert_eq!(
            texts("{\"a\":1}\n\n{\"b\":2}\n"),
            expect(&[(1, "{\"a\":1}"), (3, "{\"b\":2}")])
        );
        assert_eq!(texts("[{\"a\":1},\n{\"b\":2}]"), expect(&[(1, "{\"a\":1}"), (2, "{\"b\":2}")]));
        assert_eq!(texts("{\n\"a\":1\n}"), expect(&[(1, "{\n\"a\":1\n}")]));
        assert_eq!(texts("garbage\n{}"), expect(&[(1, "garbage"), (2, "{}")]));
    }

    #[test]
    fn what_a_node_leaves_out_is_asked_for() {
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
