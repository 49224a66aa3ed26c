//! Progress callbacks for reading inputs. The library itself prints nothing.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

/// Callbacks for the progress of reading inputs. Bytes are counted on disk, before decompression. The threads
/// that read call them, so they must be fast.
pub trait ReadProgress: Send + Sync {
    /// `bytes` more bytes will be read, in addition to those announced before.
    fn expect(&self, bytes: u64);

    /// `bytes` more bytes were read.
    fn read(&self, bytes: u64);

    /// All inputs were read. The remaining time goes into sorting and writing.
    fn all_read(&self);
}

/// A shared [`ReadProgress`], or none.
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
    /// Reports to `watch`.
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

    /// Wraps a reader so that all bytes read are reported.
    pub fn of<R: Read>(&self, data: R) -> ProgressReader<R> {
        ProgressReader { data, watcher: self.clone() }
    }
}

impl fmt::Debug for ReadProgressHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "enabled" } else { "disabled" })
    }
}

/// A reader that reports all bytes read to a [`ReadProgressHandle`].
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
