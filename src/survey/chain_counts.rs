//! The batches of each chain: whole, missing, or not folding; and the totals that can be proven.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Counts, Provable, logs::SurveyedLogs, provable::Reaches};
use crate::{
    archive::{Archive, ArchiveError},
    forest::{BridgedTrees, ChainTree, Forest},
    primitives::{BatchNumber, ChainId},
    prove::{Error, Trees},
};

/// The maximum number of runs of batches that are listed.
const MOST_RUNS: usize = 20;

/// Runs of batches whose numbers follow each other: the first and last batch of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchRuns {
    /// The number of batches.
    pub count: u64,
    /// The first runs.
    pub first: Vec<(BatchNumber, BatchNumber)>,
    /// The number of further runs.
    pub more: u64,
}

impl BatchRuns {
    /// The runs of ascending batches. Between two runs there may be batches that the trees do not have, because the
    /// chain settled elsewhere.
    fn of(batches: impl Iterator<Item = BatchNumber>) -> Self {
        let (mut runs, mut before) = (Self::default(), None);
        for batch in batches {
            let follows = before.replace(batch).is_some_and(|before| batch.follows(before));
            runs.count += 1;
            if !follows && runs.first.len() == MOST_RUNS {
                runs.more += 1;
            } else if !follows {
                runs.first.push((batch, batch));
            } else if let (Some((_, last)), 0) = (runs.first.last_mut(), runs.more) {
                *last = batch;
            }
        }
        runs
    }
}

/// The batches of a chain.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainCounts {
    /// The chain.
    pub chain_id: ChainId,
    /// The number of its batches in the trees.
    pub executed: u64,
    /// The first and the last of them.
    pub range: Option<(BatchNumber, BatchNumber)>,
    /// Batches whose logs fold to their root in the trees.
    pub whole: Counts,
    /// Batches whose logs do not fold: logs are missing or wrong.
    pub not_folding: BatchRuns,
    /// Batches in the trees without logs.
    pub missing: BatchRuns,
    /// Batches with logs that are not in the trees.
    pub unknown: Counts,
}

/// Counts the batches of each chain, and what can be proven against each kind of target.
pub(super) fn count(
    trees: Option<&Trees>,
    logs: &SurveyedLogs,
    reaches: &Reaches<'_>,
) -> Result<(Vec<ChainCounts>, Vec<Provable>), Error> {
    let forest = trees.and_then(Trees::forest);
    let bridged = forest.and_then(Forest::bridged);
    let trees: BTreeMap<ChainId, &ChainTree> =
        forest.iter().flat_map(|forest| forest.chains()).map(|tree| (tree.chain(), tree)).collect();
    let mut provable = vec![Counts::default(); reaches.kinds.len()];
    let mut counted: BTreeMap<ChainId, (Counts, Counts)> = BTreeMap::new();
    for batch in logs.archive.iter().flat_map(Archive::batches) {
        let batch = batch?;
        let tree = trees.get(&batch.chain());
        let leaf = tree.and_then(|tree| Some((tree, tree.find(batch.batch())?.0)));
        let (whole, unknown) = counted.entry(batch.chain()).or_default();
        let bridged = bridged.filter(|_| leaf.is_none());
        let bridged =
            bridged.and_then(|trees| Some((trees, trees.find(batch.chain(), batch.batch())?)));
        let bridged = bridged.filter(|(trees, leaf)| trees.first(leaf, |_| true).is_some());
        if let Some((trees, leaf)) = bridged {
            whole.add(&batch);
            for (counts, reach) in provable.iter_mut().zip(&reaches.kinds) {
                if reach.has_bridged(trees, &leaf) {
                    counts.add(&batch);
                }
            }
            continue;
        }
        let Some((tree, leaf)) = leaf else {
            unknown.add(&batch);
            continue;
        };
        whole.add(&batch);
        for (counts, reach) in provable.iter_mut().zip(&reaches.kinds) {
            if reach.has(tree, leaf) {
                counts.add(&batch);
            }
        }
    }
    // The batches that are known after the end of the trees.
    let mut later: BTreeMap<ChainId, Vec<BatchNumber>> = BTreeMap::new();
    for leaf in bridged.into_iter().flat_map(BridgedTrees::leaves) {
        if trees.get(&leaf.chain).is_none_or(|tree| tree.find(leaf.batch).is_none()) {
            later.entry(leaf.chain).or_default().push(leaf.batch);
        }
    }
    let mut chains = forest
        .iter()
        .flat_map(|forest: &&Forest| forest.chains())
        .map(|tree| {
            let (whole, unknown) = counted.remove(&tree.chain()).unwrap_or_default();
            let batches =
                tree.batches().iter().chain(later.remove(&tree.chain()).unwrap_or_default());
            of_chain(tree.chain(), &batches.collect::<Vec<_>>(), logs, (whole, unknown))
        })
        .collect::<Result<Vec<ChainCounts>, ArchiveError>>()?;
    for (chain, batches) in later {
        let counts = counted.remove(&chain).unwrap_or_default();
        chains.push(of_chain(chain, &batches, logs, counts)?);
    }
    chains.extend(counted.into_iter().map(|(chain_id, (_, unknown))| ChainCounts {
        chain_id,
        executed: 0,
        range: None,
        whole: Counts::default(),
        not_folding: BatchRuns::default(),
        missing: BatchRuns::default(),
        unknown,
    }));
    let provable = provable.into_iter().zip(&reaches.kinds);
    let provable = provable.map(|(counts, reach)| reach.report(counts, reaches.explained));
    Ok((chains, provable.collect()))
}

/// The counts of a chain with these batches, in ascending order.
fn of_chain(
    chain: ChainId,
    batches: &[BatchNumber],
    logs: &SurveyedLogs,
    (whole, unknown): (Counts, Counts),
) -> Result<ChainCounts, ArchiveError> {
    let does_not_fold = |batch| logs.not_folding.contains(&(chain, batch));
    let are_whole = batches.iter().map(|batch| logs.has(chain, *batch));
    let are_whole = are_whole.collect::<Result<Vec<bool>, ArchiveError>>()?;
    let runs = |is_wanted: &dyn Fn(BatchNumber, bool) -> bool| {
        let wanted =
            batches.iter().zip(&are_whole).filter(|(batch, whole)| is_wanted(**batch, **whole));
        BatchRuns::of(wanted.map(|(batch, _)| *batch))
    };
    Ok(ChainCounts {
        chain_id: chain,
        executed: batches.len() as u64,
        range: batches.first().copied().zip(batches.last().copied()),
        whole,
        not_folding: runs(&|batch, _| does_not_fold(batch)),
        missing: runs(&|batch, is_whole| !does_not_fold(batch) && !is_whole),
        unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_numbers_do_not_follow_each_other() {
        let [two, five, six, nine] = [2, 5, 6, 9].map(BatchNumber);
        let runs = BatchRuns::of([two, five, six, nine].into_iter());
        assert_eq!(runs.first, [(two, two), (five, six), (nine, nine)]);
        assert_eq!((runs.count, runs.more), (4, 0));
        // Further runs are counted, and do not extend the last one that is listed.
        let runs = BatchRuns::of((0..25).flat_map(|run| [3 * run, 3 * run + 1]).map(BatchNumber));
        assert_eq!((runs.first.len(), runs.count, runs.more), (MOST_RUNS, 50, 5));
        assert_eq!(runs.first.last(), Some(&(BatchNumber(57), BatchNumber(58))));
        let last = BatchRuns::of([u64::MAX, 0].map(BatchNumber).into_iter());
        assert_eq!(last.first.len(), 2);
    }
}
