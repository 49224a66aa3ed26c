//! Compares every explanation with its root: the shared tree that it describes must have that root. The trees are
//! rebuilt in windows, so this takes little memory beside a history of any length.

use std::{collections::BTreeMap, mem};

use super::{Forest, History, HistoryError, Step, shared_trees::SharedTrees};
use crate::{forest::entry_zeros, primitives::Hash};

/// The number of roots that match no number of chains after which no more are tried: the events are of
/// another settlement layer.
const MOST_MISFITS: u32 = 1 << 8;

/// Checks that the columns match the forest, and that every explanation has its root.
pub(super) fn all(forest: &Forest, history: &History) -> Result<(), HistoryError> {
    history.check(forest)?;
    match first_differing(forest, history) {
        None => Ok(()),
        Some((root, rebuilt)) => Err(history.other_root(root, rebuilt)),
    }
}

/// The index of the first explained root that differs from the history, with the rebuilt root. The explanations
/// are those of the forest; several roots may have the same block.
pub(in crate::forest) fn first_differing(
    forest: &Forest,
    history: &History,
) -> Option<(usize, Hash)> {
    SharedTrees::windows(forest, history).find_map(|trees| trees.differing(history).next())
}

/// The explained roots that differ from the history, by their indices, with the rebuilt roots. As
/// [`first_differing`], but all of them.
pub(in crate::forest) fn all_differing(
    forest: &Forest,
    history: &History,
) -> BTreeMap<usize, Hash> {
    SharedTrees::windows(forest, history)
        .flat_map(|trees| trees.differing(history).collect::<Vec<_>>())
        .collect()
}

/// Drops explanations that do not have their roots, where no other number of chains makes them right.
pub(in crate::forest) fn corrected(
    forest: &Forest,
    history: History,
) -> Result<History, HistoryError> {
    history.check(forest)?;
    let wrong = differing(forest, &history);
    if wrong.is_empty() {
        return Ok(history);
    }
    let counted = with_chains_counted(forest, history, &wrong);
    let wrong = differing(forest, &counted);
    if wrong.is_empty() {
        return Ok(counted);
    }
    let rest = without(counted, &wrong);
    all(forest, &rest)?;
    Ok(rest)
}

/// The indices of the explained roots that differ from the history.
fn differing(forest: &Forest, history: &History) -> Vec<usize> {
    all_differing(forest, history).into_keys().collect()
}

/// The history with corrected numbers of chains, for roots that match a tree with more chains than the
/// history knows. Registrations leave no trace in the batches.
fn with_chains_counted(forest: &Forest, history: History, wrong: &[usize]) -> History {
    let mut counted = Vec::with_capacity(history.len());
    let (mut chains, mut misfits) = (0, 0);
    for trees in SharedTrees::windows(forest, &history) {
        for root in trees.roots() {
            let known = u64::from(history.chains[root]);
            if known == 0 {
                counted.push(0);
                continue;
            }
            if chains > known || wrong.binary_search(&root).is_ok() {
                let most = if misfits < MOST_MISFITS { forest.chains().len() as u64 } else { 0 };
                let fitting = (chains.max(known)..=most).find(|chains| {
                    let tree = trees.tree_over(forest, (known, *chains), root);
                    tree.is_some_and(|tree| tree.tree(entry_zeros()).root() == history.roots[root])
                });
                misfits += u32::from(fitting.is_none());
                chains = fitting.unwrap_or(chains.max(known));
            } else {
                chains = known;
            }
            counted.push(chains as u32);
        }
    }
    History { chains: counted, ..history }
}

/// The history without the explanations of some roots. Their changes are added to those of the next
/// explained root.
fn without(history: History, wrong: &[usize]) -> History {
    let mut pending = BTreeMap::new();
    let steps = (0..history.len()).map(|root| {
        for (chain, batches) in history.advances(root) {
            *pending.entry(chain).or_insert(0) += batches;
        }
        let chains = history.chains[root];
        let is_explained = chains > 0 && wrong.binary_search(&root).is_err();
        is_explained
            .then(|| Step { chains, advances: mem::take(&mut pending).into_iter().collect() })
    });
    let steps: Vec<Option<Step>> = steps.collect();
    history.with_steps(steps)
}
