//! What L1 keeps of the settlement layer, and what it lost.

use serde::Serialize;

use crate::{
    forest::L1Gap,
    primitives::SlBatch,
    prove::{Trees, with_causes},
};

/// What L1 keeps of the settlement layer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Report {
    /// The first batch of the settlement layer.
    pub first: SlBatch,
    /// Its last batch.
    pub last: SlBatch,
    /// The number of its blobs that are here.
    pub blobs: u64,
    /// The number of its batches whose pubdata are here.
    pub whole: u64,
    /// Its batches whose pubdata are not here.
    pub lost: Vec<LostOnL1>,
}

/// Batches of the settlement layer whose pubdata are missing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostOnL1 {
    /// The first of these batches.
    pub first: SlBatch,
    /// The last.
    pub last: SlBatch,
    /// What is missing.
    pub reasons: Vec<String>,
    /// Whether the trees go on after them. Otherwise nothing that was executed from there on can be proven.
    pub is_bridged: bool,
}

impl L1Report {
    /// The report on the files of L1 among the evidence.
    pub(super) fn of(trees: &Trees) -> Option<Self> {
        let (data, layer) = trees.from_l1()?;
        let (batches, commits) = (layer.record.batches(), data.commits(layer));
        let (first, last) = (batches.first()?.batch, batches.last()?.batch);
        let gaps = commits.gaps();
        let lost = trees.missing_on_l1().iter().map(|gap| {
            let (missing, is_bridged) = match gap {
                L1Gap::Bridged { missing, .. } => (missing, true),
                L1Gap::Ends { missing, .. } => (missing, false),
            };
            let without_pubdata = layer.lost.iter().filter(|lost| missing.contains(&lost.batch));
            let without_commits = gaps.iter().filter(|(range, _)| missing.contains(range.start()));
            let without_commits = without_commits.map(|(range, reason)| {
                format!("{}: {}", SlBatch::names(range), with_causes(reason))
            });
            let reasons = without_pubdata.map(|lost| with_causes(lost)).chain(without_commits);
            let (first, last) = (*missing.start(), *missing.end());
            LostOnL1 { first, last, reasons: reasons.collect(), is_bridged }
        });
        let whole = batches.len() - layer.lost.len();
        let missing = gaps.iter().map(|(range, _)| range.end().0 - range.start().0 + 1);
        let whole = (whole as u64).saturating_sub(missing.sum());
        let blobs = data.blobs().counts().used;
        Some(Self { first, last, blobs, whole, lost: lost.collect() })
    }
}
