//! Computes steps from events. These steps are used only if they lead to the stored roots.

use std::collections::{BTreeMap, HashMap};

use super::Step;
use crate::{
    contracts::{EventKind, MessageRootEvent},
    forest::Forest,
    primitives::{ChainId, SlBlock},
};

/// The step up to each block with a root, according to the events; `None` for blocks before the first event.
///
/// MessageRoot stores a block's root with an append, with `updateFullTree`, and since v31 with a
/// registration, which also emits `NewInteropRoot`. What happens in a block after the last of these is part
/// of the next root.
pub(super) fn steps(
    forest: &Forest,
    blocks: &[SlBlock],
    events: &[MessageRootEvent],
) -> Vec<Option<Step>> {
    let indices: HashMap<ChainId, u32> =
        (0..).zip(forest.chains()).map(|(index, tree)| (tree.chain(), index)).collect();
    let mut counts = vec![0; forest.chains().len()];
    let (mut chains, mut pending) = (1, BTreeMap::new());
    let mut rest = events;
    blocks
        .iter()
        .map(|block| {
            let until = rest.partition_point(|event| event.block <= *block);
            let stored = rest[..until].iter().rposition(|event| {
                event.block == *block
                    && matches!(
                        event.kind,
                        EventKind::AppendedBatch(..) | EventKind::NewInteropRoot(_)
                    )
            });
            let before = rest.partition_point(|event| event.block < *block);
            let (now, later) = rest.split_at(stored.map_or(before, |last| last + 1));
            rest = later;
            for event in now {
                match event.kind {
                    EventKind::AddedChain(_, index) => {
                        let added = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
                        chains = chains.max(added);
                    }
                    EventKind::AppendedBatch(chain, batch, _) => {
                        let Some(&index) = indices.get(&chain) else { continue };
                        let tree = &forest.chains()[index as usize];
                        let Some((leaf, _)) = tree.find(batch) else { continue };
                        chains = chains.max(index + 1);
                        let count = &mut counts[index as usize];
                        if leaf + 1 > *count {
                            *pending.entry(index).or_insert(0) += leaf + 1 - *count;
                            *count = leaf + 1;
                        }
                    }
                    EventKind::NewChainRoot(..) | EventKind::NewInteropRoot(_) => {}
                }
            }
            let known = stored.is_some() && chains as usize <= forest.chains().len();
            known.then(|| Step {
                chains,
                advances: std::mem::take(&mut pending).into_iter().collect(),
            })
        })
        .collect()
}
