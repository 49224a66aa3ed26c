use std::path::Path;

use super::ImportError;
use crate::files::{ExternalSort, SortRecord, Spill, Spool};

/// Memory for the slots of all inputs.
const COLLECTED: usize = 320 << 20;

/// Where slots wait until they can be written. The slots of one account are kept besides, until its name is
/// known, and sorted for its storage root; both take a part of the memory more. Accounts that somebody
/// nested in each other are kept all at once, 64 of them at most.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) spill: Spill,
    /// How many bytes of all slots are in memory, if there is another place for more.
    pub(super) in_memory: usize,
    /// How many slots there may be.
    pub(super) most: Option<usize>,
}

impl Space {
    /// Memory alone, for so many slots.
    pub(super) fn memory(most: usize) -> Self {
        Self { spill: Spill::Memory, in_memory: usize::MAX, most: Some(most) }
    }

    /// Memory, and the disk beside an output.
    pub(super) fn beside(target: &Path) -> Self {
        Self { spill: Spill::beside(target), in_memory: COLLECTED, most: None }
    }

    /// Refuses more slots than there is room for; `name` is the input that holds them.
    pub(super) fn check(&self, slots: u64, name: &str) -> Result<(), ImportError> {
        match self.most {
            Some(limit) if slots > limit as u64 => {
                Err(ImportError::TooManySlots { name: name.into(), limit })
            }
            _ => Ok(()),
        }
    }

    /// A sort for the slots of all inputs.
    pub(super) fn sort<R: SortRecord>(&self) -> ExternalSort<R> {
        self.spill.sort(self.in_memory)
    }

    /// A sort for the slots of one account.
    pub(super) fn sort_of_account<R: SortRecord>(&self) -> ExternalSort<R> {
        self.spill.sort(self.in_memory / 2)
    }

    /// A sort for what is stated of accounts.
    pub(super) fn sort_of_roots<R: SortRecord>(&self) -> ExternalSort<R> {
        self.spill.sort(self.in_memory / 8)
    }

    /// A queue for the slots of one account.
    pub(super) fn spool_of_account(&self) -> Spool {
        self.spill.spool(self.in_memory / 32)
    }
}
