//! The answers of a job as a stream of record batches.

use std::{
    error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, SendError, SyncSender},
    },
    thread::JoinHandle,
};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use slproof::{Job, JobPart, Observer, Sink};

use crate::{
    batch::{Columns, TOO_LARGE, schema},
    call::{check_process, ended_early, spawn, wait},
    error::Failed,
    export::Batch,
};

/// The number of batches that wait until Python takes them. The job pauses when there are more.
const MOST_WAITING: usize = 2;

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
    ///
    /// # Errors
    /// As [`spawn`].
    pub fn start(job: Job, rows: usize, has_timestamps: bool) -> Result<Self, Failed> {
        let (sender, receiver) = mpsc::sync_channel(MOST_WAITING);
        let cancelled = Arc::new(AtomicBool::new(false));
        let job = job.observer(Arc::new(Cancellation(Arc::clone(&cancelled))));
        let handle = spawn(move || {
            let schema = schema(has_timestamps);
            let mut batches = Batches { sender, rows, schema, waiting: Vec::new(), count: 0 };
            let ended = job.run_encoded(Columns { has_timestamps }, &mut batches);
            // Nobody listens if the stream was dropped.
            let _ = match ended {
                Ok(_) => batches.send(),
                Err(error) => batches.sender.send(Err(error.into())),
            };
        })?;
        Ok(Self { receiver: Mutex::new(receiver), job: Mutex::new(Some(handle)), cancelled })
    }

    /// Waits for the next batch; `None` after the last one.
    pub fn next(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        check_process()?;
        match wait(py, &self.receiver)? {
            Some(batch) => Ok(Some(batch?)),
            None => py.detach(|| self.ended()),
        }
    }

    /// The end of the job. A job that ended early must not look like one that is complete.
    fn ended(&self) -> PyResult<Option<RecordBatch>> {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        match job.map(JoinHandle::join) {
            Some(Err(_)) => Err(ended_early().into()),
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
