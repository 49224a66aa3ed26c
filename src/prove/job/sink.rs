//! Sinks that callers implement.

use std::{error, mem};

use super::{pieces::Part, pipeline::ChunkSink};
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
pub trait Sink<A = Answer>: Send {
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
pub struct JobPart<A = Answer> {
    /// Proofs and failures, in the order of the selection.
    pub answers: Vec<A>,
    /// The counts of the answers.
    pub count: Count,
    /// The number of steps of the whole job that are completed with this part. A sink that stores this number
    /// with the answers can resume the job ([`Job::skip`](super::Job::skip)).
    pub steps: u64,
}

/// Hands parts to a caller's sink and counts them.
pub(super) struct OwnedSink<'s, S, E, A> {
    sink: &'s mut S,
    encoder: E,
    /// What the sink has not got yet, since its last step is not complete: a sink that stores the number of steps would
    /// get these answers again after an interruption.
    begun: JobPart<A>,
    total: Count,
}

impl<'s, S, E, A> OwnedSink<'s, S, E, A> {
    /// A sink that got this number of steps before.
    pub(super) fn new(sink: &'s mut S, encoder: E, steps: u64) -> Self {
        let begun = JobPart { answers: Vec::new(), count: Count::default(), steps };
        Self { sink, encoder, begun, total: Count::default() }
    }

    /// The counts of all answers.
    pub(super) fn total(self) -> Count {
        self.total
    }
}

impl<E, S, A> ChunkSink for OwnedSink<'_, S, E, A>
where
    E: Encode<Chunk: IntoIterator<Item = A>> + Clone,
    S: Sink<A>,
    A: Send,
{
    type Encoder = E;

    fn encoder(&self) -> E {
        self.encoder.clone()
    }

    fn write(&mut self, part: Part<E::Chunk>) -> Result<(), Error> {
        self.begun.answers.extend(part.chunk);
        self.begun.count.add(&part.count);
        if part.steps == 0 {
            return Ok(());
        }
        self.begun.steps += part.steps;
        self.total.add(&self.begun.count);
        let answers = mem::take(&mut self.begun.answers);
        let part = JobPart { answers, count: mem::take(&mut self.begun.count), ..self.begun };
        self.sink.write(part).map_err(Error::Sink)
    }

    fn cancel(self) -> Result<Error, Error> {
        Ok(Error::Interrupted(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        proof::{Failure, FailureCode, FailureRecord},
        records::OwnedRecords,
    };

    /// Keeps the number of answers of each part, and of steps.
    struct Parts(Vec<(usize, u64, u64)>);

    impl Sink for Parts {
        fn write(&mut self, part: JobPart) -> Result<(), Box<dyn error::Error + Send + Sync>> {
            self.0.push((part.answers.len(), part.count.failed(), part.steps));
            Ok(())
        }
    }

    /// A sink that was interrupted within a step would get the answers of that step twice.
    #[test]
    fn a_sink_gets_whole_steps() {
        let (answers, mut parts) = ([1, 2, 3, 4, 5], Parts(Vec::new()));
        let mut sink = OwnedSink::new(&mut parts, OwnedRecords, 10);
        for (len, steps) in answers.into_iter().zip([2, 0, 0, 1, 4]) {
            let error = Failure { code: FailureCode::MessageNotFound, message: String::new() };
            let failed = Answer::Failed(FailureRecord { request: 1.into(), error });
            let mut count = Count::default();
            (0..len).for_each(|_| count.fail(FailureCode::MessageNotFound, 1));
            sink.write(Part { chunk: vec![failed; len], count, steps }).unwrap();
        }
        assert_eq!(sink.total().failed(), 15);
        assert_eq!(parts.0, [(1, 1, 12), (9, 9, 13), (5, 5, 17)]);
    }
}
