//! What a settlement layer recorded about its trees: in its state, or in the events of MessageRoot.
//!
//! The evidence contains the chains, their batch roots and the interop roots. The trees are built from these,
//! and are accepted only if they agree with everything else that was recorded: the nodes in the state, or the
//! roots in the events.

mod batch_sources;
pub(super) mod block_roots;
mod events;
mod first_writes;
mod l1;
mod state;

pub(super) use events::EventEvidence;
pub use events::EventGap;
pub(super) use l1::L1Evidence;
pub use l1::L1Gap;
pub(super) use state::StateEvidence;

use super::{BatchNumbers, RebuildError};
use crate::{
    contracts::Layout,
    merkle::Tree,
    primitives::{ChainId, Hash, SlBlock, Timestamp},
    proof::CheckedBy,
};

/// A registered chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordedChain {
    /// The chain's id.
    pub(super) id: ChainId,
    /// The number of its batches that were executed on this settlement layer.
    pub(super) batches: u64,
}

/// What one source recorded about the trees of a settlement layer. Methods identify a chain by its index in
/// the shared tree.
pub(super) trait Evidence: Sync {
    /// The kind of source.
    fn kind(&self) -> CheckedBy;

    /// The last block that the source covers, if known.
    fn block(&self) -> Option<SlBlock>;

    /// The storage layout of the contracts, detected without the interop roots. [`Layout::V29`] may also be an
    /// earlier layout: only the interop roots distinguish them.
    fn layout(&self) -> Layout;

    /// The chains by index. There is at least one, the settlement layer's own.
    fn chains(&self) -> &[RecordedChain];

    /// Writes the roots of every chain's batches to its element of `roots`, in the order of execution, and returns
    /// their numbers. The length of the element is the chain's number of batches.
    fn batch_roots(&self, roots: Vec<&mut [Hash]>) -> Result<Vec<BatchNumbers>, RebuildError>;

    /// When each of a chain's batches was executed, as little-endian numbers. Only for [`Layout::V33`].
    fn timestamps(
        &self,
        _chain: usize,
        _batches: &BatchNumbers,
    ) -> Result<Vec<[u8; 8]>, RebuildError> {
        Ok(Vec::new())
    }

    /// The timestamps of the interop roots of these blocks; zero for a root of a release before v33. Only for
    /// [`Layout::V33`].
    fn root_timestamps(&self, _blocks: &[SlBlock]) -> Result<Vec<Timestamp>, RebuildError> {
        Ok(Vec::new())
    }

    /// Compares a chain tree with everything that was recorded about it.
    fn compare_chain(
        &self,
        chain: usize,
        batches: &BatchNumbers,
        tree: &Tree<'_>,
    ) -> Result<(), RebuildError>;

    /// Compares the shared tree with everything that was recorded about it.
    fn compare_shared(&self, shared: &Tree<'_>) -> Result<(), RebuildError>;

    /// The newest interop root. `is_present` returns whether a root may be that of the present shared tree.
    /// `take` receives all roots, in ascending order of their blocks, if they have to be read to find the
    /// newest one; otherwise it is not called.
    fn newest_root<E: From<RebuildError>>(
        &self,
        is_present: impl Fn(&Hash) -> bool,
        take: impl FnMut(&[(SlBlock, Hash)]) -> Result<(), E>,
    ) -> Result<Option<(SlBlock, Hash)>, E>;
}
