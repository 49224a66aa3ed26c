use rayon::prelude::*;
use thiserror::Error;

use super::{
    model::{Proof, ProofEnd},
    record::{ProofRecord, TargetRecord},
    settled::{FoldError, SettledBatch},
    sl_batch::SlBatchTree,
    target::{Resolved, Target, TargetError},
    verify::{self, VerifyError},
};
use crate::{
    forest::{BatchRoots, ChainTree, Forest, Timeline},
    messages::{Archive, ArchiveError, BatchView, EMPTY_LOG_LEAF, L2ToL1Log, LogTree},
    primitives::{BatchNumber, ChainId, Hash, SlBlock},
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
        /// The first and last batch that were executed here.
        executed: Option<(BatchNumber, BatchNumber)>,
        /// The batches that were executed here before and after it, where it is between two.
        between: Option<(BatchNumber, BatchNumber)>,
    },
    /// The archive has no logs of the batch.
    #[error("the archive has no logs of chain {chain}, batch {batch}")]
    BatchNotArchived {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The archive file is damaged where the batch is.
    #[error("the archive is damaged at chain {chain}, batch {batch}: {reason}")]
    ArchiveDamaged {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// What is wrong.
        reason: String,
    },
    /// The chain was registered after the root was taken.
    #[error(
        "chain {chain} was registered after the interop root of block {block} was written; a later root \
         is needed"
    )]
    ChainAfterTarget {
        /// The chain.
        chain: ChainId,
        /// The block.
        block: u64,
    },
    /// The batch was executed after the root was taken.
    #[error(
        "batch {batch} of chain {chain} was executed after the interop root of block {block} was \
         written{}", first_root(.first)
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
    /// No explained root contains the batch.
    #[error("no interop root is known to contain batch {batch} of chain {chain}")]
    NotInAnyRoot {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The state stores no root of the batch.
    #[error(
        "the state stores no batch root of chain {chain}, batch {batch}: it was not executed on this \
         layer by the time of the state, or Bridgehub and MessageRoot are elsewhere (--bridgehub, \
         --message-root)"
    )]
    NoBatchRoot {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// The state cannot be read, or makes no sense.
    #[error(transparent)]
    State(#[from] StateError),
    /// The logs are not those of the batch root.
    #[error(transparent)]
    LogsDoNotFold(#[from] FoldError),
    /// The batch has fewer logs.
    #[error("chain {chain}, batch {batch} has {logs} logs, none with index {index}")]
    NoSuchLog {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The index.
        index: u64,
        /// How many logs there are.
        logs: u64,
    },
    /// The log is the padding of log trees.
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
    /// The verifier did not accept what was made. That is an error of this program.
    #[error(
        "internal error: the proof made for log {index} of chain {chain}, batch {batch} was refused by \
         the verifier and is not emitted"
    )]
    Refused {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The index.
        index: u64,
        /// What the verifier said.
        source: VerifyError,
    },
}

fn range(executed: &Option<(BatchNumber, BatchNumber)>) -> String {
    executed
        .map_or(String::new(), |(first, last)| format!(" (which has batches {first} to {last})"))
}

fn away(between: &Option<(BatchNumber, BatchNumber)>) -> String {
    between.map_or(" by the time of the state".into(), |(before, after)| {
        format!(", which the chain left after batch {before} and came back to with batch {after}")
    })
}

fn first_root(first: &Option<SlBlock>) -> String {
    first.map_or(String::new(), |block| {
        format!("; the first that contains it is that of block {block}")
    })
}

impl ExtractError {
    /// A stable word for the kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownChain(_) => "unknown-chain",
            Self::BatchNotInTree { .. } => "batch-not-in-tree",
            Self::BatchNotArchived { .. } => "batch-not-archived",
            Self::ArchiveDamaged { .. } => "archive-damaged",
            Self::ChainAfterTarget { .. } => "chain-after-target",
            Self::BatchAfterTarget { .. } => "batch-after-target",
            Self::NotInAnyRoot { .. } => "batch-in-no-root",
            Self::NoBatchRoot { .. } => "batch-root-not-stored",
            Self::State(_) => "state-damaged",
            Self::LogsDoNotFold(_) => "logs-do-not-fold",
            Self::NoSuchLog { .. } => "log-not-in-batch",
            Self::DefaultLeaf { .. } => "default-leaf",
            Self::Refused { .. } => "internal-error",
        }
    }
}

/// Makes proofs from a forest, against one target.
///
/// ```no_run
/// use std::path::Path;
/// use slproof::{files::Access, forest, import, messages, primitives::*, proofs};
///
/// let dump = import::read_state(Path::new("gateway.json"), None)?;
/// let forest = forest::rebuild(&dump.state, &forest::RebuildOptions::default())?;
/// let archive = messages::read_archive(Path::new("logs.slmsg"), Access::Map)?;
///
/// let extractor = proofs::Extractor::new(&forest, proofs::Target::Latest)?;
/// let record = extractor.batch_of(&archive, ChainId(324), BatchNumber(501_234))?.prove(0)?;
/// println!("{}", serde_json::to_string(&record)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Extractor<'f>(Source<'f>);

#[derive(Clone, Debug)]
enum Source<'f> {
    Forest(&'f Forest, Resolved<'f>),
    State(&'f dyn BatchRoots),
}

impl<'f> Extractor<'f> {
    /// Proofs against a root that the forest alone gives: [`Target::Latest`] or [`Target::BatchRoot`].
    ///
    /// # Errors
    /// [`TargetError`] when the state does not have it, or it takes more.
    pub fn new(forest: &'f Forest, target: Target) -> Result<Self, TargetError> {
        Ok(Self(Source::Forest(forest, Resolved::new(forest, target)?)))
    }

    /// Proofs against any root by block.
    ///
    /// # Errors
    /// [`TargetError`] when the block has no root, or an unexplained one, or the target is a batch of
    /// the settlement layer ([`Extractor::to_sl_batch`]).
    pub fn in_history(
        forest: &'f Forest,
        timeline: &'f Timeline,
        target: Target,
    ) -> Result<Self, TargetError> {
        Ok(Self(Source::Forest(forest, Resolved::in_history(forest, timeline, target)?)))
    }

    /// Proofs against the root of a batch of the settlement layer, as L1 verifies them.
    #[must_use]
    pub fn to_sl_batch(forest: &'f Forest, timeline: &'f Timeline, batch: &'f SlBatchTree) -> Self {
        Self(Source::Forest(forest, Resolved::SlBatch(timeline, batch)))
    }

    /// Proofs against the batch roots that a state stores, on whatever layer the chains settle: nothing
    /// is rebuilt. Batches from before v26 are proven by their plain log path.
    #[must_use]
    pub fn to_batch_roots(state: &'f dyn BatchRoots) -> Self {
        Self(Source::State(state))
    }

    /// The tree, leaf index and root of a batch.
    ///
    /// # Errors
    /// [`ExtractError::UnknownChain`] or [`ExtractError::BatchNotInTree`].
    fn find(
        forest: &'f Forest,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<(&'f ChainTree, u64, Hash), ExtractError> {
        let tree = forest.chain(chain).ok_or(ExtractError::UnknownChain(chain))?;
        let (leaf_index, batch_root) = tree.find(batch).ok_or_else(|| {
            let batches = tree.batches();
            let executed = batches.first().zip(batches.last());
            let (before, after) = batches.around(batch);
            let between = before.zip(after);
            ExtractError::BatchNotInTree { chain, batch, executed, between }
        })?;
        Ok((tree, leaf_index, batch_root))
    }

    /// Prepares the proofs of a batch whose logs are in `archive`; see [`Extractor::batch`].
    ///
    /// # Errors
    /// [`ExtractError`] naming the hop that is missing.
    pub fn batch_of<'a>(
        &self,
        archive: &'a Archive,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        if let Source::Forest(forest, _) = self.0 {
            Self::find(forest, chain, batch)?;
        }
        let damaged = |error: ArchiveError| ExtractError::ArchiveDamaged {
            chain,
            batch,
            reason: error.to_string(),
        };
        let logs = archive.batch(chain, batch).map_err(damaged)?;
        self.batch(logs.ok_or(ExtractError::BatchNotArchived { chain, batch })?)
    }

    /// Prepares the proofs of one batch: proves its logs against the batch root in the state, and
    /// finds the part of the proof that all its logs share.
    ///
    /// # Errors
    /// [`ExtractError`] naming the hop that is missing.
    pub fn batch<'a>(
        &self,
        logs: impl Into<BatchView<'a>>,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        let logs = logs.into();
        self.settle(logs, logs.tree())
    }

    /// Prepares the proofs of many batches as [`Extractor::batch`] does those of one, on all threads
    /// of the current rayon pool. The trees of their logs are hashed side by side, which is several
    /// times faster where batches have few logs.
    #[must_use]
    pub fn batches<'a>(
        &self,
        batches: &[BatchView<'a>],
    ) -> Vec<Result<BatchProofs<'a>, ExtractError>> {
        let trees = BatchView::trees(batches).into_par_iter();
        trees.zip(batches).map(|(tree, logs)| self.settle(*logs, tree)).collect()
    }

    fn settle<'a>(
        &self,
        logs: BatchView<'a>,
        log_tree: LogTree,
    ) -> Result<BatchProofs<'a>, ExtractError> {
        let (chain, batch) = (logs.chain(), logs.batch());
        match &self.0 {
            Source::Forest(forest, target) => {
                let (tree, leaf, batch_root) = Self::find(forest, chain, batch)?;
                let settled = SettledBatch::settle(logs, log_tree, batch_root)?;
                let (end, target) = target.end(forest, tree, leaf)?;
                Ok(BatchProofs { settled, end, target })
            }
            Source::State(state) => {
                let root = state.batch_root(chain, batch)?;
                let root = root.ok_or(ExtractError::NoBatchRoot { chain, batch })?;
                let settled = SettledBatch::settle(logs, log_tree, root)?;
                let end = if settled.is_plain() { ProofEnd::Plain } else { ProofEnd::BatchRoot };
                Ok(BatchProofs { settled, end, target: TargetRecord::batch_root(root) })
            }
        }
    }
}

/// The proofs of one batch: the part they share, and the tree of its logs.
#[derive(Clone, Debug)]
pub struct BatchProofs<'a> {
    settled: SettledBatch<'a>,
    end: ProofEnd,
    target: TargetRecord,
}

impl<'a> BatchProofs<'a> {
    /// The batch, with its proven aggregated root.
    #[must_use]
    pub fn settled(&self) -> &SettledBatch<'a> {
        &self.settled
    }

    /// The proof of one log, accepted by the verifier.
    ///
    /// # Errors
    /// [`ExtractError`] when there is no such log, or it is the padding of log trees.
    pub fn prove(&self, index: u64) -> Result<ProofRecord, ExtractError> {
        let logs = self.settled.logs();
        let found = usize::try_from(index).ok().and_then(|i| logs.with_messages().nth(i));
        let (log, message) = found.ok_or_else(|| self.no_such_log(index))?;
        self.record(index, log, message)
    }

    /// The proofs of all logs in order.
    pub fn prove_all(&self) -> impl Iterator<Item = Result<ProofRecord, ExtractError>> {
        let logs = (0..).zip(self.settled.logs().with_messages());
        logs.map(|(index, (log, message))| self.record(index, log, message))
    }

    fn no_such_log(&self, index: u64) -> ExtractError {
        let logs = self.settled.logs();
        let (chain, batch) = (logs.chain(), logs.batch());
        ExtractError::NoSuchLog { chain, batch, index, logs: logs.logs().len() as u64 }
    }

    fn record(
        &self,
        index: u64,
        log: &L2ToL1Log,
        message: Option<&[u8]>,
    ) -> Result<ProofRecord, ExtractError> {
        let (chain, batch) = (self.settled.logs().chain(), self.settled.logs().batch());
        if self.settled.tree.leaf(index) == EMPTY_LOG_LEAF {
            return Err(ExtractError::DefaultLeaf { chain, batch, index });
        }
        if let Some(Err(error)) = message.map(|message| verify::message(log, message)) {
            // The bytes of an archive file are read here for the first time.
            let reason = format!("log {index}: {error}");
            return Err(ExtractError::ArchiveDamaged { chain, batch, reason });
        }
        let log_path = self.settled.path(index).map_err(|_| self.no_such_log(index))?;
        let record = ProofRecord {
            chain_id: chain,
            batch_number: batch,
            id: index,
            root: self.settled.batch_root(),
            proof: Proof { log_path, end: self.end.clone() }.encode(),
            target: Some(self.target),
            log: Some(*log),
            message: message.map(<[u8]>::to_vec),
        };
        // The verifier judges the record as it will be read: words, roots, target and message.
        match record.verify(log, |_| Some(self.target.root)) {
            Ok(_) => Ok(record),
            Err(source) => Err(ExtractError::Refused { chain, batch, index, source }),
        }
    }
}
