//! Detects the kind of a file from its first mebibyte.

use std::fmt;

use super::{logs::SourceFormat, state::Format};
use crate::{
    archive,
    files::{Input, container::is_container},
    proof::reader::Members,
    snapshot,
};

/// The first bytes of a Parquet file.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A native file of slproof, with the four-letter tag of its kind.
    Native([u8; 4]),
    /// The state of a settlement layer, or a part of it.
    State(Format),
    /// Logs of batches.
    Logs(SourceFormat),
    /// Proofs: records as JSON or Parquet, calldata, or answers of nodes.
    Proofs,
    /// An unknown kind.
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(tag) => {
                let known =
                    [snapshot::KIND, archive::KIND].into_iter().find(|kind| kind.tag == *tag);
                f.write_str(known.map_or("a native file of slproof", |kind| kind.name))
            }
            Self::State(format) => write!(f, "a state: {format}"),
            Self::Logs(format) => write!(f, "logs of batches: {format}"),
            Self::Proofs => f.write_str("proofs"),
            Self::Unknown => f.write_str("a file of an unknown kind"),
        }
    }
}

/// Detects the kind of an input. Logs, states and proofs are recognized by members that only they have, in
/// any order. Only the first mebibyte is read; the rest may be damaged.
#[must_use]
pub fn sniff(input: &Input) -> FileKind {
    let head = input.head();
    if is_container(head) {
        let tag = head.get(12..16).and_then(|tag| tag.try_into().ok());
        return FileKind::Native(tag.unwrap_or_default());
    }
    if head.starts_with(PARQUET_MAGIC) {
        return FileKind::Proofs;
    }
    if let Some(format) = SourceFormat::recognise(input) {
        return FileKind::Logs(format);
    }
    let text = head.trim_ascii_start();
    let members = Members::of(text);
    if members.are_of_a_record() {
        FileKind::Proofs
    } else if let Some(format) = Format::recognise(input) {
        FileKind::State(format)
    } else if text.starts_with(b"[") {
        FileKind::Proofs
    } else if members.has("logs") || members.has("batchNumber") {
        FileKind::Logs(SourceFormat::Jsonl)
    } else {
        FileKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn kinds_are_told_by_content() {
        let kind =
            |text: &str| sniff(&Input::from_reader("test", Cursor::new(text.to_owned())).unwrap());
        for (text, expected) in [
            ("{\"id\":0,\"proof\":[]}", FileKind::Proofs),
            ("[{\"id\":0,\"proof\":[]}]", FileKind::Proofs),
            ("PAR1", FileKind::Proofs),
            ("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}", FileKind::Proofs),
            ("{\"batchNumber\":2,\"x\":[]}", FileKind::Logs(SourceFormat::Jsonl)),
            ("{\"transactionHash\":1,\"l2ToL1Logs\":[]}", FileKind::Logs(SourceFormat::Receipts)),
            ("\u{feff}number,l1_batch_number\n", FileKind::Logs(SourceFormat::Postgres)),
            ("{\"block\":{},\"accounts\":{}}", FileKind::State(Format::Anvil)),
            ("\u{feff}address,slot,value\n", FileKind::State(Format::Table)),
            ("[{\"storage\":null,\"nextKey\":null}]", FileKind::State(Format::StorageRange)),
            ("{}", FileKind::Unknown),
            ("text", FileKind::Unknown),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
