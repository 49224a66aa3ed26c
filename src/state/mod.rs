//! Floor 3: contract storage, whoever holds it.
//!
//! A [`StorageReader`] answers (contract, slot) → word. Dumps file slots under several kinds of keys,
//! which [`keys`] brings to two; [`entries`] searches a list that is sorted by them, and [`KeyIndex`]
//! does so for many at once; [`slots`] computes where Solidity puts the entries of mappings and arrays.
//! This floor knows neither contracts nor files.

pub mod entries;
mod key_index;
pub mod keys;
mod reader;
pub mod slots;

pub use key_index::KeyIndex;
pub use reader::{StateError, StorageReader};
