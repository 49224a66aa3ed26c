//! Detects the kind of a file from its first mebibyte. The rest of the file may be damaged.

use std::fmt;

use super::{
    OtherAnswer,
    event_logs::{ColumnNames, first_logs, has_log_columns},
    json::from_first_object,
    l1::{blobs::are_blobs, has_batch_calls, has_executions, is_table_of_transactions},
    logs::{MESSENGER_SIGNATURES, SourceFormat, has_topic},
    parquet_columns::{parquet_columns, parquet_damage},
    state::Format,
};
use crate::{
    contracts::EventKind,
    files::{HEAD_LEN, Input, InputError, Kind, container::is_container},
    primitives::Hash,
    proof::{
        RequestLine,
        reader::{Members, bare_calldata, bundled},
    },
};

/// A kind of file that slproof reads, writes or knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A state snapshot.
    Snapshot,
    /// A tree file.
    TreeFile,
    /// A message archive.
    MessageArchive,
    /// A dump of the state of a settlement layer, whole or in part.
    State(Format),
    /// Logs of batches in any format except the message archive.
    Logs(SourceFormat),
    /// Proofs: records as JSON or Parquet, calldata, or answers of nodes.
    Proofs,
    /// Requests for proofs.
    Requests,
    /// Events of MessageRoot.
    Events,
    /// Events of MessageRoot, and L2→L1 logs in events of L1Messenger.
    EventsAndLogs,
    /// The settlement layer's own batches.
    SlBatches,
    /// Transactions of L1 that commit, execute or revert batches, or receipts of them.
    L1Transactions,
    /// The blocks of each batch.
    BatchBlocks,
    /// Blobs of L1.
    Blobs,
    /// The manifest of a shard.
    Manifest,
    /// The checkpoint of an interrupted job.
    Checkpoint,
    /// The manifest of a directory that was published.
    Published,
    /// A node's answer that slproof cannot use.
    Answer(OtherAnswer),
    /// A Parquet file with the columns of neither logs nor proofs.
    OtherTable,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(answer) => return answer.fmt(f),
            Self::OtherTable => "a Parquet file with the columns of neither logs nor proofs",
            Self::Snapshot => "a state snapshot (*.slsnap)",
            Self::TreeFile => "a tree file (*.sltree)",
            Self::MessageArchive => "a message archive (*.slmsg)",
            Self::State(_) => "a state dump",
            Self::Logs(_) => "an archive of logs",
            Self::Proofs => "a file of proofs",
            Self::Requests => "a file of requests",
            Self::Events => "a file of events of MessageRoot",
            Self::EventsAndLogs => "a file of events of MessageRoot and of L1Messenger",
            Self::SlBatches => "a file of the settlement layer's own batches",
            Self::L1Transactions => "a file of transactions of L1",
            Self::BatchBlocks => "a file with the blocks of each batch",
            Self::Blobs => "a file of blobs of L1",
            Self::Manifest => "the manifest of a shard",
            Self::Checkpoint => "the checkpoint of an interrupted job",
            Self::Published => "the manifest of a published directory",
        })
    }
}

impl FileKind {
    /// Whether a file of this kind is mapped, or consists of several files.
    pub(super) fn needs_extraction(self) -> bool {
        matches!(
            self,
            Self::Snapshot
                | Self::TreeFile
                | Self::MessageArchive
                | Self::State(Format::EraSnapshot)
        )
    }

    /// Whether a file of this kind shows what a settlement layer recorded.
    #[must_use]
    pub fn is_evidence(self) -> bool {
        matches!(self, Self::Snapshot | Self::TreeFile | Self::State(_))
            || self.has_events()
            || self.is_of_l1()
    }

    /// Whether a file of this kind in a directory may be an input of a command that is given the directory. What slproof
    /// wrote itself, or cannot use, is not.
    #[must_use]
    pub fn is_read_in_directories(self) -> bool {
        match self {
            Self::Snapshot
            | Self::TreeFile
            | Self::MessageArchive
            | Self::State(_)
            | Self::Logs(_)
            | Self::Events
            | Self::EventsAndLogs
            | Self::SlBatches
            | Self::L1Transactions
            | Self::BatchBlocks
            | Self::Blobs => true,
            // Transactions of L1 may be behind the first mebibyte, and states of L1 are proven by single slots.
            Self::Answer(answer) => match answer {
                OtherAnswer::Block | OtherAnswer::Transaction | OtherAnswer::EthGetProof => true,
                OtherAnswer::ZksGetProof | OtherAnswer::BatchDetails => false,
            },
            Self::Proofs
            | Self::Requests
            | Self::Manifest
            | Self::Checkpoint
            | Self::Published
            | Self::OtherTable => false,
        }
    }

    /// Whether a file of this kind holds events of MessageRoot.
    #[must_use]
    pub fn has_events(self) -> bool {
        matches!(self, Self::Events | Self::EventsAndLogs)
    }

    /// Whether a file of this kind holds what L1 keeps of batches: transactions or blobs.
    #[must_use]
    pub fn is_of_l1(self) -> bool {
        matches!(self, Self::L1Transactions | Self::Blobs)
    }

    /// Whether a file of this kind may hold receipts of transactions of L1. Those of failed ones have no events that show
    /// it, so they are read if there are transactions of L1.
    #[must_use]
    pub fn may_be_of_l1(self) -> bool {
        self == Self::Logs(SourceFormat::Receipts)
    }

    /// Whether a file of this kind has transactions, of which those behind the first mebibyte are not known.
    #[must_use]
    pub fn may_have_calls(self) -> bool {
        matches!(self, Self::Answer(OtherAnswer::Block | OtherAnswer::Transaction))
    }

    /// Whether an input is longer than what is read to detect its kind.
    pub(crate) fn has_late_part(input: &Input) -> bool {
        input.head().len() as u64 >= HEAD_LEN
    }

    /// Whether a file of this kind holds the logs of batches.
    #[must_use]
    pub fn has_logs(self) -> bool {
        matches!(self, Self::MessageArchive | Self::Logs(_) | Self::EventsAndLogs)
    }
}

/// Detects the kind of an input by features that only files of this kind have: the first bytes, or the
/// members of the first object, in any order. `None` if there are none. The first object of lines, or of answers in an
/// array, is the first that is JSON and no error of a node.
#[must_use]
pub fn sniff(input: &Input) -> Option<FileKind> {
    let rest = from_first_object(input);
    match input.head().trim_ascii_start().first() {
        Some(b'{' | b'[') => by_content(rest.as_ref().unwrap_or(input)),
        _ if input.is_parquet() => by_content(input),
        // The beginning of the first line may be lost.
        _ => by_content(input).or_else(|| by_content(rest.as_ref()?)),
    }
}

fn by_content(input: &Input) -> Option<FileKind> {
    let head = input.head();
    if is_container(head) {
        return match Kind::of_head(head)? {
            Kind::SNAPSHOT => Some(FileKind::Snapshot),
            Kind::TREE_FILE => Some(FileKind::TreeFile),
            Kind::MESSAGE_ARCHIVE => Some(FileKind::MessageArchive),
            _ => None,
        };
    }
    if input.is_parquet() {
        let transactions = || table_of_transactions(input);
        return table_of_logs(input).or_else(transactions).or_else(|| other_parquet(input));
    }
    // The first line is enough, so the searches of the whole text are not made.
    if is_request(head) {
        return Some(FileKind::Requests);
    }
    let is_json = matches!(head.trim_ascii_start().first(), Some(b'{' | b'['));
    if is_json && has_executions(input) {
        return Some(FileKind::Logs(SourceFormat::Executions));
    }
    if has_batch_calls(head) {
        return Some(FileKind::L1Transactions);
    }
    if are_blobs(head) {
        return Some(FileKind::Blobs);
    }
    by_members(head)
        .or_else(|| OtherAnswer::of(head).map(FileKind::Answer))
        .or_else(|| of_events(input))
        // Its digits may be taken for pubdata.
        .or_else(|| Format::of_hex_text(input).map(FileKind::State))
        .or_else(|| SourceFormat::recognize(input).map(FileKind::Logs))
        .or_else(|| Format::recognize(input).map(FileKind::State))
        .or_else(|| table_of_transactions(input))
}

/// The kind of a table of transactions.
fn table_of_transactions(input: &Input) -> Option<FileKind> {
    is_table_of_transactions(input).then(|| match has_executions(input) {
        true => FileKind::Logs(SourceFormat::Executions),
        false => FileKind::L1Transactions,
    })
}

/// As [`sniff`].
///
/// # Errors
/// [`InputError`] if it is a Parquet file that is not whole, so that its columns are not known.
pub(super) fn sniff_whole(input: &Input) -> Result<Option<FileKind>, InputError> {
    match sniff(input) {
        None => parquet_damage(input).map_or(Ok(None), Err),
        kind => Ok(kind),
    }
}

/// As [`sniff`], but also recognizes damaged proofs and logs by a part of their first object.
#[must_use]
pub fn guess(input: &Input) -> Option<FileKind> {
    sniff(input).or_else(|| {
        let text = input.head().trim_ascii_start();
        let members = Members::of(text);
        if text.starts_with(b"[") || members.are_of_a_record() {
            Some(FileKind::Proofs)
        } else if members.has("logs") || members.has("batchNumber") {
            Some(FileKind::Logs(SourceFormat::guess(text)))
        } else {
            None
        }
    })
}

/// The kind of a table of logs, or of JSON with undecoded events of MessageRoot and no `l2ToL1Logs`, which are
/// beside them in receipts.
fn of_events(input: &Input) -> Option<FileKind> {
    let text = input.head().trim_ascii_start();
    if !text.starts_with(b"{") && !text.starts_with(b"[") {
        return table_of_logs(input);
    }
    let is_receipts = String::from_utf8_lossy(text).contains("\"l2ToL1Logs\"");
    if is_receipts || !has_topic(text, &EventKind::signatures()) {
        return None;
    }
    let has_both = has_topic(text, &MESSENGER_SIGNATURES);
    Some(if has_both { FileKind::EventsAndLogs } else { FileKind::Events })
}

/// The kind of a table of logs, by its first rows. One without known events is said to be of MessageRoot: the
/// reader of events reports what is missing.
fn table_of_logs(input: &Input) -> Option<FileKind> {
    let columns = ColumnNames::default();
    if !has_log_columns(input, &columns) {
        return None;
    }
    let (mut of_message_root, mut of_messenger) = (false, false);
    first_logs(input, &columns, |log| {
        let Some(topic) = log.topics.first().map(|topic| Hash::new(*topic.as_bytes())) else {
            return;
        };
        of_message_root |= EventKind::signatures().contains(&topic);
        of_messenger |= MESSENGER_SIGNATURES.contains(&topic);
    });
    Some(match (of_message_root, of_messenger) {
        (true, true) => FileKind::EventsAndLogs,
        // It may be one of several tables of a node.
        (false, true) => FileKind::Logs(SourceFormat::recognize(input)?),
        _ => FileKind::Events,
    })
}

/// The kind of a Parquet file that is no table of logs. `None` if it is damaged. One that comes from a pipe may hold
/// proofs.
fn other_parquet(input: &Input) -> Option<FileKind> {
    let is_other = |columns: Vec<String>| columns.iter().all(|name| name != "proof");
    if parquet_columns(input).is_some_and(is_other) {
        Some(FileKind::OtherTable)
    } else {
        parquet_damage(input).is_none().then_some(FileKind::Proofs)
    }
}

/// Detects JSON by the members of its first object.
fn by_members(head: &[u8]) -> Option<FileKind> {
    if bundled(head).is_some() {
        return Some(FileKind::Proofs);
    }
    let text = head.trim_ascii_start();
    let members = Members::of(text.strip_prefix(b"[").unwrap_or(text));
    let has = |name| members.has(name);
    if has("job") && has("blake3") {
        Some(if has("steps") { FileKind::Checkpoint } else { FileKind::Manifest })
    } else if has("indexHash") && has("allRootsHash") {
        Some(FileKind::Published)
    } else if members.has_proof()
        || bare_calldata(text).is_some()
        || (has("data") && (has("call") || has("to")))
        || (has("request") && has("error"))
    {
        Some(FileKind::Proofs)
    } else if has("firstBlock") && has("lastBlock") {
        Some(if has("logs") { FileKind::SlBatches } else { FileKind::BatchBlocks })
    } else if has("event") && has("blockNumber") {
        Some(FileKind::Events)
    } else {
        None
    }
}

/// Whether the first line is a request. No line of another kind of file is one: a request has no other members.
fn is_request(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    RequestLine::parse(line).is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn input(text: &str) -> Input {
        Input::from_reader("test", Cursor::new(text.to_owned())).unwrap()
    }

    #[test]
    fn kinds_are_detected_by_content() {
        for (text, expected) in [
            ("\u{89}SLP\r\n", None),
            ("PAR1", Some(FileKind::Proofs)),
            ("{\"id\":0,\"proof\":[]}", Some(FileKind::Proofs)),
            ("[{\"id\":0,\"proof\":[]}]", Some(FileKind::Proofs)),
            ("{\"call\":\"x\",\"data\":\"0x\"}", Some(FileKind::Proofs)),
            ("{\"request\":{},\"error\":{}}", Some(FileKind::Proofs)),
            (
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"id\":0,\"proof\":[]}]}",
                Some(FileKind::Proofs),
            ),
            (
                "<!doctype html>\n<script type=\"application/json\" id=\"bundle\">[{}]</script>",
                Some(FileKind::Proofs),
            ),
            ("{\"chainId\":1,\"batchNumber\":2}\n{", Some(FileKind::Requests)),
            ("{\"event\":\"NewInteropRoot\",\"blockNumber\":2}", Some(FileKind::Events)),
            ("{\"logs\":[],\"lastBlock\":2,\"firstBlock\":1}", Some(FileKind::SlBatches)),
            ("{\"lastBlock\":2,\"firstBlock\":1}", Some(FileKind::BatchBlocks)),
            ("{\"job\":{},\"blake3\":\"\"}", Some(FileKind::Manifest)),
            ("{\"job\":{},\"steps\":1,\"blake3\":\"\"}", Some(FileKind::Checkpoint)),
            ("{\"indexHash\":\"\",\"allRootsHash\":\"\"}", Some(FileKind::Published)),
            (
                "{\"transactionHash\":1,\"l2ToL1Logs\":[]}",
                Some(FileKind::Logs(SourceFormat::Receipts)),
            ),
            ("\u{feff}number,l1_batch_number\n", Some(FileKind::Logs(SourceFormat::Postgres))),
            ("{\"block\":{},\"accounts\":{}}", Some(FileKind::State(Format::Anvil))),
            ("\u{feff}address,slot,value\n", Some(FileKind::State(Format::Table))),
            ("[{\"storage\":null,\"nextKey\":null}]", Some(FileKind::State(Format::StorageRange))),
            ("0x1f8b08000000000002ff", Some(FileKind::State(Format::Anvil))),
            ("\"0x7b22626c6f636b223a", Some(FileKind::State(Format::Anvil))),
            (
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1f8b0800000000",
                Some(FileKind::State(Format::Anvil)),
            ),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x01\"}", None),
            ("{}", None),
            ("text", None),
        ] {
            assert_eq!(sniff(&input(text)), expected, "{text}");
            assert_eq!(guess(&input(text)), expected, "{text}");
        }
    }

    #[test]
    fn damaged_proofs_and_logs_are_guessed() {
        for (text, expected) in [
            ("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}", FileKind::Proofs),
            ("[1", FileKind::Proofs),
            ("{\"batchNumber\":2,\"x\":[]}", FileKind::Logs(SourceFormat::Jsonl)),
            ("{\"jsonrpc\":\"2.0\",\"logs\":1}", FileKind::Logs(SourceFormat::Receipts)),
        ] {
            assert_eq!(sniff(&input(text)), None, "{text}");
            assert_eq!(guess(&input(text)), Some(expected), "{text}");
        }
    }
}
