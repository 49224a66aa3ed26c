//! State dumps as nodes write them, and their import into a [`Snapshot`](crate::snapshot::Snapshot).
//!
//! [`Import`] detects the format from the content, unwraps gzip, JSON-RPC answers and hexadecimal text, and
//! streams the slots through an external sort into a snapshot: to a file of any size ([`Import::to_file`]),
//! or in memory for a dump of moderate size ([`Import::read`]). The text of a dump is never held in memory.
//! There is one file per format:
//!
//! | format | written by | slots keyed by |
//! | --- | --- | --- |
//! | [`Format::Anvil`] | `anvil --dump-state`, `anvil_dumpState` | slot |
//! | [`Format::AnvilZksync`] | `anvil-zksync --dump-state` | slot |
//! | [`Format::Geth`] | `geth dump`, whole or as JSON lines, `debug_dumpBlock` | slot |
//! | [`Format::GethSnapshot`] | `geth snapshot dump` | keccak256(slot) |
//! | [`Format::StorageRange`] | `debug_storageRangeAt` | slot, or keccak256(slot) |
//! | [`Format::EraSnapshot`] | zksync-era nodes, zksync-state-reconstruct | slot, or [`era_key`] |
//! | [`Format::Table`] | databases and everything else, CSV, NDJSON or `pg_dump` | slot, or [`era_key`] |
//!
//! Slots that occur twice in one form, plain or hashed, are merged if they agree and refused if they differ.
//! Zero values equal absent ones and are dropped. Dumps that name their block, or an account's storage root,
//! must be of the same state, even if all their slots agree.
//!
//! [`era_key`]: crate::state::keys::era_key
//!
//! [`read_events`](super::events::read_events) reads the events of MessageRoot, which complement a dump.

mod anvil;
mod anvil_zksync;
mod detect;
mod era;
mod error;
mod format;
mod geth;
mod hex_text;
mod import;
mod slot_block;
mod slot_collector;
mod slot_group;
mod slot_record;
mod snapshot_builder;
mod space;
mod stated_roots;
mod storage_range;
mod storage_root;
mod table;
mod table_columns;
mod table_dump;
mod table_rows;
mod versions;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use era::EraError;
pub(super) use era::{is_chunk, is_snapshot_directory, snapshot_of};
pub use error::ImportError;
pub use format::Format;
pub(crate) use hex_text::refuse_empty_answer;
pub use import::{Dump, Import, Imported, MOST_IN_MEMORY};

use crate::primitives::SlBlock;

/// Reads the state at `path` (`-` for standard input): a snapshot of slproof is mapped, a dump is converted
/// in memory. The format is detected from the content unless it is given.
///
/// # Errors
/// [`ImportError`] naming the file and the position, if the input cannot be read, is damaged, has an unknown
/// format, has two values of one slot, or holds more slots than the limit for memory.
pub fn read_state(path: &Path, format: Option<Format>) -> Result<Dump, ImportError> {
    Import { format, ..Import::default() }.read(path)
}

/// The other files that a state at `path` consists of: those of a zksync-era snapshot that is given by its
/// directory or its header. Empty for every other state.
///
/// # Errors
/// [`InputError`](crate::files::InputError) if the disk fails.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>, crate::files::InputError> {
    era::files_of(path)
}

/// The facts that a parser found besides the slots.
struct DumpMeta {
    block: Option<SlBlock>,
}

/// A finding about a dump that its user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Hashed keys had their bytes reversed.
    ReversedKeys,
    /// Enumeration indexes have gaps.
    MissingIndexes {
        /// The number missing below the highest.
        missing: u64,
        /// The lowest missing one.
        first: u64,
    },
    /// Some inputs have plain slots, others hashed ones.
    TwoForms,
    /// A table of versions has no version of the wanted block.
    EndsBefore {
        /// The block of the newest version.
        newest: SlBlock,
        /// The wanted block.
        wanted: SlBlock,
    },
    /// Slots occurred more than once, with the same value.
    Merged {
        /// The number of repetitions.
        slots: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReversedKeys => f.write_str(
                "the hashed keys have their bytes reversed, as zksync-state-reconstruct exports \
                 them; they were converted",
            ),
            Self::MissingIndexes { missing, first } => write!(
                f,
                "the snapshot does not have all slots of the chain: {missing} enumeration indexes are missing, the \
                 first of them {first}; trees need the slots of a few contracts only, and are compared when they \
                 are rebuilt"
            ),
            Self::TwoForms => f.write_str(
                "some slots have plain keys and others hashed keys: slots with both were kept in both \
                 forms, which must agree when they are read",
            ),
            Self::EndsBefore { newest, wanted } => write!(
                f,
                "the newest row up to block {wanted} is of block {newest}; if the table ends there, the \
                 state is not that of block {wanted}"
            ),
            Self::Merged { slots } => {
                write!(f, "{slots} slots were given twice with the same value")
            }
        }
    }
}
