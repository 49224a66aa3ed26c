//! Access to contract storage.
//!
//! A [`StorageReader`] maps (contract, slot) to a word. Dumps store slots under several kinds of keys;
//! [`keys`] reduces them to two. [`entries`] searches a list sorted by these keys, [`KeyIndex`] searches it
//! for many keys at once. [`ProvenSlots`] answers only for slots whose values are proven. [`slots`] computes the slots of Solidity's mappings and arrays. This layer does not
//! depend on particular contracts or on files.

pub mod entries;
mod key_index;
pub mod keys;
mod proven;
mod reader;
#[cfg(test)]
pub(crate) mod sample;
pub mod slots;

pub use key_index::KeyIndex;
pub use proven::{ProvenSlots, RecordedReads};
pub use reader::{StateError, StorageReader};
