use std::ops::RangeInclusive;

use thiserror::Error;

use super::{FoldError, SlBatchError, error_text::with_causes};
use crate::{
    anchor::{Answer, Lacking, Refusal, state_error_code},
    primitives::{BatchNumber, ChainId, Hash, SlBatch, SlBlock},
    proof::{FailureCode, Target, verify::VerifyError},
    state::StateError,
};

/// Why a log cannot be proven.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The chain is not registered on this settlement layer.
    #[error("chain {0} is not registered on this settlement layer")]
    UnknownChain(ChainId),
    /// The batch was not executed on this settlement layer.
    #[error(
        "batch {batch} of chain {chain} is not in its tree{}: it was not executed on this settlement \
         layer{}", range(.executed), away(.between)
    )]
    BatchNotInTree {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The first and last batch that were executed on this settlement layer.
        executed: Option<(BatchNumber, BatchNumber)>,
        /// The neighbouring batches that were executed here, if the missing batch is between two.
        between: Option<(BatchNumber, BatchNumber)>,
    },
    /// The root of the batch is lost, if it was executed at all.
    #[error(
        "the root of batch {batch} of chain {chain} is not known: if it was executed on this settlement layer, then in {}, \
         and what was published there is missing on L1",
        SlBatch::names(missing)
    )]
    BatchLost {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The batches of the settlement layer of which one executed it.
        missing: RangeInclusive<SlBatch>,
    },
    /// The batch is not among those that are known to be executed, but the settlement layer's batches are not all known.
    #[error(
        "it is not known whether batch {batch} of chain {chain} was executed: batches of the settlement layer that \
         may have executed it are missing on L1"
    )]
    MaybeLost {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The batch was executed in or after missing batches of the settlement layer, and its path has a lost node.
    #[error(
        "batch {batch} of chain {chain} was executed in or after batches of the settlement layer that are missing on L1, and \
         a node on its path to every later root is lost with them"
    )]
    PathLost {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The batch was executed after the batch of the settlement layer that is the target.
    #[error(
        "SL batch {sl_batch} does not contain batch {batch} of chain {chain}, which was executed later"
    )]
    BatchAfterSlBatch {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The batch of the settlement layer.
        sl_batch: SlBatch,
    },
    /// None of the batches of the settlement layer after missing ones can be the target.
    #[error(
        "batch {batch} of chain {chain} was executed in or after batches of the settlement layer that are missing on L1"
    )]
    SlBatchAfterGap {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// Why the first later one cannot.
        #[source]
        reason: Box<SlBatchError>,
    },
    /// The batch has no leaf in the tree of its chain, on a settlement layer of v33.
    #[error(
        "batch {batch} of chain {chain} has no leaf in its tree{}. The settlement layer has a leaf for each batch that \
         it executed since the chain's upgrade to v33 of ZKsync OS, and none for older batches and for Era chains. If \
         it executed this batch, only the target batch-root proves it, from its state", range(.executed)
    )]
    BatchHasNoLeaf {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The first and last batch with a leaf.
        executed: Option<(BatchNumber, BatchNumber)>,
    },
    /// A leaf of a batch root is to be proven, but the root has not eight leaves.
    #[error(
        "the root of batch {batch} of chain {chain} has not eight leaves: Era chains and releases before v33 hash the \
         root of the logs and the aggregated root"
    )]
    NotEightLeaves {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// A root of the interop commitment tree is to be proven, and only the node above it is known.
    #[error(
        "the roots of the interop commitment tree of chain {chain}, batch {batch} are not known, only the node above \
         them: imtBegin and imtEnd are needed in a line of a raw archive"
    )]
    ImtRootsUnknown {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The contracts refuse proofs of batch 0 that end at the batch root.
    #[error(
        "the contracts refuse proofs of batch 0 (chain {0}) that end at the batch root; a block of the settlement layer \
         proves it"
    )]
    BatchZero(ChainId),
    /// The archive has no logs of the batch.
    #[error("the archive has no logs of chain {chain}, batch {batch}")]
    BatchNotArchived {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The archive file is damaged at this batch.
    #[error("the archive is damaged at chain {chain}, batch {batch}: {reason}")]
    ArchiveDamaged {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The cause.
        reason: String,
    },
    /// The chain was registered after the root was stored.
    #[error(
        "chain {chain} was registered after block {block}, the last block that the root covers; a later \
         root is needed"
    )]
    ChainAfterTarget {
        /// The chain.
        chain: ChainId,
        /// The block of the root. For a batch of the settlement layer, its last block.
        block: SlBlock,
    },
    /// The batch was executed after the root was stored.
    #[error(
        "batch {batch} of chain {chain} was executed after the interop root of block {block} was \
         stored{}", first_root(.first)
    )]
    BatchAfterTarget {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The block.
        block: SlBlock,
        /// The first block whose root contains the batch.
        first: Option<SlBlock>,
    },
    /// No root with known contents contains the batch.
    #[error("no interop root is known to contain batch {batch} of chain {chain}")]
    NotInAnyRoot {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The first root known to contain the batch follows a root with unknown contents.
    #[error(
        "the first interop root that contains batch {batch} of chain {chain} is not known: the root of \
         block {block} contains it, but a root before it is lost or its contents are unknown; give the events of \
         MessageRoot, alone if the state or L1 lost roots, or try more trees"
    )]
    FirstRootUnknown {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The block of the root that contains the batch.
        block: SlBlock,
    },
    /// The first root with the batch is in a batch of the settlement layer after missing ones, and it is not known which of
    /// its roots it is.
    #[error(
        "the first interop root that contains batch {batch} of chain {chain} is not known: the root of block {block} \
         contains it, but not all of the roots before it in the same SL batch, which is after SL batches that are missing \
         on L1, were found"
    )]
    FirstRootAfterGap {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The block of the last root of the batch of the settlement layer.
        block: SlBlock,
    },
    /// The state stores no root for the batch.
    #[error(
        "the state stores no batch root of chain {chain}, batch {batch}: it was not executed on this \
         layer by the time of the state, or Bridgehub and MessageRoot have other addresses"
    )]
    NoBatchRoot {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The batch of the settlement layer in which the batch was executed cannot be used.
    #[error(
        "batch {batch} of chain {chain}, executed in block {block}, cannot be proven to L1: {}",
        with_causes(.reason)
    )]
    SlBatch {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The block in which it was executed.
        block: SlBlock,
        /// The cause.
        reason: SlBatchError,
    },
    /// The table of a node has no path of the batch to the target.
    #[error(
        "the node stored no path of batch {batch} of chain {chain} to the target {target}{}", stored(.has)
    )]
    NoStoredPath {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The target.
        target: Target,
        /// The block or batch of the settlement layer to which it has a path.
        has: Option<u64>,
    },
    /// The path that a node stored leads to a root that L1 does not confirm.
    #[error(
        "the path of batch {batch} of chain {chain} that the node stored does not lead to a root on L1: {}",
        with_causes(.reason)
    )]
    StoredPath {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The cause.
        reason: SlBatchError,
    },
    /// The path that a node stored leads to another root than L1 stores.
    #[error(
        "the path of batch {batch} of chain {chain} that the node stored leads to {got}, but L1 stores {stored} \
         for SL batch {sl_batch}: the path is damaged, or the table is of another chain"
    )]
    StoredPathDiffers {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The batch of the settlement layer.
        sl_batch: SlBatch,
        /// The root that L1 stores.
        stored: Hash,
        /// The root to which the path leads.
        got: Hash,
    },
    /// L1 does not store the root of the batch, at which the proof would end.
    #[error("batch {batch} of chain {chain} has the root {root}, but L1 stores {}", other_root(.stored))]
    OtherRootOnL1 {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The root of the batch in the trees or the state that prove it.
        root: Hash,
        /// The root that L1 stores, if it stores one.
        stored: Option<Hash>,
    },
    /// L1 does not accept the batch, or not through the target, a batch of the settlement layer.
    #[error("L1 does not accept this proof: {0}")]
    NotAcceptedByL1(Refusal),
    /// The contracts in the state that the batch root is from do not accept it.
    #[error("the contracts in the state do not accept this proof: {0}")]
    NotAccepted(Refusal),
    /// L1's state does not show whether L1 accepts the batch through the target.
    #[error("L1's state does not show whether L1 accepts this proof: {0}")]
    L1CannotJudge(Lacking),
    /// Bridgehub in L1's state does not know the chain.
    #[error(
        "L1's state does not show whether L1 accepts batch {batch} of chain {chain} through SL batch \
         {sl_batch}: its Bridgehub does not know the chain"
    )]
    ChainNotOnL1 {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The batch of the settlement layer.
        sl_batch: SlBatch,
    },
    /// The state cannot be read, or holds invalid values.
    #[error(transparent)]
    State(#[from] StateError),
    /// The logs do not match the batch root.
    #[error(transparent)]
    LogsDoNotFold(#[from] FoldError),
    /// The logs do not match the batch root in the table of a node. The table does not name its chain.
    #[error(
        "the logs of chain {}, batch {} ({} in all) do not fold to the root {} of that batch in the node's table: the \
         table may be of another chain, or a log is missing, added or altered",
        .0.chain, .0.batch, .0.logs, .0.expected
    )]
    LogsDoNotFoldToTable(FoldError),
    /// The tree file is damaged at this batch.
    #[error(
        "the tree file is damaged at batch {batch} of chain {chain}: its leaf is not in the chain tree"
    )]
    TreeDamaged {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The batch has no log with this index.
    #[error("chain {chain}, batch {batch} has {logs} logs, none with index {index}")]
    NoSuchLog {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The requested index.
        index: u64,
        /// The number of logs of the batch.
        logs: u64,
    },
    /// The log is the padding leaf of log trees.
    #[error(
        "log {index} of chain {chain}, batch {batch} is 88 zero bytes; the contracts refuse every proof \
         of it"
    )]
    DefaultLeaf {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The index.
        index: u64,
    },
    /// The verifier refused a proof made here. Either a mapped file is damaged in a part that was not hashed
    /// again, or this program has an error.
    #[error(
        "the verifier refused the proof made for log {index} of chain {chain}, batch {batch}: the tree file \
         is damaged, or slproof has an error; the proof is not emitted"
    )]
    Refused {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The index.
        index: u64,
        /// The verifier's error.
        source: VerifyError,
    },
    /// The two verifiers disagree, which is an error of this program.
    #[error(
        "internal error: the two verifiers disagree about the proof of log {index} of chain {chain}, \
         batch {batch}; the proof is not emitted"
    )]
    Disputed {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The index.
        index: u64,
    },
}

fn range(executed: &Option<(BatchNumber, BatchNumber)>) -> String {
    executed
        .map_or(String::new(), |(first, last)| format!(" (which has batches {first} to {last})"))
}

fn away(between: &Option<(BatchNumber, BatchNumber)>) -> String {
    between.map_or(" by the time of the state".into(), |(before, after)| {
        format!(", which the chain left after batch {before} and returned to with batch {after}")
    })
}

fn stored(has: &Option<u64>) -> String {
    has.map_or(String::new(), |number| format!("; it stored one to number {number}"))
}

fn other_root(stored: &Option<Hash>) -> String {
    stored.map_or("no root of it".into(), |stored| stored.to_string())
}

fn first_root(first: &Option<SlBlock>) -> String {
    first.map_or(String::new(), |block| {
        format!("; the first root that contains it is that of block {block}")
    })
}

impl ExtractError {
    /// Converts L1's answer into the reason why L1 does not accept a batch through a batch of the settlement
    /// layer.
    pub(super) fn not_accepted(
        (chain, batch): (ChainId, BatchNumber),
        sl_batch: SlBatch,
        answer: Answer,
    ) -> Self {
        match answer {
            Answer::Refused(refusal) => Self::NotAcceptedByL1(refusal),
            Answer::Lacking(lacking) => Self::L1CannotJudge(lacking),
            Answer::Root(_) | Answer::NotStored => Self::ChainNotOnL1 { chain, batch, sl_batch },
        }
    }

    /// Whether the archive, or the trees, do not have the content of the batch. Then nothing is known of its
    /// logs.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        matches!(
            self,
            Self::LogsDoNotFold(_)
                | Self::LogsDoNotFoldToTable(_)
                | Self::ArchiveDamaged { .. }
                | Self::TreeDamaged { .. }
        )
    }

    /// The stable code of the kind of error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::UnknownChain(_) => FailureCode::UnknownChain,
            Self::BatchNotInTree { .. } | Self::BatchHasNoLeaf { .. } => {
                FailureCode::BatchNotInTree
            }
            Self::BatchLost { .. } | Self::MaybeLost { .. } | Self::PathLost { .. } => {
                FailureCode::LostOnL1
            }
            Self::BatchAfterSlBatch { .. } => FailureCode::BatchAfterTarget,
            Self::SlBatchAfterGap { reason, .. } => reason.code(),
            Self::NotEightLeaves { .. } => FailureCode::NotEightLeaves,
            Self::ImtRootsUnknown { .. } => FailureCode::ImtRootsUnknown,
            Self::BatchZero(_) => FailureCode::BatchZero,
            Self::BatchNotArchived { .. } => FailureCode::BatchNotArchived,
            Self::ArchiveDamaged { .. } => FailureCode::ArchiveDamaged,
            Self::ChainAfterTarget { .. } => FailureCode::ChainAfterTarget,
            Self::BatchAfterTarget { .. } => FailureCode::BatchAfterTarget,
            Self::NotInAnyRoot { .. } => FailureCode::BatchInNoRoot,
            Self::FirstRootUnknown { .. } | Self::FirstRootAfterGap { .. } => {
                FailureCode::FirstRootUnknown
            }
            Self::NoBatchRoot { .. } => FailureCode::BatchRootNotStored,
            Self::NoStoredPath { .. } => FailureCode::BatchNotInTree,
            Self::StoredPathDiffers { .. } => FailureCode::SlBatchRootDiffers,
            Self::SlBatch { reason, .. } | Self::StoredPath { reason, .. } => reason.code(),
            Self::OtherRootOnL1 { stored: None, .. } => FailureCode::UnknownRoot,
            Self::OtherRootOnL1 { stored: Some(_), .. } => FailureCode::RootMismatch,
            Self::NotAcceptedByL1(refusal) | Self::NotAccepted(refusal) => refusal.code(),
            Self::L1CannotJudge(lacking) => lacking.code(),
            Self::ChainNotOnL1 { .. } => FailureCode::ChainNotOnL1,
            Self::State(error) => state_error_code(error),
            Self::LogsDoNotFold(_) | Self::LogsDoNotFoldToTable(_) => FailureCode::LogsDoNotFold,
            Self::NoSuchLog { .. } => FailureCode::LogNotInBatch,
            Self::DefaultLeaf { .. } => FailureCode::DefaultLeaf,
            Self::TreeDamaged { .. } => FailureCode::TreeDamaged,
            Self::Refused { .. } => FailureCode::ProofRefused,
            Self::Disputed { .. } => FailureCode::InternalError,
        }
    }
}
