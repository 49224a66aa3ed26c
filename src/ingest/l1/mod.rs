//! What L1 keeps of a settlement layer: blobs with the pubdata of its batches.

pub mod blobs;
