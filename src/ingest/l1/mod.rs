//! What L1 keeps of a settlement layer: the transactions that commit and execute its batches, and their blobs.

mod layer_record;
mod sl_batches;

pub use layer_record::{
    CommittedOnSl, LayerRecord, LayerRecordError, LayerRecorder, PublishedBatch, SlBatchOnL1,
};
