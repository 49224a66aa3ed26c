//! Requests, and the lines that hold them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    message::BatchView,
    primitives::{BatchNumber, ChainId, Hash, Number},
    proof::{FailureCode, Target, TargetParseError},
};

/// A request: the logs to prove.
///
/// ```
/// use slproof::{Request, primitives::{BatchNumber, ChainId}};
///
/// let request: Request = serde_json::from_str(r#"{"chainId":324,"batchNumber":501234}"#)?;
/// assert_eq!(
///     request,
///     Request::Batch { chain_id: ChainId(324), batch_number: BatchNumber(501_234) }
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged)]
pub enum Request {
    /// One log of a batch.
    #[serde(rename_all = "camelCase")]
    Log {
        /// The chain.
        chain_id: ChainId,
        /// The batch.
        batch_number: BatchNumber,
        /// The log's leaf index in the batch.
        id: u64,
    },
    /// All logs of a batch.
    #[serde(rename_all = "camelCase")]
    Batch {
        /// The chain.
        chain_id: ChainId,
        /// The batch.
        batch_number: BatchNumber,
    },
    /// Every message with a hash.
    Message {
        /// The hash that `sendToL1` returned.
        message: Hash,
    },
    /// Logs of a transaction.
    #[serde(rename_all = "camelCase")]
    Transaction {
        /// The transaction's hash.
        tx_hash: Hash,
        /// The log's index among those of the transaction, from 0 in the order of the batch. `None` selects
        /// all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<u64>,
    },
}

impl Request {
    /// The request for one log of a batch.
    #[must_use]
    pub fn log(logs: &BatchView<'_>, id: u64) -> Self {
        Self::Log { chain_id: logs.chain(), batch_number: logs.batch(), id }
    }

    /// The request for all logs of a batch.
    #[must_use]
    pub fn batch(logs: &BatchView<'_>) -> Self {
        Self::Batch { chain_id: logs.chain(), batch_number: logs.batch() }
    }
}

/// A line of a request file: a request, and optionally the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The request.
    pub request: Request,
    /// The root to prove against. `None` means the target of the whole job.
    pub target: Option<Target>,
}

/// Why a line is not a valid request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is not JSON, or a field is unknown or of the wrong type.
    #[error("not a request: {0}")]
    Json(#[from] serde_json::Error),
    /// The fields select no logs, or contradict each other.
    #[error(
        "a request has chainId and batchNumber (and id for one log of the batch), or message, or txHash \
         (and log for one log of the transaction); this one has {0}"
    )]
    Fields(String),
    /// It is a list.
    #[error("not a request: a request is an object, and this is a list")]
    List,
    /// The target is invalid.
    #[error(transparent)]
    Target(#[from] TargetParseError),
}

impl RequestError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Json(_) | Self::List | Self::Fields(_) => FailureCode::MalformedRequest,
            Self::Target(error) => error.code(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Incoming<'a> {
    #[serde(alias = "chain_id")]
    chain_id: Option<ChainId>,
    #[serde(alias = "batch_number")]
    batch_number: Option<BatchNumber>,
    #[serde(default, deserialize_with = "Number::read_option")]
    id: Option<u64>,
    message: Option<Hash>,
    #[serde(alias = "tx_hash", alias = "transactionHash", alias = "transaction_hash")]
    tx_hash: Option<Hash>,
    #[serde(default, deserialize_with = "Number::read_option")]
    log: Option<u64>,
    #[serde(borrow)]
    target: Option<Cow<'a, str>>,
}

impl RequestLine {
    /// Parses a line. Unknown fields are refused; otherwise a misspelt field would be ignored silently.
    ///
    /// ```
    /// use slproof::{FailureCode, Target, proof::RequestLine};
    ///
    /// let line = RequestLine::parse(br#"{"chainId":324,"batchNumber":7,"id":0,"target":"first"}"#)?;
    /// assert_eq!(line.target, Some(Target::First));
    ///
    /// let misspelt = RequestLine::parse(br#"{"chainId":324,"batchNumber":7,"index":0}"#);
    /// assert_eq!(misspelt.unwrap_err().code(), FailureCode::MalformedRequest);
    /// # Ok::<(), slproof::proof::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] if the line is not a valid request.
    pub fn parse(line: &[u8]) -> Result<Self, RequestError> {
        // A derived reader takes a list for the members in their order.
        if line.trim_ascii_start().first() == Some(&b'[') {
            return Err(RequestError::List);
        }
        let fields: Incoming<'_> = serde_json::from_slice(line)?;
        let Incoming { chain_id, batch_number, id, message, tx_hash, log, .. } = fields;
        let request = match (chain_id, batch_number, id, message, tx_hash, log) {
            (Some(chain_id), Some(batch_number), Some(id), None, None, None) => {
                Request::Log { chain_id, batch_number, id }
            }
            (Some(chain_id), Some(batch_number), None, None, None, None) => {
                Request::Batch { chain_id, batch_number }
            }
            (None, None, None, Some(message), None, None) => Request::Message { message },
            (None, None, None, None, Some(tx_hash), log) => Request::Transaction { tx_hash, log },
            _ => return Err(RequestError::Fields(fields.names())),
        };
        let target = fields.target.map(|target| target.parse()).transpose()?;
        Ok(Self { request, target })
    }
}

impl Incoming<'_> {
    fn names(&self) -> String {
        let names: Vec<&str> = [
            (self.chain_id.is_some(), "chainId"),
            (self.batch_number.is_some(), "batchNumber"),
            (self.id.is_some(), "id"),
            (self.message.is_some(), "message"),
            (self.tx_hash.is_some(), "txHash"),
            (self.log.is_some(), "log"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
        .collect();
        if names.is_empty() { "none of them".into() } else { names.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::primitives::SlBlock;

    #[test]
    fn each_kind_of_request_is_recognized_by_its_fields() {
        let parse = |text: &str| RequestLine::parse(text.as_bytes());
        let (chain_id, batch_number) = (ChainId(u64::MAX), BatchNumber(7));
        let hash = Hash::new([0xab; 32]);
        for (text, request) in [
            (
                "{\"chainId\":18446744073709551615,\"batchNumber\":7,\"id\":3}".to_owned(),
                Request::Log { chain_id, batch_number, id: 3 },
            ),
            (
                "{\"chainId\":18446744073709551615,\"batchNumber\":7}".to_owned(),
                Request::Batch { chain_id, batch_number },
            ),
            (format!("{{\"message\":\"{hash}\"}}"), Request::Message { message: hash }),
            (
                format!("{{\"txHash\":\"{hash}\"}}"),
                Request::Transaction { tx_hash: hash, log: None },
            ),
            (
                format!("{{\"txHash\":\"{hash}\",\"log\":2}}"),
                Request::Transaction { tx_hash: hash, log: Some(2) },
            ),
        ] {
            assert_eq!(parse(&text).unwrap(), RequestLine { request, target: None });
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
            let with = text.replace('}', ",\"target\":\"block:245\"}");
            let target = Some(Target::Block(SlBlock(245)));
            assert_eq!(parse(&with).unwrap(), RequestLine { request, target });
        }
    }

    #[test]
    fn numbers_may_be_strings() {
        let line = |text: &str| RequestLine::parse(text.as_bytes()).unwrap();
        assert_eq!(
            line("{\"chainId\":\"0x144\",\"batchNumber\":\"7\",\"id\":\"0x3\"}"),
            line("{\"chainId\":324,\"batchNumber\":7,\"id\":3}"),
        );
        assert_eq!(
            line("{\"chain_id\":\"324n\",\"batch_number\":7.0,\"id\":{\"hex\":\"0x03\"}}"),
            line("{\"chainId\":324,\"batchNumber\":7,\"id\":3}"),
        );
        let hash = Hash::ZERO;
        assert_eq!(
            line(&format!("{{\"transactionHash\":\"{}\"}}", "0".repeat(64))),
            line(&format!("{{\"txHash\":\"{hash}\"}}")),
        );
        assert_eq!(
            line(&format!("{{\"txHash\":\"{hash}\",\"log\":\"2\",\"target\":\"block:0xf5\"}}")),
            line(&format!("{{\"txHash\":\"{hash}\",\"log\":2,\"target\":\"block:245\"}}")),
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let hash = Hash::ZERO;
        for (text, code) in [
            (String::new(), "malformed-request"),
            ("[]".into(), "malformed-request"),
            ("[9,41]".into(), "malformed-request"),
            (" [9,41,0,null,null,null,\"first\"]".into(), "malformed-request"),
            ("{}".into(), "malformed-request"),
            ("{\"chainId\":1}".into(), "malformed-request"),
            ("{\"chainId\":-1,\"batchNumber\":1}".into(), "malformed-request"),
            ("{\"chainId\":\"1.0\",\"batchNumber\":1}".into(), "malformed-request"),
            ("{\"chainId\":1,\"batchNumber\":1,\"traget\":\"first\"}".into(), "malformed-request"),
            (format!("{{\"message\":\"{hash}\",\"chainId\":1}}"), "malformed-request"),
            (format!("{{\"message\":\"{hash}\",\"log\":1}}"), "malformed-request"),
            ("{\"message\":\"0x12\"}".into(), "malformed-request"),
            (format!("{{\"message\":\"{hash}\",\"target\":\"moon\"}}"), "unknown-target"),
            (format!("{{\"message\":\"{hash}\",\"target\":\"block:x\"}}"), "unknown-target"),
        ] {
            assert_eq!(RequestLine::parse(text.as_bytes()).unwrap_err().code(), code, "{text}");
        }
    }

    proptest! {
        #[test]
        fn random_lines_do_not_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = RequestLine::parse(&line);
        }
    }
}
