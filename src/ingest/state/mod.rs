//! Floor 6: state dumps as nodes write them, the way from any of them to a
//! [`Snapshot`](crate::snapshot::Snapshot), and events as nodes answer them.
//!
//! [`Import`] finds out by content what a file is, unwraps what it is wrapped in (gzip, a JSON-RPC
//! answer, hexadecimal), streams its slots through an external sort and writes them as a snapshot: to a
//! file of any size ([`Import::to_file`]), or in memory for a dump of moderate size
//! ([`Import::read`]). The text of a dump is never held. One file per format:
//!
//! | format | written by | slots filed by |
//! | --- | --- | --- |
//! | [`Format::Anvil`] | `anvil --dump-state`, `anvil_dumpState` | slot |
//! | [`Format::AnvilZksync`] | `anvil-zksync --dump-state` | slot |
//! | [`Format::Geth`] | `geth dump`, whole or as JSON lines, `debug_dumpBlock` | slot |
//! | [`Format::GethSnapshot`] | `geth snapshot dump` | keccak256(slot) |
//! | [`Format::StorageRange`] | `debug_storageRangeAt` | slot, or keccak256(slot) |
//! | [`Format::EraSnapshot`] | zksync-era nodes, zksync-state-reconstruct | slot, or [`era_key`] |
//! | [`Format::Table`] | databases and everything else, CSV or NDJSON | slot, or [`era_key`] |
//!
//! Slots that are given twice in one form, by number or by hash, are merged when they agree and refused when
//! they do not; zero values mean the same as absent ones and are dropped. Dumps that say of which block they
//! are, or what the storage root of an account is, have to be of one state also where their slots agree.
//!
//! [`era_key`]: crate::state::keys::era_key
//!
//! [`read_events`](super::events::read_events) reads the events of MessageRoot, which a dump can be completed with.

mod anvil;
mod anvil_zksync;
mod detect;
mod era;
mod error;
mod geth;
mod hex_text;
mod import;
mod slot_collector;
mod slot_record;
mod snapshot_builder;
mod space;
mod stated_roots;
mod storage_range;
mod storage_root;
mod table;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use detect::Format;
pub use era::EraError;
pub use error::ImportError;
pub use import::{Dump, Import, Imported, MOST_IN_MEMORY};

use crate::primitives::SlBlock;

/// Reads the state at `path` (`-` for standard input): a snapshot of slproof is mapped, any dump is
/// brought into the same form in memory. The format is found by content unless it is given.
///
/// # Errors
/// [`ImportError`] naming the file and the place in it: when it cannot be read, is damaged, is of an
/// unknown format, gives one slot two values, or holds more slots than fit the memory set aside.
pub fn read_state(path: &Path, format: Option<Format>) -> Result<Dump, ImportError> {
    Import { format, ..Import::default() }.read(path)
}

/// The files that a state at `path` is read from beside that one: those of a zksync-era snapshot that is
/// given by its folder or its header. None for every other state, and where nothing can be read.
#[must_use]
pub fn files_of(path: &Path) -> Vec<PathBuf> {
    era::files_of(path)
}

/// What a parser learned beside the slots.
struct DumpMeta {
    block: Option<SlBlock>,
}

/// Something about a dump that its user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Hashed keys had their bytes reversed.
    ReversedKeys,
    /// Enumeration indexes have gaps.
    MissingIndexes {
        /// How many are missing below the highest.
        missing: u64,
        /// The lowest that is missing.
        first: u64,
    },
    /// Some slots came by number, others by their hash alone, from several inputs.
    TwoForms,
    /// Slots were given more than once, with the same value.
    Merged {
        /// How often.
        slots: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReversedKeys => f.write_str(
                "the hashed keys have their bytes reversed, as zksync-state-reconstruct exports \
                 them; they were turned round",
            ),
            Self::MissingIndexes { missing, first } => write!(
                f,
                "{missing} enumeration indexes below the highest are missing, the first of them {first}; \
                 nodes number slots without a gap, so the snapshot may lack slots"
            ),
            Self::TwoForms => f.write_str(
                "some slots came by number and others by their hash alone: those that came in both forms \
                 were kept in both, and have to agree when they are read",
            ),
            Self::Merged { slots } => {
                write!(f, "{slots} slots were given twice with the same value")
            }
        }
    }
}
