//! A settlement layer from L1 alone: the transactions that commit, execute and revert its batches, and the blobs with
//! their pubdata.
//!
//! | module | reads |
//! | --- | --- |
//! | `calldata` | the calldata of these transactions |
//! | [`blobs`] | blobs, and the pubdata in them |

pub mod blobs;
mod calldata;

pub use calldata::{
    Action, BatchCall, BlobName, CalldataError, CalldataProblem, ChainName, Commit, CommitInfo,
    DaInput, DamagedCall, Effect, StoredBatchInfo, UnknownDa,
};
