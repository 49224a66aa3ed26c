//! What people have kept, read into what the trees and proofs are made of.
//!
//! | module | reads |
//! | --- | --- |
//! | [`state`] | state dumps of the settlement layer, as nodes write them |
//! | [`events`] | events of MessageRoot |
//! | [`logs`] | L2→L1 logs of batches: raw, receipts, pubdata, rows of a node's tables |
//! | [`sl_batches`] | the settlement layer's own batches |

mod error;
pub mod events;
pub mod logs;
pub mod sl_batches;
pub mod state;

pub use error::IndexError;
