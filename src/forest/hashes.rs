use std::{
    ops::{Deref, Range},
    sync::Arc,
};

use crate::{files::SectionBytes, merkle::NodeBuffer, primitives::Hash};

/// Hashes of trees, in memory or in a mapped tree file. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Hashes {
    of: Arc<Holder>,
    range: Range<usize>,
}

#[derive(Debug)]
enum Holder {
    Memory(NodeBuffer),
    File(SectionBytes),
}

impl Holder {
    fn hashes(&self) -> &[Hash] {
        match self {
            Self::Memory(nodes) => nodes,
            // The length is a multiple of 32: `Hashes::stored` checked it.
            Self::File(bytes) => bytemuck::cast_slice(bytes),
        }
    }
}

impl From<NodeBuffer> for Hashes {
    fn from(nodes: NodeBuffer) -> Self {
        let range = 0..nodes.len();
        Self { of: Arc::new(Holder::Memory(nodes)), range }
    }
}

impl Hashes {
    /// The hashes in a section of a file. `None` if the length is not a multiple of 32.
    pub(super) fn stored(section: SectionBytes) -> Option<Self> {
        let range = 0..section.len() / size_of::<Hash>();
        let whole = section.len().is_multiple_of(size_of::<Hash>());
        whole.then(|| Self { of: Arc::new(Holder::File(section)), range })
    }

    /// Splits off the first `len` hashes.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn split(self, len: usize) -> (Self, Self) {
        assert!(len <= self.range.len(), "{len} hashes of {}", self.range.len());
        let middle = self.range.start + len;
        let first = Self { of: Arc::clone(&self.of), range: self.range.start..middle };
        (first, Self { of: self.of, range: middle..self.range.end })
    }
}

impl Deref for Hashes {
    type Target = [Hash];

    fn deref(&self) -> &[Hash] {
        &self.of.hashes()[self.range.clone()]
    }
}
