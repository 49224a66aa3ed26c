//! What the crate does without features, or without some: proofs are verified, trees are hashed on one thread,
//! formats that a feature adds are refused.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

/// The formats that a build has, and those that it refuses.
#[cfg(all(feature = "archive", not(feature = "parquet")))]
mod formats;

/// Records of proofs, judged as the contracts judged the proofs.
mod records;

#[cfg(not(feature = "archive"))]
#[path = "../suite/support"]
mod support {
    /// The rules of the trees in the fewest words.
    pub mod naive;
}

/// The tree algorithms on the calling thread; with the feature `archive` the suite tests them on many.
#[cfg(not(feature = "archive"))]
#[path = "../suite/trees/merkle.rs"]
mod merkle;
