//! The raw archive of logs: one JSON object a line, one line a batch.
//!
//! ```text
//! {"chainId":324,"batchNumber":501234,"logs":["0x<88 bytes>",…],"messages":["0x…",…],
//!  "aggregatedRoot":"0x…"}
//! ```
//!
//! `logs` by leaf index; `messages`, which may be missing, in the order of the logs with sender 0x8008;
//! `aggregatedRoot` may be missing. Other fields are ignored, and so are empty lines.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use serde::{Deserialize, Deserializer, de};

use super::{Archive, ArchiveError, BatchLogs, L2ToL1Log};
use crate::{
    files::{Input, InputError},
    primitives::{BatchNumber, ChainId, Hash, hex},
};

/// 16384 logs take 3 MB of text; the rest is for messages.
const LONGEST_LINE: usize = 512 << 20;
/// What an archive may take in memory.
const LIMIT: usize = 768 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    chain_id: ChainId,
    batch_number: BatchNumber,
    logs: Vec<L2ToL1Log>,
    #[serde(default)]
    messages: Vec<Bytes>,
    aggregated_root: Option<Hash>,
}

/// Reads a raw archive (`-` for standard input) into memory.
///
/// # Errors
/// [`ArchiveError`] naming the file and line: when a line is damaged, a message is not its log's, or
/// two lines contradict each other.
pub fn read_archive(path: &Path) -> Result<Archive, ArchiveError> {
    read_archive_input(Input::open(path)?)
}

/// Reads a raw archive that is open already.
///
/// # Errors
/// As [`read_archive`].
pub fn read_archive_input(input: Input) -> Result<Archive, ArchiveError> {
    let name = input.name().to_owned();
    let mut data = BufReader::with_capacity(1 << 17, input);
    let mut archive = Archive::default();
    let mut lines_by_batch = HashMap::new();
    let mut size = 0;
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = data
            .by_ref()
            .take(LONGEST_LINE as u64)
            .read_until(b'\n', &mut text)
            .map_err(|source| InputError::Read { name: name.clone(), source })?;
        if read == 0 {
            break;
        }
        if read == LONGEST_LINE {
            return Err(ArchiveError::LongLine { name, line, limit: LONGEST_LINE });
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let parsed: Line = serde_json::from_slice(&text).map_err(|source| ArchiveError::Line {
            name: name.clone(),
            line,
            source,
        })?;
        let (chain, batch) = (parsed.chain_id, parsed.batch_number);
        let messages = parsed.messages.into_iter().map(|bytes| bytes.0).collect();
        let logs =
            BatchLogs::new(chain, batch, parsed.logs, messages, parsed.aggregated_root).map_err(
                |source| ArchiveError::Batch { name: name.clone(), line, chain, batch, source },
            )?;
        size += logs.size();
        if size > LIMIT {
            return Err(ArchiveError::TooLarge { name, limit: LIMIT });
        }
        let first = *lines_by_batch.entry((chain, batch)).or_insert(line);
        if !archive.add(logs) {
            return Err(ArchiveError::Conflict { name, line, first, chain, batch });
        }
    }
    Ok(archive)
}

/// Bytes written as `0x` and hexadecimal digits.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message: \"0x\" and hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                hex::bytes(text).map(Bytes).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> Result<Archive, ArchiveError> {
        read_archive_input(Input::from_reader("test", Cursor::new(text.to_owned())).unwrap())
    }

    fn line(batch: u64, value: u8, rest: &str) -> String {
        let log = L2ToL1Log::new([value; 88]);
        format!("{{\"chainId\":9,\"batchNumber\":{batch},\"logs\":[\"{log}\"]{rest}}}\n")
    }

    #[test]
    fn equal_lines_are_merged_and_unknown_fields_ignored() {
        let text = line(1, 7, "") + "\n" + &line(2, 8, ",\"x\":[1]") + &line(1, 7, "");
        let archive = read(&text).unwrap();
        assert_eq!(archive.len(), 2);
        assert_eq!(archive.batch(ChainId(9), BatchNumber(2)).unwrap().logs().len(), 1);
    }

    #[test]
    fn lines_that_contradict_each_other_are_both_named() {
        let error = read(&(line(1, 7, "") + &line(1, 8, ""))).unwrap_err();
        assert!(matches!(error, ArchiveError::Conflict { line: 2, first: 1, .. }), "{error}");
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
            "{\"chainId\":9,\"chainId\":9,\"batchNumber\":1,\"logs\":[]}",
        ] {
            let error = read(&(line(5, 1, "") + damaged)).unwrap_err();
            assert!(matches!(error, ArchiveError::Line { line: 2, .. }), "{damaged}: {error}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read(&deep), Err(ArchiveError::Line { line: 1, .. })));
    }
}
