//! The memory-mapped state snapshot, `*.slsnap`.
//!
//! The complete storage of a settlement layer at one block, sorted by a key of 32 bytes, in a
//! [container](crate::files::container) of kind `snap`, version 1. [`SnapshotWriter`] writes it from sorted
//! entries, [`Snapshot`] is a [`StorageReader`](crate::state::StorageReader) of the mapped file.
//!
//! Integers are little-endian, `n` is the number of entries.
//!
//! | section | bytes | content |
//! | --- | --- | --- |
//! | `entries` | 64 n | key (32) ‖ value (32), strictly ascending by key; no value is zero |
//! | `batches` | 4 n | u32: the SL batch in which entry i was first written |
//! | `blocks` | 8 n | u64: the first block of the table that wrote entry i, other than with zero |
//! | `indexes` | 8 n | u64: the enumeration index of entry i in the state tree, from 1 |
//! | `accounts` | 40 a | keccak256(address) (32) ‖ u64: how many entries the account has; strictly ascending |
//!
//! `batches` and `indexes` are present when the source has them (Era snapshots), both or neither; `blocks` when the
//! source says of every slot which block wrote it (tables of writes). A table of a node that dropped old writes has only the
//! last ones, so `blocks` tells the first write only of slots that are written once, such as batch roots. `accounts` is
//! present when the source stores slots by account, has at most 2^20 accounts and has no slot twice.
//!
//! The header, encoded as [`crate::files`] says, is [`SnapshotHeader`]:
//!
//! ```text
//! entries       u64               n
//! era keys      bool              whether there are keys of the Era scheme
//! trie keys     bool              whether there are keys of the trie scheme
//! SL chain      Option<u64>       the settlement layer's chain id, when it is known
//! enumeration   Option<{u64, u64}>  the highest enumeration index in the source, and how many indexes
//!                                 below it are missing there
//! source        format  text      the format of the dump
//!               block   Option<u64>  the SL block of this state, when the source records it
//!               batch   Option<u64>  the SL batch after which it was taken, when the source records it
//! ```
//!
//! # Keys
//!
//! [`crate::state::keys`] defines the two schemes. A slot whose address and number are known is stored under
//! its Era key, so that all sources that know them result in the same sections. A slot of which the source
//! has only hashes is stored under its trie key. A lookup tries every scheme that the snapshot uses.
//!
//! Keys are uniform, so the position of an entry is estimated from its key ([`crate::state::entries`]). The
//! file has no index, and a lookup reads a few neighbouring pages.
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

use crate::files::SectionName;

const ENTRIES: SectionName = SectionName::new("entries");
const BATCHES: SectionName = SectionName::new("batches");
const BLOCKS: SectionName = SectionName::new("blocks");
const INDEXES: SectionName = SectionName::new("indexes");
const ACCOUNTS: SectionName = SectionName::new("accounts");

/// The largest number of accounts in the section `accounts`. With more accounts the section is left out.
pub const MOST_ACCOUNTS: usize = 1 << 20;
