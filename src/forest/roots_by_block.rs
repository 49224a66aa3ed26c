//! The roots by block that evidence has. What two kinds of evidence say of one block has to be equal.

use super::{DifferingRoot, Forest, History, RebuildError, RootOfBlock, evidence::block_roots};
use crate::{
    contracts::{Layout, MessageRoot},
    primitives::{Address, Hash, SlBlock},
    proof::CheckedBy,
    state::StorageReader,
};

/// Evidence that has roots by block, with which those of other evidence are compared.
pub trait RootsByBlock {
    /// What this evidence says of a block. `None` if it says nothing of it.
    ///
    /// # Errors
    /// [`RebuildError`] if the evidence cannot be read.
    fn root_of(&self, block: SlBlock) -> Result<Option<RootOfBlock>, RebuildError>;

    /// The roots that are known of the blocks from this one on, in the order of the blocks.
    ///
    /// # Errors
    /// As [`RootsByBlock::root_of`].
    fn since(&self, first: SlBlock) -> impl Iterator<Item = Result<(SlBlock, Hash), RebuildError>>;

    /// The newest root before a block.
    ///
    /// # Errors
    /// As [`RootsByBlock::root_of`].
    fn newest_before(&self, block: SlBlock) -> Result<Option<(SlBlock, Hash)>, RebuildError>;

    /// The last block up to which the evidence has everything that happened. `None` if that is not known of any block.
    fn end(&self) -> Option<SlBlock>;

    /// The first block whose root differs from that in other evidence.
    ///
    /// # Errors
    /// As [`RootsByBlock::root_of`].
    fn first_differing(
        &self,
        others: impl IntoIterator<Item = (SlBlock, RootOfBlock)>,
    ) -> Result<Option<DifferingRoot>, RebuildError> {
        for (block, other) in others {
            if let Some(own) = self.root_of(block)?.filter(|own| own.differs(&other)) {
                return Ok(Some(DifferingRoot { block, own, other }));
            }
        }
        Ok(None)
    }
}

/// The roots that MessageRoot stores.
pub struct StateRoots<'s, S: ?Sized> {
    message_root: MessageRoot<'s, S>,
    /// The block of the newest root.
    newest: Option<SlBlock>,
    end: Option<SlBlock>,
    has_timestamps: bool,
}

impl<'s, S: StorageReader + ?Sized> StateRoots<'s, S> {
    /// The roots in a state, from which the trees were rebuilt.
    #[must_use]
    pub fn of(state: &'s S, message_root: Address, trees: &Forest) -> Self {
        let newest = trees.latest().map(|latest| latest.block);
        let has_timestamps = trees.layout() == Layout::V33;
        let end = state.block().max(newest);
        let message_root = MessageRoot::at(state, message_root);
        Self { message_root, newest, end, has_timestamps }
    }

    /// All roots up to a block, without their timestamps.
    ///
    /// # Errors
    /// [`RebuildError`] if the state cannot be read.
    pub fn up_to(&self, last: SlBlock) -> Result<Vec<(SlBlock, RootOfBlock)>, RebuildError> {
        let roots = block_roots::probe(&self.message_root, 0, last.0.saturating_add(1))?;
        let root = |(block, root)| (block, RootOfBlock { root, timestamp: None });
        Ok(roots.into_iter().map(root).collect())
    }
}

impl<S: StorageReader + ?Sized> RootsByBlock for StateRoots<'_, S> {
    fn root_of(&self, block: SlBlock) -> Result<Option<RootOfBlock>, RebuildError> {
        let root = self.message_root.historical_root(block)?;
        // The state may be older than the block.
        if root.is_zero() && self.end.is_none_or(|end| end < block) {
            return Ok(None);
        }
        let timestamp = match self.has_timestamps {
            true => Some(self.message_root.root_timestamp(block)?),
            false => None,
        };
        Ok(Some(RootOfBlock { root, timestamp }))
    }

    fn since(&self, first: SlBlock) -> impl Iterator<Item = Result<(SlBlock, Hash), RebuildError>> {
        let blocks = self.newest.map(|newest| first..=newest);
        blocks.into_iter().flat_map(|blocks| block_roots::upwards(&self.message_root, blocks))
    }

    fn newest_before(&self, block: SlBlock) -> Result<Option<(SlBlock, Hash)>, RebuildError> {
        let last = block.0.checked_sub(1).map(SlBlock).min(self.newest);
        last.map_or(Ok(None), |last| block_roots::newest_up_to(&self.message_root, last))
    }

    fn end(&self) -> Option<SlBlock> {
        self.end
    }
}

/// The roots in a list that was made of evidence.
pub struct ListedRoots<'h> {
    history: &'h History,
    of: CheckedBy,
    end: Option<SlBlock>,
}

impl<'h> ListedRoots<'h> {
    /// The roots of these trees. `block` is that of the state from which they were made, if it is known.
    #[must_use]
    pub fn of(history: &'h History, trees: &Forest, block: Option<SlBlock>) -> Self {
        let of = trees.checked_by();
        let newest = trees.latest().map(|latest| latest.block);
        let end = match () {
            () if of.has(CheckedBy::STATE) => block.max(newest),
            () if of.has(CheckedBy::EVENTS) => {
                // Events may end within a block.
                history.blocks.last().and_then(|last| last.0.checked_sub(1)).map(SlBlock)
            }
            () => newest,
        };
        Self { history, of, end }
    }

    /// All roots that are known.
    pub fn iter(&self) -> impl Iterator<Item = (SlBlock, RootOfBlock)> {
        self.known(0).map(|at| (self.history.blocks[at], self.at(at)))
    }

    /// The indices of the known roots from an index on.
    fn known(&self, start: usize) -> impl Iterator<Item = usize> {
        let end = self.history.blocks.partition_point(|block| Some(*block) <= self.end);
        (start..end).filter(|at| !self.history.roots[*at].is_zero())
    }

    fn at(&self, at: usize) -> RootOfBlock {
        let timestamp = self.history.timestamps.get(at).copied();
        RootOfBlock { root: self.history.roots[at], timestamp }
    }
}

impl RootsByBlock for ListedRoots<'_> {
    fn root_of(&self, block: SlBlock) -> Result<Option<RootOfBlock>, RebuildError> {
        let blocks = &self.history.blocks;
        // The search in a state may not have reached blocks before the first root.
        if blocks.first().is_none_or(|first| block < *first) || Some(block) > self.end {
            return Ok(None);
        }
        let nothing = RootOfBlock { root: Hash::ZERO, timestamp: None };
        Ok(match blocks.binary_search(&block) {
            Ok(at) => Some(self.at(at)).filter(|known| !known.root.is_zero()),
            // Only a state shows that a block has no root: events may be missing, and batches on L1.
            Err(_) => self.of.has(CheckedBy::STATE).then_some(nothing),
        })
    }

    fn since(&self, first: SlBlock) -> impl Iterator<Item = Result<(SlBlock, Hash), RebuildError>> {
        let start = self.history.blocks.partition_point(|block| *block < first);
        self.known(start).map(|at| Ok((self.history.blocks[at], self.history.roots[at])))
    }

    fn newest_before(&self, block: SlBlock) -> Result<Option<(SlBlock, Hash)>, RebuildError> {
        let end = self.history.blocks.partition_point(|other| *other < block);
        let at = end.checked_sub(1).filter(|at| Some(self.history.blocks[*at]) <= self.end);
        let root = at.map(|at| (self.history.blocks[at], self.history.roots[at]));
        Ok(root.filter(|(_, root)| !root.is_zero()))
    }

    fn end(&self) -> Option<SlBlock> {
        self.end
    }
}
