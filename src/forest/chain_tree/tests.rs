use std::path::Path;

use crate::{
    files::Access,
    forest::{RebuildOptions, TreeFile, batch_leaf, rebuild},
    ingest::state::read_state,
    primitives::{ChainId, Timestamp},
};

/// Leaves are not stored. They are hashed as the contract hashes them, all at once or some of them.
#[test]
fn leaves_are_those_of_the_batches() {
    let dump = read_state(Path::new("fixtures/gateway-v29/state.anvil.json"), None).unwrap();
    let forest = rebuild(&dump.state, &RebuildOptions::default()).unwrap();
    let mut compared = 0;
    for chain in forest.chains() {
        let tree = chain.tree();
        let leaves = tree.level(0);
        assert_eq!(leaves.len(), chain.batch_roots().len());
        for (index, (leaf, root)) in (0..).zip(leaves.iter().zip(chain.batch_roots())) {
            let number = chain.batches().get(index).unwrap();
            assert_eq!(*leaf, batch_leaf(*root, number));
            assert_eq!(tree.node(0, index), *leaf);
            assert_eq!(chain.find(number), Some((index, *root)));
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared}");
}

/// The chain executed a batch in block 12 and one in block 20. Each block took 12 seconds.
#[test]
fn batches_are_counted_by_time() {
    let file = TreeFile::open(Path::new("fixtures/golden/tree-3.sltree"), Access::Read).unwrap();
    let chain = file.forest().chain(ChainId(8453)).unwrap();
    let until = |block: u64| chain.batches_until(Timestamp(1_700_000_000 + 12 * block));
    assert_eq!([11, 12, 19, 20, 21].map(until), [0, 1, 1, 2, 2]);
    assert_eq!(chain.timestamp(1), Some(Timestamp(1_700_000_000 + 12 * 20)));
    assert_eq!(chain.timestamp(2), None);
}
