//! Floor 5: the mapped state snapshot, `*.slsnap`.
//!
//! All storage of a settlement layer at one moment, sorted by a key of 32 bytes, in a
//! [container](crate::files::container) of kind `snap`, version 1. [`SnapshotWriter`] makes one out of
//! sorted entries, [`Snapshot`] answers as a [`StorageReader`](crate::state::StorageReader) from the
//! mapped file.
//!
//! Integers are little-endian, `n` is the number of entries.
//!
//! | section | bytes | content |
//! | --- | --- | --- |
//! | `entries` | 64 n | key (32) ‖ value (32), strictly ascending by key; no value is zero |
//! | `batches` | 4 n | u32: the SL batch in which entry i was first written |
//! | `indexes` | 8 n | u64: the enumeration index of entry i in the state tree, from 1 |
//! | `accounts` | 40 a | keccak256(address) (32) ‖ u64: how many entries the account has; strictly ascending |
//!
//! `batches` and `indexes` are there when the source gives them (Era snapshots), both or neither.
//! `accounts` is there when the source files slots by account, has at most 2^20 accounts, and gives no
//! slot twice.
//!
//! The header, encoded as [`crate::files`] says, is [`SnapshotHeader`]:
//!
//! ```text
//! entries       u64               n
//! era keys      bool              whether keys of the Era scheme occur
//! trie keys     bool              whether keys of the trie scheme occur
//! SL chain      Option<u64>       the settlement layer's chain id, when it is known
//! enumeration   Option<{u64, u64}>  the highest enumeration index in the source, and how many indexes
//!                                 below it are missing there
//! source        format  text      what it was made from, in words
//!               block   Option<u64>  the SL block whose state this is, when the source says so
//!               batch   Option<u64>  the SL batch, likewise
//! ```
//!
//! # Keys
//!
//! [`crate::state::keys`] defines the two schemes. Plain slots of known addresses are filed under Era
//! keys, so that all sources that know them give the same sections; slots of which the source has but
//! hashes are filed under what can be made of these. A lookup asks for every scheme that occurs.
//!
//! Keys are uniform, so an entry's place is estimated from its key
//! ([`crate::state::entries`]): there is no index, and a lookup touches a few neighbouring pages.
//!
//! # Version history
//!
//! | version | what changed |
//! | --- | --- |
//! | 1 | first |

mod header;
mod reader;
mod writer;

pub use header::{Enumeration, SnapshotHeader, Source};
pub use reader::{FirstWrite, Snapshot};
pub use writer::{Columns, SnapshotWriter, WriteError};

use crate::files::{Kind, SectionName};

/// The kind of container that a snapshot is.
pub const KIND: Kind = Kind { tag: *b"snap", version: 1, name: "a state snapshot" };

const ENTRIES: SectionName = SectionName::new("entries");
const BATCHES: SectionName = SectionName::new("batches");
const INDEXES: SectionName = SectionName::new("indexes");
const ACCOUNTS: SectionName = SectionName::new("accounts");

/// The accounts that are counted; with more, the section is left out.
pub const MOST_ACCOUNTS: usize = 1 << 20;
