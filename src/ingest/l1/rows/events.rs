//! The events that the diamond of a chain emits on L1 for its batches.
//!
//! | event | topics after the signature | data |
//! | --- | --- | --- |
//! | `BlockCommit` | batch, batch hash, commitment | – |
//! | `BlockExecution` | batch, batch hash, commitment | – |
//! | `BlocksRevert` | – | batches committed, proven and executed after it |
//!
//! Source: era-contracts `IExecutor.sol`, v26 to v31.

use std::collections::BTreeSet;

use alloy_sol_types::SolEvent;

use crate::{
    contracts::abi::{BlockCommit, BlockExecution, BlocksRevert},
    primitives::{Address, Hash, SlBatch, Word},
};

/// An event, and the contract that emitted it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest::l1) struct BatchEvent {
    pub(in crate::ingest::l1) emitter: Address,
    pub(in crate::ingest::l1) kind: BatchEventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest::l1) enum BatchEventKind {
    /// A batch with this state root was committed.
    Commit(SlBatch, Hash),
    /// A batch with this state root was executed.
    Execution(SlBatch, Hash),
    /// The batches after this one were reverted.
    RevertAfter(SlBatch),
}

/// The events of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ingest::l1) struct Events {
    pub(in crate::ingest::l1) list: BTreeSet<BatchEvent>,
    /// Whether these are all of the transaction.
    pub(in crate::ingest::l1) are_all: bool,
}

/// The first topics of these events.
pub(in crate::ingest) fn signatures() -> [Hash; 3] {
    [BlockCommit::SIGNATURE_HASH, BlockExecution::SIGNATURE_HASH, BlocksRevert::SIGNATURE_HASH]
        .map(|signature| Hash::new(signature.0))
}

impl BatchEvent {
    /// Reads a log. `None` for other events.
    pub(super) fn of(emitter: Address, topics: &[Word], data: &[u8]) -> Option<Self> {
        let (signature, indexed) = topics.split_first()?;
        let is = |hash: alloy_primitives::B256| *signature.as_bytes() == hash.0;
        let batch = |word: Word| word.to_u64().ok().map(SlBatch);
        let kind = match *indexed {
            [number, hash, _] if is(BlockCommit::SIGNATURE_HASH) => {
                BatchEventKind::Commit(batch(number)?, hash.to_hash())
            }
            [number, hash, _] if is(BlockExecution::SIGNATURE_HASH) => {
                BatchEventKind::Execution(batch(number)?, hash.to_hash())
            }
            [] if is(BlocksRevert::SIGNATURE_HASH) => {
                BatchEventKind::RevertAfter(batch(Word::new(*data.first_chunk()?))?)
            }
            _ => return None,
        };
        Some(Self { emitter, kind })
    }
}
