//! The answers of a job as a stream of record batches.

use std::{
    error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use arrow_array::RecordBatch;
use pyo3::prelude::*;
use slproof::{Answer, FailureCode, Job, JobPart, Observer, Sink};

use crate::{batch::record_batch, error::Failed, export::Batch};

/// The number of batches that wait until Python takes them. The job pauses when there are more.
const MOST_WAITING: usize = 2;
/// How often a waiting call looks for signals, such as that of Ctrl-C.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(100);

type Sent = Result<RecordBatch, Failed>;

/// The answers of a job, which runs on threads of its own until the stream is dropped.
#[pyclass(frozen, module = "slproof")]
pub struct Stream {
    receiver: Mutex<Receiver<Sent>>,
    job: Mutex<Option<JoinHandle<()>>>,
    cancelled: Arc<AtomicBool>,
}

impl Stream {
    /// Starts a job. Each batch has `rows` answers, but for the last one, which may have fewer.
    pub fn start(job: Job, rows: usize, has_timestamps: bool) -> Self {
        let (sender, receiver) = mpsc::sync_channel(MOST_WAITING);
        let cancelled = Arc::new(AtomicBool::new(false));
        let job = job.observer(Arc::new(Cancellation(Arc::clone(&cancelled))));
        let handle = thread::spawn(move || {
            let mut batches = Batches { sender, rows, has_timestamps, answers: Vec::new() };
            let ended = job.run(&mut batches).map_err(Failed::from);
            let last = ended.and_then(|_| batches.take());
            // Nobody listens if the stream was dropped.
            let _ = match last {
                Ok(Some(batch)) => batches.sender.send(Ok(batch)),
                Ok(None) => Ok(()),
                Err(error) => batches.sender.send(Err(error)),
            };
        });
        Self { receiver: Mutex::new(receiver), job: Mutex::new(Some(handle)), cancelled }
    }

    /// Waits for the next batch; `None` after the last one.
    pub fn next(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        loop {
            let received = py.detach(|| {
                let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
                receiver.recv_timeout(BETWEEN_SIGNALS)
            });
            match received {
                Ok(batch) => return Ok(Some(batch?)),
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(RecvTimeoutError::Disconnected) => return py.detach(|| self.ended()),
            }
        }
    }

    /// The end of the job. A job that ended early must not look like one that is complete.
    fn ended(&self) -> PyResult<Option<RecordBatch>> {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        match job.map(JoinHandle::join) {
            Some(Err(_)) => {
                let text = "the job ended early by an error in slproof; please report it";
                Err(Failed::new(FailureCode::SystemFailed, text).into())
            }
            _ => Ok(None),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

#[pymethods]
impl Stream {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        Ok(self.next(py)?.map(Batch::new))
    }
}

/// Cancels a job whose stream was dropped.
struct Cancellation(Arc<AtomicBool>);

impl Observer for Cancellation {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Puts answers together and sends them.
struct Batches {
    sender: SyncSender<Sent>,
    rows: usize,
    has_timestamps: bool,
    answers: Vec<Answer>,
}

impl Batches {
    /// Takes the first answers as a batch; `None` if there are none.
    fn take(&mut self) -> Result<Option<RecordBatch>, Failed> {
        let most = self.rows.min(self.answers.len());
        if most == 0 {
            return Ok(None);
        }
        let answers: Vec<Answer> = self.answers.drain(..most).collect();
        record_batch(&answers, self.has_timestamps).map(Some).map_err(Failed::arguments)
    }
}

impl Sink for Batches {
    fn write(&mut self, part: JobPart) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        self.answers.extend(part.answers);
        while self.answers.len() >= self.rows {
            if let Some(batch) = self.take().transpose() {
                self.sender.send(batch)?;
            }
        }
        Ok(())
    }
}
