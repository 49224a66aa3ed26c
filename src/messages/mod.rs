//! Floor 7: the L2→L1 logs of batches, and the messages they stand for.
//!
//! ```text
//! log leaf          keccak256(shardId u8 ‖ isService u8 ‖ txNumberInBatch u16 ‖ sender 20 ‖ key 32 ‖ value 32)
//! log of a message  shardId 0, isService 1, sender 0x…8008, key = 12 zero bytes ‖ sender of the message,
//!                   value = keccak256(message)
//! empty leaf        keccak256(88 zero bytes); the contracts refuse a proof for it
//! local logs root   tree of the log leaves in order, padded to 2^14 leaves (since protocol 1.5.0)
//! batch root        keccak256(local logs root ‖ aggregated root)               since v26
//!                   the local logs root itself, of 2^14, 2^12, 2^11 or 2^9 leaves   before
//! ```
//!
//! Sources: era-contracts `MessageHashing.sol` and `L2_TO_L1_LOG_SERIALIZE_SIZE` in `Config.sol`,
//! system contract `L1Messenger.sol`, v26 to v31.
//!
//! [`L2ToL1Log::is_message`] says which logs are those of messages.
//!
//! A settlement layer's state holds batch roots, not logs; the logs come from an [`Archive`], and count
//! only when they fold to the batch root.
//!
//! [`read_archive`] opens an archive of any form; [`archive`] describes the native one, `*.slmsg`,
//! which is mapped and searched where it lies, and which [`ArchiveWriter`] makes. An [`Indexer`] makes
//! it from what people have: [`sources`] lists the forms. A batch is read through a [`BatchView`], and
//! comes from a source as [`BatchLogs`].

pub mod archive;
mod batch;
mod error;
mod log;
mod message_list;
mod sl_batches;
pub mod sources;

pub use archive::{Archive, ArchiveWriter, LogAt};
pub use batch::{BatchLogs, BatchPart, BatchView, LOG_TREE_HEIGHT, LOG_TREE_HEIGHTS, LogTree};
pub use error::{ArchiveError, LogsError};
pub use log::{EMPTY_LOG_LEAF, L2ToL1Log, MESSENGER};
pub use message_list::{MessageList, Messages};
pub use sl_batches::{SlBatchLogs, SlBatches, read_sl_batches, read_sl_batches_input};
pub use sources::{
    BatchBlocks, BatchCheck, Faults, Indexed, Indexer, RelayedBy, SourceError, SourceFormat,
    SourceOptions, Verdict, read_archive, read_archive_input,
};
