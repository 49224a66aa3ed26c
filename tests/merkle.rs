//! Trees against a naive oracle and against the contract's own step-by-step algorithm.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use proptest::prelude::*;
use slproof::{
    keccak::keccak256,
    merkle::{Levels, PushTree, Tree, Zeros, height, live_side},
    primitives::Hash,
};
use support::naive;

fn empty() -> Hash {
    keccak256(&[0; 96])
}

fn leaves(count: usize, seed: u64) -> Vec<Hash> {
    (0..count as u64).map(|i| keccak256(&[seed.to_be_bytes(), i.to_be_bytes()].concat())).collect()
}

/// Every count around the places where a tree grows, and around the block size of the builder.
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
            // The contract's stale entries are the left sibling of what would be there: never live.
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
    // The contract's push tree answers 32 zero bytes instead, and callers must know that.
    assert_eq!(PushTree::new(empty()).root(), Hash::ZERO);
}

#[test]
fn any_number_of_threads_builds_the_same_bytes() {
    let zeros = Zeros::above(empty());
    let all = leaves(10_007, 2);
    let build = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Levels::build(all.clone(), &zeros))
    };
    let (one, three) = (build(1), build(3));
    for level in 0..=one.tree(&zeros).height() {
        assert_eq!(one.tree(&zeros).level(level), three.tree(&zeros).level(level));
    }
}

#[test]
fn a_view_of_the_wrong_size_is_refused() {
    let zeros = Zeros::above(empty());
    assert!(Tree::new(&leaves(5, 0), 3, &zeros).is_none());
    assert!(Tree::new(&[], u64::MAX, &zeros).is_none());
}

proptest! {
    #[test]
    fn extending_is_pushing_many(pieces in prop::collection::vec(0usize..70, 0..6), seed: u64) {
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
    }

    #[test]
    fn a_prefix_is_the_tree_of_its_leaves(count in 0usize..400, seed: u64, keep: prop::sample::Index) {
        let zeros = Zeros::above(empty());
        let all = leaves(count, seed);
        let levels = Levels::build(all.clone(), &zeros);
        let keep = keep.index(count + 1);
        let prefix = levels.tree(&zeros).prefix(keep as u64).unwrap();
        let alone = Levels::build(all[..keep].to_vec(), &zeros);
        prop_assert_eq!(prefix.root(), alone.tree(&zeros).root());
        for index in 0..keep as u64 {
            prop_assert_eq!(prefix.path(index).unwrap(), alone.tree(&zeros).path(index).unwrap());
        }
        prop_assert!(prefix.path(keep as u64).is_err());
        prop_assert!(levels.tree(&zeros).prefix(count as u64 + 1).is_none());
    }
}
