//! What was appended in batches of the settlement layer that are missing on L1: its first roots are lost.

use std::{
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
};

use serde::Serialize;

use super::{AppendedBatches, Forest, History};
use crate::primitives::SlBatch;

/// Leaves of a chain that missing batches of the settlement layer appended. They are known from elsewhere, and later
/// roots contain them, but the roots of the blocks that appended them are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostLeaves {
    /// The index of the chain in the shared tree.
    pub chain: u64,
    /// The leaves.
    pub leaves: Range<u64>,
    /// The missing batches of the settlement layer.
    pub missing: RangeInclusive<SlBatch>,
    /// The index of the first root after them; the number of roots if there is none.
    pub next: u64,
}

/// What missing batches of the settlement layer appended. At least one root is lost with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostStep {
    /// What was appended.
    pub appended: Vec<AppendedBatches>,
    /// The first missing batch.
    pub first: SlBatch,
    /// The last.
    pub last: SlBatch,
    /// The index of the first root after them.
    #[serde(skip)]
    pub next: u64,
}

impl LostLeaves {
    /// Whether a leaf of the chain at an index is among `all`, which are sorted by chain and leaf.
    pub(in crate::forest) fn have(all: &[Self], chain: u64, leaf: u64) -> bool {
        let start = |lost: &Self| (lost.chain, lost.leaves.start);
        let after = all.partition_point(|lost| start(lost) <= (chain, leaf));
        let before = after.checked_sub(1).map(|before| &all[before]);
        before.is_some_and(|lost| lost.chain == chain && lost.leaves.contains(&leaf))
    }
}

impl History {
    /// Whether the first root with a leaf of the chain at this index is lost with a batch of the settlement layer.
    #[must_use]
    pub fn is_first_lost(&self, chain: u64, leaf: u64) -> bool {
        LostLeaves::have(&self.lost_leaves, chain, leaf)
    }

    /// The parts of a range of leaves of a chain whose first roots are not lost.
    pub(super) fn not_lost(&self, chain: u64, leaves: Range<u64>) -> Vec<Range<u64>> {
        let (mut parts, mut start) = (Vec::new(), leaves.start);
        for lost in self.lost_leaves.iter().filter(|lost| lost.chain == chain) {
            let end = lost.leaves.start.clamp(start, leaves.end);
            parts.push(start..end);
            start = lost.leaves.end.clamp(start, leaves.end);
        }
        parts.push(start..leaves.end);
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// What missing batches of the settlement layer appended whose roots are lost, in their order. `forest` is the one
    /// that the history is of.
    #[must_use]
    pub fn lost_steps(&self, forest: &Forest) -> Vec<LostStep> {
        let mut steps: BTreeMap<SlBatch, LostStep> = BTreeMap::new();
        for LostLeaves { chain, leaves, missing, next } in &self.lost_leaves {
            let (first, last) = (*missing.start(), *missing.end());
            let step = LostStep { appended: Vec::new(), first, last, next: *next };
            let tree = &forest.chains()[*chain as usize];
            let (batches, chain_id) = (tree.batches().runs(leaves.clone()), tree.chain());
            let appended = &mut steps.entry(first).or_insert(step).appended;
            appended.push(AppendedBatches { batches, chain_id });
        }
        steps.into_values().collect()
    }

    /// What is wrong with the lost leaves, if they do not match the forest or one another.
    pub(super) fn misfit_of_lost(&self, forest: &Forest) -> Option<&'static str> {
        let mut before = (0, 0);
        for LostLeaves { chain, leaves, next, .. } in &self.lost_leaves {
            if (*chain, leaves.start) < before || *next > self.len() as u64 {
                return Some("the leaves whose roots are lost are not in order");
            }
            let tree = usize::try_from(*chain).ok().and_then(|chain| forest.chains().get(chain));
            if leaves.is_empty() || tree.is_none_or(|tree| leaves.end > tree.batches().len()) {
                return Some("the trees do not have the leaves whose roots are lost");
            }
            before = (*chain, leaves.end);
        }
        None
    }
}
