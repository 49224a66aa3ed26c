//! Proofs made from trees and archives.
//!
//! [`Extractor`] makes the proofs of one batch or of many against one target. [`VerifiedProofs`] makes proofs
//! in bulk. Nothing is emitted that the verifier did not accept.

mod error;
mod extract;
mod matched_batch;
mod resolved;
mod sl_batch;
mod verified_proofs;

pub use error::ExtractError;
pub use extract::{BatchProofs, Extractor, prepare};
pub use matched_batch::{AggregatedRoot, BatchRootForm, FoldError, MatchedBatch};
pub use resolved::TargetError;
pub use sl_batch::{SlBatchError, SlBatchTree};
pub use verified_proofs::{LogFilter, VerifiedProofs};
