//! Windows of steps, which are proven together.
//!
//! Requests come in any order, and many may be for logs of the same batch. A window holds so many of them that hashing
//! the trees of their batches, each once, costs little beside the proofs. Its proofs are made batch by batch, and
//! encoded in the order of the steps, in parts of about a thousand.

use std::{collections::HashMap, iter, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::step::{Failed, ProofTask, Steps, WorkItem, failed};
use crate::{
    primitives::{BatchNumber, ChainId},
    proof::{Failure, Hints},
    prove::{Error, ExtractError, LogFilter, VerifiedProofs, prepare},
    records::{Count, Encode},
};

/// The approximate number of proofs of a part. It is large enough to fill the lanes of the hash function even
/// if every proof uses another part of another tree, and small enough that the proofs stay in the caches until
/// they are written. The last batch of logs may exceed it, usually up to 1024 proofs, one of which both
/// verifiers check.
const PART_PROOFS: usize = 1000;
/// The approximate maximum number of bytes of a part.
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

/// The results of some steps.
pub(super) struct Part<C> {
    pub(super) chunk: C,
    pub(super) count: Count,
    /// The number of steps of the selection that it covers.
    pub(super) steps: u64,
}

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
}

/// The batches of which single logs were requested, with the length of their longest message.
#[derive(Default)]
struct Requested(HashMap<(ChainId, BatchNumber), usize>);

impl Requested {
    fn weigh(&mut self, step: &WorkItem<'_>) -> Weight {
        let WorkItem::Prove(ProofTask { logs: batch, which, .. }) = step else {
            return Weight { proofs: 1, logs: 0, bytes: PROOF_BYTES };
        };
        let (mut logs, messages) = (batch.logs().len(), batch.messages());
        // A message is copied once and written as hexadecimal digits.
        if matches!(which, LogFilter::Log(_)) {
            let known = self.0.len();
            let longest = *self.0.entry(batch.key()).or_insert_with(|| messages.longest());
            if self.0.len() == known {
                logs = 0;
            }
            return Weight { proofs: 1, logs, bytes: PROOF_BYTES + 3 * longest };
        }
        let bytes = logs * (LOG_BYTES + PROOF_BYTES) + 3 * messages.bytes().len();
        // A batch without logs also has a cost.
        Weight { proofs: logs.max(1), logs, bytes }
    }
}

impl<'a> Window<'a> {
    /// Reads the steps of the next window; `None` when none are left.
    pub(super) fn read(steps: &mut Steps<'a>) -> Result<Option<Self>, Error> {
        let mut window = Self::default();
        let (mut requested, mut proofs, mut logs) = (Requested::default(), 0, 0);
        while window.bytes < WINDOW_BYTES && (proofs == 0 || logs > LOGS_PER_PROOF * proofs) {
            let start = window.steps.len();
            let (mut part_proofs, mut part_bytes) = (0, 0);
            while part_proofs < PART_PROOFS && part_bytes < PART_BYTES {
                let Some(step) = steps.next().transpose()? else { break };
                let weight = requested.weigh(&step);
                logs += weight.logs;
                part_proofs += weight.proofs;
                part_bytes += weight.bytes;
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

    /// Makes the proofs and encodes them.
    pub(super) fn parts<E: Encode>(
        &self,
        encoder: &E,
        hints: Hints,
    ) -> Vec<Result<Part<E::Chunk>, Error>> {
        let tasks = self.tasks();
        let proven: Vec<Proven<'_>> = jobs(&tasks).into_par_iter().map(Proven::new).collect();
        let mut answers = vec![None; self.steps.len()];
        for (step, answer) in proven.iter().flat_map(Proven::answers) {
            answers[step] = Some(answer);
        }
        let answers = &answers;
        let encode = |part: &Range<usize>| {
            let steps = part.len() as u64;
            let mut outcomes = iter::zip(&self.steps[part.clone()], &answers[part.clone()])
                .flat_map(|(step, answer)| {
                    let (failure, proofs) = match (step, answer) {
                        (WorkItem::Fail(Failed { asked, error }), _) => {
                            (Some(failed(asked.source(), 1, error.clone())), None)
                        }
                        (WorkItem::Prove(task), Some(Answer::Error(error))) => {
                            let failure = Failure::of(error.code(), *error, hints);
                            (Some(failed(task.source(None), task.count(), failure)), None)
                        }
                        (WorkItem::Prove(task), Some(Answer::Proofs(verified, place))) => {
                            let proofs = verified.of(*place);
                            let outcome = move |(index, proof)| task.outcome(index, proof, hints);
                            (None, Some(proofs.map(outcome)))
                        }
                        (WorkItem::Prove(_), None) => unreachable!("every task has an answer"),
                    };
                    failure.into_iter().chain(proofs.into_iter().flatten())
                });
            let (chunk, count) = encoder.encode(&mut outcomes)?;
            Ok(Part { chunk, count, steps })
        };
        self.parts.par_iter().map(encode).collect()
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
    /// Identifies the batch, the place of its logs, and the target of its proofs.
    fn batch(&self) -> ((ChainId, BatchNumber), usize, usize) {
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

/// The proofs of the tasks of a job. The trees of the logs are not kept.
struct Proven<'a> {
    verified: VerifiedProofs<'a>,
    /// The step of each task, and the place of its proofs.
    places: Vec<(usize, Result<usize, Arc<ExtractError>>)>,
}

/// The answer to a task.
#[derive(Clone, Copy)]
enum Answer<'p, 'a> {
    Proofs(&'p VerifiedProofs<'a>, usize),
    Error(&'p ExtractError),
}

impl<'a> Proven<'a> {
    fn new(tasks: &[(usize, &ProofTask<'a>)]) -> Self {
        let batches: Vec<_> =
            tasks.chunk_by(|(_, one), (_, other)| one.batch() == other.batch()).collect();
        let prepared = match tasks {
            [(_, ProofTask { prepared: Some(batch), .. })] => vec![Ok(batch.clone())],
            _ => {
                let wanted = batches.iter().map(|same| (&*same[0].1.extractor, same[0].1.logs));
                prepare(&wanted.collect::<Vec<_>>())
            }
        };
        let (mut proofs, mut places) = (Vec::new(), Vec::with_capacity(tasks.len()));
        for (same, prepared) in iter::zip(batches, &prepared) {
            let prepared = prepared.as_ref().map_err(|error| Arc::new(error.clone()));
            for (step, task) in same {
                let place = prepared.clone().map(|batch| {
                    proofs.push((batch, task.which));
                    proofs.len() - 1
                });
                places.push((*step, place));
            }
        }
        Self { verified: VerifiedProofs::new(proofs), places }
    }

    fn answers(&self) -> impl Iterator<Item = (usize, Answer<'_, 'a>)> {
        self.places.iter().map(|(step, place)| {
            let answer = match place {
                Ok(place) => Answer::Proofs(&self.verified, *place),
                Err(error) => Answer::Error(error),
            };
            (*step, answer)
        })
    }
}

#[cfg(test)]
mod tests;
