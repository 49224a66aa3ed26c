//! Tests of builds without some or all features: proofs are verified, trees are hashed on one thread, and
//! formats that need a missing feature are refused.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

/// The formats that a build supports, and those that it refuses.
#[cfg(all(feature = "archive", not(feature = "parquet")))]
mod formats;

/// Records of proofs, judged as the contracts judged the proofs.
mod records;

#[cfg(not(feature = "archive"))]
#[path = "../suite/support"]
mod support {
    /// The simplest implementation of the trees.
    pub mod naive;
}

/// The tree algorithms on the calling thread; with the feature `archive`, the suite tests them on many
/// threads.
#[cfg(not(feature = "archive"))]
#[path = "../suite/trees/merkle.rs"]
mod merkle;
