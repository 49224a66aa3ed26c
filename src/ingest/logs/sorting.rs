use std::path::Path;

use crate::files::{ExternalSort, SortRecord};

/// A sort whose records lie beside an output when they take more than `in_memory` bytes; in memory alone
/// where there is no output.
pub(super) fn sort<R: SortRecord>(beside: Option<&Path>, in_memory: usize) -> ExternalSort<R> {
    match beside {
        Some(target) => ExternalSort::beside(target, in_memory),
        None => ExternalSort::in_memory(),
    }
}
