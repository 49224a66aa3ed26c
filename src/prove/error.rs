use std::{error, fmt};

use thiserror::Error;

use super::{ChainDifference, ExtractError, L1Difference, SlBatchError, TargetError};
use crate::{
    anchor::{NotOfL1, state_error_code},
    archive::ArchiveError,
    files::{ContainerError, InputError, OutputError},
    forest::{DifferingRoot, HistoryError, RebuildError, TreeFileError},
    ingest::{IndexError, l1::L1DataError, state::ImportError, state_proofs::StateProofsError},
    primitives::{Address, BatchNumber, ChainId, Hash},
    proof::{FailureCode, Target},
    records::{EncoderError, EntriesError, VerdictsError},
    state::StateError,
};

/// An error from opening trees or messages, or from proving.
///
/// ```
/// use slproof::{FailureCode, Trees};
///
/// let error = Trees::open(&["no/such/file"], &Default::default()).unwrap_err();
/// assert_eq!(error.code(), FailureCode::ReadFailed);
/// assert!(error.to_string().contains("no/such/file"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An input could not be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A state could not be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Proofs of slots could not be read, or do not hold.
    #[error(transparent)]
    StateProofs(#[from] StateProofsError),
    /// A block was trusted, but the state is a dump, which no block proves.
    #[error(
        "{0} is a dump of a state, which the hash of a block does not authenticate; a trusted block is for \
         answers of eth_getProof"
    )]
    NotStateProofs(String),
    /// Evidence for L1 with another MessageRoot than that of Bridgehub, on which nobody else could rely.
    #[error(
        "Bridgehub names {} as MessageRoot, but {given} was given: evidence is written only for that of Bridgehub",
        .named.map_or_else(|| "no contract".into(), |named| named.to_string())
    )]
    ForeignMessageRoot {
        /// The given address.
        given: Address,
        /// That of Bridgehub, if it has one.
        named: Option<Address>,
    },
    /// A native file could not be read.
    #[error(transparent)]
    Native(#[from] ContainerError),
    /// A message archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An archive of logs could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Files of L1 could not be read, or do not show one settlement layer.
    #[error(transparent)]
    L1(#[from] L1DataError),
    /// Records of proofs could not be read.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// The trees could not be rebuilt.
    #[error("cannot rebuild the trees of {name}")]
    Rebuild {
        /// The name of the state.
        name: String,
        /// The cause.
        #[source]
        source: RebuildError,
    },
    /// Two kinds of evidence contradict each other.
    #[error("{one} and {other} contradict each other, so one of them is wrong")]
    Contradiction {
        /// The names of the files of one kind.
        one: String,
        /// Those of the other kind.
        other: String,
        /// The difference.
        #[source]
        source: RebuildError,
    },
    /// A tree file could not be created.
    #[error("cannot create a tree file from {name}")]
    TreeFile {
        /// The name of the state.
        name: String,
        /// The cause.
        #[source]
        source: TreeFileError,
    },
    /// The contents of past roots could not be determined.
    #[error("cannot determine the contents of the interop roots")]
    History(#[from] HistoryError),
    /// A contract's storage slot holds an invalid value.
    #[error("{}", state_text(.0))]
    State(#[from] StateError),
    /// The target does not exist.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The batch of the settlement layer is not a target.
    #[error("cannot prove against the settlement layer's batch")]
    SlBatch(#[source] SlBatchError),
    /// The state of L1 decides nothing.
    #[error(transparent)]
    NotOfL1(NotOfL1),
    /// A root in the trees differs from the one that L1 stores.
    #[error("the trees differ from L1")]
    DiffersFromL1(#[source] L1Difference),
    /// The target needs a file of SL batches, and none was given.
    #[error("the target {0} needs the settlement layer's own batches")]
    NoSlBatches(Target),
    /// The target needs trees, and they were opened for batch roots only.
    #[error("the target {0} needs trees, and they were opened for batch roots only")]
    NoTrees(Target),
    /// The target has no path that a node stores.
    #[error(
        "a node stores no paths to the target {0}, only to sl-batch:first, sl-batch:N, first and block:N"
    )]
    NotStored(Target),
    /// The tree file does not match the options.
    #[error("{name} {reason}")]
    OtherTrees {
        /// The tree file.
        name: String,
        /// The difference.
        reason: String,
    },
    /// An older state of a settlement layer is not the past of a newer one.
    #[error(
        "{older} is not the past of {newer}: {difference}, so one of them is not of the real chain"
    )]
    NotItsPast {
        /// The state with more batches.
        newer: String,
        /// The state with fewer batches.
        older: String,
        /// How the first chain that differs does so.
        difference: ChainDifference,
    },
    /// Two states of a settlement layer have different roots of a block.
    #[error(
        "block {}: {newer} has {}, but {older} has {}, so one of them is not whole, or not of the real chain",
        .differing.block, .differing.own, .differing.other
    )]
    OtherRoots {
        /// The state with more batches.
        newer: String,
        /// The state with fewer batches.
        older: String,
        /// The first block whose root differs: first what the state with more batches has.
        differing: DifferingRoot,
    },
    /// There are states of two settlement layers, and it is not said which one is wanted.
    #[error(
        "{first} is of settlement layer {first_chain}, and {second} of {second_chain}: the settlement layer has \
         to be given"
    )]
    TwoSettlementLayers {
        /// One state.
        first: String,
        /// Its settlement layer.
        first_chain: ChainId,
        /// The other state.
        second: String,
        /// The settlement layer of the other state.
        second_chain: ChainId,
    },
    /// The calldata format cannot take the proofs.
    #[cfg(feature = "calldata")]
    #[error(transparent)]
    Call(#[from] crate::proof::calldata::CallError),
    /// A log cannot be proven.
    #[error("no proof ({})", .0.code())]
    Extract(#[from] ExtractError),
    /// Records could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncoderError),
    /// No input was given.
    #[error("no input is given")]
    NoInput,
    /// The archive contains nothing that matches the selection.
    #[error("{what}")]
    NothingFound {
        /// The code that says what is missing.
        code: FailureCode,
        /// A description of what is missing.
        what: String,
    },
    /// The archive has no message, or no transaction, with the hash, but the other one exists.
    #[error("no {asked} in the archive has the hash {hash}: it is that of a {}", .asked.other())]
    OtherHash {
        /// The hash.
        hash: Hash,
        /// What the caller took the hash for.
        asked: HashOf,
    },
    /// A log of a transaction is asked for by its position, and logs of several batches have the hash: chains may share
    /// that of a transaction, and a transaction is in one batch.
    #[error(
        "the archive has the transaction {hash} in several batches, such as chain {}, batch {} and chain {}, batch {}: \
         name the chain, or ask for the log by its chain, batch and leaf index",
        .batches[0].0, .batches[0].1, .batches[1].0, .batches[1].1
    )]
    SeveralTransactions {
        /// The hash.
        hash: Hash,
        /// The first two batches.
        batches: [(ChainId, BatchNumber); 2],
    },
    /// The archive has no index of transactions.
    #[error("the archive has no hashes of transactions")]
    NoTransactionHashes,
    /// A shard, its manifest or a checkpoint is damaged, or belongs to another job.
    #[error("{name}: {reason}")]
    NotOfJob {
        /// The file.
        name: String,
        /// The cause.
        reason: String,
    },
    /// The interrupted job differs from this one.
    #[error("{name} cannot be resumed: the interrupted job had another {part}")]
    OtherJob {
        /// The name of the output.
        name: String,
        /// The part of the job that differs.
        part: &'static str,
    },
    /// The output cannot be resumed or divided into shards.
    #[error(
        "only an output file of many records, in a format other than a bundle, made from inputs that are files \
         and not pipes, can be resumed or divided into shards"
    )]
    NotResumable,
    /// The name of a Parquet output asks for compression.
    #[error("Parquet files are compressed internally; give the output a name without .gz or .zst")]
    CompressedParquet,
    /// The format has no choice of how its numbers are written.
    #[error("only the formats json and ndjson can have integers as strings")]
    IntegersOfFormat,
    /// The name of a merged output asks for another compression than that of the shards.
    #[error(
        "merging does not change the compression; give the output a name like those of the shards"
    )]
    CompressedMerge,
    /// The shards are Parquet files, which are not merged.
    #[error(
        "{0} is a part in Parquet, which needs no merging: query engines read all parts together"
    )]
    ParquetMerge(String),
    /// The job was cancelled. The field names the output if it can be resumed.
    #[error("interrupted{}", resumable(.0))]
    Interrupted(Option<String>),
    /// An output could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The sink of the job failed.
    #[error("the sink failed")]
    Sink(#[source] Box<dyn error::Error + Send + Sync>),
}

/// What a hash identifies.
///
/// ```
/// use slproof::{Error, HashOf, Messages, Prover, Request, Target, Trees};
///
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let prover = Prover::new(trees, messages);
/// // The hash of a message, taken for that of a transaction.
/// let hash = "0x3769df72f2c3d7295996f7c5b78980cc9bf8a706333b59bb9969bf80caf9eff9".parse()?;
/// let request = Request::Transaction { tx_hash: hash, log: None };
/// let error = prover.prove(&request, Target::Latest).unwrap_err();
/// assert!(matches!(error, Error::OtherHash { asked: HashOf::Transaction, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashOf {
    /// The hash of a message.
    Message,
    /// The hash of a transaction.
    Transaction,
}

impl HashOf {
    fn other(self) -> Self {
        match self {
            Self::Message => Self::Transaction,
            Self::Transaction => Self::Message,
        }
    }

    /// The code for the case that nothing has this hash.
    fn not_found(self) -> FailureCode {
        match self {
            Self::Message => FailureCode::MessageNotFound,
            Self::Transaction => FailureCode::TransactionNotFound,
        }
    }
}

impl fmt::Display for HashOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "message",
            Self::Transaction => "transaction",
        })
    }
}

fn state_text(error: &StateError) -> &'static str {
    match error {
        StateError::NotProven { .. } => "the proven slots do not suffice",
        _ => "the state is not consistent",
    }
}

fn resumable(output: &Option<String>) -> String {
    output.as_ref().map_or(String::new(), |output| {
        format!("; the output so far is in {output}.partial and can be resumed")
    })
}

impl From<SlBatchError> for Error {
    fn from(error: SlBatchError) -> Self {
        match error {
            SlBatchError::State(error) => Self::State(error),
            error => Self::SlBatch(error),
        }
    }
}

impl From<NotOfL1> for Error {
    fn from(error: NotOfL1) -> Self {
        match error {
            NotOfL1::State(error) => Self::State(error),
            error => Self::NotOfL1(error),
        }
    }
}

impl From<VerdictsError> for Error {
    fn from(error: VerdictsError) -> Self {
        match error {
            VerdictsError::Entries(error) => Self::Entries(error),
            VerdictsError::State(error) => Self::State(error),
        }
    }
}

impl Error {
    /// The stable code of the error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Input(error) if error.is_damage() => FailureCode::InputDamaged,
            Self::Input(_) => FailureCode::ReadFailed,
            Self::Import(error) if error.is_io() => FailureCode::ReadFailed,
            Self::StateProofs(error) => match error {
                StateProofsError::Input(error) if !error.is_damage() => FailureCode::ReadFailed,
                StateProofsError::NotTrusted { .. } => FailureCode::BlockNotTrusted,
                StateProofsError::OtherBlock { .. } | StateProofsError::Answer { .. } => {
                    FailureCode::StateProofRefused
                }
                _ => FailureCode::InputDamaged,
            },
            Self::NotStateProofs(_) | Self::ForeignMessageRoot { .. } => {
                FailureCode::InvalidOptions
            }
            Self::Native(error) if error.is_io() => FailureCode::ReadFailed,
            Self::Archive(error) if error.is_io() => FailureCode::ReadFailed,
            Self::Index(error) | Self::L1(L1DataError::Index(error)) if error.is_io() => {
                FailureCode::ReadFailed
            }
            Self::L1(
                L1DataError::NoCommits { .. }
                | L1DataError::NoDiamond { .. }
                | L1DataError::NoLayer { .. },
            ) => FailureCode::IncompleteState,
            Self::L1(L1DataError::SeveralLayers { .. }) => FailureCode::InvalidOptions,
            Self::Index(IndexError::Unknown { .. }) => FailureCode::UnknownInput,
            Self::Import(_) | Self::Native(_) | Self::Archive(_) | Self::Index(_) | Self::L1(_) => {
                FailureCode::InputDamaged
            }
            Self::Entries(error) => error.code(),
            Self::NotOfJob { .. } => FailureCode::InputDamaged,
            Self::Rebuild { source, .. } | Self::Contradiction { source, .. } => {
                rebuild_code(source)
            }
            Self::TreeFile { source: TreeFileError::Rebuild(source), .. } => rebuild_code(source),
            Self::TreeFile { source: TreeFileError::History(source), .. }
            | Self::History(source) => history_code(source),
            Self::TreeFile { source: TreeFileError::State(error), .. } | Self::State(error) => {
                state_error_code(error)
            }
            Self::TreeFile { .. } | Self::Output(_) | Self::Sink(_) => FailureCode::WriteFailed,
            Self::Target(error) => error.code(),
            Self::SlBatch(error) => error.code(),
            Self::NotOfL1(error) => error.code(),
            Self::NoSlBatches(_) => FailureCode::SlBatchNotArchived,
            Self::NoTrees(_) | Self::NotStored(_) => FailureCode::TargetNeedsTrees,
            Self::NotItsPast { .. } | Self::OtherRoots { .. } | Self::DiffersFromL1(_) => {
                FailureCode::TreeDiffers
            }
            Self::OtherTrees { .. }
            | Self::TwoSettlementLayers { .. }
            | Self::NoInput
            | Self::NotResumable
            | Self::CompressedParquet
            | Self::IntegersOfFormat
            | Self::CompressedMerge
            | Self::ParquetMerge(_) => FailureCode::InvalidOptions,
            #[cfg(feature = "calldata")]
            Self::Call(error) => error.code(),
            Self::Extract(error) => error.code(),
            Self::Encode(error) => error.code(),
            Self::NothingFound { code, .. } => *code,
            Self::OtherHash { asked, .. } => asked.not_found(),
            Self::SeveralTransactions { .. } => FailureCode::TransactionAmbiguous,
            Self::NoTransactionHashes => FailureCode::TransactionNotFound,
            Self::OtherJob { .. } => FailureCode::OtherJob,
            Self::Interrupted(_) => FailureCode::Interrupted,
        }
    }

    /// What the user can do about the error, where the message does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NoSlBatches(_) => Some("give the file of SL batches in the options of the trees"),
            Self::NoTrees(_) => Some("open the trees without restricting them to batch roots"),
            Self::Target(TargetError::NoInteropRoot(_) | TargetError::NoInteropRootEvent) => {
                Some("use the target batch-root")
            }
            Self::Target(TargetError::Unexplained(_))
            | Self::Extract(ExtractError::FirstRootUnknown { .. }) => {
                Some("give the events of MessageRoot, or raise the maximum number of trees to try")
            }
            Self::Target(TargetError::UnexplainedAfterGap(_))
            | Self::Extract(ExtractError::FirstRootAfterGap { .. }) => {
                Some("give the events of MessageRoot")
            }
            Self::SlBatch(SlBatchError::NoRoot(_)) => Some("give the state of L1"),
            _ if self.code() == FailureCode::NoAddress => {
                Some("give the address in the options of the call")
            }
            Self::Index(IndexError::NeedsChain { .. }) => Some("give the chain of the archive"),
            Self::OtherJob { .. } => Some("start the job again without resuming it"),
            _ => None,
        }
    }

    /// Whether trees cannot be rebuilt because there is no MessageRoot in the state. It may store batch roots.
    #[must_use]
    pub fn is_without_message_root(&self) -> bool {
        matches!(self, Self::Rebuild { source: RebuildError::NoMessageRoot(_), .. })
    }

    /// Whether the error concerns only the target, so that requests for other targets can continue.
    #[must_use]
    pub fn is_of_target(&self) -> bool {
        match self {
            Self::Target(_) | Self::SlBatch(_) | Self::NoTrees(_) | Self::NotStored(_) => true,
            Self::NoSlBatches(_) => true,
            Self::History(error) => *error == HistoryError::NoRoots,
            _ => false,
        }
    }
}

fn rebuild_code(error: &RebuildError) -> FailureCode {
    match error {
        RebuildError::ForeignLayout(_) => FailureCode::LayoutNotSupported,
        error if error.is_mismatch() => FailureCode::TreeDiffers,
        _ => FailureCode::IncompleteState,
    }
}

fn history_code(error: &HistoryError) -> FailureCode {
    match error {
        HistoryError::Evidence(RebuildError::State(_)) => FailureCode::StateDamaged,
        HistoryError::Evidence(error) => rebuild_code(error),
        HistoryError::NoRoots => FailureCode::NoInteropRoot,
        HistoryError::Root { .. } => FailureCode::TreeDiffers,
        HistoryError::Columns { .. } | HistoryError::Unsound { .. } => FailureCode::HistoryDamaged,
    }
}
