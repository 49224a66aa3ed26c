//! Hints for errors. The library's errors say what is missing; the hints say which flag supplies it.

use std::error::Error;

use super::error::CliError;
use crate::{
    archive::ArchiveError,
    forest::{L1Error, RebuildError, TreeFileError},
    ingest::{
        IndexError, l1::L1DataError, logs::SourceError, state::ImportError,
        state_proofs::StateProofsError,
    },
    proof::{
        FailureCode, Reason,
        calldata::CallError,
        reader::RecordError,
        verify::{RootRef, VerifyError},
    },
    prove::{Error as ProveError, ExtractError, HashOf, SlBatchError, TargetError},
    publish::PublishError,
    serve::ServeError,
    state::StateError,
};

/// How to get the slots that are not proven.
const NEEDS: &str = "slproof needs prints the requests; give the answers with --anchor";

/// The hint for an error or for one of its causes.
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
    // A transparent error is not among its own causes.
    if let Some(error) = error.downcast_ref() {
        return match error {
            CliError::Failed(inner)
            | CliError::Serve(ServeError::Open(inner))
            | CliError::Publish(PublishError::Proving(inner)) => of_this(inner),
            CliError::WrongInput { role, found, .. } => Some(role.hint(*found)),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            ProveError::Import(inner) => of_this(inner),
            ProveError::Index(inner) => of_this(inner),
            ProveError::StateProofs(inner) => of_this(inner),
            ProveError::State(inner) => of_this(inner),
            ProveError::Target(inner) => of_this(inner),
            ProveError::Call(inner) => of_this(inner),
            ProveError::TwoSettlementLayers { .. } => Some("say which with --sl-chain-id"),
            ProveError::NoSlBatches(_) => Some("give them with --sl-batches"),
            ProveError::NoTrees(_) => Some("give a --target other than batch-root for the job"),
            ProveError::OtherHash { asked: HashOf::Message, .. } => {
                Some("select the logs of a transaction with --tx")
            }
            ProveError::OtherHash { asked: HashOf::Transaction, .. } => {
                Some("select messages with --message")
            }
            ProveError::SeveralTransactions { .. } => {
                Some("give --chain, and --batch if they are of one chain")
            }
            ProveError::NoTransactionHashes => {
                Some("give --message, or --chain, --batch and --index")
            }
            _ => None,
        };
    }
    if let Some(reason) = error.downcast_ref() {
        return match reason {
            Reason::Record(inner) => of_this(inner),
            // Only of a proof that is verified: other commands do not have these flags.
            Reason::Proof(VerifyError::UnknownRoot(anchor)) => Some(match anchor {
                RootRef::SlBlock(..) => {
                    "give a state that stores it with --anchor, or the root itself with --root"
                }
                _ => {
                    "give a state that stores it with --anchor (for L1 also --bridgehub), or the root itself with --root"
                }
            }),
            Reason::Anchor(failure) if failure.code.as_str().starts_with("anchor-lacks-") => {
                Some("give a state that has it with --anchor; for L1 also give --bridgehub")
            }
            Reason::Anchor(failure) if failure.code == FailureCode::SlotNotProven => Some(NEEDS),
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
            ImportError::NoAccount { .. } => Some("give the account with --account"),
            ImportError::LogColumns { .. } => Some("name the columns with --columns FIELD=COLUMN"),
            ImportError::Ambiguous { .. } => {
                Some("give the format with --input-format (of an anchor: --anchor-format)")
            }
            ImportError::TooManySlots { .. } => Some("make a snapshot of it with slproof import"),
            _ => None,
        };
    }
    match error.downcast_ref() {
        Some(StateProofsError::NotTrusted { .. }) => return Some("trust it with --trust-block"),
        Some(StateProofsError::NoHeader { .. }) => return Some("give it with --anchor"),
        _ => {}
    }
    if let Some(StateError::NotProven { .. }) = error.downcast_ref() {
        return Some(NEEDS);
    }
    match error.downcast_ref()? {
        RebuildError::NoMessageRoot(_) => Some(
            "give the address of MessageRoot with --message-root, or that of Bridgehub with --bridgehub",
        ),
        RebuildError::NoDiamond { .. } => Some("give the address of Bridgehub with --bridgehub"),
        RebuildError::Incomplete { .. } => Some("search further down with --max-gap"),
        RebuildError::TooLargeForMemory { .. } => Some("make a tree file with slproof rebuild -o"),
        RebuildError::L1(L1Error::NoSlChain) => Some("give the chain id with --sl-chain-id"),
        RebuildError::L1(L1Error::RegistrationsMissing { .. } | L1Error::FirstMissing(_)) => {
            Some("add the missing commits and blobs, which slproof rebuild -v names")
        }
        RebuildError::L1(L1Error::NoRegistrations { .. }) => {
            Some("give the address of MessageRoot with --message-root")
        }
        _ => None,
    }
}

fn of_source(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref() {
        return match error {
            IndexError::Unknown { .. } => Some("give the format with index --input-format"),
            IndexError::State { .. } => Some("give a state with --tree"),
            IndexError::Archive(ArchiveError::TooLarge { .. }) => {
                Some("make a message archive of it with slproof index")
            }
            IndexError::NeedsChain { .. } => {
                Some("make a message archive of it with slproof index --chain ID")
            }
            _ => None,
        };
    }
    if let Some(L1DataError::SeveralLayers { .. } | L1DataError::NoLayer { .. }) =
        error.downcast_ref()
    {
        return Some("give the diamond of the settlement layer on L1 with --sl-diamond");
    }
    match error.downcast_ref()? {
        SourceError::NoBatch { .. } => Some(
            "give the blocks of the batches with index --batch-blocks, or their roots with index --tree",
        ),
        SourceError::Nameless => Some("give the chain with index --chain"),
        _ => None,
    }
}

fn of_proof(error: &(dyn Error + 'static)) -> Option<&'static str> {
    const EXPLAIN: &str = "give the events with --events, or alone with --tree if the state lost roots, or try more trees with --search";
    const AFTER_GAP: &str = "give the events with --events";
    if let Some(error) = error.downcast_ref() {
        return match error {
            ExtractError::FirstRootUnknown { .. } => Some(EXPLAIN),
            ExtractError::FirstRootAfterGap { .. } => Some(AFTER_GAP),
            ExtractError::SlBatch { reason, .. } => of(reason),
            ExtractError::NoBatchRoot { .. } => {
                Some("give the addresses with --bridgehub and --message-root")
            }
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            TargetError::NoInteropRoot(_) | TargetError::NoInteropRootEvent => {
                Some("prove against the batch roots with --target batch-root")
            }
            TargetError::Unexplained(_) => Some(EXPLAIN),
            TargetError::UnexplainedAfterGap(_) => Some(AFTER_GAP),
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            SlBatchError::NoRoot(_) => Some("give the state of L1 with --anchor"),
            SlBatchError::NotExecuted(_) => {
                Some("give the execution of the batch, or the state of L1 with --anchor")
            }
            SlBatchError::NotOnL1(_) => {
                Some("give the address of Bridgehub with --anchor-bridgehub")
            }
            _ => None,
        };
    }
    if let Some(error) = error.downcast_ref() {
        return match error {
            CallError::NoAddress => Some(
                "give the address with --to, that of L1Nullifier with --l1-nullifier, or the state of L1 with \
                 --anchor",
            ),
            CallError::OneContract => Some("give --l1-nullifier and --anchor instead of --to"),
            CallError::UnknownBridge { .. } => {
                Some("give the state of L1 with --anchor, and --l1-nullifier")
            }
            _ => None,
        };
    }
    match error.downcast_ref()? {
        RecordError::Missing { field: "chainId" } => Some("give it with --chain-id"),
        RecordError::Missing { field: "batchNumber" } => Some("give it with --batch"),
        RecordError::Missing { field: "proof" } => {
            Some("a record of slproof has one, and so has the whole answer of a node")
        }
        RecordError::Missing { field: "log" } => {
            Some("give it with --log, or with --message, --sender and --tx-number")
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
        primitives::{Address, BatchNumber, ChainId, Hash, SlBatch, SlBlock, Word},
        proof::{Failure, Target},
    };

    /// Causes and transparent errors have hints too, and every flag in a hint exists.
    #[test]
    fn hints_are_found_for_causes_and_transparent_errors() {
        let name = || "state".to_owned();
        let no_root = || RebuildError::NoMessageRoot(Address::system(7));
        let unexplained = || TargetError::Unexplained(SlBlock(9));
        let batch = SlBatch(3);
        let (block, hash) = (SlBlock(9), Hash::default());
        let not_trusted = StateProofsError::NotTrusted { block, hash };
        let not_proven =
            || StateError::NotProven { contract: Address::system(7), slot: Word::from(1) };
        let command = Cli::command();
        let is_flag = |flag: &str| {
            let mut commands = command.get_subcommands().flat_map(clap::Command::get_arguments);
            commands.any(|arg| arg.get_long() == Some(flag))
        };
        let errors = [
            ProveError::Import(ImportError::NoAccount { name: name() }),
            ProveError::Import(ImportError::LogColumns { name: name(), reason: name() }),
            ProveError::Index(IndexError::Unknown { name: name() }),
            ProveError::Rebuild { name: name(), source: no_root() },
            ProveError::TreeFile { name: name(), source: no_root().into() },
            ProveError::Call(CallError::NoAddress),
            ProveError::Call(CallError::OneContract),
            ProveError::Target(unexplained()),
            ProveError::Target(TargetError::UnexplainedAfterGap(SlBlock(9))),
            ProveError::NoSlBatches(Target::SlBatch(batch)),
            ProveError::OtherHash { hash: Hash::default(), asked: HashOf::Message },
            ProveError::OtherHash { hash: Hash::default(), asked: HashOf::Transaction },
            ProveError::NoTransactionHashes,
            ProveError::SeveralTransactions { hash: Hash::default(), batches: Default::default() },
            ProveError::SlBatch(SlBatchError::NoRoot(batch)),
            ProveError::State(not_proven()),
            ProveError::StateProofs(not_trusted),
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
        let code = FailureCode::SlotNotProven;
        let unproven = Reason::Anchor(Failure { code, message: not_proven().to_string() });
        let errors = errors.iter().map(|error| error as &dyn Error);
        for error in
            errors.chain(reasons.iter().chain([&unproven]).map(|reason| reason as &dyn Error))
        {
            let hint = of(error).unwrap_or_else(|| panic!("{error}"));
            let mut flags = hint
                .split([' ', ',', ';', '(', ')', ':'])
                .filter_map(|word| word.strip_prefix("--"));
            assert!(flags.clone().count() > 0 && flags.all(is_flag), "{hint}");
        }
        assert_eq!(of(&CliError::NothingFound(name())), None);
        // The flags of verify are no help to one who proves.
        let source = VerifyError::UnknownRoot(RootRef::SlBlock(506.into(), 9));
        let (chain, batch) = (ChainId(506), BatchNumber(1));
        assert_eq!(of(&ExtractError::Refused { chain, batch, index: 0, source }), None);
    }
}
