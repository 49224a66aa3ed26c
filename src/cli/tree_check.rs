//! Whether logs are all the logs of their batches: the roots of the settlement layer's trees say so.

use std::fmt;

use serde::Serialize;

use super::{error::CliError, report::count};
use crate::{
    archive::Archive,
    forest::Forest,
    ingest::logs::{BatchCheck, Verdict},
    message::BatchView,
    primitives::{BatchNumber, ChainId},
    proof::Target,
    prove::{BatchProofs, BatchRootForm, ExtractError, Extractor},
};

/// How many runs of missing batches are shown of each chain.
const SHOWN: usize = 8;

pub(super) struct TreeCheck<'f> {
    forest: &'f Forest,
    extractor: Extractor<'f>,
}

impl<'f> TreeCheck<'f> {
    pub(super) fn new(forest: &'f Forest) -> Result<Self, CliError> {
        Ok(Self { forest, extractor: Extractor::new(forest, Target::BatchRoot)? })
    }

    /// How much of the trees an archive holds; `unchecked` of its batches have no root in them.
    pub(super) fn coverage(&self, archive: &Archive, unchecked: u64) -> Coverage {
        let archived: Vec<_> = archive.chains().map(|summary| summary.chain).collect();
        let mut coverage = Coverage { unchecked, ..Coverage::default() };
        for tree in self.forest.chains() {
            let (chain, batches) = (tree.chain(), tree.batches());
            if !archived.contains(&chain) {
                coverage.absent_chains += u64::from(!batches.is_empty());
                continue;
            }
            // Runs of leaves that are missing, which need not be runs of numbers.
            let mut gaps =
                ChainGaps { chain_id: chain, missing: 0, first: Vec::new(), more: false };
            let mut run = None;
            for batch in batches.iter() {
                if archive.contains(chain, batch) {
                    coverage.complete += 1;
                    gaps.add(run.take());
                } else {
                    gaps.missing += 1;
                    run = Some(run.map_or([batch, batch], |[first, _]: [_; 2]| [first, batch]));
                }
            }
            gaps.add(run);
            coverage.missing += gaps.missing;
            if gaps.missing > 0 {
                coverage.chains.push(gaps);
            }
        }
        coverage
    }
}

/// How much of the trees an archive holds.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coverage {
    /// Batches that fold to their roots.
    complete: u64,
    /// Batches of the archive's chains that it does not hold.
    missing: u64,
    /// Chains with batches, none of which it holds.
    absent_chains: u64,
    /// Its batches without a root in the trees.
    unchecked: u64,
    /// The chains with missing batches.
    chains: Vec<ChainGaps>,
}

/// The batches of a chain that are missing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainGaps {
    chain_id: ChainId,
    missing: u64,
    /// The first runs of them.
    first: Vec<[BatchNumber; 2]>,
    /// Whether there are more runs.
    #[serde(skip)]
    more: bool,
}

impl ChainGaps {
    fn add(&mut self, run: Option<[BatchNumber; 2]>) {
        self.more |= run.is_some() && self.first.len() == SHOWN;
        self.first.extend(run.filter(|_| self.first.len() < SHOWN));
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "complete           {} batches fold to their roots; {} batches of these chains are missing",
            count(self.complete),
            count(self.missing)
        )?;
        for gaps in &self.chains {
            write!(f, "\nmissing            {} of chain {}:", count(gaps.missing), gaps.chain_id)?;
            for [first, last] in &gaps.first {
                match first == last {
                    true => write!(f, " {first}")?,
                    false => write!(f, " {first}–{last}")?,
                }
            }
            if gaps.more {
                f.write_str(" …")?;
            }
        }
        if self.absent_chains > 0 {
            write!(f, "\nmissing            all batches of {} other chains", self.absent_chains)?;
        }
        if self.unchecked > 0 {
            write!(
                f,
                "\nunchecked          {} batches that are not in the trees of this settlement layer",
                count(self.unchecked)
            )?;
        }
        Ok(())
    }
}

impl BatchCheck for TreeCheck<'_> {
    fn check(&self, batches: &[BatchView<'_>]) -> Vec<Verdict> {
        let verdict = |proofs: Result<BatchProofs<'_>, ExtractError>| match proofs {
            Ok(proofs) => Verdict::Complete(match proofs.settled().form() {
                BatchRootForm::Aggregated(root, _) => Some(root),
                BatchRootForm::Plain(_) => None,
            }),
            Err(ExtractError::UnknownChain(_) | ExtractError::BatchNotInTree { .. }) => {
                Verdict::Unknown
            }
            Err(error) => Verdict::Incomplete(error.into()),
        };
        self.extractor.batches(batches).into_iter().map(verdict).collect()
    }
}
