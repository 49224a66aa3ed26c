//! The roots of the shared tree that events and other evidence have, compared with the trees.

use std::mem;

use super::{EventPlace, EventsError, Forest, History, history, step::Step};
use crate::primitives::{Hash, SlBlock};

/// Roots that are compared with the trees at once.
const WINDOW: usize = 1 << 16;

/// Where a root is from.
#[derive(Clone, Copy, Debug)]
pub(super) enum RootSource {
    /// An event.
    Event(EventPlace),
    /// The other evidence, as the root of a block. Where its number of chains is not certain, it is given with each that it
    /// may have.
    Evidence {
        /// Whether this is the last of these numbers.
        is_last: bool,
    },
}

/// Roots in the order of their emission, each with what the trees contained then according to the events.
///
/// Events may be missing, so a root that differs from the trees is not wrong for that reason. A root that does not differ
/// shows what the trees contained then. Between two such roots it is certain what the trees contained, if no registration
/// and no batch is missing in the events between them: then a root that differs is wrong.
pub(super) struct ComparedRoots<'f> {
    forest: &'f Forest,
    roots: History,
    compared: Vec<ComparedRoot>,
    /// Whether a root before shows what the trees contained, and no event is missing since.
    is_known: bool,
    /// The first root since then that differs.
    differing: Option<EventsError>,
    /// Whether the root of the evidence does not differ with one of the numbers of chains so far.
    is_right: bool,
    /// The place of the last root in the events that does not differ.
    right: Option<EventPlace>,
    is_confirmed: bool,
}

/// What belongs to a root.
struct ComparedRoot {
    by: RootSource,
    /// Whether events of registrations or batches are missing between this root and the one before.
    has_gap: bool,
    /// The root that the evidence has for the block, if this is the last one of the block in the events and another one.
    stored: Option<Hash>,
}

impl<'f> ComparedRoots<'f> {
    /// `is_known` says whether it is certain what the trees contain before all roots.
    pub(super) fn new(forest: &'f Forest, is_known: bool) -> Self {
        Self {
            forest,
            roots: History::default(),
            compared: Vec::new(),
            is_known,
            differing: None,
            is_right: false,
            right: None,
            is_confirmed: true,
        }
    }

    /// Adds the next root.
    pub(super) fn push(
        &mut self,
        block: SlBlock,
        root: Hash,
        step: Step,
        by: RootSource,
        has_gap: bool,
    ) {
        self.roots.push(block, root, Some(step));
        self.compared.push(ComparedRoot { by, has_gap, stored: None });
    }

    /// Notes that the evidence has another root for the block of the last root.
    pub(super) fn last_is_other(&mut self, stored: Hash) {
        if let Some(last) = self.compared.last_mut() {
            last.stored = Some(stored);
        }
    }

    /// Compares the roots so far if there are many. If it returns true, the step of the next root contains everything.
    pub(super) fn compare_if_many(&mut self) -> Result<bool, EventsError> {
        let are_many = self.compared.len() >= WINDOW;
        if are_many {
            self.compare()?;
        }
        Ok(are_many)
    }

    fn compare(&mut self) -> Result<(), EventsError> {
        let (roots, compared) = (mem::take(&mut self.roots), mem::take(&mut self.compared));
        let differing = history::all_differing(self.forest, &roots);
        for (at, root) in compared.into_iter().enumerate() {
            if root.has_gap {
                (self.is_known, self.differing) = (false, None);
            }
            let rebuilt = differing.get(&at).copied();
            if let RootSource::Evidence { is_last: false } = root.by {
                self.is_right |= rebuilt.is_none();
                continue;
            }
            let is_right = mem::take(&mut self.is_right);
            let Some(rebuilt) = rebuilt.filter(|_| !is_right) else {
                self.differing.take().map_or(Ok(()), Err)?;
                self.is_known = true;
                if let RootSource::Event(place) = root.by {
                    self.right = Some(place);
                }
                continue;
            };
            self.is_confirmed &= root.stored.is_none();
            let (block, hash) = (roots.blocks[at], roots.roots[at]);
            let error = match (root.by, root.stored) {
                (RootSource::Event(place), None) => {
                    EventsError::InteropRoot { place, emitted: hash, rebuilt, before: self.right }
                }
                (RootSource::Event(place), Some(stored)) => {
                    EventsError::StoredRoot { place, emitted: hash, stored, end: None }
                }
                (RootSource::Evidence { .. }, _) => {
                    EventsError::OtherRoot { block, stored: hash, rebuilt }
                }
            };
            if self.is_known {
                self.differing.get_or_insert(error);
            }
        }
        Ok(())
    }

    /// Compares the rest. Returns whether each root is right that is the last one of its block in the events: that of the
    /// block, or one that the trees had within it.
    pub(super) fn finish(mut self) -> Result<bool, EventsError> {
        self.compare()?;
        Ok(self.is_confirmed)
    }
}
