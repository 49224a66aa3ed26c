//! What an input is used for, and the messages for a file of another kind.

use crate::ingest::{FileKind, OtherAnswer};

/// What an input is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    State,
    Anchor,
    Messages,
    Proofs,
    Requests,
    Shard,
    Native,
    SlBatches,
    BatchBlocks,
}

impl Role {
    /// Whether a file of this kind can be used in this role.
    pub(super) fn takes(self, kind: FileKind) -> bool {
        use FileKind::{
            Answer, BatchBlocks, Events, EventsAndLogs, Logs, MessageArchive, Proofs, Requests,
            SlBatches, Snapshot, State, TreeFile,
        };
        match self {
            Self::State => kind.is_evidence(),
            Self::Anchor => matches!(
                kind,
                Snapshot | State(_) | Answer(OtherAnswer::EthGetProof | OtherAnswer::Block)
            ),
            // Lines of SL batches are also an archive of logs.
            Self::Messages => {
                matches!(kind, MessageArchive | Logs(_) | EventsAndLogs | SlBatches)
                    || kind.is_of_l1()
            }
            Self::Proofs => kind == Proofs,
            Self::Requests => kind == Requests,
            Self::Shard => false,
            Self::Native => matches!(kind, Snapshot | TreeFile | MessageArchive),
            // An archive of logs may be one of SL batches without their blocks.
            Self::SlBatches => {
                matches!(kind, SlBatches | Logs(_) | EventsAndLogs) || kind.is_of_l1()
            }
            // Events of the chain name the blocks of its batches.
            Self::BatchBlocks => {
                matches!(kind, BatchBlocks | SlBatches | Events | EventsAndLogs | Logs(_))
            }
        }
    }

    /// A hint that says which flag or command takes a file of this kind, which was given in this role.
    pub(super) fn hint(self, kind: FileKind) -> &'static str {
        match (self, kind) {
            (Self::Shard, _) => {
                "merge takes the outputs of prove --shard, each with its FILE.shard.json"
            }
            (Self::Native, _) => "make a native file with slproof import, rebuild -o or index",
            (_, FileKind::Answer(answer)) => answer.instead(),
            (_, FileKind::OtherTable) => "name the columns of logs with --columns FIELD=COLUMN",
            (_, FileKind::Snapshot | FileKind::TreeFile | FileKind::State(_)) => {
                "did you mean --tree, or slproof rebuild?"
            }
            (_, FileKind::MessageArchive | FileKind::Logs(_)) => {
                "did you mean --messages, or slproof index?"
            }
            (_, FileKind::Proofs) => "did you mean slproof verify?",
            (_, FileKind::Requests) => "did you mean --requests?",
            (_, FileKind::Events | FileKind::EventsAndLogs) => {
                "did you mean --tree or --events, or slproof rebuild?"
            }
            (_, FileKind::SlBatches) => "did you mean --sl-batches?",
            (_, FileKind::L1Transactions) => "slproof inspect lists the batches that it commits",
            (_, FileKind::BatchBlocks) => "did you mean --batch-blocks?",
            (_, FileKind::Blobs) => {
                "blobs are read together with the transactions that committed them"
            }
            (_, FileKind::Manifest) => {
                "give the shard itself to slproof merge, without .shard.json"
            }
            (_, FileKind::Checkpoint) => "continue the job with prove --resume",
            (_, FileKind::Published) => "slproof verify --published reads the directory back",
        }
    }

    /// Why a file of another kind cannot be used in this role.
    pub(super) fn lack(self) -> &'static str {
        match self {
            Self::State => "it holds no state, trees or events of MessageRoot",
            Self::Anchor => "it holds no state",
            Self::Messages => "it holds no logs",
            Self::Proofs => "it holds no proofs",
            Self::Requests => "it holds no requests",
            Self::Shard => "it is not a shard",
            Self::Native => "it is not a native file",
            Self::SlBatches => "it holds no batches of a settlement layer",
            Self::BatchBlocks => "it does not hold the blocks of batches",
        }
    }
}
