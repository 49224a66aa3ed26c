//! Floor 8: leaf-to-root proofs: made from a forest and an archive, encoded, verified.
//!
//! A proof is a `bytes32[]`, as `zks_getL2ToL1LogProof` answers it and as the contracts'
//! `proveL2MessageInclusionShared` and its siblings take it:
//!
//! ```text
//! metadata            byte 0 version 1, byte 1 log path length, byte 2 batch path length,
//!                     byte 3 is 1 on the last node, 28 zero bytes
//! log path            siblings from the log's leaf to the local logs root, bottom first, then the
//!                     aggregated root; the log's index is the mask
//!                     --- the end if byte 3 is 1: this folds to the batch root ---
//! batch mask          the leaf index in the chain tree
//! batch path          siblings in the chain tree, bottom first
//! packed number       settlement layer block (or batch) << 128 | mask of the chain path
//! SL chain id
//! metadata            1, chain path length, 0, 1
//! chain path          siblings in the shared tree, bottom first
//! ```
//!
//! Before v26 a proof was the plain log path; a first word whose last 28 bytes are not zero says so.
//! Source: era-contracts `MessageHashing.sol` and `L2MessageVerification.sol`, v26 to v31.
//!
//! [`Extractor`] makes proofs, [`Proof`] is the model with its encoding and strict decoding, and
//! [`verify`] is a second implementation that shares no code with the first. What one proof has to pass
//! it judges itself; proofs in bulk are folded side by side by `verify_many`, which shares only Keccak
//! with the trees, agrees with [`verify`] on every corrupted word in its tests, and hands it one of
//! every 1024 proofs and all that it refuses. Nothing is emitted that was not accepted.

mod accepted;
pub mod calldata;
mod decode;
mod error;
mod extract;
mod json_array;
mod line;
mod model;
pub mod parquet;
pub mod reader;
mod record;
mod request;
mod settled;
mod sl_batch;
mod target;
mod verdict;
pub mod verify;
mod verify_many;
mod view;

pub use accepted::{Accepted, Which};
pub use decode::DecodeError;
pub use error::ExtractError;
pub use extract::{BatchProofs, Extractor, prepare};
pub use line::LineWriter;
pub use model::{METADATA_VERSION, Proof, ProofEnd, SettlementHop};
pub use record::{Failure, FailureRecord, ProofRecord, RpcAnswer, TargetKind, TargetRecord};
pub use request::{Request, RequestError, RequestLine};
pub use settled::{AggregatedRoot, BatchRootForm, FoldError, SettledBatch};
pub use sl_batch::{SlBatchError, SlBatchTree};
pub use target::{Target, TargetError};
pub use verdict::{Known, Reason, Verdict};
pub use view::ProofView;
