//! L2→L1 logs, the messages of these logs, and the tree of the logs of a batch.
//!
//! ```text
//! log leaf          keccak256(shardId u8 ‖ isService u8 ‖ txNumberInBatch u16 ‖ sender 20 ‖ key 32 ‖ value 32)
//! log of a message  shardId 0, isService 1, sender 0x…8008, key = 12 zero bytes ‖ sender of the message,
//!                   value = keccak256(message)
//! empty leaf        keccak256(88 zero bytes); the contracts refuse a proof for it
//! local logs root   tree of the log leaves in order, padded to 2^14 leaves (since protocol 1.5.0)
//! batch root        keccak256(local logs root ‖ aggregated root)               since v26
//!                   a tree of eight leaves: see eight_leaves.rs                  ZKsync OS, since v33
//!                   the local logs root itself, of 2^14, 2^12, 2^11 or 2^9 leaves   before
//! ```
//!
//! Sources: era-contracts `MessageHashing.sol` and `L2_TO_L1_LOG_SERIALIZE_SIZE` in `Config.sol`,
//! system contract `L1Messenger.sol`, v26 to v31.
//!
//! [`L2ToL1Log::is_message`] defines which logs are logs of messages.

mod batch;
#[cfg(feature = "archive")]
mod chain_id_leaf;
mod eight_leaves;
mod error;
#[cfg(feature = "archive")]
mod growing_log_tree;
mod log;
#[cfg(feature = "archive")]
mod log_range;
mod message_list;
mod withdrawal;

pub use batch::{BatchLogs, BatchPart, BatchView, LOG_TREE_HEIGHT, LOG_TREE_HEIGHTS, LogTree};
#[cfg(feature = "archive")]
pub use chain_id_leaf::{CHAIN_ID_LEAF_PADDING, chain_id_leaf};
pub use eight_leaves::{BatchRootLeaf, EMPTY_IMT, EightLeaves, ImtRoots, UnknownLeaf};
pub use error::LogsError;
#[cfg(feature = "archive")]
pub(crate) use growing_log_tree::GrowingLogTree;
pub use log::{BOOTLOADER, EMPTY_LOG_LEAF, L2ToL1Log, LogKind, MESSENGER};
#[cfg(feature = "archive")]
pub(crate) use log_range::LogRange;
pub use message_list::{MessageList, Messages};
pub use withdrawal::{ASSET_ROUTER, BASE_TOKEN, Transfer, Withdrawal, WithdrawalLayout};
