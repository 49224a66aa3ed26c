use super::{EMPTY_LOG_LEAF, LOG_TREE_HEIGHT, LOG_TREE_HEIGHTS, batch::log_zeros};
use crate::{keccak::hash_node, merkle::PushTree, primitives::Hash};

/// The tree of a batch's logs as they are appended, for the search for the logs that make a known root. An
/// append costs about one hash for each log, and one for each level of the tree.
#[derive(Clone, Debug)]
pub(crate) struct GrowingLogTree(PushTree);

impl GrowingLogTree {
    /// A tree without logs.
    pub(crate) fn new() -> Self {
        Self(PushTree::new(EMPTY_LOG_LEAF))
    }

    /// Appends the leaves of logs, at least one. Returns the roots of the padded tree at the heights of
    /// [`LOG_TREE_HEIGHTS`], the greatest first. `None` at the heights where the logs do not fit.
    pub(crate) fn extend(&mut self, leaves: &[Hash]) -> [Option<Hash>; LOG_TREE_HEIGHTS.len()] {
        let mut node = self.0.extend(leaves);
        let mut roots = [None; LOG_TREE_HEIGHTS.len()];
        let height = self.0.zeros().len() as u32 - 1;
        for level in height..=LOG_TREE_HEIGHT {
            if let Some(at) = LOG_TREE_HEIGHTS.iter().position(|height| *height == level) {
                roots[at] = Some(node);
            }
            node = hash_node(node, log_zeros().at(level));
        }
        roots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keccak::keccak256,
        message::{BatchLogs, L2ToL1Log, MessageList},
        primitives::{Address, BatchNumber, ChainId},
    };

    #[test]
    fn roots_are_those_of_the_whole_tree_at_every_height() {
        let pieces = [0..1, 1..2, 2..5, 5..511, 511..512, 512..513, 513..2048, 2048..2100];
        // Miri takes a thousand times longer for each hash.
        let pieces = if cfg!(miri) { &pieces[..3] } else { &pieces };
        let logs: Vec<_> = (0..pieces[pieces.len() - 1].end as u32)
            .map(|at| L2ToL1Log::of_message(at as u16, Address::system(1), &at.to_be_bytes()))
            .collect();
        let leaves: Vec<_> = logs.iter().map(|log| keccak256(log.as_bytes())).collect();
        let mut tree = GrowingLogTree::new();
        for piece in pieces {
            let end = piece.end;
            let roots = tree.extend(&leaves[piece.clone()]);
            let logs = logs[..end].to_vec();
            let messages = MessageList::default();
            let batch = BatchLogs::new(ChainId(1), BatchNumber(1), logs, messages, None).unwrap();
            let whole = batch.view().tree();
            for (height, root) in LOG_TREE_HEIGHTS.into_iter().zip(roots) {
                assert_eq!(root, whole.root_at(height), "{end} logs, height {height}");
            }
        }
    }
}
