//! Events and progress for callers that open trees and run jobs, and cancellation of jobs.

use std::{fmt, sync::Arc, time::Duration};

use super::{Error, SurveyedState};
use crate::{
    anchor::KnownRoot,
    contracts::Layout,
    files::InputError,
    forest::{EventGap, Forest, L1Gap, TreeFile},
    ingest::{
        event_logs::Mapping,
        l1::{L1Data, L1DataError, L1Layer},
        state::Dump,
    },
    primitives::SlBatch,
    proof::Failure,
};

/// Receives events and progress. Every method does nothing by default. Worker threads call the methods, so
/// implementations must be fast.
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
    /// Called for each event.
    fn event(&self, _event: &Event<'_>) {}

    /// Called when this number of further logs is done and handed to the sink.
    fn advanced(&self, _logs: u64) {}

    /// Whether the job must stop. Work that has started is finished first. A resumable output can then be
    /// resumed.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An event while trees are opened or a job runs.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use slproof::{Event, Observer, Trees, TreesOptions};
///
/// /// Keeps the release by whose rules the trees were rebuilt.
/// #[derive(Default)]
/// struct Release(Mutex<Option<String>>);
///
/// impl Observer for Release {
///     fn event(&self, event: &Event<'_>) {
///         if let Event::Rebuilt { layout, .. } = event {
///             *self.0.lock().unwrap() = Some(layout.to_string());
///         }
///     }
/// }
///
/// let release = Arc::new(Release::default());
/// let mut options = TreesOptions::default();
/// options.observer = Arc::clone(&release).into();
/// Trees::open(&["fixtures/gateway-v31/state.anvil.json"], &options)?;
/// assert_eq!(release.0.lock().unwrap().as_deref(), Some("v31"));
/// # Ok::<(), slproof::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Of the states in a directory, what this one is used for.
    StateChosen(&'a SurveyedState),
    /// A state was read.
    StateRead(&'a Dump),
    /// A tree file was opened.
    TreeFileOpened(&'a TreeFile),
    /// A file of logs was read for events of MessageRoot.
    LogsRead(&'a Mapping),
    /// Events that are missing although later roots confirm the trees. The slice may be empty.
    EventGaps(&'a [EventGap]),
    /// The trees were rebuilt from events alone, which do not show that they are complete.
    OnlyEvents(&'a Forest),
    /// The trees do not count as compared with the events: these have no batch in common with the state, or the last root of
    /// a block in them is neither that of the block in the state nor one that the trees had.
    EventsUnused,
    /// The events go on after the trees of the state, which are given. The trees are those of the events, which
    /// begin with those of the state.
    EventsGoOn(&'a Forest),
    /// The events lack some, so they give no trees alone. The trees are those from L1, compared with them.
    EventsNotAlone(&'a Error),
    /// The trees from L1 begin with those of other data, and are used.
    L1GoesOn,
    /// A file in a directory of evidence is damaged, so that it is not known what it is. It is not used.
    DamagedFile(&'a InputError),
    /// Files of L1 were read.
    L1Read {
        /// The files.
        data: &'a L1Data,
        /// The settlement layer in them.
        layer: &'a L1Layer,
    },
    /// Batches of the settlement layer that are missing on L1. The slice may be empty.
    L1Gaps(&'a [L1Gap]),
    /// The trees of other data equal those from L1, and were written to a file, which does not record it.
    L1BesideFile {
        /// Whether those from L1 go on after them.
        goes_on: bool,
        /// Whether those from L1 go on after batches that are missing there. Without the other data they may end before.
        is_bridged: bool,
    },
    /// The trees from L1 are a part of those of other data, and equal it.
    L1Within {
        /// Whether they have all batches.
        has_all: bool,
        /// The number of later batches of chains that are known from L1 all the same, after missing batches of the
        /// settlement layer. These trees do not have them.
        later: u64,
    },
    /// The batches on L1 are too few for trees, so they were not compared with those of other data.
    L1Unused(&'a Error),
    /// Files of L1 beside other data do not show a settlement layer, and were not used.
    L1PassedOver {
        /// The names of the files.
        name: &'a str,
        /// What they lack.
        error: &'a L1DataError,
    },
    /// The trees were rebuilt by the rules of one release.
    Rebuilt {
        /// The storage layout of the release.
        layout: Layout,
        /// Whether the caller gave the release; otherwise it was detected.
        is_given: bool,
    },
    /// The search for the contents of past roots begins. It cannot be cancelled and may take long.
    SearchBegins,
    /// The search ended.
    SearchEnds,
    /// The contents of past roots are known.
    HistoryFound {
        /// The number of roots.
        roots: usize,
        /// How many more the contract counts.
        lost: u64,
        /// The number of roots with known contents.
        explained: usize,
        /// The duration of the search.
        elapsed: Duration,
    },
    /// The root of an SL batch comes from the file of SL batches or from its commit, and it is not known whether L1
    /// stores it, since neither a state of L1 nor an execution is given.
    SlBatchRootUnchecked,
    /// Paths that a node stored are used, and the roots to which they lead are compared with nothing.
    StoredPathsUnchecked,
    /// The root of an SL batch was found in the state of L1.
    SlBatchRoot {
        /// The batch.
        batch: SlBatch,
        /// The root and its location.
        known: KnownRoot,
    },
    /// The target and the selection of a job are ready.
    Selected,
    /// The output was opened.
    OutputBegins {
        /// Whether it can be resumed after a cancellation.
        is_resumable: bool,
    },
    /// An interrupted job continues.
    Resumed {
        /// The number of steps that are already done.
        steps: u64,
    },
    /// Proving begins.
    ProvingBegins {
        /// An estimate of the number of logs to process, if known.
        logs: Option<u64>,
        /// The number of logs that interrupted runs processed.
        done: u64,
    },
    /// A request failed, and the output format has no record for failures.
    Unwritten(&'a Failure),
}

/// A shared observer, or none.
///
/// ```
/// use std::sync::Arc;
/// use slproof::{Observer, ObserverHandle};
///
/// struct Stopped;
///
/// impl Observer for Stopped {
///     fn is_cancelled(&self) -> bool {
///         true
///     }
/// }
///
/// assert!(ObserverHandle::from(Arc::new(Stopped)).is_cancelled());
/// assert!(!ObserverHandle::default().is_cancelled());
/// ```
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
