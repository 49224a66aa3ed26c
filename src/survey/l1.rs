//! What L1 keeps of the settlement layer, and what it lost.

use serde::Serialize;

use crate::{
    forest::L1Gap,
    primitives::{BatchNumber, ChainId, SlBatch},
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
    /// Transactions that cannot be used and may be its own, with the reasons: of all chains together the first thousand.
    pub unusable: Vec<String>,
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
    /// Whether the trees go on after them. Otherwise nothing that was executed from there on can be proven but what
    /// [`LostOnL1::crossed`] counts.
    pub is_bridged: bool,
    /// What can be proven after them all the same, if they are not bridged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crossed: Option<CrossedReport>,
}

/// What can be proven after missing batches of the settlement layer, with the nodes that later ones stored.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossedReport {
    /// The number of batches of chains, executed from there to the next gap, that can be proven.
    pub provable: u64,
    /// The number of those that cannot.
    pub unprovable: u64,
    /// The batches of chains whose roots are lost.
    pub lost: Vec<LostRun>,
}

/// Consecutive batches of a chain whose roots are lost.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostRun {
    /// The chain.
    pub chain_id: ChainId,
    /// The first batch.
    pub first: BatchNumber,
    /// The last batch.
    pub last: BatchNumber,
}

impl CrossedReport {
    fn of(gap: &L1Gap) -> Option<Self> {
        let L1Gap::Crossed { lost, proven, unproven, .. } = gap else { return None };
        let lost = lost.iter().map(|lost| LostRun {
            chain_id: lost.chain,
            first: *lost.batches.start(),
            last: *lost.batches.end(),
        });
        Some(Self { provable: *proven, unprovable: *unproven, lost: lost.collect() })
    }
}

impl L1Report {
    /// The report on the files of L1 among the evidence.
    pub(super) fn of(trees: &Trees) -> Option<Self> {
        let (data, layer) = trees.from_l1()?;
        let (batches, commits) = (layer.record.batches(), data.commits(layer));
        let (first, last) = (batches.first()?.batch, batches.last()?.batch);
        let gaps = commits.gaps();
        let lost = trees.missing_on_l1().iter().map(|gap| {
            let missing = gap.missing();
            let is_bridged = matches!(gap, L1Gap::Bridged { .. } | L1Gap::InPart { .. });
            let without_pubdata = layer.lost.iter().filter(|lost| missing.contains(&lost.batch));
            let without_commits = gaps.iter().filter(|(range, _)| missing.contains(range.start()));
            let without_commits = without_commits.map(|(range, reason)| {
                format!("{}: {}", SlBatch::names(range), with_causes(reason))
            });
            let reasons = without_pubdata.map(|lost| with_causes(lost)).chain(without_commits);
            let (first, last) = (*missing.start(), *missing.end());
            let crossed = CrossedReport::of(gap);
            LostOnL1 { first, last, reasons: reasons.collect(), is_bridged, crossed }
        });
        let whole = batches.len() - layer.lost.len();
        let missing = gaps.iter().map(|(range, _)| range.end().0 - range.start().0 + 1);
        let whole = (whole as u64).saturating_sub(missing.sum());
        let blobs = data.blobs().counts().used;
        let unusable = data.unusable(layer).map(with_causes).collect();
        Some(Self { first, last, blobs, whole, lost: lost.collect(), unusable })
    }
}
