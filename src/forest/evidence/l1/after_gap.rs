//! What can still be proven after missing batches of the settlement layer whose appended leaves are not known.

use std::{cmp::Reverse, collections::BTreeMap, ops::RangeInclusive};

use super::{
    candidate::Candidate,
    crossing::Crossing,
    executed::{self, Executed},
    first_values::FirstValues,
    gap::L1Gap,
    registry::Registered,
};
use crate::{
    contracts::{Layout, MessageRoot},
    forest::{
        BridgedTrees, RebuildError, RebuildOptions,
        evidence::{batch_sources::BatchSources, block_roots},
    },
    ingest::l1::LayerRecord,
    primitives::{ChainId, SlBatch, SlBlock},
    state::StorageReader,
};

/// The most chains that are tried where registrations are missing.
const MOST_CANDIDATES: usize = 1 << 6;

/// What is known after the end of the trees.
pub(super) struct AfterGap<'a, 'r> {
    pub(super) record: &'r LayerRecord,
    /// Those of all batches.
    pub(super) values: &'a FirstValues<'r>,
    pub(super) layout: Layout,
    pub(super) options: &'a RebuildOptions,
    /// The batch at which the trees end.
    pub(super) end: SlBatch,
}

impl AfterGap<'_, '_> {
    /// The trees after the gap, and what each gap costs. Nothing is said of the gaps if the root of no later batch is
    /// known.
    pub(super) fn read(
        &self,
        (sl_chain, registered, executed): (ChainId, &[Option<Registered>], &[Executed]),
    ) -> Result<(BridgedTrees, Vec<L1Gap>), RebuildError> {
        let mut executed = executed.to_vec();
        for chain in &registered[executed.len()..] {
            executed.extend(match chain {
                Some(chain) => self.of_chains(&[*chain])?,
                None => vec![Executed::default()],
            });
        }
        let candidates = self.candidates(sl_chain, registered);
        let of = (registered, executed);
        let crossing = Crossing::new(self.record, sl_chain, of, candidates, self.end);
        let (mut trees, missing) = crossing.run(self.end);
        if trees.ends().is_empty() {
            return Ok((trees, Vec::new()));
        }
        self.find_blocks(&mut trees)?;
        let gaps = crossed(&trees, &missing);
        Ok((trees, gaps))
    }

    fn of_chains(&self, chains: &[Registered]) -> Result<Vec<Executed>, RebuildError> {
        executed::of_chains(self.record, self.values, self.layout, chains, self.options)
    }

    /// The chains that a missing batch may have registered: those whose pubdata was relayed, with the sender of the
    /// message after it, which is the chain's diamond. Anyone can send both, so there may be several diamonds for one
    /// chain. Those with the most messages are taken.
    fn candidates(&self, sl_chain: ChainId, registered: &[Option<Registered>]) -> Vec<Candidate> {
        let message_root = MessageRoot::at(self.values, self.options.addresses.message_root);
        let is_known =
            |id: ChainId| id == sl_chain || registered.iter().flatten().any(|chain| chain.id == id);
        let unknown = self.record.relaying.iter().filter(|(_, chain)| !is_known(*chain));
        let mut unknown: Vec<_> = unknown.collect();
        // A stranger pays for each of his messages.
        unknown.sort_by_key(|(diamond, _)| Reverse(self.record.committed_by(*diamond).len()));
        let candidates = unknown.into_iter().take(MOST_CANDIDATES);
        let candidates = candidates.filter_map(|(diamond, chain)| {
            let (values, layout, diamond) = (self.values, self.layout, Some(*diamond));
            let sources =
                BatchSources::with_diamond(values, layout, &message_root, *chain, diamond);
            // A contract that stores something else is no diamond.
            let executed = executed::of_chain(self.record, values, *chain, &sources).ok()?;
            Some(Candidate::new(*chain, executed))
        });
        candidates.collect()
    }

    /// Finds the interop roots of the batches.
    fn find_blocks(&self, trees: &mut BridgedTrees) -> Result<(), RebuildError> {
        let Some(newest) = trees.ends().last().map(|end| end.shared_root) else { return Ok(()) };
        let address = self.options.addresses.message_root;
        let message_root = MessageRoot::at(self.values, address);
        let last = self.options.last_block;
        let roots = block_roots::first_blocks(&message_root, last, |root| *root == newest)?;
        let blocks: Vec<SlBlock> = roots.iter().map(|(block, _)| *block).collect();
        let slots = MessageRoot::<FirstValues<'_>>::historical_root_slots(&blocks);
        let since = self.values.first_writes(address, &slots).unwrap_or_default();
        let mut within: BTreeMap<SlBatch, (usize, usize)> = BTreeMap::new();
        for (at, batch) in since.into_iter().enumerate() {
            if let Some(batch) = batch {
                within.entry(batch).or_insert((at, at)).1 = at;
            }
        }
        for end in trees.ends_mut() {
            let own = within.get(&end.batch).filter(|(_, last)| roots[*last].1 == end.shared_root);
            end.roots = own.map_or(Vec::new(), |(first, last)| roots[*first..=*last].to_vec());
        }
        Ok(())
    }
}

/// What each of the gaps costs. They ascend.
fn crossed(trees: &BridgedTrees, missing: &[RangeInclusive<SlBatch>]) -> Vec<L1Gap> {
    let mut counts = vec![(0, 0); missing.len()];
    for leaf in trees.leaves() {
        let Some(since) = trees.since(&leaf) else { continue };
        let after = missing.partition_point(|missing| *missing.end() < since);
        let Some(gap) = after.checked_sub(1) else { continue };
        let (proven, unproven) = &mut counts[gap];
        match trees.first(&leaf, |end| end.executed != Some(false)) {
            Some(_) => *proven += 1,
            None => *unproven += 1,
        }
    }
    let gaps = missing.iter().zip(counts).map(|(missing, (proven, unproven))| {
        let lost = trees.lost().filter(|lost| lost.missing == *missing).collect();
        L1Gap::Crossed { missing: missing.clone(), lost, proven, unproven, has_logs: false }
    });
    gaps.collect()
}
