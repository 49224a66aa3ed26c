//! The batches of logs that neither their sources nor the blocks of the batches name, as their roots show.

use super::{
    BatchRoots, SourceError,
    batch_blocks::{BlockIn, KnownBlocks},
    batch_by_root::{BatchSearch, Outcome, Stretch, Transaction},
    block_rows::Blocks,
    row::{EmittedLog, RowKind},
};
use crate::{ingest::IndexError, keccak::keccak256, primitives::BatchNumber};

/// The found batches by the positions of their logs.
#[derive(Debug, Default)]
pub(super) struct FoundBatches {
    /// Whether the batches were searched for.
    was_searched: bool,
    stretches: Vec<Stretch>,
    /// The stretch of the last log, and whether the error about it was returned.
    next: usize,
    is_reported: bool,
    /// The last block of a log whose batch was not searched for.
    last_block: Option<u64>,
}

impl FoundBatches {
    /// Searches for the batches of all logs whose batches are not known, and of all events. `blocks` begin
    /// again afterwards.
    pub(super) fn search(
        blocks: &mut Blocks,
        known: KnownBlocks<'_>,
        roots: &BatchRoots,
    ) -> Result<Self, IndexError> {
        let mut search = BatchSearch::new(roots);
        let mut open: Option<Transaction> = None;
        let (mut leaves, mut position) = (Vec::new(), 0);
        while let Some(block) = blocks.next()? {
            for (row, payload) in block.rows().filter(|(row, _)| row.is_log()) {
                position += 1;
                // Answers of eth_getLogs from before and after a batch was sealed may each have a part of it.
                let is_known = !row.is(RowKind::Event)
                    && known.batch_of(row.block(), row.batch()) != BlockIn::Unknown;
                let (EmittedLog { log, transaction: hash }, _) = EmittedLog::split(payload);
                let is_next = |last: &mut Transaction| {
                    last.hash != hash || last.block != row.block() || is_known
                };
                if let Some(complete) = open.take_if(is_next) {
                    search.push(complete, &leaves);
                    leaves.clear();
                }
                if is_known {
                    search.interrupt();
                    continue;
                }
                leaves.push(keccak256(log.as_bytes()));
                let last = open.get_or_insert(Transaction {
                    hash,
                    block: row.block(),
                    number: log.tx_number(),
                    positions: (position, position),
                    logs: 0,
                });
                (last.positions.1, last.logs) = (position, last.logs + 1);
            }
        }
        if let Some(complete) = open {
            search.push(complete, &leaves);
        }
        blocks.rewind()?;
        let stretches = search.finish();
        Ok(Self { was_searched: true, stretches, ..Self::default() })
    }

    /// The batch of a log whose batch is not known otherwise, and whether the transactions of the logs are
    /// certain. `position` counts all logs from 1 and ascends from call to call. The error says why there is
    /// no batch; it is `None` if an earlier call returned it.
    pub(super) fn batch_of(
        &mut self,
        position: u64,
        block: u64,
    ) -> Result<(BatchNumber, bool), Option<SourceError>> {
        if !self.was_searched {
            let is_new = self.last_block.replace(block) != Some(block);
            return Err(is_new.then_some(SourceError::NoBatch { block }));
        }
        while self.stretches.get(self.next).is_some_and(|stretch| stretch.positions.1 < position) {
            self.next += 1;
            self.is_reported = false;
        }
        let Some(stretch) = self.stretches.get(self.next) else { return Err(None) };
        if let Outcome::Batch { number, is_certain } = stretch.outcome {
            return Ok((number, is_certain));
        }
        let is_new = !std::mem::replace(&mut self.is_reported, true);
        Err(is_new.then(|| SourceError::from(stretch)))
    }
}

impl From<&Stretch> for SourceError {
    fn from(stretch: &Stretch) -> Self {
        let range = |(first, last)| match first == last {
            true => format!("batch {first}"),
            false => format!("batches {first} to {last}"),
        };
        let reason = match stretch.outcome {
            Outcome::Batch { number, .. } => format!("they are those of batch {number}"),
            Outcome::OutOfOrder(number) => format!(
                "they are those of batch {number}, which cannot come there: the batches around them have \
                 numbers that do not ascend"
            ),
            Outcome::NoRoot { is_stopped: true, .. } => {
                "the search stopped at its limit; give the logs of fewer blocks at a time, or the blocks of \
                 the batches"
                    .into()
            }
            Outcome::NoRoot { between: Some(between), .. } => {
                let which = range(between);
                format!("they may be of {which}; a transaction with logs is missing, added or altered")
            }
            Outcome::NoRoot { around: (Some(after), None), .. } => {
                format!("the trees have no batch after {after}, so theirs may have been executed later")
            }
            Outcome::NoRoot { around: (None, Some(before)), .. } => format!(
                "the trees have no batch before {before}, so theirs may have been executed elsewhere"
            ),
            Outcome::NoRoot { .. } => {
                "no batch is missing there, so they may be logs of another chain".into()
            }
        };
        Self::NoRoot {
            first_block: stretch.blocks.0,
            last_block: stretch.blocks.1,
            transaction: stretch.transaction,
            transactions: stretch.transactions,
            logs: stretch.logs,
            reason,
        }
    }
}
