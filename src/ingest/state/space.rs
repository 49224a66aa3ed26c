use std::path::{Path, PathBuf};

use super::ImportError;
use crate::files::{ExternalSort, SortRecord, Spool};

/// Memory for the slots of all inputs.
const COLLECTED: usize = 320 << 20;

/// Where slots wait until they can be written.
#[derive(Clone, Debug)]
pub(super) enum Space {
    /// In memory, no more of them than this.
    Memory {
        /// How many slots.
        most: usize,
    },
    /// In memory up to a limit, and beside an output. The slots of one account are kept besides, until
    /// its name is known, and sorted for its storage root; both take a part of that limit more. Accounts
    /// that somebody nested in each other are kept all at once, 64 of them at most.
    Beside {
        /// The output.
        target: PathBuf,
        /// The limit in bytes.
        in_memory: usize,
    },
}

impl Space {
    /// Memory, and the disk beside an output.
    pub(super) fn beside(target: &Path) -> Self {
        Self::Beside { target: target.into(), in_memory: COLLECTED }
    }

    /// Refuses more slots than there is room for; `name` is the input that holds them.
    pub(super) fn check(&self, slots: u64, name: &str) -> Result<(), ImportError> {
        match *self {
            Self::Memory { most } if slots > most as u64 => {
                Err(ImportError::TooManySlots { name: name.into(), limit: most })
            }
            _ => Ok(()),
        }
    }

    /// A sort for the slots of all inputs.
    pub(super) fn sort<R: SortRecord>(&self) -> ExternalSort<R> {
        self.sort_within(1)
    }

    /// A sort for the slots of one account.
    pub(super) fn sort_of_account<R: SortRecord>(&self) -> ExternalSort<R> {
        self.sort_within(2)
    }

    /// A sort for what is stated of accounts.
    pub(super) fn sort_of_roots<R: SortRecord>(&self) -> ExternalSort<R> {
        self.sort_within(8)
    }

    fn sort_within<R: SortRecord>(&self, part: usize) -> ExternalSort<R> {
        match self {
            Self::Memory { .. } => ExternalSort::in_memory(),
            Self::Beside { target, in_memory } => ExternalSort::beside(target, in_memory / part),
        }
    }

    /// A queue for the slots of one account.
    pub(super) fn spool_of_account(&self) -> Spool {
        match self {
            Self::Memory { .. } => Spool::beside(Path::new(""), usize::MAX),
            Self::Beside { target, in_memory } => Spool::beside(target, in_memory / 32),
        }
    }
}
