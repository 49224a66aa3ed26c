//! Which flags help against an error. The library says in its own words what is missing.

use std::error::Error;

use super::error::CliError;
use crate::{
    forest::{RebuildError, TreeFileError},
    ingest::{FileKind, IndexError, logs::SourceError, state::ImportError},
    proof::{
        Reason,
        calldata::CallError,
        reader::RecordError,
        verify::{RootRef, VerifyError},
    },
    prove::{Error as ProveError, ExtractError, SlBatchError, TargetError},
};

/// What to say of flags behind an error, or behind one of its causes.
pub(super) fn of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(hint) = of_this(error) {
            return Some(hint);
        }
        next = error.source();
    }
    None
}

fn of_this(error: &(dyn Error + 'static)) -> Option<&'static str> {
    // Whatever stands for another error as if it were that one, is not among the causes.
    if let Some(error) = error.downcast_ref() {
        return match error {
            CliError::Failed(inner) => of_this(inner),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            ProveError::Import(inner) => of_this(inner),
            ProveError::Index(inner) => of_this(inner),
            ProveError::Target(inner) => of_this(inner),
            ProveError::Call(inner) => of_this(inner),
            ProveError::NoSlBatches(_) => Some("--sl-batches gives them"),
            ProveError::NoTrees(_) => Some("give a --target other than batch-root for the job"),
            _ => None,
        };
    }
    if let Some(reason) = error.downcast_ref() {
        return match reason {
            Reason::Record(inner) => of_this(inner),
            Reason::Proof(inner) => of_this(inner),
            Reason::Anchor(failure) if failure.code.as_str().starts_with("anchor-lacks-") => Some(
                "--anchor takes a state that has it; on L1 --bridgehub says where Bridgehub is",
            ),
            _ => None,
        };
    }
    if let Some(TreeFileError::Rebuild(inner)) = error.downcast_ref() {
        return of_this(inner);
    }
    of_state(error).or_else(|| of_source(error)).or_else(|| of_proof(error))
}

fn of_state(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref() {
        return match error {
            ImportError::NoAccount { .. } => Some("--account names it"),
            ImportError::Ambiguous { .. } => Some("--dump-format says which (to import, --format)"),
            _ => None,
        };
    }
    match error.downcast_ref()? {
        RebuildError::NoMessageRoot(_) => {
            Some("--message-root gives MessageRoot's address, --bridgehub Bridgehub's")
        }
        RebuildError::NoDiamond { .. } => Some("--bridgehub gives Bridgehub's address"),
        RebuildError::Incomplete { .. } => Some("--max-gap says how far down to look"),
        _ => None,
    }
}

fn of_source(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref() {
        return match error {
            IndexError::Unknown { .. } => Some("index --format says what it is"),
            IndexError::OtherKind { kind: FileKind::State(_), .. } => Some("--tree takes a state"),
            IndexError::NeedsChain { .. } => {
                Some("slproof index --chain ID makes a message archive of it")
            }
            _ => None,
        };
    }
    match error.downcast_ref()? {
        SourceError::NoBatch { .. } => Some("--batch-blocks says which blocks batches have"),
        SourceError::Nameless => Some("index --chain says of which chain it is"),
        _ => None,
    }
}

fn of_proof(error: &(dyn Error + 'static)) -> Option<&'static str> {
    const EXPLAIN: &str = "--events gives the events, --search lets more be tried";
    if let Some(error) = error.downcast_ref() {
        return match error {
            ExtractError::FirstRootUnknown { .. } => Some(EXPLAIN),
            ExtractError::NoBatchRoot { .. } => {
                Some("--bridgehub and --message-root say where they are")
            }
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            TargetError::NoInteropRoot(_) => Some("--target batch-root does so"),
            TargetError::Unexplained(_) => Some(EXPLAIN),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            SlBatchError::NoRoot(_) => Some("--anchor gives the state of L1"),
            SlBatchError::NotOnL1(_) => Some("--anchor-bridgehub gives Bridgehub's address"),
            _ => None,
        };
    }
    if let Some(VerifyError::UnknownRoot(anchor)) = error.downcast_ref() {
        return Some(match anchor {
            RootRef::SlBlock(..) => "--anchor takes a state that has it, --root the root itself",
            _ => {
                "--anchor takes a state that has it, on L1 with --bridgehub; --root takes the root itself"
            }
        });
    }
    if let Some(CallError::NoAddress) = error.downcast_ref() {
        return Some("--to gives it");
    }
    match error.downcast_ref()? {
        RecordError::Missing { field: "chainId" } => Some("--chain-id gives it"),
        RecordError::Missing { field: "batchNumber" } => Some("--batch gives it"),
        RecordError::Missing { field: "log" } => {
            Some("--log gives it, or --message with --sender and --tx-number")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::{
        cli::args::Cli,
        primitives::{Address, SlBatch, SlBlock},
        proof::{Failure, FailureCode},
    };

    /// Behind causes and behind what stands for another error; and every flag is one that there is.
    #[test]
    fn hints_are_found_behind_every_error_that_has_one() {
        let name = || "state".to_owned();
        let no_root = || RebuildError::NoMessageRoot(Address::system(7));
        let unexplained = || TargetError::Unexplained(SlBlock(9));
        let batch = SlBatch(3);
        let command = Cli::command();
        let is_flag = |flag: &str| {
            let mut commands = command.get_subcommands().flat_map(clap::Command::get_arguments);
            commands.any(|arg| arg.get_long() == Some(flag))
        };
        let errors = [
            ProveError::Import(ImportError::NoAccount { name: name() }),
            ProveError::Index(IndexError::Unknown { name: name() }),
            ProveError::Rebuild { name: name(), source: no_root() },
            ProveError::TreeFile { name: name(), source: no_root().into() },
            ProveError::Call(CallError::NoAddress),
            ProveError::Target(unexplained()),
            ProveError::NoSlBatches(batch),
            ProveError::SlBatch(SlBatchError::NoRoot(batch)),
            ProveError::SlBatch(SlBatchError::Unexplained { batch, source: unexplained() }),
        ]
        .map(CliError::Failed);
        let missing = |field| Reason::Record(RecordError::Missing { field });
        let lacks = Failure { code: FailureCode::AnchorLacksContracts, message: name() };
        let reasons = [
            missing("log"),
            missing("chainId"),
            missing("batchNumber"),
            Reason::Proof(VerifyError::UnknownRoot(RootRef::SlBlock(506.into(), 9))),
            Reason::Proof(VerifyError::UnknownRoot(RootRef::SlBatch(506.into(), 9))),
            Reason::Anchor(lacks),
        ];
        let errors = errors.iter().map(|error| error as &dyn Error);
        for error in errors.chain(reasons.iter().map(|reason| reason as &dyn Error)) {
            let hint = of(error).unwrap_or_else(|| panic!("{error}"));
            let mut flags = hint.split([' ', ',', ';']).filter_map(|word| word.strip_prefix("--"));
            assert!(flags.clone().count() > 0 && flags.all(is_flag), "{hint}");
        }
        assert_eq!(of(&CliError::NothingFound(name())), None);
    }
}
