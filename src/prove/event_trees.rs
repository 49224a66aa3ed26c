//! Trees from the events of MessageRoot, alone or together with a state.

use std::path::{Path, PathBuf};

use super::{Error, Event, Observer, ObserverHandle};
use crate::{
    files::{Input, InputError, ReadProgressHandle, ReopenableInput, is_directory},
    forest::{
        EventGap, EventsError, Forest, RebuildError, RebuildOptions, RebuiltFromEvents,
        RootsByBlock, TreeFile, rebuild_events_to_file, rebuild_from_events,
    },
    ingest::{
        FileKind, KnownFiles,
        event_logs::{ColumnNames, has_log_columns},
        events::{EventList, read_event_inputs},
        kind_of,
        l1::L1Files,
        sniff,
        state::ImportError,
    },
    primitives::{Address, SlBlock},
    proof::CheckedBy,
};

/// How events are read.
pub(super) struct EventOptions<'o> {
    /// The last block whose events count.
    pub(super) last_block: Option<SlBlock>,
    /// The columns with other names than exporters give them.
    pub(super) columns: &'o ColumnNames,
    /// Is told what was read of each file.
    pub(super) observer: &'o ObserverHandle,
}

/// The inputs of trees by kind. Pipes are open, since they can be read only once.
pub(super) struct TreeInputs {
    pub(super) events: Vec<ReopenableInput>,
    pub(super) states: Vec<ReopenableInput>,
    /// Files of L1 with the batches of the settlement layer.
    pub(super) l1: L1Files,
}

impl TreeInputs {
    /// Separates the inputs by kind, and adds those whose kind is given.
    pub(super) fn of(
        paths: &[PathBuf],
        events: &[PathBuf],
        l1: L1Files,
        columns: &ColumnNames,
        known: &KnownFiles,
    ) -> Result<Self, ImportError> {
        let (mut inputs, mut of_l1) =
            (Self { events: Vec::new(), states: Vec::new(), l1 }, L1Files::default());
        let mut receipts = Vec::new();
        let has_events = |kind: Option<FileKind>, input: &Input| {
            kind.is_some_and(FileKind::has_events) || has_log_columns(input, columns)
        };
        for path in paths {
            let mut input = ReopenableInput::new(path);
            let is_events = match () {
                // A tree file is not opened to see what else it could be.
                () if is_directory(path)? || TreeFile::is_at(path)? => false,
                () if input.is_pipe() => {
                    let opened = input.open(&ReadProgressHandle::default())?;
                    let kind = sniff(&opened);
                    if kind.is_some_and(FileKind::is_of_l1) {
                        return Err(InputError::OneWay { name: input.name().into() }.into());
                    }
                    let is_events = has_events(kind, &opened);
                    input.put_back(opened);
                    is_events
                }
                () => {
                    let kind = kind_of(path, known)?;
                    if kind.is_some_and(FileKind::is_of_l1) {
                        of_l1.add(path.clone(), kind);
                        continue;
                    }
                    let opened = Input::open(path)?;
                    if kind.is_some_and(FileKind::may_have_calls)
                        && FileKind::has_late_part(&opened)
                    {
                        of_l1.add(path.clone(), kind);
                        continue;
                    }
                    let is_events = has_events(kind, &opened);
                    if !is_events && kind.is_some_and(FileKind::may_be_of_l1) {
                        receipts.push(path.clone());
                        continue;
                    }
                    is_events
                }
            };
            let list = if is_events { &mut inputs.events } else { &mut inputs.states };
            list.push(input);
        }
        inputs.events.extend(events.iter().map(|path| ReopenableInput::new(path)));
        inputs.l1.join(of_l1);
        match inputs.l1.transactions.is_empty() {
            true => inputs.states.extend(receipts.iter().map(|path| ReopenableInput::new(path))),
            false => inputs.l1.join(L1Files { receipts, ..L1Files::default() }),
        }
        Ok(inputs)
    }

    /// The names of those that are not of L1.
    pub(super) fn names(&self) -> String {
        let others = [&self.states, &self.events].map(|inputs| ReopenableInput::names(inputs));
        let others: Vec<String> = others.into_iter().filter(|names| !names.is_empty()).collect();
        others.join(", ")
    }
}

/// The events that were given, and the names of their files.
pub(super) struct GivenEvents {
    pub(super) list: EventList,
    names: String,
}

impl GivenEvents {
    /// Reads all events of a MessageRoot.
    pub(super) fn read(
        inputs: Vec<ReopenableInput>,
        message_root: Address,
        options: &EventOptions<'_>,
    ) -> Result<Self, ImportError> {
        let names = ReopenableInput::names(&inputs);
        let EventOptions { last_block, columns, observer } = *options;
        let report = |mapping: &_| observer.event(&Event::LogsRead(mapping));
        let list = read_event_inputs(inputs, message_root, last_block, columns, report)?;
        Ok(Self { list, names })
    }

    /// Rebuilds the trees from events alone. They must continue the trees of a `past` state, if there is one.
    pub(super) fn rebuild(
        &self,
        past: Option<&Forest>,
        options: &RebuildOptions,
        observer: &ObserverHandle,
    ) -> Result<RebuiltFromEvents, Error> {
        let found =
            rebuild_from_events(&self.list, past, options).map_err(|source| self.error(source))?;
        observer.event(&Event::EventGaps(&found.gaps));
        let (layout, is_given) = (found.forest.layout(), options.release.is_some());
        observer.event(&Event::Rebuilt { layout, is_given });
        Ok(found)
    }

    /// As [`GivenEvents::rebuild`], into a tree file.
    pub(super) fn rebuild_to_file(
        &self,
        past: Option<&Forest>,
        options: &RebuildOptions,
        observer: &ObserverHandle,
        target: &Path,
    ) -> Result<Vec<EventGap>, Error> {
        let gaps = rebuild_events_to_file(&self.list, past, options, target)
            .map_err(|source| Error::TreeFile { name: self.names.clone(), source })?;
        observer.event(&Event::EventGaps(&gaps));
        Ok(gaps)
    }

    /// Compares the trees of a state and its roots by block with the events, as [`Forest::compared_with`] does. If the
    /// events go on after the state and begin with the first registration, the trees are those of the events.
    pub(super) fn beside(
        &self,
        forest: Forest,
        roots: &impl RootsByBlock,
        options: &RebuildOptions,
        observer: &ObserverHandle,
    ) -> Result<Beside, Error> {
        if self.names.is_empty() {
            return Ok(Beside::Within(forest));
        }
        match forest.clone().compared_with(&self.list, roots) {
            Ok(forest) => {
                say_if_unused(&forest, observer);
                Ok(Beside::Within(forest))
            }
            Err(RebuildError::Events(EventsError::AfterState { .. }))
                if self.is_complete_from_the_start() =>
            {
                observer.event(&Event::EventsGoOn(&forest));
                Ok(Beside::After(Box::new(self.rebuild(Some(&forest), options, observer)?)))
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// Compares the trees from L1, of the files `l1`, and their roots by block with the events. The trees are those from L1
    /// in any case: returns what is missing in the events, if they go on after these trees.
    pub(super) fn beside_l1(
        &self,
        forest: Forest,
        roots: &impl RootsByBlock,
        l1: &str,
        observer: &ObserverHandle,
    ) -> Result<Vec<EventGap>, Error> {
        let gaps = match forest.compared_with(&self.list, roots) {
            Ok(forest) => {
                say_if_unused(&forest, observer);
                Vec::new()
            }
            Err(RebuildError::Events(EventsError::AfterState { place, .. })) => {
                vec![EventGap::AfterTrees(place)]
            }
            Err(source) if source.is_mismatch() => {
                return Err(Error::Contradiction {
                    one: self.names.clone(),
                    other: l1.into(),
                    source,
                });
            }
            Err(source) => return Err(self.error(source)),
        };
        observer.event(&Event::EventGaps(&gaps));
        Ok(gaps)
    }

    /// Whether the first event is the first registration.
    pub(super) fn is_complete_from_the_start(&self) -> bool {
        let first = self.list.iter().next().and_then(Result::ok);
        first.is_some_and(|first| first.kind.is_first_registration())
    }

    fn error(&self, source: RebuildError) -> Error {
        Error::Rebuild { name: self.names.clone(), source }
    }
}

/// The trees of a state and events that agree.
pub(super) enum Beside {
    /// The trees of the state. The events end no later.
    Within(Forest),
    /// The trees of the events, which continue those of the state.
    After(Box<RebuiltFromEvents>),
}

/// Tells the observer if the trees do not count as compared with the events.
pub(super) fn say_if_unused(forest: &Forest, observer: &ObserverHandle) {
    if !forest.checked_by().has(CheckedBy::EVENTS) {
        observer.event(&Event::EventsUnused);
    }
}
