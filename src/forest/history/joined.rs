use std::collections::BTreeSet;

use super::{History, Step};

impl History {
    /// The same roots, with the explanations in `others`, which has the same roots too, for those that have none here.
    /// Every explanation has its root.
    pub(super) fn joined(self, others: &Self, chains: usize) -> Self {
        let (mut own, mut other, mut here) = (vec![0; chains], vec![0; chains], vec![0; chains]);
        let mut registered = 0;
        // The chains that may have other numbers of batches than at the last explained root.
        let mut changed = BTreeSet::new();
        let steps = (0..self.len()).map(|root| {
            for (counts, history) in [(&mut own, &self), (&mut other, others)] {
                for (chain, batches) in history.advances(root) {
                    counts[chain as usize] += batches;
                    changed.insert(chain);
                }
            }
            let (counts, chains): (&Vec<u64>, u32) = match (self.chains[root], others.chains[root])
            {
                (0, 0) => return None,
                (0, chains) => (&other, chains),
                (chains, _) => (&own, chains),
            };
            let is_less = |chain: &u32| counts[*chain as usize] < here[*chain as usize];
            // They contradict each other only if one of them was not compared with its root.
            if chains < registered || changed.iter().any(is_less) {
                return None;
            }
            let mut advances = Vec::new();
            changed.retain(|&chain| {
                let at = chain as usize;
                if counts[at] > here[at] {
                    advances.push((chain, counts[at] - here[at]));
                    here[at] = counts[at];
                }
                own[at] != here[at] || other[at] != here[at]
            });
            registered = chains;
            Some(Step { chains, advances })
        });
        let steps: Vec<Option<Step>> = steps.collect();
        self.with_steps(steps)
    }
}
