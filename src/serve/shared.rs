//! What all requests share, and who is told what happens.

use std::sync::{Arc, PoisonError, RwLock};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::Semaphore;

use super::{
    AccessLine, ServeError, ServeOptions,
    data::{Data, Served},
    metrics::Metrics,
};

/// Receives what happens in a server, and stops it.
pub trait ServeObserver: Send + Sync {
    /// A request was answered.
    fn request(&self, _line: &AccessLine) {}

    /// Something happened to the files.
    fn event(&self, _event: &ServeEvent<'_>) {}

    /// Whether the server is to answer what it began and then end. It is asked many times a second.
    fn is_stopping(&self) -> bool {
        false
    }
}

/// What happened to the files of a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeEvent<'a> {
    /// Files were replaced; answers are made from the new ones now.
    Reloaded(&'a Served),
    /// Files were replaced and cannot be used, or lack more than the old ones; answers are made from the old ones.
    ReloadFailed(&'a ServeError),
}

/// The unit in which the bytes of answers are counted.
pub(super) const ROOM_UNIT: usize = 1024;

/// What all requests share.
pub(super) struct Shared {
    pub(super) options: ServeOptions,
    pub(super) metrics: Metrics,
    pub(super) observer: Arc<dyn ServeObserver>,
    /// The threads that prove.
    pub(super) pool: ThreadPool,
    /// One permit for each of them.
    pub(super) work: Arc<Semaphore>,
    /// One permit for each [`ROOM_UNIT`] of large answers that clients have not taken yet.
    pub(super) room: Arc<Semaphore>,
    data: RwLock<Arc<Data>>,
    reload_error: RwLock<Option<String>>,
}

impl Shared {
    /// What requests share, with these data at first, and as many threads as the current rayon pool has.
    pub(super) fn new(
        options: ServeOptions,
        data: Data,
        observer: Arc<dyn ServeObserver>,
    ) -> Result<Self, ThreadPoolBuildError> {
        let threads = rayon::current_num_threads();
        let limits = &options.limits;
        // One answer of the largest size has to fit.
        let room =
            limits.waiting_bytes.max(limits.answer_bytes.saturating_mul(2)).div_ceil(ROOM_UNIT);
        let room = room.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            options,
            metrics: Metrics::default(),
            observer,
            pool: ThreadPoolBuilder::new().num_threads(threads).build()?,
            work: Arc::new(Semaphore::new(threads)),
            room: Arc::new(Semaphore::new(room)),
            data: RwLock::new(Arc::new(data)),
            reload_error: RwLock::default(),
        })
    }

    /// The data of now.
    pub(super) fn data(&self) -> Arc<Data> {
        Arc::clone(&self.data.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, data: Data) {
        *self.data.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(data);
    }

    /// Why the files were not opened again when they were replaced last.
    pub(super) fn reload_error(&self) -> Option<String> {
        self.reload_error.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_reload_error(&self, error: Option<String>) {
        *self.reload_error.write().unwrap_or_else(PoisonError::into_inner) = error;
    }
}
