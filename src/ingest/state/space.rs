use std::path::Path;

use super::ImportError;
use crate::files::{BucketSort, ExternalSort, KeyedRecord, SortRecord, Spill, Spool};

/// Memory for the slots of all inputs, in bytes. A chain of five million batches fits.
const COLLECTED: usize = 512 << 20;

/// The memory and disk for slots until they are written. The slots of one account are held additionally until
/// its name is known, and sorted for its storage root; each takes another part of the memory. Nested accounts
/// are held together, 64 of them at most.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) spill: Spill,
    /// The most bytes of slots in memory, if more can go to disk.
    pub(super) in_memory: usize,
    /// The most slots.
    pub(super) most: Option<usize>,
}

impl Space {
    /// Memory only, for at most so many slots.
    pub(super) fn memory(most: usize) -> Self {
        Self { spill: Spill::Memory, in_memory: usize::MAX, most: Some(most) }
    }

    /// Memory, and temporary files next to an output.
    pub(super) fn beside(target: &Path) -> Self {
        Self { spill: Spill::beside(target), in_memory: COLLECTED, most: None }
    }

    /// Returns an error if there are more slots than allowed. `name` is the input that holds them.
    pub(super) fn check(&self, slots: u64, name: &str) -> Result<(), ImportError> {
        match self.most {
            Some(limit) if slots > limit as u64 => {
                Err(ImportError::TooManySlots { name: name.into(), limit })
            }
            _ => Ok(()),
        }
    }

    /// A sort for the slots of all inputs.
    pub(super) fn sort<R: KeyedRecord>(&self) -> BucketSort<R> {
        self.spill.bucket_sort(self.in_memory)
    }

    /// A sort for the slots of one account.
    pub(super) fn sort_of_account<R: KeyedRecord>(&self) -> BucketSort<R> {
        self.spill.bucket_sort(self.in_memory / 4)
    }

    /// A sort for the versions of slots.
    pub(super) fn sort_of_versions<R: SortRecord>(&self) -> ExternalSort<R> {
        self.spill.sort(self.in_memory / 4)
    }

    /// A sort for the storage roots of accounts.
    pub(super) fn sort_of_roots<R: SortRecord>(&self) -> ExternalSort<R> {
        self.spill.sort(self.in_memory / 16)
    }

    /// How many versions of slots of this size are held until older ones are dropped. Without a limit in
    /// bytes, they may exceed the most slots by a quarter.
    pub(super) fn versions_in_memory(&self, size: usize) -> usize {
        self.most
            .map_or(self.in_memory / 4 / size, |most| most.saturating_add(most / 4).max(1 << 10))
    }

    /// A queue for the slots of one account.
    pub(super) fn spool_of_account(&self) -> Spool {
        self.spill.spool(self.in_memory / 32)
    }
}
