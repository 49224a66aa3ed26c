//! Trees of other evidence beside files of L1.

use super::{
    Error, Event, Observer, TreesOptions,
    event_trees::GivenEvents,
    l1_trees::GivenL1,
    trees::{Opened, Source},
};
use crate::forest::{
    DifferingRoot, HistoryError, ListedRoots, RebuiltFromL1, RootsByBlock, StateRoots,
};

impl Opened {
    /// The trees from L1, compared with events that give none alone, because of `error`.
    pub(super) fn of_l1_beside(
        l1: &GivenL1,
        events: GivenEvents,
        error: Error,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let Ok(found) = l1.rebuild(options, None) else { return Err(error) };
        options.observer.event(&Event::EventsNotAlone(&error));
        let roots = ListedRoots::of(&found.history, &found.forest, None);
        let gaps = events.beside_l1(found.forest.clone(), &roots, l1.name(), &options.observer)?;
        Ok(Self { gaps, events: events.list, ..Self::of_l1(found, options) })
    }

    /// The first block whose root differs from that on L1.
    pub(super) fn differing_root(
        &self,
        l1: &RebuiltFromL1,
    ) -> Result<Option<DifferingRoot>, Error> {
        let others = l1.roots_by_block();
        let of_list = |roots: ListedRoots<'_>| {
            let found = roots.first_differing(others.iter().copied())?;
            Ok(found.or_else(|| l1.first_without_root(roots.iter())))
        };
        let found = match &self.source {
            Source::Dump(forest, dump) => {
                let message_root = self.options.state.addresses(&dump.state)?.message_root;
                let roots = StateRoots::of(&dump.state, message_root, forest);
                let found = roots.first_differing(others.iter().copied());
                found.and_then(|found| match (found, l1.end()) {
                    (None, Some(end)) => Ok(l1.first_without_root(roots.up_to(end)?)),
                    (found, _) => Ok(found),
                })
            }
            Source::Events(forest, history) | Source::L1(forest, history) => {
                of_list(ListedRoots::of(history, forest, None))
            }
            Source::File(file) => {
                of_list(ListedRoots::of(&file.history()?, file.forest(), file.block()))
            }
            Source::State { .. } | Source::Stored(_) => Ok(None),
        };
        Ok(found.map_err(HistoryError::from)?)
    }

    /// Compares the trees with those from L1, which replace them if they go on after them. `others` are the names of the
    /// files of these trees.
    pub(super) fn beside_l1(
        mut self,
        l1: &GivenL1,
        others: &str,
        options: &TreesOptions,
    ) -> Result<Self, Error> {
        let Some(mut compared) = self.forest().cloned() else { return Ok(self) };
        if matches!(self.source, Source::L1(..)) {
            return Ok(self);
        }
        let differing = |l1: &_| self.differing_root(l1);
        if let Some(found) = l1.beside(&mut compared, others, options, differing)? {
            options.observer.event(&Event::L1GoesOn);
            // The events also say what roots up to their end contain.
            return Ok(Self { events: self.events, ..Self::of_l1(found, options) });
        }
        if let Source::Dump(forest, _) | Source::Events(forest, _) = &mut self.source {
            *forest = compared;
        }
        Ok(self)
    }
}
