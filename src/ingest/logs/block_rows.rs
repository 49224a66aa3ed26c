//! Reads sorted rows block by block, and puts together what several sources say about one log.
//!
//! A log can occur several times: in overlapping files; in a receipt before its batch was sealed, and in a
//! later one; in `l2ToL1Logs` of a receipt, and as an event. The occurrences have to agree. One that does
//! not state the batch, the number of the transaction or the message takes it from another one.

use std::{collections::HashMap, ops::Range};

use super::{
    SourceError,
    row::{EmittedLog, Row, RowKind},
};
use crate::{
    archive::Origin,
    files::Sorted,
    ingest::IndexError,
    message::LOG_TREE_HEIGHT,
    primitives::{BatchNumber, Hash},
};

/// The most logs of a block: each of the logs of a batch in a receipt and in an event.
const MOST_LOGS: usize = 2 << LOG_TREE_HEIGHT;
/// The most bytes of the logs of a block with their messages.
const MOST_BYTES: usize = 128 << 20;

/// The rows of one block, in order. Each log occurs once.
#[derive(Default)]
pub(super) struct BlockRows {
    rows: Vec<(Row, Range<usize>)>,
    payloads: Vec<u8>,
    logs: usize,
    contradictions: Vec<Contradiction>,
}

/// Two occurrences of a log that do not agree.
#[derive(Debug)]
pub(super) struct Contradiction {
    pub(super) origin: Origin,
    /// The batches that they state.
    pub(super) batches: [Option<BatchNumber>; 2],
    pub(super) error: SourceError,
}

impl BlockRows {
    /// The rows with their payloads.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Row, &[u8])> {
        self.rows.iter().map(|(row, range)| (row, &self.payloads[range.clone()]))
    }

    /// The number of the block.
    pub(super) fn number(&self) -> u64 {
        self.rows.first().map_or(0, |(row, _)| row.block())
    }

    /// The contradictions between sources. Of the logs that they concern, the rows have the first occurrence.
    pub(super) fn take_contradictions(&mut self) -> Vec<Contradiction> {
        std::mem::take(&mut self.contradictions)
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.payloads.clear();
        self.logs = 0;
    }

    fn emitted(&self, index: usize) -> EmittedLog {
        EmittedLog::split(&self.payloads[self.rows[index].1.clone()]).0
    }

    fn add(&mut self, row: Row, payload: &[u8]) {
        let last = self.rows.last().map(|(last, _)| *last);
        if let Some(last) = last.filter(|last| last.is_same_thing(&row)) {
            if row.is_log() {
                self.put_together(row, payload);
                return;
            } else if last.batch() == row.batch() {
                return;
            }
        }
        if row.is_log() {
            self.logs += 1;
            if self.logs > MOST_LOGS || self.payloads.len() + payload.len() > MOST_BYTES {
                // One error is enough.
                if self.logs <= MOST_LOGS + 1 {
                    self.logs = MOST_LOGS + 1;
                    let what = format!("the logs of block {}", row.block());
                    let reason = format!(
                        "exceed the limit of {MOST_LOGS} logs, or of {MOST_BYTES} bytes with their messages"
                    );
                    let error = SourceError::Bad { what, reason };
                    self.contradict([&row, &row], error);
                }
                return;
            }
        }
        let start = self.payloads.len();
        self.payloads.extend_from_slice(payload);
        self.rows.push((row, start..self.payloads.len()));
    }

    /// Puts another occurrence of the last log together with it. The one with the message sorts first.
    fn put_together(&mut self, other: Row, payload: &[u8]) {
        let index = self.rows.len() - 1;
        let (first, emitted) = (self.emitted(index), EmittedLog::split(payload).0);
        match self.agree(index, first, &other, emitted) {
            Ok(()) => self.rows[index].0.take_transaction(&other),
            Err(error) => {
                let last = self.rows[index].0;
                self.contradict([&last, &other], error);
            }
        }
    }

    /// Adds what `other` knows to a row, or says in which they do not agree.
    fn agree(
        &mut self,
        index: usize,
        first: EmittedLog,
        other: &Row,
        emitted: EmittedLog,
    ) -> Result<(), SourceError> {
        let (row, range) = &mut self.rows[index];
        let ([block, transaction, _], index) = (row.at, row.index());
        let differ = match row.is(RowKind::Event) {
            true => SourceError::TwoEvents { block, index },
            false => SourceError::TwoLogs { block, transaction, index },
        };
        let numbers = [first, emitted].map(|emitted| emitted.log.tx_number());
        let assumed = [row.assumes_number(), other.assumes_number()];
        if first.transaction != emitted.transaction
            || first.log.with_tx_number(0) != emitted.log.with_tx_number(0)
            || (numbers[0] != numbers[1] && assumed == [false; 2])
        {
            return Err(differ);
        }
        match (row.batch(), other.batch()) {
            (Some(one), Some(two)) if one != two => {
                return Err(SourceError::TwoBatches { block, one: Some(one), other: Some(two) });
            }
            (None, Some(batch)) => row.set_batch(batch),
            _ => {}
        }
        if row.assumes_number() && !other.assumes_number() {
            let known = first.log.with_tx_number(numbers[1]);
            let start = range.start;
            self.payloads[start..start + known.as_bytes().len()].copy_from_slice(known.as_bytes());
            *row = row.with_assumed_number(false);
        }
        if row.index_in_block().is_none() {
            *row = row.with_index_in_block(other.index_in_block());
        }
        Ok(())
    }

    fn contradict(&mut self, rows: [&Row; 2], error: SourceError) {
        let batches = rows.map(Row::batch);
        self.contradictions.push(Contradiction { origin: rows[1].origin(), batches, error });
    }

    /// Compares the events of transactions whose receipts give their logs with these logs, and removes them.
    fn join_events(&mut self) {
        let of_kind = |kind| move |(row, _): &(Row, _)| row.is(kind);
        if !self.rows.iter().any(of_kind(RowKind::Event))
            || !self.rows.iter().any(of_kind(RowKind::Log))
        {
            return;
        }
        let mut given: HashMap<Hash, Vec<usize>> = HashMap::new();
        for index in (0..self.rows.len()).filter(|index| self.rows[*index].0.is(RowKind::Log)) {
            given.entry(self.emitted(index).transaction).or_default().push(index);
        }
        // The number of events of each transaction, and of its logs that were compared with them.
        let mut compared: HashMap<Hash, (u64, usize)> = HashMap::new();
        let mut joined = vec![false; self.rows.len()];
        for (index, is_joined) in joined.iter_mut().enumerate() {
            let event = self.rows[index].0;
            if !event.is(RowKind::Event) {
                continue;
            }
            let emitted = self.emitted(index);
            let Some(logs) = given.get(&emitted.transaction) else { continue };
            *is_joined = true;
            let (events, next) = compared.entry(emitted.transaction).or_default();
            *events += 1;
            let error = loop {
                let Some(log) = logs.get(*next) else {
                    let (transaction, index) = (emitted.transaction, *events - 1);
                    break Some(SourceError::EventDiffers { transaction, index });
                };
                *next += 1;
                let first = self.emitted(*log);
                match self.agree(*log, first, &event, emitted) {
                    Ok(()) => break None,
                    Err(error @ SourceError::TwoBatches { .. }) => break Some(error),
                    // An event that was not exported.
                    Err(_) => {}
                }
            };
            if let Some(error) = error {
                let log = self.rows[logs[logs.len() - 1]].0;
                self.contradict([&log, &event], error);
            }
        }
        let mut joined = joined.into_iter();
        self.rows.retain(|_| !joined.next().unwrap_or_default());
        if self.rows.iter().any(of_kind(RowKind::Event)) {
            self.rows.sort_by_key(|(row, _)| row.place_by_transaction());
        }
    }
}

/// Sorted rows, block by block.
pub(super) struct Blocks {
    sorted: Sorted<Row>,
    next: Option<Row>,
    next_payload: Vec<u8>,
    block: BlockRows,
}

impl Blocks {
    pub(super) fn new(sorted: Sorted<Row>) -> Result<Self, IndexError> {
        let block = BlockRows::default();
        let mut blocks = Self { sorted, next: None, next_payload: Vec::new(), block };
        blocks.advance()?;
        Ok(blocks)
    }

    /// Begins again with the first block.
    pub(super) fn rewind(&mut self) -> Result<(), IndexError> {
        self.sorted.rewind()?;
        self.advance()
    }

    /// The next block.
    pub(super) fn next(&mut self) -> Result<Option<&mut BlockRows>, IndexError> {
        self.block.clear();
        self.block.contradictions.clear();
        let Some(number) = self.next.map(|row| row.block()) else { return Ok(None) };
        while let Some(row) = self.next.filter(|row| row.block() == number) {
            self.block.add(row, &self.next_payload);
            self.advance()?;
        }
        self.block.join_events();
        Ok(Some(&mut self.block))
    }

    fn advance(&mut self) -> Result<(), IndexError> {
        self.next_payload.clear();
        self.next = self.sorted.next()?.map(|(row, payload)| {
            self.next_payload.extend_from_slice(payload);
            row
        });
        Ok(())
    }
}
