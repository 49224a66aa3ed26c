//! Snapshots of zksync-era nodes (`snapshots_creator`), versions 0 and 1.
//!
//! ```text
//! <directory>/*.json                                the answer of snapshots_getSnapshot, if it was kept
//! <directory>/[storage_logs_snapshots/]snapshot_l1_batch_<N>_storage_logs_part_<id>.proto.gzip
//!
//! header   {"version":0|1, "l1BatchNumber":N, "miniblockNumber":B,
//!           "storageLogsChunks":[{"chunkId":0,"filepath":"…/<name of a chunk>"}, …], …}
//! ```
//!
//! Chunks have ids from 0 without a gap. Paths in the header are those of the node's storage, so only the
//! file names count. A chunk is the gzip of one protobuf message, see [`chunk`]. Chunks are supposed to cover
//! consecutive ranges of hashed keys; then no sorting is needed. [`read`] assumes this until the first key
//! out of order, and then the slots are sorted.
//!
//! Enumeration indexes run from 1 without a gap over all chunks. A second slot with the same index is
//! refused; missing indexes are reported.
//!
//! zksync-state-reconstruct exports the same form with the bytes of every hashed key reversed. This is
//! detected by searching for a known slot in both orders.
//!
//! Source: matter-labs/zksync-era, `types/src/snapshots.rs` and `snapshots_creator`.

mod chunk;
mod error;
mod find;
mod indexes;
mod read;
mod read_ahead;
mod record_chunk;

pub use error::EraError;
pub(super) use find::{EraSnapshot, files_of, is_header};
pub(in crate::ingest) use find::{is_chunk, is_snapshot_directory, snapshot_of};
pub(super) use read::{Order, read};
