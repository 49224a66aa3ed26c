//! Roots that no event explains: searched from both ends of the gap towards each other.
//!
//! The trees at both ends of a gap are known: those of the last explained root before it, or the
//! settlement layer's own chain alone at the very beginning; and those of the next explained root, or
//! of the present. One walk goes up from the first, one down from the last, each at its own pace,
//! until they meet. A walk that cannot explain a root tries the ones behind it with the same
//! candidates; a walk that finds none of them ends, and leaves the rest to the other.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{
    History, Step,
    candidates::Candidates,
    likelihood::{self, ChainModel, Class},
};
use crate::{forest::Forest, primitives::Hash};

/// How many roots a candidate is compared with: the next one and those behind it.
const LOOK_AHEAD: usize = 8;
/// After how many roots the odds are computed anew.
const EPOCH: usize = 256;
/// Less likely changes are not tried, however few there are.
const CLASSES: Class = 256;
/// How many leaves of a chain are hashed ahead.
const LEAVES_AHEAD: u64 = 128;

/// How long to search. In candidates, not in seconds: the same state gives the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// The most trees to try for one step.
    pub step: u64,
    /// The most trees to try in each direction of a gap.
    pub walk: u64,
}

impl Default for SearchBudget {
    fn default() -> Self {
        Self { step: 1 << 27, walk: 1 << 29 }
    }
}

/// The shared tree at a root: how many chains, and how many batches of each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    chains: u32,
    batches: Vec<u64>,
}

impl Position {
    fn add(&mut self, step: &Step) {
        self.chains = step.chains;
        for (chain, batches) in &step.advances {
            self.batches[*chain as usize] += batches;
        }
    }

    /// What changed from an earlier position up to this one; `None` when the other is not earlier.
    fn since(&self, earlier: &Self) -> Option<Step> {
        let mut advances = Vec::new();
        for (chain, (now, then)) in (0..).zip(self.batches.iter().zip(&earlier.batches)) {
            match now.checked_sub(*then)? {
                0 => {}
                batches => advances.push((chain, batches)),
            }
        }
        (self.chains >= earlier.chains).then_some(Step { chains: self.chains, advances })
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
        let gap =
            Gap { forest, roots: &history.roots, effort, low: index.into(), high: end.into() };
        for (index, step) in gap.close(&here, &there, end) {
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

/// A run of unexplained roots.
struct Gap<'a> {
    forest: &'a Forest,
    roots: &'a [Hash],
    effort: SearchBudget,
    /// The lowest root that the walk up has not explained or passed.
    low: AtomicUsize,
    /// The lowest root that the walk down has explained.
    high: AtomicUsize,
}

impl Gap<'_> {
    /// The steps that were found, and the one into root `end`, whose position is `there`.
    fn close(&self, here: &Position, there: &Position, end: usize) -> Vec<(usize, Step)> {
        let (up, down) = rayon::join(
            || self.walk(Walk::new(self.forest, here, there, true)),
            || self.walk(Walk::new(self.forest, there, here, false)),
        );
        let (mut steps, low) = up;
        let (mut found, mut high) = down;
        // The walk down found what changed from each root up to the one before, which is `end` first.
        let mut above = end;
        for (index, step) in &mut found {
            std::mem::swap(index, &mut above);
            step.advances.sort_unstable();
        }
        let mut lowest = above;
        while lowest <= steps.last().map_or(0, |(index, _)| *index) && !steps.is_empty() {
            // Both walks explained this root.
            let Some((index, step)) = found.pop() else { break };
            high.add(&step);
            lowest = index;
        }
        let (bridge, found) = match high.since(&low) {
            Some(step) => ((lowest, step), found),
            // Roots that no contract can have filed one after the other: the walk up is as good as
            // the walk down, and one of them has to go.
            None => match there.since(&low) {
                Some(step) => ((end, step), Vec::new()),
                None => return steps,
            },
        };
        steps.push(bridge);
        steps.extend(found.into_iter().rev());
        steps
    }

    /// Walks until the other walk is met, or nothing fits any more. Returns the roots that were
    /// reached with what changed up to each (walking down: from each), and where the walk ended.
    fn walk(&self, mut walk: Walk<'_>) -> (Vec<(usize, Step)>, Position) {
        let mut found = Vec::new();
        let mut left = self.effort.walk;
        loop {
            let (low, high) = (self.low.load(Ordering::Relaxed), self.high.load(Ordering::Relaxed));
            if low >= high {
                break;
            }
            let targets: Vec<usize> = if walk.up {
                (low..high).take(LOOK_AHEAD).collect()
            } else {
                (low..high).rev().take(LOOK_AHEAD).collect()
            };
            let roots: Vec<Hash> = targets.iter().map(|index| self.roots[*index]).collect();
            let met = || {
                let (low, high) = (&self.low, &self.high);
                low.load(Ordering::Relaxed) >= high.load(Ordering::Relaxed)
            };
            let mut budget = self.effort.step.min(left);
            let before = budget;
            let Some((target, step)) = walk.step(&roots, high - low, &mut budget, &met) else {
                break;
            };
            left -= before - budget;
            let index = targets[target];
            if walk.up {
                self.low.store(index + 1, Ordering::Relaxed);
            } else {
                self.high.store(index, Ordering::Relaxed);
            }
            found.push((index, step));
        }
        (found, walk.here)
    }
}

/// One walk through a gap.
struct Walk<'f> {
    forest: &'f Forest,
    up: bool,
    here: Position,
    /// Where the walk would end.
    there: Position,
    /// The candidates over as many chains as there are here.
    same: Option<Candidates>,
    age: usize,
    ahead: Vec<Ahead>,
}

/// Leaves of a chain that were hashed ahead.
#[derive(Clone, Default)]
struct Ahead {
    start: u64,
    leaves: Vec<Hash>,
}

impl<'f> Walk<'f> {
    fn new(forest: &'f Forest, here: &Position, there: &Position, up: bool) -> Self {
        let ahead = vec![Ahead::default(); forest.chains().len()];
        let (here, there) = (here.clone(), there.clone());
        Self { forest, up, here, there, same: None, age: 0, ahead }
    }

    /// How many batches of a chain the rest of the walk passes.
    fn left(&self, chain: usize) -> u64 {
        let (here, there) = (self.here.batches[chain], self.there.batches[chain]);
        if self.up { there.saturating_sub(here) } else { here.saturating_sub(there) }
    }

    fn candidates(&self, chains: u32, roots: u64) -> Candidates {
        let moves = |chain: usize| {
            let is_new = self.up && self.here.batches[chain] == 0;
            ChainModel::new(self.left(chain), roots, is_new)
        };
        Candidates::new((0..chains as usize).map(moves).collect())
    }

    /// Finds what leads from here to one of the roots, the nearer the better, and goes there. `None`
    /// when the budget is used up, nothing is left to try, or the other walk has been met.
    fn step(
        &mut self,
        targets: &[Hash],
        roots: usize,
        budget: &mut u64,
        met: &dyn Fn() -> bool,
    ) -> Option<(usize, Step)> {
        let roots = roots as u64;
        // Altered roots may have fewer chains than one before them.
        let (here, there) = (self.here.chains, self.there.chains);
        let more = if self.up { there.saturating_sub(here) } else { here.saturating_sub(there) };
        let registrable = u64::from(more);
        let mut same = match self.same.take() {
            Some(same) if self.age < EPOCH => same,
            _ => {
                self.age = 0;
                self.candidates(self.here.chains, roots)
            }
        };
        self.age += 1;
        let mut others: Vec<Candidates> = Vec::new();
        let mut exhausted = false;
        for class in 0..CLASSES {
            let mut best: Option<(usize, Step)> = None;
            for registered in 0..=registrable {
                let base = likelihood::registering(registered, registrable, roots);
                let Some(class) = class.checked_sub(base) else { break };
                let change = registered as u32;
                let chains =
                    if self.up { self.here.chains + change } else { self.here.chains - change };
                let candidates = match registered {
                    0 => &mut same,
                    n => {
                        if others.len() < n as usize {
                            others.push(self.candidates(chains, roots));
                        }
                        &mut others[n as usize - 1]
                    }
                };
                for class in candidates.prepared()..=class {
                    candidates.prepare(class, |chain, numbers| self.leaves(chain, numbers));
                }
                let Some(rest) = budget.checked_sub(candidates.size(class)) else {
                    exhausted = true;
                    break;
                };
                *budget = rest;
                let mut found = best.as_ref().map_or(targets.len(), |(target, ..)| *target);
                let mut place = None;
                candidates.scan(class, &mut |nodes, places| {
                    for (node, at) in nodes.iter().zip(places) {
                        if let Some(target) = targets[..found].iter().position(|t| t == node) {
                            found = target;
                            place = Some(*at);
                        }
                    }
                    found > 0 && !met()
                });
                if let Some(place) = place {
                    let advances = candidates.changes(class, place);
                    best = Some((found, Step { chains, advances }));
                    if found == 0 {
                        break;
                    }
                }
            }
            if let Some((target, change)) = best {
                let step = self.take(change);
                if self.here.chains == same.chains() {
                    for (chain, _) in &step.advances {
                        same.moved(*chain as usize, self.left(*chain as usize));
                    }
                    self.same = Some(same);
                }
                return Some((target, step));
            }
            if exhausted || met() {
                return None;
            }
        }
        None
    }

    /// Goes one step, and returns it as it reads upwards.
    fn take(&mut self, change: Step) -> Step {
        if self.up {
            self.here.add(&change);
            return change;
        }
        let Step { chains, mut advances } = change;
        // Chains that were registered in this step had nothing before it.
        for chain in chains..self.here.chains {
            match self.here.batches[chain as usize] {
                0 => {}
                batches => advances.push((chain, batches)),
            }
        }
        let step = Step { chains: self.here.chains, advances };
        for (chain, batches) in &step.advances {
            self.here.batches[*chain as usize] -= batches;
        }
        self.here.chains = chains;
        step
    }

    /// The leaves of a chain after it has moved by each number of batches.
    fn leaves(&mut self, chain: usize, numbers: Range<u64>) -> Vec<Hash> {
        let tree = &self.forest.chains()[chain];
        let here = self.here.batches[chain];
        let (first, last) = (numbers.start, numbers.end - 1);
        if last - first >= LEAVES_AHEAD {
            let count = |number| if self.up { here + number } else { here - number };
            return tree.leaves_after(&numbers.map(count).collect::<Vec<u64>>());
        }
        let counts = if self.up { here + first..=here + last } else { here - last..=here - first };
        let ahead = &mut self.ahead[chain];
        let end = ahead.start + ahead.leaves.len() as u64;
        if *counts.start() < ahead.start || *counts.end() >= end {
            let all = tree.batches().len();
            let window = if self.up {
                *counts.start()..(counts.start() + LEAVES_AHEAD).min(all + 1)
            } else {
                counts.end().saturating_sub(LEAVES_AHEAD - 1)..counts.end() + 1
            };
            ahead.start = window.start;
            ahead.leaves = tree.leaves_after(&window.collect::<Vec<u64>>());
        }
        let range = (counts.start() - ahead.start) as usize..=(counts.end() - ahead.start) as usize;
        let mut leaves = ahead.leaves[range].to_vec();
        if !self.up {
            leaves.reverse();
        }
        leaves
    }
}
