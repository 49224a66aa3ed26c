//! Which calls are written, and to which contracts.

use std::collections::BTreeMap;

use thiserror::Error;

use super::Call;
use crate::{
    primitives::{Address, ChainId},
    proof::FailureCode,
};

/// How the call for a proof is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallChoice {
    /// `proveL2MessageInclusionShared` if the log is of a message whose bytes are known, else
    /// `proveL2LogInclusionShared`.
    #[default]
    ByLog,
    /// `finalizeDeposit` if the log is of a message of a withdrawal, by its sender and its layout; else as
    /// [`ByLog`](Self::ByLog).
    BySender,
    /// This call.
    Only(Call),
}

/// The calls, and the contracts to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// How the call is chosen.
    pub call: CallChoice,
    /// The contract of all calls; not with [`CallChoice::BySender`]. Without it, the contract is that of `l1`,
    /// or `L2MessageVerification` for proofs against blocks.
    pub to: Option<Address>,
    /// The contracts on L1.
    pub l1: L1Contracts,
}

/// The contracts on L1 that take proofs, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L1Contracts {
    /// `L1Nullifier`.
    pub nullifier: Option<Address>,
    /// Whether a state shows that they are of v33 or later, whose `L1Nullifier` has no `finalizeDeposit`.
    pub are_since_v33: bool,
    /// The contracts of each chain.
    pub chains: BTreeMap<ChainId, ChainContracts>,
}

/// The contracts for one chain on L1, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainContracts {
    /// The contract that verifies proofs of the chain's batches: `L1MessageRoot` (v31), or the chain's diamond
    /// (v26 to v30).
    pub verifier: Option<Address>,
    /// The bridge that the chain had before the asset router; zero if L1Nullifier stores none.
    pub old_bridge: Option<Address>,
}

/// Why a proof cannot be encoded as a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The call is for messages.
    #[error("{} is for messages, but log {id} is not of a message; proveL2LogInclusionShared takes it", call.name())]
    NoMessage {
        /// The call.
        call: Call,
        /// The log's leaf index.
        id: u64,
    },
    /// The call needs the message's bytes.
    #[error("{} takes the message itself, but the archive has only the log {id} of it", call.name())]
    NoBytes {
        /// The call.
        call: Call,
        /// The log's leaf index.
        id: u64,
    },
    /// The call is for withdrawals.
    #[error(
        "finalizeDeposit is for withdrawals, but log {id} is not of the message of one, or a contract sent it \
         that L1Nullifier does not pay for"
    )]
    NoWithdrawal {
        /// The log's leaf index.
        id: u64,
    },
    /// Whether L1 pays for the message depends on a value that is not known.
    #[error(
        "log {id} is of a message of a withdrawal; L1Nullifier pays for it if its sender {sender} is the bridge \
         that the chain had before the asset router, which is not known"
    )]
    UnknownBridge {
        /// The log's leaf index.
        id: u64,
        /// The sender of the message.
        sender: Address,
    },
    /// The log does not fit the struct that the call takes.
    #[error(
        "log {id} has the isService byte {byte}, which is not a bool; proveL2LeafInclusionShared takes it"
    )]
    NoBool {
        /// The log's leaf index.
        id: u64,
        /// The byte in the log.
        byte: u8,
    },
    /// The function is gone.
    #[error(
        "L1Nullifier is of v33 and has no finalizeDeposit: since then a withdrawal is a bundle of InteropCenter, which \
         L1InteropHandler executes; whether withdrawals of earlier releases are still paid out is not known"
    )]
    NoFinalizeDeposit,
    /// L1 does not store the root.
    #[error(
        "finalizeDeposit is called on L1, which does not store the roots of blocks; prove against sl-batch:N or batch-root"
    )]
    NotOnL1,
    /// The contract's address depends on the deployment and was not given.
    #[error("the address of the contract to call is not known; it must be given")]
    NoAddress,
    /// The calls are for several contracts, and the address of one was given.
    #[error(
        "the calls are for L1Nullifier and for the contract that verifies proofs, and not for one contract"
    )]
    OneContract,
}

impl CallError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoMessage { .. } => FailureCode::CallNeedsMessage,
            Self::NoBytes { .. } => FailureCode::CallNeedsMessageBytes,
            Self::NoWithdrawal { .. } => FailureCode::NotAWithdrawal,
            Self::UnknownBridge { .. } => FailureCode::WithdrawalSenderUnknown,
            Self::NoBool { .. } => FailureCode::LogNotEncodable,
            Self::NoFinalizeDeposit => FailureCode::NoFinalizeDeposit,
            Self::NotOnL1 => FailureCode::CallNeedsL1Target,
            Self::NoAddress => FailureCode::NoAddress,
            Self::OneContract => FailureCode::InvalidOptions,
        }
    }
}
