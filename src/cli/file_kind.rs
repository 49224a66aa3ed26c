//! The kinds of files, detected by content.

use crate::{
    archive,
    files::{Input, container::is_container},
    forest::TREE_FILE,
    ingest::{logs::SourceFormat, state::Format},
    proof::{RequestLine, reader::Members},
    records::parquet::ParquetProofs,
    snapshot,
};

/// The kinds of files that commands read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Snapshot,
    TreeFile,
    MessageArchive,
    /// A dump of a state.
    Dump,
    /// An archive of logs in any format except the native one.
    Logs,
    Proofs,
    Requests,
    /// Named events of MessageRoot.
    Events,
    /// The settlement layer's own batches.
    SlBatches,
    /// The blocks of each batch.
    BatchBlocks,
    Manifest,
    Checkpoint,
}

/// What an input is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    State,
    Messages,
    Proofs,
    Requests,
    Shard,
    Native,
}

impl FileKind {
    /// Detects the kind by the first bytes.
    pub(super) fn of(input: &Input) -> Option<Self> {
        let head = input.head();
        if is_container(head) {
            let tag = head.get(12..16)?;
            let kinds = [
                (snapshot::KIND, Self::Snapshot),
                (TREE_FILE, Self::TreeFile),
                (archive::KIND, Self::MessageArchive),
            ];
            return kinds.into_iter().find_map(|(kind, is)| (kind.tag == tag).then_some(is));
        }
        if ParquetProofs::is_parquet(head) {
            return Some(Self::Proofs);
        }
        Self::of_members(head)
            .or_else(|| SourceFormat::recognise(input).map(|_| Self::Logs))
            .or_else(|| Format::recognise(input).map(|_| Self::Dump))
    }

    /// Detects JSON by the members of its first object.
    fn of_members(head: &[u8]) -> Option<Self> {
        let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
        let first = text.strip_prefix(b"[").unwrap_or(text);
        let members = Members::of(first);
        let has = |name| members.has(name);
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if has("job") && has("blake3") {
            Some(if has("steps") { Self::Checkpoint } else { Self::Manifest })
        } else if has("proof")
            || (has("data") && (has("call") || has("to")))
            || (has("request") && has("error"))
        {
            Some(Self::Proofs)
        } else if has("firstBlock") && has("lastBlock") {
            Some(if has("logs") { Self::SlBatches } else { Self::BatchBlocks })
        } else if has("event") && has("blockNumber") {
            Some(Self::Events)
        } else {
            RequestLine::parse(line).is_ok().then_some(Self::Requests)
        }
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Snapshot => "a state snapshot (*.slsnap)",
            Self::TreeFile => "a tree file (*.sltree)",
            Self::MessageArchive => "a message archive (*.slmsg)",
            Self::Dump => "a state dump",
            Self::Logs => "an archive of logs",
            Self::Proofs => "a file of proofs",
            Self::Requests => "a file of requests",
            Self::Events => "a file of events of MessageRoot",
            Self::SlBatches => "a file of the settlement layer's batches",
            Self::BatchBlocks => "a file of the blocks of batches",
            Self::Manifest => "the manifest of a shard",
            Self::Checkpoint => "the checkpoint of an interrupted job",
        }
    }

    /// Whether a file of this kind can be used as `role`.
    pub(super) fn fits(self, role: Role) -> bool {
        match role {
            Role::State => matches!(self, Self::Snapshot | Self::TreeFile | Self::Dump),
            // Events in receipts and lines of SL batches are also archives of logs.
            Role::Messages => matches!(self, Self::MessageArchive | Self::Logs | Self::SlBatches),
            Role::Proofs => self == Self::Proofs,
            Role::Requests => self == Self::Requests,
            Role::Shard => false,
            Role::Native => {
                matches!(self, Self::Snapshot | Self::TreeFile | Self::MessageArchive)
            }
        }
    }

    /// A hint that says which flag or command takes a file of this kind, which was given as `role`.
    pub(super) fn hint(self, role: Role) -> &'static str {
        match self {
            _ if role == Role::Shard => {
                "merge takes the outputs of prove --shard, each with its FILE.shard.json"
            }
            _ if role == Role::Native => {
                "make a native file with slproof import, rebuild -o or index"
            }
            Self::Snapshot | Self::TreeFile | Self::Dump => {
                "did you mean --tree, or slproof rebuild?"
            }
            Self::MessageArchive | Self::Logs => "did you mean --messages, or slproof index?",
            Self::Proofs => "did you mean slproof verify?",
            Self::Requests => "did you mean --requests?",
            Self::Events => "did you mean --events?",
            Self::SlBatches => "did you mean --sl-batches?",
            Self::BatchBlocks => "did you mean --batch-blocks?",
            Self::Manifest => "give the shard itself to slproof merge, without .shard.json",
            Self::Checkpoint => "continue the job with prove --resume",
        }
    }
}

impl Role {
    /// Why a file of another kind cannot be used in this role.
    pub(super) fn lack(self) -> &'static str {
        match self {
            Self::State => "it holds no state and no trees",
            Self::Messages => "it holds no logs",
            Self::Proofs => "it holds no proofs",
            Self::Requests => "it holds no requests",
            Self::Shard => "it is not a shard",
            Self::Native => "it is not a native file",
        }
    }
}
