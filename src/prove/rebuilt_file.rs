//! Trees that are rebuilt directly into a tree file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Error, Event, Observer, Trees, TreesOptions,
    event_trees::{GivenEvents, TreeInputs, say_if_unused},
    l1_trees::GivenL1,
    source_files::SourceFiles,
    trees::{Opened, Source},
};
use crate::{
    files::Output,
    forest::{HistoryOptions, TreeFile, TreeFileError, rebuild, rebuild_to_file},
};

impl Trees {
    /// Rebuilds the trees of the state at `paths` directly into a tree file and opens it. This takes little
    /// memory for a state of any size. `with_history` also stores the contents of past roots in the file; so do
    /// events. From L1, those of the last root of each of the settlement layer's batches are always stored.
    ///
    /// With a state of L1 in the options, the file is [compared](Self::compare_with_l1) with it before it gets its
    /// name.
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
        let Some(given) = &options.l1 else {
            return Self::write(&paths, target, with_history, options);
        };
        // Read first: nothing is rebuilt for a state that decides nothing.
        let l1 = given.open()?;
        l1.0.require_l1()?;
        let draft = Output::create(target)?.into_draft()?;
        let mut trees = Self::write(&paths, draft.path(), with_history, options)
            .map_err(|error| of_target(error, target))?;
        trees.0.l1.get_or_init(|| l1);
        trees.compare_with_l1()?;
        draft.finish()?;
        // From now on, errors name the target.
        let file = TreeFile::open(target, options.state.access)?;
        if let Some(opened) = Arc::get_mut(&mut trees.0) {
            opened.source = Source::File(file);
        }
        Ok(trees)
    }

    /// Rebuilds the trees into a tree file and opens it.
    fn write(
        paths: &[PathBuf],
        target: &Path,
        with_history: bool,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let SourceFiles { paths, read, l1, options } = options.files(paths, false)?;
        let options = &options;
        let TreesOptions { events, columns, known, .. } = options;
        let mut inputs = TreeInputs::of(&paths, events, l1, columns, known)?;
        let l1 = std::mem::take(&mut inputs.l1);
        let opened = |gaps| {
            let file = TreeFile::open(target, options.state.access)?;
            let opened = Opened { gaps, ..Opened::new(Source::File(file), options) };
            Ok(Self(Arc::new(opened)))
        };
        if inputs.states.is_empty() && inputs.events.is_empty() && !l1.is_empty() {
            let Some(l1) = GivenL1::read(l1, options)? else { return Err(Error::NoInput) };
            let l1_gaps = l1.rebuild_to_file(options, with_history, target)?;
            let file = TreeFile::open(target, options.state.access)?;
            let opened = Opened::new(Source::File(file), options);
            return Ok(Self(Arc::new(Opened { l1_gaps, from_l1: Some(l1), ..opened })));
        }
        if inputs.states.is_empty() && !inputs.events.is_empty() {
            let rebuild = options.rebuild_with(options.state.given_addresses());
            let message_root = rebuild.addresses.message_root;
            let events = GivenEvents::read(inputs.events, message_root, &options.of_events())?;
            return opened(events.rebuild_to_file(None, &rebuild, &options.observer, target)?);
        }
        let (dump, _) = options.read_or(read, inputs.states)?;
        let rebuild_options = options.rebuild(&dump)?;
        let message_root = rebuild_options.addresses.message_root;
        // Events are compared with the trees, and say what the roots contain.
        let with_history = with_history || !inputs.events.is_empty();
        let has_events = !inputs.events.is_empty();
        let events = GivenEvents::read(inputs.events, message_root, &options.of_events())?;
        events.compare_roots(&dump.state, message_root, None)?;
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
}

/// The error of a file that was written under a temporary name, which nobody asked for.
fn of_target(mut error: Error, target: &Path) -> Error {
    if let Error::TreeFile { source: TreeFileError::Output(error), .. } = &mut error {
        error.name = target.display().to_string();
    }
    error
}
