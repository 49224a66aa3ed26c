//! From requests to bytes: jobs of about a thousand proofs each, made on all threads, written in order.
//!
//! ```text
//! selection ──▶ jobs ──▶ prepare, prove, verify, encode ──▶ put in order ──▶ sink
//! this thread            all threads                        this thread      a thread of its own
//! ```
//!
//! Making proofs and writing them overlap. What is under way is bounded by an estimate of its bytes, and
//! jobs are cut by their content alone, so that the output has the same bytes for any number of threads.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use serde_json::value::RawValue;

use super::{
    error::CliError,
    hint,
    interrupt::interrupted,
    progress::Progress,
    proof_output::{EncodedChunk, Encoder, Encoding},
    sink::Sink,
};
use crate::{
    message::BatchView,
    proof::{Failure, ProofView, Request},
    prove::{ExtractError, Extractor, LogFilter, VerifiedProofs, prepare},
};

/// How many proofs a job makes, about: enough to fill the lanes also where every proof leads through
/// another place of another tree, and few enough that they stay in the caches until they are written out.
/// With the logs of one batch more it is at most 1024 as a rule, of which one is judged by both verifiers.
const JOB_PROOFS: usize = 1000;
/// How many logs are hashed for them at most, about.
const JOB_LOGS: usize = 1 << 14;
/// How many bytes may be under way, about. A batch takes at most some 60 MB beside its messages.
const MOST_BYTES: usize = 128 << 20;
/// How many pieces wait for the sink.
const MOST_WAITING: usize = 4;

/// What a record of a proof takes, about.
const PROOF_BYTES: usize = 3500;
/// And what the tree of the logs takes for each of them.
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
    pub(super) asked: RequestSource,
    pub(super) error: Failure,
}

/// Who asked for something.
pub(super) enum RequestSource {
    /// The command line.
    Request(Request),
    /// A line that is JSON.
    Line(Arc<RawValue>),
    /// A line that is not.
    Text(String),
}

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

struct WorkBatch<'a> {
    steps: Vec<WorkItem<'a>>,
    bytes: usize,
}

/// The steps of the next job; at least one, unless there are no more.
fn next_job<'a>(
    steps: &mut dyn Iterator<Item = Result<WorkItem<'a>, CliError>>,
) -> Result<Option<WorkBatch<'a>>, CliError> {
    let mut job = WorkBatch { steps: Vec::new(), bytes: 0 };
    let (mut proofs, mut logs) = (0, 0);
    while proofs < JOB_PROOFS && logs < JOB_LOGS && job.bytes < MOST_BYTES {
        let Some(step) = steps.next().transpose()? else { break };
        let (more_proofs, more_logs, bytes) = step.weight();
        proofs += more_proofs;
        logs += more_logs;
        job.bytes += bytes;
        job.steps.push(step);
    }
    Ok((!job.steps.is_empty()).then_some(job))
}

/// Does one job.
fn work(steps: &[WorkItem<'_>], encoder: &Encoder, piece: EncodedChunk) -> EncodedChunk {
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
    let accepted = VerifiedProofs::new(found);

    let mut encoding = encoder.begin(piece);
    let (mut prepared, mut place) = (prepared.iter(), 0);
    for step in steps {
        match step {
            WorkItem::Fail(Failed { asked, error }) => encoding.failure(asked, 1, error.clone()),
            WorkItem::Prove(wanted) => match prepared.next() {
                Some(Ok(_)) => {
                    for (index, proof) in accepted.of(place) {
                        answer(wanted, index, proof, &mut encoding);
                    }
                    place += 1;
                }
                Some(Err(error)) => {
                    encoding.failure(&wanted.asked(None), wanted.count(), failure(error));
                }
                None => unreachable!("one for each batch"),
            },
        }
    }
    EncodedChunk { steps: steps.len() as u64, ..encoding.end() }
}

/// Writes down what became of one log.
fn answer(
    wanted: &ProofTask<'_>,
    index: u64,
    proof: Result<ProofView<'_>, &ExtractError>,
    encoding: &mut Encoding,
) {
    match (proof, wanted.which) {
        (Ok(proof), _) => {
            if let Err(error) = encoding.proof(&proof) {
                encoding.failure(&wanted.asked(Some(index)), 1, error);
            }
        }
        // Whoever wants all logs does not want those that nobody can prove.
        (Err(ExtractError::DefaultLeaf { .. }), LogFilter::All) => encoding.padding(),
        (Err(error), _) => encoding.failure(&wanted.asked(Some(index)), 1, failure(error)),
    }
}

fn failure(error: &ExtractError) -> Failure {
    Failure { code: error.code().into(), message: hint::told(error) }
}

impl ProofTask<'_> {
    /// How many logs are asked for.
    fn count(&self) -> usize {
        match self.which {
            // Also where the batch has none with this index.
            LogFilter::Log(_) => 1,
            which => {
                let logs = (0..).zip(self.logs.logs());
                logs.filter(|(index, log)| which.has(*index, log)).count()
            }
        }
    }

    /// Who asked: the line, or what the command line selects of the batch.
    fn asked(&self, index: Option<u64>) -> RequestSource {
        match (&self.asked, self.which, index) {
            (Some(line), ..) => RequestSource::Line(Arc::clone(line)),
            (None, LogFilter::Log(index), _) | (None, _, Some(index)) => {
                RequestSource::Request(Request::log(&self.logs, index))
            }
            (None, ..) => RequestSource::Request(Request::batch(&self.logs)),
        }
    }
}

/// Buffers that were written out and can be filled again.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> EncodedChunk {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        EncodedChunk { bytes: free.pop().unwrap_or_default(), ..EncodedChunk::default() }
    }

    fn give_back(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A giant batch's buffer is not kept for the small ones that follow.
        if free.len() < 2 * MOST_WAITING && bytes.capacity() <= 2 * JOB_PROOFS * PROOF_BYTES {
            free.push(bytes);
        }
    }
}

/// A job's outcome on its way back: its number, and the piece or what the thread panicked with.
type Done = (u64, Result<EncodedChunk, Box<dyn Any + Send>>);

/// Does everything and writes it. Returns the sink with all pieces in it.
pub(super) fn run<'a>(
    steps: &mut dyn Iterator<Item = Result<WorkItem<'a>, CliError>>,
    encoder: &Encoder,
    sink: Sink,
    progress: &Progress,
) -> Result<Sink, CliError> {
    let buffers = Buffers::default();
    std::thread::scope(|threads| {
        let (to_sink, pieces) = mpsc::sync_channel::<EncodedChunk>(MOST_WAITING);
        let writer = threads.spawn(|| -> Result<Sink, CliError> {
            let mut sink = sink;
            for mut piece in pieces {
                sink.write(&mut piece)?;
                buffers.give_back(piece.bytes);
            }
            Ok(sink)
        });
        let to_sink = ToSink { sender: to_sink, progress };
        let made = make(steps, encoder, &buffers, &to_sink);
        drop(to_sink);
        let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic));
        // Where the sink failed, that is why nothing more was made.
        let sink = written?;
        match made? {
            Ended::Complete => Ok(sink),
            Ended::Interrupted => Err(sink.interrupt()?),
        }
    })
}

/// How the making of pieces ended.
enum Ended {
    Complete,
    /// A signal came; what was begun is done.
    Interrupted,
}

/// The way to the sink.
struct ToSink<'p> {
    sender: mpsc::SyncSender<EncodedChunk>,
    progress: &'p Progress,
}

impl ToSink<'_> {
    /// Hands over a piece; `false` when the sink takes no more.
    fn send(&self, piece: EncodedChunk) -> bool {
        let logs = piece.count.logs();
        let sent = self.sender.send(piece).is_ok();
        self.progress.add(logs);
        sent
    }
}

/// Makes all pieces and hands them to the sink in order, until it takes no more or a signal comes.
fn make<'a>(
    steps: &mut dyn Iterator<Item = Result<WorkItem<'a>, CliError>>,
    encoder: &Encoder,
    buffers: &Buffers,
    to_sink: &ToSink<'_>,
) -> Result<Ended, CliError> {
    rayon::in_place_scope_fifo(|scope| {
        let (sender, done) = mpsc::channel::<Done>();
        let mut ready: BTreeMap<u64, EncodedChunk> = BTreeMap::new();
        let mut weights: BTreeMap<u64, usize> = BTreeMap::new();
        let (mut begun, mut next, mut under_way) = (0, 0, 0);
        let (mut more, mut ended) = (true, Ended::Complete);
        loop {
            while let Some(piece) = ready.remove(&next) {
                if !to_sink.send(piece) {
                    return Ok(Ended::Complete);
                }
                under_way -= weights.remove(&next).unwrap_or(0);
                next += 1;
            }
            if more && interrupted() {
                (more, ended) = (false, Ended::Interrupted);
            }
            if more && (under_way < MOST_BYTES || begun == next) {
                match next_job(steps)? {
                    None => more = false,
                    Some(WorkBatch { steps, bytes }) => {
                        let (sender, number) = (sender.clone(), begun);
                        scope.spawn_fifo(move |_| {
                            let piece = buffers.take();
                            let work = AssertUnwindSafe(|| work(&steps, encoder, piece));
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
            } else if done_or_help(&done, &mut ready) {
                continue;
            }
            while let Ok(outcome) = done.try_recv() {
                take(outcome, &mut ready);
            }
        }
    })
}

/// Waits for an outcome; while there are jobs that nobody does, by doing them on this thread.
fn done_or_help(done: &mpsc::Receiver<Done>, ready: &mut BTreeMap<u64, EncodedChunk>) -> bool {
    let outcome = match done.try_recv() {
        Ok(outcome) => Some(outcome),
        Err(_) if rayon::yield_now() == Some(rayon::Yield::Executed) => None,
        Err(_) => done.recv().ok(),
    };
    let waited = outcome.is_some();
    outcome.into_iter().for_each(|outcome| take(outcome, ready));
    waited
}

fn take((number, outcome): Done, ready: &mut BTreeMap<u64, EncodedChunk>) {
    match outcome {
        Ok(piece) => ready.insert(number, piece),
        Err(panic) => resume_unwind(panic),
    };
}
