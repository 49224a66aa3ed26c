//! Proves windows of steps on all threads, and writes the results in order.
//!
//! ```text
//! selection ──▶ windows ──▶ prepare, prove, verify, encode ──▶ put in order ──▶ sink
//! this thread               all threads                        this thread      a thread of its own
//! ```
//!
//! Proofs are made and written at the same time. The amount of unfinished work is limited by an estimate of
//! its bytes. Windows are divided by their content only, so the output is the same for any number of
//! threads.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc,
};

use super::{
    step::Steps,
    window::{Part, Window},
};
use crate::{
    proof::Hints,
    prove::{Error, Observer},
    records::Encode,
};

/// The next window is not read while this much work is unfinished, in bytes. It is more than a window of requests usually
/// takes, so that one thread reads the next of them while the others prove.
const MOST_BYTES: usize = 192 << 20;
/// The maximum number of parts that wait for the sink.
const MOST_WAITING: usize = 4;

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

/// The parts of a window, in order.
type PartsOf<S> = Vec<Result<PartOf<S>, Error>>;

/// The result of a window: its number, and either its parts or the payload of a panic.
type Done<S> = (u64, Result<PartsOf<S>, Box<dyn Any + Send>>);

/// Parts that wait for those of earlier windows, by the number of their window.
type Ready<S> = BTreeMap<u64, PartsOf<S>>;

/// Proves all steps and writes the results. Returns the sink after the last part.
pub(super) fn run<'a, S: ChunkSink>(
    steps: &mut Steps<'a>,
    mut sink: S,
    observer: &dyn Observer,
    hints: Hints,
) -> Result<S, Error> {
    let encoder = sink.encoder();
    // If the sink failed, its error is the cause and comes first.
    let (sink, made) = if rayon::current_num_threads() == 1 {
        let mut written = Ok(());
        let made = make::<S>(steps, &encoder, observer, hints, &mut |part| {
            written = part.and_then(|part| sink.write(part));
            written.is_ok()
        });
        written?;
        (sink, made)
    } else {
        std::thread::scope(|threads| {
            let (sender, parts) = mpsc::sync_channel::<Result<PartOf<S>, Error>>(MOST_WAITING);
            let writer = threads.spawn(|| -> Result<S, Error> {
                let mut sink = sink;
                for part in parts {
                    sink.write(part?)?;
                }
                Ok(sink)
            });
            let made =
                make::<S>(steps, &encoder, observer, hints, &mut |part| sender.send(part).is_ok());
            drop(sender);
            let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok::<_, Error>((written?, made))
        })?
    };
    match made? {
        Ended::Complete => Ok(sink),
        Ended::Cancelled => Err(sink.cancel()?),
    }
}

/// How the production of parts ended.
enum Ended {
    Complete,
    /// The observer cancelled the job. Work that had started was finished.
    Cancelled,
}

/// Makes all parts and hands them to `send` in order, until it returns that the sink no longer accepts parts, or the job
/// is cancelled.
fn make<'a, S: ChunkSink>(
    steps: &mut Steps<'a>,
    encoder: &S::Encoder,
    observer: &dyn Observer,
    hints: Hints,
    send: &mut dyn FnMut(Result<PartOf<S>, Error>) -> bool,
) -> Result<Ended, Error> {
    let mut send = |part: Result<PartOf<S>, Error>| {
        let logs = part.as_ref().map_or(0, |part| part.count.logs());
        let is_sent = send(part);
        observer.advanced(logs);
        is_sent
    };
    rayon::in_place_scope_fifo(|scope| {
        let (sender, done) = mpsc::channel::<Done<S>>();
        let mut ready = Ready::<S>::new();
        let mut weights: BTreeMap<u64, usize> = BTreeMap::new();
        let (mut begun, mut next, mut under_way) = (0, 0, 0);
        let (mut more, mut ended, mut failed) = (true, Ended::Complete, None);
        loop {
            while let Some(parts) = ready.remove(&next) {
                if !parts.into_iter().all(&mut send) {
                    return Ok(Ended::Complete);
                }
                under_way -= weights.remove(&next).unwrap_or(0);
                next += 1;
            }
            if more && observer.is_cancelled() {
                (more, ended) = (false, Ended::Cancelled);
            }
            if more && (under_way < MOST_BYTES || begun == next) {
                match Window::read(steps) {
                    Ok(None) => more = false,
                    // The windows before it are sent first, so that the output does not depend on the threads.
                    Err(error) => (more, failed) = (false, Some(error)),
                    Ok(Some(window)) => {
                        let (sender, number) = (sender.clone(), begun);
                        weights.insert(number, window.bytes());
                        under_way += window.bytes();
                        scope.spawn_fifo(move |_| {
                            let work = AssertUnwindSafe(|| window.parts(encoder, hints));
                            // The receiver is dropped when the sink no longer accepts parts.
                            let _ = sender.send((number, catch_unwind(work)));
                        });
                        begun += 1;
                    }
                }
            } else if begun == next {
                return failed.map_or(Ok(ended), Err);
            } else if done_or_help::<S>(&done, &mut ready) {
                continue;
            }
            while let Ok(outcome) = done.try_recv() {
                take::<S>(outcome, &mut ready);
            }
        }
    })
}

/// Waits for a result. If windows are queued that no thread has started, this thread runs them while it
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
        Ok(parts) => ready.insert(number, parts),
        Err(panic) => resume_unwind(panic),
    };
}
