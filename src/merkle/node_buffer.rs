use std::ops::{Deref, DerefMut};

#[cfg(feature = "archive")]
use memmap2::MmapMut;

use crate::primitives::Hash;

/// From how many bytes on the system is asked for huge pages.
#[cfg(feature = "archive")]
const HUGE: usize = 4 << 20;

/// Room for the nodes of a tree, zeroed by the system: nothing writes to it before the thread that
/// fills it does.
#[derive(Debug)]
pub enum NodeBuffer {
    /// On the heap.
    Heap(Vec<Hash>),
    /// In pages of its own, of 2 MiB where the system has them. It takes half as long to hand out the
    /// 4 KiB that hold 128 nodes as to hash these nodes; with huge pages a tenth of that.
    #[cfg(feature = "archive")]
    Pages(MmapMut),
}

impl NodeBuffer {
    /// Room for so many nodes.
    #[must_use]
    pub fn zeroed(nodes: usize) -> Self {
        #[cfg(feature = "archive")]
        if let Some(pages) = large_pages(nodes.saturating_mul(size_of::<Hash>())) {
            return Self::Pages(pages);
        }
        Self::Heap(bytemuck::zeroed_vec(nodes))
    }
}

/// Pages for so many bytes, where these are enough to gain by it and the system has them.
#[cfg(feature = "archive")]
fn large_pages(bytes: usize) -> Option<MmapMut> {
    let pages = (bytes >= HUGE).then(|| MmapMut::map_anon(bytes).ok())??;
    // Where the system has no huge pages, small ones do.
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
