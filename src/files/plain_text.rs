use std::{fs::File, ops::Range};

use super::ReadProgressHandle;

/// A text that is in a file as it is, without compression, so that any part of it can be read.
#[derive(Debug)]
pub(super) struct PlainText {
    pub(super) file: File,
    /// Where the text is in the file.
    pub(super) range: Range<u64>,
    /// The number of bytes of the file that were reported to `watcher` before.
    pub(super) reported: u64,
    pub(super) watcher: ReadProgressHandle,
}
