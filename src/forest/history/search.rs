//! The search for roots that events do not explain, from both ends of each gap.
//!
//! The trees at both ends of a gap are known. The lower end is the last explained root before it, or the
//! settlement layer's own chain alone. The upper end is the next explained root, or the present tree. One
//! walk goes up from the lower end, one goes down from the upper end, until they meet. A walk that cannot
//! explain a root compares the same candidates with the roots after it. If none matches, the walk ends and
//! leaves the rest to the other walk. Roots that a walk skipped form a smaller gap between two explained
//! roots, which is searched again.
//!
//! **The same input leads to the same history** for any number of threads. The walks advance in rounds. A
//! round limits the trees that each walk may have tried. The walks see each other's position only as it was
//! at the start of the round. So the result depends on numbers of trees, never on time. The slower walk sets
//! the pace: a walk begins a large class only after the other one has tried about as many trees without
//! meeting it.

use std::ops::Range;

use super::{
    History, Step,
    gap_leaves::GapLeaves,
    position::Position,
    walk::{Budget, Walk},
};
use crate::{forest::Forest, primitives::Hash};

/// Trees that a walk tries in a round before it sees the other walk's position.
const TURN: u64 = 1 << 12;

/// The limits of the search, in trees and not in seconds: the same state leads to the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// The most trees to try for one step.
    pub step: u64,
    /// The most trees to try in each direction of a gap.
    pub walk: u64,
}

/// The least and the most trees that are tried for one step by default, and the number for each batch. They
/// keep the search in a small state short, whatever the state contains.
const FEWEST_TREES: u64 = 1 << 22;
const MOST_TREES: u64 = 1 << 27;
const TREES_A_BATCH: u64 = 1 << 12;

impl SearchBudget {
    /// The default budget for a settlement layer with `batches` batches.
    #[must_use]
    pub fn for_batches(batches: u64) -> Self {
        let trees = batches.saturating_mul(TREES_A_BATCH);
        Self::with_step(trees.clamp(FEWEST_TREES, MOST_TREES))
    }

    /// A budget of `step` trees for each step.
    #[must_use]
    pub fn with_step(step: u64) -> Self {
        Self { step, walk: step.saturating_mul(4) }
    }
}

impl Default for SearchBudget {
    /// The largest default budget.
    fn default() -> Self {
        Self::with_step(MOST_TREES)
    }
}

/// Searches for the explanations of the unexplained roots of a history.
pub(super) fn complete(forest: &Forest, history: History, effort: SearchBudget) -> History {
    let all = 0..history.len();
    complete_in(forest, history, all, effort)
}

/// As [`complete`], only in those gaps that have a root in `wanted`. What is found in a gap does not depend on the
/// others.
pub(super) fn complete_in(
    forest: &Forest,
    history: History,
    wanted: Range<usize>,
    effort: SearchBudget,
) -> History {
    let mut steps: Vec<Option<Step>> = history.rows().map(|(.., step)| step).collect();
    let mut here = Position { chains: 1, batches: vec![0; forest.chains().len()] };
    let mut index = 0;
    while index < steps.len() {
        if let Some(step) = &steps[index] {
            here.add(step);
            index += 1;
            continue;
        }
        let len = steps[index..].iter().take_while(|step| step.is_none()).count();
        if index + len <= wanted.start || wanted.end <= index {
            index += len;
            continue;
        }
        let (end, there) = match steps.get(index + len) {
            Some(Some(step)) => {
                let mut there = here.clone();
                there.add(step);
                (index + len, there)
            }
            // The rebuild compared the newest root with the present trees.
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
    history.with_steps(steps)
}

fn present(forest: &Forest) -> Position {
    let chains = forest.latest().map_or(1, |latest| latest.chains);
    let batches = forest.chains().iter().map(|tree| tree.batches().len()).collect();
    Position { chains: chains as u32, batches }
}

/// The search through one gap and the smaller gaps in it.
struct Search<'a> {
    forest: &'a Forest,
    roots: &'a [Hash],
    /// The remaining budgets of the walks up and down.
    budgets: [Budget; 2],
}

impl Search<'_> {
    /// Explains roots of a gap between two positions. Returns the steps that were found, and the step to
    /// root `gap.end`, whose position is `there`.
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

    /// Walks from both ends until the walks meet or nothing matches. Returns the steps as
    /// [`close`](Self::close) does, and the roots that neither walk has explained or skipped.
    fn walk(
        &mut self,
        here: &Position,
        there: &Position,
        gap: &Range<usize>,
    ) -> (Vec<(usize, Step)>, Range<usize>) {
        let leaves = GapLeaves::new(self.forest, here, there);
        let walk = |up: bool| {
            let budget = self.budgets[usize::from(!up)];
            Walk::new((self.forest, self.roots), &leaves, (here, there), gap.clone(), up, budget)
        };
        // Most gaps are short: the walk up closes them in its first round.
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

/// Merges the steps of both walks in upward order, with the step that connects the two walks.
fn join(up: Walk<'_>, down: Walk<'_>, there: &Position, end: usize) -> Vec<(usize, Step)> {
    let (mut steps, low) = (up.found, up.here);
    let (mut found, mut high) = (down.found, down.here);
    // The walk down found the changes between each root and the root above it; the first is `end`.
    let mut above = end;
    for (index, step) in &mut found {
        std::mem::swap(index, &mut above);
        step.advances.sort_unstable();
    }
    let mut lowest = above;
    while steps.last().is_some_and(|(index, _)| lowest <= *index) {
        // Both walks explained or skipped this root.
        let Some((index, step)) = found.pop() else { break };
        high.add(&step);
        lowest = index;
    }
    let (bridge, found) = match high.since(&low) {
        Some(step) => ((lowest, step), found),
        // No contract can have stored these roots one after the other. One of the two walks has to be
        // dropped; which one does not matter.
        None => match there.since(&low) {
            Some(step) => ((end, step), Vec::new()),
            None => return steps,
        },
    };
    steps.push(bridge);
    steps.extend(found.into_iter().rev());
    steps
}
