//! Leaf-to-root proofs: the model, the encoding, the records that hold them, and the verifier.
//!
//! A proof is a `bytes32[]`, as `zks_getL2ToL1LogProof` returns it and the `prove…InclusionShared` functions
//! of the contracts take it:
//!
//! ```text
//! metadata            byte 0 version 1, byte 1 log path length, byte 2 batch path length,
//!                     byte 3 is 1 on the last node, 28 zero bytes
//! log path            siblings from the log's leaf to the local logs root, bottom first, then the
//!                     aggregated root, and in an 8-leaf batch root (v33) two more; the log's index is the
//!                     mask
//!                     --- the end if byte 3 is 1: this folds to the batch root ---
//! l1 timestamp        since v33: when the settlement layer executed the batch, in seconds since 1970
//! batch mask          the leaf index in the chain tree
//! batch path          siblings in the chain tree, bottom first
//! packed number       settlement layer block (or batch) << 128 | mask of the chain path
//! SL chain id
//! metadata            1, chain path length, 0, 1
//! chain path          siblings in the shared tree, bottom first
//! ```
//!
//! Before v26 a proof was the log path alone. Its first word has non-zero bytes among the last 28.
//! Whether a proof has a timestamp, is a property of its release. A record names it as `l1Timestamp`; otherwise
//! the place of the second metadata shows it. Source: era-contracts `MessageHashing.sol` and
//! `L2MessageVerification.sol`, v26 to v31 and v33.
//!
//! [`Proof`] is the model with its encoding and strict decoding. [`verify`] is a second implementation that
//! shares no code with the trees. It alone judges single proofs. Proofs in bulk are folded in parallel by
//! `verify_many`, which shares only Keccak with the trees; [`verify`] also checks one of every 1024 proofs,
//! and all proofs that `verify_many` refuses.

#[cfg(feature = "calldata")]
pub mod calldata;
mod checked_by;
mod decode;
mod failure_code;
mod leaf_record;
mod model;
#[cfg(feature = "archive")]
pub(crate) mod proof_group;
pub mod reader;
mod record;
mod request;
mod target;
mod verdict;
pub mod verify;
#[cfg(feature = "archive")]
pub(crate) mod verify_many;
mod view;

pub use checked_by::{CheckedBy, UnknownEvidence};
pub use decode::DecodeError;
pub use failure_code::{FailureCode, UnknownFailureCode};
pub use leaf_record::LeafRecord;
pub use model::{METADATA_VERSION, Proof, ProofEnd, SettlementHop};
pub use record::{
    Failure, FailureRecord, Hints, ProofRecord, RootQuery, RpcAnswer, TargetRecord, no_hints,
};
pub use request::{Request, RequestError, RequestLine};
pub use target::{Target, TargetKind, TargetParseError};
pub use verdict::{Known, Reason, Verdict};
pub use view::ProofView;
