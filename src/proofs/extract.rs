use std::str::FromStr;

use rayon::prelude::*;
use thiserror::Error;

use super::{
    model::{Proof, ProofEnd, SettlementHop},
    record::{ProofRecord, TargetKind, TargetRecord},
    settled::{FoldError, SettledBatch},
    verify::{self, Claim, VerifyError},
};
use crate::{
    contracts::Layout,
    forest::{ChainTree, Forest, InteropRoot},
    merkle::Prefix,
    messages::{Archive, ArchiveError, BatchView, EMPTY_LOG_LEAF, L2ToL1Log, LogTree},
    primitives::{BatchNumber, ChainId, Hash, Word},
};

/// Which root proofs are to fold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The interop root of the newest settlement layer block that the state has one of.
    Latest,
    /// The chain's own batch root.
    BatchRoot,
}

/// A target that does not exist, or not in this state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text names no target.
    #[error("{0:?} is no target; known are \"latest\" and \"batch-root\"")]
    Unknown(String),
    /// The settlement layer keeps no roots by block.
    #[error(
        "the state has no interop root to prove against: its contracts are of release {0}, and roots by \
         block are kept since v29; use --target batch-root"
    )]
    NoInteropRoot(Layout),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text {
            "latest" => Ok(Self::Latest),
            "batch-root" => Ok(Self::BatchRoot),
            _ => Err(TargetError::Unknown(text.into())),
        }
    }
}

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
         layer by the time of the state", range(.executed)
    )]
    BatchNotInTree {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The first and last batch that were executed here.
        executed: Option<(BatchNumber, BatchNumber)>,
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
pub struct Extractor<'f> {
    forest: &'f Forest,
    target: Resolved<'f>,
}

#[derive(Clone, Debug)]
enum Resolved<'f> {
    /// A root by block, and the shared tree of that time.
    Block(InteropRoot, Prefix<'f>),
    BatchRoot,
}

impl<'f> Extractor<'f> {
    /// Chooses the target.
    ///
    /// # Errors
    /// [`TargetError`] when the state does not have it.
    pub fn new(forest: &'f Forest, target: Target) -> Result<Self, TargetError> {
        let target = match target {
            Target::BatchRoot => Resolved::BatchRoot,
            Target::Latest => {
                let no_root = || TargetError::NoInteropRoot(forest.layout());
                let latest = forest.latest().ok_or_else(no_root)?;
                let shared = forest.shared().prefix(latest.chains).ok_or_else(no_root)?;
                Resolved::Block(latest, shared)
            }
        };
        Ok(Self { forest, target })
    }

    /// The tree, leaf index and root of a batch.
    ///
    /// # Errors
    /// [`ExtractError::UnknownChain`] or [`ExtractError::BatchNotInTree`].
    fn find(
        &self,
        chain: ChainId,
        batch: BatchNumber,
    ) -> Result<(&'f ChainTree, u64, Hash), ExtractError> {
        let tree = self.forest.chain(chain).ok_or(ExtractError::UnknownChain(chain))?;
        let (leaf_index, batch_root) = tree.find(batch).ok_or_else(|| {
            let batches = tree.batches();
            let executed = batches.first().copied().zip(batches.last().copied());
            ExtractError::BatchNotInTree { chain, batch, executed }
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
        self.find(chain, batch)?;
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
        let place = self.find(logs.chain(), logs.batch())?;
        self.settle(logs, logs.tree(), place)
    }

    /// Prepares the proofs of many batches as [`Extractor::batch`] does those of one, on all threads
    /// of the current rayon pool. The trees of their logs are hashed side by side, which is several
    /// times faster where batches have few logs.
    #[must_use]
    pub fn batches<'a>(
        &self,
        batches: &[BatchView<'a>],
    ) -> Vec<Result<BatchProofs<'a>, ExtractError>> {
        let prepare = |logs: &BatchView<'a>, tree| {
            self.settle(*logs, tree, self.find(logs.chain(), logs.batch())?)
        };
        let trees = BatchView::trees(batches).into_par_iter();
        trees.zip(batches).map(|(tree, logs)| prepare(logs, tree)).collect()
    }

    fn settle<'a>(
        &self,
        logs: BatchView<'a>,
        log_tree: LogTree,
        (tree, leaf_index, batch_root): (&'f ChainTree, u64, Hash),
    ) -> Result<BatchProofs<'a>, ExtractError> {
        let chain = logs.chain();
        let settled = SettledBatch::settle(logs, log_tree, batch_root)?;
        let (end, target) = match &self.target {
            Resolved::BatchRoot => {
                let root = settled.batch_root();
                (ProofEnd::BatchRoot, TargetRecord::batch_root(root))
            }
            Resolved::Block(latest, shared) => {
                let block = latest.block;
                let not_in_tree =
                    |_| ExtractError::BatchNotInTree { chain, batch: logs.batch(), executed: None };
                let after = |_| ExtractError::ChainAfterTarget { chain, block: block.0 };
                let sl_chain = self.forest.sl_chain();
                let hop = SettlementHop {
                    batch_mask: Word::from(leaf_index),
                    batch_path: tree.tree().path(leaf_index).map_err(not_in_tree)?,
                    sl_number: block.0.into(),
                    chain_mask: tree.index().into(),
                    sl_chain: sl_chain.to_word(),
                    chain_path: shared.path(tree.index()).map_err(after)?,
                };
                let target = TargetRecord {
                    kind: TargetKind::Block,
                    sl_chain_id: Some(sl_chain),
                    number: Some(block.0),
                    root: latest.root,
                };
                (ProofEnd::SettlementLayer(hop), target)
            }
        };
        Ok(BatchProofs { settled, end, target })
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
        let path = self.settled.tree.path(index);
        let mut log_path = path.map_err(|_| self.no_such_log(index))?;
        log_path.push(self.settled.aggregated_root().0);
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
        self.check(&record, &Claim { chain, batch, index, log })?;
        Ok(record)
    }

    fn check(&self, record: &ProofRecord, claim: &Claim<'_>) -> Result<(), ExtractError> {
        let Claim { chain, batch, index, .. } = *claim;
        let refused = |source| ExtractError::Refused { chain, batch, index, source };
        let folded = verify::fold(claim, &record.proof).map_err(refused)?;
        if folded.root != self.target.root {
            let expected = self.target.root;
            return Err(refused(VerifyError::Root { expected, got: folded.root }));
        }
        Ok(())
    }
}
