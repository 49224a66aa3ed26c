use super::{
    Addresses, Forest, History, HistoryError, RebuildError, RebuildOptions, SearchBudget, Timeline,
    evidence::{Evidence, StateEvidence},
    history,
};
use crate::{contracts::MessageRootEvent, state::StorageReader};

/// Determines the content of every interop root that a state stores. `events` may be empty or incomplete.
///
/// # Errors
/// [`HistoryError`] if the state cannot be read or stores no interop roots. A root without an explanation
/// is not an error.
pub fn explain<S: StorageReader + ?Sized>(
    state: &S,
    addresses: Addresses,
    forest: &Forest,
    events: &[MessageRootEvent],
    budget: SearchBudget,
) -> Result<Timeline, HistoryError> {
    let options = RebuildOptions { addresses, ..RebuildOptions::default() };
    explain_evidence(&StateEvidence::read(state, &options)?, forest, events, budget)
}

/// As [`explain`], for the roots in any evidence.
pub(super) fn explain_evidence<V: Evidence>(
    evidence: &V,
    forest: &Forest,
    events: &[MessageRootEvent],
    budget: SearchBudget,
) -> Result<Timeline, HistoryError> {
    let newest = forest.latest().ok_or(HistoryError::NoRoots)?;
    let mut windows = Vec::new();
    evidence.block_roots(newest.block, |window| {
        windows.push(window.to_vec());
        Ok::<_, RebuildError>(())
    })?;
    let (blocks, roots): (Vec<_>, Vec<_>) = windows.into_iter().rev().flatten().unzip();
    let found = match events {
        [] => {
            let steps = evidence.steps(forest, &blocks)?;
            History::new(blocks, roots, steps.unwrap_or_default())
        }
        _ => history::replayed(forest, blocks, roots, events),
    };
    history::mend(forest, found, budget)
}
