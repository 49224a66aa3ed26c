//! How far the reading of inputs is, for whoever shows it: a library is silent, and its user may not
//! want to be.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

/// Wants to know how far the reading of inputs is. Bytes are those on disk, before inflating. Called by
/// the threads that read, so it has to be quick.
pub trait ReadProgress: Send + Sync {
    /// So many bytes are going to be read, beside those that were announced before.
    fn expect(&self, bytes: u64);

    /// So many bytes more were read.
    fn read(&self, bytes: u64);

    /// Everything was read; what takes time from here on is sorting and writing it.
    fn all_read(&self);
}

/// Somebody who watches, or nobody.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use slproof::{files::{ReadProgress, ReadProgressHandle}, ingest::state::Import};
///
/// #[derive(Default)]
/// struct Bytes(AtomicU64);
///
/// impl ReadProgress for Bytes {
///     fn expect(&self, _: u64) {}
///     fn read(&self, bytes: u64) {
///         self.0.fetch_add(bytes, Ordering::Relaxed);
///     }
///     fn all_read(&self) {}
/// }
///
/// let path = std::path::Path::new("fixtures/gateway-v29/state.anvil.json");
/// let bytes = Arc::new(Bytes::default());
/// let import = Import { watcher: ReadProgressHandle::new(bytes.clone()), ..Import::default() };
/// import.read(path)?;
/// assert_eq!(bytes.0.load(Ordering::Relaxed), path.metadata()?.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct ReadProgressHandle(Option<Arc<dyn ReadProgress>>);

impl ReadProgressHandle {
    /// Somebody who watches.
    #[must_use]
    pub fn new(watch: Arc<dyn ReadProgress>) -> Self {
        Self(Some(watch))
    }

    /// As [`ReadProgress::expect`].
    pub fn expect(&self, bytes: u64) {
        self.0.iter().for_each(|watch| watch.expect(bytes));
    }

    /// As [`ReadProgress::read`].
    pub fn read(&self, bytes: u64) {
        self.0.iter().for_each(|watch| watch.read(bytes));
    }

    /// As [`ReadProgress::all_read`].
    pub fn all_read(&self) {
        self.0.iter().for_each(|watch| watch.all_read());
    }

    /// A reader of which every byte is told.
    pub fn of<R: Read>(&self, data: R) -> ProgressReader<R> {
        ProgressReader { data, watcher: self.clone() }
    }
}

impl fmt::Debug for ReadProgressHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "somebody" } else { "nobody" })
    }
}

/// A reader of which every byte is told to a [`ReadProgressHandle`].
#[derive(Debug)]
pub struct ProgressReader<R> {
    data: R,
    watcher: ReadProgressHandle,
}

impl<R: Read> Read for ProgressReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.data.read(buffer)?;
        self.watcher.read(len as u64);
        Ok(len)
    }
}
