//! A small layer whose second batch is missing, compared with the trees of the contract.

use super::*;
use crate::{
    forest::{EMPTY_ENTRY, batch_leaf, chain_id_leaf, entry_zeros},
    merkle::{Levels, PushTree},
    primitives::Hash,
};

const CHAINS: [ChainId; 3] = [ChainId(5), ChainId(6), ChainId(7)];

/// The contract's chain trees, what the commits of L1 show of them, and all batch leaves by chain.
struct Layer {
    contract: Vec<PushTree>,
    leaves: Vec<Vec<Hash>>,
    chains: Vec<BridgedChain>,
    shared: SharedNodes,
    ends: Vec<BridgedEnd>,
}

fn batch_root(chain: usize, number: u64) -> Hash {
    keccak256(&[chain as u8, number as u8])
}

impl Layer {
    fn append(&mut self, chain: usize, number: u64) {
        let leaf = batch_leaf(batch_root(chain, number), BatchNumber(number));
        self.contract[chain].push(leaf);
        self.leaves[chain].push(leaf);
    }

    /// A batch of a chain in a batch of the layer that is known.
    fn push(&mut self, chain: usize, number: u64, by: u64) {
        self.append(chain, number);
        let root = Some(batch_root(chain, number));
        self.chains[chain].push(BatchNumber(number), root, SlBatch(by));
        let sides = self.contract[chain].sides().to_vec();
        (0..).zip(sides).for_each(|(level, side)| self.chains[chain].learn_side(level, side));
    }

    /// The leaves of the shared tree.
    fn entries(&self) -> Vec<Hash> {
        let root = |tree: &PushTree| if tree.leaves() == 0 { Hash::ZERO } else { tree.root() };
        let roots = self.contract.iter().map(root);
        roots.zip(CHAINS).map(|(root, chain)| chain_id_leaf(root, chain)).collect()
    }

    fn shared_root(&self) -> Hash {
        Levels::build(self.entries(), entry_zeros()).tree(entry_zeros()).root()
    }

    /// Ends a batch of the layer, whose commit shows all nodes of the shared tree.
    fn end(&mut self, batch: u64, roots: Vec<(SlBlock, Hash)>) {
        let levels = Levels::build(self.entries(), entry_zeros());
        let tree = levels.tree(entry_zeros());
        for level in 0..=tree.height() {
            for (index, node) in (0..).zip(tree.level(level).iter()) {
                self.shared.set(SlBatch(batch), (level, index), *node);
            }
        }
        self.ends.push(BridgedEnd {
            batch: SlBatch(batch),
            chains: 3,
            shared_root: tree.root(),
            local_root: Hash::ZERO,
            root: keccak256(&[batch as u8]),
            executed: None,
            roots,
        });
    }
}

/// Batch 1 is before the missing batch 2, which executed batches 10 to 12 of the first chain and registered the third
/// one. Batches 3 and 4 are known; batch 4 has two interop roots.
fn layer() -> Layer {
    let mut layer = Layer {
        contract: (0..3).map(|_| PushTree::new(EMPTY_ENTRY)).collect(),
        leaves: vec![Vec::new(); 3],
        chains: [Some(CHAINS[0]), Some(CHAINS[1]), None].map(BridgedChain::new).into(),
        shared: SharedNodes::default(),
        ends: Vec::new(),
    };
    layer.push(0, 9, 1);
    let missing = SlBatch(2)..=SlBatch(2);
    for number in 10..13 {
        layer.append(0, number);
        layer.chains[0].push_missing(BatchNumber(number), None, &missing, SlBatch(3));
    }
    layer.push(0, 13, 3);
    layer.chains[0].confirm();
    let root = layer.shared_root();
    layer.end(3, vec![(SlBlock(30), root)]);
    layer.push(1, 13, 4);
    let first = layer.shared_root();
    layer.push(1, 14, 4);
    let second = layer.shared_root();
    layer.end(4, vec![(SlBlock(40), first), (SlBlock(41), second)]);
    layer
}

fn trees(layer: &Layer) -> BridgedTrees {
    let (chains, shared) = (layer.chains.clone(), layer.shared.clone());
    BridgedTrees::new(chains, shared, (SlBatch(1), 2), layer.ends.clone())
}

#[test]
fn batches_are_found_by_chain_and_number() {
    let trees = trees(&layer());
    assert_eq!(trees.before(), SlBatch(1));
    assert_eq!(trees.ends().iter().map(|end| end.batch.0).collect::<Vec<_>>(), [3, 4]);
    let last = trees.ends().iter().map(|end| end.last_block().map(|block| block.0));
    assert_eq!(last.collect::<Vec<_>>(), [Some(30), Some(41)]);
    let end = |batch| trees.end(SlBatch(batch)).map(|end| end.batch.0);
    assert_eq!([1, 2, 3, 4, 5].map(end), [None, None, Some(3), Some(4), None]);
    let end_with = |block| trees.end_with(SlBlock(block)).map(|end| end.batch.0);
    let expected = [None, Some(3), None, Some(4), Some(4), None];
    assert_eq!([29, 30, 31, 40, 41, 42].map(end_with), expected);
    assert_eq!(trees.unknown_chains().collect::<Vec<_>>(), [2]);

    let place = |leaf: BridgedLeaf| (leaf.chain.0, leaf.index, leaf.batch.0, leaf.leaf);
    let all: Vec<_> = trees.leaves().map(place).collect();
    assert_eq!(all, [(5, 0, 9, 0), (5, 0, 13, 4), (6, 1, 13, 0), (6, 1, 14, 1)]);
    let of_13: Vec<_> = trees.find_all(BatchNumber(13)).map(place).collect();
    assert_eq!(of_13, [(5, 0, 13, 4), (6, 1, 13, 0)]);
    let found = |chain, batch| trees.find(chain, BatchNumber(batch)).map(place);
    assert_eq!(found(CHAINS[1], 13), Some((6, 1, 13, 0)));
    assert_eq!((found(CHAINS[0], 10), found(CHAINS[2], 13)), (None, None));
    for leaf in trees.leaves() {
        assert_eq!(leaf.root, batch_root(leaf.index as usize, leaf.batch.0));
    }
    let since = |leaf: BridgedLeaf| trees.since(&leaf).map(|batch| batch.0);
    assert_eq!(trees.leaves().map(since).collect::<Vec<_>>(), [1, 3, 4, 4].map(Some));

    let lost: Vec<_> = trees.lost().collect();
    let batches = BatchNumber(10)..=BatchNumber(12);
    assert_eq!(lost, [LostBatches { chain: CHAINS[0], batches, missing: SlBatch(2)..=SlBatch(2) }]);
}

#[test]
fn the_identity_depends_on_what_is_known_and_what_is_lost() {
    let one = layer();
    let identity = trees(&one).identity();
    assert!(identity.starts_with("4 3 "), "{identity}");
    let mut other = layer();
    other.ends[1].root = Hash::ZERO;
    assert_ne!(trees(&other).identity(), identity);
    assert_eq!(trees(&layer()).identity(), identity);
}

/// The siblings in the whole trees of the contract.
fn whole_path(layer: &Layer, leaf: &BridgedLeaf) -> BridgedPath {
    let chain = Levels::build(layer.leaves[leaf.index as usize].clone(), entry_zeros());
    let shared = Levels::build(layer.entries(), entry_zeros());
    BridgedPath {
        batch_path: chain.tree(entry_zeros()).path(leaf.leaf).unwrap(),
        chain_path: shared.tree(entry_zeros()).path(leaf.index).unwrap(),
    }
}

#[test]
fn paths_are_those_in_the_trees_of_the_contract() {
    let layer = layer();
    let trees = trees(&layer);
    let [end_3, end_4] = trees.ends() else { panic!("two ends") };
    let leaves: Vec<_> = trees.leaves().collect();
    for leaf in &leaves[1..] {
        assert_eq!(trees.path(leaf, end_4), Some(whole_path(&layer, leaf)), "{leaf:?}");
    }
    // Beside the first batch is a lost one. The last two batches were not there at the end of batch 3.
    assert_eq!(trees.path(&leaves[0], end_4), None);
    assert!(trees.path(&leaves[1], end_3).is_some());
    assert_eq!(trees.path(&leaves[2], end_3), None);
    let wrong = BridgedEnd { shared_root: Hash::ZERO, ..end_4.clone() };
    assert_eq!(trees.path(&leaves[1], &wrong), None);

    let first = |leaf, from| {
        trees.first(leaf, |end| end.batch >= SlBatch(from)).map(|(end, _)| end.batch.0)
    };
    assert_eq!([3, 4, 5].map(|from| first(&leaves[1], from)), [Some(3), Some(4), None]);
    assert_eq!([3, 4, 5].map(|from| first(&leaves[2], from)), [Some(4), Some(4), None]);
    assert_eq!(first(&leaves[0], 3), None);
    let last =
        |leaf, to| trees.last(leaf, |end| end.batch <= SlBatch(to)).map(|(end, _)| end.batch.0);
    assert_eq!([2, 3, 4].map(|to| last(&leaves[1], to)), [None, Some(3), Some(4)]);
    assert_eq!([2, 3, 4].map(|to| last(&leaves[2], to)), [None, None, Some(4)]);
}

#[test]
fn interop_roots_have_the_batches_that_were_appended_before_them() {
    let layer = layer();
    let trees = trees(&layer);
    let [end_3, end_4] = trees.ends() else { panic!("two ends") };
    let blocks = |end| trees.roots(end).iter().map(|root| root.block.0).collect::<Vec<_>>();
    assert_eq!((blocks(end_3), blocks(end_4)), (vec![30], vec![40, 41]));
    let root = |block| trees.root(end_4, SlBlock(block)).map(|root| root.root);
    let [first, second] = [end_4.roots[0].1, end_4.roots[1].1];
    assert_eq!([30, 40, 41].map(root), [None, Some(first), Some(second)]);
    let leaves: Vec<_> = trees.leaves().collect();
    let first_root = |leaf| trees.first_root(leaf).map(|(end, root)| (end.batch.0, root.block.0));
    let firsts: Vec<_> = leaves[1..].iter().map(first_root).collect();
    assert_eq!(firsts, [Some((3, 30)), Some((4, 40)), Some((4, 41))]);
    for leaf in &leaves[2..] {
        for (at, root) in trees.roots(end_4).iter().enumerate() {
            let path = trees.path_to(leaf, end_4, root);
            assert_eq!(path.is_some(), leaf.leaf <= at as u64);
            assert!(path.is_none_or(|path| path.root(leaf) == end_4.roots[at].1));
        }
    }
    let last = &trees.roots(end_4)[1];
    assert_eq!(trees.path_to(&leaves[3], end_4, last), Some(whole_path(&layer, &leaves[3])));
}
