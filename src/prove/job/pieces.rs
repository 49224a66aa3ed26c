//! The pieces in which the proofs of a window are encoded.
//!
//! A piece has a part of the window's steps, or some logs of a large step. Its size is bounded, and pieces can be made on
//! any thread and in any order, so the memory of a job does not grow with the size of the batches. Only that of outputs
//! that take whole steps does: rows of Parquet, and answers for a sink of the caller, are kept until their step is complete.

use std::{collections::HashMap, iter, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::step::{Failed, ProofTask, WorkItem, failed};
use crate::{
    message::LogRange,
    proof::{Failure, Hints},
    prove::{BatchProofs, Error, ExtractError, VerifiedProofs, prepare},
    records::{Count, Encode},
};

/// The results of some steps, or of some logs of a step.
pub(super) struct Part<C> {
    pub(super) chunk: C,
    pub(super) count: Count,
    /// The number of steps of the selection that it completes. It is 0 within a large step.
    pub(super) steps: u64,
}

/// A window whose trees are hashed.
pub(super) struct BegunWindow<'a> {
    steps: Vec<WorkItem<'a>>,
    /// The answer to each task among the steps.
    answers: Vec<Option<Answer<'a>>>,
    /// The proofs of each job.
    proofs: Vec<Vec<Arc<VerifiedProofs<'a>>>>,
    pieces: Vec<Piece>,
}

/// The answer to a task.
enum Answer<'a> {
    /// Its proofs: those at this place of the job with this number.
    Proofs {
        job: usize,
        place: usize,
    },
    /// The batch of a large step, whose proofs are made piece by piece.
    Large(BatchProofs<'a>),
    Error(Arc<ExtractError>),
}

enum Piece {
    Steps(Range<usize>),
    /// Logs of a large step.
    Logs {
        step: usize,
        logs: LogRange,
        is_last: bool,
    },
}

impl<'a> BegunWindow<'a> {
    /// `large` has the logs of each piece of the large steps, each of which is the last one of its part.
    pub(super) fn new(
        steps: Vec<WorkItem<'a>>,
        parts: Vec<Range<usize>>,
        proven: Vec<Proven<'a>>,
        mut large: HashMap<usize, Vec<LogRange>>,
    ) -> Self {
        let mut answers: Vec<_> = steps.iter().map(|_| None).collect();
        let mut proofs = Vec::with_capacity(proven.len());
        for (job, Proven { verified, answers: own }) in proven.into_iter().enumerate() {
            proofs.push(verified);
            for (step, answer) in own {
                answers[step] = Some(match answer {
                    Ok(Made::Proofs(place)) => Answer::Proofs { job, place },
                    Ok(Made::Large(batch)) => Answer::Large(batch),
                    Err(error) => Answer::Error(error),
                });
            }
        }
        let mut pieces = Vec::new();
        for part in parts {
            let last = part.end - 1;
            // A large step that failed is one record.
            let ranges = match answers[last] {
                Some(Answer::Large(_)) => large.remove(&last).unwrap_or_default(),
                _ => Vec::new(),
            };
            let end = if ranges.is_empty() { part.end } else { last };
            if part.start < end {
                pieces.push(Piece::Steps(part.start..end));
            }
            let count = ranges.len();
            pieces.extend(ranges.into_iter().enumerate().map(|(at, logs)| Piece::Logs {
                step: last,
                logs,
                is_last: at + 1 == count,
            }));
        }
        Self { steps, answers, proofs, pieces }
    }

    /// The number of pieces; at least one.
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// Makes the proofs of a piece, if they are not made yet, and encodes them.
    pub(super) fn part<E: Encode>(
        &self,
        piece: usize,
        encoder: &E,
        hints: Hints,
    ) -> Result<Part<E::Chunk>, Error> {
        let ((chunk, count), steps) = match &self.pieces[piece] {
            Piece::Steps(range) => {
                let steps = iter::zip(&self.steps[range.clone()], &self.answers[range.clone()]);
                let mut outcomes = steps.flat_map(|(step, answer)| {
                    let (failure, proofs) = match (step, answer) {
                        (WorkItem::Fail(Failed { asked, error }), _) => {
                            (Some(failed(asked.source(), 1, error.clone())), None)
                        }
                        (WorkItem::Prove(task), Some(Answer::Error(error))) => {
                            let failure = Failure::of(error.code(), &**error, hints);
                            (Some(failed(task.source(None), task.count(), failure)), None)
                        }
                        (WorkItem::Prove(task), Some(Answer::Proofs { job, place })) => {
                            let proofs = &self.proofs[*job][place / TOGETHER];
                            let proofs = proofs.of(place % TOGETHER);
                            let outcome = move |(index, proof)| task.outcome(index, proof, hints);
                            (None, Some(proofs.map(outcome)))
                        }
                        (WorkItem::Prove(_), _) => unreachable!("every other task has an answer"),
                    };
                    failure.into_iter().chain(proofs.into_iter().flatten())
                });
                (encoder.encode(&mut outcomes)?, range.len() as u64)
            }
            Piece::Logs { step, logs, is_last } => {
                let (WorkItem::Prove(task), Some(Answer::Large(batch))) =
                    (&self.steps[*step], &self.answers[*step])
                else {
                    unreachable!("only such a step is divided")
                };
                let verified = VerifiedProofs::of_range(batch, task.which, logs);
                let mut outcomes =
                    verified.of(0).map(|(index, proof)| task.outcome(index, proof, hints));
                (encoder.encode(&mut outcomes)?, u64::from(*is_last))
            }
        };
        Ok(Part { chunk, count, steps })
    }
}

/// The tasks of a job whose proofs are made together, on one thread. There may be as many for one batch as it has logs.
const TOGETHER: usize = 1024;

/// The proofs of the tasks of a job. The trees of the logs are kept for large steps only.
pub(super) struct Proven<'a> {
    /// Those of [`TOGETHER`] tasks each.
    verified: Vec<Arc<VerifiedProofs<'a>>>,
    /// The step of each task, and what was made for it.
    answers: Vec<(usize, Result<Made<'a>, Arc<ExtractError>>)>,
}

enum Made<'a> {
    /// The proofs at this place.
    Proofs(usize),
    /// Only what the proofs of a large step have in common.
    Large(BatchProofs<'a>),
}

impl<'a> Proven<'a> {
    /// Makes the proofs of tasks, which are given with the numbers of their steps. Those of large steps are left out.
    pub(super) fn new(
        tasks: &[(usize, &ProofTask<'a>)],
        large: &HashMap<usize, Vec<LogRange>>,
    ) -> Self {
        if let [(step, ProofTask { proven: Some(proven), .. })] = tasks {
            let answers = vec![(*step, Ok(Made::Proofs(0)))];
            return Self { verified: vec![Arc::clone(proven)], answers };
        }
        let batches: Vec<_> =
            tasks.chunk_by(|(_, one), (_, other)| one.batch() == other.batch()).collect();
        let wanted = batches.iter().map(|same| (&*same[0].1.extractor, same[0].1.logs));
        let prepared = prepare(&wanted.collect::<Vec<_>>());
        let (mut proofs, mut answers) = (Vec::new(), Vec::with_capacity(tasks.len()));
        for (same, prepared) in iter::zip(batches, &prepared) {
            let prepared = prepared.as_ref().map_err(|error| Arc::new(error.clone()));
            for (step, task) in same {
                let made = prepared.clone().map(|batch| {
                    if large.contains_key(step) {
                        return Made::Large(batch.clone());
                    }
                    proofs.push((batch, task.which));
                    Made::Proofs(proofs.len() - 1)
                });
                answers.push((*step, made));
            }
        }
        let verified = proofs.par_chunks(TOGETHER);
        let verified = verified.map(|some| Arc::new(VerifiedProofs::new(some.iter().copied())));
        Self { verified: verified.collect(), answers }
    }
}
