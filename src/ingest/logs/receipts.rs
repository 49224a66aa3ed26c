//! Receipts, as nodes of ZKsync chains return them from `eth_getTransactionReceipt` and
//! `eth_getBlockReceipts`: bare or in JSON-RPC envelopes, one value per line or in arrays; and events, as
//! `eth_getLogs` returns them, or as exporters write them.
//!
//! ```text
//! receipt   transactionHash, transactionIndex, blockNumber, l1BatchNumber, l1BatchTxIndex, logs,
//!           l2ToL1Logs: [{shardId, isService, sender, key, value, txIndexInL1Batch,
//!                         logIndex, transactionLogIndex, transactionHash}]
//! leaves    those of the blocks of the batch in order; in a block by transactionIndex, then in receipt order
//! u16       Era: txIndexInL1Batch, or l1BatchTxIndex;  ZKsync OS, which has neither: transactionIndex
//! batch     Era: l1BatchNumber;  ZKsync OS: from the given blocks of the batches;  otherwise from the roots
//! log       L1Messenger 0x…8008 of Era emits L2ToL1LogSent((uint8,bool,uint16,address,bytes32,bytes32))
//! message   L1Messenger emits L1MessageSent(address indexed, bytes32 indexed hash, bytes message)
//! ```
//!
//! Era counts `logIndex` through a block, so a missing receipt with logs is detected. Receipts may come in
//! any order, and twice. Events outside of receipts provide logs and messages that the receipts lack.

use std::convert::Infallible;

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use super::{
    BatchBlocks, SourceError,
    assembly::{Assembled, Rows},
    batch_blocks::KnownBlocks,
    batch_sink::BatchSink,
    exported_events::answer_of,
    receipt::{Answer, Fault, Receipt, answers},
    row::{LogPosition, PlacedMessage, Row, RowKind},
    sent_log::SentLog,
};
use crate::{
    archive::Origin,
    files::{ExternalSort, Input, PayloadPlace, SortRecord, Sorted, Spill},
    ingest::{
        IndexError,
        event_logs::{ColumnNames, Mapping, read_event_logs},
        json::{JsonValues, ValueChunk},
    },
    message::{BatchLogs, L2ToL1Log, MessageList},
    primitives::{BatchNumber, ChainId, Hash},
};

/// The memory for logs with their messages, and for everything else, in bytes.
const ROWS_IN_MEMORY: usize = 128 << 20;
const OTHERS_IN_MEMORY: usize = 32 << 20;
/// The longest value that is parsed in parallel with others. The parts of a longer value are added as they
/// are parsed: together they can take many times the memory of the text.
const LONGEST_AHEAD: usize = 4 << 20;

/// Receipts of one chain from any number of files, until the batches are assembled.
pub(super) struct Receipts {
    chain: ChainId,
    rows: Rows,
    /// The messages of events outside of receipts.
    messages: ExternalSort<Message>,
    /// The logs whose messages are not in their receipts.
    wanted: ExternalSort<MissingMessage>,
    placed: ExternalSort<PlacedMessage>,
    /// The last batch and block.
    seen: Option<(Option<BatchNumber>, u64)>,
}

impl Receipts {
    pub(super) fn new(chain: ChainId, spill: &Spill) -> Self {
        Self {
            chain,
            rows: Rows::new(spill, ROWS_IN_MEMORY),
            messages: spill.sort(OTHERS_IN_MEMORY),
            wanted: spill.sort(OTHERS_IN_MEMORY),
            placed: spill.sort(OTHERS_IN_MEMORY),
            seen: None,
        }
    }

    /// Reads a file of receipts, events, or both.
    pub(super) fn read(
        &mut self,
        input: Input,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let source = intake.source(input.name());
        let read = JsonValues::new(input).each_chunk(|piece| self.piece(piece, source, intake));
        self.rows.end_of(source, read, intake)
    }

    /// Reads a file of events in any other form.
    pub(super) fn read_exported(
        &mut self,
        input: Input,
        columns: &ColumnNames,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let source = intake.source(input.name());
        let read = read_event_logs(input, columns, |log, place| match answer_of(&log, place)? {
            Some(answer) => self.add(answer, Origin { source, place: place.place }, intake),
            None => Ok(()),
        });
        self.rows.end_of(source, read.map(drop::<Mapping>), intake)
    }

    /// Adds the parts of some values.
    fn piece(
        &mut self,
        piece: &ValueChunk,
        source: u32,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        let ahead = |index| {
            let (text, _) = piece.value(index);
            (text.len() <= LONGEST_AHEAD).then(|| {
                let mut found = Vec::new();
                let Ok(()) = answers::<Infallible>(text, &mut |answer| {
                    found.push(answer);
                    Ok(())
                });
                found
            })
        };
        let parsed: Vec<_> = (0..piece.len()).into_par_iter().map(ahead).collect();
        for (index, found) in parsed.into_iter().enumerate() {
            let (text, place) = piece.value(index);
            let origin = Origin { source, place };
            let mut add = |answer| self.add(answer, origin, intake);
            match found {
                Some(found) => found.into_iter().try_for_each(add)?,
                None => answers(text, &mut add)?,
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        answer: Answer,
        origin: Origin,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        match answer {
            // With a check on whole batches, it decides whether there were logs.
            Answer::Receipt(Receipt { hash, block, batch, undecided: Some(error), .. })
                if intake.state.check.is_none() =>
            {
                let fault = Fault::of_receipt(Some(hash), Some(block), batch, error);
                self.add(Answer::Fault(fault), origin, intake)
            }
            Answer::Receipt(receipt) => self.receipt(&receipt, origin),
            Answer::Event(event) => self.event(&event, origin),
            Answer::Message(hash, bytes) => {
                let key = Message { hash: *hash.as_bytes(), len: bytes.len() as u64 };
                Ok(self.messages.push(key, &[&bytes])?)
            }
            Answer::Fault(Fault { what, block, batch, error, more }) => {
                if let SourceError::LogOfOtherBatch { stated, .. } = error {
                    self.rows.exclude(stated, origin, intake)?;
                }
                self.rows.damaged(block, batch, origin, intake)?;
                let what = match more {
                    0 => what,
                    more => format!("{what}, and {more} more parts after it").into(),
                };
                intake.fault(origin, what, error)
            }
        }
    }

    fn receipt(&mut self, receipt: &Receipt, origin: Origin) -> Result<(), IndexError> {
        let (block, transaction, batch) = (receipt.block, receipt.index, receipt.batch);
        let is_new = match self.seen {
            Some((Some(last), _)) if batch.is_some() => batch != Some(last),
            last => last != Some((batch, block)),
        };
        if is_new {
            self.seen = Some((batch, block));
            self.rows.push(Row::new(RowKind::Seen, [block, transaction, 0], batch, origin))?;
        }
        for (index, log) in (0..).zip(&receipt.logs) {
            let row = Row::new(RowKind::Log, [block, transaction, index], batch, origin)
                .with_index_in_block(log.index_in_block)
                .with_assumed_number(log.assumes_number);
            self.log(row, &log.log, &receipt.hash, log.message.as_deref())?;
        }
        Ok(())
    }

    /// Adds a log in an event outside of receipts.
    fn event(&mut self, event: &SentLog, origin: Origin) -> Result<(), IndexError> {
        let row = Row::new(RowKind::Event, event.at, event.batch, origin)
            .in_transaction(event.transaction);
        self.log(row, &event.log, &event.hash, None)
    }

    fn log(
        &mut self,
        row: Row,
        log: &L2ToL1Log,
        transaction: &Hash,
        message: Option<&[u8]>,
    ) -> Result<(), IndexError> {
        self.rows.push_log(row, log, transaction, message)?;
        if log.is_message() && message.is_none() {
            let hash = *log.value().as_bytes();
            self.wanted.push(MissingMessage { hash, at: row.at }, &[])?;
        }
        Ok(())
    }

    /// Assembles the batches.
    pub(super) fn finish(
        mut self,
        blocks: &BatchBlocks,
        intake: &mut BatchSink<'_, '_>,
    ) -> Result<(), IndexError> {
        place(self.messages, self.wanted, &mut self.placed)?;
        let (chain, placed) = (self.chain, self.placed.finish()?);
        let known = KnownBlocks { given: blocks, found: &BatchBlocks::default() };
        self.rows.assemble(chain, known, placed, intake, |batch, intake| {
            let Assembled { batch: number, origin, logs, transactions, missing, .. } = batch;
            let messages = if missing == 0 {
                batch.messages
            } else {
                intake.state.without_messages += 1;
                MessageList::default()
            };
            let made = BatchLogs::new(chain, number, logs, messages, None)
                .and_then(|made| made.with_transactions(transactions));
            intake.made(chain, number, made, origin)
        })
    }
}

/// Joins messages with the logs that lack them.
fn place(
    messages: ExternalSort<Message>,
    wanted: ExternalSort<MissingMessage>,
    placed: &mut ExternalSort<PlacedMessage>,
) -> Result<(), IndexError> {
    let (mut messages, mut wanted) = (messages.finish()?, wanted.finish()?);
    let mut bytes = Vec::new();
    let mut next = take(&mut messages, &mut bytes)?;
    while let Some((log, _)) = wanted.next()? {
        while next.is_some_and(|hash| hash < log.hash) {
            next = take(&mut messages, &mut bytes)?;
        }
        match next {
            Some(hash) if hash == log.hash => {
                let key = PlacedMessage { at: log.at, len: bytes.len() as u64 };
                placed.push(key, &[&bytes])?;
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok(())
}

/// The next message, copied to `bytes`.
fn take(
    messages: &mut Sorted<Message>,
    bytes: &mut Vec<u8>,
) -> Result<Option<[u8; 32]>, IndexError> {
    bytes.clear();
    Ok(messages.next()?.map(|(key, message)| {
        bytes.extend_from_slice(message);
        key.hash
    }))
}

/// A message. The payload is its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct Message {
    hash: [u8; 32],
    len: u64,
}

impl SortRecord for Message {
    type Place = PayloadPlace;

    fn payload_len(&self) -> usize {
        self.len as usize
    }
}

/// A log whose message is not in its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
struct MissingMessage {
    hash: [u8; 32],
    at: LogPosition,
}

impl SortRecord for MissingMessage {
    type Place = ();

    fn payload_len(&self) -> usize {
        0
    }
}
