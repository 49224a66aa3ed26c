//! Trees against a naive implementation and against the contract's incremental algorithm.

use crate::support::naive;
use proptest::prelude::*;
use slproof::{
    keccak::keccak256,
    merkle::{
        LeafHashes, Leaves, Levels, PushTree, Tree, TreeJob, Zeros, build_above_into,
        build_all_into, build_into, height, live_side, roots_at,
    },
    primitives::Hash,
};

/// Pseudorandom leaves of 88 bytes, generated from a seed.
#[derive(Debug)]
struct Painted {
    seed: u64,
    count: usize,
}

impl LeafHashes for Painted {
    fn count(&self) -> usize {
        self.count
    }

    fn hash(&self, first: usize, out: &mut [Hash]) {
        for (index, hash) in (first..).zip(out) {
            *hash = keccak256(&self.input(index));
        }
    }
}

impl Leaves<88> for Painted {
    fn input(&self, index: usize) -> [u8; 88] {
        std::array::from_fn(|i| (self.seed.rotate_left(i as u32) ^ (index * 88 + i) as u64) as u8)
    }
}

impl Painted {
    fn leaves(&self) -> Vec<Hash> {
        (0..self.count).map(|index| keccak256(&self.input(index))).collect()
    }
}

fn empty() -> Hash {
    keccak256(&[0; 96])
}

fn leaves(count: usize, seed: u64) -> Vec<Hash> {
    (0..count as u64).map(|i| keccak256(&[seed.to_be_bytes(), i.to_be_bytes()].concat())).collect()
}

/// All leaf counts around those at which a tree grows, and around the block size of the builder.
fn counts() -> impl Iterator<Item = usize> {
    (0..=70).chain([127, 128, 129, 1023, 1024, 1025, 2047, 2048, 2049, 3000, 4097])
}

#[test]
fn roots_equal_the_naive_oracle_and_the_contract() {
    let zeros = Zeros::above(empty());
    let all = leaves(4097, 1);
    let mut push = PushTree::new(empty());
    let mut pushed = 0;
    for count in counts().filter(|n| *n > 0) {
        while pushed < count {
            push.push(all[pushed]);
            pushed += 1;
        }
        let levels = Levels::build(all[..count].to_vec(), &zeros);
        let tree = levels.tree(&zeros);
        assert_eq!(
            tree.root(),
            naive::root(&all[..count], height(count as u64), empty()),
            "{count}"
        );
        assert_eq!(tree.root(), push.root(), "{count}");
        assert_eq!(push.sides().len() as u32, tree.height() + 1, "{count}");
        for level in 0..tree.height() {
            assert_eq!(push.zeros()[level as usize], zeros.at(level));
            // Stale entries are not compared, because the contract never reads them.
            if let Some(side) = live_side(&tree, level) {
                assert_eq!(push.sides()[level as usize], side, "{count} leaves, level {level}");
            }
        }
    }
}

#[test]
fn an_empty_tree_has_the_empty_leaf_as_root_and_pads_to_any_height() {
    let zeros = Zeros::above(empty());
    let levels = Levels::build(vec![], &zeros);
    let tree = levels.tree(&zeros);
    assert_eq!(tree.root_at(14), zeros.at(14));
    assert!(tree.path(0).is_err());
    // The contract's push tree returns 32 zero bytes for an empty tree; callers must handle that.
    assert_eq!(PushTree::new(empty()).root(), Hash::ZERO);
}

/// Blocks of 11 levels are hashed at once. Above the blocks on the leaves stands a second row of blocks, which has
/// 10 levels or the full 11.
#[test]
fn trees_with_two_rows_of_blocks_have_the_root_of_the_contract() {
    let zeros = Zeros::above(empty());
    let leaf = |index: u64| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&index.to_be_bytes());
        Hash::new(bytes)
    };
    for height in [21, 22] {
        let leaves: Vec<Hash> = (0..=1 << (height - 1)).map(leaf).collect();
        let root = PushTree::new(empty()).extend(&leaves);
        let levels = Levels::build(leaves, &zeros);
        assert_eq!(levels.tree(&zeros).height(), height);
        assert_eq!(levels.tree(&zeros).root(), root);
    }
}

#[test]
fn any_number_of_threads_builds_the_same_bytes() {
    let zeros = Zeros::above(empty());
    // Small trees, which are hashed in groups, between large ones, which are hashed in blocks.
    let counts = [3, 10_007, 1, 0, 700, 2048, 2049, 9, 5000, 1500, 2, 8, 7];
    let trees: Vec<_> = (0..).zip(counts).map(|(seed, count)| Painted { seed, count }).collect();
    let build = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            trees
                .iter()
                .map(|tree| {
                    let mut nodes = vec![Hash::ZERO; Tree::node_count(tree.count as u64) as usize];
                    build_into(&mut nodes, tree, &zeros);
                    nodes
                })
                .collect::<Vec<_>>()
        })
    };
    let together = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trees = (0..).zip(counts).map(|(seed, count)| Painted { seed, count }).collect();
        pool.install(|| Levels::hash_all(trees, &zeros))
    };
    let one = build(1);
    assert_eq!(one, build(3));
    for (tree, nodes) in trees.iter().zip(&one) {
        let leaves = Levels::build(tree.leaves(), &zeros);
        assert_eq!(all_levels(&leaves.tree(&zeros)), *nodes, "{} leaves", tree.count);
    }
    for threads in [1, 3] {
        for (above, (tree, nodes)) in above(&trees, threads).iter().zip(trees.iter().zip(&one)) {
            assert_eq!(*above, nodes[tree.count..], "{threads} threads, leaves not kept");
        }
        for (levels, nodes) in together(threads).iter().zip(&one) {
            assert_eq!(all_levels(&levels.tree(&zeros)), *nodes, "{threads} threads");
        }
    }
}

/// The levels above the leaves, if the leaves are not stored. Asserts that building each tree alone and
/// building all of them together give the same nodes.
fn above(trees: &[Painted], threads: usize) -> Vec<Vec<Hash>> {
    let zeros = Zeros::above(empty());
    let buffers =
        || trees.iter().map(|tree| vec![Hash::ZERO; Tree::above_count(tree.count as u64) as usize]);
    let (mut alone, mut together): (Vec<_>, Vec<_>) = (buffers().collect(), buffers().collect());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        for (tree, above) in trees.iter().zip(&mut alone) {
            build_above_into(above, tree, &zeros);
        }
        let painted = |tree: &Painted| Painted { seed: tree.seed, count: tree.count };
        let unbuilt = trees.iter().zip(&mut together).map(|(tree, above)| TreeJob {
            leaves: painted(tree),
            bottom: None,
            above,
        });
        build_all_into(unbuilt.collect(), &zeros);
    });
    assert_eq!(alone, together);
    alone
}

fn all_levels(tree: &Tree<'_>) -> Vec<Hash> {
    (0..=tree.height()).flat_map(|level| tree.level(level).to_vec()).collect()
}

#[test]
#[should_panic = "exactly the nodes of the tree"]
fn a_tree_is_not_built_where_it_does_not_fit() {
    build_into(&mut [Hash::ZERO; 5], &Painted { seed: 1, count: 3 }, &Zeros::above(empty()));
}

#[test]
fn buffer_of_the_wrong_size_is_refused() {
    let zeros = Zeros::above(empty());
    assert!(Tree::new(&leaves(5, 0), 3, &zeros).is_none());
    assert!(Tree::new(&[], u64::MAX, &zeros).is_none());
    assert!(Tree::over(&Painted { seed: 1, count: 3 }, &leaves(2, 0), &zeros).is_none());
}

proptest! {
    #[test]
    fn trees_built_together_equal_trees_built_alone(
        counts in prop::collection::vec(0usize..40, 0..30),
        seed: u64,
    ) {
        let zeros = Zeros::above(empty());
        let trees = || counts.iter().map(|count| Painted { seed: seed ^ *count as u64, count: *count });
        let together = Levels::hash_all(trees().collect(), &zeros);
        let views: Vec<_> = together.iter().map(|levels| levels.tree(&zeros)).collect();
        for (tree, alone) in views.iter().zip(trees()) {
            let alone = alone.leaves();
            prop_assert_eq!(tree.leaves(), alone.len() as u64);
            prop_assert_eq!(&*tree.level(0), &alone[..]);
            prop_assert_eq!(tree.root(), naive::root(&alone, tree.height(), empty()));
            for level in 0..tree.height() {
                let twice = |i: u64| (tree.node(level, 2 * i), tree.node(level, 2 * i + 1));
                for (i, node) in (0..).zip(tree.level(level + 1).iter()) {
                    let (left, right) = twice(i);
                    prop_assert_eq!(naive::node(left, right), *node);
                }
            }
        }
        for (root, tree) in roots_at(&views, 14, &zeros).iter().zip(&views) {
            prop_assert_eq!(*root, tree.root_at(14));
        }
    }

    #[test]
    fn extend_equals_repeated_push(pieces in prop::collection::vec(0usize..70, 0..6), seed: u64) {
        let all = leaves(pieces.iter().sum(), seed);
        let (mut pushed, mut extended) = (PushTree::new(empty()), PushTree::new(empty()));
        let mut rest = &all[..];
        for piece in pieces {
            let (these, others) = rest.split_at(piece);
            rest = others;
            these.iter().for_each(|leaf| { pushed.push(*leaf); });
            prop_assert_eq!(extended.extend(these), pushed.root());
            prop_assert_eq!(extended.sides(), pushed.sides());
            prop_assert_eq!(extended.zeros(), pushed.zeros());
            prop_assert_eq!(extended.leaves(), pushed.leaves());
        }
    }

    #[test]
    fn paths_fold_to_the_root(count in 1usize..600, seed: u64, pick: prop::sample::Index) {
        let zeros = Zeros::above(empty());
        let all = leaves(count, seed);
        let levels = Levels::build(all.clone(), &zeros);
        let index = pick.index(count);
        let tree = levels.tree(&zeros);
        let path = tree.path(index as u64).unwrap();
        prop_assert_eq!(naive::fold(all[index], index as u64, &path), tree.root());
        let padded = tree.path_at(index as u64, 14).unwrap();
        prop_assert_eq!(naive::fold(all[index], index as u64, &padded), tree.root_at(14));
        prop_assert_eq!(tree.root_at(14), naive::root(&all, 14, empty()));
        prop_assert!(tree.path(count as u64).is_err());
        prop_assert!(tree.path_is_valid(index as u64) && !tree.path_is_valid(count as u64));
        let mut nodes = all_levels(&tree);
        nodes[index] = empty();
        let changed = Tree::new(&nodes, count as u64, &zeros).unwrap();
        prop_assert_eq!(changed.path_is_valid(index as u64), count == 1);
    }

    #[test]
    fn paths_are_equal_with_and_without_stored_leaves(
        count in 1usize..300,
        seed: u64,
        counts in prop::collection::vec(0u64..300, 0..20),
    ) {
        let zeros = Zeros::above(empty());
        let painted = Painted { seed, count };
        let kept = Levels::hash(&painted, &zeros);
        let kept = kept.tree(&zeros);
        let mut above = vec![Hash::ZERO; Tree::above_count(count as u64) as usize];
        build_above_into(&mut above, &painted, &zeros);
        let hashed = Tree::over(&painted, &above, &zeros).unwrap();
        prop_assert_eq!(all_levels(&kept), all_levels(&hashed));
        for index in 0..count as u64 {
            prop_assert_eq!(kept.path(index), hashed.path(index));
        }
        for level in 0..10 {
            for index in [0, count as u64 >> level, u64::MAX] {
                prop_assert_eq!(kept.node(level, index), hashed.node(level, index));
            }
        }
        let counts: Vec<u64> = counts.iter().map(|leaves| leaves % (count as u64 + 1)).collect();
        let prefix_root = |leaves: &u64| hashed.prefix(*leaves).unwrap().root();
        let roots: Vec<Hash> = counts.iter().map(prefix_root).collect();
        for tree in [kept, hashed] {
            prop_assert_eq!(tree.prefix_roots(&counts), Some(roots.clone()));
            prop_assert_eq!(tree.prefix_roots(&[count as u64 + 1]), None);
        }
    }

    #[test]
    fn changed_node_is_detected(count in 1usize..3000, seed: u64, pick: prop::sample::Index) {
        let zeros = Zeros::above(empty());
        let painted = Painted { seed, count };
        let mut above = vec![Hash::ZERO; Tree::above_count(count as u64) as usize];
        build_above_into(&mut above, &painted, &zeros);
        prop_assert_eq!(Tree::over(&painted, &above, &zeros).unwrap().first_inconsistent_node(), None);
        if !above.is_empty() {
            let at = pick.index(above.len());
            above[at] = empty();
            let found = Tree::over(&painted, &above, &zeros).unwrap().first_inconsistent_node();
            let tree = Tree::over(&painted, &above, &zeros).unwrap();
            let before: u64 = (1..found.unwrap().0).map(|level| tree.level(level).len() as u64).sum();
            prop_assert_eq!(before + found.unwrap().1, at as u64);
        }
    }

    #[test]
    fn prefix_root_equals_the_root_of_its_leaves(count in 0usize..400, seed: u64, keep: prop::sample::Index) {
        let zeros = Zeros::above(empty());
        let all = leaves(count, seed);
        let levels = Levels::build(all.clone(), &zeros);
        let keep = keep.index(count + 1);
        let prefix = levels.tree(&zeros).prefix(keep as u64).unwrap();
        let alone = Levels::build(all[..keep].to_vec(), &zeros);
        prop_assert_eq!(prefix.leaves(), keep as u64);
        prop_assert_eq!(prefix.root(), alone.tree(&zeros).root());
        for index in 0..keep as u64 {
            prop_assert_eq!(prefix.path(index).unwrap(), alone.tree(&zeros).path(index).unwrap());
        }
        prop_assert!(prefix.path(keep as u64).is_err());
        prop_assert!(levels.tree(&zeros).prefix(count as u64 + 1).is_none());
    }

    #[test]
    fn paths_in_many_prefixes_equal_paths_in_each(
        count in 1usize..300,
        seed: u64,
        picks in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..40),
    ) {
        let zeros = Zeros::above(empty());
        let levels = Levels::build(leaves(count, seed), &zeros);
        let tree = levels.tree(&zeros);
        let wanted: Vec<(u64, u64)> = picks
            .iter()
            .map(|(leaf, leaves)| (leaves.index(count), leaf))
            .map(|(last, leaf)| (leaf.index(last + 1) as u64, last as u64 + 1))
            .collect();
        let paths = tree.prefix_paths(&wanted).unwrap();
        prop_assert_eq!(paths.len(), wanted.len());
        for ((leaf, leaves), path) in wanted.iter().zip(paths) {
            prop_assert_eq!(path, tree.prefix(*leaves).unwrap().path(*leaf).unwrap());
        }
        for none in [(0, 0), (5, 5), (0, count as u64 + 1), (count as u64, count as u64)] {
            prop_assert!(tree.prefix_paths(&[(0, 1), none]).is_err());
        }
    }
}
