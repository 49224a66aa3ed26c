//! Blocks of text whose memory is used again.

use std::{mem, ops::Deref, sync::Arc};

use super::pool::Pool;

/// The memory of a longer block, with a very long line, is not kept.
const MOST_KEPT: usize = 4 << 20;

/// The memory of blocks that are no longer in use.
pub(super) type FreeBlocks = Arc<Pool<Vec<u8>>>;

/// Some text. When it is dropped, another block takes its memory.
#[derive(Debug, Default)]
pub(crate) struct TextBlock {
    bytes: Vec<u8>,
    start: usize,
    free: Option<FreeBlocks>,
}

impl TextBlock {
    pub(super) fn new(bytes: Vec<u8>, free: &FreeBlocks) -> Self {
        Self { bytes, start: 0, free: Some(Arc::clone(free)) }
    }

    /// Passes over bytes at the beginning.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.start = self.bytes.len().min(self.start + bytes);
    }
}

impl From<Vec<u8>> for TextBlock {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0, free: None }
    }
}

impl Deref for TextBlock {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
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
