//! Floor 3: contract storage, whoever holds it.
//!
//! A [`StorageReader`] answers (contract, slot) → word. Dumps file slots under one of three keys
//! ([`keys`]); [`slots`] computes where Solidity puts the entries of mappings and arrays. This floor
//! knows neither contracts nor files.

pub mod keys;
mod memory;
mod reader;
pub mod slots;

pub use memory::{MemoryState, MemoryStateBuilder, SlotConflict, StorageSink, TooManySlots};
pub use reader::{StateError, StorageReader};
