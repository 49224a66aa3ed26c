//! Single logs and other facts about blocks, as they are sorted.

use bytemuck::{Pod, Zeroable};

use crate::{
    archive::{Origin, PackedOrigin},
    files::{PayloadPlace, SortRecord},
    message::L2ToL1Log,
    primitives::{BatchNumber, Hash},
};

/// The position of a log in its chain: block, transaction in the block, and log in the transaction; or block,
/// log in the block, and zero; or that of an event.
pub(super) type LogPosition = [u64; 3];

/// The bit in the last number of the position of an event.
const EVENT: u64 = 1 << 63;
/// The transaction of an event whose index in its block is not known.
const NOT_KNOWN: u64 = u64::MAX;

/// The length that means that there is no message.
const NO_MESSAGE: u32 = u32::MAX;

/// The meaning of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A part of the block cannot be used, so its batch is incomplete.
    Damaged = 0,
    /// The block's batch exists, with or without logs.
    Seen = 1,
    /// A log.
    Log = 2,
    /// A log in an event outside of receipts. It counts only if no receipt gives the logs of its transaction.
    Event = 3,
}

/// The position of an event: block, zero, and event in the block. It does not contain the transaction, because
/// some sources give a wrong index.
pub(super) fn event_place(block: u64, event: u64) -> LogPosition {
    [block, 0, event | EVENT]
}

/// A log, or another fact about its position. The payload of a log is the log, the transaction's hash and the
/// message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Row {
    pub(super) at: LogPosition,
    kind: u32,
    message_len: u32,
    has_batch: u32,
    has_index_in_block: u16,
    assumes_number: u16,
    batch: u64,
    index_in_block: u64,
    transaction: u64,
    origin: PackedOrigin,
}

impl Row {
    pub(super) fn new(
        kind: RowKind,
        at: LogPosition,
        batch: Option<BatchNumber>,
        origin: Origin,
    ) -> Self {
        Self {
            at,
            kind: kind as u32,
            message_len: NO_MESSAGE,
            has_batch: u32::from(batch.is_some()),
            has_index_in_block: 0,
            assumes_number: 0,
            batch: batch.unwrap_or_default().0,
            index_in_block: 0,
            transaction: at[1],
            origin: origin.into(),
        }
    }

    /// The row of a log with this message.
    pub(super) fn with_message(self, message: Option<&[u8]>) -> Self {
        // All values of a source are shorter than 2^32 bytes.
        Self { message_len: message.map_or(NO_MESSAGE, |message| message.len() as u32), ..self }
    }

    /// The row of an event in the transaction with this index in its block.
    pub(super) fn in_transaction(self, index: Option<u64>) -> Self {
        Self { transaction: index.unwrap_or(NOT_KNOWN), ..self }
    }

    /// The row of a log with this position among the logs of its block.
    pub(super) fn with_index_in_block(self, index: Option<u64>) -> Self {
        let has_index_in_block = u16::from(index.is_some());
        Self { has_index_in_block, index_in_block: index.unwrap_or(0), ..self }
    }

    /// The row of a log in which the number of the transaction is its index in the block, because the source
    /// does not give the number.
    pub(super) fn with_assumed_number(self, assumed: bool) -> Self {
        Self { assumes_number: u16::from(assumed), ..self }
    }

    /// Takes the index of the transaction from another row if it is not known.
    pub(super) fn take_transaction(&mut self, other: &Self) {
        self.transaction = self.transaction.min(other.transaction);
    }

    /// The order of the rows of a block that has receipts and events.
    pub(super) fn place_by_transaction(&self) -> (u64, LogPosition) {
        (self.transaction, self.at)
    }

    pub(super) fn block(&self) -> u64 {
        self.at[0]
    }

    /// The index of the log in its transaction, or of the event in its block.
    pub(super) fn index(&self) -> u64 {
        self.at[2] & !EVENT
    }

    pub(super) fn is(&self, kind: RowKind) -> bool {
        self.kind == kind as u32
    }

    /// Whether both say something about the same log, or the same fact about a transaction.
    pub(super) fn is_same_thing(&self, other: &Self) -> bool {
        (self.at, self.kind) == (other.at, other.kind)
    }

    pub(super) fn is_log(&self) -> bool {
        self.is(RowKind::Log) || self.is(RowKind::Event)
    }

    pub(super) fn batch(&self) -> Option<BatchNumber> {
        (self.has_batch != 0).then_some(BatchNumber(self.batch))
    }

    pub(super) fn set_batch(&mut self, batch: BatchNumber) {
        (self.has_batch, self.batch) = (1, batch.0);
    }

    pub(super) fn index_in_block(&self) -> Option<u64> {
        (self.has_index_in_block != 0).then_some(self.index_in_block)
    }

    pub(super) fn assumes_number(&self) -> bool {
        self.assumes_number != 0
    }

    pub(super) fn has_message(&self) -> bool {
        self.message_len != NO_MESSAGE
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin.into()
    }
}

impl SortRecord for Row {
    type Place = PayloadPlace;

    fn payload_len(&self) -> usize {
        let message = if self.has_message() { self.message_len as usize } else { 0 };
        if self.is_log() { EmittedLog::LEN + message } else { 0 }
    }
}

/// The part of a log's payload before the message.
#[derive(Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct EmittedLog {
    pub(super) log: L2ToL1Log,
    pub(super) transaction: Hash,
}

impl EmittedLog {
    pub(super) const LEN: usize = size_of::<Self>();

    /// Reads the payload of a log: this part, and the bytes of the message.
    pub(super) fn split(payload: &[u8]) -> (Self, &[u8]) {
        let (first, message) = payload.split_at(Self::LEN);
        (bytemuck::pod_read_unaligned(first), message)
    }
}

/// A message of the log at a position. The payload is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub(super) struct PlacedMessage {
    pub(super) at: LogPosition,
    pub(super) len: u64,
}

impl SortRecord for PlacedMessage {
    type Place = PayloadPlace;

    fn payload_len(&self) -> usize {
        self.len as usize
    }
}
