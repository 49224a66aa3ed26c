//! Compares rebuilt trees with the roots that L1 stores.
//!
//! | root | on L1 | rebuilt |
//! | --- | --- | --- |
//! | of a batch of a chain | as L1 reads it for a proof of this batch: MessageRoot (v31), or the chain's diamond | the leaf in the chain tree |
//! | of a batch of the settlement layer | the same of the settlement layer | keccak256(its local logs root ‖ the shared root at its end) |
//!
//! L1 stores the root of a chain's batch only if the batch was executed on L1 too, so most roots of the first kind are
//! not there. A root of the second kind covers everything that the settlement layer had executed by then.

use rayon::prelude::*;

use super::{
    Error, L1Comparison, L1Difference, RootCounts, SlBatchError, Trees, l1_form::SlBatchTrees,
    root_counts::Compared,
};
use crate::{
    anchor::{Answer, KnownRoots},
    forest::Forest,
    primitives::{BatchNumber, ChainId, Hash, SlBatch, SlBlock},
    proof::Target,
    state::StateError,
};

/// The number of batch roots that are compared at once.
const AT_ONCE: u64 = 1 << 16;

impl Trees {
    /// Compares the trees with the state of L1 in the options: each batch root, and with the settlement layer's own
    /// batches each root of these. `None` without such a state or without trees.
    ///
    /// # Errors
    /// [`Error::DiffersFromL1`] for the first root that differs, in the order of chain and batch; otherwise
    /// [`Error`] if an input cannot be read.
    pub fn compare_with_l1(&self) -> Result<Option<L1Comparison>, Error> {
        if let Some(known) = self.0.compared.get() {
            return Ok(Some(*known));
        }
        let (Some(forest), Some(l1)) = (self.forest(), self.l1()?) else { return Ok(None) };
        let compared = self.compare(forest, l1)?;
        Ok(Some(*self.0.compared.get_or_init(|| compared)))
    }

    fn compare(&self, forest: &Forest, l1: &KnownRoots) -> Result<L1Comparison, Error> {
        let batches = batches(forest, l1)?;
        let mut compared = L1Comparison { batches, ..L1Comparison::default() };
        if !self.has_sl_batches() {
            return Ok(compared);
        }
        let own = self
            .history_at_sl_batches(forest, Target::FirstSlBatch)
            .and_then(|timeline| self.sl_batch_trees(forest, timeline, Target::FirstSlBatch));
        let own = match own {
            Err(error) if error.is_of_target() => return Ok(compared),
            own => own?,
        };
        // After this block, the trees may lack batches.
        let end = self.block().max(forest.latest().map(|latest| latest.block));
        let mut counts = RootCounts::default();
        for batch in own.numbers() {
            let found = sl_batch(&own, batch, l1, forest.sl_chain(), end)?;
            if let Compared::Equal = found {
                compared.newest_sl_batch = Some(batch);
            }
            counts.add(&found);
        }
        compared.sl_batches = Some(counts);
        Ok(compared)
    }
}

/// Compares the leaves of all chain trees.
fn batches(forest: &Forest, l1: &KnownRoots) -> Result<RootCounts, Error> {
    let mut counts = RootCounts::default();
    for tree in forest.chains() {
        let (chain, numbers, roots) = (tree.chain(), tree.batches(), tree.batch_roots());
        let mut leaf = 0;
        for run in numbers.runs(0..numbers.len()) {
            let mut first = run.start().0;
            while first <= run.end().0 {
                let len = AT_ONCE.min(run.end().0 - first + 1);
                let rebuilt = &roots[leaf..leaf + len as usize];
                let found: Vec<_> = rebuilt
                    .par_iter()
                    .enumerate()
                    .map(|(at, root)| batch(chain, BatchNumber(first + at as u64), *root, l1))
                    .collect();
                for compared in found {
                    counts.add(&compared?);
                }
                (leaf, first) = (leaf + len as usize, first.saturating_add(len));
            }
        }
    }
    Ok(counts)
}

fn batch(
    chain: ChainId,
    batch: BatchNumber,
    rebuilt: Hash,
    l1: &KnownRoots,
) -> Result<Compared, Error> {
    Ok(match l1.of_batch(chain, batch) {
        Ok(Answer::Root(known)) if known.root == rebuilt => Compared::Equal,
        Ok(Answer::Root(known)) => {
            let (location, stored) = (known.location, known.root);
            let difference = L1Difference::Batch { chain, batch, location, stored, rebuilt };
            return Err(Error::DiffersFromL1(difference));
        }
        Ok(Answer::NotStored | Answer::Refused(_)) => Compared::NotStored,
        Ok(Answer::Lacking(_)) | Err(StateError::NotProven { .. }) => Compared::Unknown,
        Err(error) => return Err(error.into()),
    })
}

/// Compares the root of a batch of the settlement layer. `end` is the last block of the trees.
fn sl_batch(
    own: &SlBatchTrees<'_>,
    batch: SlBatch,
    l1: &KnownRoots,
    sl_chain: ChainId,
    end: Option<SlBlock>,
) -> Result<Compared, Error> {
    let is_after = |last_block: SlBlock| end.is_none_or(|end| last_block > end);
    Ok(match own.tree(batch) {
        Ok(_) => Compared::Equal,
        Err(SlBatchError::DoesNotFold { last_block, .. }) if is_after(last_block) => {
            Compared::Unknown
        }
        Err(source @ (SlBatchError::DoesNotFold { .. } | SlBatchError::OtherRoot { .. })) => {
            let known = l1.of_batch(sl_chain, BatchNumber(batch.0))?.root();
            return Err(match known {
                Some(known) => {
                    let location = known.location;
                    Error::DiffersFromL1(L1Difference::SlBatch { location, source })
                }
                None => Error::SlBatch(source),
            });
        }
        Err(SlBatchError::NotOnL1(_) | SlBatchError::Refused { .. }) => Compared::NotStored,
        Err(SlBatchError::State(error)) if !matches!(error, StateError::NotProven { .. }) => {
            return Err(error.into());
        }
        Err(_) => Compared::Unknown,
    })
}
