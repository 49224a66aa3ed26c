//! One stored node of a tree differs from the rebuilt one: the error names the node and the batches below it.

use crate::support::layer::{Layer, MESSAGE_ROOT, Storage};
use slproof::{
    contracts::Layout,
    forest::{RebuildError, RebuildOptions, rebuild},
    primitives::{BatchNumber, ChainId, Hash, SlBlock, Word},
    state::slots::{array_start, mapping_value},
};

const GATEWAY: ChainId = ChainId(506);
const ERA: ChainId = ChainId(324);
const OTHER: Hash = Hash::new([9; 32]);
/// The numbers of the batches: 13 leaves, so that the levels 0, 2 and 3 have a live entry in `_sides`.
const BATCHES: [u64; 13] = [3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987];

fn layer() -> Layer {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    for batch in BATCHES {
        layer.append(1, BatchNumber(batch), Hash::new([batch as u8; 32]));
    }
    layer
}

/// The slot of `chainTree[ERA]`.
fn chain_tree() -> Word {
    mapping_value(ERA.to_word(), Word::from(8))
}

/// The error after one slot of MessageRoot got another value.
fn altered(slot: Word, value: Word) -> Result<(), RebuildError> {
    let layer = layer();
    let mut storage: Storage = layer.storage();
    let old = storage.insert((MESSAGE_ROOT, slot), value);
    assert!(old.is_some_and(|old| old != value));
    rebuild(&layer.state_of(&storage), &RebuildOptions::default()).map(|_| ())
}

#[test]
fn the_error_names_the_node_of_a_chain_tree_and_the_batches_below_it() {
    let sides = array_start(chain_tree().wrapping_add(1));
    let named = |entry: u64| match altered(sides.wrapping_add(entry), OTHER.into()) {
        Err(RebuildError::ChainTree { chain: ERA, level, index, first, last, stored, .. }) => {
            assert_eq!(stored, OTHER);
            Some((level, index, first.0, last.0))
        }
        Err(error) => panic!("{error}"),
        Ok(()) => None,
    };
    assert_eq!(named(0), Some((0, 12, 987, 987)));
    // An old value, which is no part of the tree.
    assert_eq!(named(1), None);
    assert_eq!(named(2), Some((2, 2, 144, 610)));
    assert_eq!(named(3), Some((3, 0, 3, 89)));
    assert_eq!(named(4), Some((4, 0, 3, 987)));
}

#[test]
fn every_empty_subtree_and_every_length_is_compared() {
    let tree = chain_tree();
    let zeros = array_start(tree.wrapping_add(2));
    for level in 0..=4_u64 {
        let error = altered(zeros.wrapping_add(level), OTHER.into()).unwrap_err();
        assert!(
            matches!(&error, RebuildError::Zeros { tree, level: at, stored: OTHER, .. }
                if tree == "chain 324" && u64::from(*at) == level),
            "{error}"
        );
        let shared = array_start(7.into()).wrapping_add(level.min(1));
        let error = altered(shared, OTHER.into()).unwrap_err();
        assert!(
            matches!(&error, RebuildError::Zeros { tree, level: at, stored: OTHER, .. }
                if tree == "shared tree" && u64::from(*at) == level.min(1)),
            "{error}"
        );
    }
    for (slot, name, length) in [
        (tree.wrapping_add(1), "_sides", 4),
        (tree.wrapping_add(2), "_zeros", 4),
        (Word::from(4), "_height", 2),
        (Word::from(7), "_zeros", 1),
    ] {
        let error = altered(slot, Word::from(length)).unwrap_err();
        assert!(
            matches!(&error, RebuildError::Length { variable, stored, .. }
                if variable == name && *stored == length),
            "{error}"
        );
    }
}

#[test]
fn the_error_names_the_node_of_the_shared_tree() {
    let nodes = array_start(6.into());
    for (level, index) in [(0, 0), (0, 1), (1, 0)] {
        let slot = array_start(nodes.wrapping_add(level)).wrapping_add(index);
        let error = altered(slot, OTHER.into()).unwrap_err();
        assert!(
            matches!(&error, RebuildError::SharedTree { level: at, index: i, stored: OTHER, .. }
                if (u64::from(*at), *i) == (level, index)),
            "{error}"
        );
    }
}

/// The search goes down from the last block. It does not start again from block 0.
#[test]
fn the_newest_root_of_a_state_with_high_blocks_is_found_below_the_last_block() {
    let mut layer = Layer::new(Layout::V29, GATEWAY);
    layer.add_chain(ERA);
    let mut execute = |block, batch| {
        layer.set_block(block);
        layer.append(1, BatchNumber(batch), Hash::new([batch as u8; 32]));
    };
    execute(10, 1);
    execute(5_000_000, 2);
    layer.set_block(5_000_009);
    let forest = rebuild(&layer.state(), &RebuildOptions::default()).unwrap();
    assert_eq!(forest.latest().map(|latest| latest.block), Some(SlBlock(5_000_000)));
}
