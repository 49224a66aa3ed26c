//! Reads proof records: those of this library, calldata, or plain answers of a node.
//!
//! The parameters of claims that programs keep are read under their names; see `incoming.rs`. A field that a record
//! lacks is derived if possible, otherwise taken from [`Defaults`]. Fields that repeat
//! each other must agree. A record that lacks more cannot be judged, which differs from being refused:
//! [`RecordError::is_lack`] distinguishes the two, and [`Verdict`](super::Verdict) has a variant for each.

#[cfg(feature = "calldata")]
mod calldata;
mod error;
#[cfg(feature = "archive")]
mod exact;
mod fields;
mod incoming;
mod kind;
mod leaf;
mod object;
mod parse;

use crate::proof::{LeafRecord, ProofRecord};
use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId},
};

pub use error::RecordError;
#[cfg(feature = "archive")]
pub(crate) use exact::{ExactReader, compacted};
pub(crate) use fields::{Fields, LogFields};
pub use kind::is_record;
#[cfg(feature = "archive")]
pub(crate) use kind::{BUNDLE, Members, bare_calldata, bundled, listed};
pub use parse::parse;
#[cfg(feature = "cli")]
pub(crate) use parse::{Read, read};

/// The fields that a node's plain answer lacks. A record that contradicts them is refused, because the
/// caller gives them on purpose.
///
/// ```
/// use slproof::{ProofRecord, proof::reader::{Defaults, Item, parse}};
/// use serde_json::json;
///
/// let text = std::fs::read("fixtures/gateway-v31/record.json")?;
/// let record: ProofRecord = serde_json::from_slice(&text)?;
/// let given = Defaults { chain: Some(record.chain_id), log: record.log, ..Default::default() };
/// let answer = json!({
///     "proof": record.proof, "id": record.id, "root": record.root, "batchNumber": record.batch_number,
/// })
/// .to_string();
///
/// // The answer of a node says neither which chain nor which log it is for.
/// assert!(parse(answer.as_bytes(), &Defaults::default()).unwrap_err().is_lack());
/// assert!(matches!(parse(answer.as_bytes(), &given)?, Item::Proof(..)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// The chain.
    pub chain: Option<ChainId>,
    /// The batch, which older nodes do not return.
    pub batch: Option<BatchNumber>,
    /// The log.
    pub log: Option<L2ToL1Log>,
}

/// One record of an input.
#[derive(Debug)]
pub enum Item {
    /// A proof and the log that it is for.
    Proof(Box<ProofRecord>, L2ToL1Log),
    /// A proof of a leaf of a batch root of eight leaves.
    Leaf(Box<LeafRecord>),
    /// A request that could not be fulfilled. There is nothing to verify.
    Failure,
}
