use std::path::Path;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};

use crate::{
    files::{OutputError, Scratch},
    primitives::{Hash, SlBlock},
};

/// Interop roots on disk, in windows as they were found, until they are written to the file in order.
pub(super) struct SpilledRoots {
    scratch: Scratch,
    /// The first block of every window, the offset of its rows, and their number.
    windows: Vec<(SlBlock, u64, usize)>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Row {
    block: u64,
    root: Hash,
}

impl SpilledRoots {
    pub(super) fn beside(target: &Path) -> Result<Self, OutputError> {
        let scratch = Scratch::beside(target)?;
        Ok(Self { scratch, windows: Vec::new(), rows: Vec::new() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Stores a window of ascending blocks. Windows do not overlap and may come in any order.
    pub(super) fn keep(&mut self, window: &[(SlBlock, Hash)]) -> Result<(), OutputError> {
        let Some((first, _)) = window.first() else { return Ok(()) };
        self.rows.clear();
        self.rows.extend(window.iter().map(|(block, root)| Row { block: block.0, root: *root }));
        let offset = self.scratch.append(cast_slice(&self.rows))?;
        self.windows.push((*first, offset, window.len()));
        Ok(())
    }

    /// Passes every root to `take`, in the order of the blocks.
    pub(super) fn drain(
        mut self,
        mut take: impl FnMut(SlBlock, Hash) -> Result<(), OutputError>,
    ) -> Result<(), OutputError> {
        self.windows.sort_unstable();
        for (_, offset, len) in self.windows {
            self.rows.resize(len, Row::zeroed());
            self.scratch.read(offset, cast_slice_mut(&mut self.rows))?;
            for row in &self.rows {
                take(SlBlock(row.block), row.root)?;
            }
        }
        Ok(())
    }
}
