use std::path::Path;

use crate::{
    forest::{RebuildOptions, batch_leaf, rebuild},
    ingest::state::read_state,
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
