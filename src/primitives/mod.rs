//! Floor 0: the values that every other floor speaks in, and how they are found in sorted lists.
//!
//! [`struct@Hash`] is a Keccak-256 output (a tree node, a root), [`Word`] is an EVM storage word or slot
//! number, [`Address`] a contract. Chain ids, batch numbers and block numbers are types of their
//! own, because mixing up a block with a batch is the classic error of this field.

mod address;
mod hash;
mod ids;
mod number;
mod word;

pub mod hex;
#[cfg(feature = "archive")]
pub(crate) mod ordered;
pub mod sorted;
pub mod varint;

pub use address::Address;
pub use hash::Hash;
pub use ids::{BatchNumber, ChainId, SlBatch, SlBlock};
pub use number::Number;
pub use word::{Word, WordTooLarge};
