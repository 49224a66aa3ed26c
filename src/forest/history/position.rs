//! The shared tree at a root, as numbers.

use super::Step;

/// The shared tree at a root: the number of chains, and the number of batches of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) chains: u32,
    pub(super) batches: Vec<u64>,
}

impl Position {
    pub(super) fn add(&mut self, step: &Step) {
        self.chains = step.chains;
        for (chain, batches) in &step.advances {
            self.batches[*chain as usize] += batches;
        }
    }

    /// The changes from an earlier position to this one. `None` if the other position is not earlier.
    pub(super) fn since(&self, earlier: &Self) -> Option<Step> {
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
