//! Proofs as calldata: the ABI-encoded call that passes a proof to a contract.
//!
//! | call | for | contract |
//! | --- | --- | --- |
//! | `proveL2MessageInclusionShared` | logs of messages whose bytes are known | verifier |
//! | `proveL2LogInclusionShared` | every log | verifier |
//! | `proveL2LeafInclusionShared` | every log; the calldata have only its hash | verifier |
//! | `finalizeDeposit` | logs of withdrawals whose bytes are known, proven to L1 | `L1Nullifier` |
//!
//! The verifier of proofs against the root of a settlement layer's block is `L2MessageVerification`, a system
//! contract of the listening chain (v29 to v31). The verifier of the other proofs is `L1MessageRoot` (v31) or
//! the chain's diamond (v29 and v30). The addresses of these two and of `L1Nullifier` depend on the
//! deployment: a state of L1 has the first two, `L1Nullifier` must be given. Source: era-contracts
//! `IMessageVerification.sol`, `IL1Nullifier.sol` and `Messaging.sol`.
//!
//! A record is a line:
//!
//! ```json
//! {"chainId":324,"batchNumber":501234,"id":0,"root":"0x…","target":{…},
//!  "call":"proveL2MessageInclusionShared","to":"0x…","data":"0x…"}
//! ```
//!
//! If the call has only the hash of the log, the record also has the `log`, so that each record can be
//! verified by itself. Everything in it is verified except `to`: a proof does not say which contract a call
//! is for.

pub(crate) mod abi;
mod decode;
mod encode;
mod options;

use serde::{Deserialize, Serialize};

pub use decode::CalldataError;
pub(super) use decode::{Decoded, Subject, decode, takes_proof};
#[cfg(feature = "archive")]
pub(crate) use encode::calldata;
pub use options::{CallChoice, CallError, CallOptions, ChainContracts, L1Contracts};

use crate::proof::TargetRecord;
use crate::{
    message::L2ToL1Log,
    primitives::{Address, BatchNumber, ChainId, Hash},
};

/// A call that takes a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// A function of the verifying contract: this message was sent.
    #[serde(rename = "proveL2MessageInclusionShared")]
    Message,
    /// A function of the verifying contract: this log was emitted.
    #[serde(rename = "proveL2LogInclusionShared")]
    Log,
    /// A function of the verifying contract: a log with this hash was emitted.
    #[serde(rename = "proveL2LeafInclusionShared")]
    Leaf,
    /// A function of `L1Nullifier`: this message is a withdrawal, and is to be paid out.
    #[serde(rename = "finalizeDeposit")]
    FinalizeDeposit,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 4] = [Self::Message, Self::Log, Self::Leaf, Self::FinalizeDeposit];

    /// The function's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "proveL2MessageInclusionShared",
            Self::Log => "proveL2LogInclusionShared",
            Self::Leaf => "proveL2LeafInclusionShared",
            Self::FinalizeDeposit => "finalizeDeposit",
        }
    }
}

/// A call with the proof's batch, log and target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalldataRecord {
    /// The chain that emitted the log.
    pub chain_id: ChainId,
    /// The batch.
    pub batch_number: BatchNumber,
    /// The log's leaf index in the batch.
    pub id: u64,
    /// The batch root.
    pub root: Hash,
    /// The root that the proof folds to.
    pub target: TargetRecord,
    /// The log, if the call has only its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<L2ToL1Log>,
    /// The call.
    pub call: Call,
    /// The contract to call.
    pub to: Address,
    /// The calldata: `0x`, the selector and the ABI-encoded arguments.
    pub data: String,
}
