//! Trees that are rebuilt directly into a tree file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Error, Event, L1Options, Observer, Trees, TreesOptions,
    event_trees::{GivenEvents, TreeInputs, say_if_unused},
    l1_trees::GivenL1,
    read_state::ReadState,
    source_files::SourceFiles,
    trees::{Opened, Source},
};
use crate::{
    files::{Output, ShowPath},
    forest::{
        HistoryOptions, L1Gap, ListedRoots, SearchBudget, TreeFile, TreeFileError, rebuild,
        rebuild_to_file,
    },
    ingest::{events::EventList, l1::L1Files},
    proof::CheckedBy,
};

impl Trees {
    /// Rebuilds the trees of the state at `paths` directly into a tree file and opens it. This takes little
    /// memory for a state of any size. `with_history` also stores the contents of past roots in the file; so do
    /// events. From L1, those of the last root of each of the settlement layer's batches are always stored.
    ///
    /// With a state of L1 in the options, the file is [compared](Self::compare_with_l1) with it before it gets its
    /// name. So it is with files of L1 beside other evidence; they do not become a part of it, unless this evidence is
    /// events that give no trees alone. Then the trees are those from L1, compared with the events.
    ///
    /// ```
    /// use slproof::{Trees, TreesOptions};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let file = dir.path().join("gateway.sltree");
    /// let (state, options) = ("fixtures/gateway-v29/state.anvil.json", TreesOptions::default());
    /// let written = Trees::rebuild_to_file(&[state], &file, true, &options)?;
    /// let opened = Trees::open(&[file], &options)?;
    /// assert_eq!(written.to_string(), opened.to_string());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trees::open`], and when the file cannot be written, when the state of L1 cannot be read or
    /// decides nothing, and when the trees differ from it. An existing file at `target` is then unchanged.
    pub fn rebuild_to_file<P: AsRef<Path>>(
        paths: &[P],
        target: &Path,
        with_history: bool,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
        // Read first: nothing is rebuilt for a state that decides nothing.
        let l1 = options.l1.as_ref().map(L1Options::open).transpose()?;
        if let Some(l1) = &l1 {
            l1.roots.require_l1()?;
        }
        let SourceFiles { paths, read, l1: of_l1, options } = options.files(&paths, false)?;
        let TreesOptions { events, columns, known, .. } = &options;
        let mut inputs = TreeInputs::of(&paths, events, of_l1, columns, known)?;
        let is_of_l1 = inputs.states.is_empty() && inputs.events.is_empty();
        let beside = if is_of_l1 { L1Files::default() } else { std::mem::take(&mut inputs.l1) };
        let (others, with) = (inputs.names(), (inputs, read, with_history));
        if l1.is_none() && beside.is_empty() {
            return Self::write(with, &beside, target, &options);
        }
        let draft = Output::create(target)?.into_draft()?;
        let mut trees = Self::write(with, &beside, draft.path(), &options)
            .map_err(|error| of_target(error, target))?;
        if trees.0.from_l1.is_none()
            && let Some(beside) = GivenL1::read_beside(beside, &options)?
        {
            trees = trees.compared_with(beside, &others, &options)?;
        }
        if let Some(l1) = l1 {
            trees.0.l1.get_or_init(|| l1);
            trees.compare_with_l1()?;
        }
        draft.finish()?;
        // From now on, errors name the target.
        let file = TreeFile::open(target, options.state.access)?;
        if let Some(opened) = Arc::get_mut(&mut trees.0) {
            opened.source = Source::File(file);
        }
        Ok(trees)
    }

    /// Compares the trees in a file, which were made of the files `others`, with those from L1. The file stays as it is.
    fn compared_with(
        mut self,
        l1: GivenL1,
        others: &str,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        if let Some(mut compared) = self.forest().cloned() {
            let differing = |l1: &_| self.0.differing_root(l1);
            let later = l1.beside(&mut compared, others, options, differing)?;
            if compared.checked_by().has(CheckedBy::L1) {
                let goes_on = later.is_some();
                let is_bridged = later.is_some_and(|later| {
                    later.gaps.iter().any(|gap| matches!(gap, L1Gap::Bridged { .. }))
                });
                options.observer.event(&Event::L1BesideFile { goes_on, is_bridged });
            }
        }
        if let Some(opened) = Arc::get_mut(&mut self.0) {
            opened.from_l1 = Some(l1);
        }
        Ok(self)
    }

    /// Rebuilds the trees into a tree file and opens it. Those of events are made of the files of L1 `beside` them if the
    /// events give none alone.
    fn write(
        (mut inputs, read, with_history): (TreeInputs, Option<ReadState>, bool),
        beside: &L1Files,
        target: &Path,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let l1 = std::mem::take(&mut inputs.l1);
        let opened = |gaps| {
            let file = TreeFile::open(target, options.state.access)?;
            let opened = Opened { gaps, ..Opened::new(Source::File(file), options) };
            Ok(Self(Arc::new(opened)))
        };
        if let Some(l1) = GivenL1::read(l1, options)? {
            let events = EventList::default();
            let past = HistoryOptions { events: &events, effort: options.budget() };
            let l1_gaps = l1.rebuild_to_file(options, with_history.then_some(past), target)?;
            let file = TreeFile::open(target, options.state.access)?;
            let opened = Opened::new(Source::File(file), options);
            return Ok(Self(Arc::new(Opened { l1_gaps, from_l1: Some(l1), ..opened })));
        }
        if inputs.states.is_empty() && !inputs.events.is_empty() {
            let rebuild = options.rebuild_with(options.state.given_addresses());
            let message_root = rebuild.addresses.message_root;
            let events = GivenEvents::read(inputs.events, message_root, &options.of_events())?;
            return match events.rebuild_to_file(None, &rebuild, &options.observer, target) {
                Ok(gaps) => opened(gaps),
                Err(error) => match GivenL1::read_beside(beside.clone(), options)? {
                    Some(l1) => {
                        Self::write_l1_beside(l1, &events, error, with_history, target, options)
                    }
                    None => Err(error),
                },
            };
        }
        let (dump, _) = options.read_or(read, inputs.states)?;
        let rebuild_options = options.rebuild(&dump)?;
        let message_root = rebuild_options.addresses.message_root;
        // Events are compared with the trees, and say what the roots contain.
        let with_history = with_history || !inputs.events.is_empty();
        let has_events = !inputs.events.is_empty();
        let events = GivenEvents::read(inputs.events, message_root, &options.of_events())?;
        let past = HistoryOptions { events: &events.list, effort: options.budget() };
        let past = with_history.then_some(past);
        match rebuild_to_file(&dump.state, &rebuild_options, past, target) {
            Err(error) if error.is_after_state() && events.is_complete_from_the_start() => {
                let state = rebuild(&dump.state, &rebuild_options)
                    .map_err(|source| Error::Rebuild { name: dump.name.clone(), source })?;
                let observer = &options.observer;
                observer.event(&Event::EventsGoOn(&state));
                let rebuild =
                    events.rebuild_to_file(Some(&state), &rebuild_options, observer, target);
                return opened(rebuild?);
            }
            result => {
                result.map_err(|source| Error::TreeFile { name: dump.name.clone(), source })?
            }
        }
        let written = opened(Vec::new())?;
        if let (true, Some(file)) = (has_events, written.tree_file()) {
            say_if_unused(file.forest(), &options.observer);
        }
        Ok(written)
    }

    /// Rebuilds the trees from L1 into a tree file and opens it, beside events that give none alone, because of `error`. They
    /// are compared with the trees, and say what the roots contain. No other roots are searched for unless `with_history`.
    fn write_l1_beside(
        l1: GivenL1,
        events: &GivenEvents,
        error: Error,
        with_history: bool,
        target: &Path,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let nothing = SearchBudget { step: 0, walk: 0 };
        let effort = if with_history { options.budget() } else { Some(nothing) };
        let past = HistoryOptions { events: &events.list, effort };
        let Ok(l1_gaps) = l1.rebuild_to_file(options, Some(past), target) else {
            return Err(error);
        };
        options.observer.event(&Event::EventsNotAlone(&error));
        let file = TreeFile::open(target, options.state.access)?;
        let (forest, history) = (file.forest().clone(), file.history()?);
        let roots = ListedRoots::of(&history, &forest, file.block());
        let gaps = events.beside_l1(forest.clone(), &roots, l1.name(), &options.observer)?;
        let opened = Opened::new(Source::File(file), options);
        Ok(Self(Arc::new(Opened { gaps, l1_gaps, from_l1: Some(l1), ..opened })))
    }
}

/// The error of a file that was written under a temporary name, which nobody asked for.
fn of_target(mut error: Error, target: &Path) -> Error {
    if let Error::TreeFile { source: TreeFileError::Output(error), .. } = &mut error {
        error.name = target.shown().to_string();
    }
    error
}
