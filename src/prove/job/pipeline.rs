//! Turns requests into records. Work batches of about a thousand proofs each are done on all threads and
//! written in order.
//!
//! ```text
//! selection ──▶ work batches ──▶ prepare, prove, verify, encode ──▶ put in order ──▶ sink
//! this thread                    all threads                        this thread      a thread of its own
//! ```
//!
//! Proofs are made and written at the same time. The amount of unfinished work is limited by an estimate of
//! its bytes. Work batches are split by their content only, so the output is the same for any number of
//! threads.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, mpsc},
};

use serde_json::value::RawValue;

use crate::{
    message::BatchView,
    proof::{Failure, Hints, ProofView, Request},
    prove::{Error, ExtractError, Extractor, LogFilter, Observer, VerifiedProofs, prepare},
    records::{Count, Encode, Outcome, RequestSource},
};

/// The approximate number of proofs of a work batch. It is large enough to fill the lanes of the hash
/// function even if every proof uses another part of another tree, and small enough that the proofs stay in
/// the caches until they are written. The last batch of logs may exceed it, usually up to 1024 proofs, one of
/// which both verifiers check.
const BATCH_PROOFS: usize = 1000;
/// The approximate maximum number of logs that are hashed for a work batch.
const BATCH_LOGS: usize = 1 << 14;
/// The approximate maximum of unfinished work in bytes. A batch takes at most about 60 MB besides its
/// messages.
const MOST_BYTES: usize = 128 << 20;
/// The maximum number of parts that wait for the sink.
const MOST_WAITING: usize = 4;

/// The approximate size of the record of a proof, in bytes.
const PROOF_BYTES: usize = 3500;
/// The approximate size of the tree of a batch's logs, in bytes per log.
const LOG_BYTES: usize = 96;

/// Logs of one batch to be proven.
pub(super) struct ProofTask<'a> {
    pub(super) logs: BatchView<'a>,
    pub(super) which: LogFilter,
    pub(super) extractor: Arc<Extractor<'a>>,
    /// The line that requested the logs, if any.
    pub(super) asked: Option<Arc<RawValue>>,
    /// Whether the selection or the line may select several logs.
    pub(super) is_one_of_many: bool,
}

/// The next item of work for the output.
pub(super) enum WorkItem<'a> {
    Prove(ProofTask<'a>),
    /// A request that matches no logs.
    Fail(Failed),
}

/// A request that failed, as far as it could be parsed.
pub(super) struct Failed {
    pub(super) asked: OwnedSource,
    pub(super) error: Failure,
}

/// The line of a request.
pub(super) enum OwnedSource {
    /// JSON.
    Line(Arc<RawValue>),
    /// The beginning of a line that is not JSON.
    Text(String),
}

impl OwnedSource {
    fn source(&self) -> RequestSource<'_> {
        match self {
            Self::Line(line) => RequestSource::Line(line),
            Self::Text(text) => RequestSource::Text(text),
        }
    }
}

/// The results of a work batch.
pub(super) struct Part<C> {
    pub(super) chunk: C,
    pub(super) count: Count,
    /// The number of steps of the selection that it covers.
    pub(super) steps: u64,
}

/// Receives parts in order.
pub(super) trait ChunkSink: Send {
    /// Encodes chunks, on all threads.
    type Encoder: Encode;

    fn encoder(&self) -> Self::Encoder;

    fn write(&mut self, part: Part<<Self::Encoder as Encode>::Chunk>) -> Result<(), Error>;

    /// Closes the sink of a cancelled job. Returns the error for the cancellation.
    fn cancel(self) -> Result<Error, Error>;
}

/// The part type of a sink's encoder.
type PartOf<S> = Part<<<S as ChunkSink>::Encoder as Encode>::Chunk>;

impl WorkItem<'_> {
    /// Estimates the number of proofs, the number of logs that are hashed for them, and the bytes in memory.
    fn weight(&self) -> (usize, usize, usize) {
        let Self::Prove(ProofTask { logs, which, .. }) = self else { return (1, 0, PROOF_BYTES) };
        let len = logs.logs().len();
        let proofs = if matches!(which, LogFilter::Log(_)) { 1 } else { len };
        let messages: usize = logs.messages().iter().map(<[u8]>::len).sum();
        // A message is copied once and written as hexadecimal digits. A batch without logs also has a cost.
        (proofs.max(1), len, len * LOG_BYTES + proofs * PROOF_BYTES + 3 * messages)
    }
}

/// Steps that are processed together.
struct WorkBatch<'a> {
    steps: Vec<WorkItem<'a>>,
    bytes: usize,
}

/// Returns the steps of the next work batch: at least one, unless none are left.
fn next_batch<'a>(steps: &mut Steps<'a>) -> Result<Option<WorkBatch<'a>>, Error> {
    let mut job = WorkBatch { steps: Vec::new(), bytes: 0 };
    let (mut proofs, mut logs) = (0, 0);
    while proofs < BATCH_PROOFS && logs < BATCH_LOGS && job.bytes < MOST_BYTES {
        let Some(step) = steps.next().transpose()? else { break };
        let (more_proofs, more_logs, bytes) = step.weight();
        proofs += more_proofs;
        logs += more_logs;
        job.bytes += bytes;
        job.steps.push(step);
    }
    Ok((!job.steps.is_empty()).then_some(job))
}

/// Processes one work batch.
fn work<E: Encode>(
    steps: &[WorkItem<'_>],
    encoder: &E,
    hints: Hints,
) -> Result<Part<E::Chunk>, Error> {
    let wanted = steps.iter().filter_map(|step| match step {
        WorkItem::Prove(ProofTask { extractor, logs, .. }) => Some((&**extractor, *logs)),
        WorkItem::Fail(_) => None,
    });
    let prepared = prepare(&wanted.collect::<Vec<_>>());
    let which = steps.iter().filter_map(|step| match step {
        WorkItem::Prove(ProofTask { which, .. }) => Some(*which),
        WorkItem::Fail(_) => None,
    });
    let found = prepared.iter().zip(which).filter_map(|(p, which)| Some((p.as_ref().ok()?, which)));
    let verified = VerifiedProofs::new(found);

    let (mut prepared, mut place) = (prepared.iter(), 0);
    let mut outcomes = steps.iter().flat_map(|step| {
        let (failed, task) = match step {
            WorkItem::Fail(Failed { asked, error }) => {
                (Some(failed(asked.source(), 1, error.clone())), None)
            }
            WorkItem::Prove(task) => match prepared.next() {
                Some(Err(error)) => {
                    let failure = Failure::of(error.code(), error, hints);
                    (Some(failed(task.source(None), task.count(), failure)), None)
                }
                _ => (None, Some(task)),
            },
        };
        let proofs = task.map(|task| {
            place += 1;
            verified.of(place - 1).map(move |(index, proof)| task.outcome(index, proof, hints))
        });
        failed.into_iter().chain(proofs.into_iter().flatten())
    });
    let (chunk, count) = encoder.encode(&mut outcomes)?;
    Ok(Part { chunk, count, steps: steps.len() as u64 })
}

fn failed(request: RequestSource<'_>, logs: u64, failure: Failure) -> Outcome<'_> {
    Outcome::Failed { request, logs, failure }
}

impl ProofTask<'_> {
    /// Returns the outcome of one log.
    fn outcome<'p>(
        &'p self,
        index: u64,
        proof: Result<ProofView<'p>, &ExtractError>,
        hints: Hints,
    ) -> Outcome<'p> {
        let request = self.source(Some(index));
        match (proof, self.which) {
            (Ok(proof), _) => {
                Outcome::Proof { proof, request, is_one_of_many: self.is_one_of_many }
            }
            // A request for all logs does not include padding, which the contracts refuse to prove.
            (
                Err(ExtractError::DefaultLeaf { .. }),
                LogFilter::All | LogFilter::Matching { .. },
            ) => Outcome::Padding,
            (Err(error), _) => failed(request, 1, Failure::of(error.code(), error, hints)),
        }
    }

    /// The number of requested logs.
    fn count(&self) -> u64 {
        match self.which {
            // One log is requested even if the batch has no log with this index.
            LogFilter::Log(_) => 1,
            which => {
                let logs = (0..).zip(self.logs.logs());
                logs.filter(|(index, log)| which.has(*index, log)).count() as u64
            }
        }
    }

    /// The source of the request: its line, or the selected batch or log.
    fn source(&self, index: Option<u64>) -> RequestSource<'_> {
        match (&self.asked, self.which, index) {
            (Some(line), ..) => RequestSource::Line(line),
            (None, LogFilter::Log(index), _) | (None, _, Some(index)) => {
                RequestSource::Request(Request::log(&self.logs, index))
            }
            (None, ..) => RequestSource::Request(Request::batch(&self.logs)),
        }
    }
}

/// The steps of a selection.
pub(super) type Steps<'a> = dyn Iterator<Item = Result<WorkItem<'a>, Error>> + 'a;

/// The result of a work batch: its number, and either the part or the payload of a panic.
type Done<S> = (u64, Result<Result<PartOf<S>, Error>, Box<dyn Any + Send>>);

/// Parts that wait for earlier parts, by the number of their work batch.
type Ready<S> = BTreeMap<u64, Result<PartOf<S>, Error>>;

/// Processes all steps and writes the results. Returns the sink after the last part.
pub(super) fn run<'a, S: ChunkSink>(
    steps: &mut Steps<'a>,
    sink: S,
    observer: &dyn Observer,
    hints: Hints,
) -> Result<S, Error> {
    let encoder = sink.encoder();
    std::thread::scope(|threads| {
        let (sender, parts) = mpsc::sync_channel::<Result<PartOf<S>, Error>>(MOST_WAITING);
        let writer = threads.spawn(|| -> Result<S, Error> {
            let mut sink = sink;
            for part in parts {
                sink.write(part?)?;
            }
            Ok(sink)
        });
        let to_sink = ToSink::<S> { sender, observer };
        let made = make(steps, &encoder, &to_sink, hints);
        drop(to_sink);
        let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic));
        // If the sink failed, its error is the cause and comes first.
        let sink = written?;
        match made? {
            Ended::Complete => Ok(sink),
            Ended::Cancelled => Err(sink.cancel()?),
        }
    })
}

/// How the production of parts ended.
enum Ended {
    Complete,
    /// The observer cancelled the job. Work that had started was finished.
    Cancelled,
}

/// The channel to the sink.
struct ToSink<'p, S: ChunkSink> {
    sender: mpsc::SyncSender<Result<PartOf<S>, Error>>,
    observer: &'p dyn Observer,
}

impl<S: ChunkSink> ToSink<'_, S> {
    /// Sends a part; returns `false` when the sink no longer accepts parts.
    fn send(&self, part: Result<PartOf<S>, Error>) -> bool {
        let logs = part.as_ref().map_or(0, |part| part.count.logs());
        let sent = self.sender.send(part).is_ok();
        self.observer.advanced(logs);
        sent
    }
}

/// Makes all parts and sends them to the sink in order, until the sink stops accepting parts or the job is
/// cancelled.
fn make<'a, S: ChunkSink>(
    steps: &mut Steps<'a>,
    encoder: &S::Encoder,
    to_sink: &ToSink<'_, S>,
    hints: Hints,
) -> Result<Ended, Error> {
    rayon::in_place_scope_fifo(|scope| {
        let (sender, done) = mpsc::channel::<Done<S>>();
        let mut ready = Ready::<S>::new();
        let mut weights: BTreeMap<u64, usize> = BTreeMap::new();
        let (mut begun, mut next, mut under_way) = (0, 0, 0);
        let (mut more, mut ended) = (true, Ended::Complete);
        loop {
            while let Some(part) = ready.remove(&next) {
                if !to_sink.send(part) {
                    return Ok(Ended::Complete);
                }
                under_way -= weights.remove(&next).unwrap_or(0);
                next += 1;
            }
            if more && to_sink.observer.is_cancelled() {
                (more, ended) = (false, Ended::Cancelled);
            }
            if more && (under_way < MOST_BYTES || begun == next) {
                match next_batch(steps)? {
                    None => more = false,
                    Some(WorkBatch { steps, bytes }) => {
                        let (sender, number) = (sender.clone(), begun);
                        scope.spawn_fifo(move |_| {
                            let work = AssertUnwindSafe(|| work(&steps, encoder, hints));
                            // The receiver is dropped when the sink no longer accepts parts.
                            let _ = sender.send((number, catch_unwind(work)));
                        });
                        weights.insert(number, bytes);
                        under_way += bytes;
                        begun += 1;
                    }
                }
            } else if begun == next {
                return Ok(ended);
            } else if done_or_help::<S>(&done, &mut ready) {
                continue;
            }
            while let Ok(outcome) = done.try_recv() {
                take::<S>(outcome, &mut ready);
            }
        }
    })
}

/// Waits for a result. If work batches are queued that no thread has started, this thread runs them while it
/// waits.
fn done_or_help<S: ChunkSink>(done: &mpsc::Receiver<Done<S>>, ready: &mut Ready<S>) -> bool {
    let outcome = match done.try_recv() {
        Ok(outcome) => Some(outcome),
        Err(_) if rayon::yield_now() == Some(rayon::Yield::Executed) => None,
        Err(_) => done.recv().ok(),
    };
    let waited = outcome.is_some();
    outcome.into_iter().for_each(|outcome| take::<S>(outcome, ready));
    waited
}

fn take<S: ChunkSink>((number, outcome): Done<S>, ready: &mut Ready<S>) {
    match outcome {
        Ok(part) => ready.insert(number, part),
        Err(panic) => resume_unwind(panic),
    };
}
