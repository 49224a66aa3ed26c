//! Follows the trees past batches of the settlement layer whose appended leaves are not known.
//!
//! Each later batch names a root of the shared tree. Below it, nodes are taken in the order from the root down: a pair
//! of children is right if it hashes to its parent. A child is known if a batch after the missing ones stored it, or it
//! follows from leaves that are known; otherwise what it may be is tried. So every node that is taken is below the
//! root in a commit.

use std::ops::RangeInclusive;

use super::{
    candidate::Candidate, crossing_chain::CrossingChain, executed::Executed, registry::Registered,
};
use crate::{
    forest::{
        BridgedEnd, BridgedTrees, bridged::NodeAt, bridged::SharedNodes, chain_id_leaf, entry_zeros,
    },
    ingest::l1::{LayerRecord, NodeSlot, SlBatchOnL1, StoredNode},
    keccak::hash_node,
    merkle::{Levels, height, level_len},
    primitives::{ChainId, Hash, SlBatch},
};

/// The most values that are tried for one node.
const MOST_TRIED: usize = 1 << 12;
/// The most chains that are tried that only missing batches may have registered, after the last known one.
const MOST_NEW: u64 = 4;

/// The trees after missing batches, as they grow.
pub(super) struct Crossing<'r> {
    record: &'r LayerRecord,
    /// By chain index.
    chains: Vec<CrossingChain>,
    /// Chains that missing batches may have registered.
    candidates: Vec<Candidate>,
    /// The leaves that these candidates may have at the end of the present batch, and values of lost slots.
    unplaced: Vec<Hash>,
    shared: SharedNodes,
    ends: Vec<BridgedEnd>,
    /// The last missing batches.
    missing: RangeInclusive<SlBatch>,
    /// The number of chains before all missing batches.
    before: u64,
}

impl<'r> Crossing<'r> {
    /// The trees at the end of the batch before the first missing one. `registered` and `executed` are those of all
    /// chains but the settlement layer, by chain index; a chain that is not known has no batches.
    pub(super) fn new(
        record: &'r LayerRecord,
        sl_chain: ChainId,
        (registered, executed): (&[Option<Registered>], Vec<Executed>),
        candidates: Vec<Candidate>,
        cut: SlBatch,
    ) -> Self {
        let layer = CrossingChain::new(Some((sl_chain, SlBatch(0))), Executed::default());
        let others = registered.iter().zip(executed).map(|(registered, executed)| {
            CrossingChain::new(registered.map(|chain| (chain.id, chain.since)), executed)
        });
        let mut chains: Vec<CrossingChain> = [layer].into_iter().chain(others).collect();
        let mut shared = SharedNodes::default();
        let count = registered_by(&chains, cut);
        let leaves = chains[..count].iter_mut().map(|chain| {
            chain.begin(cut);
            chain.tree.leaf().unwrap_or_default()
        });
        let levels = Levels::build(leaves.collect(), entry_zeros());
        let tree = levels.tree(entry_zeros());
        for level in 0..=tree.height() {
            for (index, node) in (0..).zip(tree.level(level).iter()) {
                shared.set(cut, (level, index), *node);
            }
        }
        let missing = SlBatch(cut.0 + 1)..=cut;
        let (ends, unplaced) = (Vec::new(), Vec::new());
        let before = count as u64;
        Self { record, chains, candidates, unplaced, shared, ends, missing, before }
    }

    /// Follows the trees to the last batch. Returns them, and the missing batches.
    pub(super) fn run(mut self, cut: SlBatch) -> (BridgedTrees, Vec<RangeInclusive<SlBatch>>) {
        let record = self.record;
        let mut all = Vec::new();
        for batch in record.batches.iter().filter(|batch| batch.batch > cut) {
            // Without its own logs, a batch confirms nothing of what it stored.
            if batch.has_diffs && batch.local_root.is_some() {
                self.follow(batch);
                continue;
            }
            let number = batch.batch;
            let is_next = self.missing.end().0 + 1 == number.0 && !all.is_empty();
            let first = if is_next { *self.missing.start() } else { number };
            self.missing = first..=number;
            all.pop_if(|_| is_next);
            all.push(self.missing.clone());
            self.shared.forget(number, |_| true);
            self.chains.iter_mut().for_each(CrossingChain::unsettle);
        }
        let chains = self.chains.into_iter().map(|chain| chain.tree).collect();
        (BridgedTrees::new(chains, self.shared, (cut, self.before), self.ends), all)
    }

    fn follow(&mut self, batch: &SlBatchOnL1) {
        let SlBatchOnL1 { batch, root: Some(root), local_root: Some(local_root), executed, .. } =
            *batch
        else {
            return;
        };
        let stored = self.record.nodes_of(batch);
        // It is not seen whether this batch changed a node whose slot is lost.
        self.shared.forget(batch, |at| !self.record.shared_slots.contains(at));
        for node in stored {
            if let NodeSlot::Shared(level, index) = node.slot {
                self.shared.set(batch, (level, index), node.node);
            }
        }
        let count = registered_by(&self.chains, batch);
        let is_leaf =
            |index: u64| move |node: &&StoredNode| node.slot == NodeSlot::Shared(0, index);
        for (index, chain) in (0..).zip(&mut self.chains[..count]) {
            let leaf = stored.iter().find(is_leaf(index)).map(|node| node.node);
            chain.advance(batch, stored, leaf, &self.missing);
            let known = chain.known_leaf();
            if let Some(known) = known.filter(|known| leaf.is_none_or(|leaf| leaf == *known)) {
                self.shared.set(batch, (0, index), known);
            }
        }
        self.chains.iter_mut().for_each(|chain| chain.find_possible(&self.missing));
        self.candidates.iter_mut().for_each(|candidate| candidate.advance(batch));
        self.unplaced = self.unplaced_leaves(stored);
        let count = count as u64;
        let is_right = |shared_root: &Hash| hash_node(local_root, *shared_root) == root;
        let roots = (count..=count + MOST_NEW).filter_map(|chains| {
            let roots = self.values((height(chains), 0), chains);
            roots.into_iter().find(is_right).map(|root| (chains, root))
        });
        let roots: Vec<(u64, Hash)> = roots.collect();
        // With the right number of chains, the last leaf follows from the root, unless it is lost.
        let follows = |(chains, root): &&(u64, Hash)| {
            self.leads_to(chains - 1, (height(*chains), 0), *root, *chains)
        };
        let found = roots.iter().find(follows).or(roots.first()).copied();
        if let Some((chains, shared_root)) = found {
            self.settle((height(chains), 0), shared_root, chains, batch);
            self.ends.push(BridgedEnd {
                batch,
                chains,
                shared_root,
                local_root,
                root,
                executed,
                roots: Vec::new(),
            });
        }
        for (index, chain) in (0..).zip(&mut self.chains) {
            chain.end(self.shared.now((0, index)));
        }
    }

    /// Whether the nodes from this one down to a leaf follow from it.
    fn leads_to(&self, leaf: u64, (level, index): NodeAt, node: Hash, count: u64) -> bool {
        let Some(below) = level.checked_sub(1) else { return true };
        let Some(pair) = self.children((level, index), node, count) else { return false };
        let side = leaf >> below & 1;
        self.leads_to(leaf, (below, 2 * index + side), pair[side as usize], count)
    }

    /// The children of a node, if they follow from it.
    fn children(&self, (level, index): NodeAt, node: Hash, count: u64) -> Option<[Hash; 2]> {
        let below = level.checked_sub(1)?;
        let mut pairs = self.pairs([0, 1].map(|side| (below, 2 * index + side)), count).into_iter();
        pairs.find(|[left, right]| hash_node(*left, *right) == node)
    }

    /// The values that two nodes may have together; none if there are too many.
    fn pairs(&self, nodes: [NodeAt; 2], count: u64) -> Vec<[Hash; 2]> {
        let [lefts, rights] = nodes.map(|node| self.values(node, count));
        if lefts.len() * rights.len() > MOST_TRIED {
            return Vec::new();
        }
        let pairs = lefts.iter().flat_map(|left| rights.iter().map(|right| [*left, *right]));
        pairs.collect()
    }

    /// What the leaf of a chain may be whose registration is missing.
    fn unplaced_leaves(&self, stored: &[StoredNode]) -> Vec<Hash> {
        let empty = self.candidates.iter().map(Candidate::empty_leaf);
        let grown = self.candidates.iter().filter_map(|candidate| candidate.tree.leaf());
        let lost = stored.iter().filter(|node| node.slot == NodeSlot::Lost).map(|node| node.node);
        let mut leaves: Vec<Hash> = empty.chain(grown).chain(lost).take(MOST_TRIED).collect();
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }

    /// The values that a node may have in the tree of `count` chains. Only one if it is known.
    fn values(&self, at: NodeAt, count: u64) -> Vec<Hash> {
        let (level, index) = at;
        if index >= level_len(count, level) {
            return vec![entry_zeros().at(level)];
        }
        if let Some(known) = self.shared.now(at) {
            return vec![known];
        }
        let mut values: Vec<Hash> = self.shared.last(at).into_iter().collect();
        let chain = self.chains.get(index as usize).filter(|_| level == 0);
        values.extend(chain.into_iter().flat_map(CrossingChain::possible_leaves));
        if let Some(below) = level.checked_sub(1) {
            let pairs = self.pairs([0, 1].map(|side| (below, 2 * index + side)), count);
            values.extend(pairs.iter().map(|[left, right]| hash_node(*left, *right)));
        }
        // Last, because anyone can write many values.
        if !self.record.shared_slots.contains(&at) || chain.is_some_and(|chain| chain.is_open) {
            values.extend(&self.unplaced);
        }
        values.dedup();
        values.truncate(MOST_TRIED);
        values
    }

    /// Takes a node that is known to be right, and all below it that follow.
    fn settle(&mut self, at: NodeAt, node: Hash, count: u64, batch: SlBatch) {
        let (level, index) = at;
        if index >= level_len(count, level) {
            return;
        }
        self.shared.set(batch, at, node);
        let Some(below) = level.checked_sub(1) else {
            return self.settle_chain(index as usize, node, batch);
        };
        let children = [0, 1].map(|side| (below, 2 * index + side));
        if let Some(nodes) = self.children(at, node, count) {
            for (child, node) in children.into_iter().zip(nodes) {
                self.settle(child, node, count, batch);
            }
            return;
        }
        // A node that a batch stored is right without its sibling.
        for child in children {
            if let Some(known) = self.shared.now(child) {
                self.settle(child, known, count, batch);
            }
        }
    }

    /// Takes a chain's leaf that is known to be right.
    fn settle_chain(&mut self, index: usize, leaf: Hash, batch: SlBatch) {
        while self.chains.len() <= index {
            self.chains.push(CrossingChain::new(None, Executed::default()));
        }
        let chain = &mut self.chains[index];
        if !chain.is_open {
            return chain.settle(leaf, &self.missing, batch);
        }
        // An empty tree does not tell which of the candidates with the chain's id it is.
        if let Some(empty) = self.candidates.iter().find(|one| one.empty_leaf() == leaf) {
            return chain.name(empty.id, batch);
        }
        let id = chain.tree.id;
        let of_chain = |one: &&Candidate| id.is_none_or(|id| id == one.id);
        let is_it = |at: &usize| {
            let one = &self.candidates[*at];
            of_chain(&one) && one.tree.leaf() == Some(leaf)
        };
        // Anyone can store the same roots, later.
        let first = (0..self.candidates.len()).filter(is_it);
        if let Some(at) = first.min_by_key(|at| self.candidates[*at].since()) {
            let found = self.candidates.swap_remove(at);
            self.candidates.retain(|one| one.id != found.id);
            return chain.identify(found, batch);
        }
        // The root of the chain's tree is among the values of lost slots too.
        let is_it = |one: &&Candidate| {
            self.unplaced.iter().any(|root| chain_id_leaf(*root, one.id) == leaf)
        };
        if let Some(found) = self.candidates.iter().filter(of_chain).find(is_it) {
            let id = found.id;
            chain.name(id, batch);
            chain.close();
            self.candidates.retain(|one| one.id != id);
        }
    }
}

/// The number of chains that are registered by the end of a batch, as far as it is known.
fn registered_by(chains: &[CrossingChain], batch: SlBatch) -> usize {
    let is_there = |chain: &CrossingChain| chain.since.is_some_and(|since| since <= batch);
    chains.iter().rposition(is_there).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        forest::evidence::l1::executed::tests::executed, ingest::l1::LayerRecorder,
        primitives::BatchNumber,
    };

    /// A stranger's contract stores the same root later. An empty tree is that of both.
    #[test]
    fn the_batches_of_a_chain_whose_registration_is_lost_are_those_that_its_leaf_shows_first() {
        let record = LayerRecorder::new(None).unwrap().finish().unwrap();
        let candidates = [&[(7, 14), (8, 14)][..], &[(7, 13), (8, 15)], &[(9, 12)]];
        let candidates =
            Vec::from(candidates.map(|batches| Candidate::new(ChainId(5), executed(batches))));
        let empty = candidates[0].empty_leaf();
        let cut = SlBatch(10);
        let mut crossing = Crossing::new(&record, ChainId(506), (&[], Vec::new()), candidates, cut);
        crossing.settle_chain(1, empty, SlBatch(12));
        assert_eq!(crossing.chains[1].tree.id, Some(ChainId(5)));
        assert_eq!((crossing.candidates.len(), crossing.chains[1].is_settled), (3, false));

        let mut shown = Candidate::new(ChainId(5), executed(&[(7, 13), (8, 13)]));
        shown.advance(SlBatch(15));
        crossing.candidates.iter_mut().for_each(|one| one.advance(SlBatch(15)));
        crossing.settle_chain(1, shown.tree.leaf().unwrap(), SlBatch(15));
        assert!(crossing.chains[1].is_settled && crossing.candidates.is_empty());
        let (trees, _) = crossing.run(cut);
        let since = |number| trees.since(&trees.find(ChainId(5), BatchNumber(number)).unwrap());
        assert_eq!((since(7), since(8)), (Some(SlBatch(13)), Some(SlBatch(15))));
    }
}
