//! What is missing, in the order of what it would make provable.

use std::{cmp::Reverse, path::PathBuf};

use serde::Serialize;

use super::{BatchRuns, ChainCounts, Counts, Provable, TargetKind, logs::SurveyedLogs};
use crate::{primitives::ChainId, prove::Trees};

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingPart {
    /// A state of the settlement layer, or the events of its MessageRoot.
    Evidence,
    /// The chain of logs that do not name it.
    ChainOfLogs,
    /// Logs of batches that are in the trees.
    Logs,
    /// The logs that make batches whole which do not fold.
    WholeLogs,
    /// A later state or later events, or those of the layer on which the batches were settled.
    LaterEvidence,
    /// The events of MessageRoot, or a longer search: they show what past roots contain.
    Events,
    /// The settlement layer's own batches, for targets on L1.
    SlBatches,
}

/// Something that is missing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// What is missing.
    pub part: MissingPart,
    /// The chain, if it is of one.
    pub chain_id: Option<ChainId>,
    /// The number of batches that it would make provable, or provable against more targets; zero if it is not
    /// known.
    pub batches: u64,
    /// The number of messages in these batches, if their logs are here.
    pub messages: Option<u64>,
    /// The batches, of missing logs.
    pub runs: Option<BatchRuns>,
    /// The files that it would make useful.
    pub files: Vec<PathBuf>,
}

impl Missing {
    fn new(part: MissingPart, counts: Counts) -> Self {
        let (batches, messages) = (counts.batches, Some(counts.messages));
        Self { part, chain_id: None, batches, messages, runs: None, files: Vec::new() }
    }

    fn runs(part: MissingPart, chain: ChainId, runs: &BatchRuns) -> Self {
        let (chain_id, batches) = (Some(chain), runs.count);
        let (runs, files) = (Some(runs.clone()), Vec::new());
        Self { part, chain_id, batches, messages: None, runs, files }
    }
}

/// Lists what is missing.
pub(super) fn missing(
    trees: Option<&Trees>,
    logs: &SurveyedLogs,
    chains: &[ChainCounts],
    provable: &[Provable],
) -> Vec<Missing> {
    let mut missing = Vec::new();
    for chain in chains {
        let of_chain = |part, runs| Missing::runs(part, chain.chain_id, runs);
        missing.push(of_chain(MissingPart::Logs, &chain.missing));
        missing.push(of_chain(MissingPart::WholeLogs, &chain.not_folding));
        if trees.is_some() {
            let unknown = Missing::new(MissingPart::LaterEvidence, chain.unknown);
            missing.push(Missing { chain_id: Some(chain.chain_id), ..unknown });
        }
    }
    let counted = |kind| provable.iter().find(|provable| provable.target == kind);
    if let Some(Provable { counts: all, .. }) = counted(TargetKind::Block) {
        let first = counted(TargetKind::First).map(|first| first.counts).unwrap_or_default();
        missing.push(Missing::new(MissingPart::Events, all.without(first)));
        let on_l1 = counted(TargetKind::SlBatch).map(|l1| l1.counts).unwrap_or_default();
        missing.push(Missing::new(MissingPart::SlBatches, all.without(on_l1)));
    }
    missing.retain(|missing| missing.batches > 0);
    // The sort is stable: the order of chains remains.
    missing.sort_by_key(|missing| Reverse(missing.batches));
    if !logs.without_chain.is_empty() {
        let files = logs.without_chain.clone();
        let part = Missing::new(MissingPart::ChainOfLogs, Counts::default());
        missing.insert(0, Missing { files, messages: None, ..part });
    }
    if logs.archive.is_none() && chains.is_empty() && logs.without_chain.is_empty() {
        let part = Missing::new(MissingPart::Logs, Counts::default());
        missing.insert(0, Missing { messages: None, ..part });
    }
    if trees.is_none() {
        let all = chains.iter().fold(Counts::default(), |sum, chain| sum.with(chain.unknown));
        missing.insert(0, Missing::new(MissingPart::Evidence, all));
    }
    missing
}
