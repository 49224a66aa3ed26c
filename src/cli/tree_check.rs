//! Whether logs are all the logs of their batches: the roots of the settlement layer's trees say so.

use std::fmt::Write;

use super::{error::CliError, report::count};
use crate::{
    archive::Archive,
    forest::Forest,
    ingest::logs::{BatchCheck, Verdict},
    message::BatchView,
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

    /// What of the trees an archive has, in words: which batches of its chains it lacks, and of which
    /// chains it has none.
    pub(super) fn coverage(&self, archive: &Archive, unknown: u64) -> String {
        let archived: Vec<_> = archive.chains().map(|summary| summary.chain).collect();
        let (mut complete, mut missing, mut absent) = (0u64, 0u64, 0u64);
        let mut lists = String::new();
        for tree in self.forest.chains() {
            let (chain, batches) = (tree.chain(), tree.batches());
            if !archived.contains(&chain) {
                absent += u64::from(!batches.is_empty());
                continue;
            }
            // Runs of leaves that are missing, which need not be runs of numbers.
            let mut runs = Vec::new();
            let (mut lacking, mut run) = (0u64, None);
            for batch in batches.iter() {
                if archive.contains(chain, batch) {
                    complete += 1;
                    runs.extend(run.take());
                } else {
                    lacking += 1;
                    run = Some((run.map_or(batch, |(first, _)| first), batch));
                }
            }
            runs.extend(run);
            missing += lacking;
            if lacking > 0 {
                let _ = write!(lists, "\nmissing            {} of chain {chain}:", count(lacking));
                for (first, last) in runs.iter().take(SHOWN) {
                    let _ = match first == last {
                        true => write!(lists, " {first}"),
                        false => write!(lists, " {first}–{last}"),
                    };
                }
                if runs.len() > SHOWN {
                    lists.push_str(" …");
                }
            }
        }
        let mut text = format!(
            "complete           {} batches fold to their roots; {} batches of these chains are missing",
            count(complete),
            count(missing)
        );
        text.push_str(&lists);
        if absent > 0 {
            let _ = write!(text, "\nmissing            all batches of {absent} other chains");
        }
        if unknown > 0 {
            let _ = write!(
                text,
                "\nunchecked          {} batches that are not in the trees of this settlement layer",
                count(unknown)
            );
        }
        text
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
