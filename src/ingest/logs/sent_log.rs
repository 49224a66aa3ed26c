//! Logs in the events of L1Messenger, with their positions.

use super::{
    SourceError,
    row::{LogPosition, event_place},
};
use crate::{
    message::L2ToL1Log,
    primitives::{BatchNumber, Hash},
};

/// A log in an event.
pub(super) struct SentLog {
    pub(super) hash: Hash,
    pub(super) at: LogPosition,
    /// The index of the transaction in the block.
    pub(super) transaction: Option<u64>,
    pub(super) batch: Option<BatchNumber>,
    pub(super) log: L2ToL1Log,
}

/// The fields of an event that say where it was emitted.
pub(super) struct EventFields {
    pub(super) hash: Option<Hash>,
    pub(super) block: Option<u64>,
    /// The index of the transaction in the block. It matters only in blocks that have receipts too.
    pub(super) transaction: Option<u64>,
    /// The index of the event in the block.
    pub(super) index: Option<u64>,
    pub(super) batch: Option<BatchNumber>,
}

impl EventFields {
    /// The log in the event.
    pub(super) fn of_log(&self, log: L2ToL1Log) -> Result<SentLog, SourceError> {
        let missing = |field| SourceError::Missing { what: "the event".into(), field };
        let hash = self.hash.ok_or_else(|| missing("transactionHash"))?;
        let block = self.block.ok_or_else(|| missing("blockNumber"))?;
        let index = self.index.ok_or_else(|| missing("logIndex"))?;
        let at = event_place(block, index);
        Ok(SentLog { hash, at, transaction: self.transaction, batch: self.batch, log })
    }
}
