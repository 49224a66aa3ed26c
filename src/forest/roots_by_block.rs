//! The roots by block that evidence has. What two kinds of evidence say of one block has to be equal.

use super::{DifferingRoot, Forest, History, RebuildError, RootOfBlock};
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
    newest: Option<SlBlock>,
    has_timestamps: bool,
}

impl<'s, S: StorageReader + ?Sized> StateRoots<'s, S> {
    /// The roots in a state, from which the trees were rebuilt.
    #[must_use]
    pub fn of(state: &'s S, message_root: Address, trees: &Forest) -> Self {
        let newest = trees.latest().map(|latest| latest.block);
        let has_timestamps = trees.layout() == Layout::V33;
        Self { message_root: MessageRoot::at(state, message_root), newest, has_timestamps }
    }
}

impl<S: StorageReader + ?Sized> RootsByBlock for StateRoots<'_, S> {
    fn root_of(&self, block: SlBlock) -> Result<Option<RootOfBlock>, RebuildError> {
        let root = self.message_root.historical_root(block)?;
        // The state may be older than the block.
        if root.is_zero() && self.newest.is_none_or(|newest| newest < block) {
            return Ok(None);
        }
        let timestamp = match self.has_timestamps {
            true => Some(self.message_root.root_timestamp(block)?),
            false => None,
        };
        Ok(Some(RootOfBlock { root, timestamp }))
    }
}

/// The roots in a list that was made of evidence.
pub struct ListedRoots<'h> {
    history: &'h History,
    of: CheckedBy,
}

impl<'h> ListedRoots<'h> {
    /// The roots of these trees.
    #[must_use]
    pub fn of(history: &'h History, trees: &Forest) -> Self {
        Self { history, of: trees.checked_by() }
    }

    /// All roots that are known.
    pub fn iter(&self) -> impl Iterator<Item = (SlBlock, RootOfBlock)> {
        let end = self.history.len().saturating_sub(usize::from(self.may_end_within_block()));
        let known = (0..end).filter(|at| !self.history.roots[*at].is_zero());
        known.map(|at| (self.history.blocks[at], self.at(at)))
    }

    /// Whether the newest root may not be the last of its block, because events may end within a block.
    fn may_end_within_block(&self) -> bool {
        self.of.has(CheckedBy::EVENTS) && !self.of.has(CheckedBy::STATE)
    }

    fn at(&self, at: usize) -> RootOfBlock {
        let timestamp = self.history.timestamps.get(at).copied();
        RootOfBlock { root: self.history.roots[at], timestamp }
    }
}

impl RootsByBlock for ListedRoots<'_> {
    fn root_of(&self, block: SlBlock) -> Result<Option<RootOfBlock>, RebuildError> {
        let blocks = &self.history.blocks;
        let Some((first, last)) = blocks.first().zip(blocks.last()) else { return Ok(None) };
        // The search in a state may not have reached blocks before the first root.
        if block < *first || block > *last || (block == *last && self.may_end_within_block()) {
            return Ok(None);
        }
        let nothing = RootOfBlock { root: Hash::ZERO, timestamp: None };
        Ok(match blocks.binary_search(&block) {
            Ok(at) => Some(self.at(at)).filter(|known| !known.root.is_zero()),
            // Only a state shows that a block has no root: events may be missing, and batches on L1.
            Err(_) => self.of.has(CheckedBy::STATE).then_some(nothing),
        })
    }
}
