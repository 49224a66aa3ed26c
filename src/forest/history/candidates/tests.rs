use std::collections::BTreeMap;

use super::*;
use crate::keccak::hash_node;

fn leaf(chain: usize, number: u64) -> Hash {
    let mut leaf = [chain as u8; 32];
    leaf[..8].copy_from_slice(&number.to_le_bytes());
    Hash::new(leaf)
}

fn leaves(chain: usize, numbers: Range<u64>) -> Vec<Hash> {
    numbers.map(|number| leaf(chain, number)).collect()
}

fn prepare(candidates: &mut Candidates, chains: u32, class: Class) {
    for class in candidates.prepared(chains)..=class {
        candidates.prepare_leaves(chains, class, leaves);
        candidates.prepare(chains, class, &leaves);
    }
}

/// The changes of a class, by root.
fn scanned(candidates: &Candidates, chains: u32, class: Class) -> BTreeMap<Hash, Vec<(u32, u64)>> {
    let mut found = BTreeMap::new();
    candidates.scan(chains, class, &leaves, &mut |roots, places| {
        for (root, place) in roots.iter().zip(places) {
            found.insert(*root, candidates.changes(chains, class, *place));
        }
        true
    });
    found
}

/// The same for all classes, tree by tree: every number of batches of every chain.
fn expected(models: &[ChainModel], most: &[u64]) -> Vec<BTreeMap<Hash, Vec<(u32, u64)>>> {
    let mut found = vec![BTreeMap::new(); 256];
    let class_of = |model: ChainModel, number| {
        (0..256).find(|class| model.of(*class).contains(&number)).unwrap()
    };
    let trees = most.iter().map(|most| most + 1).product();
    for tree in 0..trees {
        let (mut rest, mut class, mut nodes, mut changes) = (tree, 0, vec![], vec![]);
        for ((chain, model), most) in (0..).zip(models).zip(most) {
            let number = rest % (most + 1);
            rest /= most + 1;
            class += class_of(*model, number);
            nodes.push(leaf(chain, number));
            if number > 0 {
                changes.push((chain as u32, number));
            }
        }
        for level in 0..height(most.len() as u64) {
            let zero = [entry_zeros().at(level)];
            let of_two = |two: &[Hash]| hash_node(two[0], *two.get(1).unwrap_or(&zero[0]));
            nodes = nodes.chunks(2).map(of_two).collect();
        }
        if class < 256 {
            found[class].insert(nodes[0], changes);
        }
    }
    found
}

/// Trees over three to five chains, of which one has a list of leaves that is too long to store.
#[test]
fn every_candidate_is_scanned_whatever_is_stored() {
    let most = [2, 150, 1, 1, 1];
    let models = most.map(|left| ChainModel::new(left, 3, false));
    let expected: Vec<_> =
        (3..=5).map(|chains| expected(&models[..chains], &most[..chains])).collect();
    let sizes = [0, 1 << 12, SPACE].map(|space| {
        let mut candidates = Candidates::within(space, models.to_vec(), 3);
        for class in 0..60 {
            for (chains, expected) in (3..).zip(&expected) {
                prepare(&mut candidates, chains, class);
                let found = scanned(&candidates, chains, class);
                assert_eq!(candidates.size(chains, class), found.len() as u64);
                assert_eq!(found, expected[class], "class {class}, {chains} chains");
            }
        }
        stored(&candidates)
    });
    assert_eq!(sizes[0], 0);
    assert!(0 < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
}

/// The bytes of all stored lists of inner nodes.
fn stored(candidates: &Candidates) -> u64 {
    let nodes = candidates.complete[1..].iter().flatten().chain(candidates.last.iter().flatten());
    nodes.map(CandidateList::bytes).sum()
}

/// Registered chains that caught up, in trees over 33 to 64 chains.
#[test]
fn the_stored_lists_take_a_limited_space() {
    let space = 1 << 18;
    let models = vec![ChainModel::new(1 << 9, 1 << 13, true); 64];
    let mut candidates = Candidates::within(space, models, 33);
    let mut computed = 0;
    for class in 0..24 {
        for chains in 33..=64 {
            prepare(&mut candidates, chains, class);
            computed += bytes(candidates.size(chains, class));
            assert_eq!(stored(&candidates) + candidates.space, space);
        }
    }
    assert!(computed > 16 * space, "{computed}");
    let full = stored(&candidates);
    assert!(full > space / 4, "{full}");
    // What a chain made impossible is no longer stored.
    for chain in [3, 40, 63] {
        candidates.moved(chain, 5);
        assert_eq!(stored(&candidates) + candidates.space, space);
    }
    assert!(stored(&candidates) < full);
    prepare(&mut candidates, 64, 20);
    assert_eq!(stored(&candidates) + candidates.space, space);
}
