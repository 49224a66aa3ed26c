//! One walk through a gap of unexplained roots: step by step, and in each step class by class.
//!
//! A walk depends only on its gap. The position of the other walk only removes roots that are not needed any
//! more: it changes neither what is tried nor the order. Progress is measured in trees tried, which are the
//! same in every run.

use std::ops::{Range, RangeInclusive};

use super::{
    Step,
    candidates::{Candidates, STORED_LEAVES},
    gap_leaves::GapLeaves,
    likelihood::{self, ChainModel, Class},
    position::Position,
};
use crate::{forest::Forest, primitives::Hash};

/// Roots that a candidate is compared with: the next one and those after it.
const LOOK_AHEAD: usize = 8;
/// Roots after which the odds are computed again.
const EPOCH: usize = 256;
/// Changes from this class on are too unlikely and are not tried.
const CLASSES: Class = 256;
/// Leaves of a chain that are hashed in advance.
const LEAVES_AHEAD: u64 = STORED_LEAVES;

/// The most trees that a walk may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// For one step.
    pub(super) step: u64,
    /// For all remaining steps.
    pub(super) walk: u64,
}

/// One walk through a gap.
pub(super) struct Walk<'f> {
    forest: &'f Forest,
    roots: &'f [Hash],
    up: bool,
    /// The current position of the walk.
    pub(super) here: Position,
    /// The position at which the walk ends.
    there: Position,
    /// The roots of the gap that the walk has neither explained nor skipped.
    pub(super) rest: Range<usize>,
    /// The roots that were reached, with the changes up to each (for a walk down: from each).
    pub(super) found: Vec<(usize, Step)>,
    pub(super) budget: Budget,
    /// Trees that the walk has tried, plus the delay with which it began.
    tried: u64,
    /// The search for the current step. `None` before the walk starts on it.
    attempt: Option<Attempt>,
    /// Whether the walk has ended: nothing matches any more, or the budget is used up.
    is_over: bool,
    /// The candidates over the current number of chains.
    same: Option<Candidates>,
    age: usize,
    ahead: Vec<Ahead>,
    gap_leaves: &'f GapLeaves<'f>,
}

/// The search for one step. All trees of a class are tried before those of the next class.
struct Attempt {
    /// The number of roots in the rest of the walk.
    roots: u64,
    /// The most chains that may be registered.
    registrable: u64,
    /// The candidates if no chain is registered.
    same: Candidates,
    /// The candidates if chains are registered, once a class has some.
    other: Option<Candidates>,
    /// The number of trees that may still be tried.
    budget: u64,
    /// The next class.
    class: Class,
    /// The parts of the class within the budget: the number of chains registered, and the class of the
    /// candidates.
    parts: Vec<(usize, Class)>,
    /// The number of trees in the parts.
    trees: u64,
    /// Whether the budget ends with these parts.
    is_last: bool,
}

/// Leaves of a chain that were hashed in advance.
#[derive(Clone, Default)]
struct Ahead {
    start: u64,
    leaves: Vec<Hash>,
}

impl<'f> Walk<'f> {
    /// A walk through the gap `rest`, whose ends are `low` and `high`.
    pub(super) fn new(
        (forest, roots): (&'f Forest, &'f [Hash]),
        gap_leaves: &'f GapLeaves<'f>,
        (low, high): (&Position, &Position),
        rest: Range<usize>,
        up: bool,
        budget: Budget,
    ) -> Self {
        let (here, there) = if up { (low, high) } else { (high, low) };
        Self {
            forest,
            roots,
            up,
            here: here.clone(),
            there: there.clone(),
            rest,
            found: Vec::new(),
            budget,
            tried: 0,
            attempt: None,
            is_over: false,
            same: None,
            age: 0,
            ahead: vec![Ahead::default(); forest.chains().len()],
            gap_leaves,
        }
    }

    /// The same walk, delayed until another walk has tried so many trees.
    pub(super) fn beginning_after(self, tried: u64) -> Self {
        Self { tried, ..self }
    }

    /// The number of trees that the walk will have tried after the next class. `None` if the walk is over.
    pub(super) fn due(&self) -> Option<u64> {
        let next = self.attempt.as_ref().map_or(0, |attempt| attempt.trees);
        (!self.is_over).then(|| self.tried.saturating_add(next))
    }

    /// Walks until it has tried `until` trees, or until the roots in `open` are done. The other walk has
    /// explained or skipped all roots outside `open`.
    pub(super) fn go(&mut self, open: &Range<usize>, until: u64) {
        while self.due().is_some_and(|due| due <= until) {
            let targets = self.targets(open);
            if targets.is_empty() {
                return;
            }
            let Some(mut attempt) = self.attempt.take() else {
                let attempt = self.set_out();
                self.attempt = Some(attempt);
                continue;
            };
            match self.try_class(&mut attempt, &targets) {
                Some((target, change)) => {
                    let root = targets[target];
                    let step = self.take(change, attempt.same);
                    self.rest =
                        if self.up { root + 1..self.rest.end } else { self.rest.start..root };
                    self.found.push((root, step));
                }
                None if attempt.is_last || attempt.class + 1 == CLASSES => self.is_over = true,
                None => {
                    attempt.class += 1;
                    self.prepare(&mut attempt);
                    self.attempt = Some(attempt);
                }
            }
        }
    }

    /// The next roots, nearest first.
    fn targets(&self, open: &Range<usize>) -> Vec<usize> {
        if self.up {
            (self.rest.start..open.end).take(LOOK_AHEAD).collect()
        } else {
            (open.start..self.rest.end).rev().take(LOOK_AHEAD).collect()
        }
    }

    /// The number of batches of a chain in the rest of the walk.
    fn left(&self, chain: usize) -> u64 {
        let (here, there) = (self.here.batches[chain], self.there.batches[chain]);
        if self.up { there.saturating_sub(here) } else { here.saturating_sub(there) }
    }

    /// The candidates for trees over `chains` chains, and over fewer ones down to `fewest`.
    fn candidates(&self, fewest: u32, chains: u32, roots: u64) -> Candidates {
        let moves = |chain: usize| {
            let is_new = self.up && self.here.batches[chain] == 0;
            ChainModel::new(self.left(chain), roots, is_new)
        };
        Candidates::new((0..chains as usize).map(moves).collect(), fewest)
    }

    /// The number of chains if so many were registered in the step.
    fn chains(&self, registered: usize) -> u32 {
        let change = registered as u32;
        if self.up { self.here.chains + change } else { self.here.chains - change }
    }

    /// Starts the search for the step from here to one of the next roots.
    fn set_out(&mut self) -> Attempt {
        // In altered input, a root may have fewer chains than the root before it.
        let (here, there) = (self.here.chains, self.there.chains);
        let more = if self.up { there.saturating_sub(here) } else { here.saturating_sub(there) };
        let roots = self.rest.len() as u64;
        let same = match self.same.take() {
            Some(same) if self.age < EPOCH => same,
            _ => {
                self.age = 0;
                self.candidates(here, here, roots)
            }
        };
        self.age += 1;
        let mut attempt = Attempt {
            roots,
            registrable: more.into(),
            same,
            other: None,
            budget: self.budget.step.min(self.budget.walk),
            class: 0,
            parts: Vec::new(),
            trees: 0,
            is_last: false,
        };
        self.prepare(&mut attempt);
        attempt
    }

    /// Prepares the next class.
    fn prepare(&mut self, attempt: &mut Attempt) {
        attempt.parts.clear();
        attempt.trees = 0;
        for registered in 0..=attempt.registrable {
            let base = likelihood::registering(registered, attempt.registrable, attempt.roots);
            let Some(class) = attempt.class.checked_sub(base) else { break };
            let registered = registered as usize;
            let chains = self.chains(registered);
            let candidates = match registered {
                0 => &mut attempt.same,
                _ => attempt.other.get_or_insert_with(|| {
                    let ends = [1, attempt.registrable as usize].map(|count| self.chains(count));
                    let [fewest, most] = if self.up { ends } else { [ends[1], ends[0]] };
                    self.candidates(fewest, most, attempt.roots)
                }),
            };
            for class in candidates.prepared(chains)..=class {
                candidates
                    .prepare_leaves(chains, class, |chain, numbers| self.leaves(chain, numbers));
                candidates
                    .prepare(chains, class, &|chain, numbers| self.many_leaves(chain, numbers));
            }
            let trees = attempt.trees.saturating_add(candidates.size(chains, class));
            if trees > attempt.budget {
                attempt.is_last = true;
                break;
            }
            attempt.trees = trees;
            attempt.parts.push((registered, class));
        }
    }

    /// Tries every tree of the next class. Returns the target that is reached, the nearest if there are
    /// several, and the step to it.
    fn try_class(&mut self, attempt: &mut Attempt, targets: &[usize]) -> Option<(usize, Step)> {
        let roots: Vec<Hash> = targets.iter().map(|target| self.roots[*target]).collect();
        let mut best = None;
        let mut nearest = roots.len();
        for &(registered, class) in &attempt.parts {
            let chains = self.chains(registered);
            let candidates =
                if registered == 0 { Some(&attempt.same) } else { attempt.other.as_ref() };
            let Some(candidates) = candidates else { continue };
            let trees = candidates.size(chains, class);
            attempt.budget -= trees;
            self.budget.walk -= trees;
            self.tried = self.tried.saturating_add(trees);
            let mut place = None;
            let leaves = |chain, numbers| self.many_leaves(chain, numbers);
            candidates.scan(chains, class, &leaves, &mut |nodes, places| {
                for (node, at) in nodes.iter().zip(places) {
                    if let Some(target) = roots[..nearest].iter().position(|root| root == node) {
                        nearest = target;
                        place = Some(*at);
                    }
                }
                nearest > 0
            });
            if let Some(place) = place {
                let advances = candidates.changes(chains, class, place);
                best = Some((nearest, Step { chains, advances }));
            }
            if nearest == 0 {
                break;
            }
        }
        best
    }

    /// Takes one step, and returns it in upward direction. `same` are the candidates over the number of
    /// chains before the step.
    fn take(&mut self, change: Step, mut same: Candidates) -> Step {
        let step = if self.up {
            self.here.add(&change);
            change
        } else {
            self.take_down(change)
        };
        if self.here.chains == same.chains() {
            for (chain, _) in &step.advances {
                same.moved(*chain as usize, self.left(*chain as usize));
            }
            self.same = Some(same);
        }
        step
    }

    fn take_down(&mut self, change: Step) -> Step {
        let Step { chains, mut advances } = change;
        // Chains that were registered in this step had no batches before it.
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

    /// The numbers of batches after the change of a chain by each of these numbers, ascending.
    fn counts(&self, chain: usize, numbers: Range<u64>) -> RangeInclusive<u64> {
        let here = self.here.batches[chain];
        let (first, last) = (numbers.start, numbers.end - 1);
        if self.up { here + first..=here + last } else { here - last..=here - first }
    }

    /// Leaves in the order of the numbers, from leaves in ascending order.
    fn in_order(&self, mut leaves: Vec<Hash>) -> Vec<Hash> {
        if !self.up {
            leaves.reverse();
        }
        leaves
    }

    /// The leaves of a chain after each number of batches, for a long list.
    fn many_leaves(&self, chain: usize, numbers: Range<u64>) -> Vec<Hash> {
        self.in_order(self.gap_leaves.of(chain, self.counts(chain, numbers)))
    }

    /// The leaves of a chain after each number of batches, for a list of at most [`LEAVES_AHEAD`].
    fn leaves(&mut self, chain: usize, numbers: Range<u64>) -> Vec<Hash> {
        let tree = &self.forest.chains()[chain];
        let counts = self.counts(chain, numbers);
        let ahead = &mut self.ahead[chain];
        let end = ahead.start + ahead.leaves.len() as u64;
        if *counts.start() < ahead.start || *counts.end() >= end {
            // The walk does not go beyond its end, which may be near.
            let (start, end, there) = (*counts.start(), *counts.end(), self.there.batches[chain]);
            let window = if self.up {
                start..(start + LEAVES_AHEAD).min(there.max(end) + 1)
            } else {
                end.saturating_sub(LEAVES_AHEAD - 1).max(there.min(start))..end + 1
            };
            ahead.start = window.start;
            ahead.leaves = tree.leaves_after(&window.collect::<Vec<u64>>());
        }
        let range = (counts.start() - ahead.start) as usize..=(counts.end() - ahead.start) as usize;
        let leaves = ahead.leaves[range].to_vec();
        self.in_order(leaves)
    }
}
