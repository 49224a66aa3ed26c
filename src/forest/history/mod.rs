//! The content of every interop root: the number of chains, and the number of batches of each.
//!
//! The state stores the present shared tree and, since v29, the root of every block in which the tree
//! changed. Events of MessageRoot contain the same roots. Every past tree is a prefix of the present one, chain by chain. So a past root is explained by
//! the number of chains, and the number of leaves of each chain's tree. [`explain`](super::explain)
//! finds these numbers:
//!
//! 1. The roots are found by trying blocks.
//! 2. Events, if given, show what changed between two roots. Without events, a table of writes does, since it
//!    records in which block each slot was first written. An Era snapshot helps: it records in which batch of the
//!    settlement layer that was, and so what each of these batches changed.
//! 3. The remaining roots are explained by search, from both ends of each gap: possible changes are tried
//!    in the order of their likelihood until a root matches. Roots that were skipped on the way are
//!    searched again between the explained ones.
//!
//! The result is a function of the input: the search is limited and paced by the number of trees tried, so
//! neither the number of threads nor their timing changes what is found.
//!
//! An explanation from any source counts only if its tree hashes to the root in the state or in the events. A
//! root for which the search finds no explanation within its budget is reported as unexplained.
//!
//! ```text
//! step       what changed between one explained root and the next
//! advance    of a step: a chain, and how many batches it appended
//! ```
//!
//! **Limits of the search.** The state does not store the nodes of past trees, so a root can only be compared
//! as a whole. The cost of a step is the number of changes that are at least as likely as the real one. A
//! change of one chain, or of a few out of a few dozen, takes thousands of hashes. There are 3·10^12 sets of
//! 12 chains out of 64: no search finds such a change in reasonable time, and events are needed.
//!
//! Registrations need no rule by release. v26 to v30 register a chain without storing the new root, v31
//! stores it; in both cases the chain count of a root is the one with which the tree matches the root.

mod candidates;
mod compare;
mod gap_leaves;
mod joined;
mod likelihood;
mod lost_leaves;
mod one_root;
mod position;
mod replay;
mod search;
mod shared_trees;
mod steps;
mod timeline;
mod tree_versions;
mod walk;

use std::iter;

use bytemuck::TransparentWrapper;

use thiserror::Error;

use super::{
    ChainTree, Forest, InteropRoot, RebuildError,
    before_events::BeforeEvents,
    step::{HistoryRow, Step},
};
use crate::{
    ingest::events::EventList,
    primitives::{ChainId, Hash, SlBlock, Timestamp},
};

pub(super) use compare::{all_differing, corrected, first_differing};
pub use lost_leaves::{LostLeaves, LostStep};
pub use one_root::{WantedRoot, explain_one};
pub use search::SearchBudget;
pub use steps::{AppendedBatches, HistoryStep};
pub use timeline::{ChainAt, RootIndex, Timeline};

/// Every interop root and its content, in columns, as a tree file stores them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The blocks with a root, ascending.
    pub blocks: Vec<SlBlock>,
    /// The roots of these blocks: zero bytes where the events have a change of the trees without its root.
    pub roots: Vec<Hash>,
    /// Since v33, by root: the timestamp of its block; 0 for a root of an earlier release. Empty before v33.
    pub timestamps: Vec<Timestamp>,
    /// How many more roots the contract counts, as it does since v31, than the state has. Their blocks are not known.
    pub lost: u64,
    /// What missing batches of the settlement layer appended, from L1, by chain and leaf.
    pub lost_leaves: Vec<LostLeaves>,
    /// By root: the number of chains; 0 if the root is unexplained.
    pub chains: Vec<u32>,
    /// By root: the end of its advances in the two columns below. They begin at the end of the previous
    /// root's advances. An unexplained root has none.
    pub ends: Vec<u64>,
    /// By advance: the index of the chain in the shared tree. Ascending within a root.
    pub advanced: Vec<u32>,
    /// By advance: how many batches the chain appended since the last explained root; at least 1.
    pub batches: Vec<u64>,
}

/// Why the history could not be determined, or does not match the state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The evidence could not be read, or is invalid.
    #[error(transparent)]
    Evidence(#[from] RebuildError),
    /// The settlement layer stores no interop roots.
    #[error(
        "there are no roots by block: releases before v29 store none; a tree file from events also has none if \
         their NewInteropRoot are missing"
    )]
    NoRoots,
    /// The columns do not match the forest or one another.
    #[error("the history is damaged at root {root}: {reason}")]
    Columns {
        /// The index of the root.
        root: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A node of a chain's tree is not the hash of its children.
    #[error("the tree of chain {chain} is damaged at level {level}, index {index}")]
    Unsound {
        /// The chain.
        chain: ChainId,
        /// The level, 0 for leaves.
        level: u32,
        /// The node's index in its level.
        index: u64,
    },
    /// The trees that the columns describe have another root.
    #[error(
        "the history does not match the trees: block {block} has the root {stored}, the rebuilt one is {rebuilt}"
    )]
    Root {
        /// The block.
        block: SlBlock,
        /// The root in the history.
        stored: Hash,
        /// The root of the trees.
        rebuilt: Hash,
    },
}

/// As [`explain`](super::explain), for roots that are already known, some of them perhaps explained. Events explain
/// further ones.
///
/// # Errors
/// [`HistoryError`] if the columns do not match the forest or one another, if an explanation is wrong, or,
/// if roots are left to explain, a node of a chain's tree is not the hash of its children.
pub fn explain_further(
    forest: &Forest,
    known: History,
    events: &EventList,
    effort: SearchBudget,
) -> Result<Timeline, HistoryError> {
    if !events.is_empty() {
        // A search in damaged trees finds nothing, however long it runs.
        sound(forest)?;
        let before = BeforeEvents::of(events, forest).map_err(RebuildError::from)?;
        let known = with_events(forest, known, events, &before)?;
        return Timeline::new(forest, mend(forest, known, effort)?);
    }
    // Known explanations were compared with the roots when they were found, so a difference is damage.
    let timeline = Timeline::new(forest, known).or_else(|error| sound(forest).and(Err(error)))?;
    if !timeline.history().is_searched() {
        return Ok(timeline);
    }
    sound(forest)?;
    Timeline::new(forest, search::complete(forest, timeline.into_history(), effort))
}

/// The history with further explanations, according to the events. `before` is what the trees contain before them. The
/// caller drops explanations that do not have their roots.
pub(super) fn with_events(
    forest: &Forest,
    known: History,
    events: &EventList,
    before: &BeforeEvents,
) -> Result<History, HistoryError> {
    if events.is_empty() {
        return Ok(known);
    }
    let steps = replay::steps(forest, &known.blocks, events, before).map_err(RebuildError::from)?;
    if known.chains.iter().all(|chains| *chains == 0) {
        return Ok(known.with_steps(steps));
    }
    let of_events = History::new(known.blocks.clone(), known.roots.clone(), steps);
    let of_events = corrected(forest, of_events)?;
    Ok(corrected(forest, known)?.joined(&of_events, forest.chains().len()))
}

/// Drops explanations that do not have their roots, and searches for the missing ones.
pub(super) fn mend(
    forest: &Forest,
    known: History,
    effort: SearchBudget,
) -> Result<History, HistoryError> {
    let known = corrected(forest, known)?;
    if !known.is_searched() {
        return Ok(known);
    }
    let found = search::complete(forest, known, effort);
    compare::all(forest, &found)?;
    Ok(found)
}

/// Checks that every node of every chain's tree is the hash of its children.
fn sound(forest: &Forest) -> Result<(), HistoryError> {
    let first_inconsistent_node = |tree: &ChainTree| {
        let (level, index) = tree.tree().first_inconsistent_node()?;
        Some(HistoryError::Unsound { chain: tree.chain(), level, index })
    };
    forest.chains().iter().find_map(first_inconsistent_node).map_or(Ok(()), Err)
}

impl History {
    /// Builds the columns from the changes up to each root. A root is unexplained if its step is `None` or
    /// missing.
    pub(super) fn new(blocks: Vec<SlBlock>, roots: Vec<Hash>, steps: Vec<Option<Step>>) -> Self {
        let mut history = Self { blocks, roots, ..Self::default() };
        let nothing = history.blocks.len() - steps.len();
        let steps = steps.into_iter().chain(iter::repeat_n(None, nothing));
        steps.for_each(|step| history.push_step(step));
        history
    }

    /// The same roots with other changes up to each.
    fn with_steps(self, steps: Vec<Option<Step>>) -> Self {
        let Self { timestamps, lost, lost_leaves, blocks, roots, .. } = self;
        Self { timestamps, lost, lost_leaves, ..Self::new(blocks, roots, steps) }
    }

    /// Appends a root. Without a step it is unexplained.
    pub(in crate::forest) fn push(&mut self, block: SlBlock, root: Hash, step: Option<Step>) {
        self.blocks.push(block);
        self.roots.push(root);
        self.push_step(step);
    }

    fn push_step(&mut self, step: Option<Step>) {
        self.chains.push(step.as_ref().map_or(0, |step| step.chains));
        for (chain, batches) in step.into_iter().flat_map(|step| step.advances) {
            self.advanced.push(chain);
            self.batches.push(batches);
        }
        self.ends.push(self.advanced.len() as u64);
    }

    /// Every root with what changed up to it.
    pub(in crate::forest) fn rows(&self) -> impl Iterator<Item = HistoryRow> {
        (0..self.len()).map(|root| {
            let chains = self.chains[root];
            let step =
                (chains > 0).then(|| Step { chains, advances: self.advances(root).collect() });
            (self.blocks[root], self.roots[root], step)
        })
    }

    /// A digest of all columns.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut column = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        column(bytemuck::cast_slice(SlBlock::peel_slice(&self.blocks)));
        column(bytemuck::cast_slice(&self.roots));
        column(bytemuck::cast_slice(&self.chains));
        column(bytemuck::cast_slice(&self.ends));
        column(bytemuck::cast_slice(&self.advanced));
        column(bytemuck::cast_slice(&self.batches));
        if !self.timestamps.is_empty() {
            column(bytemuck::cast_slice(Timestamp::peel_slice(&self.timestamps)));
        }
        for LostLeaves { chain, leaves, next, .. } in &self.lost_leaves {
            column(bytemuck::cast_slice(&[*chain, leaves.start, leaves.end, *next]));
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The number of roots, explained or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are no roots.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The root at this index. Its number of chains is 0 if it is unexplained.
    ///
    /// # Panics
    /// If there is no such root.
    #[must_use]
    pub fn root(&self, index: usize) -> InteropRoot {
        InteropRoot {
            block: self.blocks[index],
            root: self.roots[index],
            chains: self.chains[index].into(),
            timestamp: self.timestamps.get(index).copied().filter(|timestamp| timestamp.0 != 0),
        }
    }

    /// The chains, by index, that appended batches since the last explained root, with the number of batches.
    ///
    /// # Panics
    /// If there is no such root.
    pub fn advances(&self, index: usize) -> impl Iterator<Item = (u32, u64)> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let range = start..self.ends[index] as usize;
        self.advanced[range.clone()].iter().copied().zip(self.batches[range].iter().copied())
    }

    /// The indices of the roots without an explanation.
    pub fn unexplained(&self) -> impl Iterator<Item = usize> {
        self.chains.iter().enumerate().filter(|(_, chains)| **chains == 0).map(|(index, _)| index)
    }

    /// The error for a root that differs from the rebuilt one.
    fn other_root(&self, root: usize, rebuilt: Hash) -> HistoryError {
        HistoryError::Root { block: self.blocks[root], stored: self.roots[root], rebuilt }
    }

    /// Whether there are roots to search for: unexplained ones that are not missing.
    fn is_searched(&self) -> bool {
        self.unexplained().any(|root| !self.roots[root].is_zero())
    }

    /// Checks that the columns match one another and the forest.
    fn check(&self, forest: &Forest) -> Result<(), HistoryError> {
        let bad = |root, reason| Err(HistoryError::Columns { root, reason });
        let roots = self.blocks.len();
        if [self.roots.len(), self.chains.len(), self.ends.len()] != [roots; 3] {
            return bad(roots, "the columns by root differ in length");
        }
        if ![0, roots].contains(&self.timestamps.len()) {
            return bad(roots, "the number of timestamps differs from the number of roots");
        }
        if self.ends.last().copied().unwrap_or(0) != self.advanced.len() as u64
            || self.advanced.len() != self.batches.len()
        {
            return bad(roots, "the columns by advance differ in length");
        }
        let mut counts = vec![0u64; forest.chains().len()];
        let (mut chains, mut start) = (0, 0);
        for root in 0..roots {
            if root > 0 && self.blocks[root] <= self.blocks[root - 1] {
                return bad(root, "the blocks do not ascend");
            }
            let end = self.ends[root];
            if end < start || end > self.advanced.len() as u64 {
                return bad(root, "the end of its advances is out of range");
            }
            if self.chains[root] == 0 {
                if end != start {
                    return bad(root, "it is unexplained and has advances");
                }
                continue;
            }
            if self.chains[root] < chains || self.chains[root] as usize > counts.len() {
                return bad(root, "its number of chains is out of range");
            }
            chains = self.chains[root];
            for (chain, batches) in self.advances(root) {
                let tree = forest.chains().get(chain as usize).filter(|_| chain < chains);
                let Some(tree) = tree else {
                    return bad(root, "it advances a chain that was not registered");
                };
                let count = &mut counts[chain as usize];
                match count.checked_add(batches) {
                    Some(sum) if batches > 0 && sum <= tree.batches().len() => *count = sum,
                    _ => {
                        return bad(
                            root,
                            "a chain advances by zero batches, or by more than it has",
                        );
                    }
                }
            }
            start = end;
        }
        self.misfit_of_lost(forest).map_or(Ok(()), |reason| bad(roots, reason))
    }
}
