//! Floor 3: contract storage, whoever holds it.
//!
//! A [`StorageReader`] answers (contract, slot) → word. Dumps file slots under several kinds of keys,
//! which [`keys`] brings to two; [`entries`] searches a list that is sorted by them, and [`Directory`]
//! does so for many at once; [`slots`] computes where Solidity puts the entries of mappings and arrays.
//! This floor knows neither contracts nor files.

mod directory;
pub mod entries;
pub mod keys;
mod reader;
pub mod slots;

pub use directory::Directory;
pub use reader::{StateError, StorageReader};
