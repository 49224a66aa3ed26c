//! The raw archive of logs: one JSON object per line and batch.
//!
//! ```text
//! {"chainId":324,"batchNumber":501234,"logs":["0x<88 bytes>",…],"messages":["0x…",…],
//!  "transactions":["0x…",…],"aggregatedRoot":"0x…","imtBegin":"0x…","imtEnd":"0x…"}
//! ```
//!
//! Or a JSON array of such objects, or objects over several lines. `logs` are by leaf index. `messages` may be
//! missing; they are in the order of the [logs of messages](L2ToL1Log::is_message). `transactions` may be
//! missing; they are the hashes of the transactions that emitted the logs, one for each log in their order.
//! `aggregatedRoot` may be missing. So may `imtBegin` and `imtEnd`, or `imtNode` for keccak256 of both: the roots of
//! the chain's interop commitment tree in an 8-leaf batch root (v33). Other fields and empty lines are ignored.

use std::fmt;

use rayon::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor},
};

use super::{SourceError, batch_sink::BatchSink};
use crate::{
    archive::{Origin, Place},
    files::Input,
    ingest::{IndexError, json::JsonValues},
    message::{BatchLogs, ImtRoots, L2ToL1Log, LogsError, MessageList},
    primitives::{BatchNumber, ChainId, Hash, spelled},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(alias = "chain_id")]
    chain_id: ChainId,
    #[serde(alias = "batch_number")]
    batch_number: BatchNumber,
    logs: Vec<L2ToL1Log>,
    #[serde(default, deserialize_with = "messages")]
    messages: MessageList,
    transactions: Option<Vec<Hash>>,
    #[serde(alias = "aggregated_root")]
    aggregated_root: Option<Hash>,
    #[serde(alias = "imt_begin")]
    imt_begin: Option<Hash>,
    #[serde(alias = "imt_end")]
    imt_end: Option<Hash>,
    #[serde(alias = "imt_node")]
    imt_node: Option<Hash>,
}

impl Line {
    fn imt(&self) -> Result<Option<ImtRoots>, LogsError> {
        let both = match (self.imt_begin, self.imt_end) {
            (Some(begin), Some(end)) => Some(ImtRoots::Both { begin, end }),
            (None, None) => None,
            _ => return Err(LogsError::ImtRoots),
        };
        match (both, self.imt_node.map(ImtRoots::Node)) {
            (Some(both), Some(node)) => both.merge(node).map(Some).ok_or(LogsError::ImtRoots),
            (both, node) => Ok(both.or(node)),
        }
    }
}

/// Reads a raw archive. If `chain` is given, all batches must be of it.
pub(super) fn read(
    input: Input,
    chain: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let source = intake.source(&name);
    JsonValues::of_lines(input).each_chunk(|piece| {
        let value = |index| {
            let (text, place) = piece.value(index);
            (place, parse(text, &name, place))
        };
        let parsed = (0..piece.len()).into_par_iter().map(value);
        for (place, logs) in parsed.collect::<Vec<_>>() {
            match logs {
                Ok(logs) => put(logs, Origin { source, place }, chain, intake)?,
                Err(error) => intake.note(error)?,
            }
        }
        Ok(())
    })
}

/// Takes a batch, if it is of the given chain.
fn put(
    logs: BatchLogs,
    origin: Origin,
    chain: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let (got, batch) = logs.view().key();
    match chain {
        Some(expected) if got != expected => {
            let error = SourceError::OtherChain { expected, got };
            intake.fault(origin, format!("batch {batch}, which is left out"), error)
        }
        _ => intake.batch(logs, origin),
    }
}

fn parse(text: &[u8], name: &str, place: Place) -> Result<BatchLogs, IndexError> {
    let parsed: Line = serde_json::from_slice(text).map_err(|source| IndexError::NotBatch {
        name: name.into(),
        place,
        source,
    })?;
    let (chain, batch, imt) = (parsed.chain_id, parsed.batch_number, parsed.imt());
    BatchLogs::new(chain, batch, parsed.logs, parsed.messages, parsed.aggregated_root)
        .and_then(|logs| logs.with_transactions(parsed.transactions.unwrap_or_default()))
        .and_then(|logs| Ok(logs.with_imt(imt?)))
        .map_err(|source| IndexError::Batch { name: name.into(), place, chain, batch, source })
}

/// Decodes messages, written as `0x` and hexadecimal digits, directly into one list.
fn messages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MessageList, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = MessageList;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of messages")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<MessageList, A::Error> {
            let mut list = MessageList::default();
            while texts.next_element_seed(Message(&mut list))?.is_some() {}
            Ok(list)
        }
    }

    deserializer.deserialize_any(List)
}

struct Message<'l>(&'l mut MessageList);

impl<'de> DeserializeSeed<'de> for Message<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Message<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message: \"0x\" and hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0.push_with(|bytes| spelled::append(text, bytes)).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{archive::Archive, files::Access, ingest::logs::read_archive_input};

    fn archive(text: &str) -> Result<Archive, IndexError> {
        let input = Input::from_reader("test", Cursor::new(text.to_owned())).unwrap();
        read_archive_input(input, None, Access::Map)
    }

    fn line(batch: u64, value: u8, rest: &str) -> String {
        let log = L2ToL1Log::new([value; 88]);
        format!("{{\"chainId\":9,\"batchNumber\":{batch},\"logs\":[\"{log}\"]{rest}}}\n")
    }

    #[test]
    fn equal_lines_are_merged_and_unknown_fields_ignored() {
        let text = line(1, 7, "") + "\n" + &line(2, 8, ",\"x\":[1]") + &line(1, 7, "");
        let archive = archive(&text).unwrap();
        assert_eq!(archive.header().batches, 2);
        let second = archive.batch(ChainId(9), BatchNumber(2)).unwrap().unwrap();
        assert_eq!(second.logs(), [L2ToL1Log::new([8; 88])]);
    }

    #[test]
    fn lines_that_contradict_each_other_are_both_named() {
        let error = archive(&(line(1, 7, "") + "\n" + &line(1, 8, ""))).unwrap_err().to_string();
        assert_eq!(error, "test, line 1 and test, line 3 give chain 9, batch 1 different logs");
    }

    #[test]
    fn lines_are_counted_across_chunks() {
        let rest = format!(",\"x\":\"{}\"", "y".repeat(3 << 20));
        let text: String = (0..9).map(|batch| line(batch, 1, &rest)).collect();
        assert_eq!(archive(&text).unwrap().header().batches, 9);
        let error = archive(&(text + "[]")).unwrap_err();
        assert!(matches!(error, IndexError::NotBatch { place: Place::Line(10), .. }), "{error}");
    }

    #[test]
    fn damaged_lines_are_named() {
        let good = line(1, 7, "");
        for damaged in [
            &good[..good.len() - 3],
            "[]",
            "{\"chainId\":9}",
            "{\"chainId\":-1,\"batchNumber\":1,\"logs\":[]}",
            "{\"chainId\":18446744073709551616,\"batchNumber\":1,\"logs\":[]}",
            "{\"chainId\":9,\"batchNumber\":1,\"logs\":[\"0x00\"]}",
            "{\"chainId\":9,\"batchNumber\":1,\"logs\":[],\"messages\":[\"0x0\"]}",
            "{\"chainId\":9,\"batchNumber\":1,\"logs\":[],\"messages\":[\"0xgg\"]}",
            "{\"chainId\":9,\"batchNumber\":1,\"logs\":[],\"messages\":[1]}",
            "{\"chainId\":9,\"batchNumber\":1,\"logs\":[],\"messages\":\"0x00\"}",
            "{\"chainId\":9,\"chainId\":9,\"batchNumber\":1,\"logs\":[]}",
        ] {
            let error = archive(&(line(5, 1, "") + damaged)).unwrap_err();
            assert!(
                matches!(error, IndexError::NotBatch { place: Place::Line(2), .. }),
                "{damaged}: {error}"
            );
        }
        let deep = "{\"x\":".to_owned() + &"[".repeat(100_000);
        assert!(matches!(archive(&deep), Err(IndexError::NotBatch { place: Place::Line(1), .. })));
        assert!(matches!(archive("text"), Err(IndexError::Unknown { .. })));
    }
}
