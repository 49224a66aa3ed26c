use serde_json::Error as JsonError;
use thiserror::Error;

use super::Events;
use crate::primitives::{Address, Hash};

/// Where a transaction is on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest::l1) struct Position {
    pub(in crate::ingest::l1) block: u64,
    /// The index in the block, if the inputs have it.
    pub(in crate::ingest::l1) index: Option<u64>,
    /// Whether copies of the transaction name different positions.
    pub(in crate::ingest::l1) is_contradicted: bool,
}

impl Position {
    /// Whether one transaction came before another. `None` if the inputs do not tell.
    pub(in crate::ingest::l1) fn is_before(one: Option<Self>, other: Option<Self>) -> Option<bool> {
        let (one, other) = one.zip(other)?;
        if one.is_contradicted || other.is_contradicted {
            return None;
        }
        match one.block == other.block {
            true => one.index.zip(other.index).map(|(one, other)| one < other),
            false => Some(one.block < other.block),
        }
    }

    /// What two copies of a transaction tell together, in any order.
    pub(in crate::ingest::l1) fn joined(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        let differs = one.block != other.block
            || one.index.zip(other.index).is_some_and(|(one, other)| one != other);
        let is_contradicted = differs || one.is_contradicted || other.is_contradicted;
        Some(Self { is_contradicted, ..one.max(other) })
    }
}

/// A transaction, its receipt, or both.
#[derive(Debug)]
pub(in crate::ingest::l1) struct Row {
    pub(in crate::ingest::l1) hash: Hash,
    pub(in crate::ingest::l1) position: Option<Position>,
    pub(in crate::ingest::l1) to: Option<Address>,
    /// The calldata. `None` if the file has none.
    pub(in crate::ingest::l1) calldata: Option<Vec<u8>>,
    /// Whether it is a transaction without calldata, and not a receipt.
    pub(in crate::ingest::l1) lacks_calldata: bool,
    /// Whether the transaction succeeded.
    pub(in crate::ingest::l1) succeeded: Option<bool>,
    /// The events of diamonds.
    pub(in crate::ingest::l1) events: Events,
    /// Whether it is of a ZKsync chain, whose nodes add `l2ToL1Logs`, and not of L1.
    pub(in crate::ingest::l1) is_of_l2: bool,
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
            is_of_l2: false,
        }
    }

    /// A row of a ZKsync chain, of which nothing else is read.
    pub(in crate::ingest::l1) fn of_l2() -> Self {
        Self { is_of_l2: true, ..Self::of(Hash::ZERO) }
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
    /// Another copy of the transaction, or its receipt, contradicts it.
    #[error("one part of the inputs says that it succeeded, and another that it failed")]
    Contradicted,
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self { hash: None, kind }
    }
}
