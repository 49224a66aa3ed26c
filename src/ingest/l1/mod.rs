//! A settlement layer from L1 alone: the transactions that commit, execute and revert its batches.
//!
//! | module | reads |
//! | --- | --- |
//! | `calldata` | the calldata of these transactions |

mod calldata;

pub use calldata::{
    Action, BatchCall, BlobName, CalldataError, CalldataProblem, ChainName, Commit, CommitInfo,
    DaInput, DamagedCall, Effect, StoredBatchInfo, UnknownDa,
};
