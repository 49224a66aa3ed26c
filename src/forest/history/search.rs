//! Roots that no event explains: searched from both ends of the gap towards each other.
//!
//! The trees at both ends of a gap are known: those of the last explained root before it, or the
//! settlement layer's own chain alone at the very beginning; and those of the next explained root, or
//! of the present. One walk goes up from the first, one down from the last, until they meet. A walk that
//! cannot explain a root tries the ones behind it with the same candidates; a walk that finds none of
//! them ends, and leaves the rest to the other. Roots that a walk passed without explaining them are a
//! smaller gap between two explained roots, which is searched again.
//!
//! **The same input gives the same history**, for any number of threads. The walks go side by side in
//! rounds. A round says up to how many trees each walk may have tried; what the walks see of each other
//! is where both stood when the round began. So the result depends on numbers of trees, never on time.
//! The walk that is behind sets the pace: a walk begins a large class only when the other one has tried
//! about as many trees and has still not met it.

use std::ops::Range;

use super::{
    History, Step,
    walk::{Budget, Position, Walk},
};
use crate::{forest::Forest, primitives::Hash};

/// How many trees a walk tries in a round before it sees how far the other one has got.
const TURN: u64 = 1 << 12;

/// How long to search. In candidates, not in seconds: the same state gives the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// The most trees to try for one step.
    pub step: u64,
    /// The most trees to try in each direction of a gap.
    pub walk: u64,
}

/// The least and the most trees that are tried for one step unless told otherwise, and how many for each
/// batch: a small state keeps nobody waiting, whatever is in it.
const FEWEST_TREES: u64 = 1 << 22;
const MOST_TREES: u64 = 1 << 27;
const TREES_A_BATCH: u64 = 1 << 12;

impl SearchBudget {
    /// What is worth while with so many batches.
    #[must_use]
    pub fn for_batches(batches: u64) -> Self {
        let trees = batches.saturating_mul(TREES_A_BATCH);
        Self::with_step(trees.clamp(FEWEST_TREES, MOST_TREES))
    }

    /// For steps of so many trees.
    #[must_use]
    pub fn with_step(step: u64) -> Self {
        Self { step, walk: step.saturating_mul(4) }
    }
}

impl Default for SearchBudget {
    /// The most that is worth while.
    fn default() -> Self {
        Self::with_step(MOST_TREES)
    }
}

/// Searches for what explains the unexplained roots of a history.
pub(super) fn complete(forest: &Forest, history: &History, effort: SearchBudget) -> History {
    let mut steps: Vec<Option<Step>> = (0..history.len())
        .map(|index| {
            let chains = history.chains[index];
            let advances = history.advances(index).collect();
            (chains > 0).then_some(Step { chains, advances })
        })
        .collect();
    let mut here = Position { chains: 1, batches: vec![0; forest.chains().len()] };
    let mut index = 0;
    while index < steps.len() {
        if let Some(step) = &steps[index] {
            here.add(step);
            index += 1;
            continue;
        }
        let len = steps[index..].iter().take_while(|step| step.is_none()).count();
        let (end, there) = match steps.get(index + len) {
            Some(Some(step)) => {
                let mut there = here.clone();
                there.add(step);
                (index + len, there)
            }
            // The newest root was found to be that of the present trees when they were rebuilt.
            _ => (index + len - 1, present(forest)),
        };
        let budget = Budget { step: effort.step, walk: effort.walk };
        let mut search = Search { forest, roots: &history.roots, budgets: [budget; 2] };
        for (index, step) in search.close(&here, &there, index..end) {
            steps[index] = Some(step);
        }
        here = there;
        index = end + 1;
    }
    History::new(history.blocks.clone(), history.roots.clone(), steps)
}

fn present(forest: &Forest) -> Position {
    let chains = forest.latest().map_or(1, |latest| latest.chains);
    let batches = forest.chains().iter().map(|tree| tree.batches().len()).collect();
    Position { chains: chains as u32, batches }
}

/// The search through one gap, and the smaller ones in it.
struct Search<'a> {
    forest: &'a Forest,
    roots: &'a [Hash],
    /// What is left for walks up and down.
    budgets: [Budget; 2],
}

impl Search<'_> {
    /// Explains roots of a gap between two positions. Returns the steps that were found, and the one
    /// into root `gap.end`, whose position is `there`.
    fn close(
        &mut self,
        here: &Position,
        there: &Position,
        gap: Range<usize>,
    ) -> Vec<(usize, Step)> {
        let (steps, open) = self.walk(here, there, &gap);
        let mut all = Vec::with_capacity(steps.len());
        let (mut at, mut next) = (here.clone(), gap.start);
        for (root, step) in steps {
            let passed = next..root;
            next = root + 1;
            if passed.is_empty() || passed == open || passed == gap {
                at.add(&step);
                all.push((root, step));
            } else {
                let before = at.clone();
                at.add(&step);
                all.extend(self.close(&before, &at, passed));
            }
        }
        all
    }

    /// Walks from both ends until the walks meet, or nothing fits any more. Returns the steps as
    /// [`close`](Self::close) does, and the roots that neither walk has explained or passed.
    fn walk(
        &mut self,
        here: &Position,
        there: &Position,
        gap: &Range<usize>,
    ) -> (Vec<(usize, Step)>, Range<usize>) {
        let walk = |up: bool| {
            let budget = self.budgets[usize::from(!up)];
            Walk::new((self.forest, self.roots), (here, there), gap.clone(), up, budget)
        };
        // Most gaps are short: the walk up closes them in its first turn.
        let (mut up, mut down) = (walk(true), walk(false).beginning_after(TURN));
        let open = loop {
            let open = up.rest.start..down.rest.end;
            let due = match (up.due(), down.due()) {
                (Some(up), Some(down)) => up.min(down),
                (Some(due), None) | (None, Some(due)) => due,
                (None, None) => break open,
            };
            if open.is_empty() {
                break open;
            }
            let until = due.saturating_add(TURN - 1);
            rayon::join(|| up.go(&open, until), || down.go(&open, until));
        };
        self.budgets = [up.budget, down.budget];
        (join(up, down, there, gap.end), open)
    }
}

/// The steps of both walks as they read upwards, and the one that leads from one walk to the other.
fn join(up: Walk<'_>, down: Walk<'_>, there: &Position, end: usize) -> Vec<(usize, Step)> {
    let (mut steps, low) = (up.found, up.here);
    let (mut found, mut high) = (down.found, down.here);
    // The walk down found what changed from each root up to the one before, which is `end` first.
    let mut above = end;
    for (index, step) in &mut found {
        std::mem::swap(index, &mut above);
        step.advances.sort_unstable();
    }
    let mut lowest = above;
    while steps.last().is_some_and(|(index, _)| lowest <= *index) {
        // Both walks explained or passed this root.
        let Some((index, step)) = found.pop() else { break };
        high.add(&step);
        lowest = index;
    }
    let (bridge, found) = match high.since(&low) {
        Some(step) => ((lowest, step), found),
        // Roots that no contract can have filed one after the other: the walk up is as good as the
        // walk down, and one of them has to go.
        None => match there.since(&low) {
            Some(step) => ((end, step), Vec::new()),
            None => return steps,
        },
    };
    steps.push(bridge);
    steps.extend(found.into_iter().rev());
    steps
}
