//! Sinks that callers implement.

use std::error;

use super::{pipeline::ChunkSink, window::Part};
use crate::{
    prove::Error,
    records::{Answer, Count, Encode},
};

/// Receives the answers of a job in order, for example for a database, a queue or a list in memory. One
/// thread calls it during a run; another run may use another thread. `A` is what an encoder makes of the answers
/// ([`Job::run_encoded`](super::Job::run_encoded)).
///
/// ```
/// use slproof::{Answer, JobPart, Messages, Prover, Selection, Sink, Trees, primitives::ChainId};
///
/// /// Keeps the number of words of every proof.
/// #[derive(Default)]
/// struct Lengths(Vec<usize>);
///
/// impl Sink for Lengths {
///     fn write(&mut self, part: JobPart) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///         self.0.extend(part.answers.iter().filter_map(|answer| match answer {
///             Answer::Proof(record) => Some(record.proof.len()),
///             Answer::Failed(_) => None,
///         }));
///         Ok(())
///     }
/// }
///
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let mut lengths = Lengths::default();
/// let selection = Selection::all().of_batches(ChainId(324), "501234".parse()?);
/// let summary = Prover::new(trees, messages).job(selection).run(&mut lengths)?;
/// assert_eq!(lengths.0.len() as u64, summary.count.proofs);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Sink<A = Vec<Answer>>: Send {
    /// Takes the next part.
    ///
    /// # Errors
    /// Any error. It ends the job and becomes the source of [`Error::Sink`].
    fn write(&mut self, part: JobPart<A>) -> Result<(), Box<dyn error::Error + Send + Sync>>;
}

/// The results of some steps of a job.
///
/// ```
/// use slproof::{JobPart, Messages, Prover, Selection, Sink, Trees};
///
/// /// Counts proofs and completed steps.
/// #[derive(Default)]
/// struct Progress {
///     proofs: u64,
///     steps: u64,
/// }
///
/// impl Sink for Progress {
///     fn write(&mut self, part: JobPart) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///         self.proofs += part.count.proofs;
///         self.steps = part.steps;
///         Ok(())
///     }
/// }
///
/// # let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// # let messages = Messages::open(&["fixtures/gateway-v29/logs.jsonl.gz"], &Default::default())?;
/// let job = Prover::new(trees, messages).job(Selection::all());
/// let mut progress = Progress::default();
/// let first = job.run(&mut progress)?;
/// assert_eq!(progress.proofs, first.count.proofs);
/// // All steps are done, so nothing is left for a second run.
/// let second = job.skip(progress.steps).run(&mut progress)?;
/// assert_eq!(second.count.proofs, 0);
/// # Ok::<(), slproof::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobPart<A = Vec<Answer>> {
    /// Proofs and failures, in the order of the selection.
    pub answers: A,
    /// The counts of the answers.
    pub count: Count,
    /// The number of steps of the whole job that are completed with this part. A sink that stores this number
    /// with the answers can resume the job ([`Job::skip`](super::Job::skip)).
    pub steps: u64,
}

/// Hands parts to a caller's sink and counts them.
pub(super) struct OwnedSink<'s, S, E> {
    pub(super) sink: &'s mut S,
    pub(super) encoder: E,
    pub(super) steps: u64,
    pub(super) total: Count,
}

impl<E: Encode + Clone, S: Sink<E::Chunk>> ChunkSink for OwnedSink<'_, S, E> {
    type Encoder = E;

    fn encoder(&self) -> E {
        self.encoder.clone()
    }

    fn write(&mut self, part: Part<E::Chunk>) -> Result<(), Error> {
        self.steps += part.steps;
        self.total.add(&part.count);
        let part = JobPart { answers: part.chunk, count: part.count, steps: self.steps };
        self.sink.write(part).map_err(Error::Sink)
    }

    fn cancel(self) -> Result<Error, Error> {
        Ok(Error::Interrupted(None))
    }
}
