//! Records of proofs as they come in: what `prove` wrote, calldata, or bare answers of a node.
//!
//! What a record leaves out is derived where it can be, and else taken from [`Defaults`]; what it says twice
//! has to agree. A record that lacks more than that cannot be judged, which is not the same as being refused:
//! [`RecordError::is_lack`] tells the two apart, and [`Verdict`](super::Verdict) makes three answers of it.

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
pub(crate) use fields::{AboutLog, Fields};
#[cfg(feature = "cli")]
pub(crate) use kind::Members;
pub use kind::is_record;
pub use parse::parse;

/// What a bare answer of a node leaves out. A record that says something else is refused: whoever gives
/// these means them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults {
    /// The chain.
    pub chain: Option<ChainId>,
    /// The batch, which older nodes leave out.
    pub batch: Option<BatchNumber>,
    /// The log.
    pub log: Option<L2ToL1Log>,
}

/// One record of an input.
#[derive(Debug)]
pub enum Item {
    /// A proof and the log that it is for.
    Proof(Box<ProofRecord>, L2ToL1Log),
    /// A request that `prove` could not fulfil; nothing to verify.
    Failure,
}
