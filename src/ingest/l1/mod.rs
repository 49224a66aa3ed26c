//! What L1 keeps of a settlement layer: the transactions that commit, execute and revert its batches, and the blobs with
//! their pubdata.
//!
//! | module | contains |
//! | --- | --- |
//! | `rows` | transactions and receipts, in the forms of nodes, explorers and exporters |
//! | `calldata` | decoding of the calldata of these transactions |
//! | `digest` | what is kept of a transaction |
//! | `executions` | the logs in transactions that execute batches on a settlement layer |
//! | `detect` | which files hold such transactions |
//! | `reader` | reading any number of files |
//! | `chains` | which transactions belong to which chain |
//! | `group` | the calls of one chain |
//! | `resolution` | which commit of each batch L1 accepted |
//! | `commits` | the batches, and what was passed over |
//! | `stored_pubdata` | the pubdata in calldata, in memory or in a temporary file |
//! | [`blobs`] | blobs, and the pubdata in them |
//! | `batches` | batch after batch, with its pubdata |
//! | `layer_record` | what the batches of a settlement layer show of its trees |
//! | `sl_batches` | the settlement layer's own batches |
//! | `files` | which files hold transactions, and which blobs |
//! | `data` | all files of L1 together |

mod batches;
pub mod blobs;
mod calldata;
mod chains;
mod commits;
mod data;
mod detect;
mod digest;
mod executions;
mod files;
mod group;
mod layer_record;
mod reader;
mod resolution;
mod rows;
mod sl_batches;
mod stored_nodes;
mod stored_pubdata;

pub use batches::{
    L1Batch, L1Batches, LostBlob, LostPubdata, LostReason, linear_hashes, pubdata_bytes,
};
pub use calldata::{
    Action, BatchCall, BlobName, CalldataError, CalldataProblem, ChainName, Commit, CommitInfo,
    DaInput, DamagedCall, Effect, ExecutedBatch, StoredBatchInfo, UnknownDa,
};
pub use chains::L1Chains;
pub use commits::{Commits, CommittedBatch, Execution, NoBatch, PassedOver, TransactionPlace};
pub use data::{L1Data, L1DataError, L1Layer};
pub(super) use detect::{has_batch_calls, has_late_calls};
pub(super) use executions::{each_execution, has_executions};
pub use files::L1Files;
pub use layer_record::{
    CommittedOnSl, LayerRecord, LayerRecordError, LayerRecorder, PublishedBatch, SlBatchOnL1,
};
pub(crate) use layer_record::{NodeSlot, StoredNode};
pub use reader::{L1Fault, L1FaultKind, L1Reader};
pub use rows::FaultKind;
pub(super) use rows::{is_of_l2, is_table_of_transactions};
pub use stored_pubdata::PubdataPlace;
