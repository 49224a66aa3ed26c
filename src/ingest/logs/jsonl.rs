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

use std::{fmt, io, ops::ControlFlow};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor},
};

use super::{
    SourceError,
    batch_sink::{BatchSink, Batches, BatchesForm},
    skipped_inputs::MOST_KEPT,
};
use crate::{
    archive::{Collector, Origin, Place},
    files::{Input, InputError, Pool, in_turn},
    ingest::{
        IndexError,
        json::{JsonPiece, JsonPieces, LONGEST_VALUE, UnreadPiece},
    },
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

/// The most bytes of text whose batches wait to be checked together.
const MOST_WAITING: usize = 16 << 20;
/// The memory of more bytes of batches is not used again.
const LARGEST_BUFFER: usize = 1 << 20;

/// Reads a raw archive. If `chain` is given, all batches must be of it.
pub(super) fn read(
    input: Input,
    chain: Option<ChainId>,
    intake: &mut BatchSink<'_, '_>,
) -> Result<(), IndexError> {
    let name = input.name().to_owned();
    let (source, form) = (intake.source(&name), intake.form());
    let goes_on = intake.state.goes_on;
    let parser = Parser { source, chain, form, goes_on, free: Pool::default() };
    let mut pieces = JsonPieces::new(input)?;
    let (mut lines, mut is_end, mut unread) = (0, false, Ok(()));
    while !is_end {
        let (mut waiting, mut bytes, mut refused) = (Vec::<Parsed>::new(), 0, Ok(()));
        let unwritten = intake.collector.unwritten()?;
        let collector = &mut *intake.collector;
        let next = || {
            pieces.next().unwrap_or_else(|error| {
                unread = Err(error);
                None
            })
        };
        let take = |parsed: io::Result<Parsed>| {
            if refused.is_err() {
                return ControlFlow::Break(());
            }
            let parsed = match parsed {
                Ok(parsed) if waiting.is_empty() => {
                    parsed.append_to(collector, (source, &mut lines))
                }
                Ok(parsed) => Ok(Some(parsed)),
                Err(source) => Err(InputError::Read { name: name.clone(), source }.into()),
            };
            match parsed {
                Ok(None) => return ControlFlow::Continue(()),
                Ok(Some(parsed)) => {
                    bytes += parsed.bytes;
                    waiting.push(parsed);
                }
                Err(error) => refused = Err(error),
            }
            match form {
                BatchesForm::Whole if bytes < MOST_WAITING => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        let parse = |piece: UnreadPiece| piece.read().map(|piece| parser.parse(&piece));
        let free = |buffer| parser.free.recycle(buffer, LARGEST_BUFFER);
        let (ended, written) = rayon::join(
            || in_turn(next, || parse, take),
            || unwritten.map(|batches| batches.write(free)).transpose(),
        );
        is_end = ended;
        written?.into_iter().for_each(|written| intake.collector.wrote(written));
        if let Some(Parsed { batches: Batches::Encoded(batches), .. }) = waiting.first() {
            intake.collector.set_aside(batches);
        }
        for parsed in waiting {
            parsed.put(&name, (source, &mut lines), intake)?;
        }
        refused?;
    }
    unread
}

/// Parses pieces of a raw archive.
struct Parser {
    source: u32,
    chain: Option<ChainId>,
    form: BatchesForm,
    /// Whether values after one that is damaged are read.
    goes_on: bool,
    /// Memory for batches.
    free: Pool<Vec<u8>>,
}

/// What was read of a piece. Lines are counted from its beginning.
struct Parsed {
    /// The length of the text.
    bytes: usize,
    batches: Batches,
    /// The first faults, and the number of others.
    faults: Vec<(Place, Fault)>,
    more_faults: u64,
    /// The number of lines; if the last one is too long, as an error.
    lines: Result<u64, u64>,
}

/// Why a value cannot be taken.
enum Fault {
    Json(serde_json::Error),
    Logs(ChainId, BatchNumber, LogsError),
    OtherChain { batch: BatchNumber, expected: ChainId, got: ChainId },
}

impl Parser {
    fn parse(&self, piece: &JsonPiece) -> Parsed {
        let mut batches = Batches::in_text(self.form, piece.len(), &self.free);
        let (mut faults, mut more_faults) = (Vec::new(), 0);
        let lines = piece.each(|text, place| {
            match self.batch(text) {
                Ok(batch) => batches.add(batch, Origin { source: self.source, place }),
                Err(fault) if faults.len() < MOST_KEPT => faults.push((place, fault)),
                Err(_) => more_faults += 1,
            }
            self.goes_on || faults.is_empty()
        });
        batches.shrink();
        Parsed { bytes: piece.len(), batches, faults, more_faults, lines }
    }

    /// Parses a batch, and checks that it is of the given chain.
    fn batch(&self, text: &[u8]) -> Result<BatchLogs, Fault> {
        let parsed: Line = serde_json::from_slice(text).map_err(Fault::Json)?;
        let (got, batch, imt) = (parsed.chain_id, parsed.batch_number, parsed.imt());
        let made = BatchLogs::new(got, batch, parsed.logs, parsed.messages, parsed.aggregated_root)
            .and_then(|logs| logs.with_transactions(parsed.transactions.unwrap_or_default()))
            .and_then(|logs| Ok(logs.with_imt(imt?)))
            .map_err(|error| Fault::Logs(got, batch, error))?;
        match self.chain {
            Some(expected) if got != expected => Err(Fault::OtherChain { batch, expected, got }),
            _ => Ok(made),
        }
    }
}

impl Parsed {
    /// Adds the batches to an archive, if that is all that there is to do and nothing has to be written to disk for it.
    /// Otherwise nothing changes.
    fn append_to(
        self,
        collector: &mut Collector,
        (source, before): (u32, &mut u64),
    ) -> Result<Option<Self>, IndexError> {
        match self {
            Self { batches: Batches::Encoded(batches), faults, lines: Ok(lines), .. }
                if faults.is_empty() && collector.has_room_for(&batches) =>
            {
                collector.append(batches, (source, *before))?;
                *before += lines;
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }

    /// Takes the batches and records the faults.
    fn put(
        self,
        name: &str,
        (source, before): (u32, &mut u64),
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        intake.batches(self.batches, (source, *before))?;
        for (place, fault) in self.faults {
            intake.note(fault.error(name, place.after_lines(*before)))?;
        }
        intake.state.faults.count_more(self.more_faults);
        match self.lines {
            Ok(lines) => *before += lines,
            Err(line) => {
                let (name, line, limit) = (name.into(), *before + line, LONGEST_VALUE);
                return Err(IndexError::LongLine { name, line, limit });
            }
        }
        Ok(())
    }
}

impl Fault {
    fn error(self, name: &str, place: Place) -> IndexError {
        let name = name.to_owned();
        match self {
            Self::Json(source) => IndexError::NotBatch { name, place, source },
            Self::Logs(chain, batch, source) => {
                IndexError::Batch { name, place, chain, batch, source }
            }
            Self::OtherChain { batch, expected, got } => {
                let source = SourceError::OtherChain { expected, got };
                let what = format!("batch {batch}, which is left out");
                IndexError::Source { name, place, what, source }
            }
        }
    }
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
    use crate::{
        archive::{Archive, ArchiveWriter},
        files::{Access, Spill},
        ingest::logs::{batch_sink::BatchSinkState, read_archive_input},
    };

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

    /// Runs are written while others are read. A batch may be in several of them.
    #[test]
    fn batches_that_do_not_fit_into_memory_become_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let of =
            |batch: u64| (batch as u8, format!(",\"x\":\"{}\"", "y".repeat(batch as usize % 3000)));
        let numbers = (0..6000u64).map(|at| at * 7 % 3001);
        let text: String = numbers.map(|batch| line(batch, of(batch).0, &of(batch).1)).collect();
        let file = |memory: usize, threads: usize| {
            let path = folder.path().join(format!("{memory}-{threads}"));
            let mut writer = ArchiveWriter::create(&path).unwrap();
            writer.collector = Collector::new(&Spill::beside(&path), memory);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let input = Input::from_reader("test", Cursor::new(text.clone())).unwrap();
            pool.install(|| {
                let state = &mut BatchSinkState::default();
                let mut sink = BatchSink { collector: &mut writer.collector, state };
                read(input, None, &mut sink).unwrap();
                writer.commit().unwrap();
            });
            path
        };
        let expected = std::fs::read(file(usize::MAX, 1)).unwrap();
        for (memory, threads) in [(0, 2), (100_000, 1), (100_000, 3), (300_000, 2), (1 << 20, 8)] {
            let path = file(memory, threads);
            assert!(std::fs::read(&path).unwrap() == expected, "{memory} bytes, {threads} threads");
            let archive = Archive::open(&path, Access::Map).unwrap();
            assert_eq!(archive.header().batches, 3001);
            for batch in 0..3001 {
                let found = archive.batch(ChainId(9), BatchNumber(batch)).unwrap().unwrap();
                assert_eq!(found.logs(), [L2ToL1Log::new([of(batch).0; 88])]);
            }
        }
        // Nothing but the six files is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
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
