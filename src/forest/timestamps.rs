use std::{
    ops::{Deref, Range},
    sync::Arc,
};

use crate::{files::SectionBytes, primitives::Timestamp};

/// Timestamps by leaf, in memory or in a mapped tree file: little-endian numbers of 64 bits. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Timestamps {
    of: Arc<Holder>,
    range: Range<usize>,
}

#[derive(Debug)]
enum Holder {
    Memory(Vec<[u8; 8]>),
    File(SectionBytes),
}

impl Default for Timestamps {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<[u8; 8]>> for Timestamps {
    fn from(rows: Vec<[u8; 8]>) -> Self {
        let range = 0..rows.len();
        Self { of: Arc::new(Holder::Memory(rows)), range }
    }
}

impl Timestamps {
    /// The timestamps in a section of a file. `None` if it ends within one.
    pub(super) fn stored(section: SectionBytes) -> Option<Self> {
        let (rows, rest) = section.as_chunks::<8>();
        let range = 0..rows.len();
        rest.is_empty().then(|| Self { of: Arc::new(Holder::File(section)), range })
    }

    /// The timestamp at this index.
    pub(super) fn get(&self, index: usize) -> Option<Timestamp> {
        Some(timestamp(self.deref().get(index)?))
    }

    /// Splits off the first `len` timestamps.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn split(self, len: usize) -> (Self, Self) {
        assert!(len <= self.range.len(), "{len} timestamps of {}", self.range.len());
        let middle = self.range.start + len;
        let first = Self { of: Arc::clone(&self.of), range: self.range.start..middle };
        (first, Self { of: self.of, range: middle..self.range.end })
    }
}

/// The timestamp in a row.
pub(super) fn timestamp(row: &[u8; 8]) -> Timestamp {
    Timestamp(u64::from_le_bytes(*row))
}

impl Deref for Timestamps {
    type Target = [[u8; 8]];

    fn deref(&self) -> &[[u8; 8]] {
        let rows = match &*self.of {
            Holder::Memory(rows) => rows,
            Holder::File(bytes) => bytes.as_chunks().0,
        };
        &rows[self.range.clone()]
    }
}

impl PartialEq for Timestamps {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Timestamps {}
