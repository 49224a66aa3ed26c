//! The value types that all other layers use, and searches in sorted lists.
//!
//! [`struct@Hash`] is a Keccak-256 output (a tree node, a root), [`Word`] is an EVM storage word or slot
//! number, [`Address`] is the address of a contract. Chain ids, batch numbers and block numbers have separate
//! types, because confusing a block with a batch is a common error.

mod address;
mod hash;
mod ids;
mod number;
mod word;

pub mod hex;
pub(crate) mod hex_text;
#[cfg(feature = "archive")]
pub(crate) mod ordered;
pub mod sorted;
pub mod spelled;
pub mod varint;

pub use address::Address;
pub use hash::Hash;
pub use ids::{BatchNumber, ChainId, SlBatch, SlBlock, Timestamp};
pub use number::Number;
pub use word::{Word, WordTooLarge};
