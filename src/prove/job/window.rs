//! Windows of steps, which are proven together.
//!
//! Requests come in any order, and many may be for logs of the same batch. A window holds so many of them that hashing
//! the trees of their batches, each once, costs little beside the proofs. Its proofs are made batch by batch, and
//! encoded in the order of the steps, in parts of about a thousand. A request for all logs of a large batch is divided
//! into pieces of that size, whose proofs are made when they are encoded.

use std::{collections::HashMap, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{
    pieces::{BegunWindow, Proven},
    step::{ProofTask, Steps, WorkItem},
};
use crate::{
    message::{L2ToL1Log, LogRange},
    primitives::{BatchNumber, ChainId},
    prove::{Error, LogFilter},
};

/// The approximate number of proofs of a part. It is large enough to fill the lanes of the hash function even
/// if every proof uses another part of another tree, and small enough that the proofs stay in the caches until
/// they are written. The last batch of logs may exceed it, usually up to 1024 proofs, one of which both
/// verifiers check.
const PART_PROOFS: usize = 1000;
/// The maximum number of proofs of a piece of a large step: the rows of a page of Parquet.
const PIECE_PROOFS: usize = 1024;
/// The maximum number of bytes of the messages of such a piece. A longer message has a piece of its own.
const PIECE_MESSAGES: usize = 1 << 20;
/// A part ends when its steps for whole batches take about this number of bytes.
const BATCH_BYTES: usize = 8 << 20;
/// A part also ends at about this number of bytes. That of a single log is estimated by the longest message of its batch.
const PART_BYTES: usize = 128 << 20;
/// A window of one part is enough if at most this number of logs is hashed for each proof. That takes a tenth of the
/// time of the proofs.
const LOGS_PER_PROOF: usize = 4;
/// Otherwise a window ends at about this number of bytes.
const WINDOW_BYTES: usize = 128 << 20;
/// The approximate maximum number of logs that one thread hashes at once.
const JOB_LOGS: usize = 1 << 14;

/// The approximate size of the record of a proof, in bytes.
const PROOF_BYTES: usize = 3500;
/// The approximate size of the tree of a batch's logs, in bytes per log.
const LOG_BYTES: usize = 96;
/// A message is copied once and written as hexadecimal digits.
const MESSAGE_COPIES: usize = 3;

/// Steps that are proven together. Where its parts end depends only on the steps from the end of the last part on, so a
/// resumed job has the same parts.
#[derive(Default)]
pub(super) struct Window<'a> {
    steps: Vec<WorkItem<'a>>,
    /// The steps of each part.
    parts: Vec<Range<usize>>,
    bytes: usize,
}

/// Estimates of what a step takes.
struct Weight {
    proofs: usize,
    /// The number of logs that are hashed for it.
    logs: usize,
    bytes: usize,
    /// Those of them that are for a whole batch.
    batch_bytes: usize,
}

impl Weight {
    /// Whether the step ends its part, whatever is before it.
    fn fills_part(&self) -> bool {
        self.proofs >= PART_PROOFS || self.batch_bytes >= BATCH_BYTES
    }
}

/// The batches of which single logs were requested, with the length of their longest message.
#[derive(Default)]
struct Requested(HashMap<(ChainId, BatchNumber), usize>);

impl Requested {
    fn weigh(&mut self, step: &WorkItem<'_>) -> Weight {
        let WorkItem::Prove(task) = step else {
            return Weight { proofs: 1, logs: 0, bytes: PROOF_BYTES, batch_bytes: 0 };
        };
        if !matches!(task.which, LogFilter::Log(_)) {
            return task.weigh_batch();
        }
        let (batch, known) = (&task.logs, self.0.len());
        let longest = *self.0.entry(batch.key()).or_insert_with(|| batch.messages().longest());
        let logs = if self.0.len() == known { 0 } else { batch.logs().len() };
        let bytes = PROOF_BYTES + MESSAGE_COPIES * longest;
        Weight { proofs: 1, logs, bytes, batch_bytes: 0 }
    }
}

impl<'a> Window<'a> {
    /// Reads the steps of the next window; `None` when none are left.
    pub(super) fn read(steps: &mut Steps<'a>) -> Result<Option<Self>, Error> {
        let mut window = Self::default();
        let (mut requested, mut proofs, mut logs) = (Requested::default(), 0, 0);
        while window.bytes < WINDOW_BYTES && (proofs == 0 || logs > LOGS_PER_PROOF * proofs) {
            let start = window.steps.len();
            let (mut part_proofs, mut part_bytes, mut batch_bytes) = (0, 0, 0);
            while part_proofs < PART_PROOFS && part_bytes < PART_BYTES && batch_bytes < BATCH_BYTES
            {
                let Some(step) = steps.next().transpose()? else { break };
                let weight = requested.weigh(&step);
                logs += weight.logs;
                part_proofs += weight.proofs;
                part_bytes += weight.bytes;
                batch_bytes += weight.batch_bytes;
                window.steps.push(step);
            }
            if window.steps.len() == start {
                break;
            }
            proofs += part_proofs;
            window.bytes += part_bytes;
            window.parts.push(start..window.steps.len());
        }
        Ok((!window.parts.is_empty()).then_some(window))
    }

    /// The approximate number of bytes that the results take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hashes the trees of the batches, and makes the proofs of all steps but the large ones.
    pub(super) fn begin(self) -> BegunWindow<'a> {
        let large: HashMap<usize, Vec<LogRange>> = self.large_steps().collect();
        let tasks = self.tasks();
        let proven: Vec<Proven<'a>> =
            jobs(&tasks).into_par_iter().map(|tasks| Proven::new(tasks, &large)).collect();
        BegunWindow::new(self.steps, self.parts, proven, large)
    }

    /// The steps whose proofs take more than a piece, with the logs of each of their pieces. Such a step ends its part,
    /// also in a job that is resumed after the steps before it, which are a piece of their own.
    fn large_steps(&self) -> impl Iterator<Item = (usize, Vec<LogRange>)> {
        let last_of_parts = self.parts.iter().filter_map(|part| part.clone().next_back());
        last_of_parts.filter_map(|at| match &self.steps[at] {
            WorkItem::Prove(task) => Some((at, task.ranges()?)),
            WorkItem::Fail(_) => None,
        })
    }

    /// The tasks with the numbers of their steps, ordered by batch and log.
    fn tasks(&self) -> Vec<(usize, &ProofTask<'a>)> {
        let tasks = self.steps.iter().enumerate().filter_map(|(at, step)| match step {
            WorkItem::Prove(task) => Some((at, task)),
            WorkItem::Fail(_) => None,
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.sort_by_key(|(_, task)| {
            let index = if let LogFilter::Log(index) = task.which { index } else { 0 };
            (task.batch(), index)
        });
        tasks
    }
}

impl ProofTask<'_> {
    /// Estimates what all logs of the batch take.
    fn weigh_batch(&self) -> Weight {
        let (logs, messages) = (self.logs.logs().len(), self.logs.messages().bytes().len());
        let bytes = logs * (LOG_BYTES + PROOF_BYTES) + MESSAGE_COPIES * messages;
        // A batch without logs also has a cost.
        Weight { proofs: logs.max(1), logs, bytes, batch_bytes: bytes }
    }

    /// Divides the logs, if their proofs fill a part and take more than a piece. The padding has no proofs.
    fn ranges(&self) -> Option<Vec<LogRange>> {
        if matches!(self.which, LogFilter::Log(_)) || !self.weigh_batch().fills_part() {
            return None;
        }
        let is_proven = |index, log: &L2ToL1Log| self.which.has(index, log) && !log.is_padding();
        let ranges = self.logs.ranges(PIECE_PROOFS, PIECE_MESSAGES, is_proven);
        (ranges.len() > 1).then_some(ranges)
    }

    /// Identifies the batch, the place of its logs, and the target of its proofs.
    pub(super) fn batch(&self) -> ((ChainId, BatchNumber), usize, usize) {
        let extractor = Arc::as_ptr(&self.extractor) as usize;
        (self.logs.key(), self.logs.logs().as_ptr() as usize, extractor)
    }
}

/// Divides tasks into those that one thread does at once. The tasks of a batch stay together.
fn jobs<'t, 'a>(tasks: &'t [(usize, &'t ProofTask<'a>)]) -> Vec<&'t [(usize, &'t ProofTask<'a>)]> {
    let (mut jobs, mut rest) = (Vec::new(), tasks);
    let (mut len, mut logs) = (0, 0);
    for same in tasks.chunk_by(|(_, one), (_, other)| one.batch() == other.batch()) {
        len += same.len();
        logs += same[0].1.logs.logs().len();
        if len >= PART_PROOFS || logs >= JOB_LOGS {
            let (job, after) = rest.split_at(len);
            jobs.push(job);
            (rest, len, logs) = (after, 0, 0);
        }
    }
    if !rest.is_empty() {
        jobs.push(rest);
    }
    jobs
}

#[cfg(test)]
mod tests;
