//! Blocks of text whose memory is used again.

use std::{
    mem,
    ops::{Deref, Range},
    sync::Arc,
};

use super::pool::Pool;

/// The memory of a longer block, with a very long line, is not kept.
const MOST_KEPT: usize = 4 << 20;

/// The memory of blocks that are no longer in use.
pub(super) type FreeBlocks = Arc<Pool<Vec<u8>>>;

/// Some text. When it is dropped, another block takes its memory.
#[derive(Debug, Default)]
pub(crate) struct TextBlock {
    /// The memory, of which the range is the text.
    bytes: Vec<u8>,
    range: Range<usize>,
    free: Option<FreeBlocks>,
}

impl TextBlock {
    /// The first `len` of some bytes.
    pub(super) fn new(bytes: Vec<u8>, len: usize, free: &FreeBlocks) -> Self {
        Self { range: 0..len.min(bytes.len()), bytes, free: Some(Arc::clone(free)) }
    }

    /// Passes over bytes at the beginning.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.range.start = self.range.end.min(self.range.start + bytes);
    }
}

impl From<Vec<u8>> for TextBlock {
    fn from(bytes: Vec<u8>) -> Self {
        Self { range: 0..bytes.len(), bytes, free: None }
    }
}

impl Deref for TextBlock {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}

impl Drop for TextBlock {
    fn drop(&mut self) {
        if let Some(free) = &self.free
            && (1..=MOST_KEPT).contains(&self.bytes.capacity())
        {
            free.put(mem::take(&mut self.bytes));
        }
    }
}
