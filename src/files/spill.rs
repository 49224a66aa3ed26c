use std::path::{Path, PathBuf};

use super::{BucketSort, ExternalSort, KeyedRecord, SortRecord, Spool};

/// Where bytes go that wait until they can be written, when they take more than a given part of memory.
#[derive(Clone, Debug)]
pub(crate) enum Spill {
    /// Nowhere: they stay in memory, however many they are.
    Memory,
    /// To temporary files beside this output.
    Beside(PathBuf),
}

impl Spill {
    /// To temporary files beside an output.
    pub(crate) fn beside(target: &Path) -> Self {
        Self::Beside(target.into())
    }

    /// A sort that keeps up to `in_memory` bytes in memory, if there is another place for more.
    pub(crate) fn sort<R: SortRecord>(&self, in_memory: usize) -> ExternalSort<R> {
        match self {
            Self::Memory => ExternalSort::in_memory(),
            Self::Beside(target) => ExternalSort::beside(target, in_memory),
        }
    }

    /// As [`Spill::sort`], for records with uniform keys.
    pub(crate) fn bucket_sort<R: KeyedRecord>(&self, in_memory: usize) -> BucketSort<R> {
        match self {
            Self::Memory => BucketSort::in_memory(),
            Self::Beside(target) => BucketSort::beside(target, in_memory),
        }
    }

    /// A queue that keeps up to `in_memory` bytes in memory, if there is another place for more.
    pub(crate) fn spool(&self, in_memory: usize) -> Spool {
        match self {
            Self::Memory => Spool::beside(Path::new(""), usize::MAX),
            Self::Beside(target) => Spool::beside(target, in_memory),
        }
    }
}
