//! The answers of a job as a stream of record batches.

use std::{
    error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SendError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use slproof::{FailureCode, Job, JobPart, Observer, Sink};

use crate::{
    batch::{Columns, TOO_LARGE, schema},
    error::Failed,
    export::Batch,
};

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
            let schema = schema(has_timestamps);
            let mut batches = Batches { sender, rows, schema, waiting: Vec::new(), count: 0 };
            let ended = job.run_encoded(Columns { has_timestamps }, &mut batches);
            // Nobody listens if the stream was dropped.
            let _ = match ended {
                Ok(_) => batches.send(),
                Err(error) => batches.sender.send(Err(error.into())),
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

/// Puts record batches together and sends them.
struct Batches {
    sender: SyncSender<Sent>,
    rows: usize,
    schema: SchemaRef,
    /// Parts of the next batch.
    waiting: Vec<RecordBatch>,
    /// The number of rows in them, less than `rows`.
    count: usize,
}

impl Batches {
    /// Sends all rows that wait, if there are any.
    fn send(&mut self) -> Result<(), SendError<Sent>> {
        if self.count == 0 {
            return Ok(());
        }
        let batch = match &self.waiting[..] {
            [one] => Ok(one.clone()),
            // All have the same schema, so only the size can be wrong.
            several => {
                concat_batches(&self.schema, several).map_err(|_| Failed::arguments(TOO_LARGE))
            }
        };
        (self.waiting, self.count) = (Vec::new(), 0);
        self.sender.send(batch)
    }
}

impl Sink<Result<RecordBatch, ArrowError>> for Batches {
    fn write(
        &mut self,
        part: JobPart<Result<RecordBatch, ArrowError>>,
    ) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        for rows in part.answers {
            let mut rows = rows?;
            while rows.num_rows() > 0 {
                let taken = rows.num_rows().min(self.rows - self.count);
                self.waiting.push(rows.slice(0, taken));
                self.count += taken;
                rows = rows.slice(taken, rows.num_rows() - taken);
                if self.count == self.rows {
                    self.send()?;
                }
            }
        }
        Ok(())
    }
}
