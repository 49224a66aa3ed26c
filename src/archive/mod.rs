//! The memory-mapped message archive, `*.slmsg`: the logs of many batches, with the bytes of their messages.
//! Batches, messages and transactions can be looked up.
//!
//! It is a [container](crate::files::container) of kind `mesg`, version 1 to 3. [`ArchiveWriter`] writes it from
//! batches in any order, [`Archive`] reads the mapped file. Raw archives that are small enough are converted
//! to the same bytes in memory.
//!
//! ```text
//!               row of a batch
//!  batches   …│ chain, batch, first log, first message, …│…      by chain and batch
//!                               │            │
//!             ┌─────────────────┘            └─┐
//!  logs      …│ log 0 │ log 1 │ log 2 │…       │                88 bytes each
//!                ▲                             │
//!  ends          │                            …│ end 0 │ end 1 │…
//!  bytes         │                            …│ message 0 │ message 1 │…
//!                └──────────────┐
//!  by-msg    …│ prefix of the hash, number of the log │…         by message hash
//! ```
//!
//! Integers are little-endian. B, L, M and T are the numbers of batches, logs, messages and transaction
//! hashes.
//!
//! | section | bytes | content |
//! | --- | --- | --- |
//! | `logs` | 88 L | the logs of all batches back to back, by chain, batch and leaf index; the position of a log in this section, from 0, is its *number* |
//! | `batches` | 96 B | a row for each batch, strictly ascending by chain and batch |
//! | `ends` | 8 M | u64: where each message ends, counted from the first byte of its batch's messages |
//! | `bytes` | any | the messages of all batches back to back |
//! | `txhashes` | 32 T | the transaction hashes of all batches back to back |
//! | `imt` | 64 each | since version 2: what is known of the roots of the interop commitment tree, for each batch that has flag 4 or 8: both roots, or the node above them and zeros |
//! | `by-msg` | 16 a row | a row for each log of a message: the first 8 bytes of its value, which is the message's hash, and its number (u64); ascending by these bytes in their order, then by number |
//! | `by-tx` | 16 T | a row for each log with a transaction hash: the first 8 bytes of the hash, and its number; ascending in the same order |
//! | `sums` | 32 each | since version 3: the checksums of the blocks of `batches`, `txhashes`, `by-msg` and `by-tx`, in this order (see [container](crate::files::container)) |
//!
//! ```text
//! row of a batch
//!  0  chain id                         u64
//!  8  batch number                     u64
//! 16  number of its first log          u64   = logs of all rows before
//! 24  index of its first end in `ends` u64   = messages of all rows before
//! 32  its first byte in `bytes`        u64   = message bytes of all rows before
//! 40  its first hash in `txhashes`     u64   = transaction hashes of all rows before
//! 48  logs                             u32   at most 16384
//! 52  messages                         u32   0, or one for each log of a message
//! 56  flags                            u32   1: the aggregated root is known
//!                                            2: a transaction hash is known for every log
//!                                            4: both roots of the interop commitment tree are known
//!                                            8: only the node above these roots is known
//! 60  index of its entry in `imt`      u32   = entries of all rows before; 0 without an entry
//! 64  aggregated root, or zeros        32 bytes
//!
//! header     u64 each: batches, logs, messages, bytes of messages, transaction hashes
//! ```
//!
//! [`L2ToL1Log::is_message`](crate::message::L2ToL1Log::is_message) defines which logs are logs of messages.
//!
//! The indexes contain only the prefixes of the hashes. A reader that finds a row compares the hash with the
//! log, or with the entry of `txhashes`. Hashes are uniform, so the position among the rows is estimated. A
//! batch is found by binary search.
//!
//! The same batches result in the same bytes, in any order and from any form of source.
//!
//! # What is trusted
//!
//! [`Archive::open`] compares the lengths of the sections with the header, and every row is checked when it
//! is read. The contents are verified by the proofs themselves: logs fold to the batch root, and the hash of
//! a message is the value of its log. The rows, the hashes of transactions and the indexes are compared with
//! their checksums when they are used: the blocks that are read, or all of a section in versions before 3. A batch or
//! a hash is not in the archive if the rows beside its place, which are compared too, leave no room for it.
//! [`Archive::check`] reads everything.
//!
//! # Version history
//!
//! | version | what changed |
//! | --- | --- |
//! | 1 | first |
//! | 2 | the section `imt` and the flags 4 and 8 |
//! | 3 | the section `sums`; versions 1 and 2 are read and not written any more |

mod check;
mod collector;
mod counts;
mod error;
mod merger;
mod origin;
mod reader;
mod rows;
mod writer;

pub(crate) use collector::{Collector, EncodedBatches};
pub use error::ArchiveError;
pub(crate) use origin::PackedOrigin;
pub use origin::{Origin, Place};
pub use reader::{Archive, ChainSummary, LogAt};
pub use rows::ArchiveHeader;
pub use writer::ArchiveWriter;
pub(crate) use writer::in_memory;

use crate::files::SectionName;

const LOGS: SectionName = SectionName::new("logs");
const BATCHES: SectionName = SectionName::new("batches");
const ENDS: SectionName = SectionName::new("ends");
const BYTES: SectionName = SectionName::new("bytes");
const TRANSACTIONS: SectionName = SectionName::new("txhashes");
const IMT: SectionName = SectionName::new("imt");
const BY_MESSAGE: SectionName = SectionName::new("by-msg");
const BY_TRANSACTION: SectionName = SectionName::new("by-tx");
const SUMS: SectionName = SectionName::new("sums");

/// The sections that no proof verifies, in the order of the checksums of their blocks.
const IN_BLOCKS: [SectionName; 4] = [BATCHES, TRANSACTIONS, BY_MESSAGE, BY_TRANSACTION];

#[cfg(test)]
mod tests;
