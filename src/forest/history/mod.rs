//! What every root by block contains: how many chains, and how many batches of each.
//!
//! The state keeps the shared tree of the present and, since v29, the root of every block in which it
//! changed. Every past tree is a prefix of the present one, chain by chain, so a past root is explained
//! by the right number of chains and of leaves in each. [`explain`] finds them:
//!
//! 1. The roots are found by trying blocks.
//! 2. Events, where they are given, say what happened between two roots.
//!    Where there are none, the settlement layer batches in which slots were first written, which Era
//!    snapshots have, say what each of those batches contains.
//! 3. Roots that this does not explain are explained by search, from both ends towards each other:
//!    whatever can have changed is tried in the order of its likelihood, until a root fits.
//!    Roots that are passed on the way are searched again between those that were explained.
//!
//! The result is a function of the input: search is bounded and paced by the number of trees tried, so
//! neither the number of threads nor their timing changes what is found.
//!
//! An explanation counts only when the tree that it names hashes to the root in the state; where it
//! came from does not matter. A root for which none is found in bounds is reported as unexplained.
//!
//! ```text
//! step       what changed between one explained root and the next
//! advance    of a step: a chain, and how many batches it appended
//! ```
//!
//! **What search can do.** The state does not keep the nodes of past trees, so a root can only be
//! compared as a whole, and the cost of a step is the number of changes that are as likely as the one
//! that happened. One chain, or a few out of a few dozen, take thousands of hashes. Twelve out of 64
//! are 3·10^12 sets: no order of trying finds them in reasonable time, and events are needed.
//!
//! Registrations need no rule by release: v26 to v30 register a chain without filing the new root,
//! v31 files it; either way the chain count of a root is the one with which it fits.

mod candidates;
mod first_writes;
mod likelihood;
mod replay;
mod search;
mod timeline;
mod tree_versions;
mod walk;

use std::iter;

use thiserror::Error;

use super::{Addresses, ChainTree, Forest, InteropRoot, interop_root};
use crate::{
    contracts::{MessageRoot, MessageRootEvent},
    primitives::{ChainId, Hash, SlBlock},
    state::{StateError, StorageReader},
};

pub use search::SearchBudget;
pub use timeline::{ChainAt, RootIndex, Timeline};

/// Every root by block and what it contains, in columns: what a file keeps of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The blocks with a root, ascending.
    pub blocks: Vec<SlBlock>,
    /// Their roots.
    pub roots: Vec<Hash>,
    /// By root: the number of chains; 0 where the root is unexplained.
    pub chains: Vec<u32>,
    /// By root: where its advances end in the two columns below; they begin where the last root's
    /// end. An unexplained root has none.
    pub ends: Vec<u64>,
    /// By advance: the index of the chain in the shared tree. Ascending within a root.
    pub advanced: Vec<u32>,
    /// By advance: how many batches the chain appended since the last explained root; at least 1.
    pub batches: Vec<u64>,
}

/// Why the history could not be found, or is not that of the state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A slot could not be read, or holds what it cannot.
    #[error("the state of the settlement layer makes no sense")]
    State(#[from] StateError),
    /// The settlement layer keeps no roots by block.
    #[error("the state has no roots by block: they are kept since v29")]
    NoRoots,
    /// The columns do not belong to this forest or to one another.
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
    /// The trees that the columns name have another root.
    #[error(
        "the history is not that of the trees: block {block} has the root {stored}, not {rebuilt}"
    )]
    Root {
        /// The block.
        block: SlBlock,
        /// The root in the history.
        stored: Hash,
        /// What the trees give.
        rebuilt: Hash,
    },
}

/// What changed up to one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::forest) struct Step {
    /// The number of chains after it.
    pub(in crate::forest) chains: u32,
    /// Chains and how many batches they appended, by chain index.
    pub(in crate::forest) advances: Vec<(u32, u64)>,
}

/// Finds what every root by block contains. `events` may be empty, or cover only a part.
///
/// # Errors
/// [`HistoryError`] when the state cannot be read or keeps no roots by block. A root without an
/// explanation is no error.
pub fn explain<S: StorageReader + ?Sized>(
    state: &S,
    addresses: Addresses,
    forest: &Forest,
    events: &[MessageRootEvent],
    effort: SearchBudget,
) -> Result<Timeline, HistoryError> {
    let newest = forest.latest().ok_or(HistoryError::NoRoots)?;
    let message_root = MessageRoot::at(state, addresses.message_root);
    let chains: Vec<_> = forest.chains().iter().map(ChainTree::chain).collect();
    let (blocks, roots) = interop_root::all(&message_root, &chains, newest.block)?;
    let steps = match events {
        [] => first_writes::steps(state, addresses, forest, &blocks)?,
        _ => None,
    };
    let found = match events {
        [] => History::new(blocks, roots, steps.unwrap_or_default()),
        _ => replayed(forest, blocks, roots, events),
    };
    mend(forest, found, effort)
}

/// As [`explain`], of roots that were found before, some of which may be explained. Where there are
/// events, they take the place of what is known.
///
/// # Errors
/// [`HistoryError`] when the columns do not belong to the forest or to one another, an explanation is
/// wrong, or, where something is left to search for, a node of a chain's tree is.
pub fn explain_further(
    forest: &Forest,
    known: History,
    events: &[MessageRootEvent],
    effort: SearchBudget,
) -> Result<Timeline, HistoryError> {
    let mend = |known| {
        // Nothing is found in trees that are damaged, however long the search.
        sound(forest)?;
        mend(forest, known, effort)
    };
    if !events.is_empty() {
        return mend(replayed(forest, known.blocks, known.roots, events));
    }
    // What is known was compared with the roots when it was found: it is damaged where it differs.
    let timeline = Timeline::new(forest, known).or_else(|error| sound(forest).and(Err(error)))?;
    if timeline.history().unexplained().next().is_none() {
        return Ok(timeline);
    }
    mend(timeline.into_history())
}

/// The history that events give.
fn replayed(
    forest: &Forest,
    blocks: Vec<SlBlock>,
    roots: Vec<Hash>,
    events: &[MessageRootEvent],
) -> History {
    let steps = replay::steps(forest, &blocks, events);
    History::new(blocks, roots, steps)
}

/// Drops what does not hash to its root, and searches for what is not explained.
fn mend(forest: &Forest, known: History, effort: SearchBudget) -> Result<Timeline, HistoryError> {
    let (mut timeline, mut differing) = Timeline::replay(forest, known)?;
    if !differing.is_empty() {
        let counted = timeline.with_chains_counted(forest, &differing);
        (timeline, differing) = Timeline::replay(forest, counted)?;
    }
    if differing.is_empty() && timeline.history().unexplained().next().is_none() {
        return Ok(timeline);
    }
    let history = search::complete(forest, &timeline.without(&differing), effort);
    Timeline::new(forest, history)
}

/// Every node of every chain's tree is the hash of its children.
fn sound(forest: &Forest) -> Result<(), HistoryError> {
    let first_inconsistent_node = |tree: &ChainTree| {
        let (level, index) = tree.tree().first_inconsistent_node()?;
        Some(HistoryError::Unsound { chain: tree.chain(), level, index })
    };
    forest.chains().iter().find_map(first_inconsistent_node).map_or(Ok(()), Err)
}

impl History {
    /// Columns from what changed up to each root; unexplained where it is `None`, or there is nothing.
    fn new(blocks: Vec<SlBlock>, roots: Vec<Hash>, steps: Vec<Option<Step>>) -> Self {
        let mut history = Self { blocks, roots, ..Self::default() };
        let nothing = history.blocks.len() - steps.len();
        let steps = steps.into_iter().chain(iter::repeat_n(None, nothing));
        steps.for_each(|step| history.push_step(step));
        history
    }

    /// Appends a root; unexplained where there is no step.
    pub(super) fn push(&mut self, block: SlBlock, root: Hash, step: Option<Step>) {
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

    /// How many roots there are, explained or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The root with this index; its number of chains is 0 where it is unexplained.
    ///
    /// # Panics
    /// When there is no such root.
    #[must_use]
    pub fn root(&self, index: usize) -> InteropRoot {
        InteropRoot {
            block: self.blocks[index],
            root: self.roots[index],
            chains: self.chains[index].into(),
        }
    }

    /// Which chains, by index, appended how many batches since the last explained root.
    ///
    /// # Panics
    /// When there is no such root.
    pub fn advances(&self, index: usize) -> impl Iterator<Item = (u32, u64)> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let range = start..self.ends[index] as usize;
        self.advanced[range.clone()].iter().copied().zip(self.batches[range].iter().copied())
    }

    /// The indices of the roots without an explanation.
    pub fn unexplained(&self) -> impl Iterator<Item = usize> {
        self.chains.iter().enumerate().filter(|(_, chains)| **chains == 0).map(|(index, _)| index)
    }

    /// The columns belong to one another and to the forest.
    fn check(&self, forest: &Forest) -> Result<(), HistoryError> {
        let bad = |root, reason| Err(HistoryError::Columns { root, reason });
        let roots = self.blocks.len();
        if [self.roots.len(), self.chains.len(), self.ends.len()] != [roots; 3] {
            return bad(roots, "the columns by root differ in length");
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
                return bad(root, "its advances end before they begin, or nowhere");
            }
            if self.chains[root] == 0 {
                if end != start {
                    return bad(root, "it is unexplained and has advances");
                }
                continue;
            }
            if self.chains[root] < chains || self.chains[root] as usize > counts.len() {
                return bad(root, "its number of chains is none that the trees had then");
            }
            chains = self.chains[root];
            for (chain, batches) in self.advances(root) {
                let tree = forest.chains().get(chain as usize).filter(|_| chain < chains);
                let Some(tree) = tree else { return bad(root, "a chain was not registered then") };
                let count = &mut counts[chain as usize];
                match count.checked_add(batches) {
                    Some(sum) if batches > 0 && sum <= tree.batches().len() => *count = sum,
                    _ => return bad(root, "a chain has no such batches"),
                }
            }
            start = end;
        }
        Ok(())
    }
}
