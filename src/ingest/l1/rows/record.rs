use serde_json::Error as JsonError;
use thiserror::Error;

use super::Events;
use crate::primitives::{Address, Hash};

/// A transaction, its receipt, or both.
#[derive(Debug)]
pub(in crate::ingest::l1) struct Row {
    pub(in crate::ingest::l1) hash: Hash,
    /// The block and the index in it.
    pub(in crate::ingest::l1) position: Option<(u64, u64)>,
    pub(in crate::ingest::l1) to: Option<Address>,
    /// The calldata. `None` if the file has none.
    pub(in crate::ingest::l1) calldata: Option<Vec<u8>>,
    /// Whether it is a transaction without calldata, and not a receipt.
    pub(in crate::ingest::l1) lacks_calldata: bool,
    /// Whether the transaction succeeded.
    pub(in crate::ingest::l1) succeeded: Option<bool>,
    /// The events of diamonds.
    pub(in crate::ingest::l1) events: Events,
}

impl Row {
    /// A row with the hash of a transaction alone.
    pub(super) fn of(hash: Hash) -> Self {
        Self {
            hash,
            position: None,
            to: None,
            calldata: None,
            lacks_calldata: false,
            succeeded: None,
            events: Events::default(),
        }
    }
}

/// A row, or what takes its place.
pub(in crate::ingest::l1) type Found = Result<Row, Fault>;

/// Why a row cannot be used.
#[derive(Debug)]
pub(in crate::ingest::l1) struct Fault {
    /// The transaction, if it is known.
    pub(in crate::ingest::l1) hash: Option<Hash>,
    pub(in crate::ingest::l1) kind: FaultKind,
}

/// What is wrong with a row of a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The text is not JSON.
    #[error("it is not JSON")]
    Json(#[source] JsonError),
    /// A value cannot be read.
    #[error("{what} {reason}")]
    Value {
        /// The part of the transaction.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The node answered with an error.
    #[error("it is an error of the node: {0}")]
    NodeError(String),
    /// The node answered null.
    #[error("the node's answer is null: the node does not have the transaction")]
    Null,
    /// A block has only the hashes of its transactions.
    #[error(
        "the block has only the hashes of its transactions; ask the node for full transactions"
    )]
    OnlyHashes,
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self { hash: None, kind }
    }
}
