use std::{error, fmt};

use thiserror::Error;

use super::{ExtractError, SlBatchError, TargetError};
use crate::{
    archive::ArchiveError,
    files::{ContainerError, InputError, OutputError},
    forest::{HistoryError, RebuildError, TreeFileError},
    ingest::{IndexError, state::ImportError},
    primitives::{Hash, SlBatch},
    proof::{FailureCode, Target},
    records::{EncoderError, EntriesError, VerdictsError},
    state::StateError,
};

/// Why trees or messages could not be opened, or something could not be proven.
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
    /// A native file could not be read.
    #[error(transparent)]
    Native(#[from] ContainerError),
    /// A message archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An archive of logs could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Records of proofs could not be read.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// The trees could not be rebuilt.
    #[error("cannot rebuild the trees of {name}")]
    Rebuild {
        /// The state.
        name: String,
        /// Why.
        #[source]
        source: RebuildError,
    },
    /// A tree file could not be made.
    #[error("cannot make a tree file of {name}")]
    TreeFile {
        /// The state.
        name: String,
        /// Why.
        #[source]
        source: TreeFileError,
    },
    /// What past roots contain could not be found out.
    #[error("cannot explain the roots by block")]
    History(#[from] HistoryError),
    /// A slot holds what it cannot.
    #[error("the state is not consistent")]
    State(#[from] StateError),
    /// The target does not exist.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The batch of the settlement layer is not a target.
    #[error("cannot prove against the settlement layer's batch")]
    SlBatch(#[from] SlBatchError),
    /// The file of SL batches does not have the batch.
    #[error("the file of SL batches {name} has no SL batch {batch}{}", range_text(.has))]
    NoSlBatch {
        /// The file.
        name: String,
        /// The batch.
        batch: SlBatch,
        /// The first and last batch that it has.
        has: Option<(SlBatch, SlBatch)>,
    },
    /// No file of SL batches is given.
    #[error("the target sl-batch:{0} needs the settlement layer's own batches")]
    NoSlBatches(SlBatch),
    /// The trees were opened for batch roots alone.
    #[error("the target {0} needs trees, and none are rebuilt for batch roots")]
    NoTrees(Target),
    /// The trees are not those that the options ask for.
    #[error("{name} {reason}")]
    OtherTrees {
        /// The tree file.
        name: String,
        /// What is different.
        reason: String,
    },
    /// The call cannot take the proofs.
    #[cfg(feature = "calldata")]
    #[error(transparent)]
    Call(#[from] crate::proof::calldata::CallError),
    /// A log cannot be proven.
    #[error("no proof ({})", .0.code())]
    Extract(#[from] ExtractError),
    /// Records could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncoderError),
    /// No input is given.
    #[error("no input is given")]
    NoInput,
    /// The archive has nothing of what is selected.
    #[error("{what}")]
    NothingFound {
        /// What is missing.
        code: FailureCode,
        /// The same in words.
        what: String,
    },
    /// The archive has nothing with the hash that is asked for, but something else has it.
    #[error("no {asked} in the archive has the hash {hash}: it is that of a {}", .asked.other())]
    OtherHash {
        /// The hash.
        hash: Hash,
        /// What it was taken for.
        asked: HashOf,
    },
    /// The archive cannot find logs by their transactions.
    #[error("the archive has no hashes of transactions")]
    NoTransactionHashes,
    /// A shard, its manifest or a checkpoint is damaged, or is not part of the job.
    #[error("{name}: {reason}")]
    NotOfJob {
        /// The file.
        name: String,
        /// Why.
        reason: String,
    },
    /// The interrupted job is another one.
    #[error("{name} cannot be resumed: the interrupted job had another {part}")]
    OtherJob {
        /// The output.
        name: String,
        /// What differs.
        part: &'static str,
    },
    /// The output cannot be resumed or made in shards.
    #[error(
        "resuming and shards need an output file, a format other than JSON, and inputs that are files and not \
         pipes"
    )]
    NotResumable,
    /// Shards in this format cannot be merged.
    #[error("shards need a format of lines (NDJSON, rpc or calldata) without compression")]
    NotMergeable,
    /// The name of a Parquet file asks for compression.
    #[error("Parquet is compressed inside; give the output a name without .gz or .zst")]
    CompressedParquet,
    /// Shards are merged into a compressed file.
    #[error("merging does not compress; give the output a name without .gz or .zst")]
    CompressedMerge,
    /// The job was cancelled. The output is named where it can be resumed.
    #[error("interrupted{}", resumable(.0))]
    Interrupted(Option<String>),
    /// An output could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The sink of the job failed.
    #[error("the sink failed")]
    Sink(#[source] Box<dyn error::Error + Send + Sync>),
}

/// What a hash is that of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashOf {
    /// A message.
    Message,
    /// A transaction.
    Transaction,
}

impl HashOf {
    fn other(self) -> Self {
        match self {
            Self::Message => Self::Transaction,
            Self::Transaction => Self::Message,
        }
    }

    /// The code of the failure that nothing has the hash.
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

fn range_text(has: &Option<(SlBatch, SlBatch)>) -> String {
    has.map_or(String::new(), |(first, last)| format!("; it has {first} to {last}"))
}

fn resumable(output: &Option<String>) -> String {
    output.as_ref().map_or(String::new(), |output| {
        format!("; the output so far is in {output}.partial, and can be resumed")
    })
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
            Self::Native(error) if error.is_io() => FailureCode::ReadFailed,
            Self::Archive(error) if error.is_io() => FailureCode::ReadFailed,
            Self::Index(error) if error.is_io() => FailureCode::ReadFailed,
            Self::Index(IndexError::Unknown { .. }) => FailureCode::UnknownInput,
            Self::Import(_) | Self::Native(_) | Self::Archive(_) | Self::Index(_) => {
                FailureCode::InputDamaged
            }
            Self::Entries(error) => error.code(),
            Self::NotOfJob { .. } => FailureCode::InputDamaged,
            Self::Rebuild { source, .. } => rebuild_code(source),
            Self::TreeFile { source: TreeFileError::Rebuild(source), .. } => rebuild_code(source),
            Self::TreeFile { source: TreeFileError::History(source), .. }
            | Self::History(source) => history_code(source),
            Self::TreeFile { source: TreeFileError::State(_), .. } | Self::State(_) => {
                FailureCode::StateDamaged
            }
            Self::TreeFile { .. } | Self::Output(_) | Self::Sink(_) => FailureCode::WriteFailed,
            Self::Target(error) => error.code(),
            Self::SlBatch(error) => error.code(),
            Self::NoSlBatch { .. } | Self::NoSlBatches(_) => FailureCode::SlBatchNotArchived,
            Self::NoTrees(_) => FailureCode::TargetNeedsTrees,
            Self::OtherTrees { .. }
            | Self::NoInput
            | Self::NotResumable
            | Self::NotMergeable
            | Self::CompressedParquet
            | Self::CompressedMerge => FailureCode::InvalidOptions,
            #[cfg(feature = "calldata")]
            Self::Call(error) => error.code(),
            Self::Extract(error) => error.code(),
            Self::Encode(error) => error.code(),
            Self::NothingFound { code, .. } => *code,
            Self::OtherHash { asked, .. } => asked.not_found(),
            Self::NoTransactionHashes => FailureCode::TransactionNotFound,
            Self::OtherJob { .. } => FailureCode::OtherJob,
            Self::Interrupted(_) => FailureCode::Interrupted,
        }
    }

    /// What can be done about the error, where the error itself does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NoSlBatches(_) => Some("give the file of SL batches in the options of the trees"),
            Self::NoTrees(_) => Some("open the trees without restricting them to batch roots"),
            Self::Target(TargetError::NoInteropRoot(_)) => Some("use the target batch-root"),
            Self::Target(TargetError::Unexplained(_))
            | Self::Extract(ExtractError::FirstRootUnknown { .. }) => {
                Some("give the events of MessageRoot, or allow more trees to be tried")
            }
            Self::SlBatch(SlBatchError::NoRoot(_)) => Some("give the state of L1"),
            _ if self.code() == FailureCode::NoAddress => {
                Some("give the address in the options of the call")
            }
            Self::Index(IndexError::NeedsChain { .. }) => Some("give the chain of the archive"),
            Self::OtherJob { .. } => Some("begin the job anew, without resuming it"),
            _ => None,
        }
    }

    /// Whether the error is one of the target alone, so that requests for other targets can go on.
    #[must_use]
    pub fn is_of_target(&self) -> bool {
        match self {
            Self::Target(_) | Self::SlBatch(_) | Self::NoTrees(_) => true,
            Self::NoSlBatch { .. } | Self::NoSlBatches(_) => true,
            Self::History(error) => *error == HistoryError::NoRoots,
            _ => false,
        }
    }
}

fn rebuild_code(error: &RebuildError) -> FailureCode {
    match error.is_mismatch() {
        true => FailureCode::TreeDiffers,
        false => FailureCode::IncompleteState,
    }
}

fn history_code(error: &HistoryError) -> FailureCode {
    match error {
        HistoryError::State(_) => FailureCode::StateDamaged,
        HistoryError::NoRoots => FailureCode::NoInteropRoot,
        HistoryError::Root { .. } => FailureCode::TreeDiffers,
        HistoryError::Columns { .. } | HistoryError::Unsound { .. } => FailureCode::HistoryDamaged,
    }
}
