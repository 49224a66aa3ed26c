//! What a front end is told while trees are opened and a job runs, and how it cancels the job.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    anchor::KnownRoot, contracts::Layout, forest::TreeFile, ingest::state::Dump,
    primitives::SlBatch, proof::Failure,
};

/// Wants to know what happens. Every method does nothing by default. They are called by the threads that
/// work, so they have to be quick.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use slproof::{Event, Observer};
///
/// /// Counts logs, and cancels after the first thousand.
/// #[derive(Default)]
/// struct FirstThousand(AtomicU64);
///
/// impl Observer for FirstThousand {
///     fn advanced(&self, logs: u64) {
///         self.0.fetch_add(logs, Ordering::Relaxed);
///     }
///
///     fn is_cancelled(&self) -> bool {
///         self.0.load(Ordering::Relaxed) >= 1000
///     }
/// }
///
/// let observer = FirstThousand::default();
/// observer.event(&Event::SearchBegins);
/// observer.advanced(1000);
/// assert!(observer.is_cancelled());
/// ```
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, _event: &Event<'_>) {}

    /// So many logs more are done, and handed to the sink.
    fn advanced(&self, _logs: u64) {}

    /// Whether the job is to end. What is begun is done first, and a resumable output can be resumed.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A state was read.
    StateRead(&'a Dump),
    /// A tree file was opened.
    TreeFileOpened(&'a TreeFile),
    /// The trees were rebuilt by the rules of a release.
    Rebuilt {
        /// The storage layout of the release.
        layout: Layout,
        /// Whether the release was given; otherwise it was found from the state.
        is_given: bool,
    },
    /// The search for what past roots contain begins. It cannot be cancelled, and may take long.
    SearchBegins,
    /// The search ended.
    SearchEnds,
    /// It is known what past roots contain.
    HistoryFound {
        /// How many roots there are.
        roots: usize,
        /// How many of them are explained.
        explained: usize,
        /// How long it took to find out.
        elapsed: Duration,
    },
    /// The root of an SL batch is taken from the file of SL batches: no state of L1 is given.
    SlBatchRootUnchecked,
    /// The root of an SL batch was found in the state of L1.
    SlBatchRoot {
        /// The batch.
        batch: SlBatch,
        /// The root, and where it is stored.
        known: KnownRoot,
    },
    /// A job has its target and its selection.
    Selected,
    /// The output is begun.
    OutputBegins {
        /// Whether it can be resumed after a cancellation.
        is_resumable: bool,
    },
    /// An interrupted job is resumed after so many of its steps.
    Resumed {
        /// The steps that are done.
        steps: u64,
    },
    /// Proving begins.
    ProvingBegins {
        /// How many logs there are to look at, about, where that is known.
        logs: Option<u64>,
        /// How many logs an interrupted run did.
        done: u64,
    },
    /// A request failed, and the format has no record for failures.
    Unwritten(&'a Failure),
}

/// An observer that is shared, or none.
#[derive(Clone, Default)]
pub struct ObserverHandle(Option<Arc<dyn Observer>>);

impl<O: Observer + 'static> From<Arc<O>> for ObserverHandle {
    fn from(observer: Arc<O>) -> Self {
        Self(Some(observer))
    }
}

impl fmt::Debug for ObserverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "an observer" } else { "no observer" })
    }
}

impl Observer for ObserverHandle {
    fn event(&self, event: &Event<'_>) {
        self.0.iter().for_each(|observer| observer.event(event));
    }

    fn advanced(&self, logs: u64) {
        self.0.iter().for_each(|observer| observer.advanced(logs));
    }

    fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(|observer| observer.is_cancelled())
    }
}
