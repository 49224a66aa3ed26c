use std::path::Path;

use thiserror::Error;

use super::role::Role;
use crate::{
    anchor::Lacking,
    files::{InputError, ShowPath, metadata_of},
    forest::{HistoryError, TreeFileError},
    ingest::{
        FileKind, FoundFile, FoundFiles, IndexError, is_directory_of_files, l1::L1DataError,
        logs::files_of_list, state::files_of,
    },
    proof::FailureCode,
    prove::{Error, ExtractError, SlBatchError},
    publish::PublishError,
    records::EntriesError,
    serve::ServeError,
};

/// The exit code of a process that was interrupted.
pub(super) const INTERRUPTED_EXIT_CODE: u8 = 130;

/// The outcome of a completed command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    SomeFailed,
    /// Nothing failed, but some proofs could not be judged.
    NotJudged,
    /// Some inputs are damaged, or contradict others or what was recorded.
    BadInputs {
        contradict: bool,
    },
}

impl Outcome {
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::NotJudged | Self::BadInputs { contradict: false } => 3,
            Self::BadInputs { contradict: true } => 4,
        }
    }
}

/// An error that ended a command.
#[derive(Debug, Error)]
pub(super) enum CliError {
    #[error("cannot install the handler for mapped files that shrink")]
    ReadProgress(#[source] std::io::Error),
    #[error("cannot listen for signals")]
    Signals(#[source] ctrlc::Error),
    #[error("cannot start the threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    #[error("{0}")]
    Usage(String),
    #[error("interrupted{}", resumable(.0))]
    Interrupted(Option<String>),
    #[error(
        "{name} cannot be resumed: the interrupted job had another {part}; run without --resume to start \
         again"
    )]
    OtherJob { name: String, part: &'static str },
    #[error("{0}")]
    NothingFound(String),
    #[error(
        "no Bridgehub of L1 is known in the state of --anchor; give its address with {flag}, or the --network to \
         which the state belongs"
    )]
    NoBridgehub { flag: &'static str },
    #[error(
        "the state of --anchor does not show what L1 accepts: {lacking}; give a state that has it, or the right \
         address of Bridgehub with {flag}"
    )]
    AnchorLacks { lacking: Lacking, flag: &'static str },
    #[error("{name}: {reason}")]
    Unknown { name: String, reason: String },
    #[error("{name} is {}: {}", found, role.lack())]
    WrongInput { name: String, found: FileKind, role: Role },
    #[error(transparent)]
    Serve(ServeError),
    #[error(transparent)]
    Publish(PublishError),
    #[error(transparent)]
    Failed(Error),
}

fn resumable(output: &Option<String>) -> String {
    output.as_ref().map_or(String::new(), |output| {
        format!("; the output so far is in {output}.partial, and --resume continues it")
    })
}

/// Converts errors of the library. Errors that flags cause name the flags.
impl<E: Into<Error>> From<E> for CliError {
    fn from(error: E) -> Self {
        match error.into() {
            Error::Interrupted(output) => Self::Interrupted(output),
            Error::OtherJob { name, part } => Self::OtherJob { name, part },
            Error::NotResumable => Self::Usage(
                "--resume and shards need many records, an output file, a format other than bundle, and inputs \
                 that are files and not pipes"
                    .into(),
            ),
            error => Self::Failed(error),
        }
    }
}

impl CliError {
    /// The stable code of the error.
    pub(super) fn code(&self) -> FailureCode {
        match self {
            Self::Usage(_) => FailureCode::InvalidOptions,
            Self::OtherJob { .. } => FailureCode::OtherJob,
            Self::WrongInput { .. } => FailureCode::WrongInput,
            Self::NoBridgehub { .. } => FailureCode::AnchorLacksBridgehub,
            Self::AnchorLacks { lacking, .. } => lacking.code(),
            Self::Unknown { .. } => FailureCode::InputDamaged,
            Self::NothingFound(_) => FailureCode::NothingFound,
            Self::Threads(_) | Self::ReadProgress(_) | Self::Signals(_) => {
                FailureCode::SystemFailed
            }
            Self::Interrupted(_) => FailureCode::Interrupted,
            Self::Serve(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Failed(error) => error.code(),
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::OtherJob { .. } => 2,
            Self::NoBridgehub { .. } | Self::AnchorLacks { .. } => 3,
            Self::Unknown { .. } | Self::WrongInput { .. } => 3,
            Self::NothingFound(_) => 5,
            Self::Threads(_) | Self::ReadProgress(_) | Self::Signals(_) => 6,
            Self::Interrupted(_) => INTERRUPTED_EXIT_CODE,
            Self::Serve(error) => match error {
                ServeError::Open(error) => exit_code(error),
                _ if error.code() == FailureCode::InvalidOptions => 2,
                _ => 6,
            },
            Self::Publish(error) => match error {
                PublishError::Proving(error) => exit_code(error),
                PublishError::Damaged { .. } => 3,
                PublishError::OtherHistory { .. } => 4,
                PublishError::Lacking { .. } | PublishError::LackingPart { .. } => 2,
                PublishError::Output(_) | PublishError::File { .. } => 6,
            },
            Self::Failed(error) => exit_code(error),
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
        matches!(self, Self::Failed(Error::Output(error)) if error.is_closed_pipe())
    }
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::TreeFile { source: TreeFileError::Output(_), .. } => 6,
        Error::TreeFile { source: TreeFileError::Rebuild(error), .. } if error.is_mismatch() => 4,
        Error::TreeFile { source: TreeFileError::History(HistoryError::Root { .. }), .. } => 4,
        Error::TreeFile { .. } => 3,
        Error::NoSlBatches(_) | Error::NoTrees(_) | Error::OtherTrees { .. } => 2,
        Error::NotStored(_) => 2,
        Error::TwoSettlementLayers { .. } | Error::SeveralTransactions { .. } => 2,
        Error::NotItsPast { .. } | Error::OtherRoots { .. } | Error::DiffersFromL1(_) => 4,
        Error::NotOfL1(_) => 3,
        Error::Index(IndexError::NeedsChain { .. }) => 2,
        Error::L1(L1DataError::SeveralLayers { .. }) => 2,
        Error::L1(L1DataError::Index(error)) if error.is_io() => 6,
        Error::L1(_) => 3,
        Error::OtherJob { .. } | Error::Call(_) => 2,
        Error::NotResumable | Error::NoInput => 2,
        Error::CompressedParquet | Error::IntegersOfFormat => 2,
        Error::CompressedMerge | Error::ParquetMerge(_) => 2,
        Error::Interrupted(_) => INTERRUPTED_EXIT_CODE,
        Error::Input(error) | Error::Entries(EntriesError::Input(error)) if !error.is_damage() => 6,
        Error::Import(error) if error.is_io() => 6,
        Error::StateProofs(error) if error.is_io() => 6,
        Error::StateProofs(_) => 3,
        Error::NotStateProofs(_) | Error::ForeignMessageRoot { .. } => 2,
        Error::Native(error) if error.is_io() => 6,
        Error::Archive(error) if error.is_io() => 6,
        Error::Index(error) if error.is_io() => 6,
        Error::Entries(EntriesError::Parquet(error)) if error.is_io() => 6,
        Error::Input(_) | Error::Import(_) | Error::Native(_) | Error::Archive(_) => 3,
        Error::Index(_) | Error::Entries(_) | Error::State(_) | Error::NotOfJob { .. } => 3,
        Error::Rebuild { source, .. } if source.is_mismatch() => 4,
        Error::Contradiction { .. } => 4,
        Error::Rebuild { .. } => 3,
        Error::History(HistoryError::Root { .. }) => 4,
        Error::History(HistoryError::NoRoots) => 5,
        Error::History(_) => 3,
        Error::SlBatch(error) => of_sl_batch(error),
        Error::Extract(error) => match error {
            ExtractError::SlBatch { reason, .. } | ExtractError::StoredPath { reason, .. } => {
                of_sl_batch(reason)
            }
            ExtractError::LogsDoNotFold(_)
            | ExtractError::LogsDoNotFoldToTable(_)
            | ExtractError::DefaultLeaf { .. }
            | ExtractError::Refused { .. }
            | ExtractError::Disputed { .. } => 1,
            ExtractError::StoredPathDiffers { .. } => 4,
            ExtractError::State(_)
            | ExtractError::L1CannotJudge(_)
            | ExtractError::ChainNotOnL1 { .. }
            | ExtractError::ArchiveDamaged { .. }
            | ExtractError::TreeDamaged { .. } => 3,
            _ => 5,
        },
        Error::Target(_) => 5,
        Error::NothingFound { .. } | Error::OtherHash { .. } | Error::NoTransactionHashes => 5,
        Error::Encode(_) | Error::Output(_) | Error::Sink(_) => 6,
    }
}

fn of_sl_batch(error: &SlBatchError) -> u8 {
    match error {
        SlBatchError::DoesNotFold { .. } | SlBatchError::OtherRoot { .. } => 4,
        SlBatchError::NoRoot(_) => 2,
        SlBatchError::L1CannotJudge { .. } | SlBatchError::State(_) => 3,
        _ => 5,
    }
}

/// The number of the regular file that a path leads to.
fn inode(path: &Path) -> Result<Option<(u64, u64)>, InputError> {
    use std::os::unix::fs::MetadataExt;
    let found = metadata_of(path)?.filter(std::fs::Metadata::is_file);
    Ok(found.map(|found| (found.dev(), found.ino())))
}

/// Refuses more than one input from standard input.
pub(super) fn refuse_several_pipes(inputs: &[&Path]) -> Result<(), CliError> {
    match inputs.iter().filter(|path| **path == Path::new("-")).count() {
        0 | 1 => Ok(()),
        _ => Err(CliError::Usage("only one input can be standard input".into())),
    }
}

/// Refuses an output that is also an input, or one of the files in a directory that are used: writing it would
/// destroy the input.
pub(super) fn refuse_overwriting(output: &Path, inputs: &[&Path]) -> Result<(), CliError> {
    refuse_overwriting_except(None, output, inputs)
}

/// As [`refuse_overwriting`], for a command that does not read the files of one kind in a directory.
pub(super) fn refuse_overwriting_except(
    unread: Option<FileKind>,
    output: &Path,
    inputs: &[&Path],
) -> Result<(), CliError> {
    let Some(target) = inode(output)? else { return Ok(()) };
    for input in inputs {
        // A state may consist of more files than the given one.
        let mut files = Vec::new();
        if is_directory_of_files(input)? {
            let found = FoundFiles::at(&[input])?;
            let is_input = |kind: FileKind| kind.is_read_in_directories() && Some(kind) != unread;
            // The rest of a damaged file may be an input.
            let is_read = |file: &&FoundFile| match file.kind {
                Some(kind) => is_input(kind),
                None => matches!(file.damage, Some(InputError::Read { .. })),
            };
            for file in found.files.iter().filter(is_read) {
                files.push(file.on_disk().to_owned());
                files.extend(files_of_list(&file.path)?);
            }
        } else {
            files.push((*input).to_owned());
            files.extend(files_of_list(input)?);
        }
        for file in files.clone() {
            files.extend(files_of(&file)?);
        }
        for file in &files {
            if inode(file)? == Some(target) {
                return Err(CliError::Usage(format!(
                    "{} is an input; the output would replace it",
                    output.shown()
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        forest::RebuildError,
        primitives::{Address, BatchNumber, ChainId},
    };

    /// Damage is told from contradictions and from what was not found.
    #[test]
    fn damaged_files_have_the_exit_code_of_damage() {
        let (chain, batch, reason) = (ChainId(324), BatchNumber(1), String::new());
        let lacking = RebuildError::NoMessageRoot(Address::system(4));
        for error in [
            Error::TreeFile { name: "state".into(), source: lacking.into() },
            ExtractError::TreeDamaged { chain, batch }.into(),
            ExtractError::ArchiveDamaged { chain, batch, reason }.into(),
        ] {
            assert_eq!(exit_code(&error), 3, "{error}");
        }
    }
}
