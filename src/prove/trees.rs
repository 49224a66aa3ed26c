//! The trees of a settlement layer, opened from evidence.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use super::{
    ChosenEvidence, Error, Event, L1Comparison, Observer, SlBatchTree, TreesOptions,
    anchor_state::L1State,
    event_trees::{Beside, GivenEvents, TreeInputs},
    l1_trees::GivenL1,
    read_state::ReadState,
    source_files::SourceFiles,
    stored_ends::NodePaths,
};
use crate::{
    anchor::{BatchRoots, KnownRoots, Lacking},
    contracts::Layout,
    files::ReopenableInput,
    forest::{
        BridgedTrees, EventGap, Forest, History, L1Gap, ListedRoots, RebuildError,
        RebuiltFromEvents, RebuiltFromL1, StateRoots, Timeline, TreeFile, rebuild,
    },
    ingest::{
        events::EventList,
        l1::L1Files,
        sl_batches::SlBatches,
        state::{Dump, Format},
    },
    primitives::{SlBlock, hex},
    proof::CheckedBy,
    snapshot::Snapshot,
    state::StorageReader,
};

/// The trees of a settlement layer. Cheap to clone: all clones share the opened data. Further data that a
/// target needs, such as the history of the roots, is computed once, on first use.
///
/// ```
/// use slproof::{CheckedBy, Trees};
///
/// let trees = Trees::open(&["fixtures/gateway-v29/state.anvil.json"], &Default::default())?;
/// assert_eq!(trees.checked_by(), Some(CheckedBy::STATE));
/// let forest = trees.forest().ok_or("trees were rebuilt")?;
/// assert_eq!(forest.sl_chain().0, 506);
/// println!("{trees}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trees(pub(super) Arc<Opened>);

/// The opened data, and data computed later.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) options: TreesOptions,
    pub(super) source: Source,
    /// The missing events, if the trees were rebuilt from events.
    pub(super) gaps: Vec<EventGap>,
    /// The files of L1, if there are any.
    pub(super) from_l1: Option<GivenL1>,
    /// The batches of the settlement layer that are missing on L1, if the trees were rebuilt from them.
    pub(super) l1_gaps: Vec<L1Gap>,
    /// The events that were given.
    pub(super) events: EventList,
    pub(super) history: OnceLock<FoundHistory>,
    /// The contents of past roots that are known without a search.
    pub(super) unsearched: OnceLock<Timeline>,
    /// Locked by the thread that computes the history.
    pub(super) searching: Mutex<()>,
    pub(super) sl_batches: OnceLock<SlBatches>,
    /// L1's state.
    pub(super) l1: OnceLock<L1State>,
    /// What the comparison with them found.
    pub(super) compared: OnceLock<L1Comparison>,
    /// The SL batches that were used last.
    pub(super) rebuilt: Mutex<HashMap<u64, Arc<SlBatchTree>>>,
}

impl Opened {
    fn of_events(found: RebuiltFromEvents, events: EventList, options: &TreesOptions) -> Self {
        let RebuiltFromEvents { forest, history, gaps } = found;
        Self { gaps, events, ..Self::new(Source::Events(forest, history), options) }
    }

    pub(super) fn of_l1(found: RebuiltFromL1, options: &TreesOptions) -> Self {
        let RebuiltFromL1 { forest, history, gaps } = found;
        Self { l1_gaps: gaps, ..Self::new(Source::L1(forest, history), options) }
    }

    pub(super) fn new(source: Source, options: &TreesOptions) -> Self {
        Self {
            options: options.clone(),
            source,
            gaps: Vec::new(),
            from_l1: None,
            l1_gaps: Vec::new(),
            events: EventList::default(),
            history: OnceLock::new(),
            unsearched: OnceLock::new(),
            searching: Mutex::default(),
            sl_batches: OnceLock::new(),
            l1: OnceLock::new(),
            compared: OnceLock::new(),
            rebuilt: Mutex::default(),
        }
    }

    /// Opens a tree file, beside events if there are any.
    fn of_file(
        file: TreeFile,
        events: Vec<ReopenableInput>,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        options.expect(&file)?;
        options.observer.event(&Event::TreeFileOpened(&file));
        if events.is_empty() {
            return Ok(Self::new(Source::File(file), options));
        }
        let given = options.state.given_addresses();
        let events = GivenEvents::read(events, given.message_root, &options.of_events())?;
        let rebuild = options.rebuild_with(given);
        let (forest, history) = (file.forest().clone(), file.history()?);
        let roots = ListedRoots::of(&history, &forest, file.block());
        Ok(match events.beside(forest.clone(), &roots, &rebuild, &options.observer)? {
            Beside::Within(_) => {
                Self { events: events.list, ..Self::new(Source::File(file), options) }
            }
            Beside::After(found) => Self::of_events(*found, events.list, options),
        })
    }

    /// Opens everything but the files of L1. `read` is the state at `paths`, if it was read before. `l1` are trees for
    /// events that give none alone.
    fn read(
        paths: &[PathBuf],
        inputs: TreeInputs,
        read: Option<ReadState>,
        l1: Option<&GivenL1>,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let given = options.state.given_addresses();
        if let [path] = paths
            && let Some(file) = options.tree_file(path)?
        {
            return Self::of_file(file, inputs.events, options);
        }
        if inputs.states.is_empty() && !inputs.events.is_empty() {
            let events =
                GivenEvents::read(inputs.events, given.message_root, &options.of_events())?;
            let found = events.rebuild(None, &options.rebuild_with(given), &options.observer);
            return match (found, l1) {
                (Ok(found), _) => Ok(Self::of_events(found, events.list, options)),
                (Err(error), None) => Err(error),
                (Err(error), Some(l1)) => Self::of_l1_beside(l1, events, error, options),
            };
        }
        let (dump, rebuilt) = options.read_or(read, inputs.states)?;
        if options.batch_roots_only && inputs.events.is_empty() {
            let roots = options.state.known_roots(dump.state)?;
            if let Some(Lacking::Layout(layout)) = roots.lacking()? {
                let source = RebuildError::ForeignLayout(layout);
                return Err(Error::Rebuild { name: dump.name, source });
            }
            return Ok(Self::new(Source::State { format: dump.format, roots }, options));
        }
        let rebuild_options = options.rebuild(&dump)?;
        let rebuilt = rebuilt.map_or_else(|| rebuild(&dump.state, &rebuild_options), Ok);
        let forest =
            rebuilt.map_err(|source| Error::Rebuild { name: dump.name.clone(), source })?;
        let message_root = rebuild_options.addresses.message_root;
        let events = GivenEvents::read(inputs.events, message_root, &options.of_events())?;
        let roots = StateRoots::of(&dump.state, message_root, &forest);
        let opened = match events.beside(forest, &roots, &rebuild_options, &options.observer)? {
            Beside::Within(forest) => {
                let (layout, is_given) = (forest.layout(), options.release.is_some());
                options.observer.event(&Event::Rebuilt { layout, is_given });
                let source = Source::Dump(forest, dump);
                Self { events: events.list, ..Self::new(source, options) }
            }
            Beside::After(found) => Self::of_events(*found, events.list, options),
        };
        Ok(opened)
    }

    pub(super) fn forest(&self) -> Option<&Forest> {
        match &self.source {
            Source::Dump(forest, _) | Source::Events(forest, _) | Source::L1(forest, _) => {
                Some(forest)
            }
            Source::File(file) => Some(file.forest()),
            Source::State { .. } | Source::Stored(_) => None,
        }
    }
}

/// The contents of past roots, and the time it took to find them.
#[derive(Debug)]
pub(super) struct FoundHistory {
    pub(super) timeline: Timeline,
    pub(super) elapsed: Duration,
}

/// The data from which proofs are made.
#[derive(Debug)]
pub(super) enum Source {
    Dump(Forest, Dump),
    /// Trees from events, and the contents of past roots.
    Events(Forest, History),
    /// Trees from L1, and the contents of the last roots of the settlement layer's own batches.
    L1(Forest, History),
    File(TreeFile),
    /// A state whose stored batch roots are used without rebuilding trees.
    State {
        format: Format,
        roots: KnownRoots<Snapshot>,
    },
    /// Paths that a node stored.
    Stored(NodePaths),
}

impl fmt::Display for Trees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(forest) = self.forest() else {
            return match &self.0.source {
                Source::Stored(paths) => {
                    write!(f, "paths that a node stored, of {} batches", paths.count())
                }
                _ => f.write_str("a state; only the batch roots that it stores are used"),
            };
        };
        let (chains, batches) = (forest.chains().len(), forest.batch_count());
        let (sl_chain, layout) = (forest.sl_chain(), forest.layout());
        write!(
            f,
            "settlement layer {sl_chain}, release {layout}: {chains} chains, {batches} batches; checked by {}",
            forest.checked_by()
        )
    }
}

impl Trees {
    /// Opens the trees at `paths`: a tree file, a snapshot, a dump, events of MessageRoot, or transactions and blobs
    /// of L1. Tables of a node with stored paths take their place. The trees of all but a tree file are rebuilt. Several dumps are parts of one state, several files of
    /// events are parts of one list. A state, events and L1 have to agree. The format is detected from the content. Of
    /// the files in a directory those serve that [`ChosenEvidence`](super::ChosenEvidence) chooses.
    ///
    /// # Errors
    /// [`Error`] when an input cannot be read, when the rebuilt trees differ from what the contracts stored,
    /// or when the trees do not match the options.
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &TreesOptions) -> Result<Self, Error> {
        if let ([path], true) = (paths, options.is_nothing_beside())
            && let Some(file) = options.tree_file(path.as_ref())?
        {
            return Self::of_file(file, options);
        }
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
        let SourceFiles { paths, read, l1, options } = options.files(&paths, true)?;
        Self::open_read(&paths, read, l1, &options)
    }

    /// The trees of an open tree file, with nothing beside it.
    ///
    /// # Errors
    /// [`Error`] when the trees do not match the options.
    pub(crate) fn of_file(file: TreeFile, options: &TreesOptions) -> Result<Self, Error> {
        Ok(Self(Arc::new(Opened::of_file(file, Vec::new(), options)?)))
    }

    /// Opens the state or the trees that were chosen among other files, which are not read again.
    ///
    /// # Errors
    /// As [`Trees::open`].
    pub(crate) fn open_chosen(
        chosen: &mut ChosenEvidence,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let read = chosen.read.take();
        let SourceFiles { l1, options, .. } = options.files(&[], true)?;
        Self::open_read(&chosen.state, read, l1, &options)
    }

    /// Opens files. `read` is the state in them, if it was read before.
    fn open_read(
        paths: &[PathBuf],
        read: Option<ReadState>,
        l1: L1Files,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        if let Some(paths) = NodePaths::read(paths, options)? {
            return Ok(Self(Arc::new(Opened::new(Source::Stored(paths), options))));
        }
        let TreesOptions { events, columns, known, .. } = options;
        let mut inputs = TreeInputs::of(paths, events, l1, columns, known)?;
        let files = std::mem::take(&mut inputs.l1);
        let is_alone = inputs.states.is_empty() && inputs.events.is_empty();
        let others = inputs.names();
        let l1 = match is_alone {
            true => GivenL1::read(files, options)?,
            false => GivenL1::read_beside(files, options)?,
        };
        let opened = match &l1 {
            Some(l1) if is_alone => Opened::of_l1(l1.rebuild(options, None)?, options),
            Some(l1) => {
                let opened = Opened::read(paths, inputs, read, Some(l1), options)?;
                opened.beside_l1(l1, &others, options)?
            }
            None => Opened::read(paths, inputs, read, None, options)?,
        };
        if let Source::Events(forest, _) = &opened.source
            && forest.checked_by() == CheckedBy::EVENTS
        {
            options.observer.event(&Event::OnlyEvents(forest));
        }
        Ok(Self(Arc::new(Opened { from_l1: l1, ..opened })))
    }

    /// The options with which the trees were opened.
    #[must_use]
    pub fn options(&self) -> &TreesOptions {
        &self.0.options
    }

    /// What the trees were compared with, when they were rebuilt or when their tree file was created. Without
    /// trees it is the state that stores the batch roots. `None` for paths that a node stored, which nothing confirms.
    #[must_use]
    pub fn checked_by(&self) -> Option<CheckedBy> {
        match &self.0.source {
            Source::Stored(_) => None,
            _ => Some(self.forest().map_or(CheckedBy::STATE, Forest::checked_by)),
        }
    }

    /// Whether only paths that a node stored are given.
    #[must_use]
    pub fn are_stored_paths(&self) -> bool {
        matches!(self.0.source, Source::Stored(_))
    }

    /// The missing events, if the trees were just rebuilt from events, or from L1 beside events. The trees are confirmed
    /// without them.
    #[must_use]
    pub fn missing_events(&self) -> &[EventGap] {
        &self.0.gaps
    }

    /// The batches of the settlement layer that are missing on L1, if the trees were just rebuilt from them.
    #[must_use]
    pub fn missing_on_l1(&self) -> &[L1Gap] {
        &self.0.l1_gaps
    }

    /// The format of the opened state.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        match &self.0.source {
            Source::Dump(_, dump) => Some(dump.format),
            Source::State { format, .. } => Some(*format),
            Source::Events(..) | Source::L1(..) | Source::File(_) | Source::Stored(_) => None,
        }
    }

    /// The trees; `None` if only the batch roots of a state are used.
    #[must_use]
    pub fn forest(&self) -> Option<&Forest> {
        self.0.forest()
    }

    /// The batch roots of a state without trees.
    pub(super) fn stored_roots(&self) -> Option<&dyn BatchRoots> {
        match &self.0.source {
            Source::State { roots, .. } => Some(roots),
            _ => None,
        }
    }

    /// Whether proofs through these trees have timestamps, as since v33.
    #[must_use]
    pub fn has_timestamps(&self) -> bool {
        self.forest().is_some_and(|forest| forest.layout() >= Layout::V33)
    }

    /// The tree file, if the trees come from one.
    #[must_use]
    pub fn tree_file(&self) -> Option<&TreeFile> {
        match &self.0.source {
            Source::File(file) => Some(file),
            _ => None,
        }
    }

    /// The block of the state, if known; for events, the block of their last interop root.
    #[must_use]
    pub fn block(&self) -> Option<SlBlock> {
        match &self.0.source {
            Source::Dump(_, dump) => dump.state.block(),
            Source::Events(forest, _) | Source::L1(forest, _) => {
                forest.latest().map(|latest| latest.block)
            }
            Source::File(file) => file.block(),
            Source::State { roots, .. } => roots.state().block(),
            Source::Stored(_) => None,
        }
    }

    /// A text that identifies these trees, or the state if none are rebuilt.
    pub(super) fn identity(&self) -> String {
        match &self.0.source {
            // The digest also covers the contents of past roots in a tree file.
            Source::File(file) => hex::encode(&file.container().digest()),
            Source::Dump(forest, _) | Source::Events(forest, _) | Source::L1(forest, _) => {
                let latest = forest.latest().map_or_else(
                    || "no interop root".into(),
                    |latest| format!("block {} {}", latest.block, latest.root),
                );
                let (root, checked_by) = (forest.root(), forest.checked_by());
                let (sl_chain, layout) = (forest.sl_chain(), forest.layout());
                // The same trees may have other past roots.
                let past = match &self.0.source {
                    Source::Events(_, history) | Source::L1(_, history) => history.digest(),
                    Source::Dump(_, dump) => hex::encode(&dump.state.container().digest()),
                    _ => String::new(),
                };
                let bridged = forest.bridged().map(BridgedTrees::identity).unwrap_or_default();
                format!("{sl_chain} {layout} {root} {latest} {checked_by} {past}{bridged}")
            }
            Source::State { roots, .. } => hex::encode(&roots.state().container().digest()),
            Source::Stored(paths) => paths.identity(),
        }
    }
}
