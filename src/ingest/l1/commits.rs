//! The batches of a chain as L1 has them, and what was passed over.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use thiserror::Error;

use super::{
    CalldataError, ChainName, CommitInfo, DaInput, StoredBatchInfo,
    stored_pubdata::{PubdataPlace, StoredPubdata},
};
use crate::{
    archive::Place,
    files::OutputError,
    primitives::{Address, ChainId, Hash, SlBatch},
    proof::FailureCode,
};

/// A transaction of L1, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionPlace {
    /// Its hash, if the file has it.
    pub hash: Option<Hash>,
    /// The file.
    pub name: Arc<str>,
    /// The position in the file.
    pub place: Place,
}

impl fmt::Display for TransactionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.place)?;
        self.hash.map_or(Ok(()), |hash| write!(f, " (transaction {hash})"))
    }
}

/// Whether L1 executed a batch. What it executed is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Execution {
    /// An execution of it, or a commit on top of an executed batch, names this content.
    Executed,
    /// There are executions of other batches, but neither of this one nor of a later one.
    NotExecuted,
    /// There are no executions among the inputs, or only one that may have failed.
    Unknown,
}

/// A batch that was committed on L1, after failed, reverted and doubled commits were passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedBatch {
    /// The number of the batch.
    pub batch: SlBatch,
    /// The batch before.
    pub previous: StoredBatchInfo,
    /// What the commit says of the batch.
    pub info: CommitInfo,
    /// Where its pubdata are.
    pub data: DaInput<PubdataPlace>,
    /// Whether it was executed.
    pub execution: Execution,
    /// The commit.
    pub transaction: TransactionPlace,
}

/// A batch number without a batch that could be told, among numbers that are there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoBatch {
    /// No input has a commit of it.
    #[error("no input has its commit")]
    Missing,
    /// Its commits among the inputs differ from what was executed.
    #[error(
        "{execution} executed the batch with the root {root}, but no commit among the inputs has this content; one \
         with other content is in {commit}"
    )]
    OtherContent {
        /// The execution, or the commit of the next batch.
        execution: TransactionPlace,
        /// The batch root that was executed.
        root: Hash,
        /// A commit with other content.
        commit: TransactionPlace,
    },
    /// Two commits have different content, and nothing tells which of them L1 accepted.
    #[error(
        "the commits in {} and {} differ, and nothing tells which of them L1 accepted; give the execution of the \
         batch, or the receipts of both", commits[0], commits[1]
    )]
    TwoCommits {
        /// The commits.
        commits: Box<[TransactionPlace; 2]>,
    },
    /// Two executions name different content.
    #[error(
        "the executions in {} and {} name different batches; give the receipts of both", executions[0], executions[1]
    )]
    TwoExecutions {
        /// The executions.
        executions: Box<[TransactionPlace; 2]>,
    },
    /// The only commits of it were reverted, or failed, or may have.
    #[error("its commit in {commit} was passed over: it {reason}")]
    PassedOver {
        /// The last of these commits.
        commit: TransactionPlace,
        /// Why.
        reason: PassedOver,
    },
    /// The calldata of its commit are damaged.
    #[error("the calldata of its commit in {commit} are damaged")]
    Damaged {
        /// The commit.
        commit: TransactionPlace,
        /// What is wrong.
        source: CalldataError,
    },
}

impl NoBatch {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::TwoCommits { .. } | Self::TwoExecutions { .. } => FailureCode::CommitAmbiguous,
            Self::Damaged { .. } => FailureCode::CommitDamaged,
            Self::Missing | Self::OtherContent { .. } | Self::PassedOver { .. } => {
                FailureCode::CommitMissing
            }
        }
    }
}

/// Why a transaction is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum PassedOver {
    /// It calls another function.
    #[error("calls another function")]
    OtherFunction,
    /// It failed.
    #[error("failed")]
    Failed,
    /// A later transaction reverted the batch.
    #[error("was reverted")]
    Reverted,
    /// Another content was executed.
    #[error("has other content than the batch that was executed")]
    NotExecuted,
    /// Its receipt has no event of a diamond for the batch.
    #[error("has a receipt without the event of the batch")]
    NoEvent,
    /// It has no receipt, but other calls of the chain have one. It may have failed.
    #[error("has no receipt among the inputs, which have those of other calls")]
    NoReceipt,
    /// There is a revert of the batch, and the inputs do not tell whether it came later.
    #[error(
        "may have been reverted: the inputs do not tell whether a revert came before or after it"
    )]
    OrderUnknown,
    /// The call is inside another one, and no receipt shows that it was made.
    #[error("has the call inside another one, and no receipt shows that the call was made")]
    NestedWithoutEvent,
    /// The file has no calldata of it.
    #[error("has no calldata in the file")]
    NoCalldata,
    /// The calldata are damaged, or in an encoding that is not known.
    #[error("has damaged calldata")]
    Damaged,
    /// The same commit is there already.
    #[error("is there already")]
    Repeated,
}

impl PassedOver {
    /// Whether L1 may have accepted the transaction all the same.
    #[must_use]
    pub fn is_uncertain(self) -> bool {
        matches!(self, Self::NoReceipt | Self::OrderUnknown | Self::NestedWithoutEvent)
    }
}

/// The commits of one chain.
#[derive(Debug)]
pub struct Commits {
    pub(super) names: Vec<ChainName>,
    pub(super) batches: Vec<CommittedBatch>,
    pub(super) without: BTreeMap<SlBatch, NoBatch>,
    /// What L1 executed.
    pub(super) executed: BTreeMap<SlBatch, (StoredBatchInfo, TransactionPlace)>,
    pub(super) passed_over: BTreeMap<PassedOver, u64>,
    pub(super) pubdata: Arc<StoredPubdata>,
}

impl Commits {
    /// The names of the chain: its id, or its diamonds on L1.
    #[must_use]
    pub fn names(&self) -> &[ChainName] {
        &self.names
    }

    /// Whether a diamond on L1 is the chain's.
    #[must_use]
    pub fn is_of_diamond(&self, diamond: Address) -> bool {
        self.names.contains(&ChainName::Diamond(diamond))
    }

    /// The chain id, if a commit names it.
    #[must_use]
    pub fn chain(&self) -> Option<ChainId> {
        self.names.iter().find_map(|name| match name {
            ChainName::Id(chain) => Some(*chain),
            ChainName::Diamond(_) => None,
        })
    }

    /// The batches, by number.
    #[must_use]
    pub fn batches(&self) -> &[CommittedBatch] {
        &self.batches
    }

    /// A batch.
    #[must_use]
    pub fn batch(&self, batch: SlBatch) -> Option<&CommittedBatch> {
        let found = self.batches.binary_search_by_key(&batch, |committed| committed.batch).ok()?;
        self.batches.get(found)
    }

    /// The first number and the last that the inputs name.
    #[must_use]
    pub fn range(&self) -> Option<RangeInclusive<SlBatch>> {
        let batches = || self.batches.iter().map(|batch| batch.batch);
        let others = || self.without.keys().chain(self.executed.keys()).copied();
        Some(batches().chain(others()).min()?..=batches().chain(others()).max()?)
    }

    /// The numbers between the first and the last without a batch, in ascending ranges, each with the reason.
    #[must_use]
    pub fn gaps(&self) -> Vec<(RangeInclusive<SlBatch>, NoBatch)> {
        let Some(range) = self.range() else { return Vec::new() };
        let mut gaps = Vec::new();
        let mut next = Some(range.start().0);
        let known = self.batches.iter().map(|batch| (batch.batch, None));
        let without = self.without.iter().map(|(batch, reason)| (*batch, Some(reason)));
        let mut known: Vec<_> = known.chain(without).collect();
        known.sort_by_key(|(batch, _)| *batch);
        let mut missing = |first: Option<u64>, last: Option<u64>| {
            if let Some((first, last)) = first.zip(last).filter(|(first, last)| first <= last) {
                gaps.push((SlBatch(first)..=SlBatch(last), NoBatch::Missing));
            }
        };
        let mut with_reason = Vec::new();
        for (batch, reason) in known {
            missing(next, batch.0.checked_sub(1));
            with_reason.extend(reason.map(|reason| (batch..=batch, reason.clone())));
            next = batch.0.checked_add(1);
        }
        missing(next, Some(range.end().0));
        gaps.extend(with_reason);
        gaps.sort_by_key(|(range, _)| *range.start());
        gaps
    }

    /// What L1 executed as a batch, also if its commit is missing; and the transaction that says so.
    #[must_use]
    pub fn executed(&self, batch: SlBatch) -> Option<&(StoredBatchInfo, TransactionPlace)> {
        self.executed.get(&batch)
    }

    /// What L1 executed as batches with these numbers, ascending, as [`Commits::executed`].
    pub(super) fn executed_in(
        &self,
        batches: Range<SlBatch>,
    ) -> impl Iterator<Item = (&SlBatch, &(StoredBatchInfo, TransactionPlace))> {
        // An empty range may end before it starts.
        let batches = batches.start..batches.end.max(batches.start);
        self.executed.range(batches)
    }

    /// The numbers of transactions that were passed over, by reason.
    #[must_use]
    pub fn passed_over(&self) -> &BTreeMap<PassedOver, u64> {
        &self.passed_over
    }

    /// The pubdata in the calldata of a commit.
    ///
    /// # Errors
    /// [`OutputError`] when the temporary file that holds them cannot be read.
    pub fn pubdata(&self, place: &PubdataPlace) -> Result<Vec<u8>, OutputError> {
        self.pubdata.read(place)
    }
}
