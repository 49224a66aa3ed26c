//! What each root added to the one before, for people and programs that read a history.

use std::ops::RangeInclusive;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::History;
use crate::{
    forest::{Forest, InteropRoot},
    primitives::{BatchNumber, ChainId},
};

/// A root, with the chains and batches that are new in it. As JSON, a root that is not explained has only its block and
/// its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    /// The root. It has no chains if it is not explained.
    pub root: InteropRoot,
    /// The chains that are new.
    pub registered: Vec<ChainId>,
    /// The chains with new batches, without those in [`History::lost_steps`].
    pub appended: Vec<AppendedBatches>,
}

/// New batches of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppendedBatches {
    /// The first and the last batch of each run of consecutive ones.
    #[serde(serialize_with = "as_pairs")]
    pub batches: Vec<RangeInclusive<BatchNumber>>,
    /// The chain.
    pub chain_id: ChainId,
}

fn as_pairs<S: Serializer>(
    runs: &[RangeInclusive<BatchNumber>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(runs.iter().map(|run| [run.start(), run.end()]))
}

impl Serialize for HistoryStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let InteropRoot { block, root, chains, timestamp } = &self.root;
        let mut map = serializer.serialize_map(None)?;
        let is_explained = *chains > 0;
        if is_explained {
            map.serialize_entry("appended", &self.appended)?;
        }
        map.serialize_entry("block", block)?;
        if is_explained {
            map.serialize_entry("chains", chains)?;
            map.serialize_entry("registered", &self.registered)?;
        }
        map.serialize_entry("root", root)?;
        if let Some(timestamp) = timestamp {
            map.serialize_entry("timestamp", timestamp)?;
        }
        map.end()
    }
}

impl History {
    /// The roots in order, each with what is new in it. `forest` is the one that the history is of.
    pub fn steps(&self, forest: &Forest) -> impl Iterator<Item = HistoryStep> {
        let trees = forest.chains();
        let (mut chains, mut ends) = (0, vec![0; trees.len()]);
        (0..self.len()).map(move |index| {
            let known = chains;
            chains = known.max(self.chains[index] as usize);
            let registered = trees[known..chains].iter().map(|tree| tree.chain()).collect();
            let appended = self.advances(index).map(|(chain, batches)| {
                let (tree, end) = (&trees[chain as usize], &mut ends[chain as usize]);
                let before = *end;
                *end += batches;
                let parts = self.not_lost(chain.into(), before..*end).into_iter();
                let batches = parts.flat_map(|part| tree.batches().runs(part)).collect();
                AppendedBatches { batches, chain_id: tree.chain() }
            });
            let appended = appended.filter(|appended| !appended.batches.is_empty()).collect();
            HistoryStep { root: self.root(index), registered, appended }
        })
    }
}
