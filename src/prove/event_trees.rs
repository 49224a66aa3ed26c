//! Trees from the events of MessageRoot, alone or together with a state.

use std::path::{Path, PathBuf};

use super::{Error, Event, Observer, ObserverHandle, TreesOptions};
use crate::{
    contracts::MessageRootEvent,
    files::{Input, InputError, is_file},
    forest::{
        EventGap, Forest, RebuildOptions, RebuiltFromEvents, compare_block_roots,
        rebuild_events_to_file, rebuild_from_events,
    },
    ingest::{
        FileKind,
        event_logs::{ColumnNames, has_log_columns},
        sniff,
    },
    primitives::{Address, SlBlock},
    proof::CheckedBy,
    state::StorageReader,
};

/// Separates files of events from the other inputs.
pub(super) fn events_among(
    paths: &[PathBuf],
    columns: &ColumnNames,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), InputError> {
    let (mut events, mut others) = (Vec::new(), Vec::new());
    for path in paths {
        // A pipe can be read only once.
        let is_events = is_file(path)? && {
            let input = Input::open(path)?;
            sniff(&input) == Some(FileKind::Events) || has_log_columns(&input, columns)
        };
        let list = if is_events { &mut events } else { &mut others };
        list.push(path.clone());
    }
    Ok((events, others))
}

/// Rebuilds the trees from events alone.
pub(super) fn from_events(
    paths: &[PathBuf],
    rebuild: &RebuildOptions,
    options: &TreesOptions,
) -> Result<RebuiltFromEvents, Error> {
    let events = read(paths, rebuild, options)?;
    let found = rebuild_from_events(&events, rebuild)
        .map_err(|source| Error::Rebuild { name: names(paths), source })?;
    let observer = &options.observer;
    observer.event(&Event::EventGaps(&found.gaps));
    observer.event(&Event::OnlyEvents(&found.forest));
    let (layout, is_given) = (found.forest.layout(), rebuild.release.is_some());
    observer.event(&Event::Rebuilt { layout, is_given });
    Ok(found)
}

/// Rebuilds the trees from events alone into a tree file.
pub(super) fn events_to_file(
    paths: &[PathBuf],
    rebuild: &RebuildOptions,
    options: &TreesOptions,
    target: &Path,
) -> Result<Vec<EventGap>, Error> {
    let events = read(paths, rebuild, options)?;
    let gaps = rebuild_events_to_file(&events, rebuild, target)
        .map_err(|source| Error::TreeFile { name: names(paths), source })?;
    options.observer.event(&Event::EventGaps(&gaps));
    Ok(gaps)
}

/// Compares the trees of a state with the events in files, as [`Forest::compared_with`] does. Without files,
/// nothing is compared.
pub(super) fn compare(
    forest: Forest,
    events: &[MessageRootEvent],
    paths: &[PathBuf],
    observer: &ObserverHandle,
) -> Result<Forest, Error> {
    if paths.is_empty() {
        return Ok(forest);
    }
    let forest = forest
        .compared_with(events)
        .map_err(|source| Error::Rebuild { name: names(paths), source: source.into() })?;
    say_if_unused(&forest, observer);
    Ok(forest)
}

/// Compares the interop roots in events with those in a state, as [`compare_block_roots`] does.
pub(super) fn compare_roots<S: StorageReader + ?Sized>(
    state: &S,
    message_root: Address,
    newest: Option<SlBlock>,
    events: &[MessageRootEvent],
    paths: &[PathBuf],
) -> Result<(), Error> {
    compare_block_roots(state, message_root, newest, events)
        .map_err(|source| Error::Rebuild { name: names(paths), source })
}

/// Tells the observer if no event could be compared with the trees.
pub(super) fn say_if_unused(forest: &Forest, observer: &ObserverHandle) {
    if !forest.checked_by().has(CheckedBy::EVENTS) {
        observer.event(&Event::EventsUnused);
    }
}

/// The events up to the last block in the options.
fn read(
    paths: &[PathBuf],
    rebuild: &RebuildOptions,
    options: &TreesOptions,
) -> Result<Vec<MessageRootEvent>, Error> {
    let mut events = options.read_events(paths, rebuild.addresses.message_root)?;
    if let Some(last) = rebuild.last_block {
        events.truncate(events.partition_point(|event| event.block <= last));
    }
    Ok(events)
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}
