//! Binary Keccak trees as in the contracts.
//!
//! ```text
//! node                 keccak256(left ‖ right)
//! zero_0               the tree's empty leaf
//! zero_{i+1}           keccak256(zero_i ‖ zero_i)
//! height of n leaves   ⌈log2 n⌉; one leaf is its own root
//! missing right node at level i   zero_i
//! ```
//!
//! Three libraries of the contracts follow these rules (era-contracts, releases v26 to v31).
//! `DynamicIncrementalMerkle.Bytes32PushTree` appends leaves and stores only the frontier ([`PushTree`]).
//! `FullMerkle.FullTree` stores every node ([`Levels`]). The tree of a batch's logs is padded to a fixed
//! height ([`Tree::root_at`]). Level 0 holds the leaves; the index of a node counts from the left.
//!
//! This layer does not depend on chains or batches, only on leaves and the empty leaf.

mod build;
mod consistency;
mod frontier;
mod group;
mod leaves;
mod levels;
mod node_buffer;
#[cfg(feature = "archive")]
mod parallel {
    pub(super) use rayon::{join, prelude::*};
}
#[cfg(not(feature = "archive"))]
mod parallel;
mod partial;
mod prefix;
mod tree;
mod zeros;

pub use build::{build_above_into, build_into, build_on};
pub use frontier::{PushTree, live_side};
pub use group::{TreeJob, build_all_into, roots_at};
pub use leaves::{LeafHashes, Leaves};
pub use levels::Levels;
pub use node_buffer::NodeBuffer;
pub use partial::PartialTree;
pub use prefix::{Prefix, prefix_roots};
pub use tree::{NoSuchLeaf, Tree, height, level_len};
pub use zeros::Zeros;
