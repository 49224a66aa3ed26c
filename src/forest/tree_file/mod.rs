//! The tree file, `*.sltree`: a rebuilt forest that is memory-mapped for later use.
//!
//! It holds everything that proofs are extracted from, in a [container](crate::files::container) of kind
//! `tree`, version 1 to 3: the chains, their batches, all nodes of all trees, and the interop roots with what is
//! known about their content. [`rebuild_to_file`] writes one, [`TreeFile`] opens it.
//!
//! Integers are little-endian. `c` is the number of chains, `b` the number of batches of all chains, `r` the
//! number of interop roots. A hash has 32 bytes.
//!
//! | section | bytes | content |
//! | --- | --- | --- |
//! | `hashes` | 32 each | three parts, back to back, see below |
//! | `chains` | 24 c | chain id (u64) ‖ number of batches (u64) ‖ number of runs (u64), by chain index |
//! | `runs` | 16 each | the runs of all chains, by chain index: first leaf index (u64) ‖ its batch number (u64) |
//! | `roots` | 32 r | the interop roots, in the order of their blocks |
//! | `steps` | any | the block of each root, and what changed up to it: see below |
//! | `marks` | (24 + 8 c) each | where reading the steps may start: see below |
//! | `ltimes` | 8 b | only in version 3: when each batch was executed (u64), by chain index and leaf index |
//! | `rtimes` | 8 r | only in version 3: the timestamp of each root (u64), 0 if it has none |
//! | `lost` | 48 each | only in version 2, and only if there are any: leaves whose first roots are lost with batches of the settlement layer that are missing on L1, by chain index and leaf index: chain index ‖ first leaf index ‖ the one after the last ‖ first missing batch ‖ last missing batch ‖ index of the next root (u64 each) |
//!
//! ```text
//! hashes   the batch roots of every chain, by chain index and leaf index
//!          the levels above the leaves of every chain's tree, by chain index; bottom level first,
//!          every level without padding: ⌈n / 2^level⌉ nodes for n leaves
//!          all levels of the shared tree, its leaves first
//! ```
//!
//! The leaves of a chain tree are not stored: each is one hash of a batch root and a batch number, and they
//! would take a third of the file. A run is a sequence of batches with consecutive numbers.
//!
//! # Steps
//!
//! Numbers are LEB128: seven bits a byte, the lowest first, bit 7 set on all but the last byte. A root is
//!
//! ```text
//! blocks since the block of the last root (since block 0 at the first)
//! then  0        its content is unknown
//!    or 1        chains registered since the last root whose content is known ‖ number of advances ‖
//!                for every advance, by chain index: chain index ‖ batches appended
//!    or 2 + i    one batch of the chain with index i, and nothing else
//! ```
//!
//! A mark describes the state before the first root, and before every `mark every` (see the header) roots:
//!
//! ```text
//! block of the last root before it (u64) ‖ offset in `steps` (u64) ‖ chains by then (u64) ‖
//! batches of every chain by then, by chain index (u64 each)
//! ```
//!
//! So the content of one root is found by reading only the steps after one mark.
//!
//! # Header
//!
//! Encoded as described in [`crate::files`]:
//!
//! ```text
//! layout        u8                26, 29, 31 or 33: the first release whose storage layout it is
//! block         Option<u64>       the SL block whose state was rebuilt, if the state names it
//! latest        Option<{block u64, root 32 bytes, chains u64}>   the newest interop root
//! roots         u64               r, and those that the contract counts and the state lacks
//! explained     u64               the number of roots with known content
//! mark every    u64
//! checked by    u8                since version 2: the evidence, the sum of 1 for a state, 2 for events, 4
//!                                 for L1
//! root time     Option<u64>       since version 3: the timestamp of the newest interop root, if it has one
//! ```
//!
//! Trees without timestamps (before v33) that were made of a state without events are written as version 1, other
//! trees without timestamps as version 2. A root of 32 zero bytes without known content stands for a root that is
//! missing in the events. Trees that were made of L1 without a search have the content of the last root of each of
//! the settlement layer's batches.
//!
//! # Trust
//!
//! The writer compares the trees with every node that the contract stored, or with every root in the events,
//! and every explained root with the trees that its steps describe. The reader checks that all parts fit together, and hashes the shared tree
//! from the roots of the chains up. It does not hash the chain trees: every proof is folded before it is
//! returned, so a damaged node leads to an error, and `check` finds the node. A proof cannot show which
//! chain, batch and block a hash belongs to, so those sections are compared with their checksums before use. Of
//! the steps, one root alone needs only those between two marks; these are compared with the marks instead.
//!
//! # Version history
//!
//! | version | what changed |
//! | --- | --- |
//! | 1 | first |
//! | 2 | the field `checked by` in the header, the section `lost` |
//! | 3 | the sections `ltimes` and `rtimes`, and the field `root time` in the header: trees with timestamps |

mod error;
mod header;
mod history_rows;
mod lost_rows;
mod reader;
mod spilled_roots;
mod writer;

pub use error::TreeFileError;
pub use reader::TreeFile;
pub use writer::{HistoryOptions, rebuild_events_to_file, rebuild_l1_to_file, rebuild_to_file};

use crate::files::SectionName;

const HASHES: SectionName = SectionName::new("hashes");
const CHAINS: SectionName = SectionName::new("chains");
const RUNS: SectionName = SectionName::new("runs");
const ROOTS: SectionName = SectionName::new("roots");
const STEPS: SectionName = SectionName::new("steps");
const MARKS: SectionName = SectionName::new("marks");
const LEAF_TIMES: SectionName = SectionName::new("ltimes");
const ROOT_TIMES: SectionName = SectionName::new("rtimes");
const LOST: SectionName = SectionName::new("lost");
