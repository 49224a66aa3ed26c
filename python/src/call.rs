//! Long calls: threads do their work, while the calling thread looks for signals.

use std::{
    process,
    sync::{
        Mutex, OnceLock, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use pyo3::prelude::*;
use slproof::FailureCode;

use crate::error::Failed;

/// How often a waiting call looks for signals, such as that of Ctrl-C.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(100);
/// The stack of a thread in bytes: as much as the main thread of a program usually has.
const STACK_LEN: usize = 8 << 20;

/// The process of the first call, which has the threads of all calls.
static PROCESS: OnceLock<u32> = OnceLock::new();

/// Refuses to work in a process that was forked after the first call. It has none of the threads, and would wait for them
/// for ever.
///
/// # Errors
/// [`FailureCode::SystemFailed`] in such a process.
pub fn check_process() -> Result<(), Failed> {
    let own = process::id();
    if *PROCESS.get_or_init(|| own) == own {
        return Ok(());
    }
    let text = "this process was forked after the first call of slproof, and lacks its threads; start workers with the \
                method \"spawn\" of multiprocessing, or call nothing of slproof before the fork";
    Err(Failed::new(FailureCode::SystemFailed, text))
}

/// Does work on a thread of its own.
///
/// # Errors
/// [`FailureCode::SystemFailed`] in a forked process, or when the system gives no thread.
pub fn spawn(work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failed> {
    check_process()?;
    let started = thread::Builder::new().stack_size(STACK_LEN).spawn(work);
    started.map_err(|error| {
        Failed::new(FailureCode::SystemFailed, format!("no thread could be started: {error}"))
    })
}

/// Does work on a thread of its own, without the lock of the interpreter. A signal ends the call. The work then goes on
/// until it is done or the process ends, and nobody takes its result.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Failed> + Send + 'static,
) -> PyResult<T> {
    let (sender, receiver) = mpsc::channel();
    spawn(move || {
        // Nobody listens if a signal ended the call.
        let _ = sender.send(work());
    })?;
    match wait(py, &Mutex::new(receiver))? {
        Some(result) => Ok(result?),
        None => Err(ended_early().into()),
    }
}

/// Waits for what a thread sends; `None` if it ended. A signal ends the waiting.
pub fn wait<T: Send>(py: Python<'_>, receiver: &Mutex<Receiver<T>>) -> PyResult<Option<T>> {
    loop {
        let received = py.detach(|| {
            let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.recv_timeout(BETWEEN_SIGNALS)
        });
        match received {
            Ok(sent) => return Ok(Some(sent)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// The error of work that panicked.
pub fn ended_early() -> Failed {
    let text = "the work ended early by an error in slproof; please report it";
    Failed::new(FailureCode::SystemFailed, text)
}
