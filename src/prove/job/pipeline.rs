//! Proves windows of steps on all threads, and writes the results in order.
//!
//! ```text
//! selection ──▶ windows ──▶ prepare ──▶ pieces: prove, verify, encode ──▶ put in order ──▶ sink
//! this thread               all threads all threads                       this thread      a thread of its own
//! ```
//!
//! Proofs are made and written at the same time. Pieces begin in the order of the output, and only a few of them for each
//! thread are under way, so few results wait for earlier ones. The amount of unfinished work is also limited by an
//! estimate of its bytes. Windows are divided by their content only, so the output is the same for any number of
//! threads.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, mpsc},
};

use super::{
    pieces::{BegunWindow, Part},
    step::Steps,
    window::Window,
};
use crate::{
    proof::Hints,
    prove::{Error, Observer},
    records::Encode,
};

/// The next window is not read while this much work is unfinished, in bytes. It is more than a window of requests usually
/// takes, so that one thread reads the next of them while the others prove.
const MOST_BYTES: usize = 192 << 20;
/// The maximum number of pieces of begun windows under way, for each thread: one that is made, and others, so that
/// no thread waits for this one to start the next.
const PIECES_PER_THREAD: usize = 3;
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

/// The results of a sink's pieces.
type PartOf<S> = Result<Part<<<S as ChunkSink>::Encoder as Encode>::Chunk>, Error>;

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
            let (sender, parts) = mpsc::sync_channel::<PartOf<S>>(MOST_WAITING);
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
    send: &mut dyn FnMut(PartOf<S>) -> bool,
) -> Result<Ended, Error> {
    let mut send = |part: PartOf<S>| {
        let logs = part.as_ref().map_or(0, |part| part.count.logs());
        let is_sent = send(part);
        observer.advanced(logs);
        is_sent
    };
    let most_pieces = PIECES_PER_THREAD * rayon::current_num_threads();
    rayon::in_place_scope_fifo(|scope| {
        let (sender, done) = mpsc::channel();
        let mut queue = Queue::default();
        let (mut more, mut ended, mut failed) = (true, Ended::Complete, None);
        loop {
            while let Some(part) = queue.pop() {
                if !send(part) {
                    return Ok(Ended::Complete);
                }
            }
            while let Some((number, window, piece)) = queue.start(most_pieces) {
                let make = move || Done::Part(piece, window.part(piece, encoder, hints));
                spawn(scope, &sender, number, make);
            }
            if more && observer.is_cancelled() {
                (more, ended) = (false, Ended::Cancelled);
            }
            if more && (queue.bytes < MOST_BYTES || queue.windows.is_empty()) {
                match Window::read(steps) {
                    Ok(None) => more = false,
                    // The windows before it are sent first, so that the output does not depend on the threads.
                    Err(error) => (more, failed) = (false, Some(error)),
                    Ok(Some(window)) => {
                        let number = queue.push(window.bytes());
                        // The first piece is made at once, while its proofs are in the caches.
                        let begin = move || {
                            let window = window.begin();
                            let part = window.part(0, encoder, hints);
                            Done::Begun(Arc::new(window), part)
                        };
                        spawn(scope, &sender, number, begin);
                    }
                }
            } else if queue.windows.is_empty() {
                return failed.map_or(Ok(ended), Err);
            } else {
                match done_or_help(&done) {
                    Some(outcome) => queue.take(outcome),
                    None => continue,
                }
            }
            while let Ok(outcome) = done.try_recv() {
                queue.take(outcome);
            }
        }
    })
}

/// The result of work on a window.
enum Done<'a, P> {
    /// The window, and its first part.
    Begun(Arc<BegunWindow<'a>>, P),
    /// The part of a piece.
    Part(usize, P),
}

/// A number of a window, with the result of work on it or the payload of a panic.
type Outcome<'a, P> = (u64, Result<Done<'a, P>, Box<dyn Any + Send>>);

/// Runs work on a window on any thread.
fn spawn<'scope, 'a: 'scope, P: Send + 'scope>(
    scope: &rayon::ScopeFifo<'scope>,
    sender: &mpsc::Sender<Outcome<'a, P>>,
    window: u64,
    work: impl FnOnce() -> Done<'a, P> + Send + 'scope,
) {
    let sender = sender.clone();
    scope.spawn_fifo(move |_| {
        // The receiver is dropped when the sink no longer accepts parts.
        let _ = sender.send((window, catch_unwind(AssertUnwindSafe(work))));
    });
}

/// Waits for a result. If work is queued that no thread has started, this thread runs it instead.
fn done_or_help<'a, P>(done: &mpsc::Receiver<Outcome<'a, P>>) -> Option<Outcome<'a, P>> {
    match done.try_recv() {
        Ok(outcome) => Some(outcome),
        Err(_) if rayon::yield_now() == Some(rayon::Yield::Executed) => None,
        Err(_) => done.recv().ok(),
    }
}

/// The windows under way, in order.
struct Queue<'a, P> {
    windows: VecDeque<UnderWay<'a, P>>,
    /// The number of the first of them.
    first: u64,
    /// The estimate of their bytes.
    bytes: usize,
}

/// A window under way.
struct UnderWay<'a, P> {
    bytes: usize,
    /// `None` until its trees are hashed.
    begun: Option<Arc<BegunWindow<'a>>>,
    /// The number of pieces that were started.
    started: usize,
    /// The number of parts that were sent.
    sent: usize,
    /// Parts that wait for earlier ones, by piece.
    parts: BTreeMap<usize, P>,
}

impl<P> Default for Queue<'_, P> {
    fn default() -> Self {
        Self { windows: VecDeque::new(), first: 0, bytes: 0 }
    }
}

impl<'a, P> Queue<'a, P> {
    /// Adds a window that begins, with an estimate of its bytes. Returns its number.
    fn push(&mut self, bytes: usize) -> u64 {
        self.bytes += bytes;
        let (begun, parts) = (None, BTreeMap::new());
        self.windows.push_back(UnderWay { bytes, begun, started: 1, sent: 0, parts });
        self.first + self.windows.len() as u64 - 1
    }

    /// Notes a result.
    fn take(&mut self, (number, done): Outcome<'a, P>) {
        let window = &mut self.windows[(number - self.first) as usize];
        match done {
            Ok(Done::Begun(begun, part)) => {
                window.begun = Some(begun);
                window.parts.insert(0, part);
            }
            Ok(Done::Part(piece, part)) => {
                window.parts.insert(piece, part);
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    /// The next piece to start, with the number of its window; `None` if `most` pieces before it are not sent yet, or
    /// its window has not begun.
    fn start(&mut self, most: usize) -> Option<(u64, Arc<BegunWindow<'a>>, usize)> {
        let mut under_way = 0;
        for (number, window) in (self.first..).zip(&mut self.windows) {
            let begun = window.begun.as_ref()?;
            under_way += window.started - window.sent;
            if under_way >= most {
                return None;
            }
            if window.started < begun.pieces() {
                window.started += 1;
                return Some((number, Arc::clone(begun), window.started - 1));
            }
        }
        None
    }

    /// The next part to send, if it is made.
    fn pop(&mut self) -> Option<P> {
        let window = self.windows.front_mut()?;
        let part = window.parts.remove(&window.sent)?;
        window.sent += 1;
        if window.begun.as_ref().is_some_and(|begun| begun.pieces() == window.sent) {
            self.bytes -= window.bytes;
            self.first += 1;
            self.windows.pop_front();
        }
        Some(part)
    }
}
