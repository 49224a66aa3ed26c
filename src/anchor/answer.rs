//! The answers of a state to questions about roots.

use std::fmt;

use thiserror::Error;

use crate::{
    contracts::{ForeignLayout, SettledOn, system},
    forest::Addresses,
    primitives::{Address, BatchNumber, ChainId, Hash, Timestamp, Word},
    proof::{Failure, FailureCode, Known},
    state::StateError,
};

/// The answer of a state that is asked for a root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The state stores this root, and its contracts accept proofs that fold to it.
    Root(KnownRoot),
    /// The state stores no such root.
    NotStored,
    /// The contracts refuse every proof that leads there.
    Refused(Refusal),
    /// The state lacks a contract that is needed for an answer.
    Lacking(Lacking),
}

impl Answer {
    /// The root, if there is one.
    #[must_use]
    pub fn root(&self) -> Option<KnownRoot> {
        match self {
            Self::Root(root) => Some(*root),
            _ => None,
        }
    }
}

impl From<Answer> for Known {
    fn from(answer: Answer) -> Self {
        let failure = |code: FailureCode, message: String| Failure { code, message };
        match answer {
            Answer::Root(known) => Self::Root(known.root),
            Answer::NotStored => Self::Unknown,
            Answer::Refused(refusal) => Self::Refused(failure(refusal.code(), refusal.to_string())),
            Answer::Lacking(lacking) => {
                let failure = failure(lacking.code(), lacking.to_string());
                match lacking {
                    // Neither release accepts a proof that folds to another root.
                    Lacking::Release { stored: Some(root), .. } => Self::Unclear(root, failure),
                    _ => Self::Lacking(failure),
                }
            }
        }
    }
}

/// A root, and the contract variable that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownRoot {
    /// The root.
    pub root: Hash,
    /// The variable that holds it.
    pub location: RootLocation,
}

/// A variable that holds roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RootLocation {
    /// MessageRoot's `historicalRoot`.
    HistoricalRoot(Address),
    /// MessageRoot's `chainBatchRoots` (since v31).
    ChainBatchRoots(Address),
    /// `l2LogsRootHashes` of a chain's diamond.
    LogsRootHashes(Address),
    /// L2InteropRootStorage's `interopRoots`.
    InteropRoots(Address),
}

impl fmt::Display for RootLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HistoricalRoot(at) => write!(f, "historicalRoot of MessageRoot {at}"),
            Self::ChainBatchRoots(at) => write!(f, "chainBatchRoots of MessageRoot {at}"),
            Self::LogsRootHashes(at) => write!(f, "l2LogsRootHashes of diamond {at}"),
            Self::InteropRoots(at) => write!(f, "interopRoots of InteropRootStorage {at}"),
        }
    }
}

/// A check of the contracts that refuses a proof, whatever root it folds to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `BatchNotExecuted` (v26 to v30).
    #[error(
        "batch {batch} of chain {chain} is not executed: the last executed batch is {executed}"
    )]
    BatchNotExecuted {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// `totalBatchesExecuted`.
        executed: BatchNumber,
    },
    /// `BatchZeroNotAllowed` (v31).
    #[error("batch 0 of chain {0} cannot be proven: the contracts refuse batch 0")]
    BatchZero(ChainId),
    /// The diamond stores a root, but the contract of v31 reads only MessageRoot for this batch.
    #[error(
        "MessageRoot stores no root of batch {batch} of chain {chain}; the chain's diamond stores one, but \
         this release does not read it for this batch"
    )]
    NotInMessageRoot {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// `LocalRootMustBeZero` (v26 to v30).
    #[error(
        "batch {batch} of chain {chain} was executed on this layer itself, so it cannot be proven through \
         another settlement layer"
    )]
    ExecutedHere {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
    },
    /// `NotSettlementLayer` (v26 to v30).
    #[error("chain {} is not a settlement layer: Bridgehub does not list it", number(.0))]
    NotSettlementLayer(Word),
    /// `InvalidSettlementLayerForBatch` (v31).
    #[error(
        "batch {batch} of chain {chain} cannot be proven through batch {sl_batch} of chain {}: {}",
        number(.sl_chain), permitted(.settled_on)
    )]
    InvalidSettlementLayer {
        /// The chain.
        chain: ChainId,
        /// The batch.
        batch: BatchNumber,
        /// The settlement layer that the proof names.
        sl_chain: Word,
        /// The settlement layer's batch that the proof names.
        sl_batch: u128,
        /// What L1 accepts instead.
        settled_on: SettledOn,
    },
    /// `OnlyL1` (v31).
    #[error(
        "a settlement layer accepts no proof through a batch of a settlement layer; only L1 does"
    )]
    OnlyL1,
    /// The words are those of another release than the verifying contract's: since v33 a timestamp precedes the
    /// batch mask.
    #[error(
        "the contracts are of {}, but the proof is of {}: since v33 the timestamp of the batch precedes the \
         batch mask", release(*.since_v33), release(!*.since_v33)
    )]
    OtherRelease {
        /// Whether the contracts are of v33 or later.
        since_v33: bool,
    },
    /// L1 stores the roots of its own blocks (v33), but verifies no proof against them: it looks for a batch of
    /// itself as a settlement layer, and has none.
    #[error(
        "the proof leads to a block of L1: L1 itself accepts no such proof, only chains that imported the root do"
    )]
    BlockOfL1,
    /// The record names another timestamp of the target than the one stored with its root.
    #[error(
        "the record's target has the timestamp {given}, but the one stored with its root is {}",
        seconds(stored)
    )]
    RootTimestamp {
        /// The timestamp in the record.
        given: Timestamp,
        /// The stored one.
        stored: Word,
    },
}

/// A timestamp as a number, if it is one.
fn seconds(stored: &Word) -> String {
    stored.to_u64().map_or_else(|_| stored.to_string(), |seconds| seconds.to_string())
}

fn release(since_v33: bool) -> &'static str {
    if since_v33 { "v33 or later" } else { "a release before v33" }
}

impl Refusal {
    /// The stable code of this refusal.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::BatchNotExecuted { .. } => FailureCode::BatchNotExecuted,
            Self::BatchZero(_) => FailureCode::BatchZero,
            Self::NotInMessageRoot { .. } => FailureCode::BatchNotInMessageRoot,
            Self::ExecutedHere { .. } => FailureCode::BatchExecutedHere,
            Self::NotSettlementLayer(_) => FailureCode::NotASettlementLayer,
            Self::InvalidSettlementLayer { .. } => FailureCode::InvalidSettlementLayer,
            Self::OnlyL1 => FailureCode::OnlyL1,
            Self::OtherRelease { .. } => FailureCode::ProofOfOtherRelease,
            Self::BlockOfL1 => FailureCode::BlockOfL1,
            Self::RootTimestamp { .. } => FailureCode::TimestampMismatch,
        }
    }
}

fn permitted(settled_on: &SettledOn) -> String {
    match settled_on {
        SettledOn::L1 => "it was settled on L1 itself".into(),
        SettledOn::TooManyMigrations => "the chain has migrated too often".into(),
        SettledOn::Layer { chain, first, last } => {
            let (chain, first) = (number(chain), number(first));
            match last {
                Some(last) => format!(
                    "L1 accepts batches {first} to {} of chain {chain}; the last one is {}",
                    number(last),
                    number(last)
                ),
                None => format!("L1 accepts batches of chain {chain} from {first} on"),
            }
        }
    }
}

fn number(word: &Word) -> String {
    word.to_u64().map_or_else(|_| word.to_string(), |number| number.to_string())
}

/// The stable code for a state that cannot be read.
#[must_use]
pub fn state_error_code(error: &StateError) -> FailureCode {
    match error {
        StateError::NotProven { .. } => FailureCode::SlotNotProven,
        _ => FailureCode::StateDamaged,
    }
}

/// A contract that is needed for an answer and is not in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Lacking {
    /// Every contract that stores roots.
    #[error(
        "the state stores no roots: it has no MessageRoot at {}, no Bridgehub at {} and no \
         InteropRootStorage at {}", .0.message_root, .0.bridgehub, system::INTEROP_ROOT_STORAGE
    )]
    Contracts(Addresses),
    /// Bridgehub.
    #[error("the state holds no Bridgehub at {0}")]
    Bridgehub(Address),
    /// MessageRoot, which stores the roots since v31.
    #[error("Bridgehub is of v31, but the state holds no MessageRoot of v31 at {0}")]
    MessageRoot(Address),
    /// The diamond of a chain.
    #[error("the state does not hold the diamond {diamond} of chain {chain}")]
    Diamond {
        /// The chain.
        chain: ChainId,
        /// Its address.
        diamond: Address,
    },
    /// L1ChainAssetHandler, which records since v31 where a batch was settled.
    #[error("the state does not hold L1ChainAssetHandler{}", .0.map_or(String::new(), |at| format!(" at {at}")))]
    ChainAssetHandler(Option<Address>),
    /// No contract, but a root that the contract stored since v33, which would show its release.
    #[error(
        "the state shows no root with a timestamp in {name} {address}: it is of a release before v33, which refuses the \
         proof, or was upgraded to v33 and has stored no root since"
    )]
    Release {
        /// The name of the contract: MessageRoot on L1, or InteropRootStorage.
        name: &'static str,
        /// Its address.
        address: Address,
        /// The root that is stored where the proof leads, if it was asked for.
        stored: Option<Hash>,
    },
    /// No contract, but a known layout of MessageRoot.
    #[error("the storage layout of MessageRoot is not supported: {0}")]
    Layout(ForeignLayout),
}

impl Lacking {
    /// The stable code for this contract.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Contracts(_) => FailureCode::AnchorLacksContracts,
            Self::Bridgehub(_) => FailureCode::AnchorLacksBridgehub,
            Self::MessageRoot(_) => FailureCode::AnchorLacksMessageRoot,
            Self::Diamond { .. } => FailureCode::AnchorLacksDiamond,
            Self::ChainAssetHandler(_) => FailureCode::AnchorLacksChainAssetHandler,
            Self::Release { .. } => FailureCode::ReleaseNotShown,
            Self::Layout(_) => FailureCode::LayoutNotSupported,
        }
    }
}
