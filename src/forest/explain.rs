use super::{
    Addresses, Forest, History, HistoryError, RebuildError, RebuildOptions, SearchBudget, Timeline,
    before_events::BeforeEvents,
    evidence::{Evidence, StateEvidence},
    history,
};
use crate::{contracts::Layout, ingest::events::EventList, state::StorageReader};

/// Determines the content of every interop root that a state stores. `events` may be empty or incomplete.
///
/// # Errors
/// [`HistoryError`] if the state cannot be read or stores no interop roots. A root without an explanation
/// is not an error.
pub fn explain<S: StorageReader + ?Sized>(
    state: &S,
    addresses: Addresses,
    forest: &Forest,
    events: &EventList,
    budget: SearchBudget,
) -> Result<Timeline, HistoryError> {
    let options = RebuildOptions { addresses, ..RebuildOptions::default() };
    let evidence = StateEvidence::read(state, &options)?;
    let before = BeforeEvents::of(events, forest).map_err(RebuildError::from)?;
    Timeline::new(forest, explain_evidence(&evidence, forest, events, &before, budget)?)
}

/// As [`explain`], from evidence that was read, without the trees at the roots. `before` is what the trees contain before
/// the events.
pub(super) fn explain_evidence<S: StorageReader + ?Sized>(
    evidence: &StateEvidence<'_, S>,
    forest: &Forest,
    events: &EventList,
    before: &BeforeEvents,
    budget: SearchBudget,
) -> Result<History, HistoryError> {
    let newest = forest.latest().ok_or(HistoryError::NoRoots)?;
    // The newest root comes first.
    let (mut blocks, mut roots) = (Vec::new(), Vec::new());
    evidence.block_roots(newest.block, |window| {
        blocks.extend(window.iter().rev().map(|(block, _)| *block));
        roots.extend(window.iter().rev().map(|(_, root)| *root));
        Ok::<_, RebuildError>(())
    })?;
    blocks.reverse();
    roots.reverse();
    let steps = evidence.steps(forest, &blocks)?;
    let found = History::new(blocks, roots, steps.unwrap_or_default());
    let found = history::with_events(forest, found, events, before)?;
    let timestamps = match evidence.layout() {
        Layout::V33 => evidence.root_timestamps(&found.blocks)?,
        _ => Vec::new(),
    };
    let lost = evidence.lost_roots(found.len() as u64, newest.block)?;
    history::mend(forest, History { timestamps, lost, ..found }, budget)
}
