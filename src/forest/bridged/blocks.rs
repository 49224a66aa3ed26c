//! The trees after the blocks of a batch of the settlement layer.
//!
//! The trees at the end of the batch are known, and what it appended to each chain. So the trees after one of its blocks
//! have the first of these batches of each chain. Which ones is searched, block after block: few chains that append a few
//! batches come first. Only trees with a root that the batch stored count. The search ends after a number of trees, so it
//! finds the same for any number of threads.

use std::collections::HashMap;

use super::{
    chain::BridgedChain,
    path::{BridgedEnd, BridgedLeaf, BridgedPath},
    shared::{NodeAt, SharedNodes},
};
use crate::{
    forest::entry_zeros,
    keccak::hash_node,
    merkle::{height, level_len},
    primitives::{Hash, SlBatch, SlBlock},
};

/// The most trees that are tried in one batch of the settlement layer.
const MOST_TRIED: usize = 1 << 15;

/// An interop root after missing batches of the settlement layer, with the trees that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgedRoot {
    /// The block.
    pub block: SlBlock,
    /// The root.
    pub root: Hash,
    /// Its number among the roots of the batch, from 0.
    at: usize,
    /// The number of chains.
    chains: u64,
    /// The chains to which the batch appended leaves, each with its number of leaves, by chain index.
    leaves: Vec<(u64, u64)>,
}

impl BridgedRoot {
    /// The number of leaves of a chain, if the batch appended some to it.
    #[must_use]
    pub fn leaves(&self, chain: u64) -> Option<u64> {
        let at = self.leaves.binary_search_by_key(&chain, |(index, _)| *index).ok()?;
        Some(self.leaves[at].1)
    }

    /// Whether it is the next root of the batch after another one, or the first root.
    pub(super) fn is_next(&self, before: Option<&Self>) -> bool {
        self.at == before.map_or(0, |before| before.at + 1)
    }
}

/// The trees after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    /// The number of chains.
    chains: u64,
    /// The number of leaves of each chain to which the batch appended some.
    leaves: Vec<u64>,
}

/// A chain to which a batch of the settlement layer appended leaves.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    /// Its index in the shared tree.
    index: u64,
    /// The numbers of its leaves at the beginning and at the end.
    begin: u64,
    end: u64,
    /// Its leaf in the shared tree for each number of leaves; `None` if that is not known.
    leaves: Vec<Option<Hash>>,
}

/// A node of the shared tree during the batch.
enum Node {
    /// It stays the same.
    Fixed(Hash),
    /// It is the leaf of a moving chain.
    Leaf(usize),
    Over(Box<[Self; 2]>),
}

impl Node {
    fn hash(&self, moving: &[Moving], leaves: &[u64]) -> Option<Hash> {
        match self {
            Self::Fixed(node) => Some(*node),
            Self::Leaf(at) => moving[*at].leaves[(leaves[*at] - moving[*at].begin) as usize],
            Self::Over(children) => {
                let [left, right] = &**children;
                Some(hash_node(left.hash(moving, leaves)?, right.hash(moving, leaves)?))
            }
        }
    }
}

impl Moving {
    /// The chains to which the batch of an end appended leaves, by chain index.
    pub(super) fn of(chains: &[BridgedChain], shared: &SharedNodes, end: &BridgedEnd) -> Vec<Self> {
        let moving = (0..end.chains).zip(chains).filter_map(|(index, chain)| {
            let appended = chain.appended_in(end.batch);
            let (begin, last) = (appended.start, appended.end);
            let leaf = |count| {
                // The leaf may be known where the tree below it is not.
                let stored = |batch| shared.at((0, index), SlBatch(batch));
                let known = chain.leaf_of(count);
                let known = known.or_else(|| stored(end.batch.0 - 1).filter(|_| count == begin));
                known.or_else(|| stored(end.batch.0).filter(|_| count == last))
            };
            let leaves = (begin..=last).map(leaf).collect();
            (!appended.is_empty()).then_some(Self { index, begin, end: last, leaves })
        });
        moving.collect()
    }
}

/// The trees during a batch of the settlement layer.
pub(super) struct Blocks<'t> {
    pub(super) chains: &'t [BridgedChain],
    pub(super) shared: &'t SharedNodes,
    pub(super) end: &'t BridgedEnd,
    pub(super) moving: &'t [Moving],
}

impl Blocks<'_> {
    /// The roots whose trees are found, in their order. There were `chains` chains before.
    pub(super) fn search(&self, chains: u64) -> Vec<BridgedRoot> {
        let Some(last) = self.end.roots.last() else { return Vec::new() };
        let ends = self.moving.iter().map(|chain| chain.end).collect();
        let at_end = Position { chains: self.end.chains, leaves: ends };
        let begins = self.moving.iter().map(|chain| chain.begin).collect();
        let trees = chains..=self.end.chains;
        let roots = (0..).zip(&self.end.roots).map(|(at, (_, root))| (*root, at));
        let mut search = Search {
            blocks: self,
            wanted: roots.filter(|(root, _)| *root != last.1).collect(),
            trees: trees.map(|count| self.node((height(count), 0), count)).collect(),
            fewest: chains,
            here: Position { chains, leaves: begins },
            rest: MOST_TRIED,
        };
        let mut found = Vec::new();
        if search.trees.iter().all(Option::is_none) {
            search.wanted.clear();
        }
        while let Some(at) = search.next() {
            self.take(at, &search.here, &mut found);
            search.wanted.retain(|_, other| *other > at);
        }
        self.take(self.end.roots.len() - 1, &at_end, &mut found);
        found
    }

    /// Adds a root, and the same one of blocks before it. Of the same roots, `at` is the last one.
    fn take(&self, at: usize, there: &Position, found: &mut Vec<BridgedRoot>) {
        let roots = &self.end.roots;
        let next = found.last().map_or(0, |last| last.at + 1);
        let same = (next..=at).filter(|other| roots[*other].1 == roots[at].1);
        found.extend(same.map(|at| self.root(at, roots[at], there)));
    }

    fn root(&self, at: usize, (block, root): (SlBlock, Hash), there: &Position) -> BridgedRoot {
        let leaves = self.moving.iter().zip(&there.leaves);
        let leaves = leaves.map(|(chain, leaves)| (chain.index, *leaves)).collect();
        BridgedRoot { block, root, at, chains: there.chains, leaves }
    }

    /// A node in the tree of `count` chains. `None` if a part of it is not known.
    fn node(&self, (level, index): NodeAt, count: u64) -> Option<Node> {
        if index >= level_len(count, level) {
            return Some(Node::Fixed(entry_zeros().at(level)));
        }
        let (first, behind) = (index << level, (index + 1) << level);
        let is_below = |chain: &Moving| (first..behind).contains(&chain.index);
        let moving = self.moving.iter().position(is_below);
        if moving.is_none() && (behind <= count || count == self.end.chains) {
            let known = self.shared.at((level, index), self.end.batch);
            if let Some(known) = known {
                return Some(Node::Fixed(known));
            }
        }
        match (level.checked_sub(1), moving) {
            (None, Some(moving)) => Some(Node::Leaf(moving)),
            (None, None) => {
                let chain = self.chains.get(index as usize)?;
                chain.leaf_of(chain.len_at(self.end.batch)).map(Node::Fixed)
            }
            (Some(below), _) => {
                let left = self.node((below, 2 * index), count)?;
                let right = self.node((below, 2 * index + 1), count)?;
                Some(match (left, right) {
                    (Node::Fixed(left), Node::Fixed(right)) => Node::Fixed(hash_node(left, right)),
                    (left, right) => Node::Over(Box::new([left, right])),
                })
            }
        }
    }

    /// The siblings of a chain's leaf, and those of the chain in the shared tree, after a block.
    pub(super) fn path(&self, leaf: &BridgedLeaf, root: &BridgedRoot) -> Option<BridgedPath> {
        let chain = self.chains.get(leaf.index as usize)?;
        let leaves = root.leaves(leaf.index).unwrap_or_else(|| chain.len_at(self.end.batch));
        let leaves_of = |chain: &Moving| root.leaves(chain.index).unwrap_or(chain.end);
        let moving: Vec<u64> = self.moving.iter().map(leaves_of).collect();
        let chain_path = (0..height(root.chains)).map(|level| {
            let node = self.node((level, (leaf.index >> level) ^ 1), root.chains)?;
            node.hash(self.moving, &moving)
        });
        let chain_path = chain_path.collect::<Option<_>>()?;
        Some(BridgedPath { batch_path: chain.path_in(leaf.leaf, leaves)?, chain_path })
    }
}

/// The search through the roots of one batch.
struct Search<'b> {
    blocks: &'b Blocks<'b>,
    /// The roots that are not reached yet, by their numbers.
    wanted: HashMap<Hash, usize>,
    /// The shared tree by number of chains, from `fewest` on.
    trees: Vec<Option<Node>>,
    fewest: u64,
    here: Position,
    /// The trees that may still be tried.
    rest: usize,
}

impl Search<'_> {
    /// Goes to the next position with a wanted root, and returns its number.
    fn next(&mut self) -> Option<usize> {
        let left = self.blocks.moving.iter().zip(&self.here.leaves);
        let most: u32 = left.map(|(chain, leaves)| cost(chain.end - leaves)).sum();
        let mut there = self.here.clone();
        for costs in 0..=most {
            if let Some(at) = self.try_all(&mut there, 0, costs) {
                self.here = there;
                return Some(at);
            }
        }
        None
    }

    /// Tries all positions in which the chains from this one on append batches that together cost this. Returns the number
    /// of the root.
    fn try_all(&mut self, there: &mut Position, moving: usize, costs: u32) -> Option<usize> {
        if self.wanted.is_empty() {
            return None;
        }
        self.rest = self.rest.checked_sub(1)?;
        if costs == 0 {
            return self.try_counts(there);
        }
        let end = self.blocks.moving.get(moving)?.end;
        let begin = self.here.leaves[moving];
        for leaves in begin..=end {
            let Some(left) = costs.checked_sub(cost(leaves - begin)) else { break };
            there.leaves[moving] = leaves;
            let found = self.try_all(there, moving + 1, left);
            if found.is_some() {
                return found;
            }
        }
        there.leaves[moving] = begin;
        None
    }

    /// Tries all numbers of chains.
    fn try_counts(&mut self, there: &mut Position) -> Option<usize> {
        let blocks = self.blocks;
        let appended =
            blocks.moving.iter().zip(&there.leaves).filter(|(one, leaves)| one.begin < **leaves);
        let fewest = appended.map(|(chain, _)| chain.index + 1).max().unwrap_or(0);
        for chains in fewest.max(self.here.chains)..=blocks.end.chains {
            self.rest = self.rest.checked_sub(1)?;
            let tree = self.trees[(chains - self.fewest) as usize].as_ref();
            let root = tree.and_then(|tree| tree.hash(blocks.moving, &there.leaves));
            if let Some(at) = root.and_then(|root| self.wanted.get(&root)) {
                there.chains = chains;
                return Some(*at);
            }
        }
        None
    }
}

/// What it costs that a chain appends some batches: one more for twice as many.
fn cost(batches: u64) -> u32 {
    match batches {
        0 => 0,
        _ => 1 + batches.next_power_of_two().trailing_zeros(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        forest::{BridgedTrees, EMPTY_ENTRY, batch_leaf, chain_id_leaf},
        keccak::keccak256,
        merkle::{Levels, PushTree},
        primitives::{BatchNumber, ChainId, SlBatch},
    };

    /// The contract's trees.
    #[derive(Default)]
    struct Contract(Vec<PushTree>);

    impl Contract {
        fn leaves(&self) -> Vec<Hash> {
            let root = |tree: &PushTree| if tree.leaves() == 0 { Hash::ZERO } else { tree.root() };
            (0..).zip(&self.0).map(|(id, tree)| chain_id_leaf(root(tree), ChainId(id))).collect()
        }

        fn root(&self) -> Hash {
            Levels::build(self.leaves(), entry_zeros()).tree(entry_zeros()).root()
        }
    }

    proptest! {
        /// Two batches of the settlement layer append leaves in their blocks, and register chains. Of the first one only the
        /// end is known. A block in which nothing changes stores the same root again.
        #[test]
        fn the_trees_after_each_block_are_found(
            before in prop::collection::vec(0..4u64, 1..6),
            blocks in prop::collection::vec((0..2usize, prop::collection::vec((0..5usize, 1..3u64), 0..3)), 1..5),
        ) {
            let mut contract = Contract::default();
            let mut chains: Vec<BridgedChain> = Vec::new();
            let push = |contract: &mut Contract, chains: &mut Vec<BridgedChain>, chain: usize, by| {
                let number = BatchNumber(contract.0[chain].leaves() + 1);
                let root = keccak256(&[chain as u8, number.0 as u8]);
                contract.0[chain].push(batch_leaf(root, number));
                chains[chain].push(number, Some(root), SlBatch(by));
            };
            let register = |contract: &mut Contract, chains: &mut Vec<BridgedChain>| {
                chains.push(BridgedChain::new(Some(ChainId(chains.len() as u64))));
                contract.0.push(PushTree::new(EMPTY_ENTRY));
            };
            for count in &before {
                register(&mut contract, &mut chains);
                let chain = chains.len() - 1;
                (0..*count).for_each(|_| push(&mut contract, &mut chains, chain, 1));
            }
            let mut roots = Vec::new();
            for (block, (new, appended)) in (10..).zip(&blocks) {
                (0..*new).for_each(|_| register(&mut contract, &mut chains));
                for (chain, count) in appended {
                    let chain = chain % chains.len();
                    (0..*count).for_each(|_| push(&mut contract, &mut chains, chain, 2));
                }
                roots.push((SlBlock(block), contract.root()));
            }
            let mut shared = SharedNodes::default();
            let levels = Levels::build(contract.leaves(), entry_zeros());
            let tree = levels.tree(entry_zeros());
            for level in 0..=tree.height() {
                for (index, node) in (0..).zip(tree.level(level).iter()) {
                    shared.set(SlBatch(2), (level, index), *node);
                }
            }
            let (count, zero) = (chains.len() as u64, Hash::ZERO);
            let end = BridgedEnd {
                batch: SlBatch(2),
                chains: count,
                shared_root: tree.root(),
                local_root: zero,
                root: zero,
                executed: None,
                roots: roots.clone(),
            };
            let trees = BridgedTrees::new(chains, shared, (SlBatch(1), before.len() as u64), vec![end.clone()]);
            let found: Vec<_> = trees.roots(&end).iter().map(|root| (root.block, root.root)).collect();
            prop_assert_eq!(&found, &roots);
            for leaf in trees.leaves() {
                let first = trees.first_root(&leaf);
                prop_assert_eq!(first.is_some(), trees.since(&leaf) == Some(SlBatch(2)));
                for root in trees.roots(&end) {
                    let has = first.is_none_or(|(_, first)| first.block <= root.block);
                    prop_assert_eq!(trees.path_to(&leaf, &end, root).is_some(), has);
                }
            }
        }
    }

    /// Chains 2 and 3 have no known leaves, but the node above them is known. The batch appends a leaf to chain 0, and then
    /// registers chain 4.
    #[test]
    fn a_known_node_replaces_unknown_leaves_below_it() {
        let mut contract = Contract::default();
        let mut chains = Vec::new();
        for id in [Some(ChainId(0)), Some(ChainId(1)), None, None] {
            contract.0.push(PushTree::new(EMPTY_ENTRY));
            chains.push(BridgedChain::new(id));
        }
        let (number, root) = (BatchNumber(1), keccak256(b"batch 1"));
        contract.0[0].push(batch_leaf(root, number));
        chains[0].push(number, Some(root), SlBatch(2));
        let mut roots = vec![(SlBlock(10), contract.root())];
        contract.0.push(PushTree::new(EMPTY_ENTRY));
        chains.push(BridgedChain::new(Some(ChainId(4))));
        roots.push((SlBlock(11), contract.root()));
        let levels = Levels::build(contract.leaves(), entry_zeros());
        let mut shared = SharedNodes::default();
        shared.set(SlBatch(2), (1, 1), levels.tree(entry_zeros()).node(1, 1));
        let end = BridgedEnd {
            batch: SlBatch(2),
            chains: 5,
            shared_root: contract.root(),
            local_root: Hash::ZERO,
            root: Hash::ZERO,
            executed: None,
            roots: roots.clone(),
        };
        let trees = BridgedTrees::new(chains, shared, (SlBatch(1), 4), vec![end.clone()]);
        let found: Vec<_> = trees.roots(&end).iter().map(|root| (root.block, root.root)).collect();
        assert_eq!(found, roots);
    }

    /// The tree of chain 0 is not known, but what its leaf in the shared tree was before the batch and after it. The first
    /// block appends a leaf to chain 1, and the second one to chain 0.
    #[test]
    fn known_leaves_of_the_shared_tree_replace_unknown_trees_below_them() {
        let mut contract = Contract(vec![PushTree::new(EMPTY_ENTRY), PushTree::new(EMPTY_ENTRY)]);
        let mut chains = [ChainId(0), ChainId(1)].map(|id| BridgedChain::new(Some(id)));
        let mut shared = SharedNodes::default();
        let mut push = |chain: usize, number, is_known: bool, by| {
            let root = keccak256(&[chain as u8, number as u8]);
            contract.0[chain].push(batch_leaf(root, BatchNumber(number)));
            chains[chain].push(BatchNumber(number), is_known.then_some(root), SlBatch(by));
            (contract.root(), contract.leaves()[0])
        };
        let (_, before) = push(0, 1, false, 1);
        let (first, _) = push(1, 1, true, 2);
        let (second, after) = push(0, 2, true, 2);
        shared.set(SlBatch(1), (0, 0), before);
        shared.set(SlBatch(2), (0, 0), after);
        let end = BridgedEnd {
            batch: SlBatch(2),
            chains: 2,
            shared_root: second,
            local_root: Hash::ZERO,
            root: Hash::ZERO,
            executed: None,
            roots: vec![(SlBlock(10), first), (SlBlock(11), second)],
        };
        let trees = BridgedTrees::new(chains.into(), shared, (SlBatch(1), 2), vec![end.clone()]);
        let found: Vec<_> = trees.roots(&end).iter().map(|root| (root.block, root.root)).collect();
        assert_eq!(found, end.roots);
    }

    /// The batch appends 40 leaves to each of five chains, of which the first block appends one. The number of trees that are
    /// tried does not suffice for all positions of four chains.
    #[test]
    fn a_block_that_appends_little_is_found_first() {
        let mut contract = Contract::default();
        let mut chains = Vec::new();
        for id in 0..5 {
            contract.0.push(PushTree::new(EMPTY_ENTRY));
            chains.push(BridgedChain::new(Some(ChainId(id))));
        }
        let mut push = |chain: usize| {
            let number = BatchNumber(contract.0[chain].leaves() + 1);
            let root = keccak256(&[chain as u8, number.0 as u8]);
            contract.0[chain].push(batch_leaf(root, number));
            chains[chain].push(number, Some(root), SlBatch(2));
            contract.root()
        };
        let first = (SlBlock(10), push(4));
        (0..5).for_each(|chain| (0..39).for_each(|_| _ = push(chain)));
        let last = (SlBlock(11), (0..4).map(push).last().unwrap());
        let end = BridgedEnd {
            batch: SlBatch(2),
            chains: 5,
            shared_root: last.1,
            local_root: Hash::ZERO,
            root: Hash::ZERO,
            executed: None,
            roots: vec![first, last],
        };
        let trees =
            BridgedTrees::new(chains, SharedNodes::default(), (SlBatch(1), 5), vec![end.clone()]);
        assert_eq!(trees.roots(&end).len(), 2);
    }

    #[test]
    fn no_root_is_between_a_root_and_the_next_one() {
        let root = |at| {
            let (block, root, leaves) = (SlBlock(10 + at as u64), Hash::ZERO, Vec::new());
            BridgedRoot { block, root, at, chains: 1, leaves }
        };
        assert!(root(0).is_next(None) && root(2).is_next(Some(&root(1))));
        assert!(!root(1).is_next(None) && !root(2).is_next(Some(&root(0))));
    }
}
