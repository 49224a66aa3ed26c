//! Detects the format of logs from their first bytes.

use serde::de::IgnoredAny;

use super::{SourceFormat, message_event::MESSENGER_SIGNATURES, postgres, pubdata};
use crate::{
    files::{HEAD_LEN, Input, container::is_container},
    ingest::{
        IndexError, OtherAnswer,
        event_logs::{ColumnNames, has_log_columns},
        json::{first_members, from_first_object},
        l1::has_executions,
        parquet_columns::{described, parquet_columns, parquet_damage},
        rows::refusal,
        state::Format,
    },
    primitives::Hash,
};

impl SourceFormat {
    /// Detects the format from the first bytes.
    ///
    /// # Errors
    /// [`IndexError::Unknown`]; [`IndexError::State`] if the input is a state; [`IndexError::Refused`]
    /// for a format that is known but not supported.
    pub fn detect(input: &Input) -> Result<Self, IndexError> {
        Self::detect_with(input, &ColumnNames::default())
    }

    /// As [`SourceFormat::detect`]. `columns` are the names of columns of events that differ from the usual ones.
    pub(super) fn detect_with(input: &Input, columns: &ColumnNames) -> Result<Self, IndexError> {
        let rest = from_first_object(input);
        match (input.head().trim_ascii_start().first(), &rest) {
            (Some(b'{' | b'['), Some(rest)) => Self::of_content(rest, columns),
            (_, Some(rest)) if !input.is_parquet() => {
                Self::of_content(input, columns).or_else(|error| Self::recognize(rest).ok_or(error))
            }
            _ => Self::of_content(input, columns),
        }
    }

    fn of_content(input: &Input, columns: &ColumnNames) -> Result<Self, IndexError> {
        let (head, name) = (input.head(), input.name());
        if is_container(head) {
            return Ok(Self::Native);
        }
        let text = head.trim_ascii_start();
        let has_more = head.len() as u64 == HEAD_LEN;
        let state = || {
            let format = Format::recognize(input)?;
            Some(IndexError::State { name: name.into(), format })
        };
        match text.first() {
            None => Ok(Self::Jsonl),
            _ if has_executions(input) => Ok(Self::Executions),
            Some(b'{' | b'[') => match Self::of_json(text) {
                Some(format) => Ok(format),
                None => match (OtherAnswer::of(text), state()) {
                    // Later ones may execute batches.
                    (Some(OtherAnswer::Transaction | OtherAnswer::Block), _) if has_more => {
                        Ok(Self::Executions)
                    }
                    (Some(answer), _) => Err(IndexError::OtherAnswer { name: name.into(), answer }),
                    (None, Some(error)) => Err(error),
                    (None, None) if is_other(text) => {
                        Err(IndexError::Unknown { name: name.into() })
                    }
                    (None, None) => Ok(Self::guess(text)),
                },
            },
            _ if postgres::is_rows(head) => Ok(Self::Postgres),
            _ if pubdata::is_pubdata(head) => Ok(Self::Pubdata),
            _ if has_log_columns(input, columns) => Ok(Self::EventLogs),
            _ => Err(match (parquet_damage(input), refused(input)) {
                (Some(damage), _) => damage.into(),
                (None, Some(reason)) => IndexError::Refused { name: name.into(), reason },
                (None, None) => {
                    state().unwrap_or_else(|| IndexError::Unknown { name: name.into() })
                }
            }),
        }
    }

    /// Detects the format from features that only logs have. `None` if the file may be of another kind.
    #[must_use]
    pub fn recognize(input: &Input) -> Option<Self> {
        let head = input.head();
        let text = head.trim_ascii_start();
        match text.first()? {
            _ if is_container(head) => None,
            _ if has_executions(input) => Some(Self::Executions),
            b'{' | b'[' => Self::of_json(text),
            _ if postgres::is_rows(head) => Some(Self::Postgres),
            _ if pubdata::is_pubdata(head) => Some(Self::Pubdata),
            _ => has_log_columns(input, &ColumnNames::default()).then_some(Self::EventLogs),
        }
    }

    /// Detects the format from the members of the first object, or of the answer in it.
    fn of_json(text: &[u8]) -> Option<Self> {
        let mut members = first_members(text);
        if let Some((_, value)) = members.iter().find(|(name, _)| *name == b"result") {
            members.append(&mut first_members(value));
        }
        let has = |name: &str| members.iter().any(|(member, _)| *member == name.as_bytes());
        let has_any = |names: &[&str]| names.iter().any(|name| has(name));
        let of_a_node = has_any(&[
            "blockNumber",
            "block_number",
            "blockHash",
            "block_hash",
            "transactionIndex",
        ]);
        // Of a transaction; a receipt may have it beside its logs.
        let is_transaction = has("input") && !has_any(&["logs", "l2ToL1Logs", "l2_to_l1_logs"]);
        if is_transaction || has_any(&["proof", "merkleProof", "merkle_proof", "request"]) {
            None
        } else if has("pubdata") || has("file") {
            Some(Self::PubdataList)
        } else if has("logs") && has_any(&["batchNumber", "batch_number"]) {
            Some(Self::Jsonl)
        } else if has_any(&["topic0", "topic1"]) {
            Some(Self::EventLogs)
        } else if has_any(&["l2ToL1Logs", "l2_to_l1_logs", "topics"])
            || has_any(&["cumulativeGasUsed", "cumulative_gas_used"])
            || (has_any(&["transactionHash", "transaction_hash", "hash"]) && of_a_node)
        {
            Some(Self::Receipts)
        } else {
            // A receipt that lacks members has such logs, too.
            let is_receipt = has("logs") && of_a_node;
            (!is_receipt && has_topic(text, &MESSENGER_SIGNATURES)).then_some(Self::EventLogs)
        }
    }

    /// The format assumed for JSON without distinctive members.
    pub(in crate::ingest) fn guess(text: &[u8]) -> Self {
        let members = first_members(text);
        let of_a_node = ["jsonrpc", "result", "transactionHash", "blockNumber", "transactionIndex"];
        let is_answer =
            members.iter().any(|(name, _)| of_a_node.iter().any(|known| *name == known.as_bytes()));
        if text.first() == Some(&b'[') || is_answer { Self::Receipts } else { Self::Jsonl }
    }
}

/// Why a table in this form cannot be read. `None` for other files.
fn refused(input: &Input) -> Option<String> {
    let other = || Some(format!("it is {}", described(&parquet_columns(input)?)));
    refusal(input.head()).map(Into::into).or_else(other)
}

/// Whether JSON has members for topics, and one of these hashes as hexadecimal text.
pub(in crate::ingest) fn has_topic(text: &[u8], hashes: &[Hash]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    text.contains("\"topic") && hashes.iter().any(|hash| text.contains(&hash.to_string()[2..]))
}

/// Whether the first object of a text is whole, and has members, but none of an archive or a node's answer.
fn is_other(text: &[u8]) -> bool {
    const KNOWN: [&str; 12] = [
        "jsonrpc",
        "result",
        "error",
        "chainId",
        "batchNumber",
        "messages",
        "aggregatedRoot",
        "logs",
        "transactionHash",
        "blockNumber",
        "blockHash",
        "transactionIndex",
    ];
    let object = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
    let mut values = serde_json::Deserializer::from_slice(object).into_iter::<IgnoredAny>();
    let members = if object.starts_with(b"{") { first_members(object) } else { Vec::new() };
    !members.is_empty()
        && matches!(values.next(), Some(Ok(_)))
        && !members.iter().any(|(name, _)| KNOWN.iter().any(|known| *name == known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(text: impl Into<Vec<u8>>) -> Option<SourceFormat> {
        let input = Input::from_reader("test", std::io::Cursor::new(text.into())).unwrap();
        SourceFormat::detect(&input).ok()
    }

    #[test]
    fn formats_are_detected_by_content() {
        for (text, expected) in [
            ("{\"chainId\":1,\"batchNumber\":2,\"logs\":[]}", Some(SourceFormat::Jsonl)),
            ("{\"x\":{\"topics\":[]},\"logs\":[{\"topics\":[]}]}", Some(SourceFormat::Jsonl)),
            (" {\"batchNumber\":2, \"pubdata\" : \"0x\"}", Some(SourceFormat::PubdataList)),
            ("{\"file\":\"x\"}", Some(SourceFormat::PubdataList)),
            ("[{\"file\":\"x\"}]", Some(SourceFormat::PubdataList)),
            ("{\"logs\":[{}],\"l2ToL1Logs\":[]}", Some(SourceFormat::Receipts)),
            ("{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":nul", Some(SourceFormat::Receipts)),
            ("\n[{\"a\\\"\":1", Some(SourceFormat::Receipts)),
            ("[]", Some(SourceFormat::Receipts)),
            ("[{\"chainId\":1,\"batchNumber\":2,\"logs\":[]}]", Some(SourceFormat::Jsonl)),
            (
                "{\"blockNumber\":\"0x1\",\"logs\":[],\"status\":\"0x1\"}",
                Some(SourceFormat::Receipts),
            ),
            ("\u{feff}{\"chainId\":1,\"batchNumber\":2,\"logs\":[]}", Some(SourceFormat::Jsonl)),
            ("\u{feff}number,l1_batch_number\n", Some(SourceFormat::Postgres)),
            ("0000000000000000000000\n0000\n", Some(SourceFormat::Pubdata)),
            ("0x00000000", Some(SourceFormat::Pubdata)),
            ("\0\0\0\0\0\0\0\0\0\0\0\0\u{1}", Some(SourceFormat::Pubdata)),
            ("\0\0\0\0\0\0\0\0", None),
            ("text", None),
            ("PGDMP", None),
            ("-- x\n-- PostgreSQL database dump\n", Some(SourceFormat::Postgres)),
            ("number,l1_batch_number\n", Some(SourceFormat::Postgres)),
            ("x\tnumber\tl2_to_l1_messages", Some(SourceFormat::Postgres)),
            ("number,other\n", None),
            ("{\"hashes\":{\"logs\":1}}", None),
            ("[{\"a\":1}]", None),
            ("{\"hashes\":{\"logs\":1", Some(SourceFormat::Jsonl)),
            ("{\"accountProof\":[]}", None),
            ("[{\"hash\":1,\"blockNumber\":2,\"input\":3,\"nonce\":4}]", None),
        ] {
            assert_eq!(detect(text), expected, "{text}");
        }
    }
}
