use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{
    interrupt,
    sniff::{FileKind, Role},
};
use crate::{
    archive::ArchiveError,
    files::{ContainerError, InputError, OutputError},
    forest::{HistoryError, RebuildError, TreeFileError},
    ingest::{
        IndexError,
        state::{ImportError, files_of},
    },
    primitives::SlBatch,
    proof::{Target, calldata::CallError},
    prove::{ExtractError, SlBatchError, TargetError},
    records::parquet::{EncodeError, ReadError},
    state::StateError,
};

/// How a command ended that completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    SomeFailed,
    /// Nothing failed, and some proofs could not be judged.
    NotJudged,
}

impl Outcome {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::NotJudged => 3,
        }
    }
}

/// Why a command could not complete.
#[derive(Debug, Error)]
pub(super) enum CliError {
    #[error("cannot install the handler for mapped files that shrink")]
    ReadProgress(#[source] std::io::Error),
    #[error("cannot listen for signals")]
    Signals(#[source] ctrlc::Error),
    #[error("interrupted{}", resumable(.0))]
    Interrupted(Option<String>),
    #[error(
        "{name} cannot be resumed: the interrupted job had another {part}; run without --resume to start \
         again"
    )]
    OtherJob { name: String, part: &'static str },
    #[error("cannot start the threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Native(#[from] ContainerError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("cannot rebuild the trees of {name}")]
    Rebuild {
        name: String,
        #[source]
        source: RebuildError,
    },
    #[error("cannot make a tree file of {name}")]
    TreeFile {
        name: String,
        #[source]
        source: TreeFileError,
    },
    #[error("cannot explain the roots by block")]
    History(#[from] HistoryError),
    #[error("the state is not consistent")]
    State(#[from] StateError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("cannot prove against the settlement layer's batch")]
    SlBatch(#[source] SlBatchError),
    #[error("the file of SL batches {name} has no SL batch {batch}{}", range_text(.has))]
    NoSlBatch { name: String, batch: SlBatch, has: Option<(SlBatch, SlBatch)> },
    #[error("the target sl-batch:{0} needs the settlement layer's own batches: --sl-batches")]
    NoSlBatches(SlBatch),
    #[error("the target {0:?} needs trees, and none are rebuilt for --target batch-root")]
    NoTrees(Target),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no proof ({})", .0.code())]
    Extract(#[source] ExtractError),
    #[error(transparent)]
    Parquet(#[from] ReadError),
    #[error("cannot list {}", path.display())]
    Directory {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    NothingFound(String),
    #[error("{name}: {reason}")]
    Unknown { name: String, reason: String },
    #[error("{name} is {}: {}", found.describe(), role.lack())]
    WrongInput { name: String, found: FileKind, role: Role },
    #[error("{what}")]
    OtherHash { what: String, hint: &'static str },
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("cannot compress")]
    Compress(#[source] std::io::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

fn resumable(output: &Option<String>) -> String {
    output.as_ref().map_or(String::new(), |output| {
        format!("; the output so far is in {output}.partial, and --resume continues it")
    })
}

fn range_text(has: &Option<(SlBatch, SlBatch)>) -> String {
    has.map_or(String::new(), |(first, last)| format!("; it has {first} to {last}"))
}

impl CliError {
    /// A stable code for the kind of error.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Extract(error) => error.code(),
            Self::Call(error) => error.code(),
            Self::WrongInput { .. } => "wrong-input",
            Self::OtherHash { .. } => "other-hash",
            Self::OtherJob { .. } => "other-job",
            _ => self.of_target().unwrap_or(match self.exit_code() {
                2 => "usage",
                3 => "malformed-input",
                4 => "tree-mismatch",
                5 => "not-found",
                interrupt::EXIT_CODE => "interrupted",
                _ => "io-failed",
            }),
        }
    }

    /// The stable code of an error that concerns one target only, so that other requests can continue.
    pub(super) fn of_target(&self) -> Option<&'static str> {
        match self {
            Self::Target(error) => Some(error.code()),
            Self::SlBatch(error) => Some(error.code()),
            Self::NoSlBatch { .. } | Self::NoSlBatches(_) => Some("sl-batch-not-archived"),
            Self::NoTrees(_) => Some("target-needs-trees"),
            Self::History(HistoryError::NoRoots) => Some("no-interop-root"),
            _ => None,
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::TreeFile { source: TreeFileError::Output(_), .. } => 6,
            // The manifest beside a shard cannot be opened.
            Self::WrongInput { role: Role::Shard, .. } => 6,
            Self::TreeFile { source: TreeFileError::Rebuild(error), .. } if error.is_mismatch() => {
                4
            }
            Self::TreeFile {
                source: TreeFileError::History(HistoryError::Root { .. }), ..
            } => 4,
            Self::TreeFile { .. } => 3,
            Self::Usage(_) | Self::NoSlBatches(_) | Self::NoTrees(_) => 2,
            Self::Index(IndexError::NeedsChain { .. }) => 2,
            Self::OtherJob { .. } | Self::Call(_) => 2,
            Self::Interrupted(_) => interrupt::EXIT_CODE,
            Self::Input(error) if !error.is_damage() => 6,
            Self::Import(error) if error.is_io() => 6,
            Self::Native(error) if error.is_io() => 6,
            Self::Archive(error) if error.is_io() => 6,
            Self::Index(error) if error.is_io() => 6,
            Self::Parquet(error) if error.is_io() => 6,
            Self::Input(_)
            | Self::Import(_)
            | Self::Native(_)
            | Self::Archive(_)
            | Self::Index(_) => 3,
            Self::State(_) | Self::Unknown { .. } | Self::WrongInput { .. } | Self::Parquet(_) => 3,
            Self::Rebuild { source, .. } if source.is_mismatch() => 4,
            Self::Rebuild { .. } => 3,
            Self::History(HistoryError::Root { .. }) => 4,
            Self::History(HistoryError::NoRoots) => 5,
            Self::History(_) => 3,
            Self::SlBatch(error) => match error {
                SlBatchError::DoesNotFold { .. } | SlBatchError::OtherRoot { .. } => 4,
                SlBatchError::NoRoot(_) => 2,
                SlBatchError::L1CannotJudge { .. } => 3,
                _ => 5,
            },
            Self::Extract(error) => match error {
                ExtractError::LogsDoNotFold(_)
                | ExtractError::DefaultLeaf { .. }
                | ExtractError::Refused { .. }
                | ExtractError::Disputed { .. } => 1,
                ExtractError::State(_)
                | ExtractError::L1CannotJudge(_)
                | ExtractError::ChainNotOnL1 { .. }
                | ExtractError::ArchiveDamaged { .. }
                | ExtractError::TreeDamaged { .. } => 3,
                _ => 5,
            },
            Self::Target(_)
            | Self::NoSlBatch { .. }
            | Self::NothingFound(_)
            | Self::OtherHash { .. } => 5,
            Self::Encode(_) | Self::Compress(_) | Self::Directory { .. } | Self::Output(_) => 6,
            Self::Threads(_) | Self::ReadProgress(_) | Self::Signals(_) => 6,
        }
    }

    /// A closed pipe stops output but does not change the exit code.
    pub(super) fn unless_unread(result: Result<(), impl Into<Self>>) -> Result<(), Self> {
        match result.map_err(Into::into) {
            Err(error) if error.is_closed_pipe() => Ok(()),
            result => result,
        }
    }

    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.is_closed_pipe())
    }
}

/// Whether two paths lead to one file.
fn is_one(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    inode(one).is_some() && inode(one) == inode(other)
}

/// Refuses an output that is also an input: writing it would destroy the input.
pub(super) fn refuse_overwriting(output: &Path, inputs: &[&Path]) -> Result<(), CliError> {
    let Ok(target) = output.canonicalize() else { return Ok(()) };
    if !target.is_file() {
        return Ok(());
    }
    let same = |input: &Path| input.canonicalize().is_ok_and(|input| is_one(&input, &target));
    // A state may consist of more files than the one that is given.
    let is_read = |input: &&Path| same(input) || files_of(input).iter().any(|file| same(file));
    match inputs.iter().find(|input| is_read(input)) {
        Some(_) => Err(CliError::Usage(format!(
            "{} is an input; the output would replace it",
            output.display()
        ))),
        None => Ok(()),
    }
}
