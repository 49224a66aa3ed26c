//! The raw archive of logs: one JSON object per line and batch.
//!
//! ```text
//! {"chainId":324,"batchNumber":501234,"logs":["0x<88 bytes>",…],"messages":["0x…",…],
//!  "aggregatedRoot":"0x…"}
//! ```
//!
//! Or a JSON array of such objects, or objects over several lines each. `logs` are by leaf index. `messages` may be missing; they are in the
//! order of the [logs of messages](L2ToL1Log::is_message). `aggregatedRoot` may be missing. Other fields and
//! empty lines are ignored.

use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    mem,
};

use rayon::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor},
};

use super::{SourceError, batch_sink::BatchSink};
use crate::{
    archive::{Origin, Place},
    files::{Input, InputError},
    ingest::{
        IndexError,
        json::{JsonValues, ValueChunk},
    },
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{BatchNumber, ChainId, Hash, hex},
};

/// 16384 logs take 3 MB of text; the rest is for messages.
const LONGEST_LINE: usize = 128 << 20;
/// Bytes of text parsed at once, on all threads, while the next bytes are read.
const CHUNK: usize = 8 << 20;
/// The most lines parsed at once: the error for a short damaged line takes many times its length.
const MOST_LINES: usize = 1 << 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    chain_id: ChainId,
    batch_number: BatchNumber,
    logs: Vec<L2ToL1Log>,
    #[serde(default, deserialize_with = "messages")]
    messages: MessageList,
    aggregated_root: Option<Hash>,
}

/// Reads a raw archive. If `chain` is given, all batches must be of it.
pub(super) fn read(
    input: Input,
    chain: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let source = intake.source(&name);
    let text = input.head().trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if text.starts_with(b"[") || first_line.trim_ascii() == b"{" {
        return read_values(input, source, chain, intake);
    }
    let mut data = BufReader::with_capacity(1 << 17, input);
    let (mut text, mut next) = (Lines::default(), Lines::default());
    text.read(&mut data, &name)?;
    while !text.ends.is_empty() {
        next.restart_after(&text);
        let (parsed, read) = rayon::join(|| text.parse(&name), || next.read(&mut data, &name));
        for (line, logs) in parsed {
            match logs {
                Ok(logs) => {
                    put(logs, Origin { source, place: Place::Line(line) }, chain, intake)?;
                }
                Err(error) => intake.note(error)?,
            }
        }
        read?;
        mem::swap(&mut text, &mut next);
    }
    Ok(())
}

/// Reads an array of batches, or batches over several lines each.
fn read_values(
    input: Input,
    source: u32,
    chain: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let (mut values, mut piece) = (JsonValues::new(input), ValueChunk::default());
    loop {
        values.read(&mut piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        let value = |index| {
            let (text, offset) = piece.value(index);
            let place = Place::Byte(offset);
            (place, parse(text, &name, place))
        };
        let parsed: Vec<_> = (0..piece.len()).into_par_iter().map(value).collect();
        for (place, logs) in parsed {
            match logs {
                Ok(logs) => put(logs, Origin { source, place }, chain, intake)?,
                Err(error) => intake.note(error)?,
            }
        }
    }
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

/// Some lines of the text.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// The end of each line in `text`.
    ends: Vec<usize>,
    /// The number of lines before these.
    before: u64,
}

impl Lines {
    /// Clears the lines; the next ones follow `previous`.
    fn restart_after(&mut self, previous: &Self) {
        self.text.clear();
        self.ends.clear();
        self.before = previous.before + previous.ends.len() as u64;
    }

    /// Reads whole lines until the chunk is full or the input ends.
    fn read(&mut self, data: &mut impl BufRead, name: &str) -> Result<(), IndexError> {
        while self.text.len() < CHUNK && self.ends.len() < MOST_LINES {
            let read = data
                .by_ref()
                .take(LONGEST_LINE as u64)
                .read_until(b'\n', &mut self.text)
                .map_err(|source| InputError::Read { name: name.into(), source })?;
            match read {
                0 => break,
                LONGEST_LINE => {
                    let line = self.before + self.ends.len() as u64 + 1;
                    return Err(IndexError::LongLine {
                        name: name.into(),
                        line,
                        limit: LONGEST_LINE,
                    });
                }
                _ => self.ends.push(self.text.len()),
            }
        }
        Ok(())
    }

    /// The batches of the non-empty lines, with their line numbers.
    fn parse(&self, name: &str) -> Vec<(u64, Result<BatchLogs, IndexError>)> {
        self.ends
            .par_iter()
            .enumerate()
            .filter_map(|(index, end)| {
                let start = index.checked_sub(1).map_or(0, |previous| self.ends[previous]);
                let text = self.text[start..*end].trim_ascii();
                let line = self.before + index as u64 + 1;
                (!text.is_empty()).then(|| (line, parse(text, name, Place::Line(line))))
            })
            .collect()
    }
}

fn parse(text: &[u8], name: &str, place: Place) -> Result<BatchLogs, IndexError> {
    let parsed: Line = serde_json::from_slice(text).map_err(|source| match place {
        Place::Line(line) => IndexError::Line { name: name.into(), line, source },
        _ => IndexError::Source {
            name: name.into(),
            place,
            what: "not a batch of logs".into(),
            source: source.into(),
        },
    })?;
    let (chain, batch) = (parsed.chain_id, parsed.batch_number);
    BatchLogs::new(chain, batch, parsed.logs, parsed.messages, parsed.aggregated_root)
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

    deserializer.deserialize_seq(List)
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
        self.0.push_with(|bytes| hex::append(text, bytes)).map_err(E::custom)
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
        let rest = format!(",\"x\":\"{}\"", "y".repeat(CHUNK / 3));
        let text: String = (0..9).map(|batch| line(batch, 1, &rest)).collect();
        assert_eq!(archive(&text).unwrap().header().batches, 9);
        let error = archive(&(text + "[]")).unwrap_err();
        assert!(matches!(error, IndexError::Line { line: 10, .. }), "{error}");
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
            assert!(matches!(error, IndexError::Line { line: 2, .. }), "{damaged}: {error}");
        }
        let deep = "{\"x\":".to_owned() + &"[".repeat(100_000);
        assert!(matches!(archive(&deep), Err(IndexError::Line { line: 1, .. })));
        assert!(matches!(archive("text"), Err(IndexError::Unknown { .. })));
    }
}
