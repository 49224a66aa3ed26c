//! Reads proof records: those of this library, calldata, or plain answers of a node.
//!
//! A field that a record lacks is derived if possible, otherwise taken from [`Defaults`]. Fields that repeat
//! each other must agree. A record that lacks more cannot be judged, which differs from being refused:
//! [`RecordError::is_lack`] distinguishes the two, and [`Verdict`](super::Verdict) has a variant for each.

#[cfg(feature = "calldata")]
mod calldata;
mod error;
mod fields;
mod kind;
mod parse;

use crate::proof::ProofRecord;
use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, ChainId},
};

pub use error::RecordError;
pub(crate) use fields::{Fields, LogFields};
#[cfg(feature = "archive")]
pub(crate) use kind::Members;
pub use kind::is_record;
pub use parse::parse;

/// The fields that a node's plain answer lacks. A record that contradicts them is refused, because the
/// caller gives them on purpose.
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
    /// A request that could not be fulfilled. There is nothing to verify.
    Failure,
}
