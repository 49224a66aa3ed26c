//! From requests to records: work batches of about a thousand proofs each, made on all threads, written in
//! order.
//!
//! ```text
//! selection ──▶ work batches ──▶ prepare, prove, verify, encode ──▶ put in order ──▶ sink
//! this thread                    all threads                        this thread      a thread of its own
//! ```
//!
//! Making proofs and writing them overlap. What is under way is bounded by an estimate of its bytes, and
//! work batches are cut by their content alone, so that the output is the same for any number of threads.

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

/// About how many proofs a work batch makes: enough to fill the lanes also where every proof leads through
/// another place of another tree, and few enough that they stay in the caches until they are written out.
/// With the logs of one batch more it is at most 1024 as a rule, of which one is judged by both verifiers.
const BATCH_PROOFS: usize = 1000;
/// About how many logs are hashed for them at most.
const BATCH_LOGS: usize = 1 << 14;
/// About how many bytes may be under way. A batch takes at most some 60 MB beside its messages.
const MOST_BYTES: usize = 128 << 20;
/// How many parts wait for the sink.
const MOST_WAITING: usize = 4;

/// About how many bytes the record of a proof takes.
const PROOF_BYTES: usize = 3500;
/// And how many the tree of the logs takes for each of them.
const LOG_BYTES: usize = 96;

/// Logs of one batch that are to be proven.
pub(super) struct ProofTask<'a> {
    pub(super) logs: BatchView<'a>,
    pub(super) which: LogFilter,
    pub(super) extractor: Arc<Extractor<'a>>,
    /// The line that asked for them, where one did.
    pub(super) asked: Option<Arc<RawValue>>,
}

/// The next thing to do for the output.
pub(super) enum WorkItem<'a> {
    Prove(ProofTask<'a>),
    /// A request that leads to no logs.
    Fail(Failed),
}

/// A request that failed, as far as it could be read.
pub(super) struct Failed {
    pub(super) asked: OwnedSource,
    pub(super) error: Failure,
}

/// A line that asked for something.
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

/// What became of a work batch.
pub(super) struct Part<C> {
    pub(super) chunk: C,
    pub(super) count: Count,
    /// How many steps of the selection it answers.
    pub(super) steps: u64,
}

/// Where parts go, in order.
pub(super) trait ChunkSink: Send {
    /// Makes chunks, on all threads.
    type Encoder: Encode;

    fn encoder(&self) -> Self::Encoder;

    fn write(&mut self, part: Part<<Self::Encoder as Encode>::Chunk>) -> Result<(), Error>;

    /// Ends the sink of a job that is cancelled. Returns the error that says so.
    fn cancel(self) -> Result<Error, Error>;
}

/// The part of a sink's encoder.
type PartOf<S> = Part<<<S as ChunkSink>::Encoder as Encode>::Chunk>;

impl WorkItem<'_> {
    /// How many proofs there will be, how many logs are hashed for them, and about how many bytes are
    /// under way.
    fn weight(&self) -> (usize, usize, usize) {
        let Self::Prove(ProofTask { logs, which, .. }) = self else { return (1, 0, PROOF_BYTES) };
        let len = logs.logs().len();
        let proofs = if matches!(which, LogFilter::Log(_)) { 1 } else { len };
        let messages: usize = logs.messages().iter().map(<[u8]>::len).sum();
        // A message is copied, and written in hexadecimal digits. A batch without logs costs something too.
        (proofs.max(1), len, len * LOG_BYTES + proofs * PROOF_BYTES + 3 * messages)
    }
}

/// Steps that are done together.
struct WorkBatch<'a> {
    steps: Vec<WorkItem<'a>>,
    bytes: usize,
}

/// The steps of the next work batch; at least one, unless there are no more.
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

/// Does one work batch.
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
    /// What became of one log.
    fn outcome<'p>(
        &'p self,
        index: u64,
        proof: Result<ProofView<'p>, &ExtractError>,
        hints: Hints,
    ) -> Outcome<'p> {
        let request = self.source(Some(index));
        match (proof, self.which) {
            (Ok(proof), _) => Outcome::Proof { proof, request },
            // A request for all logs is not for those that cannot be proven by anyone.
            (Err(ExtractError::DefaultLeaf { .. }), LogFilter::All) => Outcome::Padding,
            (Err(error), _) => failed(request, 1, Failure::of(error.code(), error, hints)),
        }
    }

    /// How many logs are asked for.
    fn count(&self) -> u64 {
        match self.which {
            // Also where the batch has none with this index.
            LogFilter::Log(_) => 1,
            which => {
                let logs = (0..).zip(self.logs.logs());
                logs.filter(|(index, log)| which.has(*index, log)).count() as u64
            }
        }
    }

    /// What asked: the line, or what the selection has of the batch.
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

/// The outcome of a work batch on its way back: its number, and the part, or what the thread panicked with.
type Done<S> = (u64, Result<Result<PartOf<S>, Error>, Box<dyn Any + Send>>);

/// Parts that wait for those before them, by the number of their work batch.
type Ready<S> = BTreeMap<u64, Result<PartOf<S>, Error>>;

/// Does everything and writes it. Returns the sink with all parts in it.
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
        // Where the sink failed, that is why nothing more was made.
        let sink = written?;
        match made? {
            Ended::Complete => Ok(sink),
            Ended::Cancelled => Err(sink.cancel()?),
        }
    })
}

/// How the making of parts ended.
enum Ended {
    Complete,
    /// The observer cancelled the job; what was begun is done.
    Cancelled,
}

/// The way to the sink.
struct ToSink<'p, S: ChunkSink> {
    sender: mpsc::SyncSender<Result<PartOf<S>, Error>>,
    observer: &'p dyn Observer,
}

impl<S: ChunkSink> ToSink<'_, S> {
    /// Hands over a part; `false` when the sink takes no more.
    fn send(&self, part: Result<PartOf<S>, Error>) -> bool {
        let logs = part.as_ref().map_or(0, |part| part.count.logs());
        let sent = self.sender.send(part).is_ok();
        self.observer.advanced(logs);
        sent
    }
}

/// Makes all parts and hands them to the sink in order, until it takes no more or the job is cancelled.
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
                            // The other end is gone when the sink takes no more.
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

/// Waits for an outcome. While there are work batches that no thread does, waits by doing them on this one.
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
