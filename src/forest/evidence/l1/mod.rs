//! Evidence from the batches of the settlement layer on L1. Their state diffs contain the first value of every
//! slot, and so the registered chains, the roots of executed batches and the interop roots, each with the batch
//! in which it was written. The commit of each batch contains a root, with which the trees at its end are
//! compared:
//!
//! ```text
//! batch root in the commit   keccak256(root of the batch's own logs ‖ root of the shared tree at its end)
//! ```
//!
//! Source: era-contracts `L1Messenger.sol` (`publishPubdataAndClearState`), v26 to v31.

mod after_gap;
mod candidate;
mod crossing;
mod crossing_chain;
mod executed;
mod first_values;
mod gap;
mod lost_leaves;
mod registry;
mod replay;

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::{Evidence, RecordedChain, block_roots, first_writes, state::has_v31};
use crate::{
    contracts::{Layout, MessageRoot, ZkChain},
    forest::{
        BatchNumbers, BridgedTrees, Forest, History, HistoryError, RebuildError, RebuildOptions,
        history,
    },
    ingest::l1::{LayerRecord, SlBatchOnL1},
    merkle::Tree,
    primitives::{Hash, SlBlock},
    proof::CheckedBy,
    snapshot::Snapshot,
    state::{StorageReader, slots::mapping_value},
};
use after_gap::AfterGap;
use executed::Executed;
use first_values::FirstValues;
pub use gap::L1Gap;
use replay::{Replay, Replayed};

/// What the batches of a settlement layer on L1 show of its trees.
pub(in crate::forest) struct L1Evidence<'r> {
    record: &'r LayerRecord,
    values: FirstValues<'r>,
    options: RebuildOptions,
    layout: Layout,
    chains: Vec<RecordedChain>,
    /// By chain index.
    executed: Vec<Executed>,
    /// The root of the shared tree at the end of the last batch, as L1 has it.
    shared_root: Hash,
    /// The interop roots. Not set before they are needed.
    roots: OnceLock<Vec<(SlBlock, Hash)>>,
    /// Where the trees go on or end.
    gaps: Vec<L1Gap>,
    bridged: Option<Arc<BridgedTrees>>,
    /// The gaps from the end of the trees on, if something is known after them.
    crossed: Vec<L1Gap>,
}

impl<'r> L1Evidence<'r> {
    /// Reads the trees from batches on L1, and compares them with the root of every batch. Of the batches that
    /// follow missing ones, those are used that are proven by a later root. `beside` are trees of other evidence, which
    /// may have what missing batches appended.
    pub(in crate::forest) fn read(
        record: &'r LayerRecord,
        beside: Option<&Forest>,
        options: &RebuildOptions,
    ) -> Result<Self, RebuildError> {
        let mut values = FirstValues::new(record);
        let message_root = MessageRoot::at(&values, options.addresses.message_root);
        let registered = registry::read(record, &message_root)?;
        let sl_chains = registry::sl_chains(record, &message_root, options)?;
        let ids: Vec<_> = registered.iter().flatten().map(|chain| chain.id).collect();
        let layout = if has_v31(&message_root, &ids)? { Layout::V31 } else { Layout::V29 };
        // The trees go on up to the first chain whose registration is missing.
        let known: Vec<_> = registered.iter().map_while(|chain| *chain).collect();
        let mut executed = executed::of_chains(record, &values, layout, &known, options)?;
        for (chain, executed) in known.iter().zip(&mut executed) {
            let tree = beside.and_then(|beside| beside.chain(chain.id));
            tree.into_iter().for_each(|tree| executed.learn(tree));
        }
        let Replayed { end, shared_root, chains, mut executed, gaps } =
            Replay::new(record, &sl_chains, &known, executed)?.run()?;
        let (mut bridged, mut crossed) = (None, Vec::new());
        if let Some(end) = end {
            let after = AfterGap { record, values: &values, layout, options, end };
            let of = (chains[0].0, &registered[..], &executed[1..]);
            let (trees, gaps) = after.read(of)?;
            (bridged, crossed) = (Some(Arc::new(trees)), gaps);
        }
        executed.truncate(chains.len());
        for (executed, (_, batches)) in executed.iter_mut().zip(&chains) {
            executed.truncate(*batches);
        }
        values.end_with(end);
        executed.iter().for_each(|chain| fill(&mut values, chain));
        let recorded = chains.iter();
        let recorded =
            recorded.map(|(id, batches)| RecordedChain { id: *id, batches: *batches as u64 });
        let chains = recorded.collect();
        let (options, roots) = (*options, OnceLock::new());
        Ok(Self {
            record,
            values,
            options,
            layout,
            chains,
            executed,
            shared_root,
            roots,
            gaps,
            bridged,
            crossed,
        })
    }

    /// What can be proven after the trees end.
    pub(in crate::forest) fn bridged(&self) -> Option<&Arc<BridgedTrees>> {
        self.bridged.as_ref()
    }

    /// The missing batches of the settlement layer, for trees without what can be proven after their end.
    pub(in crate::forest) fn gaps_of_trees(&self) -> Vec<L1Gap> {
        let proven_of = |gap: &L1Gap| match gap {
            L1Gap::Crossed { proven, .. } => *proven,
            _ => 0,
        };
        let after = self.crossed.iter().map(proven_of).sum();
        let mut gaps = self.gaps.clone();
        for gap in &mut gaps {
            if let L1Gap::Ends { proven, .. } = gap {
                *proven = after;
            }
        }
        self.with_parts(gaps)
    }

    /// The missing batches of the settlement layer.
    pub(in crate::forest) fn gaps(&self) -> Vec<L1Gap> {
        let is_crossed = !self.crossed.is_empty();
        let is_kept = |gap: &&L1Gap| !(is_crossed && matches!(gap, L1Gap::Ends { .. }));
        self.with_parts(self.gaps.iter().filter(is_kept).chain(&self.crossed).cloned().collect())
    }

    /// These gaps, and the batches of which only a part is there.
    fn with_parts(&self, mut gaps: Vec<L1Gap>) -> Vec<L1Gap> {
        let batches = &self.record.batches;
        gaps.iter_mut().for_each(|gap| {
            gap.note_logs(|missing| {
                let mut within = batches.iter().filter(|one| missing.contains(&one.batch));
                within.all(|one| one.local_root.is_some())
            });
        });
        let known = gaps.len();
        for SlBatchOnL1 { batch, has_diffs, is_whole, .. } in batches {
            let is_within = |gap: &L1Gap| gap.missing().contains(batch);
            if *has_diffs && !is_whole && !gaps[..known].iter().any(is_within) {
                gaps.push(L1Gap::InPart { missing: *batch..=*batch });
            }
        }
        gaps.sort_by_key(|gap| *gap.missing().start());
        gaps
    }

    /// Every interop root, with the content of those that are the last ones of a batch, and what missing batches
    /// appended. Which blocks of a batch appended what is left to a search.
    pub(in crate::forest) fn history(&self, forest: &Forest) -> Result<History, HistoryError> {
        let (blocks, roots): (Vec<_>, Vec<_>) =
            self.roots.get().into_iter().flatten().copied().unzip();
        let steps = first_writes::steps(&self.values, self.options.addresses, forest, &blocks);
        let steps = steps.map_err(RebuildError::from)?.unwrap_or_default();
        let lost_leaves = lost_leaves::of(&self.executed, &self.gaps, |missing| {
            let address = self.options.addresses.message_root;
            let slots = MessageRoot::<FirstValues<'_>>::historical_root_slots(&blocks);
            let since = self.values.first_writes(address, &slots).unwrap_or_default();
            since.partition_point(|since| since.is_some_and(|since| since <= *missing.end()))
        });
        history::corrected(forest, History { lost_leaves, ..History::new(blocks, roots, steps) })
    }
}

/// Adds the batch roots of a chain that are known from messages.
fn fill(values: &mut FirstValues<'_>, executed: &Executed) {
    let Some(diamond) = executed.diamond else { return };
    for &leaf in &executed.filled {
        let number = executed.numbers.get(leaf as u64).unwrap_or_default();
        let slot = mapping_value(number.to_word(), ZkChain::<Snapshot>::batch_roots());
        values.fill(diamond, slot, executed.roots[leaf].into(), executed.since[leaf]);
    }
}

impl Evidence for L1Evidence<'_> {
    fn kind(&self) -> CheckedBy {
        CheckedBy::L1
    }

    fn block(&self) -> Option<SlBlock> {
        None
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn chains(&self) -> &[RecordedChain] {
        &self.chains
    }

    fn batch_roots(&self, roots: Vec<&mut [Hash]>) -> Result<Vec<BatchNumbers>, RebuildError> {
        let chains = roots.into_par_iter().zip(&self.executed).map(|(roots, executed)| {
            roots.copy_from_slice(&executed.roots);
            executed.numbers.clone()
        });
        Ok(chains.collect())
    }

    fn compare_chain(&self, _: usize, _: &BatchNumbers, _: &Tree<'_>) -> Result<(), RebuildError> {
        // Every chain tree is below the shared root.
        Ok(())
    }

    fn compare_shared(&self, shared: &Tree<'_>) -> Result<(), RebuildError> {
        match shared.root() == self.shared_root {
            true => Ok(()),
            false => Err(RebuildError::SharedTree {
                level: shared.height(),
                index: 0,
                stored: self.shared_root,
                rebuilt: shared.root(),
            }),
        }
    }

    fn newest_root<E: From<RebuildError>>(
        &self,
        is_present: impl Fn(&Hash) -> bool,
        _: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<Option<(SlBlock, Hash)>, E> {
        let message_root = MessageRoot::at(&self.values, self.options.addresses.message_root);
        let last = self.options.last_block;
        // Without this, as many blocks are tried as the slots allow.
        let roots = match self.record.is_before_v29 {
            true => Vec::new(),
            false => block_roots::first_blocks(&message_root, last, is_present)?,
        };
        let newest = roots.last().copied();
        // Only the first call sets them. A second one finds the same.
        let _ = self.roots.set(roots);
        Ok(newest)
    }
}
