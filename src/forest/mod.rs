//! The chain trees and the shared tree of a settlement layer, rebuilt from its state or its events.
//!
//! ```text
//! batch leaf      keccak256(BATCH_LEAF_PADDING ‖ batch root ‖ batch number as uint256)     96 bytes
//!                 since v33: … ‖ timestamp of the block that executed it, as uint256      128 bytes
//! chain tree      push tree over a chain's batch leaves, in order of execution here
//! chain-id leaf   keccak256(CHAIN_ID_LEAF_PADDING ‖ chain root ‖ chain id as uint256)      96 bytes
//! shared tree     full tree over the chain-id leaves, by chain index
//! empty entry     keccak256(96 zero bytes), in both
//! chain root of a chain without batches: 32 zero bytes
//! ```
//!
//! Sources: era-contracts `MessageHashing.sol`, `MessageRoot.sol` / `MessageRootBase.sol`, v26 to v31 and v33.
//!
//! The contract stores only the frontier of a chain tree. Its leaves are rebuilt from the batch roots, which
//! the chains' diamonds (v26 to v30) or MessageRoot itself (since v31) store, and which the events of MessageRoot
//! contain. [`rebuild`] accepts a forest only if it equals every node in the state, and
//! [`rebuild_from_events`] only if it equals every root in the events. [`explain`] finds the batches that every
//! past root contains, and a [`Timeline`] returns Merkle paths in the trees of that time.

mod before_events;
mod bridged;
mod chain_tree;
mod compare_events;
mod compare_l1;
mod compared_roots;
mod emitted_interop_roots;
mod emitted_roots;
mod error;
mod event_order;
mod events_error;
mod evidence;
mod explain;
mod hashes;
mod history;
mod interop_root;
mod l1_error;
mod leaf;
mod numbers;
mod options;
mod rebuild;
mod root_of_block;
mod roots_by_block;
mod step;
mod timestamps;
pub mod tree_file;
mod trees;

pub use bridged::{BridgedEnd, BridgedLeaf, BridgedPath, BridgedRoot, BridgedTrees, LostBatches};
pub use chain_tree::ChainTree;
pub use error::RebuildError;
pub use events_error::{EventPlace, EventsError};
pub use evidence::{EventGap, L1Gap};
pub use explain::explain;
pub use history::{
    AppendedBatches, ChainAt, History, HistoryError, HistoryStep, LostLeaves, LostStep, RootIndex,
    SearchBudget, Timeline, WantedRoot, explain_further, explain_one,
};
pub use interop_root::InteropRoot;
pub use l1_error::L1Error;
pub(crate) use leaf::fold;
pub use leaf::{
    BATCH_LEAF_PADDING, BatchLeaves, CHAIN_ID_LEAF_PADDING, EMPTY_ENTRY, batch_leaf, chain_id_leaf,
    entry_zeros, timed_batch_leaf,
};
pub use numbers::BatchNumbers;
pub use options::{Addresses, RebuildOptions};
pub use rebuild::{
    RebuiltFromEvents, RebuiltFromL1, rebuild, rebuild_from_events, rebuild_from_l1,
};
pub use root_of_block::{DifferingRoot, RootOfBlock};
pub use roots_by_block::{ListedRoots, RootsByBlock, StateRoots};
pub use tree_file::{
    HistoryOptions, TreeFile, TreeFileError, rebuild_events_to_file, rebuild_l1_to_file,
    rebuild_to_file,
};
pub use trees::Forest;
