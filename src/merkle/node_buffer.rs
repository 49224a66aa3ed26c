use std::ops::{Deref, DerefMut};

#[cfg(feature = "archive")]
use memmap2::MmapMut;

use crate::primitives::Hash;

/// From this size on, in bytes, huge pages are requested.
#[cfg(feature = "archive")]
const HUGE: usize = 4 << 20;

/// Memory for the nodes of a tree, initially zero. The thread that fills a part of it is the first to touch
/// that part.
#[derive(Debug)]
pub enum NodeBuffer {
    /// On the heap.
    Heap(Vec<Hash>),
    /// Mapped anonymously, in pages of 2 MiB where the system has them. Allocating a page of 4 KiB, which
    /// holds 128 nodes, takes half as long as hashing these nodes; with huge pages it takes a tenth of that.
    #[cfg(feature = "archive")]
    Pages(MmapMut),
}

impl NodeBuffer {
    /// A buffer of `nodes` zero hashes.
    #[must_use]
    pub fn zeroed(nodes: usize) -> Self {
        #[cfg(feature = "archive")]
        if let Some(pages) = large_pages(nodes.saturating_mul(size_of::<Hash>())) {
            return Self::Pages(pages);
        }
        Self::Heap(bytemuck::zeroed_vec(nodes))
    }
}

/// Maps `bytes` bytes, when there are enough to gain by it and the system allows it.
#[cfg(feature = "archive")]
fn large_pages(bytes: usize) -> Option<MmapMut> {
    let pages = (bytes >= HUGE).then(|| MmapMut::map_anon(bytes).ok())??;
    // Without huge pages the buffer works with small ones.
    #[cfg(target_os = "linux")]
    let _ = pages.advise(memmap2::Advice::HugePage);
    Some(pages)
}

impl Deref for NodeBuffer {
    type Target = [Hash];

    fn deref(&self) -> &[Hash] {
        match self {
            Self::Heap(nodes) => nodes,
            #[cfg(feature = "archive")]
            Self::Pages(pages) => bytemuck::cast_slice(pages),
        }
    }
}

impl DerefMut for NodeBuffer {
    fn deref_mut(&mut self) -> &mut [Hash] {
        match self {
            Self::Heap(nodes) => nodes,
            #[cfg(feature = "archive")]
            Self::Pages(pages) => bytemuck::cast_slice_mut(pages),
        }
    }
}

impl Clone for NodeBuffer {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len());
        copy.copy_from_slice(self);
        copy
    }
}
