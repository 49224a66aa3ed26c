//! What L1 keeps of a settlement layer: the transactions that commit and execute its batches, and their blobs.

pub mod blobs;
mod data;
mod layer_record;
mod published;
mod sl_batches;

pub use data::{L1Data, L1DataError, L1Layer};
pub use layer_record::{
    CommittedOnSl, LayerRecord, LayerRecordError, LayerRecorder, PublishedBatch, SlBatchOnL1,
};
pub use published::{LostPubdata, LostReason, MissingBlob};
