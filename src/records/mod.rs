//! Files of proofs: reading, verifying and writing.
//!
//! [`Entries`] reads the records of an input, and [`Verdicts`] verifies them. An [`Encoder`] writes the
//! outcomes of requests ([`Outcome`]) as bytes; [`OwnedRecords`] returns them as values.

mod bulk_judge;
#[cfg(not(feature = "calldata"))]
#[path = "no_calldata.rs"]
mod calldata;
mod encoder;
mod entries;
mod entries_error;
mod format;
mod integers;
mod json_array;
mod judge;
mod l1_evidence;
mod l1_verdict;
mod line;
mod outcome;
mod owned;
mod page;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "no_parquet.rs"]
mod parquet;
mod text;
mod verdicts;

#[cfg(feature = "calldata")]
use crate::proof::calldata;

pub(crate) use calldata::CallOptions;
pub use encoder::{EncodedChunk, Encoder};
pub(crate) use encoder::{FailureLines, Form};
pub use entries::{Entries, Entry};
pub use entries_error::EntriesError;
pub use format::{EncoderError, ProofFormat};
pub use integers::Integers;
pub use judge::{TrustedRoots, VerdictLine, VerdictsError, verify, verify_leaf};
pub(crate) use l1_evidence::L1Evidence;
pub use l1_verdict::L1Verdict;
pub use line::LineWriter;
pub use outcome::{Count, Encode, Outcome, RequestSource};
pub use owned::{Answer, OwnedRecords};
pub use page::PAGE;
pub(crate) use parquet::{RowGroupSummary, RowGroups};
pub use text::Records;
pub use verdicts::Verdicts;
