//! The tree file, `*.sltree`: a forest that was rebuilt once, mapped ever after.
//!
//! Everything that proofs are extracted from, in a [container](crate::files::container) of kind `tree`,
//! version 1: the chains, their batches, all nodes of all trees, and the roots by block with what is
//! known of their content. [`rebuild_to_file`] writes one, [`TreeFile`] opens it.
//!
//! Integers are little-endian. `c` is the number of chains, `b` of the batches of all of them, `r` of
//! the roots by block; a hash has 32 bytes.
//!
//! | section | bytes | content |
//! | --- | --- | --- |
//! | `hashes` | 32 each | three parts, back to back, see below |
//! | `chains` | 24 c | chain id (u64) ‖ number of batches (u64) ‖ number of runs (u64), by chain index |
//! | `runs` | 16 each | the runs of all chains, by chain index: first leaf index (u64) ‖ its batch number (u64) |
//! | `roots` | 32 r | the roots by block, in the order of their blocks |
//! | `steps` | any | which block each root is of, and what changed up to it: see below |
//! | `marks` | (24 + 8 c) each | where to begin reading the steps: see below |
//!
//! ```text
//! hashes   the batch roots of every chain, by chain index and leaf index
//!          the levels above the leaves of every chain's tree, by chain index; bottom level first,
//!          every level without padding: ⌈n / 2^level⌉ nodes for n leaves
//!          all levels of the shared tree, its leaves first
//! ```
//!
//! The leaves of a chain tree are not kept: each is one hash of a batch root and a batch number, and
//! they would take a third of the file. A run is a sequence of batches whose numbers follow one another.
//!
//! # Steps
//!
//! Numbers are LEB128: seven bits a byte, the lowest first, bit 7 set on all but the last. A root is
//!
//! ```text
//! blocks since the block of the last root (since block 0 at the first)
//! then  0        its content is unknown
//!    or 1        chains registered since the last root whose content is known ‖ number of advances ‖
//!                for every advance, by chain index: chain index ‖ batches appended
//!    or 2 + i    one batch of the chain with index i, and nothing else
//! ```
//!
//! A mark stands before the first root and before every further `mark every` (in the header) roots:
//!
//! ```text
//! block of the last root before it (u64) ‖ offset in `steps` (u64) ‖ chains by then (u64) ‖
//! batches of every chain by then, by chain index (u64 each)
//! ```
//!
//! So what a root contains is found by reading one stretch of the steps.
//!
//! # Header
//!
//! Encoded as [`crate::files`] says:
//!
//! ```text
//! layout        u8                26, 29 or 31: the first release whose storage layout it is
//! block         Option<u64>       the SL block whose state was rebuilt, where the state says so
//! latest        Option<{block u64, root 32 bytes, chains u64}>   the newest root by block
//! roots         u64               r
//! explained     u64               how many of them have known content
//! mark every    u64
//! ```
//!
//! # Trust
//!
//! The writer compares every node with those that the contract stored, and every explained root with
//! the trees that it names. The reader checks that all parts fit together, and hashes the shared tree
//! down to the roots of the chains, but no chain's tree: a proof is folded before it is given away, so
//! that damage in a node ends in a refusal, and `check` finds where it is. Which chains, batches and
//! blocks the hashes are of, no proof can tell; those sections are compared with their checksums before
//! use.
//!
//! # Version history
//!
//! | version | what changed |
//! | --- | --- |
//! | 1 | first |

mod error;
mod header;
mod history_rows;
mod reader;
mod spilled_roots;
mod writer;

pub use error::TreeFileError;
pub use reader::TreeFile;
pub use writer::{HistoryOptions, rebuild_to_file};

use crate::files::{Kind, SectionName};

/// The kind of container that a tree file is.
pub const KIND: Kind = Kind { tag: *b"tree", version: 1, name: "a tree file" };

const HASHES: SectionName = SectionName::new("hashes");
const CHAINS: SectionName = SectionName::new("chains");
const RUNS: SectionName = SectionName::new("runs");
const ROOTS: SectionName = SectionName::new("roots");
const STEPS: SectionName = SectionName::new("steps");
const MARKS: SectionName = SectionName::new("marks");
