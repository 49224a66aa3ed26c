//! Compares the rebuilt trees with every node that the contract stored.

use crate::{
    contracts::{ChainTreeStorage, MessageRoot},
    forest::{BatchNumbers, RebuildError, chain_tree::chain_root, entry_zeros},
    merkle::{Tree, live_side},
    primitives::{BatchNumber, ChainId, Hash},
    state::StorageReader,
};

/// Compares a chain tree with the stored frontier: array lengths, `_zeros`, every live entry of `_sides`,
/// and the root.
pub(super) fn chain_tree(
    chain: ChainId,
    batches: &BatchNumbers,
    tree: &Tree<'_>,
    stored: &ChainTreeStorage,
) -> Result<(), RebuildError> {
    for (variable, entries) in [("_sides", &stored.sides), ("_zeros", &stored.zeros)] {
        length(
            format!("chain {chain}"),
            variable,
            stored.expected_len() as u64,
            entries.len() as u64,
        )?;
    }
    zeros(&format!("chain {chain}"), &stored.zeros)?;
    let node_differs = |level: u32, index: u64, stored, rebuilt| {
        let last = batches.len().saturating_sub(1);
        let number = |leaf: u64| batches.get(leaf.min(last)).unwrap_or(BatchNumber(0));
        RebuildError::ChainTree {
            chain,
            level,
            index,
            first: number(index << level),
            last: number(((index + 1) << level) - 1),
            stored,
            rebuilt,
        }
    };
    // From the bottom up, so that the error is about the smallest subtree that differs.
    for (level, side) in (0..tree.height()).zip(&stored.sides) {
        if let Some(node) = live_side(tree, level)
            && node != *side
        {
            return Err(node_differs(level, (tree.leaves() >> level) - 1, *side, node));
        }
    }
    let root = chain_root(tree);
    if stored.root() != root {
        return Err(node_differs(tree.height(), 0, stored.root(), root));
    }
    Ok(())
}

/// Compares the shared tree with `_leafNumber`, `_height`, and every entry of `_nodes` and `_zeros`.
pub(super) fn shared_tree<S: StorageReader + ?Sized>(
    tree: &Tree<'_>,
    message_root: &MessageRoot<'_, S>,
) -> Result<(), RebuildError> {
    let name = || "shared tree".to_owned();
    length(name(), "_leafNumber", tree.leaves(), message_root.shared_leaves()?)?;
    length(name(), "_height", tree.height().into(), message_root.shared_height()?.into())?;
    for level in 0..=tree.height() {
        let rebuilt = tree.level(level);
        let stored = message_root.shared_level(level)?;
        for (index, (stored, rebuilt)) in (0..).zip(stored.iter().zip(rebuilt.iter())) {
            if stored != rebuilt {
                let (stored, rebuilt) = (*stored, *rebuilt);
                return Err(RebuildError::SharedTree { level, index, stored, rebuilt });
            }
        }
        length(name(), &format!("_nodes[{level}]"), rebuilt.len() as u64, stored.len() as u64)?;
    }
    length(name(), "_nodes", u64::from(tree.height()) + 1, message_root.shared_levels()?)?;
    let stored = message_root.shared_zeros()?;
    length(name(), "_zeros", u64::from(tree.height()) + 1, stored.len() as u64)?;
    zeros("shared tree", &stored)
}

fn zeros(tree: &str, stored: &[Hash]) -> Result<(), RebuildError> {
    for (level, zero) in (0..).zip(stored) {
        let expected = entry_zeros().at(level);
        if *zero != expected {
            return Err(RebuildError::Zeros { tree: tree.into(), level, stored: *zero, expected });
        }
    }
    Ok(())
}

fn length(tree: String, variable: &str, expected: u64, stored: u64) -> Result<(), RebuildError> {
    if expected == stored {
        return Ok(());
    }
    Err(RebuildError::Length { tree, variable: variable.into(), expected, stored })
}
