use super::{
    Addresses, Forest, History, HistoryError, RebuildError, RebuildOptions, SearchBudget, Timeline,
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
    explain_evidence(&StateEvidence::read(state, &options)?, forest, events, budget)
}

/// As [`explain`], from evidence that was read.
pub(super) fn explain_evidence<S: StorageReader + ?Sized>(
    evidence: &StateEvidence<'_, S>,
    forest: &Forest,
    events: &EventList,
    budget: SearchBudget,
) -> Result<Timeline, HistoryError> {
    let newest = forest.latest().ok_or(HistoryError::NoRoots)?;
    let mut windows = Vec::new();
    evidence.block_roots(newest.block, |window| {
        windows.push(window.to_vec());
        Ok::<_, RebuildError>(())
    })?;
    let (blocks, roots): (Vec<_>, Vec<_>) = windows.into_iter().rev().flatten().unzip();
    let found = match events.is_empty() {
        true => {
            let steps = evidence.steps(forest, &blocks)?;
            History::new(blocks, roots, steps.unwrap_or_default())
        }
        false => history::replayed(forest, blocks, roots, events)?,
    };
    let timestamps = match evidence.layout() {
        Layout::V33 => evidence.root_timestamps(&found.blocks)?,
        _ => Vec::new(),
    };
    history::mend(forest, History { timestamps, ..found }, budget)
}
